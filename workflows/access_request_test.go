package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

func TestAccessRequest_granted(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })

	result := w.run(w.request("wiki/editor"))

	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Equal(t, []access.PersonID{"ana"}, w.target.Members("wiki-editors"))
	ticket := w.ticket()
	require.Equal(t, access.TicketDone, ticket.Phase)
	require.True(t, ticket.New.Marker.IsOf("r1"), ticket.New.Marker)
	require.Contains(t, ticket.New.Body, "to write the handbook")
	require.Contains(t, ticket.New.Body, "Wiki editor (wiki/editor), for 30d")
	require.Equal(t, w.accounts["ana"], ticket.Reporter)
	require.Len(t, w.ensures, 1)
	require.Equal(t, access.Duration(30*24*time.Hour), w.ensures[0].Window.Duration)

	view, err := w.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, access.OutcomeGranted, view.State)
	require.Equal(t, "mia", string(view.Decisions[0].By))
	require.Equal(t, access.ChannelAPI, view.Decisions[0].Channel)
	events := w.events("r1")
	for _, want := range []access.EventType{
		access.EventSubmitted, access.EventRequired, access.EventTicketOpened, access.EventDecided, access.EventGrantRequested,
		access.EventEnded, access.EventTicketClosed,
	} {
		require.Equal(t, 1, has(events, want), want)
	}
}

// TestAccessRequest_service: who asked on behalf of whom is in the audit trail and on the ticket.
func TestAccessRequest_service(t *testing.T) {
	w := newWorld(t)
	w.at(1*time.Hour, func() { w.decide("mia", access.Approve) })
	request := w.request("wiki/editor")
	request.Service = "portal"
	require.Equal(t, access.OutcomeGranted, w.run(request).Outcome)
	events := w.events("r1")
	submitted := events[index(events, access.EventSubmitted)]
	require.Equal(t, access.PersonID("ana"), submitted.Actor)
	require.Contains(t, submitted.Text, "Requested by service portal on behalf of ana: ")
	require.Contains(t, w.ticket().New.Body, "; service portal asked on behalf of ")
}

func TestAccessRequest_two_stages(t *testing.T) {
	w := newWorld(t)
	var early, twice, second *answer
	w.at(1*time.Hour, func() { early = w.decide("omar", access.Approve) })
	w.at(2*time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(3*time.Hour, func() {
		twice = w.update(workflows.UpdateDecide, "again", access.Decision{ID: "again", By: "mia", Verdict: access.Deny})
		require.Equal(t, "owner", w.view().WaitingOn[0].Stage)
		require.Equal(t, w.accounts["omar"], w.ticket().Assignee)
	})
	w.at(4*time.Hour, func() { second = w.decide("olga", access.Approve) })

	result := w.run(w.request("wiki/admin"))

	require.Equal(t, access.OutcomeGranted, result.Outcome)
	requireRefused(t, early, access.Conflict, "your stage (owner) is not open now; awaited: Mia (manager)")
	requireRefused(t, twice, access.Conflict, "you have decided already")
	require.NoError(t, second.accepted)
	require.Equal(t, []access.PersonID{"ana"}, w.target.Members("wiki-admins"))
}

func requireRefused(t *testing.T, a *answer, kind access.Kind, text string) {
	t.Helper()
	require.NotNil(t, a)
	require.True(t, a.done)
	var app *temporal.ApplicationError
	require.ErrorAs(t, a.rejected, &app)
	require.Equal(t, string(kind), app.Type())
	require.Contains(t, app.Message(), text)
	var details []access.Refusal
	require.NoError(t, app.Details(&details))
	require.Len(t, details, 1)
	require.NotEmpty(t, details[0].Field)
}

func TestDecide_refused(t *testing.T) {
	rows := []struct {
		name string
		d    access.Decision
		kind access.Kind
		text string
	}{
		{"the requester decides for herself", access.Decision{ID: "x", By: "ana", Verdict: access.Approve}, access.Forbidden, "somebody else decides: Mia (manager)"},
		{"a stranger decides", access.Decision{ID: "x", By: "ben", Verdict: access.Approve}, access.Forbidden, "you are not an approver"},
		{"a verdict that does not exist", access.Decision{ID: "x", By: "mia", Verdict: "maybe"}, access.Invalid, `expected "approve" or "deny"`},
		{"an item that does not exist", access.Decision{ID: "x", By: "mia", Verdict: access.Approve, Items: []access.ItemID{"9"}}, access.Invalid, "no item 9"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			var got *answer
			w.at(time.Hour, func() { got = w.update(workflows.UpdateDecide, "x", row.d) })
			w.at(2*time.Hour, func() { w.decide("mia", access.Deny) })
			result := w.run(w.request("wiki/editor"))
			requireRefused(t, got, row.kind, row.text)
			require.Equal(t, access.OutcomeDenied, result.Outcome)
			require.Len(t, result.View.Decisions, 1)
		})
	}
}

