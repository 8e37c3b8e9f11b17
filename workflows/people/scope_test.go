package people_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/personexpr"
	"usher/internal/snapshot"
	"usher/workflows"
)

// scoped is a company of which only those count whose attribute scope is "in".
func scoped(t *testing.T, n int) *company {
	t.Helper()
	c := newCompany(t, 0)
	c.only = condition(t, `attributes["scope"][0] == "in"`)
	for i := range n {
		c.source.PutRecords(inScope(i, "in"))
	}
	return c
}

func condition(t *testing.T, source string) *personexpr.Condition {
	t.Helper()
	language, err := personexpr.New()
	require.NoError(t, err)
	only, err := language.Condition(source)
	require.NoError(t, err)
	return only
}

// inScope is an employee with a value of the attribute scope; without one for "".
func inScope(i int, scope string) access.PersonRecord {
	r := employee(i)
	if scope != "" {
		r.Attributes["scope"] = []string{scope}
	}
	return r
}

func (c *company) unknown(i int) {
	c.t.Helper()
	_, err := c.ledger.KnownPerson(c.t.Context(), hr, idOf(i))
	require.Equal(c.t, access.NotFound, access.KindOf(err), err)
}

func TestScope_out_of_it_is_no_joiner(t *testing.T) {
	c := scoped(t, 30)
	for i := 30; i < 45; i++ {
		c.source.PutRecords(inScope(i, "out"))
	}
	for range 3 {
		run := c.ends()
		require.Equal(t, 45, run.Listing.People, "the listing is of everybody")
		require.Equal(t, 15, run.OutOfScope)
		require.Equal(t, 30, run.Counts.Listed)
		require.Empty(t, run.Holds)
		require.Contains(t, c.details, "Listed: 45 people, 0 problems. Out of scope: 15 of the people.")
		require.Len(t, c.people(), 30)
		c.unknown(30)
	}
	c.source.PutRecords(inScope(30, "in"))
	require.Equal(t, map[access.PersonClass]int{access.ClassJoiner: 1, access.ClassUnchanged: 30}, c.ends().Counts.Classes)
}

// Leaving the scope is as slow as being missing, and coming back into it ends the misses.
func TestScope_leaving_it(t *testing.T) {
	c := scoped(t, 30)
	c.ends()
	c.source.PutRecords(inScope(4, "out"), inScope(5, "out"))
	require.Equal(t, 2, c.ends().Counts.Classes[access.ClassMissing])
	require.Equal(t, access.PersonPresent, c.state(4))
	c.source.PutRecords(inScope(5, "in"))
	run := c.ends()
	require.Equal(t, 1, run.Counts.Classes[access.ClassLeaver])
	require.Equal(t, access.PersonLeft, c.state(4))
	require.Equal(t, access.PersonPresent, c.state(5))
	change, err := c.ledger.Store.PeopleChanges(t.Context(), hr, run.Plan, access.PeopleChangesQuery{Person: idOf(4), Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "is out of scope or missing in 2 listings in a row", change[0].Reason)
	require.Equal(t, "in", change[0].After.Record.Attributes["scope"][0], "nothing is kept of who is out of scope")
	c.source.PutRecords(inScope(4, "in"))
	require.Equal(t, 1, c.ends().Counts.Classes[access.ClassReturner])
}

// Leaving the scope is braked like leaving the company, whatever the reason is.
func TestScope_brakes(t *testing.T) {
	c := scoped(t, 40)
	c.ends()
	for i := range 8 {
		c.source.PutRecords(inScope(i, "out"))
	}
	var run access.PeopleRun
	for range 4 {
		run = c.ends()
		require.Equal(t, []string{snapshot.BrakeShrunk}, holdsOf(run))
		require.Equal(t, 8, run.Held)
	}
	require.Equal(t, access.PersonPresent, c.state(0))
	c.now = run.EndedAt.Add(time.Minute)
	_, err := c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, Reason: "they are another company now"}})
	require.NoError(t, err)
	run = c.ends()
	require.Empty(t, run.Holds, "the absence was released")
	require.Equal(t, access.PersonLeft, c.state(0))

	c = scoped(t, 40)
	c.settings.MissingListings, c.settings.Brakes.ShrunkShare = 1, 1
	c.ends()
	for i := range 8 {
		c.source.PutRecords(inScope(i, "out"))
	}
	run = c.ends()
	require.Equal(t, []string{snapshot.BrakeLeavers}, holdsOf(run))
	require.Equal(t, 8, run.Held)
}

