package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
)

// WatchStore is what the watch of a desk needs of the ledger; *ledger.Store is one.
type WatchStore interface {
	// Watch returns how far the watch has come; a view with only the desk set when it never ran.
	Watch(ctx context.Context, desk access.DeskName) (access.WatchPosition, error)
	SaveWatch(ctx context.Context, view access.WatchPosition) error
	WatchedTickets(ctx context.Context, desk access.DeskName, ids []access.TicketID) ([]access.WatchedTicket, error)
	SaveFingerprints(ctx context.Context, desk access.DeskName, marks map[access.TicketID]access.TicketFingerprint) error
	OpenTickets(ctx context.Context, desk access.DeskName, after access.TicketID, limit int) ([]access.TicketID, error)
	IncidentsByTicket(ctx context.Context, desk access.DeskName, ids []access.TicketID) ([]access.IncidentTicket, error)
	SaveIncidentsSeen(ctx context.Context, desk access.DeskName, seen map[access.TicketID]access.SeenChange) error
	Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error)
	SaveIncident(ctx context.Context, v access.IncidentView, events ...access.DeskEvent) error
}

// Watch are the activities by which a desk's watch remembers and tells. They run on the usher queue, and along with a
// desk's own calls where the same worker serves both.
type Watch struct {
	Ledger WatchStore
	Client Messenger
	// Comments records what people write on the tickets; nil records nothing. It needs the desk, so it is for a worker that serves
	// the desk and knows the ledger.
	Comments *Comments
}

// EnsureWatchInput names the watch of a desk.
type EnsureWatchInput struct {
	Desk         access.DeskName `json:"desk"`
	WorkflowID   string          `json:"workflow_id"`
	WorkflowType string          `json:"workflow_type"`
	TaskQueue    string          `json:"task_queue"`
}

// watchParams is what starts the watch, in that workflow's spelling.
type watchParams struct {
	Desk access.DeskName `json:"desk"`
}

// EnsureWatch starts the desk's watch where it does not run. Safe to repeat.
func (a *Watch) EnsureWatch(ctx context.Context, c EnsureWatchInput) error {
	_, err := start(ctx, a.Client, client.StartWorkflowOptions{
		ID: c.WorkflowID, TaskQueue: c.TaskQueue, StaticSummary: "watch of desk " + string(c.Desk),
	}, c.WorkflowType, watchParams{Desk: c.Desk})
	return err
}

// WatchPosition reads how far a desk's watch has come.
func (a *Watch) WatchPosition(ctx context.Context, desk access.DeskName) (access.WatchPosition, error) {
	view, err := a.Ledger.Watch(ctx, desk)
	return view, translate(err)
}

// ListOpenTicketsInput asks for one page of a desk's tickets whose requests have not ended.
type ListOpenTicketsInput struct {
	Desk  access.DeskName `json:"desk"`
	After access.TicketID `json:"after,omitempty"`
	Limit int             `json:"limit"`
}

// ListOpenTickets returns the ids after a given one, in order; fewer than the limit on the last page.
func (a *Watch) ListOpenTickets(ctx context.Context, c ListOpenTicketsInput) ([]access.TicketID, error) {
	ids, err := a.Ledger.OpenTickets(ctx, c.Desk, c.After, c.Limit)
	return ids, translate(err)
}

// Names are the names by which requests are told, in the workflows' spelling.
type Names struct {
	RequestPrefix  string `json:"request_prefix"`
	Signal         string `json:"signal"`
	ReopenedPrefix string `json:"reopened_prefix"`
	ReopenedType   string `json:"reopened_type"`
	TaskQueue      string `json:"task_queue"`
}

// NotifyChangesInput is what tickets look like now, and what to remember when their requests have been told.
type NotifyChangesInput struct {
	Desk    access.DeskName         `json:"desk"`
	Tickets []access.TicketSnapshot `json:"tickets,omitempty"`
	Missing []access.TicketID       `json:"missing,omitempty"`
	// Position is how far the watch has come with this; the zero view leaves what is remembered alone. At is usher's time.
	Position access.WatchPosition `json:"position,omitzero"`
	At       time.Time            `json:"at,omitzero"`
	Names    Names                `json:"names"`
}

// NotifyChangesResult is what came of it.
type NotifyChangesResult struct {
	// Notified counts the requests that were told.
	Notified int `json:"notified"`
	// Unknown are the tickets that are not usher's.
	Unknown []access.TicketID `json:"unknown,omitempty"`
	// Position is NotifyChangesInput.View.
	Position access.WatchPosition `json:"position,omitzero"`
	// CommentsProblem is why comments of people could not be recorded; "" for no reason. They are read again with the next look.
	CommentsProblem string `json:"comments_problem,omitempty"`
}

