package people_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/snapshot"
	"usher/workflows"
)

func TestPeopleRun_everyday(t *testing.T) {
	c := newCompany(t, 1200)
	run := c.ends()
	require.Equal(t, map[access.PersonClass]int{access.ClassJoiner: 1200}, run.Counts.Classes)
	require.Equal(t, 1200, run.Applied)
	require.Zero(t, run.Held)
	require.Empty(t, run.Holds)

	run = c.ends()
	require.Equal(t, map[access.PersonClass]int{access.ClassUnchanged: 1200}, run.Counts.Classes)
	require.Zero(t, run.Applied)
	require.Contains(t, c.details, "nothing is different")

	c.leave(0, 3)
	moved := employee(10)
	moved.Manager = idOf(77)
	changed := employee(11)
	changed.DisplayName = "Another Name"
	c.source.PutRecords(moved, changed, employee(5000))
	run = c.ends()
	require.Equal(t, map[access.PersonClass]int{
		access.ClassLeaver: 3, access.ClassMover: 1, access.ClassChanged: 1, access.ClassJoiner: 1, access.ClassUnchanged: 1195,
	}, run.Counts.Classes)
	require.Equal(t, 6, run.Applied)
	require.Equal(t, access.PersonLeft, c.state(0))
	require.Equal(t, access.PersonPresent, c.state(5000))
	require.Contains(t, c.details, "Plan: 1 joiner, 1 mover, 1 changed, 3 leaver.")

	c.source.PutRecords(employee(0))
	run = c.ends()
	require.Equal(t, 1, run.Counts.Classes[access.ClassReturner])
	require.Equal(t, access.PersonPresent, c.state(0))
}

func TestPeopleRun_missing(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	c.source.Remove(idOf(4))
	run := c.ends()
	require.Equal(t, 1, run.Counts.Classes[access.ClassMissing])
	require.Equal(t, access.PersonPresent, c.state(4))
	run = c.ends()
	require.Equal(t, 1, run.Counts.Classes[access.ClassLeaver])
	require.Equal(t, access.PersonLeft, c.state(4))
}

// A problem that names nobody may be whoever is missing.
func TestPeopleRun_nameless(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	c.source.Remove(idOf(4))
	c.source.Spoil(access.PersonProblem{Row: "line 5", Problem: "no id"})
	for range 4 {
		run := c.ends()
		require.Equal(t, 1, run.Nameless)
		require.Equal(t, access.PersonPresent, c.state(4))
	}
}

// A source that has nobody, and says so with success, has lost its people: nobody leaves, however often it is listed and small the company is.
func TestPeopleRun_nobody(t *testing.T) {
	c := newCompany(t, 2)
	c.ends()
	c.source.Remove(idOf(0))
	c.source.Remove(idOf(1))
	for range 5 {
		run := c.ends()
		require.Equal(t, []string{snapshot.BrakeShrunk}, holdsOf(run))
		require.Equal(t, 2, run.Held)
	}
	require.Equal(t, access.PersonPresent, c.state(0))
	require.Equal(t, access.PersonPresent, c.state(1))
}

func TestPeopleRun_empty_source(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	for i := range 30 {
		c.source.Remove(idOf(i))
	}
	c.source.PutRecords(employee(100))
	for range 5 {
		run := c.ends()
		require.Contains(t, holdsOf(run), snapshot.BrakeShrunk)
		require.Equal(t, 30, run.Held)
	}
	for i := range 30 {
		require.Equal(t, access.PersonPresent, c.state(i))
	}
	require.Equal(t, access.PersonPresent, c.state(100), "joiners go on")
}

// Between whole listings only changes are listed, unless something was held, failed, or is read in another way.
func TestPeopleRun_changes(t *testing.T) {
	c := newCompany(t, 30)
	c.settings.WholeEvery = 72 * time.Hour
	require.False(t, c.ends().Listing.Changes, "the first lists everybody")
	c.leave(0, 1)
	c.source.Remove(idOf(1))
	run := c.ends()
	require.True(t, run.Listing.Changes)
	require.Equal(t, 2, run.Applied)
	require.Equal(t, access.PersonLeft, c.state(0))
	require.Equal(t, access.PersonLeft, c.state(1), "the source says that it has the person no more")
	c.mapping = "m2"
	require.False(t, c.ends().Listing.Changes, "another mapping reads everybody again")
	c.mapping = "m1"
	c.source.Down(true)
	_, err := c.run(workflows.PeopleRunParams{})
	require.Error(t, err)
	c.source.Down(false)
	require.False(t, c.ends().Listing.Changes, "after a failure")
	require.True(t, c.ends().Listing.Changes)
	require.True(t, c.ends().Listing.Changes)
	require.True(t, c.ends().Listing.Changes)
	require.False(t, c.ends().Listing.Changes, "after three days")
	whole, err := c.run(workflows.PeopleRunParams{Whole: true})
	require.NoError(t, err)
	require.False(t, whole.Listing.Changes)
}

// What a run held back, or did not come to apply, is not among the changes since its listing: everybody is listed again.
func TestPeopleRun_changes_after_trouble(t *testing.T) {
	c := newCompany(t, 30)
	c.settings.WholeEvery = 72 * time.Hour
	c.ends()
	c.leave(0, 5)
	run := c.ends()
	require.Equal(t, 5, run.Held)
	require.True(t, run.Listing.Changes)
	run = c.ends()
	require.False(t, run.Listing.Changes)
	require.Equal(t, 5, run.Held)

	c = newCompany(t, 30)
	c.settings.WholeEvery = 72 * time.Hour
	c.ends()
	c.leave(0, 1)
	failed := c.planned("x")
	failed.Problem, failed.EndedAt, failed.WholeAt = "it took too long", failed.BeganAt.Add(time.Minute), failed.BeganAt
	require.NoError(t, c.ledger.SavePeopleRun(t.Context(), failed))
	run = c.ends()
	require.False(t, run.Listing.Changes)
	require.Equal(t, 1, run.Applied)
}

// A failure for days hides neither a held mapping nor the last whole listing.
func TestPeopleRun_many_failures(t *testing.T) {
	c := newCompany(t, 5)
	c.ends()
	changed := employee(1)
	changed.DisplayName = "new"
	c.source.PutRecords(changed)
	c.mapping = "m2"
	require.Equal(t, 1, c.ends().Held)
	for i := range 600 {
		failed := access.PeopleRun{Source: hr, ID: fmt.Sprint("f", i), BeganAt: c.now.Add(time.Duration(i) * time.Second), EndedAt: c.now.Add(time.Hour), Problem: "down"}
		require.NoError(t, c.ledger.SavePeopleRun(t.Context(), failed))
	}
	require.Equal(t, 1, c.ends().Held)
}

// What the workflow carries does not grow with the people, and neither does what the activities read at once.
func TestPeopleRun_size(t *testing.T) {
	c := newCompany(t, 3000)
	c.ends()
	c.leave(0, 2500)
	run := c.ends()
	require.Equal(t, 2500, run.Held)
	c.now = run.EndedAt.Add(time.Minute)
	released, err := c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, Reason: "the plant closes"}})
	require.NoError(t, err)
	require.Equal(t, 2500, released.Applied)
	require.LessOrEqual(t, c.ledger.most, 500)
	require.LessOrEqual(t, c.calls, 5*3, "each activity is a few events")
	require.Less(t, c.size, 8<<10)
}
