package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// A caller is answered when the ledger has what was said.
func TestAnswers(t *testing.T) {
	rows := map[string]struct {
		say   func(*runs) *answer
		event access.EventType
	}{
		"a decision": {func(r *runs) *answer { return r.decide("mia", access.Deny) }, access.EventDecided},
		"a withdrawal": {func(r *runs) *answer {
			return r.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: "ana"})
		}, access.EventWithdrawalRequested},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := requestRuns(t, quietTerms)
			var got *answer
			looked := false
			r.at(time.Hour, func() {
				r.server.slowDown(workflows.TaskQueue, 2*time.Second)
				got = row.say(r)
			})
			r.at(time.Hour+time.Second, func() {
				looked = true
				require.Zero(t, has(r.events("r1"), row.event))
				require.False(t, got.done, "the ledger does not have it yet")
			})
			r.mustEndBy(day)
			r.outcomeOf(r.request("wiki/editor"))
			require.True(t, looked, "the request goes on until the ledger has it")
			require.Equal(t, 1, has(r.events("r1"), row.event))
			require.NoError(t, got.accepted)
		})
	}
}
