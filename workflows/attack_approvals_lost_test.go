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

// What a user loses: a denial. Omar denies by his approval; before usher looks, one account answers more approvals than a snapshot shows
// moves (its own ones, or a flow's of a large group), and Mia, the other owner, approves. usher never sees Omar's denial and grants. ADR 23: nobody hides a
// denial; before desk approvals one account could not, for its moves count as two at most.
func TestAttackApprovals_one_account_hides_a_denial(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.useCatalog(strings.ReplaceAll(approvalCatalog, "[owner, manager]", "[owner]"))
	w.newRun()
	w.at(61*time.Minute, func() {
		w.answers("omar", "omar", 1, no)
		id := w.ticket().Ref.ID
		for n := range access.MaxDecisionMoves {
			require.NoError(t, w.desk.ApproveAs(w.accounts["eve"], id, access.AccountID(fmt.Sprintf("account-of-group-member-%d", n))))
		}
	})
	w.at(2*time.Hour, func() {
		if !w.env.IsWorkflowCompleted() {
			w.answers("mia", "mia", 1, yes)
		}
	})
	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/editor")).Outcome)
}

// manyOwners is a catalog of applications with an owner each, whose entitlements pass their owner and then the manager, on the desk only.
func manyOwners(n int, channels string) string {
	var b strings.Builder
	b.WriteString("applications:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {id: app%d, name: App %d, owners: [omar], decision_channels: [%s], entitlements: [{role: user, title: User of %d, fulfilment: scim, "+
			"target: directory, target_role: wiki-editors, max_duration: 30d, stages: [manager, owner]}]}\n", i, i, channels, i)
	}
	return b.String()
}

// What a user loses: the approvals of the last items. The manager decides a request of twelve items one by one, with usher. Each makes Omar
// awaited for one item more, so he is asked anew each time, and after ten questions, all of which were sound, never again: his answer
// decides the first ten items, and nobody asks him on the desk about the others until they expire. The bound is for answers that do not
// count (docs: "everybody who may decide now is asked").
func TestAttackApprovals_asked_for_more_than_ten_times(t *testing.T) {
	w := newWorldWithApprovals(t)
	const items = 12
	w.useCatalog(manyOwners(items, "api, ticket"))
	w.newRun()
	r := w.request()
	for i := range items {
		r.Items = append(r.Items, access.Item{ID: access.ItemID(fmt.Sprint(i + 1)), Entitlement: access.EntitlementID(fmt.Sprintf("app%d/user", i))})
		w.at(time.Duration(i+1)*time.Hour, func() {
			w.update(workflows.UpdateDecide, fmt.Sprint("m", i), access.Decision{ID: fmt.Sprint("m", i), By: "mia", Verdict: access.Approve, Items: []access.ItemID{access.ItemID(fmt.Sprint(i + 1))}, Evidence: "test"})
		})
	}
	w.at(20*time.Hour, func() {
		states := w.asked("omar")
		require.Equal(t, open, states[len(states)-1])
		w.answers("omar", "omar", len(states), yes)
	})
	w.at(40*time.Hour, func() {
		states := w.asked("omar")
		for _, item := range w.view().Items {
			if item.State == access.ItemPending {
				require.Contains(t, states, open, "item %s waits for Omar, who is not asked any more", item.Item.ID)
			}
		}
		w.withdraw("ana")
	})
	w.run(r)
}

// Somebody else has answered Mia's approval, so usher asks her again; she answers the first one, which the desk lets her. It is hers, and what was
// asked with it still waits: it counts.
func TestAttackApprovals_answer_to_a_void_question_counts(t *testing.T) {
	for answer, verdict := range map[access.ApprovalState]access.Verdict{yes: access.Approve, no: access.Deny} {
		t.Run(string(answer), func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.newRun()
			w.at(time.Hour, func() { w.answers("eve", "mia", 1, yes) })
			w.at(2*time.Hour, func() {
				require.Equal(t, []access.ApprovalState{over, open}, w.asked("mia"))
				w.answers("mia", "mia", 1, answer)
			})
			w.run(w.request("wiki/editor"))
			require.Equal(t, 1, has(w.events("r1"), access.EventDecisionRefused), "Eve's answer")
			require.Len(t, w.view().Decisions, 1)
			require.Equal(t, access.PersonID("mia"), w.view().Decisions[0].By)
			require.Equal(t, verdict, w.view().Decisions[0].Verdict)
			require.Equal(t, []access.ApprovalState{answer, answer}, w.asked("mia"), "what she was asked again shows it as well")
		})
	}
}

