package workflows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/policy"
	"usher/workflows"
)

// TestAttackBound_approved_before_comment: the text is edited between the look and the binding, and the comment that says what
// usher understood cannot be made yet. Who approves then has read something else than what is granted.
func TestAttackBound_approved_before_comment(t *testing.T) {
	b := newBinding(t)
	b.edits("ana", "Access: something harmless")
	b.desk.FailNext(memory.OpAddComments, manyOf(500, access.Errorf(access.Transient, "add comments", "slow"))...)
	b.at(time.Hour, func() {
		require.Empty(t, b.desk.Comments(b.asked.ID), "nothing says yet what is asked for")
		b.moves("mia", access.TicketApproved)
	})
	b.at(3*time.Hour, func() {
		require.Empty(t, b.desk.Comments(b.asked.ID))
		require.Empty(t, b.view().Decisions, "approved what usher has shown nobody")
		require.Empty(t, b.ensures)
	})
	b.at(20*24*time.Hour, func() { b.env.CancelWorkflow() })
	_ = b.run(b.origin())
}

// TestAttackBound_comment_refused: a desk that refuses the comment for good leaves the ticket with its own text for ever.
func TestAttackBound_comment_refused(t *testing.T) {
	b := newBinding(t)
	b.edits("ana", "Access: something harmless")
	b.desk.FailNext(memory.OpAddComments, manyOf(2, access.Errorf(access.Invalid, "add comments", "too long"))...)
	b.at(time.Hour, func() { b.moves("mia", access.TicketApproved) })
	b.at(4*time.Hour, b.env.CancelWorkflow)
	b.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: b.origin()})
	require.NotContains(t, strings.Join(b.desk.Comments(b.asked.ID), "\n"), "usher keeps this ticket")
	require.Empty(t, b.ensures, "granted by an approval of a text that usher never explained")
}

// TestAttackAsked_refused_after_start: policy's answer changes between the look and the request; who asked hears of it.
func TestAttackAsked_refused_after_start(t *testing.T) {
	a := newAsking(t)
	starts := a.starts
	a.starts = func(o client.StartWorkflowOptions, args []any) error {
		err := starts(o, args)
		for id := range a.requests {
			require.NoError(t, a.ledger.Record(t.Context(), access.Entry{View: &access.RequestView{
				Request: access.Request{ID: id, Requester: "ana", Subject: "ana"}, State: access.OutcomeRefused, Version: 1,
				Refusals: []access.Refusal{{Field: "requester", Problem: "Ana is not active."}},
			}}))
		}
		return err
	}
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
	a.look(ticket)
	require.Len(t, a.requests, 1)
	require.Len(t, a.desk.Comments(ticket.ID), 1, "nobody answers on the ticket")
	require.Contains(t, a.desk.Comments(ticket.ID)[0], "Requester: Ana is not active.\nPlease open a new ticket")
}

// TestAttackAsked_refused_after_start_mended: the comment says that usher looks again when the ticket is changed.
func TestAttackAsked_refused_after_start_mended(t *testing.T) {
	a := newAsking(t)
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editr")
	require.NoError(t, a.ledger.Record(t.Context(), access.Entry{View: &access.RequestView{
		Request: access.Request{ID: access.AskedRequestID("jira", ticket.ID), Requester: "ana", Subject: "ana"},
		State:   access.OutcomeRefused, Version: 1,
		Refusals: []access.Refusal{{Field: "items[0].entitlement", Problem: "The catalog has no entitlement."}},
	}}))
	a.look(ticket)
	require.Len(t, a.desk.Comments(ticket.ID), 1)
	promised := strings.Contains(a.desk.Comments(ticket.ID)[0], "Please change the ticket")
	require.NoError(t, a.desk.EditTextAs(a.accounts["ana"], ticket.ID, "Access: wiki/editor"))
	a.look(ticket)
	require.False(t, promised && len(a.requests) == 0 && len(a.desk.Comments(ticket.ID)) == 1,
		"usher asked for a change, and does nothing when it comes")
}

// TestAttackBound_two_tickets: the ticket is out of sight for a moment, the create loses its answer, and the ticket is back.
func TestAttackBound_two_tickets(t *testing.T) {
	b := newBinding(t)
	b.desk.FailNext(memory.OpBindTicket, access.Errorf(access.NotFound, "bind", "hidden for a moment"))
	b.desk.DropAnswerNext(memory.OpCreateTicket)
	b.at(time.Hour, func() { b.decide("mia", access.Approve) })
	result := b.run(b.origin())
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	open := 0
	for _, ticket := range b.desk.Tickets() {
		if !ticket.Phase.Closed() {
			open++
		}
	}
	require.Zero(t, open, "a ticket of usher's is left open that no request keeps")
}

