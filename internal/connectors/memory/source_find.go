package memory

import (
	"context"
	"maps"
	"slices"

	"usher/internal/access"
)

var _ access.PeopleFinder = (*Source)(nil)

// FindPeople implements access.PeopleFinder. Of a record that is spoiled the values count that it had before.
func (s *Source) FindPeople(ctx context.Context, field, value string) (access.FoundPeople, error) {
	return scripted(ctx, &s.Faults, OpFindPeople, func() (access.FoundPeople, error) {
		var found access.FoundPeople
		if _, attribute := access.AttributeOf(field); !attribute && !slices.Contains([]string{access.FieldID, access.FieldUserName, access.FieldEmail}, field) {
			return found, access.Errorf(access.Invalid, "find people", "nobody can be found by %q", field)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		key := access.FoldKey(value)
		for _, id := range slices.Sorted(maps.Keys(s.persons)) {
			record := s.listing.more[id]
			record.Person = s.persons[id]
			has := func(there string) bool { return key != "" && access.FoldKey(there) == key }
			if !slices.ContainsFunc(record.FieldValues(field), has) {
				continue
			}
			if len(found.People)+len(found.Problems) == access.MaxFoundPeople {
				found.More = true
				break
			}
			if e := s.entryOf(id); e.problem != nil {
				found.Problems = append(found.Problems, *e.problem)
			} else {
				found.People = append(found.People, record)
			}
		}
		return found, nil
	})
}
