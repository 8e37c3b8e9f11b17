package gateway_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/workflows"
)

// The summaries that make the fake incident behave in a special way.
const (
	deskIsSlow = "the desk is slow"
	deskSaysNo = "the desk says no"
)

// fakeIncident keeps the contract of IncidentTicket in the smallest form: it opens a ticket at once, and a hint closes it.
func fakeIncident(ctx workflow.Context, p workflows.IncidentTicketParams) (access.IncidentView, error) {
	view := access.IncidentView{Incident: p.Incident, State: access.IncidentOpening, Since: workflow.Now(ctx), Version: 1}
	digest := p.Incident.Digest()
	hints := workflow.GetSignalChannel(ctx, workflows.SignalHint)
	err := errors.Join(
		workflow.SetQueryHandler(ctx, workflows.QueryIncident, func() (access.IncidentView, error) { return view, nil }),
		workflow.SetUpdateHandlerWithOptions(ctx, workflows.UpdateOpenIncident,
			func(ctx workflow.Context, _ workflows.SubmitInput) (access.IncidentView, error) {
				err := workflow.Await(ctx, func() bool { return view.State != access.IncidentOpening || p.Incident.Summary == runLeaves })
				return view, err
			},
			workflow.UpdateHandlerOptions{Validator: func(c workflows.SubmitInput) error {
				if c.Digest != digest {
					return temporal.NewApplicationError("another incident has this id", string(access.Invalid))
				}
				return nil
			}}),
	)
	if err != nil {
		return view, err
	}
	switch p.Incident.Summary {
	case deskIsSlow, runLeaves:
		hints.Receive(ctx, nil)
	case deskSaysNo:
		view.State = access.IncidentRefused
		return view, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	}
	view.State, view.Ticket = access.IncidentOpen, &access.TicketRef{Desk: "jira", ID: "10001"}
	hints.Receive(ctx, nil)
	view.State = access.IncidentClosed
	return view, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

func newIncident(summary string) access.Incident {
	return access.Incident{
		ID: access.IncidentID(uuid.NewString()), Caller: "scanner", Evidence: "development header", Reference: "CVE-1", Summary: summary,
		SubmittedAt: time.Now().UTC(),
	}
}

func TestSubmitIncident(t *testing.T) {
	g, i := newGateway(t), newIncident("a certificate expires")
	first, err := g.SubmitIncident(t.Context(), i)
	require.NoError(t, err)
	require.True(t, first.Created)
	require.False(t, first.Pending)
	require.Equal(t, access.IncidentOpen, first.View.State)
	require.Equal(t, i.Digest(), first.View.Incident.Digest())
	shown, err := g.Incident(t.Context(), i.ID)
	require.NoError(t, err)
	require.Equal(t, access.IncidentOpen, shown.State)

	i.SubmittedAt = i.SubmittedAt.Add(time.Second)
	again, err := g.SubmitIncident(t.Context(), i)
	require.NoError(t, err)
	require.False(t, again.Created)
	id := workflows.IncidentWorkflowID(i.ID)
	require.NoError(t, server(t).temporal.SignalWorkflow(t.Context(), id, "", workflows.SignalHint, workflows.Hint{}))
	require.NoError(t, server(t).temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	ended, err := g.SubmitIncident(t.Context(), i)
	require.NoError(t, err)
	require.False(t, ended.Created)
	require.Equal(t, access.IncidentClosed, ended.View.State, "as it is now, not as it was answered first")

	for _, change := range []func(*access.Incident){
		func(i *access.Incident) { i.Summary = "another" }, func(i *access.Incident) { i.Caller = "another" },
	} {
		other := i
		change(&other)
		_, err := g.SubmitIncident(t.Context(), other)
		requireUsed(t, err, "another incident")
	}
	_, err = g.Incident(t.Context(), "no-such-incident")
	require.Equal(t, access.NotFound, access.KindOf(err))
}

func requireUsed(t *testing.T, err error, what string) {
	t.Helper()
	var refused *gateway.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, access.Invalid, refused.Kind)
	require.Equal(t, "id", refused.Refusals[0].Field)
	require.Contains(t, refused.Message, what)
}

func TestSubmitIncident_other_while_it_runs(t *testing.T) {
	g, i := newGateway(t), newIncident("a certificate expires")
	_, err := g.SubmitIncident(t.Context(), i)
	require.NoError(t, err)
	i.Description = "more"
	_, err = g.SubmitIncident(t.Context(), i)
	requireUsed(t, err, "another incident")
}

func TestSubmitIncident_refused(t *testing.T) {
	answer, err := newGateway(t).SubmitIncident(t.Context(), newIncident(deskSaysNo))
	require.NoError(t, err)
	require.True(t, answer.Created)
	require.Equal(t, access.IncidentRefused, answer.View.State)
}

func TestSubmitIncident_pending(t *testing.T) {
	i := newIncident(deskIsSlow)
	for _, temporal := range []client.Client{server(t).temporal, server(t).idle} {
		answer, err := impatient(temporal).SubmitIncident(t.Context(), i)
		require.NoError(t, err)
		require.True(t, answer.Pending)
		require.Equal(t, access.IncidentOpening, answer.View.State)
		require.Equal(t, i, answer.View.Incident)
	}
	i.Summary = "another"
	_, err := impatient(server(t).idle).SubmitIncident(t.Context(), i)
	requireUsed(t, err, "another incident")

	stopped := newIncident(deskIsSlow)
	_, err = impatient(server(t).temporal).SubmitIncident(t.Context(), stopped)
	require.NoError(t, err)
	require.NoError(t, server(t).temporal.TerminateWorkflow(t.Context(), workflows.IncidentWorkflowID(stopped.ID), "", "test"))
	_, err = newGateway(t).SubmitIncident(t.Context(), stopped)
	require.Equal(t, access.Conflict, access.KindOf(err))
}

// fakeIntegrationUsers finds the user whom it is asked to add, once; it knows nobody to remove, and never ends a check by "slow".
func fakeIntegrationUsers(ctx workflow.Context, p workflows.IntegrationUsersParams) (workflows.IntegrationUsersResult, error) {
	switch {
	case p.Add != nil:
		return workflows.IntegrationUsersResult{User: &access.IntegrationUser{Desk: p.Desk, ID: "u1", Email: p.Add.Email}, Added: !p.Add.Dry}, nil
	case p.Remove != nil:
		return workflows.IntegrationUsersResult{
			Kind: access.NotFound, Refusals: []access.Refusal{{Field: "user", Problem: "there is no such integration user"}},
		}, nil
	case p.By == "slow":
		return workflows.IntegrationUsersResult{}, workflow.Sleep(ctx, time.Hour)
	}
	return workflows.IntegrationUsersResult{Checked: 3, Flagged: 1}, nil
}

// incidentDesk is a desk of a name of its own whose integration users have a schedule.
func incidentDesk(t *testing.T, temporal client.Client) access.DeskName {
	t.Helper()
	name := access.DeskName("desk-" + uuid.NewString())
	_, err := temporal.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: workflows.IntegrationUsersScheduleID(name), Paused: true, Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}}},
		Action: &client.ScheduleWorkflowAction{ID: "never", Workflow: workflows.IntegrationUsersType, TaskQueue: workflows.TaskQueue},
	})
	require.NoError(t, err)
	return name
}

