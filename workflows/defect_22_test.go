package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// At the edge the evidence is asked for right before the grant, also by a lease that has waited for another one of the same role.
func TestDefect22(t *testing.T) {
	for name, ended := range map[string]bool{"the request has been withdrawn": true, "nothing has changed (control)": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHolderRuns(t)
			r.edge = true
			r.newRun()
			busy := access.Errorf(access.Transient, "grant", "busy")
			r.target.FailNext(memory.OpVerify, slices.Repeat([]error{busy}, 6)...)
			r.target.FailNext(memory.OpGrant, slices.Repeat([]error{busy}, 2000)...)
			first, second := lease("r1:1", "wiki-editors", 2*time.Hour), lease("r2:1", "wiki-editors", 0)
			r.asks(0, first)
			r.asks(0, second)
			r.at(30*time.Minute, func() {
				if !ended {
					return
				}
				// Its message to the person's workflow does not come, or comes late.
				entry := r.holder.approval("r2", second)
				entry.View.State, entry.View.Version = access.OutcomeWithdrawn, 9
				entry.View.Items[0].State, entry.Events = access.ItemWithdrawn, nil
				require.NoError(t, r.ledger.Store.Record(t.Context(), entry))
			})
			r.at(40*time.Minute, r.target.FailNoMore)
			r.at(39*time.Minute, func() {
				require.Empty(t, r.target.Members("wiki-editors"))
				require.Zero(t, has(r.events("r2"), access.EventLeaseGranted), "nothing is granted before the request is withdrawn")
			})
			r.members(2*time.Hour, "wiki-editors", "ana")
			r.at(5*time.Hour, func() {
				require.Equal(t, !ended, len(r.target.Members("wiki-editors")) == 1)
			})
			r.ensure(10*time.Hour, absent(second))
			r.mustEndBy(2 * day)
			r.run()
			granted := 1
			if ended {
				granted = 0
			}
			require.Equal(t, granted, has(r.events("r2"), access.EventLeaseGranted), "grants of the second lease")
		})
	}
}
