package memory_test

import (
	"testing"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/memory"
)

func TestPeopleLister(t *testing.T) {
	accesstest.RunPeopleLister(t, lister)
}

func TestPeopleFinder(t *testing.T) {
	accesstest.RunPeopleFinder(t, lister)
}

func lister(*testing.T) accesstest.PeopleListerHarness {
	people := accesstest.SomePeople()
	source := memory.NewSource()
	source.PutRecords(people...)
	return accesstest.PeopleListerHarness{
		Lister: source, Finder: source, People: people,
		Put: func(r access.PersonRecord) access.PersonRecord {
			source.PutRecords(r)
			return r
		},
		Remove:            source.Remove,
		RefuseCredentials: func() { source.RefuseCredentials(true) },
		CutShort:          source.CutNextListing,
		HideSome:          func() { source.HideThird(true) },
		Repeat:            source.RepeatInNextListing,
		Spoil: func() access.PersonID {
			source.Spoil(access.PersonProblem{Row: "record 2", ID: people[1].ID, Problem: "user_name: is empty"})
			return people[1].ID
		},
		Empty: func() {
			for _, p := range people {
				source.Remove(p.ID)
			}
		},
	}
}
