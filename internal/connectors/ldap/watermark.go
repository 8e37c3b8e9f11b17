package ldap

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/access"
)

// watermark is a moment in the life of one server of Active Directory. Servers count their changes each for itself.
type watermark struct {
	// host and invocation are which server, and which life of its database: a restore from a backup begins another one.
	host, invocation string
	usn              int64
	// taken is the day when it was given.
	taken access.Date
}

// watermarkForm is the beginning of a watermark's text.
const watermarkForm = "ad1"

// maxWatermarkAge is below the shortest time for which Active Directory keeps what was deleted, 60 days.
const maxWatermarkAge = 30 * 24 * time.Hour

// text returns a watermark as ListPeople gives it; "" for none.
func (w watermark) text() string {
	if w.invocation == "" {
		return ""
	}
	return strings.Join([]string{watermarkForm, w.host, w.invocation, strconv.FormatInt(w.usn, 10), string(w.taken)}, "/")
}

func parseWatermark(text string) (watermark, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 5 || parts[0] != watermarkForm || !access.ValidDate(parts[4]) {
		return watermark{}, access.Errorf(access.Invalid, opList, "the watermark is none of this source's")
	}
	usn, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil || usn < 0 {
		return watermark{}, access.Errorf(access.Invalid, opList, "the watermark is none of this source's")
	}
	return watermark{host: parts[1], invocation: parts[2], usn: usn, taken: access.Date(parts[4])}, nil
}

// isOld reports whether what was deleted since may be forgotten by now.
func (w watermark) isOld() bool {
	day, err := time.Parse(time.DateOnly, string(w.taken))
	return err != nil || time.Since(day) > maxWatermarkAge
}

// server is what a server of Active Directory says of itself.
type server struct {
	now watermark
	// domain is the naming context of base_dn.
	domain string
	// showsDeleted is true where the account may read what was deleted.
	showsDeleted bool
}

// derived are attributes that change without a change of the entry, by the beginning of their names.
var derived = []string{"memberof", "directreports", "managedobjects", "tokengroups", "ismemberofdl", "ownerbl", "msds-user-account-control-computed"}

// noChanges returns why this configuration cannot be asked for changes; "" where it can.
func (s *Source) noChanges() string {
	switch {
	case s.config.Directory != ActiveDirectory:
		return "only Active Directory shows who is gone"
	case !strings.EqualFold(s.config.Fields.ID, attributeObjectGUID):
		return "only objectGUID (fields.id) stays with what was deleted"
	}
	inFilter := strings.ToLower(s.config.Filter)
	for _, name := range derived {
		asked := slices.ContainsFunc(s.config.Fields.Names(), func(f string) bool { return strings.HasPrefix(strings.ToLower(f), name) })
		if asked || strings.Contains(inFilter, name) {
			return "the filter or the fields use " + name + ", which changes without a change of the person"
		}
	}
	return ""
}

// newWatermark returns where the server is now; the zero watermark where it cannot be asked for changes.
func (c *conn) newWatermark(ctx context.Context) (watermark, error) {
	if c.source.noChanges() != "" {
		return watermark{}, nil
	}
	at, err := c.server(ctx)
	if err != nil || !at.showsDeleted {
		return watermark{}, err
	}
	return at.now, nil
}

// server asks the server for what it says of itself. What it does not say is empty.
func (c *conn) server(ctx context.Context) (server, error) {
	root, err := c.entry(ctx, "", everything, "dnsHostName", "highestCommittedUSN", "dsServiceName", "namingContexts")
	if err != nil || root == nil {
		return server{}, err
	}
	at := server{domain: c.source.domain(root.GetEqualFoldAttributeValues("namingContexts"))}
	at.now.host = strings.ToLower(root.GetEqualFoldAttributeValue("dnsHostName"))
	at.now.taken = access.Date(time.Now().UTC().Format(time.DateOnly))
	at.now.usn, err = strconv.ParseInt(root.GetEqualFoldAttributeValue("highestCommittedUSN"), 10, 64)
	if err != nil || at.now.host == "" || at.domain == "" {
		return server{}, nil //nolint:nilerr // It is no server of Active Directory, which is no error.
	}
	life, err := c.entry(ctx, root.GetEqualFoldAttributeValue("dsServiceName"), everything, "invocationId")
	if err != nil && !access.IsKind(err, access.Invalid) {
		return server{}, err
	}
	if life != nil {
		at.now.invocation = guidText(life.GetEqualFoldRawAttributeValue("invocationId"))
	}
	bin, err := c.search(ctx, query{
		base: "CN=Deleted Objects," + at.domain, scope: goldap.ScopeBaseObject, filter: everything, attributes: []string{noAttributes}, deleted: true,
	})
	if err != nil && !access.IsKind(err, access.Invalid) && !access.IsKind(err, access.Forbidden) {
		return server{}, err
	}
	at.showsDeleted = len(bin) == 1
	return at, nil
}

// domain returns the longest of the naming contexts in which base_dn is; "" for none.
func (s *Source) domain(contexts []string) string {
	longest := ""
	for _, name := range contexts {
		dn, err := goldap.ParseDN(name)
		if err == nil && (dn.AncestorOfFold(s.base) || dn.EqualFold(s.base)) && len(name) > len(longest) {
			longest = name
		}
	}
	return longest
}

// follows returns nil where the server can say what changed since a watermark.
func (at server) follows(mark watermark) error {
	problem := ""
	switch {
	case at.now.invocation == "":
		problem = "the server does not say which it is (invocationId of its NTDS settings)"
	case !at.showsDeleted:
		problem = "bind_dn may not read CN=Deleted Objects"
	case at.now.host != mark.host || at.now.invocation != mark.invocation:
		problem = fmt.Sprintf("the watermark is that of the server %s, and this is %s, or another life of it", mark.host, at.now.host)
	case at.now.usn < mark.usn:
		problem = "the server has forgotten changes since the watermark"
	case mark.isOld():
		problem = "the watermark is too old: what was deleted since may be forgotten"
	default:
		return nil
	}
	return access.Errorf(access.Invalid, opList, "%s: list everybody", problem)
}
