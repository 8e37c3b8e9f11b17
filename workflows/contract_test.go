package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

func TestDecideByTicket_approves(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.move("mia", access.TicketApproved) })
	w.at(90*time.Minute, func() {
		require.Equal(t, access.TicketWaiting, w.ticket().Phase, "the ticket waits for the next stage")
		require.Equal(t, "owner", w.view().WaitingOn[0].Stage)
	})
	w.at(2*time.Hour, func() { w.move("omar", access.TicketApproved) })

	result := w.run(w.request("wiki/admin"))

	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Len(t, result.View.Decisions, 2)
	first := result.View.Decisions[0]
	require.Equal(t, access.ChannelTicket, first.Channel)
	require.Equal(t, access.PersonID("mia"), first.By)
	require.Contains(t, first.Evidence, "changelog")
}

func TestDecideByTicket_denies(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.move("mia", access.TicketDenied) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
	require.Empty(t, w.ensures)
}

func TestRevert_says_why(t *testing.T) {
	rows := []struct {
		name string
		by   access.PersonID
		text string
	}{
		{"the requester approves her own request", "ana", "somebody else decides: Mia (manager)"},
		{"a stranger approves", "ben", "you are not an approver of this request"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.at(time.Hour, func() { w.move(row.by, access.TicketApproved) })
			w.at(2*time.Hour, func() {
				ticket := w.ticket()
				require.Equal(t, access.TicketWaiting, ticket.Phase)
				comments := w.desk.Comments(ticket.Ref.ID)
				require.Contains(t, comments[len(comments)-1], row.text)
				require.Empty(t, w.view().Decisions)
				w.decide("mia", access.Deny)
			})
			result := w.run(w.request("wiki/editor"))
			require.Equal(t, access.OutcomeDenied, result.Outcome)
			require.Equal(t, 1, has(w.events("r1"), access.EventDecisionRefused))
		})
	}
}

func TestTicketActions(t *testing.T) {
	cancelled, denied, granted := access.OutcomeCancelled, access.OutcomeDenied, access.OutcomeGranted
	rows := []struct {
		name     string
		ask      access.EntitlementID
		contract access.TicketActions
		do       func(w *world)
		outcome  access.RequestState
		check    func(t *testing.T, w *world)
	}{
		{
			"closed before a decision, by default: cancelled", "wiki/editor", nil,
			func(w *world) { w.move("ben", access.TicketDone) }, cancelled, nil,
		},
		{
			"closed before a decision, as a denial", "wiki/editor",
			access.TicketActions{access.EventClosedUndecided: access.ActionDeny},
			func(w *world) { w.move("ben", access.TicketWontDo) }, denied, nil,
		},
		{
			"closed before a decision, put back", "wiki/editor",
			access.TicketActions{access.EventClosedUndecided: access.ActionRevert},
			func(w *world) { w.move("ben", access.TicketDone) }, granted,
			func(t *testing.T, w *world) {
				require.Contains(t, w.desk.Comments(w.ticket().Ref.ID)[0], "closing the ticket is no decision")
			},
		},
		{
			"an approver's move that is only noted", "wiki/editor",
			access.TicketActions{access.EventDecidedByApprover: access.ActionRecordOnly},
			func(w *world) { w.move("mia", access.TicketApproved) }, granted,
			func(t *testing.T, w *world) {
				view, err := w.ledger.View(t.Context(), "r1")
				require.NoError(t, err)
				require.Len(t, view.Decisions, 1)
				require.Equal(t, access.ChannelAPI, view.Decisions[0].Channel)
			},
		},
		{
			"a stranger's move that is only noted", "wiki/editor",
			access.TicketActions{access.EventDecidedByOther: access.ActionRecordOnly},
			func(w *world) { w.move("ben", access.TicketApproved) }, granted, nil,
		},
		{
			"deleted, by default: opened again", "wiki/editor", nil,
			func(w *world) { require.NoError(w.t, w.desk.Delete(w.ticket().Ref.ID)) }, granted,
			func(t *testing.T, w *world) {
				tickets := w.desk.Tickets()
				require.Len(t, tickets, 2)
				require.Equal(t, access.TicketDone, tickets[1].Phase)
				require.Contains(t, tickets[1].Comments[0].Text, "This ticket replaces "+string(tickets[0].Ref.Key))
			},
		},
		{
			"deleted, as a cancel", "wiki/editor",
			access.TicketActions{access.EventDeleted: access.ActionCancel},
			func(w *world) { require.NoError(w.t, w.desk.Delete(w.ticket().Ref.ID)) }, cancelled, nil,
		},
		{
			"deleted, and the request goes on without a ticket", "wiki/editor",
			access.TicketActions{access.EventDeleted: access.ActionRecordOnly},
			func(w *world) { require.NoError(w.t, w.desk.Delete(w.ticket().Ref.ID)) }, granted, nil,
		},
		{
			"moved: the new key is followed", "wiki/editor", nil,
			func(w *world) { rekey(w) }, granted,
			func(t *testing.T, w *world) {
				view, err := w.ledger.View(t.Context(), "r1")
				require.NoError(t, err)
				require.Equal(t, w.ticket().Ref.Key, view.Ticket.Key)
				require.Equal(t, access.TicketDone, w.ticket().Phase)
			},
		},
		{
			"moved, as a cancel", "wiki/editor",
			access.TicketActions{access.EventMoved: access.ActionCancel},
			func(w *world) { rekey(w) }, cancelled, nil,
		},
		{
			"the assignee changed: noted", "wiki/editor", nil,
			func(w *world) { require.NoError(w.t, w.desk.AssignAs(w.ticket().Ref.ID, w.accounts["ben"])) }, granted,
			func(t *testing.T, w *world) {
				require.Equal(t, 1, has(w.events("r1"), access.EventTicketChanged))
			},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorldWith(t, func(settings *access.RequestSettings) { settings.TicketActions = row.contract })
			w.at(time.Hour, func() { row.do(w) })
			w.at(3*time.Hour, func() { w.decide("mia", access.Approve) })
			result := w.run(w.request(row.ask))
			require.Equal(t, row.outcome, result.Outcome)
			if row.outcome == granted {
				require.Equal(t, []access.PersonID{"ana"}, w.target.Members("wiki-editors"))
			} else {
				require.Empty(t, w.ensures)
			}
			if row.check != nil {
				row.check(t, w)
			}
		})
	}
}

