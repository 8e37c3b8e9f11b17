package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// tells is the desk's watch telling the request what its ticket looks like now.
func (w *world) tells() {
	w.t.Helper()
	now, err := w.desk.ReadTicket(w.t.Context(), w.ticket().Ref.ID)
	require.NoError(w.t, err)
	w.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: now})
}

func TestWatched_decides_by_the_signal(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.at(time.Hour, func() {
		w.move("mia", access.TicketApproved)
		w.tells()
		w.tells()
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Len(t, result.View.Decisions, 1)
	require.Equal(t, access.ChannelTicket, result.View.Decisions[0].Channel)
	require.Equal(t, 1, has(w.events("r1"), access.EventTicketChanged))
}

func TestWatched_asks_nothing_while_fresh(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	var round func()
	round = func() {
		require.NoError(t, w.ledger.SaveWatch(t.Context(), access.WatchPosition{Desk: "jira", LastPollAt: w.env.Now()}))
		w.at(4*time.Minute, round)
	}
	w.at(0, round)
	w.at(72*time.Hour, func() {
		require.Zero(t, w.desk.Calls(memory.OpReadTicket))
		w.decide("mia", access.Approve)
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Zero(t, w.desk.Calls(memory.OpReadTicket))
}

func TestWatched_reads_when_stale(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.at(30*time.Minute, func() { w.move("mia", access.TicketApproved) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Equal(t, 1, w.desk.Calls(memory.OpReadTicket), "one safety look, after an hour")
}

func TestTicketChanged_during_a_write(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.at(time.Hour-time.Second, func() { w.desk.Down(true) })
	// The reminder cannot be written: the mirror is busy when the news come.
	w.at(25*time.Hour, func() {
		w.desk.Down(false)
		w.move("mia", access.TicketApproved)
		w.tells()
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Positive(t, w.desk.Calls(memory.OpReadTicket))
}

func TestWatched_ticket_is_gone(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.at(time.Hour, func() {
		ref := w.ticket().Ref
		require.NoError(t, w.desk.Delete(ref.ID))
		w.env.SignalWorkflow(workflows.SignalTicketChanged, access.TicketChange{Missing: true, Snapshot: access.TicketSnapshot{Ref: ref}})
	})
	w.at(time.Hour+5*time.Minute, func() { require.Len(t, w.desk.Tickets(), 2, "it is missed twice within minutes") })
	w.at(2*time.Hour, func() { w.decide("mia", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	tickets := w.desk.Tickets()
	require.Len(t, tickets, 2)
	require.Equal(t, access.TicketDone, tickets[1].Phase)
}

func TestEdge_more_steps(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.edge = true
	w.newRun()
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	events := w.events("r1")
	require.Equal(t, 1, has(events, access.EventTicketOpened))
	require.Equal(t, 1, has(events, access.EventTicketClosed))
	require.Equal(t, access.TicketDone, w.ticket().Phase)
}

func TestRecordAlong_with_the_ticket(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	events := w.events("r1")
	opened := index(events, access.EventTicketOpened)
	require.Contains(t, []int{0, 1, 2}, opened, "it does not wait for a later record")
	require.Contains(t, events[opened].Text, string(w.ticket().Ref.Key))
	require.Equal(t, access.EventTicketClosed, events[len(events)-1].Type)
	view, err := w.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, access.OutcomeGranted, view.State)
	require.Equal(t, w.ticket().Ref.Key, view.Ticket.Key)
}

func TestRecord_while_the_desk_is_down(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.desk.Down(true)
	w.at(2*time.Minute, func() { require.Equal(t, 1, has(w.events("r1"), access.EventRequired)) })
	w.at(time.Hour, func() {
		w.desk.Down(false)
		w.decide("mia", access.Approve)
	})
	w.at(90*time.Minute, func() { w.desk.Down(true) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
}