// A condition that is true of nobody any more, for the source has dropped what it asks for, empties no company, be it a small one.
func TestScope_nobody_in_it(t *testing.T) {
	c := scoped(t, 2)
	c.only = condition(t, `first(attributes, "scope") == "in"`)
	c.ends()
	c.source.PutRecords(inScope(0, ""), inScope(1, ""))
	for range 4 {
		run := c.ends()
		require.Equal(t, []string{snapshot.BrakeShrunk}, holdsOf(run))
		require.Equal(t, 2, run.Held)
	}
	require.Equal(t, access.PersonPresent, c.state(0))
}

// Of whom the scope cannot be known, the standing stays: nobody joins, nobody is missing, and nothing of the record is taken over.
func TestScope_unknown(t *testing.T) {
	c := scoped(t, 30)
	c.source.Spoil(access.PersonProblem{Row: "line 5", ID: "odd", Problem: "no name"})
	c.ends()
	c.source.PutRecords(inScope(3, "out"))
	require.Equal(t, 1, c.ends().Counts.Classes[access.ClassMissing])
	moved := inScope(3, "")
	moved.Manager = idOf(9)
	c.source.PutRecords(moved, inScope(50, ""))
	for range 4 {
		run := c.ends()
		require.Equal(t, [3]int{29, 3, 0}, [3]int{run.Listing.People, run.Listing.Problems, run.OutOfScope})
		require.Equal(t, 32, run.Counts.Listed)
		require.Empty(t, run.Holds)
		require.Equal(t, access.PersonPresent, c.state(3))
		c.unknown(50)
		problems, err := c.ledger.PeopleProblems(t.Context(), hr, run.Plan, 0, 10)
		require.NoError(t, err)
		require.ElementsMatch(t, []access.PersonProblem{
			{Row: "line 5", ID: "odd", Problem: "no name"},
			{Row: "the person's record", ID: idOf(3), Problem: "people.only: no such key"},
			{Row: "the person's record", ID: idOf(50), Problem: "people.only: no such key"},
		}, problems)
	}
	known, err := c.ledger.KnownPerson(t.Context(), hr, idOf(3))
	require.NoError(t, err)
	require.Equal(t, idOf(0), known.Record.Manager)
	require.Zero(t, known.Misses, "the source has this person")
}

// Whoever has left by the record leaves, though the scope cannot be known: at once, and by the brakes as anybody else. Nothing is recorded of a stranger.
func TestScope_unknown_of_a_leaver(t *testing.T) {
	for name, leave := range map[string]func(*access.PersonRecord, time.Time){
		"inactive": func(p *access.PersonRecord, _ time.Time) { p.Active = false },
		"the last day is over": func(p *access.PersonRecord, now time.Time) {
			p.Ends = access.Date(now.Add(-24 * time.Hour).Format(time.DateOnly))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := scoped(t, 40)
			c.ends()
			for _, i := range []int{4, 50} {
				left := inScope(i, "")
				leave(&left, c.now)
				c.source.PutRecords(left)
			}
			run := c.ends()
			require.Equal(t, [2]int{40, 1}, [2]int{run.Listing.People, run.Listing.Problems})
			require.Equal(t, 1, run.Counts.Classes[access.ClassLeaver])
			require.Equal(t, access.PersonLeft, c.state(4))
			c.unknown(50)

			for i := 10; i < 20; i++ {
				left := inScope(i, "")
				leave(&left, c.now)
				c.source.PutRecords(left)
			}
			require.Contains(t, holdsOf(c.ends()), snapshot.BrakeLeavers)
			require.Equal(t, access.PersonPresent, c.state(10))
		})
	}
	c := scoped(t, 30)
	c.ends()
	staying := inScope(4, "")
	staying.Ends = access.Date(c.now.Add(72 * time.Hour).Format(time.DateOnly))
	c.source.PutRecords(staying)
	require.Equal(t, 1, c.ends().Listing.Problems)
	require.Equal(t, access.PersonPresent, c.state(4), "nobody knows the scope, and the last day is to come")
}

