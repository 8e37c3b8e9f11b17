package usersync_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// Two sources call different people by the same ids. A release of what one of them held is no word about the leavers of the other, however long these have been held.
func TestAttackOwned_release_of_a_run_over_another_source(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	o.lists("crm", who...)
	o.settings.Source = "crm"
	of := o.ends()
	require.True(t, of.HoldsHandOver())
	o.settings.Source = hr
	run, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: of.ID, Reason: "they have left", Brakes: []string{"hand_over"}}})
	require.NoError(t, err)
	o.stays(who)
	require.Equal(t, len(who), run.Counts.Leavers)
	require.True(t, run.HoldsHandOver())
}

// lateMarks are a ledger that is slow where it is asked to record leavers, or a plan.
type lateMarks struct {
	activities.SyncLedger
	marks, plan func()
}

func (l lateMarks) SaveLeaverMarks(ctx context.Context, run access.SyncRun, marks []access.LeaverMark) error {
	if l.marks != nil {
		l.marks()
	}
	return l.SyncLedger.SaveLeaverMarks(ctx, run, marks)
}

func (l lateMarks) SaveSyncRun(ctx context.Context, run access.SyncRun) error {
	if l.plan != nil {
		l.plan()
	}
	return l.SyncLedger.SaveSyncRun(ctx, run)
}

// attempts tries to plan a run by a ledger.
func (o *office) attempts(run access.SyncRun, ledger activities.SyncLedger) {
	a := o.records()
	a.Ledger = ledger
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(a)
	// An attempt that is late may be refused.
	_, _ = env.ExecuteActivity("PlanSync", activities.PlanSyncInput{Run: run})
}

// An attempt to plan counts four leavers, and stops right before it records them. The next one counts twelve, and its brake holds them. When the first goes on, four of them are let
// pass by a plan that nobody follows: the run hands over what its own brake holds.
func TestAttackOwned_attempt_to_plan_that_is_late(t *testing.T) {
	for name, recorded := range map[string]bool{"before the plan is recorded": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			o, who := manyOff(t, 12)
			o.leaves(who[:4]...)
			o.written()
			o.now = o.now.Add(time.Hour)
			run := access.SyncRun{Desk: it, ID: "late", Workflow: "usersync/it/late", BeganAt: o.now}
			require.NoError(t, o.activity("BeginSync", run, &run))
			var listed activities.ListUsersResult
			require.NoError(t, o.activity("ListUsers", activities.ListUsersInput{Desk: it, Run: run.ID}, &listed))
			run.Plan, run.Schema, run.Counts.Users, run.Counts.Active = listed.ID, listed.Schema, listed.Users, listed.Active

			counts, goesOn, marked, ends, over := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
			go func() {
				defer close(over)
				o.attempts(run, lateMarks{SyncLedger: o.ledger, marks: func() {
					close(counts)
					<-goesOn
				}, plan: func() {
					close(marked)
					<-ends
				}})
			}()
			<-counts
			o.leaves(who...)
			o.written()
			late := func() {
				close(goesOn)
				<-marked
			}
			if recorded {
				o.attempts(run, o.ledger)
				late()
			} else {
				o.attempts(run, lateMarks{SyncLedger: o.ledger, plan: late})
			}
			close(ends)
			<-over

			of, err := o.ledger.SyncRun(t.Context(), it, run.ID)
			require.NoError(t, err)
			require.True(t, of.HoldsHandOver())
			plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
			var states map[access.SyncState]int
			require.NoError(t, o.activity("HoldSync", plan, &states))
			var done access.HandOver
			require.NoError(t, o.activity("HandOver", plan, &done))
			o.stays(who)
			require.NoError(t, o.activity("EndSync", plan, &of))
			require.True(t, o.ends().HoldsHandOver())
			o.stays(who)
		})
	}
}
