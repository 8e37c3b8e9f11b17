package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// held has the ledger know a lease of ana's of a request of its own.
func (a *asking) held(request access.RequestID, state access.LeaseState, version int) {
	a.t.Helper()
	wanted := access.Present
	if state != access.LeaseActive {
		wanted = access.Absent
	}
	require.NoError(a.t, a.ledger.Record(a.t.Context(), access.Entry{Lease: &access.LeaseView{
		Lease: access.Lease{
			ID: access.LeaseIDOf(request, "1"), Request: request, Item: "1", Subject: access.Person{ID: "ana"}, Entitlement: "wiki/editor",
			Title: "Wiki editor", Fulfilment: access.FulfilmentSCIM, Binding: &access.Binding{Target: "directory", Role: "wiki-editors"},
		},
		Revision: 7, DesiredState: wanted, State: state, Version: version, GivenBack: a.givenBack(access.LeaseIDOf(request, "1")),
	}}))
}

// TestAttackGiveBack_text_by_another: ana asked for something. Somebody else who may edit her ticket writes that she gives back what
// she holds. Nobody approves a give-back, so only her own word ends her access.
func TestAttackGiveBack_text_by_another(t *testing.T) {
	a := newAsking(t)
	a.lease("ana", "wiki/editor", access.LeaseActive, 1)
	a.entity = func(access.LeaseSpec) { a.lease("ana", "wiki/editor", access.LeaseEnded, 2) }
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/admn")
	a.look(ticket)
	require.Len(t, a.desk.Comments(ticket.ID), 1)
	require.NoError(t, a.desk.EditTextAs(a.accounts["ben"], ticket.ID, "Give back: wiki/editor"))
	a.look(ticket)
	require.Empty(t, a.ensures, "ben has ended ana's access, and the audit trail says that she gave it back")
}

// TestAttackGiveBack_later_lease: while the first lease ends, a request of later days gives the same access again.
func TestAttackGiveBack_later_lease(t *testing.T) {
	a := newAsking(t)
	a.held("first", access.LeaseActive, 1)
	a.entity = func(s access.LeaseSpec) {
		if s.Lease.Request == "first" {
			a.held("first", access.LeaseRevoking, 2)
		}
	}
	ticket := a.desk.AskAs(a.accounts["ana"], "Thanks", "Give back: wiki/editor")
	a.at(24*time.Hour, func() {
		// Asked for, approved and granted after the ticket was opened.
		a.held("second", access.LeaseActive, 1)
	})
	a.at(48*time.Hour, func() {
		a.held("first", access.LeaseEnded, 3)
		a.held("second", access.LeaseEnded, 2)
	})
	a.looks(ticket)
	for _, spec := range a.ensures {
		require.Equal(t, access.RequestID("first"), spec.Lease.Request, "a lease that is younger than the ticket is ended")
	}
}

// TestAttackGiveBack_request_meanwhile: while the first lease ends, the person asks for the same again. The ticket is still closed
// when the lease that it gave back is gone.
func TestAttackGiveBack_request_meanwhile(t *testing.T) {
	a := newAsking(t)
	a.held("first", access.LeaseActive, 1)
	a.entity = func(access.LeaseSpec) { a.held("first", access.LeaseRevoking, 2) }
	ticket := a.desk.AskAs(a.accounts["ana"], "Thanks", "Give back: wiki/editor")
	a.at(24*time.Hour, func() {
		a.open(access.StateFulfilling, 1, func(r *access.Request) { r.ID = "second" })
		a.held("second", access.LeaseActive, 1)
	})
	a.at(48*time.Hour, func() { a.held("first", access.LeaseEnded, 3) })
	a.looks(ticket)
	require.Equal(t, access.TicketDone, a.phase(ticket), "given back and gone, but: %v", a.desk.Comments(ticket.ID))
}

