package workflows_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// TestPassedDecision_early_move: omar moves the ticket before it is his turn, and takes that back. Before usher reads the ticket, mia
// approves on the API. A read at once would have found no decision of his (TestPassedDecision_old), so he must be asked.
func TestPassedDecision_early_move(t *testing.T) {
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

// TestPassedDecision_refused_move_found_again: omar's move was refused, with a comment that says so. Later usher loses sight of the ticket,
// and finds the same ticket again by its marker. The refused move must not be his decision.
func TestPassedDecision_refused_move_found_again(t *testing.T) {
	for _, refused := range []access.TicketPhase{access.TicketApproved, access.TicketDenied} {
		t.Run(string(refused), func(t *testing.T) {
			w := newWorld(t)
			w.at(time.Hour, func() { w.move("omar", refused) })
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
		})
	}
}

// TestPassedDecision_approved_and_granted: omar approves on the ticket, and ben grants by hand and closes it as done, before usher has read it.
func TestPassedDecision_approved_and_granted(t *testing.T) {
	w := newWorld(t)
	w.at(61*time.Minute, func() {
		w.move("omar", access.TicketApproved)
		w.move("ben", access.TicketDone)
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("badge/lab")).Outcome)
}

// TestPassedDecision_flood: omar denies on the ticket. The requester moves it to and fro until his move is no longer among the last ones, and
// olga, who may decide as well, approves.
func TestPassedDecision_flood(t *testing.T) {
	w := newWorld(t)
	w.at(30*time.Minute, func() { w.decide("mia", access.Approve) })
	w.at(61*time.Minute, func() {
		w.move("omar", access.TicketDenied)
		for range access.MaxDecisionMoves {
			w.move("ana", access.TicketApproved)
			w.move("ana", access.TicketWaiting)
		}
	})
	w.at(25*time.Hour, func() { w.decide("olga", access.Approve) })
	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/admin")).Outcome)
}

// TestPassedDecision_denied_and_closed: mia denies on the ticket, and the requester closes it before usher has read it.
func TestPassedDecision_denied_and_closed(t *testing.T) {
	w := newWorld(t)
	w.at(61*time.Minute, func() {
		w.move("mia", access.TicketDenied)
		w.move("ana", access.TicketWontDo)
	})
	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/editor")).Outcome)
}

// coarse is a desk whose times are whole seconds, as Request Tracker's; with numbers for each move, as there, or without.
type coarse struct {
	*memory.Desk
	numbers bool
}

// ReadTicket implements access.TicketReader.
func (d coarse) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	s, err := d.Desk.ReadTicket(ctx, id)
	s.StatusChangedAt, s.UpdatedAt = s.StatusChangedAt.Truncate(time.Second), s.UpdatedAt.Truncate(time.Second)
	for i := range s.DecisionMoves {
		m := &s.DecisionMoves[i]
		if d.numbers {
			m.ID = strconv.FormatInt(m.At.UnixMilli(), 10)
		}
		m.At = m.At.Truncate(time.Second)
	}
	return s, err
}

// serve has the request's desk be this one.
func (d coarse) serve(w *world) {
	w.desk.SetClock(w.env.Now)
	desk := &activities.Desk{Port: d, Ledger: w.ledger, Now: w.env.Now}
	w.replace("ReadTicket", desk.ReadTicket)
	w.replace("UpdateTicket", desk.UpdateTicket)
}

// TestPassedDecision_one_second: mia approves the first stage, and omar, of the second, denies within the same second, on a desk whose times
// are whole seconds. olga, of the second stage too, approves a day later.
func TestPassedDecision_one_second(t *testing.T) {
	w := newWorld(t)
	coarse{w.desk, true}.serve(w)
	w.at(61*time.Minute, func() {
		w.move("mia", access.TicketApproved)
		w.move("omar", access.TicketDenied)
	})
	w.at(25*time.Hour, func() { w.decide("olga", access.Approve) })
	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/admin")).Outcome)
}

