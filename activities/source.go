package activities

import (
	"context"

	"usher/internal/access"
	"usher/internal/personexpr"
)

// Source are the activities over one identity source. They run on that source's queue.
type Source struct {
	Port access.PeopleSource
	// Ledger keeps listings; nil on a worker that does not serve workflows.
	Ledger PeopleLedger
	// Mapping is a digest of how the configuration reads records, Only included; "" where nothing lists people.
	Mapping string
	// Only is true of whoever is in scope; nil for everybody. It counts for listings, not for looking people up.
	Only *personexpr.Condition
}

// LookupPeopleInput asks for people, and for the managers of some of them.
type LookupPeopleInput struct {
	People     []access.PersonID `json:"people"`
	ManagersOf []access.PersonID `json:"managers_of,omitempty"`
}

// LookupPeople reads people from the source, each once, in the order of the call, managers last. Whom the source does not
// know is missing from the answer.
func (a *Source) LookupPeople(ctx context.Context, c LookupPeopleInput) ([]access.Person, error) {
	people := make([]access.Person, 0, len(c.People)+len(c.ManagersOf))
	managerOf := map[access.PersonID]access.PersonID{}
	seen := map[access.PersonID]bool{}
	lookup := func(id access.PersonID) error {
		if id == "" || seen[id] {
			return nil
		}
		seen[id] = true
		person, err := a.Port.Lookup(ctx, id)
		if access.IsKind(err, access.NotFound) {
			return nil
		}
		if err != nil {
			return translate(err)
		}
		people = append(people, person)
		managerOf[person.ID] = person.Manager
		return nil
	}
	for _, id := range c.People {
		if err := lookup(id); err != nil {
			return nil, err
		}
	}
	for _, id := range c.ManagersOf {
		if err := lookup(managerOf[id]); err != nil {
			return nil, err
		}
	}
	return people, nil
}

// CheckSource asks the source whether usher can work with it.
func (a *Source) CheckSource(ctx context.Context) (CheckResult, error) { return check(ctx, a.Port) }
