package ldap

import (
	"context"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// nameKey returns what all spellings of one name of an entry have in common.
func nameKey(dn string) string {
	parsed, err := goldap.ParseDN(dn)
	if err != nil {
		return strings.ToLower(dn)
	}
	var key []string
	for _, rdn := range parsed.RDNs {
		var parts []string
		for _, a := range rdn.Attributes {
			value := strings.ToLower(strings.Join(strings.Fields(a.Value), " "))
			parts = append(parts, strings.ToLower(a.Type)+"="+goldap.EscapeDN(value))
		}
		slices.Sort(parts)
		key = append(key, strings.Join(parts, "+"))
	}
	return strings.Join(key, ",")
}

// managers makes ids of names of managers. It is for one call, and not for concurrent use.
type managers struct {
	c *conn
	// known are ids by the names' keys; "" for names that are nobody's. Names that are not in it are asked for, if ask is true.
	known map[string]access.PersonID
	ask   bool
}

// newManagers returns managers who are known; those of nil are asked for.
func newManagers(c *conn, known map[string]access.PersonID) *managers {
	if known == nil {
		return &managers{c: c, known: map[string]access.PersonID{}, ask: true}
	}
	return &managers{c: c, known: known}
}

// resolve puts ids in the place of names. A name that is none of usher's people is no manager: the entry was deleted, is not below
// base_dn, or does not match the filter.
func (m *managers) resolve(ctx context.Context, record people.Record) error {
	attribute := strings.ToLower(m.c.source.config.Fields.Manager)
	var ids []string
	for _, name := range record.Values[attribute] {
		id, err := m.id(ctx, name)
		if err != nil {
			return err
		}
		if id != "" && !slices.Contains(ids, string(id)) {
			ids = append(ids, string(id))
		}
	}
	record.Values[attribute] = ids
	return nil
}

func (m *managers) id(ctx context.Context, name string) (access.PersonID, error) {
	key := nameKey(name)
	id, known := m.known[key]
	if known || !m.ask || !m.c.source.below(name) {
		return id, nil
	}
	config := m.c.source.config
	e, err := m.c.entry(ctx, name, config.Filter, config.Fields.ID)
	if err != nil && !access.IsKind(err, access.Invalid) {
		return "", err
	}
	if e != nil {
		id = m.c.source.reader.ID(m.c.source.record(e))
	}
	m.known[key] = id
	return id, nil
}

// below reports whether a name is that of an entry below base_dn.
func (s *Source) below(name string) bool {
	dn, err := goldap.ParseDN(name)
	return err == nil && (s.base.AncestorOfFold(dn) || s.base.EqualFold(dn))
}
