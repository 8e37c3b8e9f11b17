package workflows_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// A target at the edge that fails for a day is asked ever more seldom, as every other target is.
func TestDefect29(t *testing.T) {
	for name, edge := range map[string]bool{"at the edge": true, "where the target's worker knows the ledger (control)": false} {
		for _, op := range []string{memory.OpGrant, memory.OpVerify} {
			t.Run(name+", "+op+" fails", func(t *testing.T) {
				t.Parallel()
				r := newHolderRuns(t)
				r.quietly()
				r.edge = edge
				r.newRun()
				r.target.FailNext(op, slices.Repeat([]error{access.Errorf(access.Forbidden, "grant", "the token may not")}, 20000)...)
				calls := 0
				r.each(func() {
					r.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
						if info.ActivityType.Name == "Grant" || info.ActivityType.Name == "Verify" {
							calls++
						}
					})
				})
				first := lease("r1:1", "wiki-editors", 5*time.Hour)
				r.asks(0, first)
				r.at(24*time.Hour, func() {
					r.target.FailNoMore()
					// Every quarter of an hour, and some at the beginning.
					require.Less(t, calls, 24*4+20, "calls of the target in a day")
				})
				r.mustEndBy(3 * day)
				r.run()
			})
		}
	}
}
