package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// TestEvaluate_first_question_is_short: policy is asked within the workflow task, and by an activity only when that was not
// answered. Neither is shown to anybody as a problem.
func TestEvaluate_first_question_is_short(t *testing.T) {
	for _, row := range []struct{ failed, soon, later int }{{0, 1, 0}, {1, 1, 1}} {
		t.Run(fmt.Sprintf("%d failed", row.failed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for range row.failed {
				w.source.FailNext(memory.OpLookup, access.Errorf(access.Transient, memory.OpLookup, "the source is slow"))
			}
			soon, later := 0, 0
			w.env.SetOnLocalActivityStartedListener(func(info *activity.Info, _ context.Context, _ []any) {
				if info.ActivityType.Name == "Evaluate" {
					soon++
				}
			})
			w.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
				if info.ActivityType.Name == "Evaluate" {
					later++
				}
			})
			w.at(500*time.Millisecond, func() { require.Equal(t, access.StateAwaitingApproval, w.view().State) })
			w.at(time.Minute, func() { w.decide("mia", access.Deny) })
			require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/editor")).Outcome)
			require.Equal(t, row.soon, soon, "questions within the workflow task")
			require.Equal(t, row.later, later, "activities")
		})
	}
}
