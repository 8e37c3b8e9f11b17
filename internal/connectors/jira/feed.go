package jira

import (
	"context"
	"net/http"
	"time"

	"usher/internal/access"
	"usher/internal/rest"
)

// How old a proof of the credentials may be before a page of changes is read, and before an empty page is believed.
const (
	proofLife      = 5 * time.Minute
	emptyProofLife = time.Minute
)

// manyTickets is how many tickets are read at once.
const manyTickets = 100

// ChangedTickets implements access.TicketFeed, by a search for the common label. The first page is one call
// and, on Cloud, one for the histories; an empty page is one call. A later page is a search, in a hundred issues a call on
// Cloud, and the calls of ReadTickets. A page goes on where the times of the page before ended (see place), so what changes
// meanwhile hides nothing, and pages do not expire. The account is proved by a call of its own every few minutes, and at
// least every minute while pages are empty; in between, Jira's log-in headers tell bad credentials.
func (d *Desk) ChangedTickets(ctx context.Context, q access.ChangesQuery) (access.ChangesPage, error) {
	const op = "list changed tickets"
	if q.Since.IsZero() {
		p, err := d.checkCredentials(ctx, op)
		return access.ChangesPage{Now: p.clock}, err
	}
	me, err := d.proven(ctx, op, proofLife)
	if err != nil {
		return access.ChangesPage{}, err
	}
	from, err := parsePlace(q.Page)
	if err != nil {
		return access.ChangesPage{}, access.Errorf(access.Invalid, op, "page: %w", err)
	}
	q.Limit = clampLimit(q)
	page, err := d.changes(ctx, op, q, from)
	if err != nil {
		return access.ChangesPage{}, err
	}
	if page.empty {
		if _, err := d.proven(ctx, op, emptyProofLife); err != nil {
			return access.ChangesPage{}, err
		}
	}
	tickets, err := d.seenTickets(ctx, op, me, page)
	if err != nil {
		return access.ChangesPage{}, err
	}
	out := access.ChangesPage{Tickets: tickets, Now: page.now}
	behind := from.after(page, q.Since)
	if next := behind.String(); page.more && next != q.Page {
		out.Next, out.CompleteUntil = next, behind.at
	}
	return out, nil
}

// changed is one page of issues that changed and were not told before, as the search shows them: with their ids and times
// only where light.
type changed struct {
	issues []issue
	light  bool
	// more: there may be others. empty: the search gave nothing, not even what was told before.
	more, empty bool
	now         time.Time
}

// changes searches from a place on. Jira's own pages only serve to get past what was told before: an issue that changes
// between two of them moves to the end, others move up, and a reader who counts would jump over those.
func (d *Desk) changes(ctx context.Context, op string, q access.ChangesQuery, from feedCursor) (changed, error) {
	ask := query{
		jql: d.config.changedSince(from.since(q.Since)), fields: ticketFields(), limit: q.Limit + len(from.seen), history: true,
	}
	light := len(from.seen) > 0
	if light {
		// Most of what this shows was told before: only the others are read whole.
		ask.fields, ask.history = []string{"updated"}, false
	}
	for n := range maxPages {
		got, err := search[issue](ctx, d, op, ask)
		if err != nil {
			return changed{}, err
		}
		fresh := from.fresh(got.list)
		if len(fresh) > 0 || got.next == "" {
			kept := fresh[:min(len(fresh), q.Limit)]
			return changed{
				issues: kept, light: light, more: got.next != "" || len(kept) < len(fresh),
				empty: n == 0 && len(got.list) == 0, now: clockOf(got.answer),
			}, nil
		}
		ask.page = got.next
	}
	return changed{}, access.Errorf(access.Transient, op, "the search has more than %d pages of what was told before", maxPages)
}

// told are the tickets of a page, in its order. What has gone since a light search is left out, and only with credentials
// that are good: what is left out will not be told again.
func (d *Desk) seenTickets(ctx context.Context, op string, me access.AccountID, page changed) ([]access.TicketSnapshot, error) {
	if !page.light {
		return d.snapshots(ctx, op, me, page.issues)
	}
	ids := make([]access.TicketID, len(page.issues))
	for n, i := range page.issues {
		ids[n] = access.TicketID(i.ID)
	}
	read, err := d.ReadTickets(ctx, ids)
	return read.Tickets, err
}

// ReadTickets implements access.TicketReader: two calls on Cloud, one on Data Center, and one more when tickets are
// missing. On Data Center an archived ticket counts as missing here, because only a reading of its own shows it.
// Invalid: more than 100 ids.
func (d *Desk) ReadTickets(ctx context.Context, ids []access.TicketID) (access.TicketsRead, error) {
	const op = "read tickets"
	asked, order := []string{}, []access.TicketID{}
	known := map[access.TicketID]bool{}
	for _, id := range ids {
		if known[id] {
			continue
		}
		known[id] = true
		order = append(order, id)
		if _, ok := issuePath(id, ""); ok {
			asked = append(asked, string(id))
		}
	}
	if len(order) > manyTickets {
		return access.TicketsRead{}, access.Errorf(access.Invalid, op, "expected at most %d tickets, found %d", manyTickets, len(order))
	}
	there, err := d.readAll(ctx, op, asked)
	if err != nil {
		return access.TicketsRead{}, err
	}
	var out access.TicketsRead
	for _, id := range order {
		if s, ok := there[id]; ok {
			out.Tickets = append(out.Tickets, s)
		} else {
			out.Missing = append(out.Missing, id)
		}
	}
	if len(out.Missing) > 0 {
		if _, err := d.checkCredentials(ctx, op); err != nil {
			return access.TicketsRead{}, err
		}
	}
	return out, nil
}

// readAll returns those of the tickets that can be seen.
func (d *Desk) readAll(ctx context.Context, op string, ids []string) (map[access.TicketID]access.TicketSnapshot, error) {
	there := map[access.TicketID]access.TicketSnapshot{}
	if len(ids) == 0 {
		return there, nil
	}
	me, err := d.me(ctx, op)
	if err != nil {
		return nil, err
	}
	issues, later, err := d.fetch(ctx, op, ids)
	if err != nil {
		return nil, err
	}
	snapshots, err := d.snapshots(ctx, op, me, issues)
	if err != nil {
		return nil, err
	}
	for _, s := range snapshots {
		there[s.Ref.ID] = s
	}
	for _, id := range later {
		s, err := d.ReadTicket(ctx, access.TicketID(id))
		if err != nil && !access.IsKind(err, access.NotFound) {
			return nil, err
		}
		if err == nil {
			there[s.Ref.ID] = s
		}
	}
	return there, nil
}

// fetch reads issues by their ids. later are those that exist and that Jira could not give along with the others.
func (d *Desk) fetch(ctx context.Context, op string, ids []string) (issues []issue, later []string, err error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	for range maxPages {
		page, _, err := list[issue](ctx, d, op, api.byIDs(ids, len(issues)))
		if err != nil {
			return nil, nil, err
		}
		issues = append(issues, page.Issues...)
		for _, e := range page.IssueErrors {
			later = append(later, e.ID)
		}
		if len(page.Issues) == 0 || len(issues) >= page.Total {
			break
		}
	}
	return issues, later, nil
}

// clockOf is when the answer was made, by the clock of Jira's own front; zero when it does not tell.
func clockOf(a rest.Response) time.Time {
	at, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
