package workflows_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// Ana leaves while a grant of what she held before is on its way: her workflow is told, then her request, which ends and says so with a message of
// its own, all before the target answers. That message has her workflow forget why the lease ends: what usher has granted to somebody who has
// left stays, for the catalog keeps what existed before. In the other order of the two messages it goes, as it shall.
func TestAttackLeavers_request_ends_a_grant_after_the_leaver_was_told(t *testing.T) {
	for name, first := range map[string]bool{"the request first": true, "the leaver first": false} {
		t.Run(name, func(t *testing.T) {
			r := newHolderRuns(t)
			r.target.Put("wiki-editors", "ana")
			e := lease("r1:1", "wiki-editors", 0)
			e.Lease.ExistingAccess = access.ExistingKeep
			attempts := 0
			r.each(func() {
				target := &activities.Target{Port: r.target, Ledger: r.ledger}
				r.replace("Grant", func(ctx context.Context, c activities.GrantInput) (activities.GrantResult, error) {
					if attempts++; attempts == 1 {
						// Its next attempt is within the same call.
						return activities.GrantResult{}, errors.New("busy")
					}
					return target.Grant(ctx, c)
				})
			})
			r.asks(0, e)
			words := []func(){
				func() { r.signal(workflows.SignalStanding, hasLeft()) },
				func() { r.signal(workflows.SignalApplyLease, absent(e)) },
			}
			if first {
				slices.Reverse(words)
			}
			r.at(200*time.Millisecond, words[0])
			r.at(400*time.Millisecond, words[1])
			r.mustEndBy(time.Hour)
			r.run()
			require.Equal(t, 2, attempts)
			require.NotNil(t, r.known("r1:1").GrantedAt)
			require.Empty(t, r.target.Members("wiki-editors"))
		})
	}
}
