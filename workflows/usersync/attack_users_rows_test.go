package usersync_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
)

// Rows are deleted by the plans that runs name. A plan that was never saved with its run (the attempt died, and the run was terminated) or was replaced by another one is named by none.
// A user loses: "the rows of a plan are kept for 90 days": names, addresses and whatever else HR has of each person stay in the ledger for good.
func TestAttackUsers_rows_of_a_plan_that_died_are_kept_for_ever(t *testing.T) {
	o := newOffice(t, 5)
	run := o.attackedListed("x", false)
	l := &attackedLedger{SyncLedger: o.ledger, saveRun: func(access.SyncRun) error {
		return access.Errorf(access.Transient, "record a run", "the connection to the database was lost")
	}}
	var planned access.SyncRun
	require.Error(t, o.attackedCall(l, "PlanSync", activities.PlanSyncInput{Run: run}, &planned))
	// The workflow is terminated.
	o.ends()
	for range 3 {
		o.now = o.now.Add(100 * 24 * time.Hour)
		o.ends()
	}
	rows := o.rows(access.SyncRun{Plan: run.Plan})
	require.Empty(t, rows, "300 days later")
}
