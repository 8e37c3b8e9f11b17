package workflows_test

import (
	"context"
	"encoding/json"
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

// What a user loses: a denial. Mia has handed the approval that asked her to Omar, and has decided with usher. The desk takes that open approval for the
// question to Omar, who is awaited next (TestAttackFourth_reassigned_approval_is_of_two_questions), so two questions have its id. His denial is taken
// for an answer to the first of them, Mia's, which is decided: nothing happens, he is not asked again, and the other owner's approval grants.
func TestAttackFourth_two_questions_with_one_id(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.useCatalog(twoOwners)
	watchSettings(&w.settings)
	w.newRun()
	first := ""
	desk := &activities.Desk{Port: w.desk, Ledger: w.ledger, Now: w.env.Now}
	w.replace("UpdateTicket", func(ctx context.Context, u activities.UpdateTicketInput) (activities.UpdateTicketResult, error) {
		done, err := desk.UpdateTicket(ctx, u)
		if err == nil && u.Approvals != nil && first != "" {
			for _, a := range u.Approvals.All {
				if a.Approver == w.accounts["omar"] && a.ID == "" {
					done.Approvals[a.Key] = first
				}
			}
		}
		return done, err
	})
	w.at(time.Hour, func() {
		first = w.approvalID("mia", 1)
		w.decide("mia", access.Approve)
	})
	w.at(2*time.Hour, func() {
		require.Equal(t, []access.ApprovalState{open}, w.asked("omar"))
		now, err := w.desk.ReadTicket(t.Context(), w.ticket().Ref.ID)
		require.NoError(t, err)
		now.DecisionMoves = append(now.DecisionMoves, access.TicketMove{
			ID: "approval " + first, At: w.env.Now(), By: w.accounts["omar"], ByName: "Omar", Status: "denied", Phase: access.TicketDenied,
			Asked: w.accounts["omar"], Approval: first, Own: true,
		})
		w.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: now})
	})
	w.at(4*time.Hour, func() {
		if !w.env.IsWorkflowCompleted() {
			w.decide("ben", access.Approve)
		}
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeDenied, result.Outcome, "Omar has denied, by the approval that asks him")
	require.Empty(t, w.ensures)
}

// twoOwners is a catalog whose only entitlement passes the manager, Mia, and then one of two owners.
const twoOwners = `
applications:
  - id: wiki
    name: Wiki
    owners: [omar, ben]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: scim, target: directory, target_role: wiki-editors, max_duration: 30d, stages: [manager, owner]}
  - id: badge
    name: Badge
    owners: [ben]
    entitlements:
      - {role: lab, title: Lab badge, fulfilment: scim, target: directory, target_role: wiki-admins, max_duration: 30d, stages: [owner]}
`

// What a user loses: their own denial. The answer of the call that asked Omar is lost, and he denies. usher does not know the question any more; the denial counts and
// ends the request. Then the end takes it out of his approval (DeskApprovals.Over), as if he had never given it: the desk shows that nobody has
// denied. The approval that decided is no question's, as none is made of it.
func TestAttackFourth_denial_that_counted_is_taken_out_at_the_end(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.useCatalog(strings.ReplaceAll(approvalCatalog, "[owner, manager]", "[owner]"))
	w.newRun()
	w.losesUpdate(func() { w.answers("omar", "omar", 1, no) })
	w.at(3*time.Hour, func() {
		if !w.env.IsWorkflowCompleted() {
			w.withdraw("ana")
		}
	})
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeDenied, result.Outcome)
	require.Equal(t, access.PersonID("omar"), result.View.Decisions[0].By)
	require.Equal(t, no, w.asked("omar")[0], "%v", w.asked("omar"))
}

// What a user loses: a denial, and access that was denied. Mia has approved on the desk, and then Omar has denied there. The request is reset (it goes on for its other
// item). ADR 28: "What they were an answer to may be unknown by then: a denial counts." Mia's approval has to be given again, so at the
// moment when the answers are read it is not Omar's turn: his denial is refused, taken out of the approval, and the other owner's approval grants.
func TestAttackFourth_reset_forgets_the_denial_of_a_later_stage(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.useCatalog(twoOwners)
	w.newRun()
	request := w.request("wiki/editor", "badge/lab")
	w.at(time.Hour, func() { w.answers("mia", "mia", 1, yes) })
	w.at(2*time.Hour, func() { w.answers("omar", "omar", 1, no) })
	w.leavesAt(4*time.Hour, func() {
		require.Equal(t, access.ItemDenied, w.view().Items[0].State)
		require.Equal(t, access.ItemPending, w.view().Items[1].State)
	})
	w.stopsRun(request)

	w.newRun()
	w.at(6*time.Hour, func() {
		require.Equal(t, []access.ApprovalState{over, open}, w.asked("mia"))
		w.answers("mia", "mia", 2, yes)
	})
	w.at(8*time.Hour, func() { w.decide("ben", access.Approve) })
	result := w.run(request)
	require.NotEmpty(t, result.View.Items)
	require.Equal(t, access.ItemDenied, result.View.Items[0].State, "Omar's denial is lost: %v", w.asked("omar"))
	for _, e := range w.ensures {
		require.NotEqual(t, access.EntitlementID("wiki/editor"), e.Lease.Entitlement)
	}
}

