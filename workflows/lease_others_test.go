package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// A role that was renamed while somebody held it is taken away by its id.
func TestRenamedRole(t *testing.T) {
	t.Run("it is taken away by its id", func(t *testing.T) {
		t.Parallel()
		r := newHolderRuns(t)
		r.asks(0, lease("r1:1", "wiki-editors", 3*time.Hour))
		r.at(time.Hour, func() { r.target.RenameRole("wiki-editors", "authors") })
		r.at(90*time.Minute, r.growsLong)
		r.members(2*time.Hour, "authors", "ana")
		r.mustEndBy(day)
		r.run()
		require.Empty(t, r.target.Members("authors"))
		require.Equal(t, access.LeaseEnded, r.known("r1:1").State)
		require.False(t, r.known("r1:1").Verification.Present)
	})
	t.Run("where its id is not known, that a name finds nothing proves nothing", func(t *testing.T) {
		t.Parallel()
		r := newHolderRuns(t)
		e := lease("r1:1", "wiki-editors", 3*time.Hour)
		// The grant of an earlier build gave no id.
		held := access.LeaseView{
			Lease: e.Lease, Revision: 1, DesiredState: access.Present, State: access.LeaseActive, Version: 1,
			GrantedAt: &chainStart, EndsAt: &chainStart,
		}
		r.target.Put("wiki-editors", "ana")
		r.at(0, func() {
			require.NoError(t, r.ledger.Record(t.Context(), access.Entry{Lease: &held}))
			r.target.RenameRole("wiki-editors", "authors")
		})
		r.asks(0, lease("r2:1", "vault", 5*time.Hour))
		looked := false
		r.at(3*time.Hour, func() {
			looked = true
			require.Equal(t, access.LeaseRevoking, r.known("r1:1").State)
			require.Len(t, r.desk.Tickets(), 1, "a human is told")
			r.target.RenameRole("authors", "wiki-editors")
		})
		r.mustEndBy(day)
		r.run()
		require.True(t, looked)
		require.Empty(t, r.target.Members("wiki-editors"))
	})
}

// Where the target's worker does not know the ledger, a lease that ends leaves what another one keeps.
func TestOverlap_at_the_edge(t *testing.T) {
	h := newHolder(t)
	h.edge = true
	h.newRun()
	h.hear()
	h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
	h.ensureAt(time.Hour, lease("r2:1", "wiki-editors", 3*time.Hour))
	h.membersAt(150*time.Minute, "wiki-editors", "ana")
	h.hold()
	require.Equal(t, []memory.TargetChange{
		{Op: memory.OpGrant, Role: "wiki-editors", Person: "ana"},
		{Op: memory.OpRevoke, Role: "wiki-editors", Person: "ana"},
	}, h.target.History())
}

// A run that knows nothing reads all leases of the person from the ledger, page by page.
func TestRecovery_many_leases(t *testing.T) {
	const leases = 250
	r := newHolderRuns(t)
	r.at(0, func() {
		ends := r.env.Now().Add(time.Hour).UTC()
		for n := range leases {
			role := fmt.Sprint("role", n)
			e := lease(access.LeaseID(fmt.Sprintf("r%d:1", n)), role, time.Hour)
			r.target.AddRole(role)
			r.target.Put(role, "ana")
			granted := r.env.Now().UTC()
			held := access.LeaseView{
				Lease: e.Lease, Revision: 1, DesiredState: access.Present, State: access.LeaseActive, Version: 1, GrantedAt: &granted, EndsAt: &ends,
			}
			held.Lease.Request, held.Lease.Item = access.RequestID(fmt.Sprint("r", n)), "1"
			require.NoError(t, r.ledger.Record(t.Context(), access.Entry{Lease: &held}))
		}
	})
	r.mustEndBy(day)
	r.run()
	for n := range leases {
		require.Empty(t, r.target.Members(fmt.Sprint("role", n)))
	}
}

// A target without a worker keeps its own calls only, however many they are.
func TestQueueWithoutWorker(t *testing.T) {
	const leases = 60
	r := newHolderRuns(t)
	elsewhere := workflows.TargetQueue("elsewhere")
	r.server.removeWorker(elsewhere)
	for n := range leases {
		e := lease(access.LeaseID(fmt.Sprintf("q%d:1", n)), fmt.Sprint("role", n), 0)
		e.Lease.Request, e.Lease.Item = access.RequestID(fmt.Sprint("q", n)), "1"
		e.Lease.Binding.Target = "elsewhere"
		r.target.AddRole(e.Lease.Binding.Role)
		r.asks(0, e)
		r.ensure(3*time.Hour, absent(e))
	}
	r.asks(time.Second, lease("r1:1", "wiki-editors", time.Hour))
	r.members(10*time.Second, "wiki-editors", "ana")
	r.at(2*time.Hour, func() { r.server.addWorker(elsewhere) })
	r.mustEndBy(day)
	r.run()
}
