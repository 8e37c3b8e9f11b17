package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"usher/internal/access"
)

// ChangedTicketsInput asks a desk for one page of changes, and where this worker knows the ledger also judges them.
type ChangedTicketsInput struct {
	Query  access.ChangesQuery `json:"query"`
	Notify NotifyChangesInput  `json:"notify"`
	// Asked asks for tickets that ask for access as well, with the last page of changes; nil for none.
	Asked *access.ChangesQuery `json:"asked,omitempty"`
}

// ChangedTicketsResult is one page of changes. The page holds the tickets only where they have not been judged yet.
type ChangedTicketsResult struct {
	Page access.ChangesPage `json:"page"`
	// Notified is nil where this worker does not know the ledger: the workflow has the page judged by another.
	Notified *NotifyChangesResult `json:"notified,omitempty"`
	// Asked is the page of tickets that may ask for access, as far as it could be read; nil for nothing. AskedProblem is why it
	// could not be read, or not to its end. What cannot be read hides no change.
	Asked        *access.ChangesPage `json:"asked,omitempty"`
	AskedProblem string              `json:"asked_problem,omitempty"`
}

// ChangedTickets asks the desk for one page of changes. Safe to repeat: what has been told once is no news again.
func (a *Desk) ChangedTickets(ctx context.Context, c ChangedTicketsInput) (ChangedTicketsResult, error) {
	var page access.ChangesPage
	err := a.retryStep(ctx, func() (err error) { page, err = a.Port.ChangedTickets(ctx, c.Query); return err })
	if err != nil {
		return ChangedTicketsResult{}, translate(err)
	}
	changes, err := a.judgeChanges(ctx, c, page)
	if err == nil && page.Next == "" && c.Asked != nil {
		changes.Asked, changes.AskedProblem = a.askedTickets(ctx, *c.Asked)
	}
	return changes, err
}

const (
	// askedPages is how many pages of tickets that ask for access are read at once.
	askedPages = 20
	// askedWithin is how long that may take: a search that hangs must not take the time of the changes that were read before.
	askedWithin = 15 * time.Second
)

// askedTickets walks over the pages of a search for tickets that ask for access, and returns them as one; nil where the desk has
// none to read. With a problem it is what was read before.
func (a *Desk) askedTickets(ctx context.Context, q access.ChangesQuery) (*access.ChangesPage, string) {
	ctx, cancel := context.WithTimeout(ctx, askedWithin)
	defer cancel()
	var all *access.ChangesPage
	for range askedPages {
		page, err := a.Port.AskedTickets(ctx, q)
		if err != nil {
			return all, err.Error()
		}
		if page.None {
			return nil, ""
		}
		if all != nil {
			page.Tickets = append(all.Tickets, page.Tickets...)
		}
		if all = &page; page.Next == "" || page.Next == q.Page {
			break
		}
		q.Page = page.Next
	}
	return all, ""
}

// judgeChanges has a page judged, where this worker can.
func (a *Desk) judgeChanges(ctx context.Context, c ChangedTicketsInput, page access.ChangesPage) (ChangedTicketsResult, error) {
	if a.Watch == nil {
		return ChangedTicketsResult{Page: page}, nil
	}
	c.Notify.Tickets, c.Notify.Position = page.Tickets, c.Notify.Position.Advanced(page, c.Notify.At)
	judged, err := a.Watch.NotifyChanges(ctx, c.Notify)
	if err != nil {
		return ChangedTicketsResult{}, err
	}
	page.Tickets = nil
	return ChangedTicketsResult{Page: page, Notified: &judged}, nil
}

// ReadTicketsInput asks for tickets by id, and where this worker knows the ledger also judges them.
type ReadTicketsInput struct {
	Tickets []access.TicketID  `json:"tickets"`
	Notify  NotifyChangesInput `json:"notify"`
}

// ReadTicketsResult is what tickets look like. It holds the tickets only where they have not been judged yet.
type ReadTicketsResult struct {
	access.TicketsRead
	Notified *NotifyChangesResult `json:"notified,omitempty"`
}

const (
	// readAtOnce is how many tickets a port reads in one call.
	readAtOnce = 100
	// missingAlways may be missing without suspicion; of more than that, at most one in missingShare.
	missingAlways = 10
	missingShare  = 5
)

// ReadTickets reads tickets by id, as many as it is given, with a heartbeat between two calls. When many are missing at
// once it is more likely that usher has lost its rights than that they were deleted: that is Forbidden, and nobody is
// told. Safe to repeat.
func (a *Desk) ReadTickets(ctx context.Context, c ReadTicketsInput) (ReadTicketsResult, error) {
	var all access.TicketsRead
	for rest := c.Tickets; len(rest) > 0; {
		chunk := rest[:min(readAtOnce, len(rest))]
		rest = rest[len(chunk):]
		var read access.TicketsRead
		err := a.retryStep(ctx, func() (err error) {
			activity.RecordHeartbeat(ctx, len(rest))
			read, err = a.Port.ReadTickets(ctx, chunk)
			return err
		})
		if err != nil {
			return ReadTicketsResult{}, translate(err)
		}
		all.Tickets, all.Missing = append(all.Tickets, read.Tickets...), append(all.Missing, read.Missing...)
		activity.RecordHeartbeat(ctx, len(rest))
	}
	if missing := len(all.Missing); missing > missingAlways && missing > len(c.Tickets)/missingShare {
		return ReadTicketsResult{}, translate(access.Errorf(access.Forbidden, "read tickets",
			"%d of %d tickets cannot be read at once: has usher lost the right to see them?", missing, len(c.Tickets)))
	}
	if a.Watch == nil {
		return ReadTicketsResult{TicketsRead: all}, nil
	}
	c.Notify.Tickets, c.Notify.Missing = all.Tickets, all.Missing
	judged, err := a.Watch.NotifyChanges(ctx, c.Notify)
	return ReadTicketsResult{Notified: &judged}, err
}