// TestAttackGiveBack_answered_long_ago: a ticket gave back what was not held, and was answered. Its text stays as it is. Months later
// the person gets that access, and somebody comments on the old ticket.
func TestAttackGiveBack_answered_long_ago(t *testing.T) {
	a := newAsking(t)
	a.entity = func(access.LeaseSpec) { a.held("later", access.LeaseEnded, 2) }
	ticket := a.desk.AskAs(a.accounts["ana"], "Thanks", "Give back: wiki/editor")
	a.look(ticket)
	require.Len(t, a.desk.Comments(ticket.ID), 1)
	a.held("later", access.LeaseActive, 1)
	require.NoError(t, a.desk.CommentAs(ticket.ID, "Is this still open?"))
	a.look(ticket)
	require.Empty(t, a.ensures, "a lease granted long after the ticket was opened is ended by somebody's comment")
}

// TestAttackGiveBack_reopened: the ticket was closed, the access given back. Later it is granted anew, and somebody else opens the old
// ticket again, as some desks do by themselves when somebody answers.
func TestAttackGiveBack_reopened(t *testing.T) {
	a := newAsking(t)
	a.held("first", access.LeaseActive, 1)
	a.entity = func(s access.LeaseSpec) { a.held(s.Lease.Request, access.LeaseEnded, 2) }
	ticket := a.desk.AskAs(a.accounts["ana"], "Thanks", "Give back: wiki/editor")
	a.look(ticket)
	require.Equal(t, access.TicketDone, a.phase(ticket))
	once := len(a.ensures)
	a.held("second", access.LeaseActive, 1)
	require.NoError(t, a.desk.MoveAs(a.accounts["ben"], ticket.ID, access.TicketWaiting))
	a.look(ticket)
	require.Len(t, a.ensures, once, "ben has ended what ana was granted since")
}

// TestAttackGiveBack_answer_lost: the wish is sent, and the answer of the activity is lost. The lease has ended when it is repeated.
func TestAttackGiveBack_answer_lost(t *testing.T) {
	a := newAsking(t)
	a.held("first", access.LeaseActive, 1)
	a.entity = func(access.LeaseSpec) { a.held("first", access.LeaseEnded, 2) }
	ticket := a.desk.AskAs(a.accounts["ana"], "Thanks", "Give back: wiki/editor")
	records, lost := &activities.Records{Ledger: a.ledger, Client: a, RequestOptions: workflows.RequestOptions}, false
	a.replace("GiveBack", func(ctx context.Context, c activities.GiveBackInput) (activities.GiveBackResult, error) {
		result, err := records.GiveBack(ctx, c)
		if !lost {
			lost = true
			return activities.GiveBackResult{}, access.Errorf(access.Transient, "give back", "the worker was stopped")
		}
		return result, err
	})
	a.looks(ticket)
	require.NotEmpty(t, a.ensures)
	require.Equal(t, access.TicketDone, a.phase(ticket), "the access is gone, and the ticket says: %v", a.desk.Comments(ticket.ID))
}

// TestAttackGiveBack_second_send_fails: the first of two leases has ended by the time at which the second message is repeated.
func TestAttackGiveBack_second_send_fails(t *testing.T) {
	a := newAsking(t)
	a.held("first", access.LeaseActive, 1)
	a.lease("ana", "wiki/admin", access.LeaseActive, 1)
	failed, ended := 0, map[access.EntitlementID]bool{}
	a.undeliverable = func(s access.LeaseSpec) error {
		if len(ended) > 0 && failed == 0 {
			failed++
			return access.Errorf(access.Transient, "signal", "Temporal is away for a moment")
		}
		return nil
	}
	a.entity = func(s access.LeaseSpec) {
		ended[s.Lease.Entitlement] = true
		if s.Lease.Entitlement == "wiki/editor" {
			a.held("first", access.LeaseEnded, 2)
		} else {
			a.lease("ana", "wiki/admin", access.LeaseEnded, 2)
		}
	}
	ticket := a.desk.AskAs(a.accounts["ana"], "Thanks", "Give back: wiki/editor, wiki/admin")
	a.looks(ticket)
	require.Positive(t, failed)
	require.Len(t, ended, 2, "one was ended, the other is kept: %v", a.desk.Comments(ticket.ID))
	require.Equal(t, access.TicketDone, a.phase(ticket))
}

