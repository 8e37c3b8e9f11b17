package gateway_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/workflows"
)

func fakePeopleRun(_ workflow.Context, p workflows.PeopleRunParams) (workflows.PeopleRunParams, error) {
	return p, nil
}

// peopleSource is a source of a name of its own that has a schedule.
func peopleSource(t *testing.T, temporal client.Client) access.SourceName {
	t.Helper()
	name := access.SourceName("hr-" + uuid.NewString())
	_, err := temporal.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: workflows.PeopleScheduleID(name), Paused: true, Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}}},
		Action: &client.ScheduleWorkflowAction{ID: "never", Workflow: workflows.PeopleRunType, TaskQueue: workflows.TaskQueue},
	})
	require.NoError(t, err)
	return name
}

func TestStartPeople(t *testing.T) {
	g, temporal := newGateway(t), server(t).temporal
	p := workflows.PeopleRunParams{
		Source: peopleSource(t, temporal), Whole: true, By: "adam", Evidence: "development header",
		Release: &access.PeopleRelease{Run: "night", People: []access.PersonID{"p1"}, Reason: "she left"},
	}
	for range 2 {
		require.NoError(t, g.StartPeople(t.Context(), "by-hand", p))
	}
	var started workflows.PeopleRunParams
	require.NoError(t, temporal.GetWorkflow(t.Context(), "people/"+string(p.Source)+"/by-hand", "").Get(t.Context(), &started))
	require.Equal(t, p, started)
	require.NoError(t, g.StartPeople(t.Context(), "by-hand", p), "the run has ended, and is the same")
	require.Equal(t, "by-hand", workflows.PeopleRunID(p.Source, workflows.PeopleRunWorkflowID(p.Source, "by-hand")))

	p.Release.Reason = "another"
	err := g.StartPeople(t.Context(), "by-hand", p)
	var refused *gateway.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, access.Invalid, refused.Kind)
	require.Equal(t, "id", refused.Refusals[0].Field)
}

func TestStartPeople_unknown_source(t *testing.T) {
	g := newGateway(t)
	err := g.StartPeople(t.Context(), "by-hand", workflows.PeopleRunParams{Source: "hrr"})
	require.Equal(t, access.NotFound, access.KindOf(err))
	require.ErrorContains(t, err, `there is no source "hrr" whose people are listed`)
	require.Equal(t, access.NotFound, access.KindOf(g.PeopleSource(t.Context(), "hrr")))
	require.NoError(t, g.PeopleSource(t.Context(), peopleSource(t, server(t).temporal)))
}
