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

// An administrator releases a run that holds six leavers. Six others were held before that, and are protected while the run counts, so it does not show them. They are not
// protected any more when the release comes: nobody has seen that their things would be handed over as well.
func TestAttackOwned_release_of_a_run_that_did_not_count_them(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	require.Equal(t, 12, o.ends().Counts.Leavers)
	hidden := []string{"svc-*"}
	for _, i := range who[:6] {
		hidden = append(hidden, string(o.of(i).ID))
	}
	o.protects(hidden...)
	of := o.ends()
	require.Equal(t, 6, of.Counts.Leavers)
	require.True(t, of.HoldsHandOver())
	o.protects("svc-*")
	release := func(run access.SyncRun) access.SyncRun {
		o.now = run.EndedAt
		run, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: run.ID, Reason: "they have left", Brakes: []string{"hand_over"}}})
		require.NoError(t, err)
		return run
	}
	run := release(of)
	o.moved(who[6:])
	o.stays(who[:6])
	require.Equal(t, 6, run.Counts.Leavers)
	require.True(t, run.HoldsHandOver())
	release(run)
	o.moved(who)
}

// A dry run records nobody whom it has counted, so its release is about nobody: not about six who were held before, and whom it did not show either.
func TestAttackOwned_release_of_a_dry_run(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	hidden := []string{"svc-*"}
	for _, i := range who[:6] {
		hidden = append(hidden, string(o.of(i).ID))
	}
	o.protects(hidden...)
	of, err := o.run(workflows.UserSyncParams{Dry: true})
	require.NoError(t, err)
	require.Equal(t, 6, of.Counts.Leavers)
	o.protects("svc-*")
	o.now = of.EndedAt
	_, err = o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: of.ID, Reason: "they have left", Brakes: []string{"hand_over"}}})
	require.NoError(t, err)
	o.stays(who)
}

// A brake holds what people own for longer than `within`. Then it lets them pass, as where an administrator has made it wider, and the run fails before it comes to them. The next one
// does not count them, for they have left too long ago: nobody ever gets what they own, and nothing shows it.
func TestAttackOwned_held_for_long_and_let_pass_by_a_run_that_failed(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	o.now = o.now.Add(31 * 24 * time.Hour)
	require.True(t, o.ends().HoldsHandOver())
	o.settings.Brakes.Floor = 20
	for range 2 {
		id := "fails-" + o.now.String()
		require.Empty(t, o.planned(id).Holds)
		require.NoError(t, o.records().FailSync(t.Context(), access.SyncRun{Desk: it, ID: id, BeganAt: o.now, Problem: "it was stopped"}))
	}
	require.Equal(t, 12, o.ends().Counts.Leavers)
	o.moved(who)
}

// What a brake has held for longer than `within` is held on where other kinds are handed over from then on.
func TestAttackOwned_held_for_long_and_other_kinds(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	o.now = o.now.Add(31 * 24 * time.Hour)
	o.settings.HandOver.Kinds = []string{assets}
	require.Equal(t, 12, o.ends().Counts.Leavers)
	o.stays(who)
	o.settings.Brakes.Floor = 20
	o.ends()
	o.moved(who)
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