// A listing of changes in which somebody leaves the scope decides nothing: the next ones of everybody do.
func TestScope_changes(t *testing.T) {
	c := scoped(t, 30)
	c.settings.WholeEvery = 72 * time.Hour
	c.ends()
	c.source.PutRecords(inScope(4, "out"), inScope(60, "out"))
	run := c.ends()
	require.True(t, run.Listing.Changes)
	require.Equal(t, 2, run.OutOfScope)
	require.Zero(t, run.Applied)
	c.source.PutRecords(inScope(60, "in"))
	run = c.ends()
	require.True(t, run.Listing.Changes)
	require.Equal(t, 1, run.Counts.Classes[access.ClassJoiner])
	for c.state(4) == access.PersonPresent {
		run = c.ends()
	}
	require.False(t, run.Listing.Changes)
	require.Equal(t, 1, run.Counts.Classes[access.ClassLeaver])
}

// Somebody is expected, and leaves the scope before the first day: when it comes, nobody joins, though listings of changes go by what was known before.
// Back in scope they join.
func TestScope_expected(t *testing.T) {
	for name, whole := range map[string]time.Duration{"everybody": 0, "changes": 30 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := scoped(t, 10)
			c.settings.WholeEvery = whole
			coming := inScope(60, "in")
			coming.Starts = access.Date(c.now.Add(72 * time.Hour).Format(time.DateOnly))
			c.source.PutRecords(coming)
			c.ends()
			require.Equal(t, access.PersonExpected, c.state(60))
			out := inScope(60, "out")
			out.Starts = coming.Starts
			c.source.PutRecords(out)
			for range 5 {
				run := c.ends()
				require.Equal(t, whole > 0, run.Listing.Changes)
				require.Empty(t, run.Counts.Classes[access.ClassJoiner])
				require.Equal(t, access.PersonLeft, c.state(60))
			}
			c.source.PutRecords(coming)
			require.Equal(t, 1, c.ends().Counts.Classes[access.ClassJoiner])
		})
	}
}

// What proves a listing is of all its rows: one that was cut is none, though nobody is left out in scope.
func TestScope_proof_of_everybody(t *testing.T) {
	c := scoped(t, 30)
	c.source.PutRecords(inScope(31, "out"))
	c.ends()
	c.source.CutNextListing()
	run := c.ends()
	require.Equal(t, map[access.PersonClass]int{access.ClassUnchanged: 30}, run.Counts.Classes, "it was listed once more")
}

// Whoever is out of scope counts as somebody whom the source does not have.
func TestScope_property(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			filtered, smaller := scoped(t, 0), newCompany(t, 0)
			for range 7 {
				for range 1 + random.IntN(9) {
					i := random.IntN(25)
					person := inScope(i, "in")
					person.Manager, person.Active = idOf(random.IntN(3)), random.IntN(6) > 0
					switch random.IntN(4) {
					case 0:
						filtered.source.PutRecords(inScope(i, "out"))
						smaller.source.Remove(idOf(i))
					case 1:
						filtered.source.Remove(idOf(i))
						smaller.source.Remove(idOf(i))
					default:
						filtered.source.PutRecords(person)
						smaller.source.PutRecords(person)
					}
				}
				run, other := filtered.ends(), smaller.ends()
				require.Equal(t, other.Counts, run.Counts)
				require.Equal(t, other.Holds, run.Holds)
				require.Equal(t, [2]int{other.Applied, other.Held}, [2]int{run.Applied, run.Held})
				require.Equal(t, smaller.people(), filtered.people())
			}
		})
	}
}