func TestChangeIntegrationUsers(t *testing.T) {
	g := newGateway(t)
	p := workflows.IntegrationUsersParams{
		Desk: incidentDesk(t, server(t).temporal), By: "adam", Add: &workflows.AddIntegrationUserInput{Email: "ana@example.com"},
	}
	for range 2 {
		got, err := g.ChangeIntegrationUsers(t.Context(), "add", p)
		require.NoError(t, err)
		require.True(t, got.Added, "a repeated call gets the same result")
		require.Equal(t, "ana@example.com", got.User.Email)
	}
	p.Add.Dry = true
	_, err := g.ChangeIntegrationUsers(t.Context(), "add", p)
	requireUsed(t, err, "another run")

	p.Add, p.Remove = nil, &workflows.RemoveIntegrationUserInput{User: "u9"}
	_, err = g.ChangeIntegrationUsers(t.Context(), "remove", p)
	var refused *gateway.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, access.NotFound, refused.Kind)
	require.Equal(t, "there is no such integration user", refused.Message)
	require.Equal(t, "user", refused.Refusals[0].Field)

	p.Remove = nil
	checked, err := g.ChangeIntegrationUsers(t.Context(), "check", p)
	require.NoError(t, err)
	require.Equal(t, 3, checked.Checked)
	p.Desk = "nowhere"
	_, err = g.ChangeIntegrationUsers(t.Context(), "check", p)
	require.Equal(t, access.NotFound, access.KindOf(err))
	require.ErrorContains(t, err, "there is no desk \"nowhere\" that takes incidents; expected one of desks that has `incidents`")
}

func TestChangeIntegrationUsers_no_answer(t *testing.T) {
	p := workflows.IntegrationUsersParams{Desk: incidentDesk(t, server(t).temporal), By: "slow"}
	_, err := impatient(server(t).temporal).ChangeIntegrationUsers(t.Context(), "check", p)
	require.Equal(t, access.Transient, access.KindOf(err))
	require.ErrorContains(t, err, "it may have been done; repeating with the same id is safe")
	require.NoError(t, server(t).temporal.TerminateWorkflow(t.Context(), workflows.IntegrationUsersWorkflowID(p.Desk, "check"), "", "test"))
	_, err = newGateway(t).ChangeIntegrationUsers(t.Context(), "check", p)
	require.Equal(t, access.Conflict, access.KindOf(err))
}
