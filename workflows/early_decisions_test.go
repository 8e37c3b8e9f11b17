package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// A decision that comes before policy has answered, as it does after a reset, is held until it has, and is judged then.
func TestEarlyDecisions(t *testing.T) {
	t.Run("the approver's counts", func(t *testing.T) {
		w := newWorld(t)
		w.source.Down(true)
		var early *answer
		w.at(time.Minute, func() { early = w.decide("mia", access.Approve) })
		w.at(time.Hour, func() {
			require.False(t, early.done)
			w.source.Down(false)
		})
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.NoError(t, early.rejected)
		require.NoError(t, early.accepted)
		require.Len(t, early.view.Decisions, 1)
	})
	t.Run("a stranger's is refused with the reason", func(t *testing.T) {
		w := newWorld(t)
		w.source.Down(true)
		var early *answer
		w.at(time.Minute, func() { early = w.decide("ben", access.Approve) })
		w.at(time.Hour, func() { w.source.Down(false) })
		w.at(2*time.Hour, func() { w.decide("mia", access.Deny) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeDenied, result.Outcome)
		require.NoError(t, early.rejected)
		require.ErrorContains(t, early.accepted, "you are not an approver")
		require.Len(t, result.View.Decisions, 1)
	})
}