func rekey(w *world) {
	_, err := w.desk.Rekey(w.ticket().Ref.ID, "OTHER")
	require.NoError(w.t, err)
}

func TestMissing_once(t *testing.T) {
	w := newWorld(t)
	w.desk.FailNext("ReadTicket", access.Errorf(access.NotFound, "read", "no such ticket"))
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Len(t, w.desk.Tickets(), 1)
	require.Zero(t, has(w.events("r1"), access.EventTicketChanged), "nothing is said about a ticket that is there")
}

func TestClosedDone_confirms_the_grant(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(2*time.Hour, func() {
		require.Equal(t, access.TicketWorking, w.ticket().Phase)
		require.Equal(t, "fulfilment", w.view().WaitingOn[0].Stage)
		w.move("ana", access.TicketDone)
	})
	w.at(3*time.Hour, func() {
		require.Equal(t, access.TicketWorking, w.ticket().Phase, "the requester cannot confirm her own access")
		require.Empty(t, w.ensures)
		w.move("ben", access.TicketDone)
	})
	result := w.run(w.request("badge/lab"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Len(t, w.ensures, 1)
	require.NotNil(t, w.ensures[0].Granted)
	require.Contains(t, w.ensures[0].Granted.Evidence, string(w.accounts["ben"]))
	require.Equal(t, w.ensures[0].Granted.At.Add(10*24*time.Hour), *w.ensures[0].Window.Until)
}

func TestRevert_by_way_of_waiting(t *testing.T) {
	w := newWorld(t)
	w.desk.ReopenOnlyInto(access.TicketWaiting)
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(2*time.Hour, func() { w.move("ana", access.TicketDone) })
	w.at(3*time.Hour, func() {
		require.Equal(t, access.TicketWorking, w.ticket().Phase)
		w.move("ben", access.TicketDone)
	})
	result := w.run(w.request("badge/lab"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
}

func TestClosedWontDo_denies(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(2*time.Hour, func() { w.move("ben", access.TicketWontDo) })
	result := w.run(w.request("badge/lab"))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
	require.Empty(t, w.ensures)
}

func TestConfirmGrant_is_verified(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(2*time.Hour, func() { w.move("ben", access.TicketDone) })
	w.at(4*time.Hour, func() {
		require.Empty(t, w.ensures, "the target does not show the access yet")
		require.Contains(t, w.view().Items[0].Detail, "does not show the access yet")
		w.target.Put("vault", "ana")
	})
	result := w.run(w.request("badge/vault"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Equal(t, "memory", firstWord(result.View.Items[0].Lease.Verification.Method))
}

func firstWord(s string) string {
	for i, r := range s {
		if r == ' ' {
			return s[:i]
		}
	}
	return s
}

func TestRemind_assignee(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(50*time.Hour, func() { w.move("ben", access.TicketDone) })
	w.run(w.request("badge/lab"))
	require.Equal(t, 2, has(w.events("r1"), access.EventReminded))
}

func TestHint_during_a_read(t *testing.T) {
	w := newWorld(t)
	away := access.Errorf(access.Transient, "read", "away")
	w.desk.FailNext("ReadTicket", away, away, away, away)
	// The first look begins after a minute and is tried again for some seconds.
	w.at(62*time.Second, func() { w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{}) })
	w.at(65*time.Second, func() { require.Less(t, w.desk.Calls("ReadTicket"), 5, "no second look beside the first") })
	w.at(2*time.Hour, func() { w.decide("mia", access.Deny) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
}

func TestHint_reads_at_once(t *testing.T) {
	w := newWorldWith(t, func(settings *access.RequestSettings) {
		settings.PollInitialInterval, settings.PollMaxInterval = access.Duration(24*time.Hour), access.Duration(24*time.Hour)
	})
	w.at(time.Hour, func() {
		w.move("mia", access.TicketDenied)
		w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
	require.Less(t, result.View.EndedAt.Sub(w.requestedAt()), 2*time.Hour)
}

func TestReopened_before_everything_is_recorded(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() {
		w.ledger.setAway(true)
		w.decide("mia", access.Deny)
	})
	w.at(2*time.Hour, func() {
		require.Equal(t, access.TicketWontDo, w.ticket().Phase)
		w.move("ben", access.TicketWaiting)
		w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
	})
	w.at(3*time.Hour, func() { w.ledger.setAway(false) })

	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/editor")).Outcome)

	require.Equal(t, access.TicketWontDo, w.ticket().Phase)
	comments := w.desk.Comments(w.ticket().Ref.ID)
	require.Contains(t, comments[len(comments)-1], "the request is denied")
}

// lateLook is a desk whose first look is answered late: when usher has made its next write.
type lateLook struct {
	access.ServiceDesk
	mu           sync.Mutex
	looks        int
	read, writes chan struct{}
}

func (d *lateLook) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	d.mu.Lock()
	d.looks++
	first := d.looks == 1
	d.mu.Unlock()
	snapshot, err := d.ServiceDesk.ReadTicket(ctx, id)
	if first {
		close(d.read)
		<-d.writes
	}
	return snapshot, err
}

func (d *lateLook) AddComments(ctx context.Context, id access.TicketID, all ...access.Comment) error {
	err := d.ServiceDesk.AddComments(ctx, id, all...)
	select {
	case <-d.writes:
	default:
		<-d.read
		close(d.writes)
	}
	return err
}

func TestRead_overtaken_by_a_write(t *testing.T) {
	w := newWorldWith(t, func(settings *access.RequestSettings) {
		settings.PollInitialInterval, settings.PollMaxInterval = access.Duration(24*time.Hour), access.Duration(24*time.Hour)
	})
	desk := &lateLook{ServiceDesk: w.desk, read: make(chan struct{}), writes: make(chan struct{})}
	w.env.RegisterActivityWithOptions(&activities.Desk{Port: desk}, activity.RegisterOptions{DisableAlreadyRegisteredCheck: true})
	w.at(time.Hour, func() {
		w.move("ben", access.TicketApproved)
		w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
		w.decide("mia", access.Approve)
	})
	w.at(2*time.Hour, func() { w.decide("omar", access.Approve) })

	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/admin")).Outcome)

	require.Equal(t, 1, has(w.events("r1"), access.EventDecisionRefused), "one move is put back once")
	require.GreaterOrEqual(t, desk.looks, 2)
}

func TestConfirmGrant_withdrawn_before_verification(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(2*time.Hour, func() { w.move("ben", access.TicketDone) })
	w.at(3*time.Hour, func() {
		require.Empty(t, w.ensures, "the target does not show the access yet")
		w.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: "ana"})
		w.target.Put("vault", "ana")
	})
	result := w.run(w.request("badge/vault"))
	require.Equal(t, access.OutcomeWithdrawn, result.Outcome)
	require.NotEmpty(t, w.ensures)
	for _, e := range w.ensures {
		require.Equal(t, access.Absent, e.DesiredState)
	}
}

func TestLeaseStatus_ended_before_the_answer(t *testing.T) {
	w := newWorld(t)
	w.entity = func(e access.LeaseSpec) {
		at := w.env.Now().UTC()
		w.env.SignalWorkflow(workflows.SignalLeaseStatus, access.LeaseStatus{
			Lease: e.Lease.ID, Revision: e.Revision, State: access.LeaseRevoking, GrantedAt: &at, EndsAt: &at,
		})
	}
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
}
