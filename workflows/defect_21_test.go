package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// Access that existed before usher came stays where the catalog keeps it, though the first of two leases was taken back
// before it was granted, while the ledger could not be read.
func TestDefect21(t *testing.T) {
	rows := map[string]bool{"the ledger cannot be read for ten minutes": true, "the ledger can be read (control)": false}
	for name, away := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHolderRuns(t)
			r.target.Put("wiki-editors", "ana")
			r.target.FailNext(memory.OpGrant, slices.Repeat([]error{access.Errorf(access.Transient, "grant", "busy")}, 60)...)
			first, second := lease("r1:1", "wiki-editors", 0), lease("r2:1", "wiki-editors", 5*time.Hour)
			first.Lease.ExistingAccess, second.Lease.ExistingAccess = access.ExistingKeep, access.ExistingKeep
			if away {
				r.each(func() {
					blind := &blindLedger{
						faultyLedger: r.ledger, from: r.begun.Add(30 * time.Minute), until: r.begun.Add(40 * time.Minute), now: r.env.Now,
					}
					r.env.RegisterActivity(&activities.Records{Ledger: blind, Client: r.world})
				})
			}
			r.asks(0, first)
			// It keeps the run alive.
			r.asks(0, lease("r3:1", "vault", 9*time.Hour))
			r.at(29*time.Minute, func() {
				known := r.known("r1:1")
				require.Equal(t, access.LeaseGranting, known.State)
				require.True(t, known.Existing, "the ledger knows that she had the access before")
			})
			r.ensure(31*time.Minute, absent(first))
			r.at(40*time.Minute, r.target.FailNoMore)
			r.asks(41*time.Minute, second)
			r.members(2*time.Hour, "wiki-editors", "ana")
			r.mustEndBy(2 * day)
			r.run()
			require.Equal(t, access.LeaseEnded, r.known("r2:1").State)
			require.Equal(t, []access.PersonID{"ana"}, r.target.Members("wiki-editors"), "she had the access before usher came")
		})
	}
}