func TestDecide_denied(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.decide("mia", access.Deny) })

	result := w.run(w.request("wiki/editor"))

	require.Equal(t, access.OutcomeDenied, result.Outcome)
	require.Empty(t, w.ensures)
	require.Empty(t, w.target.History())
	require.Equal(t, access.TicketWontDo, w.ticket().Phase)
	require.Contains(t, result.View.Items[0].Detail, "denied by Mia: because")
}

func TestAccessRequest_partly_granted(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(2*time.Hour, func() { w.decide("omar", access.Deny, "2") })

	result := w.run(w.request("wiki/editor", "wiki/admin"))

	require.Equal(t, access.OutcomePartlyGranted, result.Outcome)
	require.Equal(t, []access.PersonID{"ana"}, w.target.Members("wiki-editors"))
	require.Empty(t, w.target.Members("wiki-admins"))
	require.Equal(t, access.TicketDone, w.ticket().Phase)
}

func TestExpire_after_reminders(t *testing.T) {
	w := newWorld(t)

	result := w.run(w.request("wiki/editor"))

	require.Equal(t, access.OutcomeExpired, result.Outcome)
	require.Equal(t, 7*24*time.Hour, result.View.EndedAt.Sub(result.View.ApprovalDeadline.Add(-7*24*time.Hour)))
	require.Equal(t, 6, has(w.events("r1"), access.EventReminded), "one a day, none at the deadline")
	require.Contains(t, w.desk.Comments(w.ticket().Ref.ID)[0], "Reminder: this request is pending since")
	require.Equal(t, access.TicketWontDo, w.ticket().Phase)
	require.Empty(t, w.ensures)
}

func TestEvaluate_refused(t *testing.T) {
	w := newWorld(t)
	w.source.Deactivate("mia")
	var submitted *answer
	request := w.request("wiki/editor")
	w.at(0, func() {
		submitted = w.update(workflows.UpdateSubmit, "submit", workflows.SubmitInput{Digest: request.Digest()})
	})

	result := w.run(request)

	require.Equal(t, access.OutcomeRefused, result.Outcome)
	require.NotEmpty(t, result.View.Refusals)
	require.Empty(t, w.desk.Tickets())
	require.NotEmpty(t, submitted.view.Refusals)
	require.Equal(t, 1, has(w.events("r1"), access.EventRefused))
}

func TestSubmit_same_id_another_body(t *testing.T) {
	w := newWorld(t)
	var other, same *answer
	request := w.request("wiki/editor")
	w.at(time.Minute, func() {
		other = w.update(workflows.UpdateSubmit, "s1", workflows.SubmitInput{Digest: "another"})
		same = w.update(workflows.UpdateSubmit, "s2", workflows.SubmitInput{Digest: request.Digest()})
	})
	w.at(time.Hour, func() { w.decide("mia", access.Deny) })
	w.run(request)
	requireRefused(t, other, access.Invalid, "already names another request")
	require.NoError(t, same.accepted)
	require.Equal(t, access.StateAwaitingApproval, same.view.State)
}

