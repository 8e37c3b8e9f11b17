package memory

import (
	"context"
	"strings"
	"sync"

	"usher/internal/access"
)

// Source is an access.IdentitySource in memory. Faults are scripted through the embedded Faults. Safe for concurrent
// use.
type Source struct {
	Faults

	mu      sync.Mutex
	persons map[access.PersonID]access.Person
	listing listing
}

var (
	_ access.IdentitySource = (*Source)(nil)
	_ access.PeopleLister   = (*Source)(nil)
)

// NewSource makes a source that knows these persons.
func NewSource(persons ...access.Person) *Source {
	s := &Source{Faults: Faults{what: "the source"}, persons: map[access.PersonID]access.Person{}, listing: newListing()}
	s.Put(persons...)
	return s
}

// Put adds persons; one whose ID is known is replaced.
func (s *Source) Put(persons ...access.Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range persons {
		s.persons[p.ID] = p
		s.listing.touch(p.ID)
	}
}

// Deactivate makes a person inactive; one who is unknown stays so.
func (s *Source) Deactivate(id access.PersonID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, known := s.persons[id]; known {
		p.Active = false
		s.persons[id] = p
		s.listing.touch(id)
	}
}

// Remove forgets a person.
func (s *Source) Remove(id access.PersonID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.persons, id)
	delete(s.listing.more, id)
	s.listing.touch(id)
}

// Lookup implements access.IdentitySource.
func (s *Source) Lookup(ctx context.Context, id access.PersonID) (access.Person, error) {
	return scripted(ctx, &s.Faults, OpLookup, func() (access.Person, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		p, known := s.persons[id]
		if !known {
			return access.Person{}, access.Errorf(access.NotFound, "look up a person", "no person %q", id)
		}
		return p, nil
	})
}

// FindPerson implements access.IdentitySource.
func (s *Source) FindPerson(ctx context.Context, q access.PersonQuery) (access.Person, error) {
	return scripted(ctx, &s.Faults, OpFindPerson, func() (access.Person, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var found []access.Person
		for _, p := range s.persons {
			if (q.UserName != "" && strings.EqualFold(p.UserName, q.UserName)) || (q.Email != "" && strings.EqualFold(p.Email, q.Email)) {
				found = append(found, p)
			}
		}
		if len(found) != 1 {
			return access.Person{}, access.Errorf(access.NotFound, "find a person", "%d people have it", len(found))
		}
		return found[0], nil
	})
}

// Check implements access.Checker. It never has findings.
func (s *Source) Check(ctx context.Context) ([]access.Finding, error) {
	return scripted(ctx, &s.Faults, OpCheck, func() ([]access.Finding, error) { return nil, nil })
}
