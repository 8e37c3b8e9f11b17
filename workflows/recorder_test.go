package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// updates hears every attempt to bring a ticket up to date.
func (w *world) updates() *[]activities.UpdateTicketInput {
	heard := &[]activities.UpdateTicketInput{}
	w.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
		if info.ActivityType.Name != "UpdateTicket" {
			return
		}
		var update activities.UpdateTicketInput
		if args.Get(&update) == nil {
			*heard = append(*heard, update)
		}
	})
	return heard
}

// replace puts another activity in the place of one that is registered.
func (w *world) replace(name string, by any) {
	w.env.RegisterActivityWithOptions(by, activity.RegisterOptions{Name: name, DisableAlreadyRegisteredCheck: true})
}

// texts are the events of a type.
func texts(events []access.Event, t access.EventType) []string {
	var found []string
	for _, e := range events {
		if e.Type == t {
			found = append(found, e.Text)
		}
	}
	return found
}

func TestUpdateTicket_decision_and_grant_together(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	updates := w.updates()
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Len(t, *updates, 1)
	update := (*updates)[0]
	require.Len(t, update.Comments, 2)
	require.Contains(t, update.Comments[0].Text, "Mia approved")
	require.Contains(t, update.Comments[1].Text, "The request has ended: granted")
	require.Equal(t, access.TicketDone, update.TransitionTo, "and never to work in between")
	require.NotNil(t, update.Record)
}