// TestAttackBound_elsewhere_said: where usher opens a ticket of its own, the ticket of who asked says where it goes on.
func TestAttackBound_elsewhere_said(t *testing.T) {
	b := newBinding(t)
	b.desk.FailNext(memory.OpBindTicket, access.Errorf(access.Invalid, "bind", "labels cannot be set on this screen"))
	b.at(time.Hour, func() { b.decide("mia", access.Approve) })
	result := b.run(b.origin())
	require.NotEqual(t, b.asked.ID, result.View.Ticket.ID)
	require.NotEmpty(t, b.desk.Comments(b.asked.ID), "who asked is never answered where he asked")
}

// TestAttackWatch_more_than_fit: more tickets change within the overlap than the pages of one search hold (2000 on a desk that
// gives full pages; here the pages are small). All are looked into in the end.
func TestAttackWatch_more_than_fit(t *testing.T) {
	l := newLookout(t)
	l.desk.PageCap(2)
	told := looks(l)
	l.at(30*time.Minute, func() {
		for range 60 {
			l.desk.AskAs(l.accounts["ana"], "Wiki", "Access: wiki/editor")
		}
	})
	var later access.TicketRef
	l.at(3*time.Hour, func() { later = l.desk.AskAs(l.accounts["ana"], "Wiki", "Access: wiki/editor") })
	l.watches(8 * time.Hour)
	require.Equal(t, 1, told[string(access.AskedRequestID("jira", later.ID))], "what is asked hours later is never looked into")
	require.Len(t, told, 61)
}

// TestAttackWatch_late_page_fails: the third page of a search always fails. What the first two showed is looked into.
func TestAttackWatch_late_page_fails(t *testing.T) {
	l := newLookout(t)
	l.desk.PageCap(10)
	told := looks(l)
	l.at(30*time.Minute, func() {
		for range 40 {
			l.desk.AskAs(l.accounts["ana"], "Wiki", "Access: wiki/editor")
		}
		var faults []error
		for range 900 {
			faults = append(faults, nil, nil, access.Errorf(access.RateLimited, "asked", "two calls and no more"))
		}
		l.desk.FailNext(memory.OpAskedTickets, faults...)
	})
	l.watches(4 * time.Hour)
	require.NotEmpty(t, told, "the pages before the one that fails are thrown away, each time")
}

// TestAttackWatch_intake_turned_on: intake comes into the configuration long after the watch began. Tickets from before are not
// taken in, as they are not when the watch is new.
func TestAttackWatch_intake_turned_on(t *testing.T) {
	l := newLookout(t)
	told := looks(l)
	on := false
	served := &activities.Desk{Port: l.desk, Ledger: l.ledger, Watch: &activities.Watch{Ledger: l.ledger, Client: l.world}, Now: l.env.Now}
	off := &activities.Desk{Port: noIntake{l.desk}, Ledger: l.ledger, Watch: served.Watch, Now: l.env.Now}
	l.replace("ChangedTickets", func(ctx context.Context, c activities.ChangedTicketsInput) (activities.ChangedTicketsResult, error) {
		if on {
			return served.ChangedTickets(ctx, c)
		}
		return off.ChangedTickets(ctx, c)
	})
	l.at(2*time.Hour, func() {
		for range 30 {
			l.desk.AskAs(l.accounts["ana"], "an old ticket of that kind", "Access: wiki/editor")
		}
	})
	l.at(20*time.Hour, func() { on = true })
	l.watches(24 * time.Hour)
	require.Empty(t, told, "tickets from 18 hours before the intake was turned on are taken in")
}

// noIntake is a desk without intake in its configuration, as desk.Desk answers then.
type noIntake struct{ access.ServiceDesk }

func (noIntake) AskedTickets(context.Context, access.ChangesQuery) (access.ChangesPage, error) {
	return access.ChangesPage{None: true}, nil
}

// TestAttackWatch_hinted_again: a ticket is hinted at again and again while Temporal does not take the start. It is looked into
// once when it does, and the state does not grow with each hint.
func TestAttackWatch_hinted_again(t *testing.T) {
	l := newLookout(t)
	told := looks(l)
	ticket := l.desk.AskAs(l.accounts["ana"], "Wiki", "Access: wiki/editor")
	request := access.AskedRequestID("jira", ticket.ID)
	l.deaf[request] = 40
	for n := range 100 {
		l.at(10*time.Minute+time.Duration(n)*10*time.Second, func() {
			l.signal(workflows.SignalHint, workflows.Hint{Ticket: ticket.ID})
		})
	}
	l.watches(4 * time.Hour)
	require.LessOrEqual(t, told[string(request)], 12, "each hint has made an entry of its own")
}