// NotifyChanges compares tickets with their marks and tells the requests whose ticket somebody else than usher has changed. Only
// then it records comments of people and remembers the marks, and only then how far the watch has come: an attempt that dies in between
// tells again what was told, and loses nothing. Comments that cannot be recorded now hold nothing up. Safe to repeat.
func (a *Watch) NotifyChanges(ctx context.Context, c NotifyChangesInput) (NotifyChangesResult, error) {
	judged := NotifyChangesResult{Position: c.Position}
	ids := append([]access.TicketID(nil), c.Missing...)
	for _, t := range c.Tickets {
		ids = append(ids, t.Ref.ID)
	}
	known, err := a.known(ctx, c.Desk, ids)
	if err != nil {
		return NotifyChangesResult{}, err
	}
	marks, failed := a.notifyAll(ctx, c, known, &judged)
	judged.CommentsProblem = a.recordComments(ctx, c, known, marks, failed == nil)
	// Those who have been told are not told again, even if somebody after them could not be.
	if len(marks) > 0 {
		if err := a.Ledger.SaveFingerprints(ctx, c.Desk, marks); err != nil {
			return NotifyChangesResult{}, translate(err)
		}
	}
	if failed != nil {
		return NotifyChangesResult{}, failed
	}
	if err := a.notifyIncidents(ctx, c, &judged); err != nil {
		return NotifyChangesResult{}, err
	}
	for _, id := range c.Missing {
		if ticket, ours := known[id]; ours && ticket.Link.Lease == "" {
			judged.Notified++
			if err := a.notify(ctx, c.Names, ticket.Link, access.TicketChange{Missing: true, Snapshot: access.TicketSnapshot{Ref: ticket.Link.Ref}}); err != nil {
				return NotifyChangesResult{}, err
			}
		}
	}
	if c.Position != (access.WatchPosition{}) {
		return judged, translate(a.Ledger.SaveWatch(ctx, c.Position))
	}
	return judged, nil
}

// notifyAll signals the requests whose ticket has changed, and returns the fingerprints of all tickets up to the first that could not be
// told.
func (a *Watch) notifyAll(
	ctx context.Context, c NotifyChangesInput, known map[access.TicketID]access.WatchedTicket, judged *NotifyChangesResult,
) (map[access.TicketID]access.TicketFingerprint, error) {
	marks := map[access.TicketID]access.TicketFingerprint{}
	for _, now := range c.Tickets {
		ticket, ours := known[now.Ref.ID]
		if !ours {
			judged.Unknown = append(judged.Unknown, now.Ref.ID)
			continue
		}
		if ticket.Fingerprint.Key == "" {
			// Nobody has looked since usher opened it, so a move shows by the key that it had then.
			ticket.Fingerprint.Key = ticket.Link.Ref.Key
		}
		mark, news := ticket.Fingerprint.After(now)
		if news && ticket.Link.Lease == "" {
			if err := a.notify(ctx, c.Names, ticket.Link, access.TicketChange{Snapshot: now}); err != nil {
				return marks, err
			}
			judged.Notified++
		}
		if !mark.Equal(ticket.Fingerprint) {
			marks[now.Ref.ID] = mark
		}
	}
	return marks, nil
}

func (a *Watch) known(ctx context.Context, desk access.DeskName, ids []access.TicketID) (map[access.TicketID]access.WatchedTicket, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	tickets, err := a.Ledger.WatchedTickets(ctx, desk, ids)
	if err != nil {
		return nil, translate(err)
	}
	known := make(map[access.TicketID]access.WatchedTicket, len(tickets))
	for _, t := range tickets {
		known[t.Link.Ref.ID] = t
	}
	return known, nil
}

// notify signals the request. Of one that has ended, a ticket that is open again is ReopenedTicket's business.
func (a *Watch) notify(ctx context.Context, n Names, link access.TicketLink, news access.TicketChange) error {
	err := a.Client.SignalWorkflow(ctx, n.RequestPrefix+string(link.Request), "", n.Signal, news)
	var gone *serviceerror.NotFound
	if !errors.As(err, &gone) {
		return err
	}
	if news.Missing || news.Snapshot.Phase.Closed() || news.Snapshot.StatusChangedByUsher {
		return nil
	}
	_, err = start(ctx, a.Client, client.StartWorkflowOptions{
		ID: n.ReopenedPrefix + string(link.Request), TaskQueue: n.TaskQueue, StaticSummary: "ticket of an ended request changed",
	}, n.ReopenedType, reopenedParams{Request: link.Request})
	return err
}

// reopenedParams is what starts ReopenedTicket, in that workflow's spelling.
type reopenedParams struct {
	Request access.RequestID `json:"request"`
}

// CheckWatch reports how long ago the desk's watch last completed a poll: a problem when that is too long.
func (a *Watch) CheckWatch(ctx context.Context, c CheckWatchInput) (CheckResult, error) {
	view, err := a.Ledger.Watch(ctx, c.Desk)
	switch {
	case err != nil:
		return CheckResult{Problem: problem(err)}, nil
	case view.LastPollAt.IsZero():
		return CheckResult{Problem: "the watch has not completed a poll yet"}, nil
	case view.StaleAt(c.At, c.StaleAfter):
		return CheckResult{Problem: fmt.Sprintf("the watch has not completed a poll since %s",
			view.LastPollAt.UTC().Format(time.RFC3339))}, nil
	}
	return CheckResult{}, nil
}

// CheckWatchInput asks whether a desk's watch is alive at a moment.
type CheckWatchInput struct {
	Desk       access.DeskName `json:"desk"`
	At         time.Time       `json:"at"`
	StaleAfter access.Duration `json:"stale_after"`
}
