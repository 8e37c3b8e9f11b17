package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// lost are the ways in which the answer to a create is lost, while the desk's search does not show the ticket yet.
func lost() map[string]func(*runs) {
	return map[string]func(*runs){
		"the connection broke":  func(r *runs) { r.desk.DropAnswerNext(memory.OpCreateTicket) },
		"the attempt timed out": func(r *runs) { r.server.loseCreates(1) },
	}
}

// continues is when the run continues as new, after the create.
func continues() map[string][]time.Duration {
	return map[string][]time.Duration{
		"at once":               {time.Second},
		"after a while":         {70 * time.Second},
		"one run after another": {20 * time.Second, 40 * time.Second, 80 * time.Second},
		"not at all":            nil,
	}
}

// After a create of unknown outcome usher waits until the desk's search must show the ticket, whichever run it is.
func TestDefect05(t *testing.T) {
	for how, lose := range lost() {
		for when, longAt := range continues() {
			t.Run("the ticket of a request, "+how+", continued "+when, func(t *testing.T) {
				t.Parallel()
				r := requestRuns(t, quietTerms)
				lose(r)
				r.desk.SearchLags(true)
				r.growLongAt(0, longAt, r.hint)
				r.at(100*time.Second, func() { r.desk.SearchLags(false) })
				r.at(30*time.Minute, func() { require.Equal(t, 1, r.ticketsOf("r1"), "tickets of the request") })
				r.at(time.Hour, func() { r.decide("mia", access.Deny) })
				r.mustEndBy(day)
				require.Equal(t, access.OutcomeDenied, r.outcomeOf(r.request("wiki/editor")).Outcome)
				require.Equal(t, 1, r.ticketsOf("r1"), "tickets of the request")
				require.Equal(t, len(longAt)+1, r.count, "runs")
			})
			t.Run("the ticket that asks for a removal, "+how+", continued "+when, func(t *testing.T) {
				t.Parallel()
				r := newHolderRuns(t)
				lose(r.runs)
				e := r.byHand("r1:1", "vault", time.Hour)
				r.target.Put("vault", "ana")
				r.asks(0, e)
				r.at(59*time.Minute, func() { r.desk.SearchLags(true) })
				r.growLongAt(time.Hour, longAt, func() { r.signal(workflows.SignalApplyLease, e) })
				r.at(time.Hour+100*time.Second, func() { r.desk.SearchLags(false) })
				r.at(2*time.Hour, func() {
					require.Equal(t, 1, r.desk.Count(access.RemovalMarkerOf("r1:1")), "tickets of the lease")
					r.target.Take("vault", "ana")
					r.move("ben", access.TicketDone)
				})
				r.mustEndBy(day)
				r.run()
				require.Equal(t, len(longAt)+1, r.count, "runs")
			})
		}
	}
}

// growLongAt lets a run grow long at each of these times after another, and wakes it.
func (r *runs) growLongAt(from time.Duration, times []time.Duration, wake func()) {
	for _, after := range times {
		r.at(from+after, func() {
			r.env.SetContinueAsNewSuggested(true)
			wake()
		})
	}
}