func TestWithdraw_before_a_decision(t *testing.T) {
	w := newWorld(t)
	var stranger, late *answer
	w.at(time.Hour, func() {
		stranger = w.update(workflows.UpdateWithdraw, "w0", workflows.WithdrawInput{ID: "w0", By: "ben"})
		w.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: "ana", Reason: "not needed"})
		late = w.decide("mia", access.Approve)
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeWithdrawn, result.Outcome)
	requireRefused(t, stranger, access.Forbidden, "only the requester or the subject")
	requireRefused(t, late, access.Conflict, "withdrawn")
	require.Empty(t, w.ensures)
	require.Equal(t, access.TicketWontDo, w.ticket().Phase)
}

func TestWithdraw_while_granting(t *testing.T) {
	w := newWorld(t)
	grant := w.entity
	w.entity = func(e access.LeaseSpec) {
		if e.DesiredState == access.Present {
			// The target is slow: the grant is under way when the request is withdrawn.
			return
		}
		grant(e)
	}
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	// Between two repetitions of the first message: its order beside the second is nobody's promise.
	w.at(150*time.Minute, func() {
		w.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: "ana"})
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeWithdrawn, result.Outcome)
	last := w.ensures[len(w.ensures)-1]
	require.Equal(t, access.Absent, last.DesiredState)
	require.Greater(t, last.Revision, w.ensures[0].Revision)
	require.Greater(t, len(w.ensures), 2, "an ensure without an answer is repeated")
	require.Empty(t, w.target.Members("wiki-editors"))
}

func TestCancel_by_an_operator(t *testing.T) {
	w := newWorld(t)
	w.entity = func(e access.LeaseSpec) {
		if e.DesiredState == access.Absent {
			w.grantAtOnce(e)
		}
	}
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(125*time.Minute, func() { w.env.CancelWorkflow() })

	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: w.request("wiki/editor")})

	var cancelled *temporal.CanceledError
	require.ErrorAs(t, w.env.GetWorkflowError(), &cancelled)
	require.Equal(t, access.Absent, w.ensures[len(w.ensures)-1].DesiredState)
	require.Equal(t, access.TicketWontDo, w.ticket().Phase)
	view, err := w.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, access.OutcomeCancelled, view.State)
}

func TestApplyLease_after_the_recorded_decision(t *testing.T) {
	w := newWorld(t)
	var decided *answer
	w.at(time.Hour, func() {
		w.ledger.setAway(true)
		decided = w.decide("mia", access.Approve)
	})
	w.at(5*time.Hour, func() {
		require.True(t, decided.done, "the approver is not kept waiting for a database")
		require.Empty(t, w.ensures, "no grant without its decision in the ledger")
		w.ledger.setAway(false)
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Len(t, w.ensures, 1)
	require.Equal(t, 1, has(w.events("r1"), access.EventDecided))
}

func TestDeskDown_stops_no_request(t *testing.T) {
	w := newWorld(t)
	w.desk.Down(true)
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(2*time.Hour, func() {
		require.Equal(t, []access.PersonID{"ana"}, w.target.Members("wiki-editors"))
		require.Contains(t, w.view().TicketProblem, "no ticket yet")
	})
	w.at(72*time.Hour, func() { w.desk.Down(false) })

	result := w.run(w.request("wiki/editor"))

	require.Equal(t, access.OutcomeGranted, result.Outcome)
	ticket := w.ticket()
	require.Equal(t, access.TicketDone, ticket.Phase)
	comments := w.desk.Comments(ticket.Ref.ID)
	require.Len(t, comments, 2)
	require.Contains(t, comments[0], "Mia approved")
	require.Contains(t, comments[1], "The request has ended: granted")
}

func TestOpenTicket_lost_answer(t *testing.T) {
	w := newWorld(t)
	w.desk.DropAnswerNext(memory.OpCreateTicket)
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Equal(t, 1, w.ticketsOf("r1"))
	require.Equal(t, 1, w.desk.Calls(memory.OpCreateTicket))
}

func TestOpenTicket_unknown_outcome_waits_for_the_search(t *testing.T) {
	w := newWorld(t)
	w.desk.SearchLags(true)
	w.desk.DropAnswerNext(memory.OpCreateTicket)
	w.at(90*time.Second, func() { w.desk.SearchLags(false) })
	w.at(time.Hour, func() { w.decide("mia", access.Deny) })
	w.run(w.request("wiki/editor"))
	require.Equal(t, 1, w.ticketsOf("r1"))
}

func TestOperatorDecision(t *testing.T) {
	rows := []struct {
		name    string
		allowed bool
		outcome access.RequestState
	}{
		{"they count", true, access.OutcomeGranted},
		{"they do not count", false, access.OutcomeExpired},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorldWith(t, func(settings *access.RequestSettings) { settings.OperatorDecisions = row.allowed })
			w.at(time.Hour, func() {
				w.env.SignalWorkflow(workflows.SignalDecision, access.Decision{By: "mia", Verdict: access.Approve})
			})
			result := w.run(w.request("wiki/editor"))
			require.Equal(t, row.outcome, result.Outcome)
			for _, d := range result.View.Decisions {
				require.Empty(t, d.By, "never the named approver's")
				require.Equal(t, access.ChannelOperator, d.Channel)
			}
		})
	}
}

