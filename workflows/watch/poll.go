package watch

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// startPoll begins to ask for everything that changed since the cursor. Each page is a step of its own.
func (w *watch) startPoll() {
	w.Overflown = false
	w.Poll = &access.ChangesQuery{Limit: maxChanges}
	if !w.View.Cursor.IsZero() {
		w.Poll.Since = w.View.Cursor.Add(-w.Settings.Watch.Overlap.Std())
	}
	w.page()
}

// page asks for the next page, and has it compared with what the ledger remembers.
func (w *watch) page() {
	var desk *activities.Desk
	call := activities.ChangedTicketsInput{Query: *w.Poll, Notify: w.comparison()}
	call.Notify.Position, call.Asked = w.View, w.askedQuery()
	durable.Start(w.loop, workflows.ChangesPage(w.desk), desk.ChangedTickets, call, func(changes activities.ChangedTicketsResult, err error) {
		if err == nil {
			w.takeAsked(call.Asked, changes)
		}
		switch {
		case err != nil:
			w.pollFailed(err)
		case changes.Notified != nil:
			w.pageDone(changes.Page, changes.Notified.Position)
		default:
			w.compare(changes.Page, call.Notify)
		}
	})
}

// compare has a page compared by the worker that knows the ledger.
func (w *watch) compare(page access.ChangesPage, call activities.NotifyChangesInput) {
	call.Tickets, call.Position = page.Tickets, w.View.Advanced(page, call.At)
	var watch *activities.Watch
	durable.Start(w.loop, workflows.NotifyChanges(), watch.NotifyChanges, call, func(judged activities.NotifyChangesResult, err error) {
		if err != nil {
			w.pollFailed(err)
			return
		}
		w.pageDone(page, judged.Position)
	})
}

func (w *watch) pageDone(page access.ChangesPage, view access.WatchPosition) {
	view.AskedCursor = w.View.AskedCursor
	w.View = view
	// A page that leads to itself would go round for ever.
	if page.Next != "" && page.Next != w.Poll.Page {
		w.Poll.Page = page.Next
		return
	}
	w.Poll, w.Failures, w.Problem = nil, 0, ""
	w.NextPollAt = w.loop.Now().Add(w.Settings.Watch.Interval.Std())
}

// pollFailed begins the poll again later, from the cursor: a page that is asked for again may no longer be known.
func (w *watch) pollFailed(err error) {
	if w.loop.Leaving() {
		return
	}
	w.Poll = nil
	w.failed(err)
	w.NextPollAt = w.loop.Now().Add(workflows.RetryWatch.After(w.Failures))
}

func (w *watch) comparison() activities.NotifyChangesInput {
	return activities.NotifyChangesInput{
		Desk: w.desk, At: w.loop.Now(),
		Names: activities.Names{
			RequestPrefix: workflows.RequestPrefix, Signal: workflows.SignalTicketChanged, ReopenedPrefix: workflows.ReopenedPrefix,
			ReopenedType: workflows.ReopenedTicketType, TaskQueue: workflows.TaskQueue,
		},
	}
}

// read reads tickets by id and has them compared. unknown are those that are not usher's.
func (w *watch) read(ids []access.TicketID, done func(unknown []access.TicketID, err error)) {
	var desk *activities.Desk
	call := activities.ReadTicketsInput{Tickets: ids, Notify: w.comparison()}
	durable.Start(w.loop, workflows.TicketsByID(w.desk), desk.ReadTickets, call, func(read activities.ReadTicketsResult, err error) {
		if err != nil {
			done(nil, err)
			return
		}
		if read.Notified != nil {
			done(read.Notified.Unknown, nil)
			return
		}
		call.Notify.Tickets, call.Notify.Missing = read.Tickets, read.Missing
		var watch *activities.Watch
		durable.Start(w.loop, workflows.NotifyChanges(), watch.NotifyChanges, call.Notify, func(judged activities.NotifyChangesResult, err error) {
			done(judged.Unknown, err)
		})
	})
}

