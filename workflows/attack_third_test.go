package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// What a user loses: "it counts only from whoever was asked" (ADR 28). An answer to an approval that has no approver (ServiceNow has such rows:
// a flow that found no manager, or somebody has emptied the column) comes with Asked "". The workflow knows answers by that
// field, so this one is a move of the ticket into "approved": whoever gave it decides everything that waits for them, though the ticket was not moved, and
// no status means approved here.
func TestAttackThird_approval_without_an_approver_is_a_move(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.at(time.Hour, func() { require.NoError(t, w.desk.ApproveAs(w.accounts["mia"], w.ticket().Ref.ID, "")) })
	w.at(3*time.Hour, func() {
		if !w.env.IsWorkflowCompleted() {
			w.withdraw("ana")
		}
	})
	result := w.run(w.request("wiki/editor"))
	require.Empty(t, result.View.Decisions, "nobody's approval was taken for Mia's decision")
	require.Empty(t, w.ensures)
}

// What a user loses: the same with usher's own question. Omar was asked about the badge only. The approver of that row is emptied, and he
// answers it. It counts for the owner's stage of the administrator as well, which he was asked by another row.
func TestAttackThird_question_without_an_approver_counts_for_all(t *testing.T) {
	w := newWorldWithApprovals(t)
	watchSettings(&w.settings)
	w.newRun()
	first := ""
	w.at(time.Hour, func() {
		require.Equal(t, []access.ApprovalState{open}, w.asked("omar"), "about the badge")
		first = w.approvalID("omar", 1)
		w.decide("mia", access.Approve, "1")
	})
	reached := false
	w.at(2*time.Hour, func() {
		require.Equal(t, []access.ApprovalState{over, open}, w.asked("omar"))
		now, err := w.desk.ReadTicket(t.Context(), w.ticket().Ref.ID)
		require.NoError(t, err)
		now.DecisionMoves = append(now.DecisionMoves, access.TicketMove{
			ID: "approval " + first, At: w.env.Now(), By: w.accounts["omar"], ByName: "Omar", Status: "approved", Phase: access.TicketApproved,
			Approval: first, Own: true,
		})
		w.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: now})
	})
	w.at(3*time.Hour, func() {
		reached = true
		w.withdraw("ana")
	})
	w.notAsOwner(w.run(w.request("wiki/admin", "badge/lab")))
	require.True(t, reached)
}

// approvalID is the desk's own id of usher's question of a round to a person: the memory desk numbers them as they are opened.
func (w *world) approvalID(person access.PersonID, round int) string {
	w.t.Helper()
	const most = 50
	ticket := w.ticket().Ref.ID
	before := w.asked(person)
	require.GreaterOrEqual(w.t, len(before), round)
	// Whoever is asked first has the first number: Mia, then the owners.
	for n := 1; n < most; n++ {
		if w.desk.ApproverOf(ticket, n) == w.accounts[person] {
			if round--; round == 0 {
				return fmt.Sprintf("approval-%s-%d", ticket, n)
			}
		}
	}
	w.t.Fatal("no such approval")
	return ""
}

// What a user loses: the truth of the desk. A stranger has answered Mia's approval; usher takes that out and asks her by another one. The stranger answers the first
// one again. It is said on the ticket that it does not count, but nobody takes it out: the state that the approval shall have is
// the same as before, so the desk is not written to. ServiceNow rolls the stranger's word up to the ticket, and flows go by that (ADR 28).
func TestAttackThird_second_answer_to_a_void_question_stands(t *testing.T) {
	for _, by := range []access.PersonID{"eve", "omar"} {
		t.Run(string(by), func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.newRun()
			w.at(time.Hour, func() { w.answers(by, "mia", 1, yes) })
			w.at(3*time.Hour, func() {
				require.Equal(t, []access.ApprovalState{over, open}, w.asked("mia"))
				w.answers(by, "mia", 1, yes)
			})
			reached := false
			w.at(20*time.Hour, func() {
				reached = true
				defer w.withdraw("ana")
				require.Equal(t, 2, has(w.events("r1"), access.EventDecisionRefused), "it is said")
				require.Equal(t, []access.ApprovalState{over, open}, w.asked("mia"), "a stranger's approval stands on the desk for seventeen hours")
			})
			w.run(w.request("wiki/editor"))
			require.True(t, reached)
		})
	}
}

