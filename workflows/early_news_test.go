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
func TestTicketChanged_before_the_opening(t *testing.T) {
	for name, lost := range map[string]bool{"the answer comes a little later": false, "the answer is lost": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWith(t, watchSettings)
			var round func()
			round = func() {
				require.NoError(t, w.ledger.SaveWatch(t.Context(), access.WatchPosition{Desk: "jira", LastPollAt: w.env.Now()}))
				w.at(4*time.Minute, round)
			}
			w.at(0, round)
			desk, first := &activities.Desk{Port: w.desk, Ledger: w.ledger, Now: w.env.Now}, true
			w.replace("OpenTicket", func(ctx context.Context, c activities.OpenTicketInput) (activities.OpenTicketResult, error) {
				opened, err := desk.OpenTicket(ctx, c)
				if !first || err != nil {
					return opened, err
				}
				first = false
				w.move("mia", access.TicketApproved)
				w.tells()
				if lost {
					return activities.OpenTicketResult{}, temporal.NewNonRetryableApplicationError("the answer is lost", string(access.Unknown), nil)
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

// slowDesk loses the answer to the first move into work, and a human acts before usher repeats it.
type slowDesk struct {
	access.ServiceDesk
	acts func()
}

func (d *slowDesk) TransitionTicket(ctx context.Context, id access.TicketID, to access.TicketPhase) error {
	err := d.ServiceDesk.TransitionTicket(ctx, id, to)
	if err == nil && to == access.TicketWorking && d.acts != nil {
		acts := d.acts
		d.acts = nil
		acts()
		return access.Errorf(access.Transient, "move ticket", "the answer is lost")
	}
	return err
}

func TestTransition_repeated_undoes_nothing(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	desk := &slowDesk{ServiceDesk: w.desk, acts: func() { w.move("ben", access.TicketDone) }}
	port := &activities.Desk{Port: desk, Ledger: w.ledger, Now: w.env.Now}
	w.replace("UpdateTicket", port.UpdateTicket)
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(90*time.Minute, func() { require.Len(t, w.ensures, 1, "the human's word counts at once") })
	result := w.run(w.request("badge/lab"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Contains(t, w.ensures[0].Granted.Evidence, string(w.accounts["ben"]))
}

func TestRevert_over_a_known_move(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.at(time.Hour, func() {
		w.move("ben", access.TicketApproved)
		w.tells()
	})
	w.at(2*time.Hour, func() {
		require.Equal(t, access.TicketWaiting, w.ticket().Phase)
		w.decide("mia", access.Deny)
	})
	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/editor")).Outcome)
}
