package workflows_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// TestAttack3_early_move: omar moves the ticket before it is his turn, and takes that back. Before usher reads the ticket, mia
// approves on the API. A read at once would have found no decision of his (TestPassedDecision_old), so he must be asked.
func TestAttack3_early_move(t *testing.T) {
	w := newWorld(t)
	w.at(61*time.Minute, func() {
		w.move("omar", access.TicketApproved)
		w.move("omar", access.TicketWaiting)
	})
	w.at(61*time.Minute+5*time.Second, func() { w.decide("mia", access.Approve) })
	asked := false
	w.at(25*time.Hour, func() {
		asked = true
		w.move("omar", access.TicketApproved)
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/admin")).Outcome)
	require.True(t, asked, "omar had not approved since it was his turn")
}

// TestAttack3_refused_move_found_again: omar's move was refused, with a comment that says so. Later usher loses sight of the ticket,
// and finds the same ticket again by its marker. The refused move must not be his approval.
func TestAttack3_refused_move_found_again(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.move("omar", access.TicketApproved) })
	w.at(3*time.Hour, func() {
		require.Equal(t, access.TicketWaiting, w.ticket().Phase, "usher has put it back")
		w.decide("mia", access.Approve)
	})
	w.at(5*time.Hour, func() {
		require.Equal(t, access.StateAwaitingApproval, w.view().State)
		require.NoError(t, w.desk.Hide(w.ticket().Ref.ID, true))
		// The desk is shaky: what would open another ticket fails, and then everything is as before.
		for range 14 {
			w.desk.FailNext(memory.OpFindTicket, access.Errorf(access.Transient, "find", "the desk is down"))
		}
	})
	w.at(5*time.Hour+20*time.Minute, func() { require.NoError(t, w.desk.Hide(w.ticket().Ref.ID, false)) })
	asked := false
	w.at(25*time.Hour, func() {
		asked = true
		w.move("omar", access.TicketApproved)
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/admin")).Outcome)
	require.True(t, asked, "omar had not approved since it was his turn")
}

// TestAttack3_approved_and_granted: omar approves on the ticket, and ben grants by hand and closes it as done, before usher has read it.
func TestAttack3_approved_and_granted(t *testing.T) {
	w := newWorld(t)
	w.at(61*time.Minute, func() {
		w.move("omar", access.TicketApproved)
		w.move("ben", access.TicketDone)
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("badge/lab")).Outcome)
}

// TestAttack3_flood: mia denies. The requester moves the ticket to and fro until her move is no longer among the last ones.
func TestAttack3_flood(t *testing.T) {
	w := newWorld(t)
	w.at(61*time.Minute, func() {
		w.move("mia", access.TicketDenied)
		for range access.MaxDecisionMoves {
			w.move("ana", access.TicketApproved)
			w.move("ana", access.TicketWaiting)
		}
	})
	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/editor")).Outcome)
}

// seconds has the ticket read as Request Tracker shows it: times in whole seconds, and a number for each move.
func seconds(w *world) {
	w.replace("ReadTicket", func(ctx context.Context, c activities.ReadTicketInput) (activities.ReadTicketResult, error) {
		s, err := w.desk.ReadTicket(ctx, c.Ticket)
		s.StatusChangedAt, s.UpdatedAt = s.StatusChangedAt.Truncate(time.Second), s.UpdatedAt.Truncate(time.Second)
		for i := range s.DecisionMoves {
			m := &s.DecisionMoves[i]
			m.ID, m.At = strconv.FormatInt(m.At.UnixMilli(), 10), m.At.Truncate(time.Second)
		}
		return activities.ReadTicketResult{Snapshot: s}, err
	})
}

// TestAttack3_one_second: mia approves the first stage, and omar, of the second, denies within the same second, on a desk whose times
// are whole seconds. olga, of the second stage too, approves a day later.
func TestAttack3_one_second(t *testing.T) {
	w := newWorld(t)
	w.desk.SetClock(w.env.Now)
	seconds(w)
	w.at(61*time.Minute, func() {
		w.move("mia", access.TicketApproved)
		w.move("omar", access.TicketDenied)
	})
	w.at(25*time.Hour, func() { w.decide("olga", access.Approve) })
	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/admin")).Outcome)
}