// TestAttackWatch_problem_shown: while tickets cannot be looked into, the details of the watch say so.
func TestAttackWatch_problem_shown(t *testing.T) {
	l := newLookout(t)
	looks(l)
	var ticket access.TicketRef
	l.at(10*time.Minute, func() {
		ticket = l.desk.AskAs(l.accounts["ana"], "Wiki", "Access: wiki/editor")
		l.deaf[access.AskedRequestID("jira", ticket.ID)] = 100000
	})
	shown, polls := 0, 0
	for n := range 60 {
		l.at(time.Hour+time.Duration(n)*7*time.Second, func() {
			polls++
			if strings.Contains(l.details(), "Tickets that ask for access cannot be looked into") {
				shown++
			}
		})
	}
	l.watches(3 * time.Hour)
	require.Equal(t, polls, shown, "the problem is forgotten by each poll that goes between two attempts")
}

// TestAttackAsked_for_ambiguous: one person's id is another's user name. Only a single match counts.
func TestAttackAsked_for_ambiguous(t *testing.T) {
	a := newAsking(t)
	a.source.Put(access.Person{ID: "u-77", UserName: "ben", DisplayName: "Benedikt", Email: "benedikt@example.test", Manager: "mia", Active: true})
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor\nFor: ben")
	a.look(ticket)
	require.Empty(t, a.requests, "it was asked for somebody whom two people may be")
	require.Len(t, a.desk.Comments(ticket.ID), 1)
}

// TestAttackAsked_same_mistake_again: who makes a mistake, another one, and the first again is answered each time.
func TestAttackAsked_same_mistake_again(t *testing.T) {
	a := newAsking(t)
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editr")
	a.look(ticket)
	require.NoError(t, a.desk.EditTextAs(a.accounts["ana"], ticket.ID, "Access: wiki/editor\nDuration: long"))
	a.look(ticket)
	require.Len(t, a.desk.Comments(ticket.ID), 2)
	require.NoError(t, a.desk.EditTextAs(a.accounts["ana"], ticket.ID, "Access: wiki/editr"))
	a.look(ticket)
	require.Len(t, a.desk.Comments(ticket.ID), 3, "the newest comment is about what has been mended")
}

// TestAttackAsked_edited_while_looking: who asks changes the ticket, or closes it, while the source of people is down. What is
// started is what the ticket says when it is started, if anything.
func TestAttackAsked_edited_while_looking(t *testing.T) {
	for name, change := range map[string]func(*asking, access.TicketID) error{
		"another text": func(a *asking, id access.TicketID) error {
			return a.desk.EditTextAs(a.accounts["ana"], id, "Access: wiki/editor\nFor: ben")
		},
		"closed": func(a *asking, id access.TicketID) error {
			return a.desk.MoveAs(a.accounts["ana"], id, access.TicketWontDo)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsking(t)
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
			a.newRun()
			a.source.Down(true)
			a.at(0, func() { a.signal(workflows.SignalAskedChanged, struct{}{}) })
			a.at(time.Hour, func() {
				require.NoError(t, change(a, ticket.ID))
				a.signal(workflows.SignalAskedChanged, struct{}{})
			})
			a.at(3*time.Hour, func() { a.source.Down(false) })
			a.env.ExecuteWorkflow(workflows.AskedTicketType, workflows.AskedTicketParams{Desk: "jira", Ticket: ticket.ID})
			require.NoError(t, a.env.GetWorkflowError())
			if name == "closed" {
				require.Empty(t, a.requests, "who asked had closed the ticket two hours before")
				return
			}
			require.Equal(t, access.PersonID("ben"), a.only().Subject, "the text of hours ago was taken")
		})
	}
}

// TestAttackWatch_one_impossible: one ticket that Temporal never takes holds up no other.
func TestAttackWatch_one_impossible(t *testing.T) {
	l := newLookout(t)
	told := looks(l)
	var asks []access.TicketRef
	counted := l.heard
	l.heard = func(id, signal string, arg any) error {
		if len(asks) > 1 && id == workflows.AskedPrefix+string(access.AskedRequestID("jira", asks[1].ID)) {
			return serviceerror.NewInvalidArgument("never")
		}
		return counted(id, signal, arg)
	}
	l.at(30*time.Minute, func() {
		for range 4 {
			asks = append(asks, l.desk.AskAs(l.accounts["ana"], "Wiki", "Access: wiki/editor"))
		}
	})
	l.watches(6 * time.Hour)
	require.Len(t, told, 3, "those behind it wait for ever")
	for id, n := range told {
		require.Equal(t, 1, n, "%s is looked into again and again", id)
	}
}