// What a user loses: the mark of their own decision, and a comment that says that it does not count. Mia's approval counted long ago; an
// administrator touches it later: usher sets it to not required, as if she had never given it.
func TestAttackApprovals_counted_answer_is_taken_out(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.at(time.Hour, func() { w.answers("mia", "mia", 1, yes) })
	w.at(3*time.Hour, func() {
		require.Len(t, w.view().Decisions, 1)
		require.Equal(t, []access.ApprovalState{yes}, w.asked("mia"))
		w.answers("eve", "mia", 1, no)
	})
	w.at(5*time.Hour, func() {
		states := w.asked("mia")
		w.withdraw("ana")
		require.Equal(t, []access.ApprovalState{yes}, states, "a decision that was taken stands in the approval")
	})
	w.run(w.request("wiki/admin"))
}

// What a user loses: a denial that is overwritten. Somebody else answers Mia's approval. While usher's call that takes this out of it waits
// (the desk is away), Mia puts it right herself and denies. The call replaces her denial, and nothing is said of it.
func TestAttackApprovals_own_write_overtakes_a_denial(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.at(time.Hour, func() {
		w.desk.FailNext(memory.OpSetApprovals, manyOf(24, access.Errorf(access.Transient, "set approvals", "away"))...)
		w.answers("eve", "mia", 1, yes)
	})
	corrected := false
	for minute := range 60 {
		w.at(time.Hour+time.Duration(minute)*time.Minute+30*time.Second, func() {
			// Eve's answer is refused, and not taken out yet.
			if !corrected && has(w.events("r1"), access.EventDecisionRefused) == 1 && w.asked("mia")[0] == yes {
				corrected = true
				w.answers("mia", "mia", 1, no)
			}
		})
	}
	w.at(6*time.Hour, func() {
		if w.env.IsWorkflowCompleted() {
			return
		}
		refused := has(w.events("r1"), access.EventDecisionRefused)
		states := w.asked("mia")
		w.withdraw("ana")
		require.True(t, corrected)
		require.False(t, states[0] == over && refused == 1, "Mia's denial is gone, and neither ticket nor trail say so: %v", states)
	})
	w.run(w.request("wiki/editor"))
}

// What a user loses: the way to decide on the desk. A request on a ticket of ana's is reset after Mia has approved by her approval. What is
// on the ticket when it is bound again does not count, so she has to approve once more (ADR 27), but her approval stands answered, and
// usher takes it for the question of the new run: nobody asks her again. Where only the desk decides, the request expires.
func TestAttackApprovals_reset_of_a_bound_request_asks_nobody(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.decidedOn(access.ChannelTicket)
	w.newRun()
	b := &binding{world: w, asked: w.desk.AskAs(w.accounts["ana"], "Wiki", "Access: wiki/admin")}
	request := b.origin()
	request.Items[0].Entitlement = "wiki/admin"
	b.at(time.Hour, func() { b.answers("mia", "mia", 1, yes) })
	b.at(3*time.Hour, func() {
		require.Len(t, b.view().Decisions, 1)
		// The operator resets the run to its beginning: nothing of it is tidied up.
		w.env.SetContinueAsNewSuggested(true)
		w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
	})
	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: request})
	continued[workflows.AccessRequestParams](t, w)

	w.newRun()
	w.at(3*time.Hour, func() {
		decided, states := len(w.view().Decisions), w.asked("mia")
		w.withdraw("ana")
		require.True(t, decided > 0 || states[len(states)-1] == open, "Mia's approval does not count, and she is not asked again: %v", states)
	})
	w.run(request)
}

