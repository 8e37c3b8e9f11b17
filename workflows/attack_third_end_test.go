package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// closedByBen has somebody close the ticket in the moment in which usher does, on a desk where no way leads from there to usher's closing.
func (w *world) closedByBen(at time.Duration, verdict access.Verdict) {
	watchSettings(&w.settings)
	w.newRun()
	ours, his := access.TicketDone, access.TicketWontDo
	if verdict == access.Deny {
		ours, his = his, ours
	}
	w.desk.CloseOff(ours)
	w.at(at, func() {
		w.move("ben", his)
		w.decide("mia", verdict)
	})
}

// What a user loses: the request never ends. The approvals of its ticket fail for good, and its closing was refused because somebody was faster. Only a closing of usher's
// own starts the bound (WasClosed), so the approvals are tried for ever: a run that is never done, with a call each quarter of an hour.
func TestAttackThird_never_ends_when_somebody_else_closed_the_ticket(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.closedByBen(time.Hour, access.Approve)
	// Enough for nine days, at a quarter of an hour each.
	w.desk.FailNext(memory.OpSetApprovals, manyOf(900, access.Errorf(access.Forbidden, "set approvals", "no right"))...)
	w.env.SetTestTimeout(50 * time.Second)
	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: w.request("wiki/editor")})
	require.Less(t, w.env.Now().Sub(w.requestedAt()), 2*day, "calls: %d, completed: %t", w.desk.Calls(memory.OpSetApprovals), w.env.IsWorkflowCompleted())
}

// What a user loses: the line of the trail that says that the ticket shows the outcome, or never will. The approvals wait behind the closing that was
// refused, so the ticket is not "up to date" when it is dropped, and nothing asks again. Without approvals it is there.
func TestAttackThird_closing_by_somebody_else_is_never_recorded(t *testing.T) {
	for name, with := range map[string]bool{"without approvals": false, "with approvals": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.settings.DeskApprovals = with
			w.closedByBen(time.Hour, access.Deny)
			require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/editor")).Outcome)
			require.Equal(t, access.TicketDone, w.ticket().Phase)
			require.Equal(t, 1, has(w.events("r1"), access.EventTicketClosed))
			view, err := w.ledger.View(t.Context(), "r1")
			require.NoError(t, err)
			require.Empty(t, view.TicketProblem)
		})
	}
}

// stopsRun lets a run leave, as a reset cuts it off: what comes next starts from the beginning.
func (w *world) stopsRun(request access.Request) {
	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: request})
	err := w.env.GetWorkflowError()
	require.Error(w.t, err)
	require.Contains(w.t, err.Error(), "continue as new")
}

func (w *world) leavesAt(at time.Duration, check func()) {
	w.at(at, func() {
		check()
		w.env.SetContinueAsNewSuggested(true)
		w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
	})
}

// What a user loses: peace, and the truth of the desk. An operator resets a request. The ticket is found, and is to be read before anybody is asked; that read fails
// (the desk is slow for some minutes). Meanwhile the request ends. That the read is still wanted is forgotten, nothing sets the approvals, and
// Mia is asked for ever (docs: "after the end of a request its approvals are set to not required").
func TestAttackThird_reset_that_ends_before_its_read(t *testing.T) {
	rows := map[string]func(*world){
		"withdrawn":                            func(w *world) { w.withdraw("ana") },
		"decided with usher":                   func(w *world) { w.decide("mia", access.Deny) },
		"cancelled by an operator, still open": func(w *world) { w.env.CancelWorkflow() },
	}
	for name, do := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.newRun()
			request := w.request("wiki/editor")
			w.leavesAt(3*time.Hour, func() { require.Equal(t, []access.ApprovalState{open}, w.asked("mia")) })
			w.stopsRun(request)

			w.newRun()
			w.desk.FailNext(memory.OpReadTicket, manyOf(20, access.Errorf(access.Transient, "read ticket", "slow"))...)
			w.at(20*time.Second, func() { do(w) })
			w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: request})
			require.True(t, w.env.IsWorkflowCompleted())
			require.True(t, w.ticket().Phase.Closed())
			require.NotContains(t, w.asked("mia"), open, "the request has ended, and Mia is still asked")
		})
	}
}

// What a user loses: the truth of the desk. The answer of the call that asked Mia is lost; she approves, and the call is made again and asks her by another
// approval. The request is withdrawn before usher has looked. The first approval, which is usher's own, stays approved: what has no question is closed only
// while it is open (docs: "after the end ... also those that were answered a moment too late").
func TestAttackThird_late_answer_to_a_lost_question_stands(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.losesUpdate(func() { w.answers("mia", "mia", 1, yes) })
	w.at(30*time.Second, func() { w.withdraw("ana") })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeWithdrawn, result.Outcome)
	require.Empty(t, result.View.Decisions)
	require.NotContains(t, w.asked("mia"), yes, "%v: the desk says that she approved what was withdrawn", w.asked("mia"))
}

