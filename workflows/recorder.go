package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// note is one entry for the ledger, and what is said to other workflows once it stands there.
type note struct {
	Entry   access.Entry            `json:"entry"`
	Ensures []activities.EnsureCall `json:"ensures,omitempty"`
	Answers []activities.AnswerCall `json:"answers,omitempty"`
}

// recorder writes what happened to the ledger, in order, while the workflow goes on. Whoever must not go on before a
// fact is recorded waits for written to reach the mark that add gave.
type recorder struct {
	pending []note
	// added and written count notes since the workflow (or its first run) began.
	added, written int
	// busy is true while something is being written.
	busy bool
	// behind is true while the ledger is away: the facts are safe in the workflow's history meanwhile.
	behind bool
	// held keeps back what has come, because a step under way on the ticket records it along (see along). It is only ever
	// held for one attempt of that step.
	held bool
	// parked is true while nothing is under way; park asks for it, before the workflow continues as new.
	park, parked bool
	// unheard hears of the leases whose answer found no request; away hears of answers that the ledger keeps waiting.
	unheard func(workflow.Context, []access.LeaseID)
	away    func(workflow.Context, []activities.AnswerCall)
}

// add takes a note, and gives the mark that written reaches when it is in the ledger.
func (r *recorder) add(n note) int {
	r.pending = append(r.pending, n)
	r.added++
	return r.added
}

func (r *recorder) done() bool { return len(r.pending) == 0 }

// run writes until the workflow ends. It is a coroutine of its own.
func (r *recorder) run(ctx workflow.Context) {
	due := func() bool { return len(r.pending) > 0 && !r.park && !r.held }
	for round := 0; ; {
		r.parked = true
		_ = workflow.Await(ctx, due)
		afterTheOthers(ctx)
		if !due() {
			continue
		}
		r.parked = false
		one, size := merge(r.pending)
		mark := r.written + size
		if err := r.write(ctx, one); err != nil {
			_, _ = workflow.AwaitWithTimeout(ctx, betweenRounds.after(round), func() bool { return r.park })
			round++
			continue
		}
		round = 0
		r.took(mark)
		r.behind = false
	}
}

// afterTheOthers lets every coroutine that the same message woke speak first, so that what belongs together goes out
// together.
func afterTheOthers(ctx workflow.Context) {
	spoken := false
	_ = workflow.Await(ctx, func() bool {
		before := spoken
		spoken = true
		return before
	})
}

// write tries the short way, then the patient one.
func (r *recorder) write(ctx workflow.Context, n note) error {
	r.busy = true
	defer func() { r.busy = false }()
	var records *activities.Records
	var done activities.Recorded
	call := activities.RecordCall(n)
	err := workflow.ExecuteActivity(ledgerSoon(ctx), records.Record, call).Get(ctx, &done)
	if err != nil {
		if !r.behind && r.away != nil && len(n.Answers) > 0 {
			r.away(ctx, n.Answers)
		}
		r.behind = true
		workflow.GetLogger(ctx).Warn("ledger is away", "error", err)
		err = workflow.ExecuteActivity(ledgerAway(ctx), records.Record, call).Get(ctx, &done)
	}
	if err == nil && len(done.Gone) > 0 && r.unheard != nil {
		r.unheard(ctx, done.Gone)
	}
	return err
}

// took drops what is written up to a mark, and reports whether anything of it was still waiting.
func (r *recorder) took(mark int) bool {
	if mark <= r.written {
		return false
	}
	r.pending = r.pending[mark-r.written:]
	r.written = mark
	return true
}

// ride is an entry that a step on the ticket records along, and the mark up to which it holds what was waiting.
type ride struct {
	entry access.Entry
	mark  int
}

// along gives what a step on the ticket may record along; nil when nothing is held back, or when it is more than an
// entry can say. What is being written just now is waited for.
func (r *recorder) along(ctx workflow.Context) *ride {
	_ = workflow.Await(ctx, func() bool { return !r.busy || r.behind || !r.held })
	if r.busy || !r.held || len(r.pending) == 0 {
		return nil
	}
	one, size := merge(r.pending)
	if size < len(r.pending) || len(one.Ensures) > 0 || len(one.Answers) > 0 || one.Entry.Ticket != nil {
		return nil
	}
	return &ride{entry: one.Entry, mark: r.written + size}
}

// waits reports whether a message to the workflow that holds a lease has not gone out yet.
func (r *recorder) waits(lease access.LeaseID) bool {
	return slices.ContainsFunc(r.pending, func(n note) bool {
		return slices.ContainsFunc(n.Ensures, func(e activities.EnsureCall) bool { return e.Ensure.Lease.ID == lease })
	})
}

// drop takes back what has not been said yet to the workflow that holds a lease.
func (r *recorder) drop(lease access.LeaseID) {
	for i := range r.pending {
		r.pending[i].Ensures = slices.DeleteFunc(r.pending[i].Ensures, func(e activities.EnsureCall) bool { return e.Ensure.Lease.ID == lease })
	}
}

// merge makes one note of the first several, and says of how many: all their events and messages, and the last view and
// lease. It stops before a second ticket link, for an entry holds one.
func merge(notes []note) (note, int) {
	var one note
	for i, n := range notes {
		if one.Entry.Ticket != nil && n.Entry.Ticket != nil {
			return one, i
		}
		one.Entry.Events = append(one.Entry.Events, n.Entry.Events...)
		one.Ensures = append(one.Ensures, n.Ensures...)
		one.Answers = append(one.Answers, n.Answers...)
		if n.Entry.View != nil {
			one.Entry.View = n.Entry.View
		}
		if n.Entry.Lease != nil {
			one.Entry.Lease = n.Entry.Lease
		}
		if n.Entry.Ticket != nil {
			one.Entry.Ticket = n.Entry.Ticket
		}
	}
	return one, len(notes)
}
