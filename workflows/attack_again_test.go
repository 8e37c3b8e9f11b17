package workflows_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// losesUpdate has the first call that sets approvals done twice: the answer of the first attempt is lost (the worker died behind it), and
// people answer before the second one.
func (w *world) losesUpdate(between func()) {
	desk := &activities.Desk{Port: w.desk, Ledger: w.ledger, Now: w.env.Now}
	lost := false
	w.replace("UpdateTicket", func(ctx context.Context, u activities.UpdateTicketInput) (activities.UpdateTicketResult, error) {
		if u.Approvals != nil && !lost {
			lost = true
			if _, err := desk.UpdateTicket(ctx, u); err != nil {
				return activities.UpdateTicketResult{}, err
			}
			between()
		}
		return desk.UpdateTicket(ctx, u)
	})
}

// What a user loses: the owner's word about the administrator. Omar is asked about the badge only, Mia as the manager. The answer of the
// call that asked them is lost, both answer before it is repeated, and usher does not know its own two approvals. It reads both answers at
// once, takes Mia's as the manager's, and then Omar's, who has answered about the badge, for the owner's stage of the administrator, which
// nobody asked him about. (ADR 28: "It counts only ... for what was asked with it, at the stage that was asked about".)
func TestAttackAgain_lost_ids_two_stages_by_one_look(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.losesUpdate(func() {
		w.answers("mia", "mia", 1, yes)
		w.answers("omar", "omar", 1, yes)
	})
	w.at(3*time.Hour, func() {
		if !w.env.IsWorkflowCompleted() {
			w.withdraw("ana")
		}
	})
	w.notAsOwner(w.run(w.request("wiki/admin", "badge/lab")))
}

// notAsOwner wants that no owner has decided about the first item, the administrator: none was asked.
func (w *world) notAsOwner(result workflows.RequestResult) {
	w.t.Helper()
	for _, d := range result.View.Decisions {
		for i, item := range d.Items {
			require.False(w.t, item == "1" && d.Stages[i] != "manager", "%s decided about the administrator as the owner, and was asked about the badge only: %s", d.By, d.Evidence)
		}
	}
}

// What a user loses: the same, by an operator's reset. Mia and Omar have answered (Mia as manager, Omar about the badge), the request waits
// for an owner about the administrator. The run after the reset finds both approvals answered, knows neither, and counts Omar's for the
// owner's stage of the administrator as well; or the decision has another content now, the ledger refuses it, and the items fail.
func TestAttackAgain_reset_counts_an_answer_for_more(t *testing.T) {
	for _, watch := range []bool{false, true} {
		t.Run(map[bool]string{false: "poll", true: "watch"}[watch], func(t *testing.T) {
			w := newWorldWithApprovals(t)
			if watch {
				watchSettings(&w.settings)
			}
			w.newRun()
			request := w.request("wiki/admin", "badge/lab")
			w.at(61*time.Minute, func() {
				w.answers("mia", "mia", 1, yes)
				w.answers("omar", "omar", 1, yes)
				if watch {
					w.tellChange()
				}
			})
			w.at(3*time.Hour, func() {
				require.Equal(t, access.ItemPending, w.view().Items[0].State, "Omar has approved the badge only")
				require.Equal(t, access.ItemApproved, w.view().Items[1].State)
				w.env.SetContinueAsNewSuggested(true)
				w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
			})
			w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: request})
			continued[workflows.AccessRequestParams](t, w)

			w.newRun()
			if watch {
				w.at(time.Hour, func() { w.tellChange() })
			}
			w.at(36*time.Hour, func() {
				if !w.env.IsWorkflowCompleted() {
					w.withdraw("ana")
				}
			})
			result := w.run(request)
			w.notAsOwner(result)
			for _, item := range result.View.Items {
				require.NotEqual(t, access.ItemFailed, item.State, item.Detail)
			}
		})
	}
}

