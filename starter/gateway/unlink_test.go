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

// fakeUnlink knows the link of p1 alone, answers nothing for nobody, and never ends for slow.
func fakeUnlink(ctx workflow.Context, p workflows.UnlinkParams) (workflows.UnlinkResult, error) {
	switch p.Person {
	case "p1":
		return workflows.UnlinkResult{Link: &access.DeskLink{Person: p.Person, User: "7"}}, nil
	case "nobody":
		return workflows.UnlinkResult{}, nil
	case "slow":
		return workflows.UnlinkResult{}, workflow.Sleep(ctx, time.Hour)
	}
	return workflows.UnlinkResult{Kind: access.NotFound, Refusals: []access.Refusal{{Field: "person", Problem: "the person is linked to no user"}}}, nil
}

// syncedDesk is a desk of a name of its own whose users have a schedule.
func syncedDesk(t *testing.T, temporal client.Client) access.DeskName {
	t.Helper()
	name := access.DeskName("desk-" + uuid.NewString())
	_, err := temporal.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: workflows.UserSyncScheduleID(name), Paused: true, Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}}},
		Action: &client.ScheduleWorkflowAction{ID: "never", Workflow: workflows.UserSyncType, TaskQueue: workflows.TaskQueue},
	})
	require.NoError(t, err)
	return name
}

func TestUnlink(t *testing.T) {
	g := newGateway(t)
	p := workflows.UnlinkParams{Desk: syncedDesk(t, server(t).temporal), Person: "p1", By: "adam", Reason: "a namesake"}
	for range 2 {
		link, err := g.Unlink(t.Context(), "u1", p)
		require.NoError(t, err)
		require.Equal(t, access.DeskLink{Person: "p1", User: "7"}, link, "a repeated call gets the same result")
	}
	p.Reason = "another"
	_, err := g.Unlink(t.Context(), "u1", p)
	requireUsed(t, err, "another run")

	p.Person = "p2"
	_, err = g.Unlink(t.Context(), "u2", p)
	var refused *gateway.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, access.NotFound, refused.Kind)
	require.Equal(t, "the person is linked to no user", refused.Message)
	p.Person = "nobody"
	_, err = g.Unlink(t.Context(), "u3", p)
	require.Equal(t, access.Conflict, access.KindOf(err))

	p.Desk = "nowhere"
	_, err = g.Unlink(t.Context(), "u1", p)
	require.Equal(t, access.NotFound, access.KindOf(err))
	require.ErrorContains(t, err, `there is no desk "nowhere" whose users are synced`)
}

func TestUnlink_no_answer(t *testing.T) {
	p := workflows.UnlinkParams{Desk: syncedDesk(t, server(t).temporal), Person: "slow"}
	_, err := impatient(server(t).temporal).Unlink(t.Context(), "u1", p)
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorContains(t, err, "repeating with the same id is safe")
}