// What a user loses: the same for the approver's own word that does not count. After ten answers nobody asks Mia again. What she answers then is refused
// ("its text was changed"), and her "approved" stands.
func TestAttackThird_refused_answer_after_ten_stands(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.at(30*time.Minute, func() { require.NoError(t, w.desk.EditTextAs("account-of-eve", w.ticket().Ref.ID, "only the viewer")) })
	for n := range 10 {
		w.at(time.Duration(n+1)*time.Hour, func() { w.answers("mia", "mia", n+1, yes) })
	}
	w.at(12*time.Hour, func() {
		require.Len(t, w.asked("mia"), 10)
		require.NotContains(t, w.asked("mia"), open)
		require.NotContains(t, w.asked("mia"), yes)
		w.answers("mia", "mia", 10, yes)
	})
	reached := false
	w.at(20*time.Hour, func() {
		reached = true
		defer w.withdraw("ana")
		require.Equal(t, 11, has(w.events("r1"), access.EventDecisionRefused), "it is said")
		require.NotContains(t, w.asked("mia"), yes, "and stands")
	})
	w.run(w.request("wiki/editor"))
	require.True(t, reached)
}

// What a user loses: peace, and a trail that can be read. A rule of the desk sets every approval that usher releases to approved (or the other
// way round). usher takes that out at each look, for as long as somebody works on the ticket: a line of the trail and a write on the desk each minute, without
// a bound. For questions that are open the bound is ten.
func TestAttackThird_rule_of_the_desk_against_usher(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.useCatalog(strings.ReplaceAll(strings.ReplaceAll(approvalCatalog, "[owner, manager]", "[owner]"), "fulfilment: scim", "fulfilment: manual"))
	w.newRun()
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	for minute := range 8 * 60 {
		w.at(2*time.Hour+time.Duration(minute)*time.Minute, func() {
			if w.asked("mia")[0] == over {
				w.answers("eve", "mia", 1, yes)
			}
		})
	}
	w.at(12*time.Hour, func() { w.move("ben", access.TicketDone) })
	w.at(13*time.Hour, func() {
		if !w.env.IsWorkflowCompleted() {
			w.withdraw("ana")
		}
	})
	w.run(w.request("wiki/editor"))
	require.Less(t, w.desk.Calls(memory.OpSetApprovals), 30, "in eight hours; lines in the trail: %d", has(w.events("r1"), access.EventTicketChanged))
}

// What a user loses: an approver's attention. Somebody deletes the approval by which Mia is asked (docs, Request Tracker: "whoever removes the link, or deletes
// or merges an approval, has usher ask again"). Nothing that changes brings usher to the desk's approvals again: a snapshot shows answers only. She is not
// asked, and where the desk alone decides the request expires.
func TestAttackThird_deleted_approval_is_never_asked_again(t *testing.T) {
	for _, watch := range []bool{false, true} {
		t.Run(fmt.Sprintf("watch %t", watch), func(t *testing.T) {
			w := newWorldWithApprovals(t)
			if watch {
				watchSettings(&w.settings)
			}
			w.decidedOn(access.ChannelTicket)
			w.newRun()
			w.at(2*time.Hour, func() {
				require.Equal(t, []access.ApprovalState{open}, w.asked("mia"))
				w.desk.DeleteApproval(w.ticket().Ref.ID, w.accounts["mia"])
				require.Empty(t, w.asked("mia"))
			})
			reached := false
			w.at(6*day, func() {
				reached = true
				defer w.withdraw("ana")
				require.Contains(t, w.asked("mia"), open, "six days and five reminders later")
			})
			w.run(w.request("wiki/editor"))
			require.True(t, reached)
		})
	}
}