// What a user loses: the truth of the desk. A stranger approves usher's own approval of Mia, whose id usher does not know because an answer
// was lost. Nothing is said on the ticket or in the trail, and the stranger's "approved" stays in the approval, which ServiceNow rolls up to the
// ticket and flows go by (ADR 28 rejects just that).
func TestAttackAgain_lost_id_strangers_answer_stands(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.losesUpdate(func() { w.answers("eve", "mia", 1, yes) })
	looked := false
	w.at(5*time.Hour, func() {
		looked = true
		require.NotEqual(t, yes, w.asked("mia")[0], "the stranger's answer stands, and nothing says so: %v", w.asked("mia"))
		require.Positive(t, has(w.events("r1"), access.EventDecisionRefused))
	})
	w.at(6*time.Hour, func() { w.withdraw("ana") })
	w.run(w.request("wiki/editor"))
	require.True(t, looked)
}

// What a user loses: the line of the audit trail that says that the ticket shows the outcome. The approvals come after what closes the ticket, in a call of their
// own: when the approvals of the closing call failed and were tried again, or when so much waited that they did not fit into it.
// Only a call that closes the ticket and leaves nothing behind counts as the closing.
func TestAttackAgain_closing_is_never_recorded(t *testing.T) {
	away := func(w *world, n int) {
		w.desk.FailNext(memory.OpSetApprovals, manyOf(n, access.Errorf(access.Transient, "set approvals", "away"))...)
	}
	rows := map[string]struct {
		edge bool
		do   func(*world)
	}{
		"approvals fail once, desk at the edge": {true, func(w *world) {
			w.at(time.Hour, func() { away(w, 1); w.decide("mia", access.Deny) })
		}},
		// Nine reminders and the outcome fill a call, and the approvals come in the next.
		"more writes than one call takes": {false, func(w *world) {
			w.at(time.Hour, func() { w.desk.Down(true) })
			w.at(8*day, func() { w.decide("mia", access.Deny) })
			w.at(8*day+3*time.Hour, func() { w.desk.Down(false) })
		}},
		"one by one after a refusal": {false, func(w *world) {
			w.at(time.Hour, func() {
				w.desk.FailNext(memory.OpTransitionTicket, access.Errorf(access.Conflict, "move", "somebody was faster"))
				w.decide("mia", access.Deny)
			})
		}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.settings.ApprovalTimeout = access.Duration(20 * day)
			w.edge = row.edge
			w.newRun()
			row.do(w)
			require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/editor")).Outcome)
			require.Equal(t, access.TicketWontDo, w.ticket().Phase)
			view, err := w.ledger.View(t.Context(), "r1")
			require.NoError(t, err)
			require.Equal(t, 1, has(w.events("r1"), access.EventTicketClosed), "problem in the ledger's last view: %q", view.TicketProblem)
			require.Empty(t, view.TicketProblem, "the ledger's view names a problem that is over")
		})
	}
}

// What a user loses: the request never ends. The approvals of its ticket fail for good; after the end somebody opens the closed ticket again, which this
// contract only records. The bound for a closed ticket no longer holds.
func TestAttackAgain_reopened_ticket_and_failing_approvals(t *testing.T) {
	for _, action := range []access.TicketAction{access.ActionRecordOnly} {
		t.Run(string(action), func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.settings.TicketActions = access.TicketActions{access.EventReopened: action}
			watchSettings(&w.settings)
			w.newRun()
			w.desk.FailNext(memory.OpSetApprovals, manyOf(50_000, access.Errorf(access.Forbidden, "set approvals", "no right"))...)
			w.at(time.Hour, func() { w.decide("mia", access.Approve) })
			w.at(2*time.Hour, func() {
				require.Equal(t, access.TicketDone, w.ticket().Phase)
				w.move("ben", access.TicketWaiting)
				w.tellChange()
			})
			ended := false
			w.at(5*day, func() { ended = w.env.IsWorkflowCompleted(); w.desk.UseApprovals() })
			w.env.SetTestTimeout(20 * time.Second)
			w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: w.request("wiki/editor")})
			began := w.requestedAt()
			t.Log(w.env.Now().Sub(began), w.ticket().Phase, w.desk.Calls(memory.OpSetApprovals), texts(w.events("r1"), access.EventTicketChanged))
			require.Less(t, w.env.Now().Sub(began), 2*day, "%t", ended)
		})
	}
}

