package joined

import (
	"context"

	"usher/internal/access"
)

// FindPerson implements access.IdentitySource, by the value that the joined person has. Records of any source that have the value and cannot
// be read make it nobody's, as a second person does. Invalid: no source has the field.
func (s *Source) FindPerson(ctx context.Context, q access.PersonQuery) (access.Person, error) {
	c := candidates{source: s, field: access.FieldUserName, value: q.UserName, seen: map[access.PersonID]bool{}}
	if c.value == "" {
		c.field, c.value = access.FieldEmail, q.Email
	}
	if access.FoldKey(c.value) == "" {
		return access.Person{}, access.Errorf(access.NotFound, opFind, "nobody is found by nothing")
	}
	asked := false
	for _, i := range s.order(c.field) {
		if !s.members[i].has(c.field) {
			continue
		}
		asked = true
		if err := c.ask(ctx, i); err != nil {
			return access.Person{}, err
		}
	}
	switch {
	case !asked:
		return access.Person{}, access.Errorf(access.Invalid, opFind, "no source has the field %s, so nobody can be found by it", c.field)
	case len(c.people) != 1 || c.others:
		return access.Person{}, access.Errorf(access.NotFound, opFind, "not one person has this %s, but none or several", c.field)
	}
	return c.people[0], nil
}

const opFind = "find a person"

// candidates are people who may have a value.
type candidates struct {
	source       *Source
	field, value string
	// seen are those of the first source who have been looked at, and people those of them who have the value.
	seen   map[access.PersonID]bool
	people []access.Person
	// others is true where somebody may have it besides.
	others bool
}

// ask asks a member who has the value.
func (c *candidates) ask(ctx context.Context, i int) error {
	m := c.source.members[i]
	found, err := m.Port.FindPeople(ctx, c.field, c.value)
	if err != nil {
		return m.within(opFind, err)
	}
	c.others = c.others || found.More || len(found.Problems) > 0
	for _, p := range found.People {
		if i == 0 {
			if err := c.look(ctx, p); err != nil {
				return err
			}
			continue
		}
		if err := c.askFirst(ctx, p.FieldValues(m.key)); err != nil {
			return err
		}
	}
	return nil
}

// askFirst asks the first member whose a record with these keys is.
func (c *candidates) askFirst(ctx context.Context, keys []string) error {
	for _, key := range keys {
		found, err := c.source.members[0].having(ctx, opFind, key)
		if err != nil {
			return err
		}
		c.others = c.others || found.More || len(found.Problems) > 0
		for _, p := range found.People {
			if err := c.look(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// look looks whether a person of the first source has the value.
func (c *candidates) look(ctx context.Context, first access.PersonRecord) error {
	if c.seen[first.ID] {
		return nil
	}
	c.seen[first.ID] = true
	person, problem, err := c.source.joined(ctx, opFind, first)
	if err != nil {
		return err
	}
	if problem != "" {
		c.others = true
		return nil
	}
	for _, value := range person.FieldValues(c.field) {
		if access.FoldKey(value) == access.FoldKey(c.value) {
			c.people = append(c.people, person.Person)
		}
	}
	return nil
}
