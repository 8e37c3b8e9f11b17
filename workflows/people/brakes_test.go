package people_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/snapshot"
)

// While workers are started again one by one, one of them may not have the source yet: it knows nobody who is protected, and applies nothing.
func TestApply_on_a_worker_without_the_source(t *testing.T) {
	c := newCompany(t, 40)
	c.settings.Brakes.Protected = []string{"user.p0001"}
	c.ends()
	c.leave(1, 2)
	run := c.planned("x")
	require.Equal(t, []string{snapshot.BrakeProtected}, holdsOf(run))
	c.withoutSource = true
	err := c.activity("ApplyPeople", activities.ApplyPeopleInput{Source: hr, Run: run.ID, Plan: run.Plan}, &run)
	require.ErrorContains(t, err, "configuration has no people of")
	require.Equal(t, access.PersonPresent, c.state(1), "the plan holds this person as protected")
}
