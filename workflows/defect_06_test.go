package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// absentDesk is how a person's workflow comes to wait for a desk that has no worker.
type absentDesk struct {
	name string
	// begin makes the lease r1:1 wait for the desk from an hour on.
	begin func(*holderRuns)
	// mend lets the lease end when the desk is served again.
	mend func(*holderRuns)
}

func absentDesks() []absentDesk {
	leave := func(r *holderRuns) { r.server.removeWorker(workflows.DeskQueue("jira")) }
	return []absentDesk{
		{
			"for the ticket that asks for a removal",
			func(r *holderRuns) {
				leave(r)
				r.target.Put("vault", "ana")
				r.asks(0, r.byHand("r1:1", "vault", time.Hour))
			},
			func(r *holderRuns) {
				r.target.Take("vault", "ana")
				r.move("ben", access.TicketDone)
			},
		},
		{
			"for a look at the ticket that asks for a removal",
			func(r *holderRuns) {
				r.target.Put("vault", "ana")
				r.asks(0, r.byHand("r1:1", "vault", 50*time.Minute))
				r.at(time.Hour, func() { leave(r) })
			},
			func(r *holderRuns) {
				r.target.Take("vault", "ana")
				r.move("ben", access.TicketDone)
			},
		},
		{
			"for the ticket that tells of a revoke that fails",
			func(r *holderRuns) {
				leave(r)
				r.target.AddRole("stuck")
				r.asks(0, lease("r1:1", "stuck", 50*time.Minute))
				r.stuck("stuck")
			},
			func(r *holderRuns) { r.freed = true },
		},
	}
}

// stuckTarget is a target that does not let one role be taken away.
type stuckTarget struct {
	*memory.Target
	role string
	runs *holderRuns
}

// Revoke implements access.Provisioner.
func (s stuckTarget) Revoke(ctx context.Context, a access.Assignment) (access.Verification, error) {
	if a.Role == s.role && !s.runs.freed {
		return access.Verification{}, access.Errorf(access.Forbidden, "revoke", "the token may not remove members")
	}
	return s.Target.Revoke(ctx, a)
}

// stuck keeps a role from being taken away, until freed is set.
func (r *holderRuns) stuck(role string) {
	r.each(func() {
		r.env.RegisterActivity(&activities.Target{Port: stuckTarget{r.target, role, r}, Ledger: r.ledger})
	})
}

// A desk without a worker keeps no other grant and no other revoke of a person, and the run can continue as new.
func TestDefect06(t *testing.T) {
	for _, desk := range absentDesks() {
		for _, long := range []bool{false, true} {
			t.Run("a person waits "+desk.name+map[bool]string{true: ", in a long run", false: ""}[long], func(t *testing.T) {
				t.Parallel()
				r := newHolderRuns(t)
				desk.begin(r)
				r.asks(0, lease("r2:1", "wiki-editors", 4*time.Hour))
				r.asks(90*time.Minute, lease("r3:1", "wiki-admins", 2*time.Hour))
				if long {
					r.at(2*time.Hour, r.growsLong)
				}
				r.asks(2*time.Hour+time.Minute, lease("r4:1", "later", 3*time.Hour))
				r.target.AddRole("later")
				r.members(95*time.Minute, "wiki-admins", "ana")
				r.members(2*time.Hour+5*time.Minute, "later", "ana")
				r.members(3*time.Hour+35*time.Minute, "wiki-admins")
				r.members(3*time.Hour+55*time.Minute, "wiki-editors", "ana")
				r.members(4*time.Hour+5*time.Minute, "wiki-editors")
				r.members(5*time.Hour+5*time.Minute, "later")
				r.at(6*time.Hour, func() {
					if long {
						require.Equal(t, 2, r.count, "the run continues as new")
					}
					r.server.addWorker(workflows.DeskQueue("jira"))
				})
				r.at(9*time.Hour, func() { desk.mend(r) })
				r.mustEndBy(4 * day)
				r.run()
				require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
				require.Equal(t, 1, r.desk.Count(access.RemovalMarkerOf("r1:1")))
			})
		}
	}
	t.Run("a request waits for its ticket", func(t *testing.T) { requestWithoutDesk(t, 0) })
	t.Run("a request waits for a write on its ticket", func(t *testing.T) { requestWithoutDesk(t, time.Hour) })
}

// requestWithoutDesk decides a request whose desk is absent from a moment on, in runs that grow long.
func requestWithoutDesk(t *testing.T, from time.Duration) {
	t.Parallel()
	r := requestRuns(t, nil)
	r.at(from, func() { r.server.removeWorker(workflows.DeskQueue("jira")) })
	var first, second *answer
	r.at(2*time.Hour, func() { first = r.decide("mia", access.Approve) })
	r.growLongAt(3*time.Hour, []time.Duration{0, time.Hour}, r.hint)
	r.at(5*time.Hour, func() {
		require.True(t, first.done)
		require.Equal(t, 3, r.count, "the run continues as new")
		second = r.decide("omar", access.Approve)
	})
	r.at(6*time.Hour, func() {
		require.True(t, second.done)
		require.Equal(t, []access.PersonID{"ana"}, r.target.Members("wiki-admins"))
		r.server.addWorker(workflows.DeskQueue("jira"))
	})
	r.mustEndBy(4 * day)
	require.Equal(t, access.OutcomeGranted, r.outcomeOf(r.request("wiki/admin")).Outcome)
	require.Equal(t, access.TicketDone, r.ticket().Phase)
	require.Equal(t, 1, r.commented("Mia approved"))
	require.Equal(t, 1, r.commented("Omar approved"))
}
