package people_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/snapshot"
	"usher/workflows"
)

// A filter that is narrowed by mistake hides people: nobody is missing by a configuration that nobody has released.
func TestPeopleRun_remapped_and_missing(t *testing.T) {
	c := newCompany(t, 40)
	c.ends()
	c.mapping = "m2"
	for i := range 3 {
		c.source.Remove(idOf(i))
	}
	var run access.PeopleRun
	for range 3 {
		run = c.ends()
		require.Equal(t, 3, run.Held)
	}
	require.Equal(t, access.PersonPresent, c.state(0))
	c.now = run.EndedAt.Add(time.Minute)
	_, err := c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, Reason: "they are not to be listed"}})
	require.NoError(t, err)
	known, err := c.ledger.KnownPerson(t.Context(), hr, idOf(0))
	require.NoError(t, err)
	require.Equal(t, [2]any{access.PersonPresent, 1}, [2]any{known.State, known.Misses})
	require.False(t, known.AbsenceReleased, "the release was of another brake")
	require.Empty(t, c.ends().Holds)
	require.Equal(t, access.PersonLeft, c.state(0))
}

// The first run was terminated when it had written everybody, and then the configuration changes: nobody has released the new one.
func TestPeopleRun_remapped_after_a_terminated_first_run(t *testing.T) {
	c := newCompany(t, 40)
	first := c.planned("x")
	changes, err := c.ledger.Store.PeopleChanges(t.Context(), hr, first.Plan, access.PeopleChangesQuery{Limit: 500})
	require.NoError(t, err)
	require.NoError(t, c.ledger.Store.ApplyPeople(t.Context(), first, changes))
	c.mapping = "m2"
	for i := range 5 {
		c.source.PutRecords(inDepartment(i, "new"))
	}
	c.leave(10, 12)
	var run access.PeopleRun
	for range 2 {
		run = c.ends()
		require.Equal(t, []string{snapshot.BrakeMapping}, holdsOf(run))
		require.Equal(t, 7, run.Held)
	}
	require.Equal(t, access.PersonPresent, c.state(10))
	c.now = run.EndedAt.Add(time.Minute)
	_, err = c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, Reason: "right"}})
	require.NoError(t, err)
	require.Empty(t, c.ends().Holds)
}