// forgetsMoves is a desk on which a status comes to mean "approved" after the ticket was bound: the configuration has changed.
type forgetsMoves struct{ access.ServiceDesk }

func (f forgetsMoves) BindTicket(
	ctx context.Context, id access.TicketID, creator access.AccountID, marker access.Marker,
) (access.TicketSnapshot, error) {
	now, err := f.ServiceDesk.BindTicket(ctx, id, creator, marker)
	now.DecisionMoves = nil
	return now, err
}

// TestAttackBound_older_move_shows_later: a move from before the request is shown only after the binding. It decides nothing.
func TestAttackBound_older_move_shows_later(t *testing.T) {
	b := newBinding(t)
	b.moves("mia", access.TicketApproved)
	b.moves("ana", access.TicketWaiting)
	old := &activities.Desk{Port: forgetsMoves{b.desk}, Ledger: b.ledger, Now: b.env.Now}
	b.replace("OpenTicket", old.OpenTicket)
	b.at(4*time.Hour, b.env.CancelWorkflow)
	b.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: b.origin()})
	require.Zero(t, has(b.events(b.origin().ID), access.EventDecided), "a move that is older than the request has approved it")
	require.Empty(t, b.ensures)
}

// TestAttackBound_reset_other_catalog: after a reset policy demands something else. The ticket says what it is now, before anybody
// approves it.
func TestAttackBound_reset_other_catalog(t *testing.T) {
	b := newBinding(t)
	request := b.origin()
	forgotten := func() {
		// What the first run does from here on is what the reset takes away.
		defer func() { require.NotNil(t, recover()) }()
		b.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: request})
	}
	b.at(time.Hour, func() {
		require.Contains(t, strings.Join(b.desk.Comments(b.asked.ID), "\n"), "(wiki/editor), for 30d")
		panic("the run is reset to its beginning")
	})
	forgotten()
	catalog, err := policy.Parse([]byte(strings.Replace(catalogYAML, "max_duration: 30d", "max_duration: 300d", 1)))
	require.NoError(t, err)
	b.catalog = catalog
	b.newRun()
	b.at(time.Hour, func() { b.moves("mia", access.TicketApproved) })
	result := b.run(request)
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	comments := b.desk.Comments(b.asked.ID)
	require.Contains(t, strings.Join(comments, "\n"), "(wiki/editor), for 300d", "the only comment that Mia could read says 30d")
}

// TestAttackBound_revert_says: what is said to an approver fits a ticket that a person wrote.
func TestAttackBound_revert_says(t *testing.T) {
	b := newBinding(t)
	b.at(time.Hour, func() { b.edits("ana", "Access: wiki/editor. Thank you!") })
	b.at(2*time.Hour, func() { b.moves("mia", access.TicketApproved) })
	b.at(3*time.Hour, func() { b.decide("mia", access.Deny) })
	b.run(b.origin())
	require.NotContains(t, strings.Join(b.desk.Comments(b.asked.ID), "\n"), "what usher wrote", "usher wrote nothing of its text")
}

// fussy is a source that refuses ids which are none of its own, as a directory does whose ids are numbers or UUIDs.
type fussy struct{ access.PeopleSource }

func (f fussy) Lookup(ctx context.Context, id access.PersonID) (access.Person, error) {
	if strings.Contains(string(id), "@") {
		return access.Person{}, access.Errorf(access.Invalid, "look up a person", "400: %q is no id", id)
	}
	return f.PeopleSource.Lookup(ctx, id)
}

// TestAttackAsked_source_refuses_id: who is named by an address is found by it, or the ticket is answered.
func TestAttackAsked_source_refuses_id(t *testing.T) {
	a := newAsking(t)
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor\nFor: ben@example.test")
	a.newRun()
	source := &activities.Source{Port: fussy{a.source}}
	a.replace("FindPeople", source.FindPeople)
	a.at(0, func() { a.signal(workflows.SignalAskedChanged, struct{}{}) })
	a.env.ExecuteWorkflow(workflows.AskedTicketType, workflows.AskedTicketParams{Desk: "jira", Ticket: ticket.ID})
	require.NoError(t, a.env.GetWorkflowError())
	require.NotZero(t, len(a.requests)+len(a.desk.Comments(ticket.ID)), "no request, and no word of why")
}