// TestAttackGiveBack_closing_conflict: the desk has no way to the closed status when usher gets there, as while somebody holds the
// ticket in a status of another kind. The ticket is closed later, by itself or when it changes.
func TestAttackGiveBack_closing_conflict(t *testing.T) {
	a := newAsking(t)
	a.held("first", access.LeaseActive, 1)
	a.entity = func(access.LeaseSpec) { a.held("first", access.LeaseEnded, 2) }
	ticket := a.desk.AskAs(a.accounts["ana"], "Thanks", "Give back: wiki/editor")
	a.desk.FailNext(memory.OpTransitionTicket, manyOf(3, access.Errorf(access.Conflict, "transition", "no way there"))...)
	a.looks(ticket)
	a.look(ticket)
	require.Equal(t, access.TicketDone, a.phase(ticket), "it is gone, and the ticket says: %v", a.desk.Comments(ticket.ID))
}

// TestAttackGiveBack_look_lost: the run that waits is ended by an operator. The ticket is looked into again when it changes.
func TestAttackGiveBack_look_lost(t *testing.T) {
	a := newAsking(t)
	a.held("first", access.LeaseActive, 1)
	a.entity = func(access.LeaseSpec) { a.held("first", access.LeaseRevoking, 2) }
	ticket := a.desk.AskAs(a.accounts["ana"], "Thanks", "Give back: wiki/editor")
	a.at(time.Hour, a.env.CancelWorkflow)
	a.looks(ticket)
	require.NotEmpty(t, a.ensures)
	a.held("first", access.LeaseEnded, 3)
	a.look(ticket)
	require.Equal(t, access.TicketDone, a.phase(ticket), "it is gone, and the ticket says: %v", a.desk.Comments(ticket.ID))
}

// TestAttackGiveBack_old_user_name: ana has another user name since she got what she gives back. What is granted to her meanwhile goes to the
// account of today, not to who has the old name now.
func TestAttackGiveBack_old_user_name(t *testing.T) {
	h := newHolder(t)
	target := &activities.Target{Port: h.target, Ledger: h.ledger}
	var names []string
	h.replace("Grant", func(ctx context.Context, c activities.GrantInput) (activities.GrantResult, error) {
		if c.Assignment.Role == "wiki-admins" {
			names = append(names, c.Assignment.Subject.UserName)
			if len(names) < 12 {
				return activities.GrantResult{}, access.Errorf(access.Transient, "grant", "the target is down")
			}
		}
		return target.Grant(ctx, c)
	})
	first, second := lease("r1:1", "wiki-editors", 30*24*time.Hour), lease("r2:1", "wiki-admins", 24*time.Hour)
	first.Lease.Subject.UserName, second.Lease.Subject.UserName = "ana.old", "ana.new"
	h.ensureAt(0, first)
	h.ensureAt(time.Hour, second)
	h.at(time.Hour+time.Minute, func() {
		require.NoError(t, h.ledger.Record(t.Context(), access.Entry{View: &access.RequestView{
			Request: access.Request{ID: "r1", Requester: "ana", Subject: "ana"}, State: access.OutcomeGranted, Version: 9,
		}}))
		h.entity = func(s access.LeaseSpec) { h.signal(workflows.SignalApplyLease, s) }
		records := &activities.Records{Ledger: h.ledger, Client: h.world}
		got, err := records.GiveBack(t.Context(), activities.GiveBackInput{
			Subject: "ana", Entitlements: []access.EntitlementID{"wiki/wiki-editors"}, Revision: 100, Ticket: "jira.1", Reason: "given back",
			WorkflowID: workflows.SubjectWorkflowID("ana"), WorkflowType: workflows.SubjectAccessType,
			TaskQueue: workflows.TaskQueue, Signal: workflows.SignalApplyLease,
		})
		require.NoError(t, err)
		require.Equal(t, 1, got.Ending)
	})
	h.hold()
	require.GreaterOrEqual(t, len(names), 12)
	require.NotContains(t, names, "ana.old", "the new access goes to the account that has the old user name")
}