// What a user loses: peace. As TestAttackThird_reset_that_ends_before_its_read, and the request ends a moment earlier: before its ticket has been found again. The end has
// nothing to show by then; when the ticket is found, it waits for a read before anybody is released, though nothing needs to be read for that. That read
// fails, is given up some time after the closing, and Mia is asked for ever.
func TestAttackFourth_reset_that_ends_before_its_ticket_is_found(t *testing.T) {
	rows := map[string]func(*world){
		"withdrawn":          func(w *world) { w.withdraw("ana") },
		"decided with usher": func(w *world) { w.decide("mia", access.Deny) },
	}
	for name, do := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.newRun()
			request := w.request("wiki/editor")
			w.leavesAt(3*time.Hour, func() { require.Equal(t, []access.ApprovalState{open}, w.asked("mia")) })
			w.stopsRun(request)

			w.newRun()
			slow := func(op string) error { return access.Errorf(access.Transient, op, "slow") }
			w.desk.FailNext(memory.OpFindTicket, manyOf(4, slow("find ticket"))...)
			w.desk.FailNext(memory.OpReadTicket, manyOf(60, slow("read ticket"))...)
			w.at(time.Second, func() { do(w) })
			w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: request})
			require.True(t, w.env.IsWorkflowCompleted())
			require.True(t, w.ticket().Phase.Closed())
			require.NotContains(t, w.asked("mia"), open, "the request has ended, and Mia is still asked")
		})
	}
}

// What a user loses: the request. Omar has answered twelve approvals, all sound, as Mia decided a request of many items one by one. After a reset each of them is a question
// that usher has forgotten, with an answer that does not count. They fill the bound of ten, which is for answers that do not count without end:
// Omar is told on the ticket that he is asked again, and is never asked. Where the desk alone decides, the request expires.
func TestAttackFourth_reset_fills_the_bound_of_questions(t *testing.T) {
	const items = 13
	w := newWorldWithApprovals(t)
	w.useCatalog(manyOwners(items, "api, ticket"))
	w.newRun()
	r := w.request()
	for i := range items {
		r.Items = append(r.Items, access.Item{ID: access.ItemID(fmt.Sprint(i + 1)), Entitlement: access.EntitlementID(fmt.Sprintf("app%d/user", i))})
	}
	manager := func(i int) {
		id := fmt.Sprint("m", i)
		w.update(workflows.UpdateDecide, id, access.Decision{
			ID: id, By: "mia", Verdict: access.Approve, Items: []access.ItemID{r.Items[i].ID}, Evidence: "test",
		})
	}
	for i := range items - 1 {
		w.at(time.Duration(i+1)*time.Hour, func() { manager(i) })
		w.at(time.Duration(i+1)*time.Hour+20*time.Minute, func() { w.answers("omar", "omar", i+1, yes) })
	}
	w.leavesAt(20*time.Hour, func() {
		require.Len(t, w.view().Decisions, 2*(items-1))
		require.Len(t, w.asked("omar"), items-1)
	})
	w.stopsRun(r)

	w.newRun()
	w.at(2*time.Hour, func() {
		for i := range items {
			manager(i)
		}
	})
	reached := false
	w.at(20*time.Hour, func() {
		reached = true
		defer w.withdraw("ana")
		require.Contains(t, w.asked("omar"), open, "thirteen items wait for Omar, who is not asked")
	})
	w.run(r)
	require.True(t, reached)
}

// What a user loses: the line of the trail that says who has decided. The id of a decision by an answer whose question is not known has the ids of all its items
// in it. Those are the caller's own, up to 512 bytes each, and twenty of them: with UUIDs it is above the 512 bytes that the ledger takes, with one long
// one too. The ledger refuses the decision for good: what was approved fails, and what was denied is denied without a line of the trail that says by whom.
func TestAttackFourth_id_of_a_decision_grows_with_its_items(t *testing.T) {
	const items = 14
	for name, flow := range map[string]bool{"an approval of a flow": true, "a forgotten denial": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.useCatalog(strings.ReplaceAll(manyOwners(items, "api, ticket"), "[manager, owner]", "[owner]"))
			w.newRun()
			r := w.request()
			for i := range items {
				id := fmt.Sprintf("0d9f4a52-6a0e-4b6e-9d0a-%012d", i)
				r.Items = append(r.Items, access.Item{ID: access.ItemID(id), Entitlement: access.EntitlementID(fmt.Sprintf("app%d/user", i))})
			}
			if flow {
				w.at(time.Hour, func() {
					require.NoError(t, w.desk.ApproveAs(w.accounts["omar"], w.ticket().Ref.ID, w.accounts["omar"]))
				})
			} else {
				w.losesUpdate(func() { w.answers("omar", "omar", 1, no) })
			}
			w.at(20*time.Hour, func() {
				if !w.env.IsWorkflowCompleted() {
					w.withdraw("ana")
				}
			})
			result := w.run(r)
			require.Len(t, result.View.Decisions, 1)
			t.Log(result.Outcome, result.View.Items[0].State, result.View.Items[0].Detail)
			require.Equal(t, 1, has(w.events("r1"), access.EventDecided), "in the trail")
			require.LessOrEqual(t, len(result.View.Decisions[0].ID), access.Limits().Decision.Bytes)
		})
	}
}

