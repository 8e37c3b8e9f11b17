package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// watchState is what the watch carries when it continues as new.
type watchState struct {
	View  access.WatchView  `json:"view"`
	Hints []access.TicketID `json:"hints,omitempty"`
	// Sweep is where a presence sweep stands; nil while none is under way. SweepFrom is from when on one that failed is
	// tried again, and SweepFailed counts the failures in a row.
	Sweep       *sweepState `json:"sweep,omitempty"`
	SweepFrom   time.Time   `json:"sweep_from,omitzero"`
	SweepFailed int         `json:"sweep_failed,omitempty"`
	// SweepProblem says why; "" when the last step of a sweep was good.
	SweepProblem string `json:"sweep_problem,omitempty"`
	// Failed counts rounds that failed in a row, and Problem says why the last one did.
	Failed  int    `json:"failed,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// sweepState is where a presence sweep stands.
type sweepState struct {
	After access.TicketID `json:"after,omitempty"`
	Read  int             `json:"read,omitempty"`
}

// ticketWatch watches one desk for all of its requests.
type ticketWatch struct {
	watchState
	desk  access.DeskName
	terms access.WatchTerms
	// nextRound is when the next round is due.
	nextRound time.Time
	// hintsFrom is from when on hints are followed again: those that come meanwhile are followed together.
	hintsFrom time.Time
	// overflown is true when more hints came than are worth following one by one: a round follows at once.
	overflown bool
}

const (
	// changesAtOnce is one page of changes, and sweepAtOnce how many tickets one step of a sweep reads.
	changesAtOnce = 100
	sweepAtOnce   = 500
	// betweenHints is the time in which hints gather after some have been followed.
	betweenHints = time.Second
	// hintsAtMost is how many hints are followed one by one.
	hintsAtMost = 500
)

// TicketWatch asks one desk, again and again, which tickets changed, and tells the requests whose ticket somebody else
// than usher has changed. Webhooks only make it quicker: everything is found without them. It runs for ever; its place is
// in the ledger, so that nothing is lost when it is ended and started again.
func TicketWatch(ctx workflow.Context, p TicketWatchParams) error {
	w := &ticketWatch{desk: p.Desk}
	if p.Carried != nil {
		w.watchState = *p.Carried
	}
	hints := workflow.GetSignalChannel(ctx, SignalHint)
	if watched, err := w.begin(ctx, p.Carried == nil); err != nil || !watched {
		return err
	}
	for {
		w.gather(hints)
		switch now := workflow.Now(ctx); {
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			// The gathering is the last thing before the return: no hint is lost.
			w.gather(hints)
			carried := w.watchState
			return workflow.NewContinueAsNewError(ctx, TicketWatchType, TicketWatchParams{Desk: w.desk, Carried: &carried})
		case ctx.Err() != nil:
			return ctx.Err()
		case w.overflown, !now.Before(w.nextRound):
			w.round(ctx)
		case len(w.Hints) > 0 && !now.Before(w.hintsFrom):
			w.followHints(ctx)
		case w.sweepDue(now):
			w.sweep(ctx)
		default:
			w.rest(ctx, hints)
		}
		w.show(ctx)
	}
}

// begin reads today's settings, and where an earlier run stood. It reports whether there is anything to watch.
func (w *ticketWatch) begin(ctx workflow.Context, fresh bool) (bool, error) {
	for round := 0; ; round++ {
		terms, err := w.recall(ctx, fresh)
		if err == nil {
			w.terms, w.nextRound = terms.Watch, workflow.Now(ctx)
			return terms.Mode == access.ModeWatch && terms.Watch.Interval > 0, nil
		}
		w.failed(ctx, err)
		if err := workflow.Sleep(ctx, betweenWatches.after(round)); err != nil {
			return false, err
		}
	}
}

func (w *ticketWatch) recall(ctx workflow.Context, fresh bool) (access.Terms, error) {
	var policy *activities.Policy
	var terms access.Terms
	err := workflow.ExecuteLocalActivity(onThisWorker(ctx), policy.CurrentTerms).Get(ctx, &terms)
	if err != nil || !fresh {
		return terms, err
	}
	var watch *activities.Watch
	err = workflow.ExecuteLocalActivity(onThisWorker(ctx), watch.WatchPosition, w.desk).Get(ctx, &w.View)
	w.View.Desk = w.desk
	return terms, err
}

// gather takes the hints that have come. A ticket that is hinted at twice is read once.
func (w *ticketWatch) gather(hints workflow.ReceiveChannel) {
	for {
		var hint Hint
		if !hints.ReceiveAsync(&hint) {
			return
		}
		switch {
		case hint.Ticket == "" || len(w.Hints) >= hintsAtMost:
			w.overflown = true
		case !slices.Contains(w.Hints, hint.Ticket):
			w.Hints = append(w.Hints, hint.Ticket)
		}
	}
}

// rest waits for the next round or a hint, and with hints at hand only until they may be followed.
func (w *ticketWatch) rest(ctx workflow.Context, hints workflow.ReceiveChannel) {
	until, what, some := w.nextRound, "next round", len(w.Hints) > 0
	if some && w.hintsFrom.Before(until) {
		until, what = w.hintsFrom, "gather hints"
	}
	_, _ = workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout:      until.Sub(workflow.Now(ctx)),
		TimerOptions: workflow.TimerOptions{Summary: what},
	}, func() bool { return !some && hints.Len() > 0 })
}

// round asks for everything that changed since the cursor, page by page, and tells it.
func (w *ticketWatch) round(ctx workflow.Context) {
	w.overflown = false
	view, err := w.View, error(nil)
	query := access.ChangesQuery{Limit: changesAtOnce}
	if !view.Cursor.IsZero() {
		query.Since = view.Cursor.Add(-w.terms.Overlap.Std())
	}
	for {
		var page access.ChangesPage
		if page, view, err = w.page(ctx, query, view); err != nil {
			w.failed(ctx, err)
			w.nextRound = workflow.Now(ctx).Add(betweenWatches.after(w.Failed - 1))
			return
		}
		w.View = view
		// A page that leads to itself would go round for ever.
		if page.Next == "" || page.Next == query.Page {
			break
		}
		query.Page = page.Next
	}
	w.Failed, w.Problem = 0, ""
	w.nextRound = workflow.Now(ctx).Add(w.terms.Interval.Std())
}

// page asks for one page, and has it judged where the desk's worker has not done so.
func (w *ticketWatch) page(ctx workflow.Context, query access.ChangesQuery, view access.WatchView) (access.ChangesPage, access.WatchView, error) {
	var desk *activities.Desk
	var changes activities.Changes
	call := activities.ChangesCall{Query: query, Judge: w.judgeCall(ctx)}
	call.Judge.View = view
	if err := workflow.ExecuteActivity(changesPage(ctx, w.desk), desk.ChangedTickets, call).Get(ctx, &changes); err != nil {
		return changes.Page, view, err
	}
	if changes.Judged != nil {
		return changes.Page, changes.Judged.View, nil
	}
	call.Judge.Tickets, call.Judge.View = changes.Page.Tickets, view.Advanced(changes.Page, call.Judge.At)
	var watch *activities.Watch
	var judged activities.Judged
	err := workflow.ExecuteActivity(judge(ctx), watch.Judge, call.Judge).Get(ctx, &judged)
	if err != nil {
		return changes.Page, view, err
	}
	return changes.Page, judged.View, nil
}

func (w *ticketWatch) judgeCall(ctx workflow.Context) activities.JudgeCall {
	return activities.JudgeCall{
		Desk: w.desk, At: workflow.Now(ctx).UTC(),
		Names: activities.Names{
			RequestPrefix: requestPrefix, Signal: SignalTicket, ReopenedPrefix: reopenedPrefix,
			ReopenedType: ReopenedTicketType, TaskQueue: TaskQueue,
		},
	}
}

// read reads tickets by id and has them judged.
func (w *ticketWatch) read(ctx workflow.Context, ids []access.TicketID) error {
	var desk *activities.Desk
	var read activities.Read
	call := activities.ReadCall{Tickets: ids, Judge: w.judgeCall(ctx)}
	if err := workflow.ExecuteActivity(ticketsByID(ctx, w.desk), desk.ReadTickets, call).Get(ctx, &read); err != nil {
		return err
	}
	if read.Judged != nil {
		return nil
	}
	call.Judge.Tickets, call.Judge.Missing = read.Tickets, read.Missing
	var watch *activities.Watch
	return workflow.ExecuteActivity(judge(ctx), watch.Judge, call.Judge).Get(ctx, nil)
}

// followHints reads the tickets that webhooks told of. Hints that cannot be followed are dropped: the next round finds the
// same by asking.
func (w *ticketWatch) followHints(ctx workflow.Context) {
	ids := w.Hints
	w.Hints, w.hintsFrom = nil, workflow.Now(ctx).Add(betweenHints)
	if err := w.read(ctx, ids); err != nil {
		w.failed(ctx, err)
	}
}

func (w *ticketWatch) sweepDue(now time.Time) bool {
	return w.Failed == 0 && !now.Before(w.SweepFrom) && (w.Sweep != nil || !now.Before(w.View.SweptAt.Add(w.terms.Sweep.Std())))
}

// sweep makes one step of a presence sweep: it reads the next open tickets by id, for what was deleted, hidden or moved
// out of sight shows in no list of changes.
func (w *ticketWatch) sweep(ctx workflow.Context) {
	if w.Sweep == nil {
		w.Sweep = &sweepState{}
	}
	var watch *activities.Watch
	var ids []access.TicketID
	call := activities.OpenTicketsCall{Desk: w.desk, After: w.Sweep.After, Limit: sweepAtOnce}
	err := workflow.ExecuteLocalActivity(onThisWorker(ctx), watch.ListOpenTickets, call).Get(ctx, &ids)
	if err == nil && len(ids) > 0 {
		err = w.read(ctx, ids)
	}
	if err != nil {
		w.SweepFailed++
		w.SweepFrom, w.SweepProblem = workflow.Now(ctx).Add(betweenSweeps.after(w.SweepFailed-1)), sayError(err)
		workflow.GetLogger(ctx).Warn("the presence sweep could not go on", "connector", w.desk, "error", err)
		return
	}
	w.SweepFailed, w.SweepProblem = 0, ""
	if len(ids) == sweepAtOnce {
		w.Sweep.After, w.Sweep.Read = ids[len(ids)-1], w.Sweep.Read+len(ids)
		return
	}
	w.Sweep = nil
	w.View.SweptAt = workflow.Now(ctx).UTC()
}

// failed remembers that the desk or the ledger could not be asked; the cursor stays where it is.
func (w *ticketWatch) failed(ctx workflow.Context, err error) {
	w.Failed++
	w.Problem = sayError(err)
	workflow.GetLogger(ctx).Warn("the watch could not ask", "connector", w.desk, "error", err)
}

// show tells operators how far the watch has come.
func (w *ticketWatch) show(ctx workflow.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "Desk **%s**: last complete round at %s, cursor at %s, last presence sweep at %s.",
		inline(string(w.desk)), clock(w.View.LookedAt), clock(w.View.Cursor), clock(w.View.SweptAt))
	if w.Sweep != nil {
		fmt.Fprintf(&b, "\n\nA presence sweep is under way, %d tickets read.", w.Sweep.Read)
	}
	if w.SweepProblem != "" {
		fmt.Fprintf(&b, "\n\n**Trouble with the sweep** (%d times in a row): %s", w.SweepFailed, inline(w.SweepProblem))
	}
	if w.Problem != "" {
		fmt.Fprintf(&b, "\n\n**Trouble** (%d times in a row): %s", w.Failed, inline(w.Problem))
	}
	b.WriteString(lastLine)
	workflow.SetCurrentDetails(ctx, b.String())
}
