package workflows_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// No finding (green): TestAttackApprovals_explore plays requests in which people answer, decide, edit and are refused in any order, and wants: the request ends
// by what was decided and not because something could not be recorded, nobody is asked on its ticket any more, and every answer of an
// approver to their own question is either a decision or said not to count.
func TestAttackApprovals_explore(t *testing.T) {
	for seed := range uint64(250) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorldWithApprovals(t)
			w.settings.OperatorDecisions = true
			watch := random.IntN(2) == 0
			if watch {
				watchSettings(&w.settings)
			}
			w.newRun()
			people := []access.PersonID{"mia", "omar", "olga", "eve", "ben", "ana"}
			said := []string{"begin"}
			gave := 0
			act := func() {
				if w.env.IsWorkflowCompleted() || len(w.desk.Tickets()) != 1 {
					return
				}
				by, of := people[random.IntN(6)], people[random.IntN(3)]
				if random.IntN(3) > 0 {
					by = of
				}
				states := w.asked(of)
				what := random.IntN(14)
				switch {
				case what < 5 && len(states) > 0:
					round := 1 + random.IntN(len(states))
					if states[round-1] != open {
						return
					}
					state := []access.ApprovalState{yes, yes, yes, no}[random.IntN(4)]
					said = append(said, fmt.Sprintf("%s answers %s %d %s", by, of, round, state))
					w.answers(by, of, round, state)
					gave++
				case what < 7:
					item := access.ItemID(fmt.Sprint(1 + random.IntN(3)))
					said = append(said, fmt.Sprintf("%s decides %s", of, item))
					id := fmt.Sprint("d", len(said))
					w.update(workflows.UpdateDecide, id, access.Decision{ID: id, By: of, Verdict: access.Approve, Items: []access.ItemID{item}, Evidence: "test"})
				case what == 7:
					said = append(said, "set approvals fails")
					w.desk.FailNext(memory.OpSetApprovals, manyOf(1+random.IntN(8), access.Errorf(access.Transient, "set approvals", "away"))...)
				case what == 8:
					said = append(said, "edit")
					_ = w.desk.EditTextAs("account-of-eve", w.ticket().Ref.ID, "text")
				case what == 9:
					said = append(said, "set approvals loses its answer")
					w.desk.DropAnswerNext(memory.OpSetApprovals)
				case what == 10:
					said = append(said, string(by)+" moves to approved")
					w.move(by, access.TicketApproved)
				case what == 11:
					said = append(said, string(of)+" answers a row of others")
					require.NoError(t, w.desk.ApproveAs(w.accounts[of], w.ticket().Ref.ID, w.accounts[of]))
				case what == 12 && !watch:
					said = append(said, "reads fail")
					w.desk.FailNext(memory.OpReadTicket, manyOf(1+random.IntN(6), access.Errorf(access.Transient, "read ticket", "away"))...)
				case what == 13:
					said = append(said, "operator")
					w.signal(workflows.SignalDecision, access.Decision{ID: fmt.Sprint("o", len(said)), Verdict: access.Approve, Items: []access.ItemID{"1"}})
				}
				said[max(0, len(said)-1)] += " @" + w.env.Now().Format("15:04:05")
				if watch && random.IntN(2) == 0 {
					w.tellChange()
				}
			}
			for range 14 {
				w.at(time.Hour+time.Duration(random.IntN(36000))*time.Second, act)
			}
			w.at(3*day, func() {
				if !w.env.IsWorkflowCompleted() {
					w.withdraw("ana")
				}
			})
			result := w.run(w.request("wiki/admin", "wiki/editor", "badge/lab"))
			told := strings.Join(said, "\n")
			require.NotEqual(t, access.OutcomeFailed, result.Outcome, told)
			for _, person := range people {
				require.NotContains(t, w.asked(person), open, "%s is still asked\n%s", person, told)
			}
			require.True(t, w.ticket().Phase.Closed(), told)
			recorded := 0
			for _, e := range w.events("r1") {
				if e.Type == access.EventTicketChanged && strings.Contains(e.Text, "answered an approval on the desk") {
					recorded++
				}
			}
			require.GreaterOrEqual(t, recorded, gave, "an answer was swallowed\n%s\n%v", told, result.View.Decisions)
		})
	}
}
