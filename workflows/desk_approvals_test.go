package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/policy"
	"usher/workflows"
)

// The states of desk approvals, in short.
const (
	open    = access.ApprovalRequested
	yes, no = access.ApprovalApproved, access.ApprovalDenied
	over    = access.ApprovalNotRequired
)

func deskApprovals(s *access.RequestSettings) { s.DeskApprovals = true }

func newWorldWithApprovals(t testing.TB) *world {
	w := newWorldWith(t, deskApprovals)
	w.desk.UseApprovals()
	w.accounts["eve"] = "account-of-eve"
	return w
}

// answers is a person's answer to usher's question to another, or to themselves.
func (w *world) answers(by, asked access.PersonID, round int, state access.ApprovalState) {
	w.t.Helper()
	require.NoError(w.t, w.desk.AnswerAs(w.accounts[by], w.ticket().Ref.ID, w.accounts[asked], round, state))
}

// asked are the states of usher's questions to a person.
func (w *world) asked(person access.PersonID) []access.ApprovalState {
	return w.desk.Approvals(w.ticket().Ref.ID, w.accounts[person])
}

// decidedOn has every entitlement decided on one channel only.
func (w *world) decidedOn(channel access.Channel) {
	w.t.Helper()
	catalog, err := policy.Parse([]byte(strings.ReplaceAll(catalogYAML, "fulfilment:", "decision_channels: ["+string(channel)+"], fulfilment:")))
	require.NoError(w.t, err)
	w.catalog = catalog
}

// approvalRow is one answer to usher's question to Mia, whose stage is open.
type approvalRow struct {
	by     access.PersonID
	answer access.ApprovalState
	edited bool
	watch  bool
}

func (r approvalRow) String() string {
	return fmt.Sprintf("%s by %s, edited %t, watch %t", r.answer, r.by, r.edited, r.watch)
}

// counts reports whether it is Mia's decision.
func (r approvalRow) counts() bool { return r.by == "mia" && (r.answer == no || !r.edited) }

func approvalRows() []approvalRow {
	var rows []approvalRow
	for _, by := range []access.PersonID{"mia", "omar", "ben", "ana", "eve"} {
		for _, answer := range []access.ApprovalState{yes, no} {
			for _, edited := range []bool{false, true} {
				for _, watch := range []bool{false, true} {
					rows = append(rows, approvalRow{by, answer, edited, watch})
				}
			}
		}
	}
	return rows
}

// Only who is asked answers, and an approval counts only while the ticket says what usher wrote. Whatever does not count is said on the
// ticket, and Mia is asked again.
func TestDeskApprovals_who_answers(t *testing.T) {
	for _, row := range approvalRows() {
		t.Run(row.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorldWithApprovals(t)
			if row.watch {
				watchSettings(&w.settings)
			}
			w.newRun()
			w.at(time.Hour, func() {
				require.Equal(t, []access.ApprovalState{open}, w.asked("mia"))
				require.Empty(t, w.asked("omar"), "whose stage is not open is not asked")
				if row.edited {
					require.NoError(t, w.desk.EditTextAs("account-of-eve", w.ticket().Ref.ID, "It is only about the viewer."))
				}
				w.answers(row.by, "mia", 1, row.answer)
				if row.watch {
					w.tellChange()
				}
			})
			w.at(3*time.Hour, func() {
				events := w.events("r1")
				switch {
				case row.counts() && row.answer == no:
				case row.counts():
					require.Equal(t, []access.ApprovalState{yes}, w.asked("mia"))
					require.Equal(t, []access.ApprovalState{open}, w.asked("omar"))
					require.Equal(t, []access.ApprovalState{open}, w.asked("olga"))
					require.Len(t, w.view().Decisions, 1)
					require.Equal(t, access.TicketWaiting, w.ticket().Phase)
					require.Zero(t, has(events, access.EventDecisionRefused))
					w.withdraw("ana")
				default:
					require.Equal(t, []access.ApprovalState{over, open}, w.asked("mia"), "asked again")
					require.Empty(t, w.view().Decisions)
					require.Equal(t, 1, has(events, access.EventDecisionRefused))
					require.Equal(t, 1, has(events, access.EventTicketChanged))
					w.withdraw("ana")
				}
			})
			want := access.OutcomeWithdrawn
			if row.counts() && row.answer == no {
				want = access.OutcomeDenied
			}
			require.Equal(t, want, w.run(w.request("wiki/admin")).Outcome)
			for person := range w.accounts {
				require.NotContains(t, w.asked(person), open, "nobody is asked any more: %s", person)
			}
		})
	}
}

