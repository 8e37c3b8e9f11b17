package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// open has the ledger know a request of ana's for wiki/editor, in a state.
func (a *asking) open(state access.RequestState, version int, change func(*access.Request)) {
	a.t.Helper()
	r := a.request("wiki/editor")
	r.ID = "before"
	if change != nil {
		change(&r)
	}
	item := access.ItemPending
	switch {
	case state.KeepsAccess():
		item = access.ItemGranted
	case state.Ended():
		item = access.ItemDenied
	}
	require.NoError(a.t, a.ledger.Record(a.t.Context(), access.Entry{View: &access.RequestView{
		Request: r, State: state, Version: version, Ticket: &access.TicketRef{Desk: "jira", ID: "10900", Key: "ACC-900"},
		Items: []access.ItemView{{Item: r.Items[0], Title: "Wiki editor", State: item}},
	}}))
}

// looks begins a look into a ticket that may last; what happens meanwhile was planned with at.
func (a *asking) looks(ticket access.TicketRef) {
	a.t.Helper()
	a.at(0, func() { a.signal(workflows.SignalAskedChanged, struct{}{}) })
	a.env.ExecuteWorkflow(workflows.AskedTicketType, workflows.AskedTicketParams{Desk: "jira", Ticket: ticket.ID})
	require.True(a.t, a.env.IsWorkflowCompleted())
	require.NoError(a.t, a.env.GetWorkflowError())
}

func (a *asking) phase(ticket access.TicketRef) access.TicketPhase {
	a.t.Helper()
	now, err := a.desk.ReadTicket(a.t.Context(), ticket.ID)
	require.NoError(a.t, err)
	return now.Phase
}

