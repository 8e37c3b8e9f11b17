package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// What people read of a request that has ended says nothing of a trouble with its ticket that is over.
func TestDefect26(t *testing.T) {
	t.Parallel()
	r := requestRuns(t, quietTerms)
	r.at(30*time.Minute, func() { r.desk.Down(true) })
	r.approves(40*time.Minute, "mia")
	r.at(time.Hour, func() { r.decide("omar", access.Deny) })
	r.at(2*time.Hour, func() {
		view, err := r.ledger.View(t.Context(), "r1")
		require.NoError(t, err)
		require.NotEmpty(t, view.TicketProblem, "the ticket is behind")
		r.desk.Down(false)
	})
	r.mustEndBy(2 * day)
	result := r.outcomeOf(r.request("wiki/admin"))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
	require.Equal(t, access.TicketWontDo, r.ticket().Phase)
	require.Equal(t, 1, has(r.events("r1"), access.EventTicketClosed))
	view, err := r.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Empty(t, view.TicketProblem, "the ticket shows the outcome, and nobody will ever write this again")
}