// What a user loses: a denial. ADR 28: "A ticket that was found, as after a reset, is read before anybody is asked. Where usher does not know any more what one of its
// own approvals asked, a denial counts." On the ticket of a person it does not: binding it again takes all answers that stand there as the
// baseline, and nobody reads before asking. Omar has denied the badge on the desk; after the reset he, or another owner, is asked anew.
func TestAttackThird_reset_on_a_persons_ticket_forgets_a_denial(t *testing.T) {
	for name, own := range map[string]bool{"usher's ticket": true, "a person's ticket": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			request := w.request("wiki/admin", "badge/lab")
			if !own {
				asked := w.desk.AskAs(w.accounts["ana"], "Wiki", "Access: wiki/admin, badge/lab")
				request.ID = access.AskedRequestID("jira", asked.ID)
				request.Origin = &access.Origin{Desk: "jira", Ticket: asked.ID, Key: asked.Key, Account: w.accounts["ana"]}
			}
			w.newRun()
			w.at(2*time.Hour, func() { w.answers("omar", "omar", 1, no) })
			w.leavesAt(4*time.Hour, func() { require.Equal(t, access.ItemDenied, w.view().Items[1].State) })
			w.stopsRun(request)

			w.newRun()
			reached := false
			w.at(24*time.Hour, func() {
				reached = true
				defer w.withdraw("ana")
				require.Equal(t, access.ItemDenied, w.view().Items[1].State, "Omar is asked again: %v", w.asked("omar"))
			})
			w.run(request)
			require.True(t, reached)
		})
	}
}

// The same while the ticket that was found cannot be read for some time: nobody is asked before it has been read, for who is asked anew is asked by an
// approval that takes the place of the one that was answered.
func TestAttackThird_reset_asks_nobody_before_it_has_read(t *testing.T) {
	w := newWorldWithApprovals(t)
	request := w.request("wiki/admin", "badge/lab")
	w.newRun()
	w.at(2*time.Hour, func() { w.answers("omar", "omar", 1, no) })
	w.leavesAt(4*time.Hour, func() { require.Equal(t, access.ItemDenied, w.view().Items[1].State) })
	w.stopsRun(request)

	w.newRun()
	w.desk.FailNext(memory.OpReadTicket, manyOf(20, access.Errorf(access.Transient, "read ticket", "slow"))...)
	before, reached := len(w.asked("omar")), false
	w.at(20*time.Second, func() { require.Len(t, w.asked("omar"), before, "Omar is asked again: %v", w.asked("omar")) })
	w.at(24*time.Hour, func() {
		reached = true
		defer w.withdraw("ana")
		require.Equal(t, access.ItemDenied, w.view().Items[1].State, "%v", w.asked("omar"))
		require.NotContains(t, w.asked("omar"), open)
	})
	w.run(request)
	require.True(t, reached)
}

// recordsAgain plays a request again after a reset, and requires that the ledger refuses nothing of what is said then.
func (w *world) recordsAgain(request access.Request) {
	w.t.Helper()
	w.newRun()
	details := ""
	w.at(6*time.Hour, func() {
		details = w.details()
		w.withdraw("ana")
	})
	w.run(request)
	require.NotEmpty(w.t, details)
	require.NotContains(w.t, details, "refuses")
}

// What a user loses: facts that the ledger refuses for good, of every reset after an approval on the desk. The line "Mia answered ... This means: decide." is there
// from before; after the reset the same answer has the same id, and means: revert. (ADR 17: what is said after a reset never meets
// another content under its id; TestReset holds that nothing is refused.)
func TestAttackThird_reset_has_the_ledger_refuse(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	// The ticket is Omar's before and after.
	request := w.request("badge/lab", "wiki/editor")
	w.at(2*time.Hour, func() { w.answers("mia", "mia", 1, yes) })
	w.leavesAt(4*time.Hour, func() { require.Len(t, w.view().Decisions, 1) })
	w.stopsRun(request)

	w.recordsAgain(request)
}

