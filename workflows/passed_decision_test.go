package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// TestPassedDecision: an approver decides on the ticket, and somebody moves it on before usher has read it. The decision counts
// as if usher had seen it at once.
func TestPassedDecision(t *testing.T) {
	const poll, watch = "poll", "watch"
	type move struct {
		by access.PersonID
		to access.TicketPhase
	}
	for _, row := range []struct {
		name  string
		moves []move
		want  access.RequestState
	}{
		{"approved and moved back", []move{{"mia", access.TicketApproved}, {"mia", access.TicketWaiting}}, access.OutcomeGranted},
		{"approved and moved back by another", []move{{"mia", access.TicketApproved}, {"ben", access.TicketWaiting}}, access.OutcomeGranted},
		{"approved and moved on", []move{{"mia", access.TicketApproved}, {"ben", access.TicketWorking}}, access.OutcomeGranted},
		{"denied and moved back", []move{{"mia", access.TicketDenied}, {"ana", access.TicketWaiting}}, access.OutcomeDenied},
		{"denied and then approved by another", []move{{"mia", access.TicketDenied}, {"omar", access.TicketApproved}}, access.OutcomeDenied},
		{"denied and then approved", []move{{"mia", access.TicketDenied}, {"mia", access.TicketApproved}}, access.OutcomeDenied},
		{"approved by a stranger and moved back", []move{{"ben", access.TicketApproved}, {"ben", access.TicketWaiting}}, access.OutcomeExpired},
		{"approved by the requester and moved back", []move{{"ana", access.TicketApproved}, {"ana", access.TicketWaiting}}, access.OutcomeExpired},
	} {
		for _, mode := range []string{poll, watch} {
			t.Run(row.name+"/"+mode, func(t *testing.T) {
				w := newWorldWith(t, func(settings *access.RequestSettings) {
					if mode == watch {
						watchSettings(settings)
					}
				})
				w.at(61*time.Minute, func() {
					for _, m := range row.moves {
						w.move(m.by, m.to)
					}
					if mode == watch {
						w.tellChange()
					}
				})
				w.at(3*time.Hour, func() {
					require.Equal(t, row.want == access.OutcomeExpired, w.view().State == access.StateAwaitingApproval)
				})
				result := w.run(w.request("wiki/editor"))
				require.Equal(t, row.want, result.Outcome)
			})
		}
	}
}

// TestPassedDecision_old: a move that was no decision when it was made is none later, when another stage is open.
func TestPassedDecision_old(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() {
		w.move("omar", access.TicketApproved)
		w.move("omar", access.TicketWaiting)
	})
	w.at(3*time.Hour, func() { w.decide("mia", access.Approve) })
	asked := false
	w.at(25*time.Hour, func() {
		asked = true
		w.move("omar", access.TicketApproved)
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/admin")).Outcome)
	require.True(t, asked, "omar had not approved since it was his turn")
}

// tellChange has the request told what its ticket looks like, as the watch does.
func (w *world) tellChange() {
	now, err := w.desk.ReadTicket(w.t.Context(), w.ticket().Ref.ID)
	require.NoError(w.t, err)
	w.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: now})
}
