package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// The ledger knows a ticket as soon as it is created, and so does the watch; the request knows it when the answer is here.
func TestNewsOfATicketThatTheRequestDoesNotKnowYetAreNotLost(t *testing.T) {
	for name, lost := range map[string]bool{"the answer comes a little later": false, "the answer is lost": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWith(t, watchTerms)
			var round func()
			round = func() {
				require.NoError(t, w.ledger.SaveWatch(t.Context(), access.WatchView{Desk: "jira", LookedAt: w.env.Now()}))
				w.at(4*time.Minute, round)
			}
			w.at(0, round)
			desk, first := &activities.Desk{Port: w.desk, Ledger: w.ledger}, true
			w.replace("OpenTicket", func(ctx context.Context, c activities.OpenCall) (activities.Opened, error) {
				opened, err := desk.OpenTicket(ctx, c)
				if !first || err != nil {
					return opened, err
				}
				first = false
				w.move("mia", access.TicketApproved)
				w.tells()
				if lost {
					return activities.Opened{}, temporal.NewNonRetryableApplicationError("the answer is lost", string(access.Unknown), nil)
				}
				return opened, nil
			})
			result := w.run(w.request("wiki/editor"))
			require.Equal(t, access.OutcomeGranted, result.Outcome)
			require.Equal(t, access.ChannelTicket, result.View.Decisions[0].Channel)
			require.Positive(t, w.desk.Calls(memory.OpReadTicket), "it looks as soon as the ticket is known")
		})
	}
}
