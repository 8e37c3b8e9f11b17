package memory

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"usher/internal/access"
)

// deskMany is how many tickets one call may ask for.
const deskMany = 100

// deskFeed is what the desk's search knows. It remembers each state of each ticket, so that it can lag.
type deskFeed struct {
	history map[access.TicketID][]access.TicketSnapshot
	lag     time.Duration
	// frozenAt is the zero time while the search goes on.
	frozenAt time.Time
	grain    time.Duration
	pageCap  int
	noClock  bool
	// generation is carried by every page; pages of another one are no longer known.
	generation int
}

func newDeskFeed() deskFeed {
	return deskFeed{history: map[access.TicketID][]access.TicketSnapshot{}}
}

// deskPage is what the text of a page means. The next page begins after one ticket, not at a number, so that a ticket
// which changes between two pages pushes no other out of sight.
type deskPage struct {
	Generation int
	Since      time.Time
	After      time.Time
}

// ReadTickets implements access.TicketReader. An empty list is answered without asking: no fault stops it, and it is not
// counted.
func (d *Desk) ReadTickets(ctx context.Context, ids []access.TicketID) (access.TicketsRead, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "read tickets"
	if len(ids) == 0 {
		return access.TicketsRead{}, nil
	}
	if err := d.begin(ctx, OpReadTickets, op); err != nil {
		return access.TicketsRead{}, err
	}
	if len(ids) > deskMany {
		return access.TicketsRead{}, access.Errorf(access.Invalid, op, "ids: expected at most %d, got %d", deskMany, len(ids))
	}
	var read access.TicketsRead
	asked := map[access.TicketID]bool{}
	for _, id := range ids {
		if asked[id] {
			continue
		}
		asked[id] = true
		if t, err := d.ticket(id); err == nil && !t.Hidden {
			read.Tickets = append(read.Tickets, d.snapshot(t))
		} else {
			read.Missing = append(read.Missing, id)
		}
	}
	if err := d.end(OpReadTickets, op); err != nil {
		return access.TicketsRead{}, err
	}
	return read, nil
}

// ChangedTickets implements access.TicketFeed. Tickets that humans opened are among the answers.
func (d *Desk) ChangedTickets(ctx context.Context, q access.ChangesQuery) (access.ChangesPage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const op = "ask for changed tickets"
	if err := d.begin(ctx, OpChangedTickets, op); err != nil {
		return access.ChangesPage{}, err
	}
	page, err := d.changes(op, q, func(*DeskTicket) bool { return true })
	if err != nil {
		return access.ChangesPage{}, err
	}
	if err := d.end(OpChangedTickets, op); err != nil {
		return access.ChangesPage{}, err
	}
	return page, nil
}

func (d *Desk) changes(op string, q access.ChangesQuery, listed func(*DeskTicket) bool) (access.ChangesPage, error) {
	var page access.ChangesPage
	if !d.feed.noClock {
		page.Now = d.clock.now()
	}
	if q.Since.IsZero() {
		return page, nil
	}
	if q.Limit < 1 || q.Limit > deskMany {
		return access.ChangesPage{}, access.Errorf(access.Invalid, op, "limit: expected 1 to %d, got %d", deskMany, q.Limit)
	}
	after, err := d.pageStart(op, q)
	if err != nil {
		return access.ChangesPage{}, err
	}
	since := q.Since
	if d.feed.grain > 0 {
		since = since.Truncate(d.feed.grain)
	}
	for _, t := range d.tickets {
		answered := q.Page == "" && !t.approvalsAt.Before(since)
		if s, visible := d.found(t); visible && listed(t) && (answered || !s.UpdatedAt.Before(since)) && s.UpdatedAt.After(after) {
			page.Tickets = append(page.Tickets, s)
		}
	}
	slices.SortFunc(page.Tickets, func(a, b access.TicketSnapshot) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	if most := min(q.Limit, cmp.Or(d.feed.pageCap, deskMany)); len(page.Tickets) > most {
		page.Tickets = page.Tickets[:most]
		page.CompleteUntil = page.Tickets[most-1].UpdatedAt
		page.Next, err = d.pageAfter(q.Since, page.CompleteUntil)
	}
	return page, err
}

// pageStart is the time of the last ticket of the page before; the zero time on the first page.
func (d *Desk) pageStart(op string, q access.ChangesQuery) (time.Time, error) {
	if q.Page == "" {
		return time.Time{}, nil
	}
	var p deskPage
	text, err := base64.RawURLEncoding.DecodeString(q.Page)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil || p.Generation != d.feed.generation || !p.Since.Equal(q.Since) {
		return time.Time{}, access.Errorf(access.Invalid, op, "page: expected one that this query has named; begin without one")
	}
	return p.After, nil
}

func (d *Desk) pageAfter(since, after time.Time) (string, error) {
	text, err := json.Marshal(deskPage{Generation: d.feed.generation, Since: since, After: after})
	return base64.RawURLEncoding.EncodeToString(text), err
}

// remember keeps what the ticket looks like from its last change on.
func (d *Desk) remember(t *DeskTicket) {
	d.feed.history[t.Ref.ID] = append(d.feed.history[t.Ref.ID], d.snapshot(t))
}

// found returns a ticket as a search sees it now; false when it does not.
func (d *Desk) found(t *DeskTicket) (access.TicketSnapshot, bool) {
	if t.Deleted || t.Hidden {
		return access.TicketSnapshot{}, false
	}
	horizon := d.clock.now().Add(-d.feed.lag)
	if !d.feed.frozenAt.IsZero() && d.feed.frozenAt.Before(horizon) {
		horizon = d.feed.frozenAt
	}
	for _, s := range slices.Backward(d.feed.history[t.Ref.ID]) {
		if !s.UpdatedAt.After(horizon) {
			return s, true
		}
	}
	return access.TicketSnapshot{}, false
}
