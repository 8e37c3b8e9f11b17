package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// The catalog binds an entitlement to another group while somebody holds it: each lease takes away what it granted.
func TestDefect04(t *testing.T) {
	const hour = time.Hour
	editor := func(id access.LeaseID, group string, lasts time.Duration) access.LeaseSpec {
		e := lease(id, group, lasts)
		e.Lease.Entitlement = "wiki/editor"
		return e
	}
	rows := []struct {
		name   string
		leases []access.LeaseSpec
		// withdrawn is what is taken back at two hours.
		withdrawn []access.LeaseSpec
		// old and moved are who holds the old group and the new one after three hours.
		old, moved []access.PersonID
	}{
		{
			"the lease on the old group ends first",
			[]access.LeaseSpec{editor("r1:1", "wiki-editors", 2*hour), editor("r2:1", "moved", 9*hour)},
			nil,
			nil,
			[]access.PersonID{"ana"},
		},
		{
			"the lease on the new group ends first",
			[]access.LeaseSpec{editor("r1:1", "wiki-editors", 9*hour), editor("r2:1", "moved", 2*hour)},
			nil,
			[]access.PersonID{"ana"},
			nil,
		},
		{
			"the lease on the old group is taken back",
			[]access.LeaseSpec{editor("r1:1", "wiki-editors", 9*hour), editor("r2:1", "moved", 9*hour)},
			[]access.LeaseSpec{editor("r1:1", "wiki-editors", 9*hour)},
			nil,
			[]access.PersonID{"ana"},
		},
		{
			"two leases on the old group end one after the other",
			[]access.LeaseSpec{
				editor("r1:1", "wiki-editors", 2*hour), editor("r3:1", "wiki-editors", 150*time.Minute), editor("r2:1", "moved", 9*hour),
			},
			nil,
			nil,
			[]access.PersonID{"ana"},
		},
		{
			"another entitlement keeps the old group",
			[]access.LeaseSpec{editor("r1:1", "wiki-editors", 2*hour), lease("r2:1", "wiki-editors", 9*hour)},
			nil,
			[]access.PersonID{"ana"},
			nil,
		},
		{
			"another entitlement keeps the group that is taken back",
			[]access.LeaseSpec{editor("r1:1", "wiki-editors", 9*hour), lease("r2:1", "wiki-editors", 9*hour)},
			[]access.LeaseSpec{editor("r1:1", "wiki-editors", 9*hour)},
			[]access.PersonID{"ana"},
			nil,
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := newHolderRuns(t)
			r.target.AddRole("moved")
			for _, e := range row.leases {
				r.asks(0, e)
			}
			r.at(2*hour, func() {
				for _, e := range row.withdrawn {
					r.signal(workflows.SignalApplyLease, absent(e))
				}
			})
			r.members(3*hour, "wiki-editors", row.old...)
			r.members(3*hour, "moved", row.moved...)
			r.mustEndBy(2 * day)
			r.run()
			require.Empty(t, r.target.Members("wiki-editors"))
			require.Empty(t, r.target.Members("moved"))
			for _, e := range row.leases {
				require.Equal(t, access.LeaseEnded, r.known(e.Lease.ID).State)
			}
			revoked := map[string]int{}
			for _, change := range r.target.History() {
				if change.Op == memory.OpRevoke {
					revoked[change.Role]++
				}
			}
			require.LessOrEqual(t, revoked["wiki-editors"], 1, "nobody loses the group in between")
		})
	}
}