func TestAccessRequest_continues_as_new(t *testing.T) {
	w := newWorld(t)
	w.desk.FailNext(memory.OpReadTicket, access.Errorf(access.Transient, "read", "away"))
	w.at(3*time.Hour, func() {
		w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
		w.env.SetContinueAsNewSuggested(true)
	})
	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: w.request("wiki/admin")})
	carried := continued[converter.RawValue](t, w)
	require.Contains(t, string(carried.Payload().GetData()), `"carried":`)

	w.newRun()
	w.at(time.Minute, func() { w.decide("mia", access.Approve) })
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.env.ExecuteWorkflow(workflows.AccessRequestType, carried)

	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, access.TicketDone, w.ticket().Phase)
	require.Equal(t, 1, w.desk.Calls(memory.OpCreateTicket))
	require.Equal(t, []access.PersonID{"ana"}, w.target.Members("wiki-admins"))
	require.Equal(t, 1, has(w.events("r1"), access.EventSubmitted))
}

func TestHint_while_a_run_ends(t *testing.T) {
	w := newWorldWith(t, func(settings *access.RequestSettings) {
		settings.PollInitialInterval, settings.PollMaxInterval = access.Duration(24*time.Hour), access.Duration(24*time.Hour)
	})
	w.at(time.Hour, func() {
		w.env.SetContinueAsNewSuggested(true)
		w.move("mia", access.TicketDenied)
		w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
	})
	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: w.request("wiki/editor")})
	carried := continued[converter.RawValue](t, w)

	w.newRun()
	result := w.finish(carried)

	require.Equal(t, access.OutcomeDenied, result.Outcome)
	require.Less(t, result.View.EndedAt.Sub(w.requestedAt()), 2*time.Hour)
}

func TestDecide_in_first_task_of_a_run(t *testing.T) {
	w := newWorld(t)
	w.at(3*time.Hour, func() {
		w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
		w.env.SetContinueAsNewSuggested(true)
	})
	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: w.request("wiki/editor")})
	carried := continued[converter.RawValue](t, w)

	w.newRun()
	var taken *answer
	w.at(0, func() { taken = w.decide("mia", access.Approve) })
	w.env.ExecuteWorkflow(workflows.AccessRequestType, carried)

	require.NoError(t, w.env.GetWorkflowError())
	require.NoError(t, taken.accepted)
	require.Equal(t, access.TicketDone, w.ticket().Phase)
	require.Equal(t, []access.PersonID{"ana"}, w.target.Members("wiki-editors"))
}

func TestWaitingOn_after_the_last_decision(t *testing.T) {
	w := newWorld(t)
	var decided *answer
	w.at(time.Hour, func() { decided = w.decide("mia", access.Deny) })
	w.run(w.request("wiki/editor"))
	require.NotContains(t, decided.view.StatusText, "Waiting for")
	require.Empty(t, decided.view.WaitingOn)
}
