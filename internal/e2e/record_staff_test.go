package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// leavers takes the histories of requests and leases of people who leave.
func (r *recording) leavers(ctx context.Context, t *testing.T, o *office) {
	t.Helper()
	o.leavers(ctx, t, false)
	for id, name := range map[string]string{
		workflows.RequestWorkflowID("held"): "reassigned by hand", workflows.RequestWorkflowID("of-ben"): "subject leaves",
		workflows.RequestWorkflowID("of-ana"): "approver leaves", workflows.SubjectWorkflowID("ben"): "holder leaves",
	} {
		require.NoError(t, r.workflow(ctx, o.system, id, slug(name)))
	}
}

// staff takes the histories of runs over people and over users: the first ones, held ones, released ones, and those that fail.
func (r *recording) staff(ctx context.Context, t *testing.T, c *crew) {
	t.Helper()
	people := func(name string, run access.PeopleRun) access.PeopleRun {
		require.NoError(t, r.workflow(ctx, c.system, workflows.PeopleRunWorkflowID(stack.Staff, run.ID), slug(name)))
		return run
	}
	users := func(name string, start stack.SyncStart) access.SyncRun {
		run := c.syncs(ctx, t, start)
		require.NoError(t, r.workflow(ctx, c.system, workflows.UserSyncWorkflowID(access.DeskName(stack.ServiceNow), run.ID), slug(name)))
		return run
	}
	// A run over users before anybody was listed fails.
	early, err := c.StartSync(ctx, stack.Auditor, stack.SyncStart{})
	require.NoError(t, err)
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		found, err := c.Sync(ctx, early)
		if err == nil && found.Problem == "" {
			err = errors.New("the run goes on")
		}
		return err
	}))
	require.NoError(t, r.workflow(ctx, c.system, workflows.UserSyncWorkflowID(access.DeskName(stack.ServiceNow), early), slug("users before people")))
	c.hires(0, 20)
	people("people first", c.listed(ctx, t, stack.PeopleStart{}))
	users("users dry", stack.SyncStart{Dry: true})
	users("users first", stack.SyncStart{})
	users("users unchanged", stack.SyncStart{})
	for n := 10; n < 18; n++ {
		c.change(n, func(e *stack.Employee) { e.Left = true })
	}
	held := people("people held", c.listed(ctx, t, stack.PeopleStart{}))
	people("people released", c.listed(ctx, t, stack.PeopleStart{Release: &stack.PeopleRelease{Run: held.ID, Reason: "they left"}}))
	onDesk := users("users held", stack.SyncStart{})
	users("users released", stack.SyncStart{Release: &stack.PeopleRelease{Run: onDesk.ID, Reason: "they left"}})
}

// owned takes the histories of a run that hands over what a leaver owns, and of a link that is taken away.
func (r *recording) owned(ctx context.Context, t *testing.T, c *crew) {
	t.Helper()
	c.hires(0, 20)
	c.listed(ctx, t, stack.PeopleStart{})
	c.syncs(ctx, t, stack.SyncStart{})
	run := c.handsOver(ctx, t)
	require.NoError(t, r.workflow(ctx, c.system, workflows.UserSyncWorkflowID(access.DeskName(stack.ServiceNow), run.ID), slug("users handed over")))
	c.unlinks(ctx, t)
	require.NoError(t, r.all(ctx, c.system, workflows.UserUnlinkType, "unlinked"))
}

// all takes the history of each workflow of a type, numbered.
func (r *recording) all(ctx context.Context, s *system, kind, name string) error {
	found, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = '" + kind + "'"})
	if err == nil && len(found.Executions) == 0 {
		err = fmt.Errorf("there is no %s", kind)
	}
	for n, run := range found.GetExecutions() {
		err = errors.Join(err, r.workflow(ctx, s, run.Execution.WorkflowId, slug(fmt.Sprint(name, " ", n+1))))
	}
	return err
}

// incidents takes the histories of incidents, of which one is assigned anew and closed, and of the changes of the register.
func (r *recording) incidents(ctx context.Context, t *testing.T, o *office) {
	t.Helper()
	o.incidents(ctx, t)
	require.NoError(t, o.temporal.CancelWorkflow(ctx, workflows.IncidentWorkflowID(incidentOf(0)), ""))
	for n := range 3 {
		require.NoError(t, r.workflow(ctx, o.system, workflows.IncidentWorkflowID(incidentOf(n)), slug(fmt.Sprint("incident ", n+1))))
	}
	require.NoError(t, r.all(ctx, o.system, workflows.IntegrationUsersType, "register"))
}
