package joined_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/joined"
)

// A record of the directory that cannot be read and shows no key may be anybody's, so in a listing everybody without a record there is a problem. A look-up asks by the key, which such a record does not
// show: it cannot know of it, and returns the person as if the directory had none (connectors.md).
func TestAttackJoined_lookup_of_half_a_person(t *testing.T) {
	c := config()
	c.Fields = map[string][]access.SourceName{"email": {"ad", "hr"}, "user_name": {"ad", "hr"}}
	hr := &script{people: []access.PersonRecord{withEmail(record("1", ""), "private@example.net"), record("2", "")}}
	ad := &script{people: []access.PersonRecord{record("x", "2")}, problems: []access.PersonProblem{{Row: "cn=ana", Problem: "employeeID: cannot be read"}}}
	s := join(t, c, hr, ad)
	got, err := list(t, s)
	require.NoError(t, err)
	require.Contains(t, got.problems["1"], "may be this person's")
	person, err := s.Lookup(t.Context(), "1")
	require.NoError(t, err)
	require.Equal(t, "private@example.net", person.Email, "that of the order that the configuration has, without the directory")
}

// Somebody who was hired again has a new id in the personnel system, and the old record, which is inactive, stays there with the same number. What the directory has is the new one's alone: it is never that of
// who left, and nobody's where two have not left, or one of the records cannot be read.
func TestAttackJoined_old_record_of_somebody_who_was_hired_again(t *testing.T) {
	c := joined.Config{
		Sources: []joined.Member{{Source: "hr", Key: numberKey}, {Source: "ad", Key: numberKey}},
		Fields:  map[string][]access.SourceName{"email": {"ad"}},
	}
	const address = "new@example.com"
	inactive := record("1", "4711")
	inactive.Active = false
	over := record("1", "4711")
	over.Ends = "2020-01-31"
	toCome := record("3", "4711")
	toCome.Starts = "2999-01-01"
	here := record("2", "4711")
	unreadable := access.PersonProblem{Row: "line 4", ID: "9", Problem: "login: is empty"}
	for name, row := range map[string]struct {
		people   []access.PersonRecord
		problems []access.PersonProblem
		// joins is who gets what the directory has; "" for nobody. unclear are those who are problems.
		joins   access.PersonID
		unclear []access.PersonID
	}{
		"one inactive":       {people: []access.PersonRecord{inactive, here}, joins: "2"},
		"a last day is over": {people: []access.PersonRecord{here, over}, joins: "2"},
		"two inactive": {people: []access.PersonRecord{inactive, here, func() access.PersonRecord {
			p := inactive
			p.ID = "4"
			return p
		}()}, joins: "2"},
		"nobody is here":     {people: []access.PersonRecord{inactive, func() access.PersonRecord { p := over; p.ID = "4"; return p }()}},
		"two are here":       {people: []access.PersonRecord{inactive, here, toCome}, unclear: []access.PersonID{"2", "3"}},
		"one cannot be read": {people: []access.PersonRecord{inactive, here}, problems: []access.PersonProblem{unreadable}, unclear: []access.PersonID{"2"}},
	} {
		t.Run(name, func(t *testing.T) {
			hr := &script{people: row.people, problems: row.problems, having: map[string]access.PersonRecord{"9line 4": record("9", "4711")}}
			s := join(t, c, hr, &script{people: []access.PersonRecord{withEmail(record("x", "4711"), address)}})
			got, err := list(t, s)
			require.NoError(t, err)
			for _, p := range row.people {
				person, err := s.Lookup(t.Context(), p.ID)
				if row.problems == nil {
					// A listing does not see the key of a record that cannot be read.
					require.Equal(t, slices.Contains(row.unclear, p.ID), got.problems[p.ID] != "", "%v", got.problems)
				}
				if slices.Contains(row.unclear, p.ID) {
					require.Equal(t, access.Invalid, access.KindOf(err))
					continue
				}
				require.NoError(t, err)
				want := ""
				if p.ID == row.joins {
					want = address
				}
				require.Equal(t, want, person.Email, p.ID)
				if row.problems == nil {
					require.Equal(t, want, got.people[p.ID].Email, p.ID)
				}
			}
			found, err := s.FindPerson(t.Context(), access.PersonQuery{Email: address})
			if row.joins == "" {
				require.Equal(t, access.NotFound, access.KindOf(err), "%+v", found)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.joins, found.ID)
		})
	}
}