// TestAsked_joins: a ticket that asks for what an open request asks for starts none, says so once, and is closed with the outcome
// of that one.
func TestAsked_joins(t *testing.T) {
	for outcome, want := range map[access.RequestState]access.TicketPhase{
		access.OutcomeGranted: access.TicketDone, access.OutcomeDenied: access.TicketWontDo,
	} {
		t.Run(string(outcome), func(t *testing.T) {
			a := newAsking(t)
			a.open(access.StateAwaitingApproval, 1, nil)
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor\nReason: once more")
			a.at(time.Hour, func() {
				require.Len(t, a.desk.Comments(ticket.ID), 1)
				require.Contains(t, a.desk.Comments(ticket.ID)[0], "asked for already: request before, on ticket ACC-900.")
				// Its own comment has the ticket looked into again.
				a.signal(workflows.SignalAskedChanged, struct{}{})
			})
			// No question is due then.
			a.at(20*time.Hour+7*time.Minute, func() {
				require.Len(t, a.desk.Comments(ticket.ID), 1)
				require.False(t, a.phase(ticket).Closed())
				a.open(outcome, 2, nil)
				a.signal(workflows.SignalAskedChanged, struct{}{})
			})
			a.looks(ticket)
			require.Empty(t, a.requests)
			require.Equal(t, want, a.phase(ticket))
			require.Len(t, a.desk.Comments(ticket.ID), 2)
			require.Contains(t, a.desk.Comments(ticket.ID)[1], "Request before has ended.")
		})
	}
	for name, change := range map[string]func(*access.Request){
		"of another requester": func(r *access.Request) { r.Requester = "ben" },
		"for another subject":  func(r *access.Request) { r.Subject = "ben" },
		"for another time":     func(r *access.Request) { r.Items[0].Duration = access.Duration(time.Hour) },
		"for something else":   func(r *access.Request) { r.Items[0].Entitlement = "wiki/admin" },
	} {
		t.Run("not a request "+name, func(t *testing.T) {
			a := newAsking(t)
			a.open(access.StateAwaitingApproval, 1, change)
			// A look that joins would wait for ever.
			a.at(24*time.Hour, a.env.CancelWorkflow)
			a.looks(a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor"))
			require.Len(t, a.requests, 1)
		})
	}
	t.Run("not one that has ended", func(t *testing.T) {
		a := newAsking(t)
		a.open(access.OutcomeDenied, 1, nil)
		a.look(a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor"))
		require.Len(t, a.requests, 1)
	})
	t.Run("a text that was changed meanwhile asks anew", func(t *testing.T) {
		a := newAsking(t)
		a.open(access.StateAwaitingApproval, 1, nil)
		ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
		a.at(50*time.Minute, func() {
			require.NoError(t, a.desk.EditTextAs(a.accounts["ana"], ticket.ID, "Access: wiki/admin"))
			a.signal(workflows.SignalAskedChanged, struct{}{})
		})
		soon := false
		a.at(51*time.Minute, func() { soon = len(a.requests) == 1 })
		a.looks(ticket)
		require.True(t, soon, "it does not wait for the next question")
		require.Equal(t, access.EntitlementID("wiki/admin"), a.only().Items[0].Entitlement)
	})
}

// lease has the ledger know a lease of somebody's.
func (a *asking) lease(of access.PersonID, entitlement access.EntitlementID, state access.LeaseState, version int) access.LeaseID {
	a.t.Helper()
	return a.leaseOf("given-"+access.RequestID(of), of, entitlement, state, version)
}

func (a *asking) leaseOf(
	request access.RequestID, of access.PersonID, entitlement access.EntitlementID, state access.LeaseState, version int,
) access.LeaseID {
	a.t.Helper()
	id := access.LeaseIDOf(request, "1")
	wanted := access.Present
	if state != access.LeaseActive {
		wanted = access.Absent
	}
	require.NoError(a.t, a.ledger.Record(a.t.Context(), access.Entry{Lease: &access.LeaseView{
		Lease: access.Lease{
			ID: id, Request: request, Item: "1", Subject: access.Person{ID: of}, Entitlement: entitlement,
			Title: string(entitlement), Fulfilment: access.FulfilmentSCIM, Binding: &access.Binding{Target: "directory", Role: "wiki-editors"},
		},
		Revision: 7, DesiredState: wanted, State: state, Version: version, GivenBack: a.givenBack(id),
	}}))
	return id
}

// givenBack is the ticket by which a lease was given back; "" for one that was not.
func (a *asking) givenBack(id access.LeaseID) access.RequestID {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, spec := range a.ensures {
		if spec.Lease.ID == id {
			return spec.GivenBack
		}
	}
	return ""
}

// TestAsked_gives_back: who no longer needs access has it ended by a ticket, which is closed when it is gone.
func TestAsked_gives_back(t *testing.T) {
	a := newAsking(t)
	mine, others := a.lease("ana", "wiki/editor", access.LeaseActive, 1), a.lease("ben", "wiki/editor", access.LeaseActive, 1)
	require.NotEqual(t, mine, others)
	a.entity = func(access.LeaseSpec) {}
	ticket := a.desk.AskAs(a.accounts["ana"], "Thank you", "I no longer need this.\nGive back: wiki/editor")
	a.at(time.Hour, func() {
		require.False(t, a.phase(ticket).Closed(), "it is not gone yet")
		a.lease("ana", "wiki/editor", access.LeaseRevoking, 2)
		a.signal(workflows.SignalAskedChanged, struct{}{})
	})
	gone := false
	a.at(10*time.Hour, func() {
		gone = true
		require.False(t, a.phase(ticket).Closed())
		a.lease("ana", "wiki/editor", access.LeaseEnded, 3)
		a.signal(workflows.SignalAskedChanged, struct{}{})
	})
	a.looks(ticket)
	require.True(t, gone, "it is waited for")
	require.Empty(t, a.requests)
	require.NotEmpty(t, a.ensures)
	for _, spec := range a.ensures {
		require.Equal(t, mine, spec.Lease.ID)
		require.Equal(t, access.Absent, spec.DesiredState)
		require.Greater(t, spec.Revision, 7)
		require.Equal(t, "Ana gave it back on ticket "+string(ticket.Key), spec.Reason)
		require.Equal(t, access.AskedRequestID("jira", ticket.ID), spec.GivenBack)
	}
	require.Equal(t, access.TicketDone, a.phase(ticket))
	require.Len(t, a.desk.Comments(ticket.ID), 1)
	require.Contains(t, a.desk.Comments(ticket.ID)[0], "Given back, and gone: wiki/editor.")
}

// TestAsked_gives_back_what_was_held: access that is granted while a ticket waits is no part of what it gives back.
func TestAsked_gives_back_what_was_held(t *testing.T) {
	a := newAsking(t)
	first := a.lease("ana", "wiki/editor", access.LeaseActive, 1)
	a.entity = func(access.LeaseSpec) { a.lease("ana", "wiki/editor", access.LeaseRevoking, 2) }
	ticket := a.desk.AskAs(a.accounts["ana"], "Thank you", "Give back: wiki/editor")
	a.at(time.Hour, func() {
		a.leaseOf("later", "ana", "wiki/editor", access.LeaseActive, 1)
		a.signal(workflows.SignalAskedChanged, struct{}{})
	})
	a.at(10*time.Hour, func() { a.lease("ana", "wiki/editor", access.LeaseEnded, 3) })
	a.looks(ticket)
	for _, spec := range a.ensures {
		require.Equal(t, first, spec.Lease.ID)
	}
	require.Equal(t, access.TicketDone, a.phase(ticket))
}

// TestAsked_gives_back_what_ends: a lease that ends already, by its time or by another ticket, is waited for all the same.
func TestAsked_gives_back_what_ends(t *testing.T) {
	a := newAsking(t)
	a.lease("ana", "wiki/editor", access.LeaseRevoking, 1)
	ticket := a.desk.AskAs(a.accounts["ana"], "Thank you", "Give back: wiki/editor")
	a.at(10*time.Hour, func() {
		require.False(t, a.phase(ticket).Closed())
		a.lease("ana", "wiki/editor", access.LeaseEnded, 2)
	})
	a.looks(ticket)
	require.Empty(t, a.ensures)
	require.Equal(t, access.TicketDone, a.phase(ticket), "%v", a.desk.Comments(ticket.ID))
}

// TestAsked_closes_later: a ticket that has waited for days is closed later, where the desk has no way to the closed status at first.
func TestAsked_closes_later(t *testing.T) {
	a := newAsking(t)
	a.open(access.StateAwaitingApproval, 1, nil)
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
	a.at(3*24*time.Hour, func() {
		a.desk.FailNext(memory.OpTransitionTicket, manyOf(3, access.Errorf(access.Conflict, "transition", "no way there"))...)
		a.open(access.OutcomeGranted, 2, nil)
	})
	a.looks(ticket)
	require.Equal(t, access.TicketDone, a.phase(ticket))
}

// TestAsked_gives_nothing_back: what cannot be given back is answered, and nothing is taken away.
func TestAsked_gives_nothing_back(t *testing.T) {
	for name, row := range map[string]struct {
		text  string
		world func(*asking)
		says  string
		// phase is where the ticket stands then: what is not held now may not end what is granted later.
		phase access.TicketPhase
	}{
		"what is not held":            {"Give back: wiki/admin", nil, "Give back: wiki/admin is not held: held are wiki/editor.", access.TicketWontDo},
		"one of two is not held":      {"Give back: wiki/editor, wiki/admin", nil, "wiki/admin is not held", access.TicketWontDo},
		"another's":                   {"Give back: wiki/editor\nFor: ben", nil, "For: Only one's own access", access.TicketWaiting},
		"by an account of a stranger": {"Give back: wiki/editor", func(a *asking) { a.source.Remove("ana") }, "is nobody's", access.TicketWaiting},
		"what an open request gave": {"Give back: wiki/editor", func(a *asking) {
			a.open(access.StateFulfilling, 1, func(r *access.Request) { r.ID = "given-ana" })
		}, "belongs to request given-ana, which has not ended", access.TicketWontDo},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsking(t)
			a.lease("ana", "wiki/editor", access.LeaseActive, 1)
			a.lease("ben", "wiki/editor", access.LeaseActive, 1)
			a.entity = func(s access.LeaseSpec) {
				a.leaseOf(s.Lease.Request, s.Lease.Subject.ID, s.Lease.Entitlement, access.LeaseEnded, 9)
			}
			if row.world != nil {
				row.world(a)
			}
			ticket := a.desk.AskAs(a.accounts["ana"], "Thank you", row.text)
			a.look(ticket)
			a.look(ticket)
			require.Empty(t, a.ensures)
			require.Equal(t, row.phase, a.phase(ticket))
			require.Len(t, a.desk.Comments(ticket.ID), 1)
			require.Contains(t, a.desk.Comments(ticket.ID)[0], row.says)
		})
	}
}

// TestAsked_waits_under_faults: whatever fails while a ticket waits, it is closed once, with one comment.
func TestAsked_waits_under_faults(t *testing.T) {
	for _, op := range []string{memory.OpReadAsked, memory.OpFindAccount, memory.OpAddComments, memory.OpTransitionTicket} {
		for name, fault := range map[string]func(*asking){
			"fails":            func(a *asking) { a.desk.FailNext(op, manyOf(7, access.Errorf(access.Transient, op, "slow"))...) },
			"loses its answer": func(a *asking) { a.desk.DropAnswerNext(op) },
		} {
			t.Run(op+" "+name, func(t *testing.T) {
				a := newAsking(t)
				a.lease("ana", "wiki/editor", access.LeaseActive, 1)
				a.entity = func(spec access.LeaseSpec) { a.lease("ana", "wiki/editor", access.LeaseEnded, 2) }
				ticket := a.desk.AskAs(a.accounts["ana"], "Thank you", "Give back: wiki/editor")
				fault(a)
				a.looks(ticket)
				require.Equal(t, access.TicketDone, a.phase(ticket))
				require.Len(t, a.desk.Comments(ticket.ID), 1)
			})
		}
	}
}
