package workflows_test

import (
	"slices"
	"sync/atomic"
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
				l := &leavingRun{send: send, together: together}
				s := scenario{ledger: ledger, begin: l.begin}
				want := s.play(t, undisturbed, time.Time{})
				require.Empty(t, want.problem)
				require.True(t, l.sent)
				l.told = make(chan struct{})
				got := s.playWith(t, "leaving", l.suggested, want.ended.Add(lateAtMost))
				require.Empty(t, got.problem)
				require.Empty(t, got.state.against(want.state))
			})
		}
	}
}

// leavingRun is a request that is told to leave while a decision is being recorded, and is sent messages then.
type leavingRun struct {
	send     func(*chain, *world)
	together bool
	// told is closed when the run has been told to leave; nil when it is not to leave.
	told  chan struct{}
	leave atomic.Bool
	sent  bool
}

// begin begins the story. The ledger's answer comes when the messages have been sent.
func (l *leavingRun) begin(c *chain) story {
	w := c.asks(func(settings *access.RequestSettings) {
		watchSettings(settings)
		settings.OperatorDecisions = true
	})
	w.watchStaysFresh()
	l.sent = false
	w.ledger.recorded = func(e access.Entry) {
		if l.sent || !slices.ContainsFunc(e.Events, func(e access.Event) bool { return e.Type == access.EventDecided }) {
			return
		}
		l.sent = true
		l.leave.Store(l.told != nil)
		w.signal(workflows.SignalLeaseStatus, access.LeaseStatus{Lease: "nobody's"})
		if l.told != nil {
			select {
			case <-l.told:
			case <-time.After(hangs):
				w.t.Errorf("nobody asks whether the run shall leave")
			}
		}
		c.withNextTask = l.together
		l.send(c, w)
		c.withNextTask = false
	}
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	return requestStory(w, "wiki/admin")
}

// suggested has the server suggest to continue as new, once.
func (l *leavingRun) suggested(int) bool {
	if !l.leave.CompareAndSwap(true, false) {
		return false
	}
	close(l.told)
	return true
}
