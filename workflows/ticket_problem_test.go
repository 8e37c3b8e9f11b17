package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestTicketOff_has_no_problem: the ticket was deleted, and the contract says to go on without one.
func TestTicketOff_has_no_problem(t *testing.T) {
	r := requestRuns(t, func(settings *access.RequestSettings) {
		quietTerms(settings)
		settings.TicketActions = access.TicketActions{access.EventDeleted: access.ActionRecordOnly}
	})
	r.at(time.Hour, func() { require.NoError(t, r.desk.Delete(r.ticket().Ref.ID)) })
	r.approves(2*time.Hour, "mia")
	r.at(3*time.Hour, func() { require.Empty(t, r.view().TicketProblem) })
	r.approves(4*time.Hour, "omar")
	r.mustEndBy(2 * day)
	require.Empty(t, r.outcomeOf(r.request("wiki/admin")).View.TicketProblem)
	kept, err := r.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Empty(t, kept.TicketProblem)
}