// The same for an answer that was refused: before the reset because somebody else has given it, after it because nobody knows what was asked. Its two
// refusals are two lines.
func TestAttackThird_reset_refuses_an_answer_again(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	request := w.request("badge/lab", "wiki/editor")
	w.at(2*time.Hour, func() {
		// The desk does not take the answer back until after the reset.
		w.desk.FailNext(memory.OpSetApprovals, manyOf(24, access.Errorf(access.Transient, "set approvals", "away"))...)
		w.answers("omar", "mia", 1, yes)
	})
	w.leavesAt(4*time.Hour, func() { require.Empty(t, w.view().Decisions) })
	w.stopsRun(request)

	w.recordsAgain(request)
	var refused []string
	for _, e := range w.events("r1") {
		if e.Type == access.EventDecisionRefused {
			refused = append(refused, e.Text)
		}
	}
	require.Len(t, refused, 2)
	require.Contains(t, refused[1], "usher does not know any more what was asked by it")
}

// What a user loses: the line of the trail that says who has denied. Omar has denied the badge, the only thing that he was asked about. After a reset that answer
// counts for all that waits for him by then, the administrator too. The decision has the same id as before the reset, with other items: the
// ledger refuses it, and the administrator is denied though no line of the trail says by whom.
func TestAttackThird_reset_denial_without_a_line_in_the_trail(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	request := w.request("wiki/admin", "badge/lab")
	w.at(2*time.Hour, func() { w.answers("omar", "omar", 1, no) })
	w.at(3*time.Hour, func() {
		require.Equal(t, access.ItemDenied, w.view().Items[1].State)
		w.decide("mia", access.Approve, "1")
	})
	w.leavesAt(4*time.Hour, func() { require.Equal(t, access.ItemPending, w.view().Items[0].State) })
	w.stopsRun(request)

	w.newRun()
	// The server applies updates again that came after the point of the reset.
	w.at(0, func() { w.decide("mia", access.Approve, "1") })
	w.at(6*time.Hour, func() {
		if !w.env.IsWorkflowCompleted() {
			w.withdraw("ana")
		}
	})
	result := w.run(request)
	for _, item := range result.View.Items {
		if item.State != access.ItemDenied {
			continue
		}
		said := false
		for _, e := range w.events("r1") {
			for _, id := range e.Items {
				said = said || (e.Type == access.EventDecided && e.Actor == "omar" && id == item.Item.ID)
			}
		}
		require.True(t, said, "item %s is denied (%s), and the trail does not say by whom", item.Item.ID, item.Detail)
	}
}

// What a user loses: the reason. Approvals cannot be set for good, which the request shows as the problem of its ticket. Each look at the ticket takes that
// away, though nothing is better: for most of the time an operator sees no problem.
func TestAttackThird_problem_of_approvals_is_hidden_by_a_look(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.settings.PollMaxInterval = access.Duration(4 * time.Minute)
	w.newRun()
	w.desk.FailNext(memory.OpSetApprovals, manyOf(5_000, access.Errorf(access.Forbidden, "set approvals", "no right"))...)
	seen, hidden := 0, 0
	for n := range 60 {
		w.at(2*time.Hour+time.Duration(n)*7*time.Minute, func() {
			seen++
			if w.view().TicketProblem == "" {
				hidden++
			}
		})
	}
	w.at(20*time.Hour, func() { w.withdraw("ana") })
	w.run(w.request("wiki/editor"))
	require.Equal(t, 60, seen)
	require.Zero(t, hidden)
}

// What a user loses: a quarter of an hour, with every decision that is told while the desk stumbles once. The time of the next read counts the quiet looks before it
// as failures: on a request of some days the first failure is answered with the longest wait instead of fifteen seconds.
func TestAttackThird_first_failed_read_waits_longest(t *testing.T) {
	w := newWorldWithApprovals(t)
	watchSettings(&w.settings)
	w.newRun()
	var round func()
	round = func() {
		require.NoError(t, w.ledger.SaveWatch(t.Context(), access.WatchPosition{Desk: "jira", LastPollAt: w.env.Now()}))
		w.at(4*time.Minute, round)
	}
	w.at(0, round)
	w.at(3*day, func() {
		require.Empty(t, w.view().Decisions)
		w.answers("mia", "mia", 1, yes)
		now, err := w.desk.ReadTicket(t.Context(), w.ticket().Ref.ID)
		require.NoError(t, err)
		now.UpdatedAt = now.UpdatedAt.Add(-time.Hour)
		// One look, in all of its attempts.
		w.desk.FailNext(memory.OpReadTicket, manyOf(5, access.Errorf(access.Transient, "read ticket", "slow"))...)
		w.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: now})
	})
	w.at(3*day+5*time.Minute, func() {
		if !w.env.IsWorkflowCompleted() {
			require.NotEmpty(t, w.view().Decisions, "five minutes after one look that failed")
		}
	})
	w.run(w.request("wiki/editor"))
}
