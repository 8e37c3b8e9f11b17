package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// Nobody is said to have been reminded on a ticket that does not exist, and a grant by hand that nobody can confirm any more
// does not keep the run for ever.
func TestDefect28(t *testing.T) {
	t.Parallel()
	r := requestRuns(t, func(s *access.RequestSettings) {
		s.TicketActions = access.TicketActions{access.EventDeleted: access.ActionRecordOnly}
	})
	r.at(10*time.Minute, func() { require.NoError(t, r.desk.Delete(r.ticket().Ref.ID)) })
	r.approves(time.Hour, "omar")
	reminded := 0
	r.at(40*day, func() { reminded = has(r.events("r1"), access.EventReminded) })
	r.withdraws(41 * day)
	r.mustEndBy(45 * day)
	outcome := r.outcomeOf(r.request("badge/lab"))
	require.Zero(t, reminded, "the audit trail says that the ticket's assignee was reminded")
	require.Less(t, outcome.View.EndedAt.Sub(r.requestedAt()), 40*day)
}
