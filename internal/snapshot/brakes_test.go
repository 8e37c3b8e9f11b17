package snapshot_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/snapshot"
)

// company is a hundred people who are present, each with a department.
func company() *population {
	p := &population{known: map[access.PersonID]*access.KnownPerson{}}
	for i := range 100 {
		id := access.PersonID(fmt.Sprintf("p%02d", i))
		p.known[id] = &access.KnownPerson{State: access.PersonPresent, Joined: true, Record: access.PersonRecord{
			Person: access.Person{ID: id, UserName: "user." + string(id), Active: true}, Attributes: map[string][]string{"department": {"R"}},
		}}
	}
	return p
}

// listingWith is the company's listing with a change to the first n of it; who gets none is not listed.
func (p *population) listingWith(n int, change func(access.PersonRecord) *access.PersonRecord) map[access.PersonID]access.ListedPerson {
	all := map[access.PersonID]access.ListedPerson{}
	for i := range 100 {
		id := access.PersonID(fmt.Sprintf("p%02d", i))
		r := p.known[id].Record
		record := &r
		if i < n {
			record = change(r)
		}
		if record != nil {
			all[id] = access.ListedPerson{Record: record}
		}
	}
	return all
}

func leave(r access.PersonRecord) *access.PersonRecord {
	r.Active = false
	return &r
}

func empty(r access.PersonRecord) *access.PersonRecord {
	r.Attributes = nil
	return &r
}

func nobody(access.PersonRecord) *access.PersonRecord { return nil }