// What a user loses: the line of the trail that says who has decided what. A request is reset to a point where it knows the question to Omar. Before, the other owner had
// approved one of the two items with usher, so Omar's answer decided the other one. Without that decision it decides both. ADR 28: "what was
// recorded before the reset is never recorded again with another meaning": the decision has the same id, with other items. The ledger refuses it.
func TestAttackFourth_reset_to_a_known_question(t *testing.T) {
	w := newWorldWithApprovals(t)
	text := strings.ReplaceAll(manyOwners(2, "api, ticket"), "[manager, owner]", "[owner]")
	w.useCatalog(strings.ReplaceAll(text, "[omar]", "[omar, ben]"))
	w.newRun()
	r := w.request("app0/user", "app1/user")
	w.leavesAt(time.Hour, func() { require.Equal(t, []access.ApprovalState{open}, w.asked("omar")) })
	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: r})
	point := continued[json.RawMessage](t, w)

	w.newRun()
	w.at(time.Hour, func() { w.decide("ben", access.Approve, "1") })
	w.at(2*time.Hour, func() { w.answers("omar", "omar", 1, no) })
	require.Len(t, w.finish(point).View.Decisions, 2)

	w.newRun()
	w.at(6*time.Hour, func() {
		if !w.env.IsWorkflowCompleted() {
			w.withdraw("ana")
		}
	})
	result := w.finish(point)
	require.Equal(t, access.ItemDenied, result.View.Items[0].State)
	said := false
	for _, e := range w.events("r1") {
		for _, id := range e.Items {
			said = said || (e.Type == access.EventDecided && e.Actor == "omar" && id == "1")
		}
	}
	require.True(t, said, "item 1 is denied (%s), and the trail does not say by whom", result.View.Items[0].Detail)
}

// What a user loses: a line of the trail. A flow's approval by Mia has decided ("This means: decide."). Then somebody edits the text, and the request is reset. The same answer is
// refused now ("This means: revert."), under the same id: the ledger refuses the fact for good. Only the lines of usher's own approvals have
// another id after a reset (change.forgotten). ADR 28: "what was recorded before the reset is never recorded again with another meaning".
func TestAttackFourth_reset_line_of_a_flows_approval(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	// The ticket is Omar's before and after.
	request := w.request("badge/lab", "wiki/editor")
	w.at(time.Hour, func() { require.NoError(t, w.desk.ApproveAs(w.accounts["mia"], w.ticket().Ref.ID, w.accounts["mia"])) })
	w.at(2*time.Hour, func() {
		require.NoError(t, w.desk.EditTextAs(w.accounts["eve"], w.ticket().Ref.ID, "only the viewer"))
	})
	w.leavesAt(4*time.Hour, func() { require.Len(t, w.view().Decisions, 1) })
	w.stopsRun(request)

	w.recordsAgain(request)
}

// What a user loses: a denial, after a reset of a request on a person's ticket. Ben has denied the badge by moving the ticket. Binding the ticket again takes all that stands
// there as the baseline, save the answers to usher's own approvals: his move is not about the request any more, though usher has mirrored it into his
// approval, which says "denied". He, or another owner, is asked anew. On usher's own ticket the move counts again.
func TestAttackFourth_reset_on_a_persons_ticket_forgets_a_move(t *testing.T) {
	for name, own := range map[string]bool{"usher's ticket": true, "a person's ticket": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.useCatalog(twoOwners)
			request := w.request("badge/lab", "wiki/editor")
			if !own {
				asked := w.desk.AskAs(w.accounts["ana"], "Wiki", "Access: badge/lab, wiki/editor")
				request.ID = access.AskedRequestID("jira", asked.ID)
				request.Origin = &access.Origin{Desk: "jira", Ticket: asked.ID, Key: asked.Key, Account: w.accounts["ana"]}
			}
			w.newRun()
			w.at(2*time.Hour, func() { w.move("ben", access.TicketDenied) })
			w.leavesAt(4*time.Hour, func() { require.Equal(t, access.ItemDenied, w.view().Items[0].State) })
			w.stopsRun(request)

			w.newRun()
			reached := false
			w.at(24*time.Hour, func() {
				reached = true
				defer w.withdraw("ana")
				require.Equal(t, access.ItemDenied, w.view().Items[0].State, "Ben is asked again: %v", w.asked("ben"))
			})
			w.run(request)
			require.True(t, reached)
		})
	}
}
