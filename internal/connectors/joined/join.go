package joined

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
)

// row is what a member has for one person.
type row struct {
	// record is nil for nothing.
	record *access.PersonRecord
	// unclear is why nobody knows what the member has for the person; "" where that is known. Then there is no record, except of the first member.
	unclear string
}

// keysOf returns the values of a record's key, as they are compared, each once.
func keysOf(p access.PersonRecord, key string) []string {
	values := p.FieldValues(key)
	keys := make([]string, 0, len(values))
	for _, value := range values {
		if folded := access.FoldKey(value); folded != "" && !slices.Contains(keys, folded) {
			keys = append(keys, folded)
		}
	}
	return keys
}

// The reasons for which it is not clear what a member has for a person. They hold no values: values are personal data.
func (m member) severalPeople() string {
	return fmt.Sprintf("several people have this person's %s, the key", m.key)
}

func (m member) severalRecords() string {
	return fmt.Sprintf("several records have this person's key, by %s; expected one", m.key)
}

func (m member) severalKeys() string {
	return fmt.Sprintf("found several values of %s, the key; expected one", m.key)
}

func (m member) unreadable(p access.PersonProblem) string {
	return fmt.Sprintf("the record cannot be read: %s: %s", p.Row, p.Problem)
}

// person returns the person whom the rows of all members make. The problem is "", or says why there is none.
func (s *Source) person(rows []row) (p access.PersonRecord, problem string) {
	var problems []string
	for i, r := range rows {
		if r.unclear != "" {
			problems = append(problems, fmt.Sprintf("source %s: %s", s.members[i].name, r.unclear))
		}
	}
	p = s.merge(rows)
	if p.UserName == "" && len(problems) == 0 {
		problems = append(problems, access.FieldUserName+": is empty in all sources that it is taken from, expected a login name")
	}
	first := *rows[0].record
	switch {
	case len(problems) == 0:
		return p, ""
	case s.leaves(first):
		// Whoever could make a key unclear could keep somebody from leaving.
		p.UserName = cmp.Or(p.UserName, first.UserName)
		return p, ""
	}
	return access.PersonRecord{}, strings.Join(problems, "; ")
}

// leaves reports whether somebody has left by the first source.
func (s *Source) leaves(first access.PersonRecord) bool {
	return !first.Active || (first.Ends != "" && first.Ends < access.Date(s.now().UTC().Format(time.DateOnly)))
}

// merge returns what the rows have, each field from the first member of its order that has a value.
func (s *Source) merge(rows []row) access.PersonRecord {
	p := *rows[0].record
	p.UserName = s.text(rows, access.FieldUserName, func(p *access.PersonRecord) string { return p.UserName })
	p.DisplayName = s.text(rows, fieldDisplayName, func(p *access.PersonRecord) string { return p.DisplayName })
	p.Email = s.text(rows, access.FieldEmail, func(p *access.PersonRecord) string { return p.Email })
	p.Attributes = nil
	for _, r := range rows {
		if r.record == nil {
			continue
		}
		for name := range r.record.Attributes {
			if _, there := p.Attributes[name]; there {
				continue
			}
			if values := s.attribute(rows, name); len(values) > 0 {
				if p.Attributes == nil {
					p.Attributes = map[string][]string{}
				}
				p.Attributes[name] = values
			}
		}
	}
	return p
}

// text returns a field of one text.
func (s *Source) text(rows []row, field string, of func(*access.PersonRecord) string) string {
	for _, i := range s.order(field) {
		if r := rows[i].record; r != nil && of(r) != "" {
			return of(r)
		}
	}
	return ""
}

// attribute returns the values of an attribute.
func (s *Source) attribute(rows []row, name string) []string {
	for _, i := range s.order(access.AttributeField(name)) {
		if r := rows[i].record; r != nil && len(r.Attributes[name]) > 0 {
			return r.Attributes[name]
		}
	}
	return nil
}

// kept returns what of a record of a member can be taken for somebody, for as long as a listing is read. It may share the attributes.
func (s *Source) kept(i int, p access.PersonRecord) access.PersonRecord {
	used := func(field string) bool { return slices.Contains(s.order(field), i) }
	var out access.PersonRecord
	if used(access.FieldUserName) {
		out.UserName = p.UserName
	}
	if used(fieldDisplayName) {
		out.DisplayName = p.DisplayName
	}
	if used(access.FieldEmail) {
		out.Email = p.Email
	}
	out.Attributes = p.Attributes
	unused := func(name string, _ []string) bool { return !used(access.AttributeField(name)) }
	for name, values := range p.Attributes {
		if unused(name, values) {
			// The map may be the member's own.
			out.Attributes = maps.Clone(p.Attributes)
			maps.DeleteFunc(out.Attributes, unused)
			break
		}
	}
	return out
}
