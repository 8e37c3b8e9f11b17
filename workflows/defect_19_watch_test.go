package workflows_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// smallOnesOfOthers are the small ones that show in a person's leases, in a desk's watch and in a ticket that is opened again.
func smallOnesOfOthers(t *testing.T) {
	t.Run("a lease whose request was withdrawn is recorded as refused", func(t *testing.T) {
		refusedLease(t, func(r *holderRuns) { r.holder.remember("r1", access.OutcomeWithdrawn, access.ItemWithdrawn) }, "withdrawn")
	})
	t.Run("a lease whose request was denied is recorded as refused", func(t *testing.T) {
		refusedLease(t, func(r *holderRuns) { r.holder.remember("r1", access.OutcomeDenied, access.ItemDenied) }, "denied")
	})
	t.Run("a lease that nothing says where to grant is recorded as refused", func(t *testing.T) {
		refusedLease(t, nil, "")
	})
	for name, trouble := range reopenedTroubles() {
		t.Run("a ticket that is opened again is closed again, "+name, func(t *testing.T) { reopened(t, trouble) })
	}
	for _, pages := range []int{3, 10} {
		t.Run(fmt.Sprintf("a watch continues as new between two of %d pages", pages), func(t *testing.T) { betweenPages(t, pages) })
	}
	t.Run("that Temporal is away is not taken for the ledger", temporalAway)
}

// refusedLease sends an ensure that is refused.
func refusedLease(t *testing.T, before func(*holderRuns), reason string) {
	t.Parallel()
	r := newHolderRuns(t)
	e := lease("r1:1", "wiki-editors", time.Hour)
	e.Lease.Entitlement = "wiki/editor"
	if before == nil {
		e.Lease.Binding = nil
		r.asks(0, e)
	} else {
		before(r)
		r.ensure(0, e)
	}
	r.mustEndBy(day)
	r.run()
	require.Empty(t, r.target.History())
	require.NotEmpty(t, r.holder.last("r1:1").Refused)
	require.Contains(t, r.holder.last("r1:1").Refused, reason)
	known, err := r.ledger.Lease(t.Context(), "r1:1")
	require.NoError(t, err, "a lease that was refused is in the ledger")
	require.Equal(t, access.LeaseEnded, known.State)
	refused := texts(r.events("r1"), access.EventLeaseRefused)
	require.Len(t, refused, 1)
	require.Contains(t, refused[0], r.holder.last("r1:1").Refused)
}

// reopenedTroubles are what goes wrong when a ticket was opened again. The watch has told it by then, and tells it no more.
func reopenedTroubles() map[string]func(*runs) {
	return map[string]func(*runs){
		"and nothing goes wrong": nothing,
		"though the ledger cannot be read at first": func(r *runs) {
			ledger := &refusingLedger{faultyLedger: r.ledger, refuses: func(access.Entry) error { return nil }, failingReads: 5}
			r.each(func() { r.over(ledger) })
		},
		"though the ledger is away for an hour": func(r *runs) {
			r.at(0, func() { r.ledger.setAway(true) })
			r.at(time.Hour, func() { r.ledger.setAway(false) })
		},
		"though the desk is down for an hour": func(r *runs) {
			r.at(0, func() { r.desk.Down(true) })
			r.at(time.Hour, func() { r.desk.Down(false) })
		},
		"though the desk refuses the credentials for an hour": func(r *runs) {
			r.at(0, func() { r.desk.RefuseCredentials(true) })
			r.at(time.Hour, func() { r.desk.RefuseCredentials(false) })
		},
		"though the desk has no worker for an hour": func(r *runs) {
			r.server.removeWorker(workflows.DeskQueue("jira"))
			r.at(time.Hour, func() { r.server.addWorker(workflows.DeskQueue("jira")) })
		},
	}
}

func reopened(t *testing.T, trouble func(*runs)) {
	t.Parallel()
	l := newLookout(t)
	r := newRuns(l.world, workflows.ReopenedTicketType)
	ref := l.opens(1)[0]
	require.NoError(t, l.desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	view, err := l.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	view.State, view.Version = access.OutcomeGranted, 2
	require.NoError(t, l.ledger.Record(t.Context(), access.Entry{View: &view}))
	require.NoError(t, l.desk.MoveAs(l.accounts["ben"], ref.ID, access.TicketWaiting))
	trouble(r)
	r.mustEndBy(day)
	require.NoError(t, r.toEnd(workflows.ReopenedTicketParams{Request: "r1"}))
	require.Equal(t, access.TicketDone, r.ticket().Phase)
	require.Equal(t, 1, r.commented("opening the ticket again changes nothing"))
}

// betweenPages lets a run grow long while a round of many pages is under way: the run takes the page that comes, and the next
// run goes on from there.
func betweenPages(t *testing.T, pages int) {
	t.Parallel()
	l := newLookout(t)
	r := newRuns(l.world, workflows.TicketWatchType)
	refs := l.opens(pages)
	l.desk.PageCap(1)
	asked := func() int { return l.desk.Calls(memory.OpChangedTickets) }
	changed, longSince, inTheLongRun := false, 0, 0
	r.each(func() {
		l.desk.SetClock(l.env.Now)
		if r.count == 2 {
			inTheLongRun = asked() - longSince
		}
	})
	r.server.after = func() {
		if changed && longSince == 0 {
			longSince = asked()
			r.growsLong()
		}
	}
	r.at(30*time.Minute+time.Second, func() {
		for _, ref := range refs {
			require.NoError(t, l.desk.MoveAs(l.accounts["mia"], ref.ID, access.TicketApproved))
		}
		changed = true
	})
	r.at(40*time.Minute, func() { l.env.CancelWorkflow() })
	r.mustEndBy(time.Hour)
	require.Error(t, r.toEnd(workflows.TicketWatchParams{Desk: "jira"}))
	seen := map[access.RequestID]bool{}
	for _, id := range l.requests() {
		seen[id] = true
	}
	require.Len(t, seen, pages, "nothing is lost")
	require.Greater(t, r.count, 1, "the watch continues as new")
	require.LessOrEqual(t, inTheLongRun, 1, "pages that a long run still asks for")
}

// temporalAway lets the requests not be reached for a while.
func temporalAway(t *testing.T) {
	t.Parallel()
	r := newHolderRuns(t)
	var failures atomic.Int32
	r.each(func() {
		tell := r.heard
		r.heard = func(id, signal string, arg any) error {
			if r.passed() < time.Hour {
				failures.Add(1)
				return serviceerror.NewUnavailable("Temporal is away")
			}
			return tell(id, signal, arg)
		}
	})
	r.asks(0, lease("r1:1", "wiki-editors", 3*time.Hour))
	r.members(30*time.Minute, "wiki-editors", "ana")
	r.at(30*time.Minute, func() { require.Equal(t, 1, has(r.events("r1"), access.EventLeaseGranted), "the ledger has it") })
	r.at(150*time.Minute, func() {
		require.Equal(t, access.LeaseActive, r.holder.last("r1:1").State, "the answer goes out at last")
	})
	r.mustEndBy(day)
	r.run()
	require.Positive(t, failures.Load())
	require.NotEmpty(t, r.server.warnings)
	for _, warning := range r.server.warnings {
		require.NotContains(t, strings.SplitN(warning, " error", 2)[0], "ledger", "it was Temporal that was away")
	}
}
