package ldaptest

import (
	"maps"
	"slices"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

// numberOf is the number of a message.
func numberOf(p *ber.Packet) int64 {
	if len(p.Children) == 0 {
		return 0
	}
	id, _ := p.Children[0].Value.(int64)
	return id
}

// parse reads what of a request a script may want to know.
func parse(p *ber.Packet) Request {
	r := Request{ID: numberOf(p)}
	if len(p.Children) < 2 {
		return r
	}
	op := p.Children[1]
	r.Op = op.Tag
	if r.Op != goldap.ApplicationSearchRequest || len(op.Children) < 8 {
		return r
	}
	r.BaseDN, _ = op.Children[0].Value.(string)
	r.Filter, _ = goldap.DecompileFilter(op.Children[6])
	for _, a := range op.Children[7].Children {
		name, _ := a.Value.(string)
		r.Attributes = append(r.Attributes, name)
	}
	if len(p.Children) < 3 {
		return r
	}
	for _, raw := range p.Children[2].Children {
		control, err := goldap.DecodeControl(raw)
		if paging, is := control.(*goldap.ControlPaging); err == nil && is {
			r.Paged, r.Cookie = true, string(paging.Cookie)
		}
	}
	return r
}

// IsEntry reports whether an answer is an entry.
func IsEntry(p *ber.Packet) bool {
	return len(p.Children) > 1 && p.Children[1].Tag == goldap.ApplicationSearchResultEntry
}

// IsSearchDone reports whether an answer is the end of a search.
func IsSearchDone(p *ber.Packet) bool {
	return len(p.Children) > 1 && p.Children[1].Tag == goldap.ApplicationSearchResultDone
}

// Entry is an answer with an entry.
func Entry(r Request, dn string, attributes map[string][]string) *ber.Packet {
	entry := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationSearchResultEntry, nil, "")
	entry.AppendChild(text(dn))
	list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		one := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		one.AppendChild(text(name))
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, value := range attributes[name] {
			values.AppendChild(text(value))
		}
		one.AppendChild(values)
		list.AppendChild(one)
	}
	entry.AppendChild(list)
	return message(r, entry)
}

// Reference is an answer that refers to another server.
func Reference(r Request, url string) *ber.Packet {
	reference := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationSearchResultReference, nil, "")
	reference.AppendChild(text(url))
	return message(r, reference)
}

// Done is the last answer to a request. cookie is for a search that asks for pages: "" where there are no more.
func Done(r Request, code uint16, said, cookie string) *ber.Packet {
	// The answer to a bind and to a search follow their requests; that to a bind is 1 for 0, to a search 5 for 3.
	tags := map[ber.Tag]ber.Tag{
		goldap.ApplicationBindRequest: goldap.ApplicationBindResponse, goldap.ApplicationSearchRequest: goldap.ApplicationSearchResultDone,
		goldap.ApplicationExtendedRequest: goldap.ApplicationExtendedResponse,
	}
	done := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tags[r.Op], nil, "")
	done.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	done.AppendChild(text(""))
	done.AppendChild(text(said))
	p := message(r, done)
	if r.Paged {
		paging := goldap.NewControlPaging(0)
		paging.SetCookie([]byte(cookie))
		controls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		controls.AppendChild(paging.Encode())
		p.AppendChild(controls)
	}
	return p
}

func message(r Request, op *ber.Packet) *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, r.ID, ""))
	p.AppendChild(op)
	return p
}

func text(value string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, value, "")
}