// What a user loses: an approver's word, or their patience. The contract says that a decision on the ticket is only recorded (or reverted),
// and approvals are on: people are asked for a decision that can never count. With record_only Mia's approval stands on the desk as given,
// it is not said that it does not count, and nobody asks her again.
func TestAttackAgain_contract_without_decisions_asks(t *testing.T) {
	for _, action := range []access.TicketAction{access.ActionRecordOnly, access.ActionRevert} {
		t.Run(string(action), func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.settings.TicketActions = access.TicketActions{access.EventDecidedByApprover: action}
			w.newRun()
			for n := range 12 {
				w.at(time.Duration(n+1)*time.Hour, func() {
					if states := w.asked("mia"); len(states) > n && states[n] == open {
						w.answers("mia", "mia", n+1, yes)
					}
				})
			}
			w.at(20*time.Hour, func() { w.withdraw("ana") })
			w.run(w.request("wiki/editor"))
			require.Empty(t, w.asked("mia"), "Mia was asked for what cannot count: %d times, refused %d", len(w.asked("mia")), has(w.events("r1"), access.EventDecisionRefused))
		})
	}
}

// What a user loses: time, which ADR 28 promises ("holds nothing back"). Approvals that fail set the time of the next attempt for all that is written:
// a decision and the move of the ticket wait for up to a quarter of an hour.
func TestAttackAgain_failing_approvals_delay_everything(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.desk.FailNext(memory.OpSetApprovals, manyOf(5_000, access.Errorf(access.Forbidden, "set approvals", "no right"))...)
	worst := time.Duration(0)
	for n := range 16 {
		at := 5*time.Hour + time.Duration(n)*time.Minute + 2*time.Minute
		if n == 0 {
			w.at(at, func() { w.decide("omar", access.Approve) })
		}
		w.at(at+time.Second, func() {
			if w.ticket().Phase != access.TicketWorking {
				worst = time.Duration(n+1) * time.Minute
			}
		})
	}
	w.at(9*time.Hour, func() { t.Log(w.view().TicketProblem, w.desk.Calls(memory.OpSetApprovals)); w.withdraw("ana") })
	w.run(w.request("badge/lab"))
	require.LessOrEqual(t, worst, time.Minute)
}

// What a user loses: the truth of the trail. Olga's approval is given to somebody else on the desk (reassigned: its approver is Eve now). Omar decides that
// stage, and Eve answers. The trail says that Olga did it.
func TestAttackAgain_wrong_person_for_a_reassigned_approval(t *testing.T) {
	w := newWorldWithApprovals(t)
	watchSettings(&w.settings)
	w.newRun()
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(2*time.Hour, func() {
		require.Equal(t, []access.ApprovalState{open}, w.asked("olga"))
		w.decide("omar", access.Approve, "1")
	})
	reached := false
	w.at(3*time.Hour, func() {
		reached = true
		now, err := w.desk.ReadTicket(t.Context(), w.ticket().Ref.ID)
		require.NoError(t, err)
		// All but the first question are to the owners.
		for _, n := range []int{2, 3, 4, 5} {
			now.DecisionMoves = append(now.DecisionMoves, access.TicketMove{
				ID: fmt.Sprintf("approval approval-%s-%d", now.Ref.ID, n), At: w.env.Now(), By: w.accounts["eve"], ByName: "Eve", Status: "approved",
				Phase: access.TicketApproved, Asked: w.accounts["eve"], Approval: fmt.Sprintf("approval-%s-%d", now.Ref.ID, n),
			})
		}
		w.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: now})
	})
	w.at(4*time.Hour, func() { w.withdraw("ana") })
	w.run(w.request("wiki/admin", "badge/lab"))
	require.True(t, reached)
	for _, e := range w.events("r1") {
		if strings.Contains(e.Evidence, string(w.accounts["eve"])) {
			require.Empty(t, e.Actor, "%s %s", e.Text, e.Evidence)
		}
	}
}