// followHints reads the tickets that webhooks told of. One that is not usher's may ask for access. Hints that cannot be followed
// are dropped: the next poll finds the same by asking.
func (w *watch) followHints(now time.Time) {
	ids := w.Hints
	w.Hints, w.HintsFrom = nil, now.Add(betweenHints)
	w.read(ids, func(unknown []access.TicketID, err error) {
		switch {
		case err != nil && w.loop.Leaving():
			w.Hints = append(ids, w.Hints...)
		case err != nil:
			w.failed(err)
		}
		w.hinted(unknown)
	})
}

func (w *watch) scanDue(now time.Time) bool {
	return w.Failures == 0 && !now.Before(w.ScanFrom) &&
		(w.Scan != nil || !now.Before(w.View.LastScanAt.Add(w.Settings.Watch.FullScanInterval.Std())))
}

// scanOn makes one step of a full scan: it reads the next open tickets by id, for what was deleted, hidden or moved out of
// sight is in no list of changes.
func (w *watch) scanOn() {
	if w.Scan == nil {
		w.Scan = &scan{}
	}
	if len(w.Scan.Page) > 0 {
		w.read(w.Scan.Page, func(_ []access.TicketID, err error) { w.scanned(err) })
		return
	}
	var watch *activities.Watch
	call := activities.ListOpenTicketsInput{Desk: w.desk, After: w.Scan.After, Limit: maxScan}
	durable.StartLocal(w.loop, workflows.LocalQuestion(), watch.ListOpenTickets, call, func(ids []access.TicketID, err error) {
		w.Scan.Page = ids
		if err != nil || len(ids) == 0 {
			w.scanned(err)
		}
	})
}

// scanned takes what came of one step.
func (w *watch) scanned(err error) {
	ids := w.Scan.Page
	switch {
	case err != nil && w.loop.Leaving():
		return
	case err != nil:
		w.ScanFailures++
		w.ScanFrom, w.ScanProblem = w.loop.Now().Add(workflows.RetryScan.After(w.ScanFailures)), workflows.ErrorText(err)
		workflow.GetLogger(w.loop.Context()).Warn("the full scan could not go on", "connector", w.desk, "error", err)
		w.Scan.Page = nil
		return
	}
	w.ScanFailures, w.ScanProblem, w.Scan.Page = 0, "", nil
	if len(ids) == maxScan {
		w.Scan.After, w.Scan.Read = ids[len(ids)-1], w.Scan.Read+len(ids)
		return
	}
	w.Scan = nil
	w.View.LastScanAt = w.loop.Now()
}

// show publishes for operators how far the watch has come.
func (w *watch) show() {
	var b strings.Builder
	fmt.Fprintf(&b, "Desk **%s**: last complete poll at %s, cursor at %s, last full scan at %s.",
		workflows.Inline(string(w.desk)), workflows.Clock(w.View.LastPollAt), workflows.Clock(w.View.Cursor), workflows.Clock(w.View.LastScanAt))
	if w.Scan != nil {
		fmt.Fprintf(&b, "\n\nA full scan is under way, %d tickets read.", w.Scan.Read)
	}
	if w.ScanProblem != "" {
		fmt.Fprintf(&b, "\n\n**Full scan failing** (%d times in a row): %s", w.ScanFailures, workflows.Inline(w.ScanProblem))
	}
	if w.Asked.Problem != "" {
		fmt.Fprintf(&b, "\n\n**Tickets that ask for access cannot be found**: %s", workflows.Inline(w.Asked.Problem))
	}
	if w.Asked.Untold != "" {
		fmt.Fprintf(&b, "\n\n**Tickets that ask for access cannot be looked into** (%d times in a row): %s", w.Asked.Failures, workflows.Inline(w.Asked.Untold))
	}
	if w.Problem != "" {
		fmt.Fprintf(&b, "\n\n**Polling failing** (%d times in a row): %s", w.Failures, workflows.Inline(w.Problem))
	}
	b.WriteString(workflows.DetailsEnd)
	workflow.SetCurrentDetails(w.loop.Context(), b.String())
}
