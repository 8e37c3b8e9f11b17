package desk

import (
	"cmp"
	"context"
	"time"

	"usher/internal/access"
)

// ChangedTickets implements access.TicketFeed. The first page is one search and, where they do not come along, the
// histories; an empty page is one search. A later page is a search that shows ids and times only, and the calls of
// ReadTickets. A page goes on where the times of the page before ended (see cursor.go), so what changes meanwhile hides
// nothing, and pages do not expire. Where the desk's approvals are used, the first and the last page also ask which of them changed. The account is proved every few minutes, and at least every minute while pages are empty.
func (d *Desk) ChangedTickets(ctx context.Context, q access.ChangesQuery) (access.ChangesPage, error) {
	const op = "list changed tickets"
	if q.Since.IsZero() {
		self, err := d.checkCredentials(ctx, op)
		return access.ChangesPage{Now: self.Clock}, err
	}
	me, err := d.proven(ctx, op, proofLife)
	if err != nil {
		return access.ChangesPage{}, err
	}
	page, out, err := d.listed(ctx, op, q, false, func(s Search) (Page, error) { return d.driver.Search(ctx, op, s) })
	if err != nil {
		return access.ChangesPage{}, err
	}
	out.Tickets, err = d.seenTickets(ctx, op, me, page)
	if err == nil && (q.Page == "" || out.Next == "") {
		var answered []access.TicketSnapshot
		answered, err = d.answeredTickets(ctx, op, q.Since, out.Tickets)
		out.Tickets = append(out.Tickets, answered...)
	}
	if err != nil {
		return access.ChangesPage{}, err
	}
	return out, nil
}

// listed reads one page of a search by the time of the last change: what the search shows, and a page that has everything but its
// tickets. light asks for ids and times only. An empty page is believed only with credentials that were proved lately.
func (d *Desk) listed(
	ctx context.Context, op string, q access.ChangesQuery, light bool, search func(Search) (Page, error),
) (changed, access.ChangesPage, error) {
	from, err := parseCursor(q.Page, d.traits.IsID)
	if err != nil {
		return changed{}, access.ChangesPage{}, access.Errorf(access.Invalid, op, "page: %w", err)
	}
	q.Limit = clampLimit(q)
	page, err := changesOf(op, q, from, light || len(from.seen) > 0, search)
	if err == nil && page.empty {
		_, err = d.proven(ctx, op, emptyProofLife)
	}
	if err != nil {
		return changed{}, access.ChangesPage{}, err
	}
	out := access.ChangesPage{Now: page.now}
	behind := from.after(page, q.Since, d.traits)
	if next := behind.String(); page.more && next != q.Page {
		out.Next, out.CompleteUntil = next, behind.at
	}
	return page, out, nil
}

// clampLimit is how many tickets a page holds.
func clampLimit(q access.ChangesQuery) int {
	return min(cmp.Or(max(q.Limit, 0), manyTickets), manyTickets)
}

// changed is one page of tickets that changed and were not told before, as the search shows them: with their ids and times
// only where light.
type changed struct {
	tickets []Ticket
	light   bool
	// more: there may be others. empty: the search gave nothing, not even what was told before.
	more, empty bool
	now         time.Time
}

// changesOf searches from a cursor on. The desk's own pages only serve to get past what was told before: a ticket that changes
// between two of them moves to the end, others move up, and a reader who counts would jump over those. Where something was told
// before, it is most of what a search shows: then it is light, and only the others are read whole.
func changesOf(
	op string, q access.ChangesQuery, from feedCursor, light bool, search func(Search) (Page, error),
) (changed, error) {
	ask := Search{Since: from.since(q.Since), Limit: q.Limit + len(from.seen), Light: light}
	for n := range MaxPages {
		got, err := search(ask)
		if err == nil {
			err = got.check(op)
		}
		if err != nil {
			return changed{}, err
		}
		fresh := from.fresh(got.Tickets)
		if len(fresh) > 0 || got.Next == "" {
			kept := fresh[:min(len(fresh), q.Limit)]
			return changed{
				tickets: kept, light: ask.Light, more: got.Next != "" || len(kept) < len(fresh),
				empty: n == 0 && len(got.Tickets) == 0, now: got.Now,
			}, nil
		}
		ask.Page = got.Next
	}
	return changed{}, access.Errorf(access.Transient, op, "the search has more than %d pages of what was told before", MaxPages)
}

// seenTickets are the tickets of a page, in its order. What has gone since a light search is left out, and only with
// credentials that are good: what is left out will not be told again.
func (d *Desk) seenTickets(ctx context.Context, op string, me access.AccountID, page changed) ([]access.TicketSnapshot, error) {
	if !page.light {
		return d.snapshots(ctx, op, me, page.tickets)
	}
	ids := make([]access.TicketID, len(page.tickets))
	for n, t := range page.tickets {
		ids[n] = t.ID
	}
	read, err := d.ReadTickets(ctx, ids)
	return read.Tickets, err
}
