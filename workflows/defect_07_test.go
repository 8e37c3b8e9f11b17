package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// lostAt lets the run that is there end, and forgets what it would carry: as if somebody had terminated it. A run that
// knows nothing follows with the next ensure, which is sent with its start.
func (r *holderRuns) lostAt(after time.Duration, repeated access.LeaseSpec, next time.Duration, ensure access.LeaseSpec) {
	r.t.Helper()
	r.at(after, func() {
		r.env.SetContinueAsNewSuggested(true)
		r.signal(workflows.SignalApplyLease, repeated)
	})
	fresh := workflows.SubjectAccessParams{Subject: "ana"}
	require.NotNil(r.t, continuesAsNew(r.oneRun([]any{fresh})))
	r.sent, r.resumes = nil, next
	r.asks(next, ensure)
	r.run()
}

// A person's run that was lost is followed by one that knows the leases from the ledger.
func TestDefect07(t *testing.T) {
	const hour = time.Hour
	t.Run("leases end on time", func(t *testing.T) {
		t.Parallel()
		r := newHolderRuns(t)
		first := lease("r1:1", "wiki-editors", 5*hour)
		r.asks(0, first)
		r.asks(0, lease("r2:1", "vault", 20*hour))
		r.members(4*hour, "wiki-editors", "ana")
		r.members(6*hour, "wiki-editors")
		r.members(19*hour, "vault", "ana")
		r.members(21*hour, "vault")
		r.mustEndBy(2 * day)
		r.lostAt(hour, first, 2*hour, lease("r3:1", "wiki-admins", hour))
		require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
		require.Equal(t, access.LeaseEnded, r.known("r2:1").State)
		require.Equal(t, 1, has(r.events("r1"), access.EventLeaseGranted), "nothing is granted again")
	})
	t.Run("a lease whose time was over meanwhile ends at once", func(t *testing.T) {
		t.Parallel()
		r := newHolderRuns(t)
		first := lease("r1:1", "wiki-editors", 2*hour)
		r.asks(0, first)
		r.members(5*hour, "wiki-editors", "ana")
		r.members(6*hour+5*time.Minute, "wiki-editors")
		r.mustEndBy(2 * day)
		r.lostAt(hour, first, 6*hour, lease("r3:1", "wiki-admins", hour))
		require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
	})
	t.Run("a lease without end keeps the access of another that ends", func(t *testing.T) {
		t.Parallel()
		r := newHolderRuns(t)
		first := lease("r1:1", "wiki-editors", 0)
		r.asks(0, first)
		r.members(4*hour, "wiki-editors", "ana")
		r.ensure(5*hour, absent(first))
		r.members(6*hour, "wiki-editors")
		r.mustEndBy(2 * day)
		r.lostAt(hour, first, 2*hour, lease("r3:1", "wiki-editors", hour))
		require.True(t, r.known("r3:1").Verification.Present, "the other lease keeps the access")
		require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
		require.Equal(t, access.LeaseEnded, r.holder.last("r1:1").State)
	})
	t.Run("a revoke that failed goes on", func(t *testing.T) {
		t.Parallel()
		r := newHolderRuns(t)
		r.target.AddRole("stuck")
		r.stuck("stuck")
		first := lease("r1:1", "stuck", hour)
		r.asks(0, first)
		r.at(3*hour, func() { r.freed = true })
		r.members(4*hour, "stuck")
		r.mustEndBy(2 * day)
		r.lostAt(80*time.Minute, first, 2*hour, lease("r3:1", "wiki-admins", 5*hour))
		require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
		require.LessOrEqual(t, r.desk.Count(access.RemovalMarkerOf("r1:1")), 1)
	})
	t.Run("access that a human takes away is followed on its ticket", func(t *testing.T) {
		t.Parallel()
		r := newHolderRuns(t)
		first := r.byHand("r1:1", "vault", hour)
		r.target.Put("vault", "ana")
		r.asks(0, first)
		r.at(4*hour, func() {
			r.target.Take("vault", "ana")
			r.move("ben", access.TicketDone)
		})
		r.mustEndBy(2 * day)
		r.lostAt(2*hour, first, 3*hour, lease("r3:1", "wiki-admins", 5*hour))
		require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
		require.Equal(t, 1, r.desk.Calls(memory.OpCreateTicket), "there is a ticket already")
	})
	t.Run("an ensure of a lease that is held already is answered as before", func(t *testing.T) {
		t.Parallel()
		r := newHolderRuns(t)
		first := lease("r1:1", "wiki-editors", 5*hour)
		r.asks(0, first)
		r.members(6*hour, "wiki-editors")
		r.mustEndBy(2 * day)
		r.lostAt(hour, first, 2*hour, first)
		require.Equal(t, access.LeaseActive, r.holder.last("r1:1").State)
		require.Equal(t, 5*hour, r.holder.last("r1:1").EndsAt.Sub(*r.holder.last("r1:1").GrantedAt))
	})
}
