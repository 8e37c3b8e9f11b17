package requesttracker

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Ticket implements desk.Driver.
func (d *driver) Ticket(ctx context.Context, op string, id access.TicketID) (desk.Ticket, error) {
	t, err := d.load(ctx, op, id)
	if err != nil {
		return desk.Ticket{}, err
	}
	return d.of(t), nil
}

// load reads a ticket, with its ETag and with what the account may do. NotFound too: it is hidden (403), deleted, or merged into
// another one, which is what answers then.
func (d *driver) load(ctx context.Context, op string, id access.TicketID) (ticket, error) {
	var t ticket
	answer, err := d.get(ctx, op, "ticket/"+string(id), url.Values{
		"fields[Queue]": {"Name"}, "fields[Creator]": {"RealName,EmailAddress"},
	}, &t)
	switch {
	case rest.StatusOf(err) == http.StatusForbidden:
		return t, access.Errorf(access.NotFound, op, "usher's account may not see ticket %s: %w", id, err)
	case err != nil:
		return t, err
	case t.ID == "" || t.Status == "":
		return t, access.Errorf(access.Transient, op, "the answer is no ticket with a status")
	case string(t.ID) != string(id):
		return t, access.Errorf(access.NotFound, op, "ticket %s was merged into ticket %s", id, t.ID)
	case t.Status == "deleted":
		return t, access.Errorf(access.NotFound, op, "ticket %s is deleted", id)
	}
	if number := transactionNumber.FindString(answer.Header.Get("ETag")); number != "" {
		t.etag = `"` + number + `"`
	}
	return t, nil
}

// transactionNumber is what RT's ETag is. A proxy that compresses makes it W/"39" or "39-gzip", which RT does not know again.
var transactionNumber = regexp.MustCompile(`[0-9]+`)

// of is a ticket in the desk's words.
func (d *driver) of(t ticket) desk.Ticket {
	out := desk.Ticket{
		Ref: d.ref(string(t.ID), t.Queue.Name), Project: t.Queue.Name, Status: statusOf(t.Status),
		Updated: t.LastUpdated, Creator: t.Creator.ID, Revision: t.etag,
	}
	if t.Owner.ID != nobody {
		out.Assignee = t.Owner.ID
	}
	out.Markers = d.markers(t)
	return out
}

func (d *driver) markers(t ticket) []access.Marker {
	var out []access.Marker
	for _, f := range t.CustomFields {
		if !strings.EqualFold(f.Name, d.config.MarkerField) {
			continue
		}
		for _, value := range f.Values {
			if text, is := value.(string); is {
				out = append(out, access.Marker(text))
			}
		}
	}
	return out
}

// statuses are those of RT's own lifecycle, and where a ticket stands in them.
func statuses() map[string]access.TicketPhase {
	return map[string]access.TicketPhase{
		"new": access.TicketWaiting, "open": access.TicketWorking, "stalled": access.TicketWorking,
		"resolved": access.TicketDone, "rejected": access.TicketWontDo,
	}
}

// statusOf is a status by its name. Case makes no difference to RT.
func statusOf(name string) desk.Status {
	id := strings.ToLower(name)
	return desk.Status{ID: id, Name: name, Phase: statuses()[id]}
}

// Tickets implements desk.Driver: one call. What is deleted, merged or hidden is not in a list.
func (d *driver) Tickets(ctx context.Context, op string, ids []access.TicketID) ([]desk.Ticket, []access.TicketID, error) {
	got, _, err := d.find(ctx, op, anyOf(ids), everyField, desk.Search{Limit: mostRows})
	var tickets []desk.Ticket
	for _, t := range got.Items {
		tickets = append(tickets, d.of(t))
	}
	return tickets, nil, err
}

// anyOf is the condition for tickets.
func anyOf(ids []access.TicketID) string {
	terms := make([]string, len(ids))
	for n, id := range ids {
		terms[n] = "id = " + string(id)
	}
	return strings.Join(terms, " OR ")
}

// Search implements desk.Driver, by TicketSQL, among the tickets that usher's account created, and for changes among those of people
// that became requests of this desk. RT compares markers without regard to case. What carries a marker costs a call more: see opener. Of changes it is asked for more than is wanted, and the rest is
// left out here.
func (d *driver) Search(ctx context.Context, op string, s desk.Search) (desk.Page, error) {
	mine, since := "Creator = "+d.config.account(), s.Since.Truncate(time.Second)
	condition := "CF.{" + d.config.MarkerField + "} = " + quote(string(s.Marker))
	if s.Marker == "" {
		condition = changedSince(since)
		if d.config.Intake != nil {
			bound := access.MarkerOf(access.AskedRequestID(d.name, ""))
			mine = "(" + mine + " OR CF.{" + d.config.MarkerField + "} STARTSWITH " + quote(string(bound)) + ")"
		}
	}
	fields := everyField
	if s.Light {
		fields = "LastUpdated"
	}
	got, answer, err := d.find(ctx, op, mine+" AND Type = 'ticket' AND "+condition, fields, s)
	if err != nil {
		return desk.Page{}, err
	}
	out := pageOf(got, answer, s)
	for _, t := range got.Items {
		one := d.of(t)
		if s.Marker != "" {
			if one.Creator, err = d.opener(ctx, op, one.ID); err != nil {
				return desk.Page{}, err
			}
		}
		if s.Marker != "" || !t.LastUpdated.Before(since) {
			out.Tickets = append(out.Tickets, one)
		}
	}
	return out, nil
}

// pageOf is a page of a search without its tickets.
func pageOf(got list[ticket], answer rest.Response, s desk.Search) desk.Page {
	out := desk.Page{Now: answer.Clock()}
	if page := pageNumber(s.Page); got.more(page) {
		out.Next = strconv.Itoa(page + 1)
	}
	return out
}

// changedSince is the condition for what changed at a time or later, as RT reads it alike in every time zone.
func changedSince(at time.Time) string { return "LastUpdated >= " + quote(minutesAgo(at)) }

// slack is how much more is asked for than is wanted: RT goes wrong by an hour when a time zone has changed its clocks in
// between, and its own clock may be wrong.
const slack = 2 * time.Hour

// minutesAgo is a time as RT reads it alike in every time zone.
func minutesAgo(at time.Time) string {
	return fmt.Sprintf("%d minutes ago", max(time.Since(at)+slack, slack)/time.Minute+1)
}

// everyField are the fields of a whole ticket in a list.
const everyField = "Status,Owner,Creator,Queue,LastUpdated,CustomFields"

// find reads one page of the tickets of a query, the oldest change first. NotFound is about the address, and Invalid then.
func (d *driver) find(ctx context.Context, op, query, fields string, s desk.Search) (list[ticket], rest.Response, error) {
	var got list[ticket]
	answer, err := d.get(ctx, op, "tickets", url.Values{
		"query": {query}, "fields": {fields}, "fields[Queue]": {"Name"}, "orderby": {"LastUpdated", "id"},
		"page": {strconv.Itoa(pageNumber(s.Page))}, "per_page": {strconv.Itoa(min(max(s.Limit, 1), mostRows))},
	}, &got)
	if access.IsKind(err, access.NotFound) {
		err = d.noAPI(op, err)
	}
	return got, answer, err
}

// pageNumber reads the name of a page; the first one has none.
func pageNumber(page string) int {
	n, err := strconv.Atoi(page)
	if err != nil {
		return 1
	}
	return n
}

// quote writes a value as TicketSQL reads it.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
