package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// polls has the watch of the desk complete a poll every few minutes.
func (w *world) polls(from, until time.Duration) {
	for at := from; at < until; at += 4 * time.Minute {
		w.at(at, func() {
			require.NoError(w.t, w.ledger.SaveWatch(w.t.Context(), access.WatchPosition{Desk: "jira", LastPollAt: w.env.Now()}))
		})
	}
}

// What a user loses: a decision, for good. The watch tells of an answer (or a move) while the request cannot take what it tells: usher's own write is under way, the
// approvals of the desk wait to be tried again, or the page is older. The request reads the ticket itself, and that read fails
// (the desk is slow for some minutes). The watch has remembered that it told, so it tells never again, and as its polls are complete the
// request does not look either. Approvals that fail make this the way of every piece of news.
func TestAttackAgain_news_lost_when_the_read_fails(t *testing.T) {
	for name, row := range map[string]struct {
		approvals, answer, older bool
	}{
		"a move, approvals wait to be tried again":    {approvals: true},
		"an answer, approvals wait to be tried again": {approvals: true, answer: true},
		"an answer on an older page":                  {answer: true, older: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			watchSettings(&w.settings)
			w.newRun()
			w.polls(0, 30*time.Hour)
			w.at(2*time.Hour, func() {
				if row.approvals {
					w.desk.FailNext(memory.OpSetApprovals, manyOf(5_000, access.Errorf(access.Forbidden, "set approvals", "no right"))...)
				}
				if row.older {
					w.move("ben", access.TicketOther)
					w.tellChange()
				}
			})
			w.at(3*time.Hour, func() {
				if row.approvals {
					// Something has the approvals set again: they fail from now on.
					w.answers("eve", "mia", 1, yes)
					w.tellChange()
				}
			})
			w.at(5*time.Hour, func() {
				if row.answer {
					w.answers("mia", "mia", len(w.asked("mia")), yes)
				} else {
					w.move("mia", access.TicketApproved)
				}
				now, err := w.desk.ReadTicket(t.Context(), w.ticket().Ref.ID)
				require.NoError(t, err)
				// One look fails, in all of its attempts.
				w.desk.FailNext(memory.OpReadTicket, manyOf(20, access.Errorf(access.Transient, "read ticket", "slow"))...)
				if row.older {
					now.UpdatedAt = now.UpdatedAt.Add(-time.Hour)
				}
				w.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: now})
			})
			w.at(29*time.Hour, func() {
				if !w.env.IsWorkflowCompleted() {
					w.withdraw("ana")
					require.NotEmpty(t, w.view().Decisions, "a day later Mia's decision is unknown; reads: %d, problem %q", w.desk.Calls(memory.OpReadTicket), w.view().TicketProblem)
				}
			})
			w.run(w.request("wiki/editor"))
		})
	}
}

// What a user loses: a denial, or an approval. An operator resets a request with a watch. What was decided on the desk before is in the ledger's mark of the
// ticket, so the watch tells nothing, and while its polls are complete the request does not look at the ticket that it has found. Omar
// has denied the badge: he and his like are asked again, and what they say then counts.
func TestAttackAgain_reset_under_a_live_watch(t *testing.T) {
	for _, move := range []bool{false, true} {
		t.Run(map[bool]string{false: "answer", true: "move"}[move], func(t *testing.T) {
			w := newWorldWithApprovals(t)
			watchSettings(&w.settings)
			w.newRun()
			w.polls(0, 4*time.Hour)
			request := w.request("wiki/admin", "badge/lab")
			w.at(61*time.Minute, func() {
				if move {
					w.move("omar", access.TicketDenied)
				} else {
					w.answers("omar", "omar", 1, no)
				}
				w.tellChange()
			})
			w.at(3*time.Hour, func() {
				require.Equal(t, access.ItemDenied, w.view().Items[1].State)
				w.env.SetContinueAsNewSuggested(true)
				w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
			})
			w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: request})
			continued[workflows.AccessRequestParams](t, w)
			w.newRun()
			w.polls(0, 30*time.Hour)
			w.at(24*time.Hour, func() {
				defer w.withdraw("ana")
				require.Equal(t, access.ItemDenied, w.view().Items[1].State, "asked: %v", w.asked("omar"))
			})
			w.run(request)
		})
	}
}