// TestPassedDecision_unsettled: on a desk with times in whole seconds and no ids of changes, mia approves twice within a second a ticket whose
// text ana has changed. usher refuses it once, and then has nothing more to do than to look now and then.
func TestPassedDecision_unsettled(t *testing.T) {
	w := newWorld(t)
	coarse{w.desk, false}.serve(w)
	w.at(61*time.Minute, func() {
		require.NoError(t, w.desk.EditTextAs(w.accounts["ana"], w.ticket().Ref.ID, "viewer"))
		w.move("mia", access.TicketApproved)
		w.move("mia", access.TicketWaiting)
		w.move("mia", access.TicketApproved)
		w.move("mia", access.TicketWaiting)
	})
	writes := 0
	w.at(3*time.Hour, func() { writes = w.desk.Calls(memory.OpTransitionTicket) })
	w.at(20*time.Hour, func() {
		require.Equal(t, writes, w.desk.Calls(memory.OpTransitionTicket), "moves of a ticket that nobody has touched for hours")
	})
	require.Equal(t, access.OutcomeExpired, w.run(w.request("wiki/editor")).Outcome)
}

// TestRemoval_carries_no_decisions: people move a ticket that asks for a removal to and fro. A person's workflow carries no list of that.
func TestRemoval_carries_no_decisions(t *testing.T) {
	h := newHolder(t)
	until := h.env.Now().Add(time.Hour)
	e := lease("r1:1", "vault", 0)
	e.Lease.Fulfilment, e.Window = access.FulfilmentManual, access.Window{Until: &until}
	e.Granted = &access.Verification{Present: true, Method: "a human's word", At: h.env.Now()}
	h.target.Put("vault", "ana")
	h.ensureAt(0, e)
	h.at(3*time.Hour, func() {
		for range access.MaxDecisionMoves {
			h.move("ana", access.TicketApproved)
			h.move("ana", access.TicketWaiting)
		}
	})
	h.at(5*time.Hour, func() {
		h.env.SetContinueAsNewSuggested(true)
		h.move("ana", access.TicketWorking)
	})
	h.env.ExecuteWorkflow(workflows.SubjectAccessType, workflows.SubjectAccessParams{Subject: "ana"})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, h.env.GetWorkflowError(), &next)
	require.NotContains(t, string(next.Input.GetPayloads()[0].GetData()), "decision_moves")
}

// TestPassedDecision_reset: omar's move was refused, with a comment that says so, and mia approved afterwards. Then the run is reset to its
// beginning: the server says her decision again at once. The refused move must not be his approval.
func TestPassedDecision_reset(t *testing.T) {
	w := newWorld(t)
	request := w.request("wiki/admin")
	w.at(time.Hour, func() { w.move("omar", access.TicketApproved) })
	w.at(3*time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(5*time.Hour, func() {
		require.Equal(t, access.StateAwaitingApproval, w.view().State)
		w.env.SetContinueAsNewSuggested(true)
	})
	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: request})
	require.Error(t, w.env.GetWorkflowError(), "the first run is no more")

	w.newRun()
	w.at(time.Second, func() { w.decide("mia", access.Approve) })
	asked := false
	w.at(25*time.Hour, func() {
		asked = true
		w.move("omar", access.TicketApproved)
	})
	require.Equal(t, access.OutcomeGranted, w.run(request).Outcome)
	require.True(t, asked, "omar had not approved since it was his turn")
}

// TestPassedDecision_two_stages: the approvals of both stages are made, one after the other, before usher reads the ticket.
func TestPassedDecision_two_stages(t *testing.T) {
	w := newWorld(t)
	w.at(61*time.Minute, func() {
		for _, by := range []access.PersonID{"mia", "omar"} {
			w.move(by, access.TicketApproved)
			w.move("ben", access.TicketWaiting)
		}
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/admin")).Outcome)
}
