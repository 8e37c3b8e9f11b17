package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// Access that must end ends on time, though another lease on the same role is being granted whose approval does not stand
// any more.
func TestDefect30(t *testing.T) {
	r := newHolderRuns(t)
	first, second := lease("r1:1", "wiki-editors", 3*time.Hour), lease("r2:1", "wiki-editors", 5*time.Hour)
	r.asks(0, first)
	r.at(time.Hour, func() {
		r.target.FailNext(memory.OpGrant, slices.Repeat([]error{access.Errorf(access.Transient, "grant", "busy")}, 60)...)
	})
	r.asks(time.Hour+time.Minute, second)
	r.at(90*time.Minute, func() {
		require.Equal(t, access.LeaseGranting, r.known("r2:1").State)
		entry := r.holder.approval("r2", second)
		entry.View.Version, entry.Events = 9, nil
		entry.View.State, entry.View.Items[0].State, entry.View.Decisions = access.StateAwaitingApproval, access.ItemPending, nil
		require.NoError(t, r.ledger.Store.Record(t.Context(), entry))
	})
	r.members(170*time.Minute, "wiki-editors", "ana")
	r.members(4*time.Hour, "wiki-editors")
	r.ensure(10*time.Hour, absent(second))
	r.mustEndBy(5 * day)
	r.run()
	require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
	require.Zero(t, has(r.events("r2"), access.EventLeaseGranted))
}