// What a user loses: an approval. ServiceNow's times are seconds, and in its list of approvals people select some rows and approve them at
// once. Two questions to one account that are answered in the same second have one decision's id, so the second one is dropped without a
// word: here because a rule of the desk does not let usher set the first one to not required.
func TestAttackApprovals_two_answers_in_one_moment(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	var at time.Time
	port := secondsDesk{ServiceDesk: w.desk, at: &at}
	w.env.RegisterActivity(&activities.Desk{Port: port, Ledger: w.ledger, Watch: &activities.Watch{Ledger: w.ledger, Client: w}, Now: w.env.Now})
	w.at(61*time.Minute, func() { w.decide("mia", access.Approve, "1") })
	w.at(62*time.Minute, func() {
		require.Equal(t, []access.ApprovalState{over, open}, w.asked("omar"))
		at = w.env.Now().UTC().Truncate(time.Second)
		w.answers("omar", "omar", 1, yes)
		w.answers("omar", "omar", 2, yes)
	})
	w.at(6*time.Hour, func() {
		view, refused := w.view(), has(w.events("r1"), access.EventDecisionRefused)
		w.withdraw("ana")
		require.False(t, view.Items[0].State == access.ItemPending && refused == 0, "Omar's second answer neither counts nor is refused")
	})
	w.run(w.request("wiki/admin", "badge/lab"))
}

// secondsDesk is a desk on which people answer in one second.
type secondsDesk struct {
	access.ServiceDesk
	at *time.Time
}

func (d secondsDesk) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	s, err := d.ServiceDesk.ReadTicket(ctx, id)
	for n := range s.DecisionMoves {
		if s.DecisionMoves[n].Asked != "" {
			s.DecisionMoves[n].At = *d.at
		}
	}
	return s, err
}

// What a user loses: to be asked. The desk itself sets Mia's approval to not required (as ServiceNow does to the others when one of a ticket is
// rejected, or when somebody changes the ticket's approval), which is no answer. She is awaited, but nobody opens it again: days later she
// is still not asked, and where only the desk decides, the request expires.
func TestAttackApprovals_taken_back_by_the_desk(t *testing.T) {
	for _, watch := range []bool{false, true} {
		t.Run(map[bool]string{false: "poll", true: "watch"}[watch], func(t *testing.T) {
			w := newWorldWithApprovals(t)
			if watch {
				watchSettings(&w.settings)
			}
			w.decidedOn(access.ChannelTicket)
			w.newRun()
			w.at(time.Hour, func() {
				w.answers("eve", "mia", 1, over)
				if watch {
					w.tellChange()
				}
			})
			w.at(3*day, func() {
				states := w.asked("mia")
				w.withdraw("ana")
				require.Equal(t, open, states[len(states)-1], "Mia is awaited and not asked")
			})
			w.run(w.request("wiki/editor"))
		})
	}
}

// What a user loses: an answer, for good. A page of the watch is made of tickets as the search showed them, and of answers as they are a
// moment later. If the request has read its ticket in between (usher's own comment changed it), the page's ticket is older than what the
// request has seen, and all of it is passed over, the answer too; but the watch has it in its mark, and tells it never again, nor does the
// full scan. A move of the ticket cannot get lost like this: it changes the ticket, and a younger one is left out of an older ticket.
func TestAttackApprovals_answer_on_an_older_page(t *testing.T) {
	w := newWorldWithApprovals(t)
	watchSettings(&w.settings)
	w.newRun()
	w.watchStaysFresh()
	var searched access.TicketSnapshot
	w.at(time.Hour, func() {
		var err error
		searched, err = w.desk.ReadTicket(t.Context(), w.ticket().Ref.ID)
		require.NoError(t, err)
	})
	w.at(time.Hour+2*time.Second, func() {
		// Any change of the ticket that the request then reads, such as a comment with a hint by webhook.
		require.NoError(t, w.desk.CommentAs(w.ticket().Ref.ID, "Hello"))
		w.signal(workflows.SignalHint, workflows.Hint{})
	})
	w.at(time.Hour+5*time.Second, func() {
		w.answers("mia", "mia", 1, yes)
		live, err := w.desk.ReadTicket(t.Context(), w.ticket().Ref.ID)
		require.NoError(t, err)
		require.True(t, searched.UpdatedAt.Before(live.UpdatedAt))
		searched.DecisionMoves = live.DecisionMoves
		mark, news := access.TicketFingerprint{Key: searched.Ref.Key}.After(searched)
		require.True(t, news, "the watch tells it")
		w.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: searched})
		_, again := mark.After(live)
		require.False(t, again, "and never again")
	})
	w.at(3*day, func() {
		decided := 0
		if !w.env.IsWorkflowCompleted() {
			decided = len(w.view().Decisions)
			w.withdraw("ana")
			require.NotZero(t, decided, "Mia's answer of three days ago is lost")
		}
	})
	w.run(w.request("wiki/editor"))
}