func TestDecision_shown_while_the_target_fails(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.entity = func(e access.LeaseSpec) {
		w.env.SignalWorkflow(workflows.SignalLeaseStatus, access.LeaseStatus{
			Lease: e.Lease.ID, Revision: e.Revision, State: access.LeaseGranting, Problem: "the target is away",
		})
		w.at(3*time.Hour, func() { w.grantAtOnce(e) })
	}
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(time.Hour+time.Minute, func() {
		comments := w.desk.Comments(w.ticket().Ref.ID)
		require.Len(t, comments, 1)
		require.Contains(t, comments[0], "Mia approved")
		require.Equal(t, access.TicketWorking, w.ticket().Phase)
		require.Contains(t, w.view().StatusText, "the target is away")
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Equal(t, access.TicketDone, w.ticket().Phase)
}

func TestDecision_shown_while_the_subject_is_silent(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	answers := 0
	w.entity = func(e access.LeaseSpec) {
		if answers++; answers > 1 {
			w.grantAtOnce(e)
		}
	}
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(90*time.Minute, func() { require.Equal(t, access.TicketWaiting, w.ticket().Phase, "a grant takes moments") })
	updates := w.updates()
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Equal(t, access.TicketWorking, (*updates)[0].TransitionTo)
	require.Contains(t, (*updates)[0].Comments[0].Text, "Mia approved")
}

// behind lets two decisions wait for a desk that is away, which is back at three hours.
func behind(t *testing.T, back func(*world)) *world {
	t.Helper()
	w := newWorldWith(t, watchSettings)
	w.at(time.Hour, func() {
		w.desk.Down(true)
		w.decide("mia", access.Approve)
	})
	w.at(2*time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(3*time.Hour, func() {
		require.Empty(t, w.desk.Comments(w.ticket().Ref.ID))
		require.Contains(t, w.view().TicketProblem, "ticket is behind")
		w.desk.Down(false)
		back(w)
	})
	return w
}

func TestUpdateTicket_waiting_writes_in_order(t *testing.T) {
	w := behind(t, func(w *world) {})
	result := w.run(w.request("wiki/admin"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Empty(t, result.View.TicketProblem)
	comments := w.desk.Comments(w.ticket().Ref.ID)
	require.Len(t, comments, 3)
	require.Contains(t, comments[0], "Mia approved")
	require.Contains(t, comments[1], "Omar approved")
	require.Contains(t, comments[2], "The request has ended: granted")
	require.Equal(t, access.TicketDone, w.ticket().Phase)
}

func TestUpdateTicket_one_refused_write(t *testing.T) {
	w := behind(t, func(w *world) {
		no := access.Errorf(access.Invalid, "add comment", "the desk does not like this text")
		// The second comment is refused in the batch, and again when it comes alone.
		w.desk.FailNext(memory.OpAddComments, nil, no, nil, no)
	})
	result := w.run(w.request("wiki/admin"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	comments := w.desk.Comments(w.ticket().Ref.ID)
	require.Len(t, comments, 2)
	require.Contains(t, comments[0], "Mia approved")
	require.Contains(t, comments[1], "The request has ended: granted")
	require.Equal(t, access.TicketDone, w.ticket().Phase)
	seen := texts(w.events("r1"), access.EventTicketChanged)
	require.Len(t, seen, 1, "what the desk refuses is said once")
	require.Contains(t, seen[0], "does not like this text")
}

func TestUpdateTicket_together_after_a_refused_batch(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.at(time.Hour, func() {
		no := access.Errorf(access.Invalid, "add comment", "the desk does not like this text")
		w.desk.Down(true)
		w.decide("mia", access.Approve)
		w.at(time.Hour, func() {
			w.desk.Down(false)
			w.desk.FailNext(memory.OpAddComments, no, no)
		})
	})
	updates := w.updates()
	// After the reminder.
	w.at(26*time.Hour, func() { *updates = nil })
	w.at(27*time.Hour, func() { w.decide("olga", access.Approve) })
	result := w.run(w.request("wiki/admin"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Len(t, *updates, 1)
	require.Len(t, (*updates)[0].Comments, 2)
}

func TestClose_ticket_closed_meanwhile(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	// No way leads from a human's closing to usher's.
	w.desk.CloseOff(access.TicketDone)
	w.at(time.Hour, func() {
		w.move("ben", access.TicketWontDo)
		w.decide("mia", access.Approve)
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Equal(t, access.TicketWontDo, w.ticket().Phase)
	require.Equal(t, w.accounts["ben"], w.ticket().StatusChangedBy)
	require.Len(t, w.desk.Comments(w.ticket().Ref.ID), 2, "the comments stand on it all the same")
	seen := texts(w.events("r1"), access.EventTicketChanged)
	require.Len(t, seen, 1)
	require.Contains(t, seen[0], "Left as it is: ticket is behind: move ticket: no transition leads")
	require.Equal(t, 1, has(w.events("r1"), access.EventEnded))
}

func TestClose_when_it_is_possible(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.desk.DemandField(access.TicketDone, "resolution")
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(5*time.Hour, func() {
		require.Equal(t, access.OutcomeGranted, w.view().State)
		require.Contains(t, w.view().TicketProblem, `demands the field "resolution"`)
		require.Equal(t, 1, has(w.events("r1"), access.EventEnded), "the ledger does not wait for the desk's administrator")
		require.Zero(t, has(w.events("r1"), access.EventTicketClosed))
		w.desk.DemandField(access.TicketDone, "")
	})
	result := w.run(w.request("wiki/editor"))
	require.Empty(t, result.View.TicketProblem)
	require.Equal(t, access.TicketDone, w.ticket().Phase)
	require.Equal(t, 1, has(w.events("r1"), access.EventTicketClosed))
}

func TestDeskWithoutWorker_stops_nothing(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.edge = true
	w.newRun()
	present, asked := false, 0
	desk := &activities.Desk{Port: w.desk}
	w.replace("OpenTicket", func(ctx context.Context, c activities.OpenTicketInput) (activities.OpenTicketResult, error) {
		if asked++; !present {
			// Nobody polls the desk's queue.
			return activities.OpenTicketResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
		}
		return desk.OpenTicket(ctx, c)
	})
	w.at(time.Minute, func() {
		require.Equal(t, 1, has(w.events("r1"), access.EventRequired), "the ledger does not wait for the desk's worker")
		require.Contains(t, w.view().TicketProblem, "is a worker polling the queue?")
		require.Empty(t, w.desk.Tickets())
	})
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(2*time.Hour, func() {
		require.Equal(t, []access.PersonID{"ana"}, w.target.Members("wiki-editors"), "nor does the grant")
		present = true
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Greater(t, asked, 2)
	require.Equal(t, access.TicketDone, w.ticket().Phase)
	events := w.events("r1")
	require.Equal(t, 1, has(events, access.EventTicketOpened))
	require.Equal(t, 1, has(events, access.EventTicketClosed))
	links, err := w.ledger.TicketsOf(t.Context(), "r1")
	require.NoError(t, err)
	require.Len(t, links, 1)
}

func TestRecordAlong_once(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	desk := &activities.Desk{Port: w.desk, Ledger: w.ledger, Now: w.env.Now}
	lose := map[string]bool{"OpenTicket": true, "UpdateTicket": true}
	w.replace("OpenTicket", func(ctx context.Context, c activities.OpenTicketInput) (activities.OpenTicketResult, error) {
		opened, err := desk.OpenTicket(ctx, c)
		if err == nil && lose["OpenTicket"] {
			lose["OpenTicket"] = false
			return activities.OpenTicketResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
		}
		return opened, err
	})
	w.replace("UpdateTicket", func(ctx context.Context, u activities.UpdateTicketInput) (activities.UpdateTicketResult, error) {
		updated, err := desk.UpdateTicket(ctx, u)
		if err == nil && lose["UpdateTicket"] {
			lose["UpdateTicket"] = false
			return activities.UpdateTicketResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
		}
		return updated, err
	})
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Len(t, w.desk.Comments(w.ticket().Ref.ID), 2)
	events := w.events("r1")

	for _, want := range []access.EventType{
		access.EventSubmitted, access.EventRequired, access.EventDecided, access.EventGrantRequested,
		access.EventEnded, access.EventTicketClosed,
	} {
		require.Equal(t, 1, has(events, want), want)
	}
}

func TestWithdraw_during_the_opening(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	desk := &activities.Desk{Port: w.desk, Ledger: w.ledger, Now: w.env.Now}
	var withdrawn *answer
	w.replace("OpenTicket", func(ctx context.Context, c activities.OpenTicketInput) (activities.OpenTicketResult, error) {
		withdrawn = w.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: "ana"})
		require.Eventually(t, func() bool { return has(w.events("r1"), access.EventWithdrawalRequested) == 1 }, 10*time.Second, time.Millisecond)
		return desk.OpenTicket(ctx, c)
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeWithdrawn, result.Outcome)
	require.NoError(t, withdrawn.accepted)
	require.Equal(t, access.TicketWontDo, w.ticket().Phase)
	events := w.events("r1")

	require.Equal(t, 1, has(events, access.EventSubmitted))
	view, err := w.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, w.ticket().Ref.Key, view.Ticket.Key)
}

func TestWatch_change_behind_the_cursor(t *testing.T) {
	l := newLookout(t)
	refs := l.opens(2)
	// The search knows the later change before the earlier one.
	l.at(10*time.Minute+5*time.Second, func() {
		require.NoError(t, l.desk.MoveAs(l.accounts["mia"], refs[0].ID, access.TicketApproved))
		require.NoError(t, l.desk.Hide(refs[0].ID, true))
	})
	l.at(10*time.Minute+10*time.Second, func() {
		require.NoError(t, l.desk.MoveAs(l.accounts["mia"], refs[1].ID, access.TicketApproved))
	})
	l.at(11*time.Minute+10*time.Second, func() {
		require.Equal(t, []access.RequestID{"r2"}, l.requests())
		require.NoError(t, l.desk.Hide(refs[0].ID, false))
	})
	l.watches(20 * time.Minute)
	require.Equal(t, []access.RequestID{"r2", "r1"}, l.requests())
}

func TestTicketChanged_overtaken_by_a_write(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	// The reminder cannot be written: the mirror is busy when the news come.
	w.at(24*time.Hour-time.Minute, func() { w.desk.Down(true) })
	w.at(25*time.Hour, func() {
		w.desk.Down(false)
		w.move("ben", access.TicketApproved)
		old, err := w.desk.ReadTicket(t.Context(), w.ticket().Ref.ID)
		require.NoError(t, err)
		w.move("ben", access.TicketWaiting)
		w.env.SignalWorkflow(workflows.SignalTicketChanged, access.TicketChange{Snapshot: old})
	})
	w.at(26*time.Hour, func() { w.decide("mia", access.Deny) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
	require.Zero(t, has(w.events("r1"), access.EventTicketChanged), "ben has taken his move back")
	comments := w.desk.Comments(w.ticket().Ref.ID)
	require.Len(t, comments, 3)
	require.Contains(t, comments[0], "Reminder")
	require.Contains(t, comments[1], "Mia denied")
}
