package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// lateMessages are messages that come while a run leaves. Before a signal comes another of its kind, which asks for nothing.
func lateMessages() map[string]func(*chain, *world) {
	decides := func(v access.Verdict) func(*chain, *world) {
		return func(c *chain, w *world) {
			w.signal(workflows.SignalDecision, access.Decision{ID: "o0", Verdict: "maybe"})
			w.signal(workflows.SignalDecision, access.Decision{ID: "o1", Verdict: v, Reason: "by phone"})
		}
	}
	return map[string]func(*chain, *world){
		"an operator's approval": decides(access.Approve),
		"an operator's denial":   decides(access.Deny),
		"news of the ticket": func(_ *chain, w *world) {
			w.tells()
			w.move("omar", access.TicketDenied)
			w.tells()
		},
		"a withdrawal":   func(_ *chain, w *world) { w.withdraw("ana") },
		"a cancellation": func(c *chain, _ *world) { c.cancelWorkflow() },
	}
}

// TestLeaving sends messages to a run that leaves, while the last call that it waits for is made: they come in one task with
// the result of the call, or before it. Nothing of them is lost.
func TestLeaving(t *testing.T) {
	ledger := emptyLedger(t)
	for name, send := range lateMessages() {
		for _, together := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", in the task of the last result", false: ", before the last result"}[together], func(t *testing.T) {
				leaves, sent := false, false
				s := scenario{ledger: ledger, begin: func(c *chain) story {
					w := c.asks(func(terms *access.Terms) {
						watchTerms(terms)
						terms.OperatorDecisions = true
					})
					w.watchStaysFresh()
					leaves, sent = false, false
					w.ledger.recorded = func(e access.Entry) {
						if sent || !slices.ContainsFunc(e.Events, func(e access.Event) bool { return e.Type == access.EventDecided }) {
							return
						}
						leaves, sent, c.withNextTask = false, true, together
						send(c, w)
						c.withNextTask = false
					}
					w.at(time.Hour, func() {
						leaves = true
						w.decide("mia", access.Approve)
					})
					return requestStory(w, "wiki/admin")
				}}
				want := s.play(t, undisturbed, time.Time{})
				require.Empty(t, want.problem)
				require.True(t, sent)
				runs := 0
				got := s.playWith(t, "leaving", func(int) bool {
					if leaves {
						runs++
					}
					return leaves
				}, want.ended.Add(lateAtMost))
				require.Empty(t, got.problem)
				require.Positive(t, runs, "the run is told to leave")
				require.Empty(t, got.state.against(want.state))
			})
		}
	}
}
