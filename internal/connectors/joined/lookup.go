package joined

import (
	"context"
	"slices"

	"usher/internal/access"
)

// Lookup implements access.IdentitySource. All sources are asked: an error of one is the answer. Invalid: nobody can be read from the record of
// the first source, or it is not clear which records of the others are the person's.
func (s *Source) Lookup(ctx context.Context, id access.PersonID) (access.Person, error) {
	const op = "look up a person"
	first := s.members[0]
	found, err := first.Port.FindPeople(ctx, access.FieldID, string(id))
	if err != nil {
		return access.Person{}, first.within(op, err)
	}
	at := slices.IndexFunc(found.People, func(p access.PersonRecord) bool { return p.ID == id })
	if at < 0 {
		for _, p := range found.Problems {
			if p.ID == id {
				return access.Person{}, access.Errorf(access.Invalid, op, "the record of %q cannot be read: source %s: %s: %s", id, first.name, p.Row, p.Problem)
			}
		}
		return access.Person{}, access.Errorf(access.NotFound, op, "no person %q: source %s has nobody of this id", id, first.name)
	}
	person, problem, err := s.joined(ctx, op, found.People[at])
	if err == nil && problem != "" {
		err = access.Errorf(access.Invalid, op, "the record of %q cannot be read: %s", id, problem)
	}
	return person.Person, err
}

// joined returns a person of the first source with what the others have. The problem is "", or says why there is none.
func (s *Source) joined(ctx context.Context, op string, p access.PersonRecord) (person access.PersonRecord, problem string, err error) {
	rows := make([]row, len(s.members))
	rows[0].record = &p
	switch keys := keysOf(p, s.members[0].key); len(keys) {
	case 0:
	case 1:
		if err := s.ask(ctx, op, p.FieldValues(s.members[0].key)[0], rows); err != nil {
			return access.PersonRecord{}, "", err
		}
	default:
		rows[0].unclear = s.members[0].severalKeys()
	}
	person, problem = s.person(rows)
	return person, problem, nil
}

// ask fills in what the members have for the person of the first row, whose key has a value.
func (s *Source) ask(ctx context.Context, op, value string, rows []row) error {
	mine, err := s.askWhose(ctx, op, value, rows[0].record)
	if err != nil {
		return err
	}
	if !mine {
		rows[0].unclear = s.members[0].severalPeople()
		return nil
	}
	for i, m := range s.members[1:] {
		if rows[i+1], err = m.find(ctx, op, value); err != nil {
			return err
		}
	}
	return nil
}

// askWhose reports whether a key is that of one person of the first source, as a listing has it: of p alone, or of p and of people who have left.
func (s *Source) askWhose(ctx context.Context, op, value string, p *access.PersonRecord) (bool, error) {
	first := s.members[0]
	found, err := first.having(ctx, op, value)
	if err != nil {
		return false, err
	}
	var others []access.PersonRecord
	for _, other := range found.People {
		if other.ID != p.ID {
			others = append(others, other)
		}
	}
	switch {
	case found.More || len(found.Problems) > 0:
		return false, nil
	case len(found.People) == 1 && len(others) == 1:
		return false, access.Errorf(access.Transient, op, "source %s: changed while it was read", first.name)
	case len(others) == 0:
		return true, nil
	}
	return !s.leaves(*p) && !slices.ContainsFunc(others, func(o access.PersonRecord) bool { return !s.leaves(o) }), nil
}

// find returns the row of a key.
func (m member) find(ctx context.Context, op, value string) (row, error) {
	found, err := m.having(ctx, op, value)
	switch {
	case err != nil:
		return row{}, err
	case found.More || len(found.People)+len(found.Problems) > 1:
		return row{unclear: m.severalRecords()}, nil
	case len(found.Problems) == 1:
		return row{unclear: m.unreadable(found.Problems[0])}, nil
	case len(found.People) == 0:
		return row{}, nil
	case len(keysOf(found.People[0], m.key)) > 1:
		return row{unclear: m.severalKeys()}, nil
	}
	return row{record: &found.People[0]}, nil
}

// having returns the records of a key, as keys are compared.
func (m member) having(ctx context.Context, op, value string) (access.FoundPeople, error) {
	found, err := m.Port.FindPeople(ctx, m.key, value)
	if err != nil {
		return access.FoundPeople{}, m.within(op, err)
	}
	key := access.FoldKey(value)
	found.People = slices.DeleteFunc(slices.Clone(found.People), func(p access.PersonRecord) bool {
		return !slices.Contains(keysOf(p, m.key), key)
	})
	return found, nil
}
