package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestDefect08FirstOfTwoDecisions holds that nothing rests on a decision that the ledger does not have, also when others
// follow it.
func TestDefect08FirstOfTwoDecisions(t *testing.T) {
	r := requestRuns(t, nil)
	r.each(func() {
		r.refusing(func(e access.Entry) error {
			for _, event := range e.Events {
				if event.Type == access.EventDecided && event.Actor == "mia" {
					return access.Errorf(access.Conflict, "record", why)
				}
			}
			return nil
		})
	})
	var late *answer
	r.at(time.Hour, func() { r.decide("mia", access.Approve) })
	r.at(2*time.Hour, func() { late = r.decide("omar", access.Approve) })
	r.mustEndBy(2 * day)
	result := r.outcomeOf(r.request("wiki/admin"))
	require.Equal(t, access.OutcomeFailed, result.Outcome)
	require.Empty(t, r.ensures)
	require.Empty(t, r.target.Members("wiki-admins"))
	require.True(t, late == nil || late.rejected != nil || late.accepted != nil, "a decision that cannot count is refused")
}