func TestDeskApprovals_every_stage(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.at(time.Hour, func() { w.answers("mia", "mia", 1, yes) })
	w.at(3*time.Hour, func() { w.answers("olga", "olga", 1, yes) })
	result := w.run(w.request("wiki/admin"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Equal(t, []access.ApprovalState{yes}, w.asked("olga"))
	require.Equal(t, []access.ApprovalState{over}, w.asked("omar"))
	require.Len(t, result.View.Decisions, 2)
	for _, d := range result.View.Decisions {
		require.Equal(t, access.ChannelTicket, d.Channel)
		require.Contains(t, d.Evidence, string(w.accounts[d.By]))
		require.Contains(t, d.Evidence, "an approval by account")
	}
}

// What is decided with usher stands in the approvals of the desk too, and an answer there afterwards changes nothing.
func TestDeskApprovals_mirrored(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	reached := false
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(2*time.Hour, func() {
		require.Equal(t, []access.ApprovalState{yes}, w.asked("mia"))
		w.answers("mia", "mia", 1, no)
	})
	w.at(4*time.Hour, func() {
		reached = true
		require.Len(t, w.view().Decisions, 1)
		require.Equal(t, 1, has(w.events("r1"), access.EventDecisionRefused))
		w.decide("omar", access.Approve)
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/admin")).Outcome)
	require.True(t, reached)
}

// An answer counts for what was asked with it, though its approver is awaited for more by now.
func TestDeskApprovals_old_question(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.at(61*time.Minute, func() {
		// The ticket is read at 60 minutes, and next at 75.
		require.Equal(t, []access.ApprovalState{open}, w.asked("omar"))
		w.answers("omar", "omar", 1, yes)
	})
	w.at(61*time.Minute+time.Second, func() { w.decide("mia", access.Approve, "1") })
	w.at(3*time.Hour, func() {
		view := w.view()
		require.Equal(t, access.ItemPending, view.Items[0].State)
		require.Equal(t, access.ItemApproved, view.Items[1].State)
		require.Equal(t, []access.ApprovalState{yes, open}, w.asked("omar"))
		w.answers("omar", "omar", 2, no)
	})
	w.at(6*time.Hour, func() { w.move("ben", access.TicketDone) })
	result := w.run(w.request("wiki/admin", "badge/lab"))
	require.Equal(t, access.ItemDenied, result.View.Items[0].State)
}

// An approval that others have opened counts if its approver answers it, as a move of the ticket does.
func TestDeskApprovals_of_others(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	reached := false
	ticket := func() access.TicketID { return w.ticket().Ref.ID }
	w.at(time.Hour, func() {
		require.NoError(t, w.desk.ApproveAs(w.accounts["eve"], ticket(), w.accounts["mia"]))
		require.NoError(t, w.desk.ApproveAs(w.accounts["olga"], ticket(), w.accounts["olga"]))
	})
	w.at(3*time.Hour, func() {
		require.Empty(t, w.view().Decisions, "neither a stranger's answer, nor one that nobody waits for")
		require.Zero(t, has(w.events("r1"), access.EventDecisionRefused), "they are about something else")
		require.NoError(t, w.desk.ApproveAs(w.accounts["mia"], ticket(), w.accounts["mia"]))
	})
	w.at(5*time.Hour, func() {
		reached = true
		require.Len(t, w.view().Decisions, 1)
		require.Equal(t, []access.ApprovalState{yes}, w.asked("mia"))
		w.decide("omar", access.Approve)
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/admin")).Outcome)
	require.True(t, reached, "it was granted before")
}

// Nobody is asked for ever: who answers again and again in a way that does not count is asked ten times.
func TestDeskApprovals_bounded(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	for n := range 15 {
		w.at(time.Duration(n+1)*time.Hour, func() {
			if len(w.asked("mia")) > n {
				w.answers("eve", "mia", n+1, yes)
			}
		})
	}
	w.at(20*time.Hour, func() {
		require.Len(t, w.asked("mia"), 10)
		require.NotContains(t, w.asked("mia"), open)
		w.decide("mia", access.Approve)
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
}

// A desk that refuses to ask holds nothing back.
func TestDeskApprovals_refused(t *testing.T) {
	for _, kind := range []access.Kind{access.Invalid, access.Conflict} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.newRun()
			w.desk.FailNext(memory.OpSetApprovals, manyOf(500, access.Errorf(kind, "set approvals", "no such approver"))...)
			w.at(time.Hour, func() {
				require.Empty(t, w.view().TicketProblem)
				require.Contains(t, w.events("r1")[3].Text+w.events("r1")[2].Text, "no such approver")
				w.decide("mia", access.Approve)
			})
			require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
			require.Equal(t, access.TicketDone, w.ticket().Phase)
		})
	}
	t.Run("a right that is missing does not keep the ticket open", func(t *testing.T) {
		w := newWorldWithApprovals(t)
		w.newRun()
		w.desk.FailNext(memory.OpSetApprovals, manyOf(5000, access.Errorf(access.Forbidden, "set approvals", "no right"))...)
		w.at(2*time.Hour, func() {
			require.Contains(t, w.view().TicketProblem, "no right")
			w.decide("mia", access.Approve)
		})
		w.at(2*time.Hour+20*time.Minute, func() { require.Equal(t, access.TicketDone, w.ticket().Phase) })
		began := w.env.Now()
		require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
		require.Equal(t, access.TicketDone, w.ticket().Phase)
		require.Less(t, w.env.Now().Sub(began), 9*time.Hour)
	})
}

func TestDeskApprovals_not_used(t *testing.T) {
	for name, change := range map[string]func(*world){
		"the desk's settings say nothing": func(w *world) { w.settings.DeskApprovals = false },
		"the entitlement is decided with usher only": func(w *world) {
			w.decidedOn(access.ChannelAPI)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			change(w)
			w.newRun()
			w.at(time.Hour, func() { w.decide("mia", access.Approve) })
			require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
			require.Zero(t, w.desk.Calls(memory.OpSetApprovals))
		})
	}
}

// A ticket that takes the place of another asks anew.
func TestDeskApprovals_ticket_replaced(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.at(time.Hour, func() { require.NoError(t, w.desk.Delete(w.ticket().Ref.ID)) })
	w.at(5*time.Hour, func() {
		tickets := w.desk.Tickets()
		require.Len(t, tickets, 2)
		id, mia := tickets[1].Ref.ID, w.accounts["mia"]
		require.Equal(t, []access.ApprovalState{open}, w.desk.Approvals(id, mia))
		require.NoError(t, w.desk.AnswerAs(mia, id, mia, 1, yes))
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
}

// Only the desk decides where the catalog says so.
func TestDeskApprovals_desk_decides(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.decidedOn(access.ChannelTicket)
	w.newRun()
	var refused *answer
	w.at(time.Hour, func() { refused = w.decide("mia", access.Approve) })
	w.at(2*time.Hour, func() { w.answers("mia", "mia", 1, yes) })
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
	require.ErrorContains(t, refused.rejected, "decided on the ticket only")
}

// What is answered while the ticket of a request that has ended waits to be closed is nothing of its.
func TestDeskApprovals_after_the_end(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
	w.at(62*time.Minute, func() {
		w.desk.FailNext(memory.OpTransitionTicket, manyOf(100, access.Errorf(access.Transient, "move", "slow"))...)
		w.decide("olga", access.Deny)
	})
	read := false
	w.at(64*time.Minute, func() {
		require.Equal(t, access.OutcomeDenied, w.view().State)
		require.False(t, w.ticket().Phase.Closed())
		w.answers("omar", "omar", 1, yes)
		w.signal(workflows.SignalHint, workflows.Hint{})
	})
	w.at(66*time.Minute, func() { read = w.desk.Calls(memory.OpReadTicket) > 0 })
	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/admin")).Outcome)
	require.True(t, read)
	require.Zero(t, has(w.events("r1"), access.EventDecisionRefused))
	require.Zero(t, has(w.events("r1"), access.EventTicketChanged))
}

// An older page of the search with a younger answer makes usher read the ticket: what else the page shows is from before.
func TestDeskApprovals_older_page(t *testing.T) {
	w := newWorldWithApprovals(t)
	watchSettings(&w.settings)
	w.newRun()
	var old access.TicketSnapshot
	assigned := func() int {
		n := 0
		for _, e := range w.events("r1") {
			if strings.Contains(e.Text, "assignee") {
				n++
			}
		}
		return n
	}
	w.at(61*time.Minute, func() {
		id := w.ticket().Ref.ID
		require.NoError(t, w.desk.AssignAs(id, w.accounts["ben"]))
		var err error
		old, err = w.desk.ReadTicket(t.Context(), id)
		require.NoError(t, err)
		require.NoError(t, w.desk.AssignAs(id, w.accounts["olga"]))
		w.tellChange()
	})
	w.at(63*time.Minute, func() {
		require.Equal(t, 1, assigned())
		w.answers("mia", "mia", 1, yes)
		now, err := w.desk.ReadTicket(t.Context(), w.ticket().Ref.ID)
		require.NoError(t, err)
		old.DecisionMoves = now.DecisionMoves
		w.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: old})
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
	require.Equal(t, 1, assigned())
}

// Somebody deletes the approval of the only one who may decide: the next reminder asks again.
func TestDeskApprovals_deleted(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.decidedOn(access.ChannelTicket)
	w.newRun()
	w.at(time.Hour, func() {
		require.Equal(t, []access.ApprovalState{open}, w.asked("mia"))
		w.desk.DeleteApproval(w.ticket().Ref.ID, w.accounts["mia"])
	})
	w.at(25*time.Hour, func() {
		require.Equal(t, []access.ApprovalState{open}, w.asked("mia"))
		w.answers("mia", "mia", 1, yes)
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
}

// An answer to a forgotten question that nothing waits for is recorded and nothing more: it takes nothing away, and nobody is asked again.
func TestDeskApprovals_forgotten_and_decided(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.desk.FailNext(memory.OpSetApprovals, append([]error{nil}, manyOf(10, access.Errorf(access.Transient, "set approvals", "away"))...)...)
	w.desk.DropAnswerNext(memory.OpSetApprovals)
	w.newRun()
	w.at(time.Second, func() {
		w.answers("omar", "omar", 1, yes)
		w.decide("omar", access.Approve)
	})
	w.at(2*time.Hour, func() {
		require.Equal(t, []access.ApprovalState{yes}, w.asked("omar"))
		require.Equal(t, 1, has(w.events("r1"), access.EventTicketChanged))
		require.NoError(t, w.desk.MoveAs(w.accounts["ben"], w.ticket().Ref.ID, access.TicketDone))
	})
	require.Equal(t, access.OutcomeGranted, w.run(w.request("badge/lab")).Outcome)
	require.Zero(t, has(w.events("r1"), access.EventDecisionRefused))
}
