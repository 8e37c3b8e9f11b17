package ldap

import (
	"context"
	"crypto/tls"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// Source is an access.IdentitySource and an access.PeopleLister over a directory. Safe for concurrent use: every call has a
// connection of its own, and nothing is kept between calls.
type Source struct {
	config Config
	tls    *tls.Config
	zone   *time.Location
	reader *people.Reader
	base   *goldap.DN
	// chosen are the attributes that the configuration names.
	chosen []people.Key
}

var (
	_ access.IdentitySource = (*Source)(nil)
	_ access.PeopleLister   = (*Source)(nil)
	_ access.PeopleFinder   = (*Source)(nil)
)

// everything is the filter that any entry matches, and noAttributes asks for none.
const (
	everything   = "(objectClass=*)"
	noAttributes = "1.1"
)

// NewSource checks the configuration and makes no call. The error names the keys.
func NewSource(c Config) (*Source, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Source{config: c.withDefaults(), chosen: c.chosenFields()}
	var err error
	if s.tls, err = c.tls(); err != nil {
		return nil, err
	}
	if s.zone, err = time.LoadLocation(c.TimeZone); err != nil {
		return nil, err
	}
	if s.base, err = goldap.ParseDN(c.BaseDN); err != nil {
		return nil, err
	}
	s.reader, err = people.NewReader(s.config.Fields)
	return s, err
}

// who returns the query for people who match a filter besides.
func (s *Source) who(filter string, attributes ...string) query {
	return query{base: s.config.BaseDN, scope: goldap.ScopeWholeSubtree, filter: "(&" + s.config.Filter + filter + ")", attributes: attributes}
}

// Lookup implements access.IdentitySource. An id has to be given in the directory's own spelling. Invalid: the entry is there, and cannot
// be taken for a person.
func (s *Source) Lookup(ctx context.Context, id access.PersonID) (access.Person, error) {
	const op = "look up a person"
	c, err := s.open(ctx, op)
	if err != nil {
		return access.Person{}, err
	}
	defer c.close()
	found, _, err := c.find(ctx, s.config.Fields.ID, string(id))
	if err != nil {
		return access.Person{}, err
	}
	var exact []*goldap.Entry
	for _, e := range found {
		if s.reader.ID(s.record(e)) == id {
			exact = append(exact, e)
		}
	}
	switch len(exact) {
	case 0:
		return access.Person{}, access.Errorf(access.NotFound, op, "no person %q: no entry has this %s", id, s.config.Fields.ID)
	case 1:
		return c.person(ctx, exact[0])
	}
	return access.Person{}, access.Errorf(access.Invalid, op, "several entries have the %s %q; expected fields.id to be unique", s.config.Fields.ID, id)
}

// FindPerson implements access.IdentitySource. Whoever has an address among several has it.
func (s *Source) FindPerson(ctx context.Context, q access.PersonQuery) (access.Person, error) {
	const op = "find a person"
	attribute, value := s.config.Fields.UserName, q.UserName
	if value == "" {
		attribute, value = s.config.Fields.Email, q.Email
	}
	if value == "" {
		return access.Person{}, access.Errorf(access.NotFound, op, "nobody is asked for")
	}
	c, err := s.open(ctx, op)
	if err != nil {
		return access.Person{}, err
	}
	defer c.close()
	found, more, err := c.find(ctx, attribute, value)
	if err != nil {
		return access.Person{}, err
	}
	if more || len(found) != 1 {
		return access.Person{}, access.Errorf(access.NotFound, op, "not one entry has the %s %q, but none or several", attribute, value)
	}
	return c.person(ctx, found[0])
}

// FindPeople implements access.PeopleFinder. Whoever has a value among several has it. Invalid: the configuration names no attribute for
// the field.
func (s *Source) FindPeople(ctx context.Context, field, value string) (access.FoundPeople, error) {
	const op = "find people"
	attribute, err := s.config.Fields.Searched(op, field)
	if err != nil {
		return access.FoundPeople{}, err
	}
	c, err := s.open(ctx, op)
	if err != nil {
		return access.FoundPeople{}, err
	}
	defer c.close()
	if value = strings.TrimSpace(value); isGUID(attribute) {
		value = strings.ToLower(value)
	}
	entries, more, err := c.find(ctx, attribute, value)
	if err != nil {
		return access.FoundPeople{}, err
	}
	found := access.FoundPeople{More: more || len(entries) > access.MaxFoundPeople}
	entries = entries[:min(len(entries), access.MaxFoundPeople)]
	for _, e := range entries {
		person, problem, err := c.read(ctx, e)
		switch {
		case err != nil:
			return access.FoundPeople{}, err
		case problem != nil:
			found.Problems = append(found.Problems, *problem)
		default:
			found.People = append(found.People, person)
		}
	}
	return found, nil
}

// findLimit is more than anybody needs who looks for one.
const findLimit = 10

// find returns the people who have a value, without regard to case. more is true where the directory may know others. That there are
// none is proved.
func (c *conn) find(ctx context.Context, attribute, value string) (found []*goldap.Entry, more bool, err error) {
	filter, possible := equals(attribute, value)
	if lower := strings.ToLower(value); possible && lower != value {
		// An attribute may be compared exactly.
		other, _ := equals(attribute, lower)
		filter = "(|" + filter + other + ")"
	}
	if possible {
		q := c.source.who(filter, c.source.asked()...)
		q.limit = findLimit
		all, err := c.search(ctx, q)
		if err != nil {
			return nil, false, err
		}
		more = len(all) >= findLimit
		for _, e := range all {
			if hasValue(c.source.record(e), attribute, value) {
				found = append(found, e)
			}
		}
	}
	if len(found) > 0 {
		return found, more, nil
	}
	return nil, more, c.proveBase(ctx)
}

// hasValue reports whether an attribute of a record has a value, without regard to case.
func hasValue(record people.Record, attribute, value string) bool {
	for _, there := range valuesOf(record, attribute) {
		if strings.EqualFold(there, value) {
			return true
		}
	}
	return false
}

// person returns the person of an entry, with the manager's id.
func (c *conn) person(ctx context.Context, e *goldap.Entry) (access.Person, error) {
	person, problem, err := c.read(ctx, e)
	if err == nil && problem != nil {
		err = access.Errorf(access.Invalid, c.op, "%s: %s", problem.Row, problem.Problem)
	}
	return person.Person, err
}

// read returns the record of an entry, with the manager's id; or why it is no person.
func (c *conn) read(ctx context.Context, e *goldap.Entry) (access.PersonRecord, *access.PersonProblem, error) {
	if err := c.complete(ctx, e); err != nil {
		return access.PersonRecord{}, nil, err
	}
	record := c.source.record(e)
	if err := newManagers(c, nil).resolve(ctx, record); err != nil {
		return access.PersonRecord{}, nil, err
	}
	person, problem := c.source.reader.Person(record)
	return person, problem, nil
}

// proveBase returns nil where base_dn shows itself. A directory hides what an account may not read, and answers searches with success: only
// who sees the base can be told that below it there is nobody.
func (c *conn) proveBase(ctx context.Context) error {
	base, err := c.entry(ctx, c.source.config.BaseDN, everything, noAttributes)
	if err == nil && base == nil {
		return access.Errorf(access.Forbidden, c.op, "bind_dn may not read base_dn (%s): that nobody is found there says nothing", c.source.config.BaseDN)
	}
	return err
}
