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

// TestAttackJoin_partly_granted: the request that was joined asks for more than the ticket. What the ticket asks for was denied, the
// other was granted.
func TestAttackJoin_partly_granted(t *testing.T) {
	a := newAsking(t)
	two := func(editor, reader access.ItemState, state access.RequestState, version int) {
		r := a.request("wiki/editor", "wiki/admin")
		r.ID = "before"
		require.NoError(t, a.ledger.Record(t.Context(), access.Entry{View: &access.RequestView{
			Request: r, State: state, Version: version,
			Items: []access.ItemView{
				{Item: r.Items[0], Title: "Wiki editor", State: editor}, {Item: r.Items[1], Title: "Wiki admin", State: reader},
			},
		}}))
	}
	two(access.ItemPending, access.ItemPending, access.StateAwaitingApproval, 1)
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
	a.at(time.Hour, func() { two(access.ItemDenied, access.ItemGranted, access.OutcomePartlyGranted, 2) })
	a.looks(ticket)
	require.Empty(t, a.requests)
	require.Equal(t, access.TicketWontDo, a.phase(ticket), "what the ticket asked for was denied, and it is closed as done")
}

// TestAttackJoin_ending_request: who has withdrawn a request, whose access is being taken away, and asks again, is not told that the
// same is asked for.
func TestAttackJoin_ending_request(t *testing.T) {
	for name, state := range map[string]access.RequestState{"being revoked": access.StateRevoking, "denied item of an open one": access.StateFulfilling} {
		t.Run(name, func(t *testing.T) {
			a := newAsking(t)
			r := a.request("wiki/editor", "wiki/admin")
			r.ID = "before"
			require.NoError(t, a.ledger.Record(t.Context(), access.Entry{View: &access.RequestView{
				Request: r, State: state, Version: 1,
				Items: []access.ItemView{
					{Item: r.Items[0], Title: "Wiki editor", State: access.ItemDenied}, {Item: r.Items[1], Title: "Wiki admin", State: access.ItemFulfilling},
				},
			}}))
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
			a.at(24*time.Hour, a.env.CancelWorkflow)
			a.looks(ticket)
			require.Len(t, a.requests, 1, "it waits for a request that cannot give it: %v", a.desk.Comments(ticket.ID))
		})
	}
}

// TestAttackJoin_closing_conflict: the desk has no way to the closed status when the joined request ends. A later change of the ticket,
// of which no word asks for it, does not ask anew.
func TestAttackJoin_closing_conflict(t *testing.T) {
	a := newAsking(t)
	a.open(access.StateAwaitingApproval, 1, nil)
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
	a.desk.FailNext(memory.OpTransitionTicket, manyOf(3, access.Errorf(access.Conflict, "transition", "no way there"))...)
	a.at(time.Hour, func() { a.open(access.OutcomeDenied, 2, nil) })
	a.looks(ticket)
	require.NoError(t, a.desk.CommentAs(ticket.ID, "thanks"))
	a.look(ticket)
	require.Empty(t, a.requests, "the ticket says that it is over, and starts a request: %v", a.desk.Comments(ticket.ID))
	require.Equal(t, access.TicketWontDo, a.phase(ticket))
}

// TestAttackAsked_evaluating: a request that has been started is not evaluated for days, for the source is down. The look asks how
// it stands some hours at most.
func TestAttackAsked_evaluating(t *testing.T) {
	a := newAsking(t)
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
	records, reads := &activities.Records{Ledger: a.ledger}, 0
	a.replace("ReadRequest", func(ctx context.Context, id access.RequestID) (activities.ReadRequestResult, error) {
		reads++
		return records.ReadRequest(ctx, id)
	})
	a.at(10*time.Second, func() {
		require.Len(t, a.requests, 1)
		r := a.only()
		require.NoError(t, a.ledger.Record(t.Context(), access.Entry{View: &access.RequestView{Request: r, State: access.StateEvaluating, Version: 1}}))
	})
	ended := time.Time{}
	a.at(24*time.Hour, func() { ended = a.env.Now(); a.env.CancelWorkflow() })
	a.at(0, func() { a.signal(workflows.SignalAskedChanged, struct{}{}) })
	a.env.ExecuteWorkflow(workflows.AskedTicketType, workflows.AskedTicketParams{Desk: "jira", Ticket: ticket.ID})
	require.NoError(t, a.env.GetWorkflowError())
	require.Less(t, reads, 60, "asked every 15 seconds, for a day")
	require.True(t, ended.IsZero(), "the look has not ended in a day")
}

// TestAttackAsked_changed_after_start: the request has been started, and the ledger does not know it yet. The ticket is changed meanwhile:
// it is the request's, and nobody is told that it cannot be taken, nor does it end anything.
func TestAttackAsked_changed_after_start(t *testing.T) {
	for name, text := range map[string]string{"a mistake": "Access: wiki/editr", "a give-back": "Give back: wiki/admin"} {
		t.Run(name, func(t *testing.T) {
			a := newAsking(t)
			a.lease("ana", "wiki/admin", access.LeaseActive, 1)
			a.entity = func(access.LeaseSpec) { a.lease("ana", "wiki/admin", access.LeaseEnded, 2) }
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
			a.at(5*time.Second, func() {
				require.Len(t, a.requests, 1, "it has been started")
				require.NoError(t, a.desk.EditTextAs(a.accounts["ana"], ticket.ID, text))
				a.signal(workflows.SignalAskedChanged, struct{}{})
			})
			a.at(time.Minute, func() {
				require.NoError(t, a.ledger.Record(t.Context(), access.Entry{View: &access.RequestView{Request: a.only(), State: access.StateAwaitingApproval, Version: 1}}))
			})
			a.looks(ticket)
			require.Empty(t, a.desk.Comments(ticket.ID))
			require.Empty(t, a.ensures)
			require.False(t, a.phase(ticket).Closed(), "the request still runs")
		})
	}
}

// TestAttackJoin_refused: the joined request is refused. Who asked reads why.
func TestAttackJoin_refused(t *testing.T) {
	a := newAsking(t)
	a.open(access.StateEvaluating, 1, nil)
	ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
	a.at(time.Hour, func() {
		r := a.request("wiki/editor")
		r.ID = "before"
		require.NoError(t, a.ledger.Record(t.Context(), access.Entry{View: &access.RequestView{
			Request: r, State: access.OutcomeRefused, Version: 2, Refusals: []access.Refusal{{Field: "requester", Problem: "Ana is not active."}},
		}}))
	})
	a.looks(ticket)
	require.Len(t, a.desk.Comments(ticket.ID), 2)
	require.Contains(t, a.desk.Comments(ticket.ID)[1], "Ana is not active.")
}
