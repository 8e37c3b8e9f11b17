package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// A grant that failed once is not made any more when the request's record does not show the item as approved: it is waited for.
func TestDefect20(t *testing.T) {
	rows := map[string]func(*access.RequestView){
		// The request was reset to before its approval: what it says now is newer.
		"the item is pending again": func(v *access.RequestView) {
			v.State, v.Items[0].State, v.Decisions = access.StateAwaitingApproval, access.ItemPending, nil
		},
	}
	for name, change := range rows {
		for _, lost := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", and the run was lost", false: ""}[lost], func(t *testing.T) {
				t.Parallel()
				r := newHolderRuns(t)
				r.target.FailNext(memory.OpGrant, slices.Repeat([]error{access.Errorf(access.Transient, "grant", "busy")}, 60)...)
				first := lease("r1:1", "wiki-editors", 0)
				r.asks(0, first)
				r.at(30*time.Minute, func() {
					require.Equal(t, access.LeaseGranting, r.known("r1:1").State)
					entry := r.holder.approval("r1", first)
					entry.View.Version, entry.Events = 9, nil
					change(entry.View)
					require.NoError(t, r.ledger.Store.Record(t.Context(), entry))
				})
				r.at(59*time.Minute, r.target.FailNoMore)
				r.members(3*time.Hour, "wiki-editors")
				// The requester is told in the end.
				r.ensure(10*time.Hour, absent(first))
				r.mustEndBy(3 * day)
				if lost {
					r.lostAt(time.Hour, first, 2*time.Hour, lease("r3:1", "wiki-admins", time.Hour))
				} else {
					r.run()
				}
				require.Zero(t, has(r.events("r1"), access.EventLeaseGranted), "granted without an approval that stands")
				require.Empty(t, r.target.Members("wiki-editors"))
			})
		}
	}
}
