package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// The worst request that is denied gives no activity more than the server takes, whoever denies it.
func TestDefect25(t *testing.T) {
	for name, signals := range map[string]bool{"by operators": true, "over the API": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := requestRuns(t, func(s *access.RequestSettings) {
				quietTerms(s)
				s.OperatorDecisions = true
			})
			largest := r.largestInputs()
			request, people := crowd{items: 20, owners: 1, id: uuidOf, manager: true, first: true}.asks(r.world)
			reason := func(runes, n int) string { return fmt.Sprintf("%04d", n) + strings.Repeat("<", runes-4) }
			request.Reason = reason(access.Limits().Reason.Runes, 0)
			said := 0
			say := func(by access.PersonID, v access.Verdict, item access.ItemID) {
				said++
				id := fmt.Sprint("d", said)
				d := access.Decision{
					ID: id, By: by, Verdict: v, Items: []access.ItemID{item}, Evidence: "test",
					Reason: reason(access.Limits().KeptReason.Runes, said),
				}
				if signals {
					r.signal(workflows.SignalDecision, d)
					return
				}
				r.update(workflows.UpdateDecide, id, d)
			}
			for i, item := range request.Items {
				r.at(time.Hour+time.Duration(i)*time.Minute, func() { say("mia", access.Approve, item.ID) })
			}
			r.at(2*time.Hour, func() {
				for i, item := range request.Items {
					say(people[i], access.Deny, item.ID)
				}
			})
			r.mustEndBy(3 * day)
			require.Equal(t, access.OutcomeDenied, r.outcomeOf(request).Outcome)
			t.Logf("largest inputs: %v, carried: %v", largest, r.carried)
			for name, size := range largest {
				require.Less(t, size, maxPayload, "input of %s", name)
			}
		})
	}
}
