package watch

import (
	"slices"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// asked is where the search for tickets that ask for access stands. It goes along with the polls and has a cursor of its own.
type asked struct {
	// Seen are the tickets that were looked into as they were then: each search looks back, and finds them again.
	Seen []seenTicket `json:"seen,omitempty"`
	// New are those to be looked into, and To is where the cursor stands when that is done.
	New []seenTicket `json:"new,omitempty"`
	To  time.Time    `json:"to,omitzero"`
	// Query is the search that has further pages; nil when the next one begins anew.
	Query *access.ChangesQuery `json:"query,omitempty"`
	// RetryAt is when it is tried again after a failure, and Failures counts failures in a row.
	RetryAt  time.Time `json:"retry_at,omitzero"`
	Failures int       `json:"failures,omitempty"`
	// Problem is why the last search failed, and Untold why those that it found could not be looked into; "" when they did not.
	Problem string `json:"problem,omitempty"`
	Untold  string `json:"untold,omitempty"`
}

// seenTicket is a ticket as it was at a time.
type seenTicket struct {
	ID access.TicketID `json:"id"`
	At time.Time       `json:"at"`
}

// maxSeen is how many tickets are remembered. Of one that is forgotten too early nothing comes but another look.
const maxSeen = 2000

// askedQuery is the search that goes along with a poll; nil while what the last one found has not been looked into.
func (w *watch) askedQuery() *access.ChangesQuery {
	if len(w.Asked.New) > 0 {
		return nil
	}
	if w.Asked.Query != nil {
		return w.Asked.Query
	}
	q := &access.ChangesQuery{Limit: maxChanges}
	if !w.View.AskedCursor.IsZero() {
		q.Since = w.View.AskedCursor.Add(-w.Settings.Watch.Overlap.Std())
	}
	return q
}

// takeAsked takes what a search has found. The cursor moves when that has been looked into.
func (w *watch) takeAsked(query *access.ChangesQuery, found activities.ChangedTicketsResult) {
	if query == nil || (found.Asked == nil && found.AskedProblem == "" && found.Page.Next != "") {
		// It was not asked.
		return
	}
	w.Asked.Problem, w.Asked.Query = found.AskedProblem, nil
	if found.Asked == nil {
		return
	}
	if found.Asked.Next != "" {
		w.Asked.Query = &access.ChangesQuery{Since: query.Since, Limit: query.Limit, Page: found.Asked.Next}
	}
	view := w.View.AdvancedAsked(*found.Asked, w.loop.Now())
	for _, t := range found.Asked.Tickets {
		one := seenTicket{ID: t.Ref.ID, At: t.UpdatedAt}
		if !slices.ContainsFunc(w.Asked.Seen, one.same) {
			w.Asked.New = append(w.Asked.New, one)
		}
	}
	if w.Asked.To = view.AskedCursor; len(w.Asked.New) == 0 {
		w.View.AskedCursor = view.AskedCursor
	}
}

func (t seenTicket) same(other seenTicket) bool { return t.ID == other.ID && t.At.Equal(other.At) }

// lookInto has the new ones looked into, each by a workflow of its own.
func (w *watch) lookInto() {
	call := activities.LookIntoInput{Desk: w.desk, Names: activities.AskedNames{
		Prefix: workflows.AskedPrefix, Type: workflows.AskedTicketType, Signal: workflows.SignalAskedChanged, TaskQueue: workflows.TaskQueue,
	}}
	some := w.Asked.New[:min(maxChanges, len(w.Asked.New))]
	for _, t := range some {
		call.Tickets = append(call.Tickets, t.ID)
	}
	var watch *activities.Watch
	durable.Start(w.loop, workflows.NotifyChanges(), watch.LookInto, call, func(_ struct{}, err error) {
		switch {
		case err != nil && w.loop.Leaving():
		case err != nil:
			w.Asked.Failures++
			w.Asked.Untold = workflows.ErrorText(err)
			w.Asked.RetryAt = w.loop.Now().Add(workflows.RetryWatch.After(w.Asked.Failures))
		default:
			w.lookedInto(some)
		}
	})
}

// lookedInto remembers what the next searches will find again, and moves the cursor after the last.
func (w *watch) lookedInto(some []seenTicket) {
	back := w.Asked.To.Add(-2 * w.Settings.Watch.Overlap.Std())
	seen := slices.DeleteFunc(append(w.Asked.Seen, some...), func(t seenTicket) bool { return t.At.Before(back) })
	w.Asked.Seen = slices.Clone(seen[max(0, len(seen)-maxSeen):])
	w.Asked.New, w.Asked.RetryAt, w.Asked.Failures, w.Asked.Untold = slices.Clone(w.Asked.New[len(some):]), time.Time{}, 0, ""
	if len(w.Asked.New) == 0 && w.Asked.To.After(w.View.AskedCursor) {
		w.View.AskedCursor = w.Asked.To
	}
}

// hinted takes tickets that a webhook told of and that are not usher's. What is too much the next search finds.
func (w *watch) hinted(tickets []access.TicketID) {
	for _, id := range tickets {
		known := slices.ContainsFunc(w.Asked.New, func(t seenTicket) bool { return t.ID == id })
		if !known && len(w.Asked.New) < maxHints {
			w.Asked.New = append(w.Asked.New, seenTicket{ID: id, At: w.loop.Now()})
		}
	}
}
