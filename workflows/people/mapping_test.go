package people_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
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
	require.Equal(t, access.PersonPresent, c.state(0), "missing once")
	require.Empty(t, c.ends().Holds)
	require.Equal(t, access.PersonLeft, c.state(0))
}