// Only * and ? mean something in a pattern: a backslash is a letter of Windows' account names. The same letters may be composed in another way.
func TestBrakes_protected_letters(t *testing.T) {
	for _, c := range []struct{ pattern, name string }{{`CORP\svc-*`, `CORP\svc-backup`}, {"jose\u0301*", "jos\u00e9.silva"}, {`corp\`, `CORP\`}} {
		b := snapshot.Brakes{Protected: []string{c.pattern}}
		require.Empty(t, b.Validate())
		record := access.PersonRecord{Person: access.Person{ID: "p1", UserName: c.name}}
		leaves := access.PersonChange{
			Person: "p1", Class: access.ClassLeaver,
			Before: &access.KnownPerson{Record: record}, After: access.KnownPerson{Record: record, State: access.PersonLeft},
		}
		require.True(t, b.Meets(snapshot.ProtectedHold(1), leaves), c.pattern)
	}
	require.Len(t, snapshot.Brakes{Protected: []string{"svc[1]"}}.Validate(), 1)
}

func TestBrakes(t *testing.T) {
	brakes := snapshot.Brakes{LeaversCount: 20, LeaversShare: 0.05, ShrunkShare: 0.1, FieldShare: 0.2, Floor: 2, Protected: []string{"user.p00"}}
	for name, row := range map[string]struct {
		change func(*snapshot.Brakes)
		n      int
		do     func(access.PersonRecord) *access.PersonRecord
		holds  []string
		// applied is how many of the people that the change concerns are what it makes of them, afterwards.
		applied int
	}{
		"few leave":          {func(b *snapshot.Brakes) { b.Protected = nil }, 5, leave, nil, 5},
		"a share leaves":     {func(b *snapshot.Brakes) { b.Protected = nil }, 6, leave, []string{"leavers"}, 0},
		"a number leaves":    {func(b *snapshot.Brakes) { b.Protected, b.LeaversShare = nil, 1 }, 21, leave, []string{"leavers"}, 0},
		"the number is fine": {func(b *snapshot.Brakes) { b.Protected, b.LeaversShare = nil, 1 }, 20, leave, nil, 20},
		"the floor":          {func(b *snapshot.Brakes) { b.Protected, b.LeaversShare = nil, 0 }, 2, leave, nil, 2},
		"a protected leaves": {nil, 3, leave, []string{"protected"}, 2},
		"few are emptied":    {nil, 20, empty, nil, 20},
		"a field is emptied": {nil, 21, empty, []string{"field"}, 0},
		"few are missing":    {nil, 10, nobody, nil, 10},
		"the source shrank":  {nil, 11, nobody, []string{"shrunk"}, 0},
		"nobody is listed":   {func(b *snapshot.Brakes) { b.ShrunkShare = 1 }, 100, nobody, []string{"shrunk"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := brakes
			if row.change != nil {
				row.change(&b)
			}
			p := company()
			all := p.listingWith(row.n, row.do)
			changes, held := p.apply(rules(), b, all, p.ids(all))
			var names []string
			for _, h := range held {
				names = append(names, h.Brake)
				require.NotEmpty(t, h.Sentence)
			}
			require.Equal(t, row.holds, names)
			applied := 0
			for _, c := range changes {
				if c.Class != access.ClassUnchanged && !holds(b, held, c) {
					applied++
				}
			}
			require.Equal(t, row.applied, applied)
		})
	}
}

// A held class holds nobody else back: the joiners of the same listing come.
func TestBrakes_joiners_go_on(t *testing.T) {
	p := company()
	all := p.listingWith(50, leave)
	all["joiner"] = access.ListedPerson{Record: &access.PersonRecord{Person: access.Person{ID: "joiner", UserName: "j", Active: true}}}
	_, held := p.apply(rules(), snapshot.Brakes{LeaversCount: 10, LeaversShare: 1, ShrunkShare: 1, FieldShare: 1}, all, p.ids(all))
	require.Len(t, held, 1)
	require.Equal(t, access.PersonPresent, p.known["joiner"].State)
	require.Equal(t, access.PersonPresent, p.known["p00"].State, "nobody of the held has left")
}

func TestBrakes_mapping(t *testing.T) {
	var b snapshot.Brakes
	found := b.Holds(access.PeopleCounts{}, true)
	require.Len(t, found, 1)
	require.Equal(t, snapshot.BrakeMapping, found[0].Brake)
	for class, held := range map[access.PersonClass]bool{
		access.ClassLeaver: true, access.ClassMover: true, access.ClassChanged: true, access.ClassMissing: true,
		access.ClassJoiner: false, access.ClassReturner: false, access.ClassRecorded: false,
	} {
		require.Equal(t, held, holds(b, found, access.PersonChange{Class: class}), class)
	}
}

// Those who come hide nobody who is missing, and neither do those who are inactive in the source.
func TestBrakes_shrunk_beside_joiners(t *testing.T) {
	p := company()
	all := p.listingWith(20, nobody)
	for i := range 50 {
		id := access.PersonID(fmt.Sprintf("new%02d", i))
		all[id] = access.ListedPerson{Record: &access.PersonRecord{Person: access.Person{ID: id, UserName: string(id), Active: i%2 == 0}}}
	}
	_, held := p.apply(rules(), snapshot.Brakes{LeaversCount: 100, LeaversShare: 1, ShrunkShare: 0.1, FieldShare: 1}, all, p.ids(all))
	require.Len(t, held, 1)
	require.Equal(t, "20 of 100 people who were present are not in the source any more: 20.0 %", held[0].Sentence)
}

// Who is missing by a release meets no brake on missing people and leavers anew, but for one that is about other people.
func TestBrakes_released_absence(t *testing.T) {
	p := company()
	for i := range 30 {
		k := p.known[access.PersonID(fmt.Sprintf("p%02d", i))]
		k.Misses, k.AbsenceReleased = 2, true
	}
	all := p.listingWith(30, nobody)
	b := snapshot.Brakes{LeaversCount: 10, LeaversShare: 0.1, ShrunkShare: 0.1, FieldShare: 1, Protected: []string{"p05"}}
	_, held := p.apply(rules(), b, all, p.ids(all))
	require.Equal(t, []access.PeopleHold{snapshot.ProtectedHold(1)}, held)
	require.Equal(t, access.PersonLeft, p.known["p04"].State)
	require.False(t, p.known["p04"].AbsenceReleased)
	require.Equal(t, access.PersonPresent, p.known["p05"].State, "protected all the same")

	p = company()
	p.known["p01"].Misses, p.known["p01"].AbsenceReleased = 1, true
	leaves := rules().Decide("p01", p.known["p01"], access.ListedPerson{Record: leave(p.known["p01"].Record)})
	require.True(t, b.Meets(access.PeopleHold{Brake: snapshot.BrakeLeavers}, leaves), "is listed, as inactive")
	for _, listed := range []access.ListedPerson{{Record: &p.known["p01"].Record}, {Problem: true}} {
		require.False(t, rules().Decide("p01", p.known["p01"], listed).After.AbsenceReleased)
	}
	require.True(t, rules().Decide("p01", p.known["p01"], access.ListedPerson{}).After.AbsenceReleased)
	changes := rules()
	changes.Whole = false
	require.True(t, changes.Decide("p01", p.known["p01"], access.ListedPerson{}).After.AbsenceReleased)
}

func TestBrakes_protected(t *testing.T) {
	record := func(id access.PersonID, name string) access.KnownPerson {
		return access.KnownPerson{Record: access.PersonRecord{Person: access.Person{ID: id, UserName: name}}}
	}
	renamed := record("7", "svc-backup")
	for name, row := range map[string]struct {
		pattern string
		change  access.PersonChange
		held    bool
	}{
		"by id":               {"7", access.PersonChange{Person: "7", After: record("7", "x")}, true},
		"by name in any case": {"SVC-*", access.PersonChange{Person: "7", After: record("7", "Svc-Backup")}, true},
		"by the name before":  {"svc-*", access.PersonChange{Person: "7", After: record("7", "x"), Before: &renamed}, true},
		"a slash":             {"svc-*", access.PersonChange{Person: "7", After: record("7", "svc-a/b")}, true},
		"somebody else":       {"svc-*", access.PersonChange{Person: "7", After: record("7", "my-svc-x")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			row.change.Class = access.ClassLeaver
			require.Equal(t, row.held, snapshot.Brakes{Protected: []string{row.pattern}}.Meets(snapshot.ProtectedHold(1), row.change))
		})
	}
}

func TestBrakes_wrong(t *testing.T) {
	require.Empty(t, snapshot.Brakes{LeaversShare: 1, Protected: []string{"svc-*"}}.Validate())
	var texts []string
	for _, err := range (snapshot.Brakes{LeaversShare: 1.5, ShrunkShare: -1, LeaversCount: -1, Floor: -1, Protected: []string{"[", ""}}).Validate() {
		texts = append(texts, err.Error())
	}
	require.Equal(t, []string{
		"leavers_share: found 1.5, expected a share from 0 to 1",
		"shrunk_share: found -1, expected a share from 0 to 1",
		"leavers_count: found -1, expected 0 or more",
		"floor: found -1, expected 0 or more",
		`protected: found "[", expected a pattern of letters, * and ?`,
		`protected: found "", expected a pattern of letters, * and ?`,
	}, texts)
}

// holds reports whether any hold is of a change.
func holds(b snapshot.Brakes, all []access.PeopleHold, change access.PersonChange) bool {
	return slices.ContainsFunc(all, func(h access.PeopleHold) bool { return b.Meets(h, change) })
}
