package workflows

import (
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// recorder writes what happened to the ledger, in order, while the workflow goes on. Whoever must not go on before a
// fact is recorded waits for written to reach the mark that add gave.
type recorder struct {
	pending []access.Entry
	// added and written count entries since the workflow (or its first run) began.
	added, written int
	// behind is true while the ledger is away: the facts are safe in the workflow's history meanwhile.
	behind bool
	// parked is true while nothing is under way; park asks for it, before the workflow continues as new.
	park, parked bool
}

// add takes an entry, and gives the mark that written reaches when it is in the ledger.
func (r *recorder) add(e access.Entry) int {
	r.pending = append(r.pending, e)
	r.added++
	return r.added
}

func (r *recorder) done() bool { return len(r.pending) == 0 }

// run writes until the workflow ends. It is a coroutine of its own.
func (r *recorder) run(ctx workflow.Context) {
	for round := 0; ; {
		r.parked = true
		_ = workflow.Await(ctx, func() bool { return len(r.pending) > 0 && !r.park })
		r.parked = false
		entry, size := merge(r.pending)
		if err := r.write(ctx, entry); err != nil {
			_, _ = workflow.AwaitWithTimeout(ctx, betweenRounds.after(round), func() bool { return r.park })
			round++
			continue
		}
		round = 0
		r.pending = r.pending[size:]
		r.written += size
		r.behind = false
	}
}

// write tries the short way, then the patient one.
func (r *recorder) write(ctx workflow.Context, e access.Entry) error {
	var records *activities.Records
	err := workflow.ExecuteActivity(ledgerSoon(ctx), records.Record, e).Get(ctx, nil)
	if err == nil {
		return nil
	}
	r.behind = true
	workflow.GetLogger(ctx).Warn("ledger is away", "error", err)
	return workflow.ExecuteActivity(ledgerAway(ctx), records.Record, e).Get(ctx, nil)
}

// merge makes one entry of the first several, and says of how many: all their events, and the last view and lease. It
// stops before a second ticket link, for an entry holds one.
func merge(entries []access.Entry) (access.Entry, int) {
	var one access.Entry
	for i, e := range entries {
		if one.Ticket != nil && e.Ticket != nil {
			return one, i
		}
		one.Events = append(one.Events, e.Events...)
		if e.View != nil {
			one.View = e.View
		}
		if e.Lease != nil {
			one.Lease = e.Lease
		}
		if e.Ticket != nil {
			one.Ticket = e.Ticket
		}
	}
	return one, len(entries)
}
