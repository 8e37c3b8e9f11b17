package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// A decision on an item that has expired is refused with the reason, and leaves no trace that it counted.
func TestDefect09(t *testing.T) {
	const expired = 7 * day
	decide := func(r *runs, items ...access.ItemID) *answer {
		d := access.Decision{ID: "late", By: "mia", Verdict: access.Approve, Items: items, Reason: "because", Evidence: "test"}
		return r.update(workflows.UpdateDecide, d.ID, d)
	}
	news := func(r *runs, to access.TicketPhase) {
		r.move("mia", to)
		now, err := r.desk.ReadTicket(t.Context(), r.ticket().Ref.ID)
		require.NoError(t, err)
		r.signal(workflows.SignalTicketChanged, access.TicketChange{Snapshot: now})
	}
	signal := func(r *runs, v access.Verdict, items ...access.ItemID) {
		r.signal(workflows.SignalDecision, access.Decision{Verdict: v, Items: items, Reason: "because"})
	}
	rows := []struct {
		name string
		// says decides the expired item; an update gives its answer.
		says func(*runs) *answer
	}{
		{"an update that names the item", func(r *runs) *answer { return decide(r, "2") }},
		{"an update that names no item", func(r *runs) *answer { return decide(r) }},
		{"a move of the ticket to approved", func(r *runs) *answer { news(r, access.TicketApproved); return nil }},
		{"a move of the ticket to denied", func(r *runs) *answer { news(r, access.TicketDenied); return nil }},
		{"an operator's approval", func(r *runs) *answer { signal(r, access.Approve, "2"); return nil }},
		{"an operator's denial of all items", func(r *runs) *answer { signal(r, access.Deny); return nil }},
	}
	for _, row := range rows {
		for _, long := range []bool{false, true} {
			t.Run(row.name+map[bool]string{true: ", in the next run", false: ""}[long], func(t *testing.T) {
				t.Parallel()
				r := toldRuns(t)
				r.approves(time.Hour, "omar")
				if long {
					r.growLongAt(expired+time.Hour, []time.Duration{0}, r.hint)
				}
				var got *answer
				r.at(expired+2*time.Hour, func() {
					require.Equal(t, access.ItemExpired, r.view().Items[1].State)
					got = row.says(r)
				})
				r.at(expired+3*time.Hour, func() {
					require.Equal(t, access.TicketWorking, r.ticket().Phase, "the ticket stays where the request is")
					r.move("ben", access.TicketDone)
					r.tells()
				})
				r.mustEndBy(9 * day)
				result := r.outcomeOf(r.request("badge/lab", "wiki/editor"))
				require.Equal(t, access.OutcomePartlyGranted, result.Outcome)
				require.Len(t, result.View.Decisions, 1, "the late decision is none")
				require.Zero(t, r.commented("Mia approved")+r.commented("Mia denied")+r.commented("operator approved")+r.commented("operator denied"))
				if got != nil {
					requireRefused(t, got, access.Conflict, "expired")
					return
				}
				refused := texts(r.events("r1"), access.EventDecisionRefused)
				require.Len(t, refused, 1)
				require.Contains(t, refused[0], "expired")
			})
		}
	}
}
