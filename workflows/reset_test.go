package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// TestReset plays a request that was reset to its beginning: the same is said to a run that knows nothing, over a ledger, a
// desk and a target that know everything.
func TestReset(t *testing.T) {
	w := newWorldWith(t, func(settings *access.RequestSettings) {
		settings.PollInitialInterval, settings.PollMaxInterval = access.Duration(day), access.Duration(day)
	})
	request := w.request("wiki/editor")
	approve := func() { w.at(30*time.Hour, func() { w.decide("mia", access.Approve) }) }
	approve()
	require.Equal(t, access.OutcomeGranted, w.run(request).Outcome)
	before, comments, ensured := w.events("r1"), w.desk.Comments(w.ticket().Ref.ID), len(w.ensures)
	first, err := w.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Len(t, comments, 3, "a reminder, the decision and the outcome")

	w.newRun()
	approve()
	require.Equal(t, access.OutcomeGranted, w.run(request).Outcome)
	require.Equal(t, access.TicketDone, w.ticket().Phase)
	again, err := w.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Greater(t, again.Version, first.Version, "what is recorded now counts")
	require.NotContains(t, w.details(), "refuses")
	require.Greater(t, w.ensures[ensured].Revision, w.ensures[ensured-1].Revision, "what is asked for now counts")
	counts := map[access.EventType]int{}
	for _, e := range before {
		counts[e.Type]++
	}
	for _, said := range []access.EventType{
		access.EventSubmitted, access.EventRequired, access.EventTicketOpened, access.EventDecided, access.EventGrantRequested, access.EventEnded,
	} {
		require.Equal(t, counts[said], has(w.events("r1"), said), said)
	}
	require.Len(t, w.desk.Comments(w.ticket().Ref.ID), 4, "only the second reminder is another one")
}

// A message with a lower revision, as a request sends that was reset, is answered with where the lease stands.
func TestLowerRevision(t *testing.T) {
	h := newHolder(t)
	e := lease("r1:1", "wiki-editors", 3*time.Hour)
	e.Revision = 7
	h.ensureAt(0, e)
	h.at(time.Hour, func() {
		require.Len(t, h.answers, 1)
		e.Revision, e.DesiredState = 3, access.Absent
		h.signal(workflows.SignalApplyLease, e)
	})
	h.at(2*time.Hour, func() {
		require.Len(t, h.answers, 2)
		require.Equal(t, 7, h.last("r1:1").Revision)
		require.Equal(t, access.LeaseActive, h.last("r1:1").State)
		require.Equal(t, []access.PersonID{"ana"}, h.target.Members("wiki-editors"))
	})
	h.hold()
}

// A move of the ticket that a frozen worker makes after the end opens nothing again.
func TestLateMove(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	desk := &activities.Desk{Port: w.desk, Ledger: w.ledger, Now: w.env.Now}
	var moves []activities.UpdateTicketInput
	w.replace("UpdateTicket", func(ctx context.Context, u activities.UpdateTicketInput) (activities.UpdateTicketResult, error) {
		moves = append(moves, u)
		return desk.UpdateTicket(ctx, u)
	})
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(2*time.Hour, func() {
		require.Equal(t, access.TicketWorking, w.ticket().Phase)
		w.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: "ana"})
	})
	require.Equal(t, access.OutcomeWithdrawn, w.run(w.request("badge/lab")).Outcome)
	require.Equal(t, access.TicketWontDo, w.ticket().Phase)
	for _, late := range moves {
		_, err := desk.UpdateTicket(t.Context(), late)
		require.NoError(t, err)
		require.Equal(t, access.TicketWontDo, w.ticket().Phase)
	}
	require.Greater(t, len(moves), 1)
}
