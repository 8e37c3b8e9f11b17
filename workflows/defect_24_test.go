package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// A ticket whose creation got no answer, and that somebody moves to another project before usher finds it, is in the ledger
// under its new key, and nothing that usher says of it is refused.
func TestDefect24(t *testing.T) {
	for name, moved := range map[string]bool{"moved": true, "not moved (control)": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := requestRuns(t, quietTerms)
			r.server.loseCreates(1)
			r.at(time.Minute, func() {
				require.Equal(t, 1, has(r.events("r1"), access.EventTicketOpened), "the call whose answer was lost has recorded it")
				if moved {
					_, err := r.desk.Rekey(r.ticket().Ref.ID, "OTHER")
					require.NoError(t, err)
				}
			})
			r.at(time.Hour, func() {
				require.NotNil(t, r.view().Ticket)
				key := r.ticket().Ref.Key
				require.Equal(t, key, r.view().Ticket.Key)
				links, err := r.ledger.TicketsOf(t.Context(), "r1")
				require.NoError(t, err)
				require.Len(t, links, 1)
				require.NotContains(t, r.details(), "refuses")
				require.Equal(t, key, links[0].Ref.Key, "the key in the ledger")
				view, err := r.ledger.View(t.Context(), "r1")
				require.NoError(t, err)
				require.NotNil(t, view.Ticket)
				require.Equal(t, key, view.Ticket.Key, "what API readers see")
			})
			r.withdraws(3 * time.Hour)
			r.mustEndBy(2 * day)
			require.Equal(t, access.OutcomeWithdrawn, r.outcomeOf(r.request("badge/lab")).Outcome)
		})
	}
}
