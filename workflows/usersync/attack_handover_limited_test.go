package usersync_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// A desk that takes some calls at a time is given time, and each attempt has to come further than the one before.
func TestAttackHandOver_limited_desk(t *testing.T) {
	o := officeOfOwners(t)
	const records, atOnce, attempts = 25, 10, 40
	for i := range records {
		o.owns(12, assets, fmt.Sprintf("a%02d", i))
	}
	o.leaves(12)
	delete(o.settings.Modes, access.UserHandOver)
	o.ends()
	o.settings.Modes[access.UserHandOver] = true
	run := o.planned("limited")
	var fails []error
	for range attempts {
		for range atOnce {
			fails = append(fails, nil)
		}
		fails = append(fails, access.Errorf(access.RateLimited, memory.OpHandOver, "too fast"))
	}
	o.users.FailNext(memory.OpHandOver, fails...)
	var h access.HandOver
	for range attempts {
		_ = o.activity("HandOver", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &h)
	}
	moved := 0
	for i := range records {
		if o.owner(assets, fmt.Sprintf("a%02d", i)) == idOf(1) {
			moved++
		}
	}
	now, err := o.ledger.SyncRun(t.Context(), it, run.ID)
	require.NoError(t, err)
	t.Logf("%d of %d moved after %d attempts of %d calls; the run says %+v", moved, records, attempts, atOnce, now.HandOver.Kinds)
	require.Equal(t, records, moved)
}

// What a run that failed has handed over is counted by it, for the next one counts the rest alone.
func TestAttackHandOver_lost_counts_of_a_failed_run(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1", "a2")
	o.leaves(12)
	delete(o.settings.Modes, access.UserHandOver)
	o.ends()
	o.settings.Modes[access.UserHandOver] = true
	run := o.planned("fails")
	o.users.FailNext(memory.OpHandOver, nil, access.Errorf(access.RateLimited, memory.OpHandOver, "too fast"))
	var h access.HandOver
	require.Error(t, o.activity("HandOver", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &h))
	require.Equal(t, idOf(1), o.owner(assets, "a1"))
	run.Problem = "the desk was away for too long"
	require.ErrorContains(t, o.activity("FailSync", run, nil), "no data available")
	now, err := o.ledger.SyncRun(t.Context(), it, run.ID)
	require.NoError(t, err)
	t.Logf("%+v", *now.HandOver)
	require.Equal(t, 1, now.HandOver.Kinds[assets].HandedOver, "a1 was handed over by this run, and the next one counts a2 alone")
}
