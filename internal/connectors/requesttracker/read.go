package requesttracker

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
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
	answer, err := d.get(ctx, op, "ticket/"+string(id), url.Values{"fields[Queue]": {"Name"}}, &t)
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
	for _, f := range t.CustomFields {
		if !strings.EqualFold(f.Name, d.config.MarkerField) {
			continue
		}
		for _, value := range f.Values {
			if text, is := value.(string); is {
				out.Markers = append(out.Markers, access.Marker(text))
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
	terms := make([]string, len(ids))
	for n, id := range ids {
		terms[n] = "id = " + string(id)
	}
	got, _, err := d.find(ctx, op, strings.Join(terms, " OR "), desk.Search{Limit: mostRows})
	var tickets []desk.Ticket
	for _, t := range got.Items {
		tickets = append(tickets, d.of(t))
	}
	return tickets, nil, err
}

// Search implements desk.Driver, by TicketSQL, among the tickets that usher's account created. RT compares markers without
// regard to case. Of changes it is asked for more than is wanted, and the rest is left out here.
func (d *driver) Search(ctx context.Context, op string, s desk.Search) (desk.Page, error) {
	query := "Creator = " + d.config.account() + " AND Type = 'ticket' AND "
	since := s.Since.Truncate(time.Second)
	if s.Marker != "" {
		query += "CF.{" + d.config.MarkerField + "} = " + quote(string(s.Marker))
	} else {
		query += "LastUpdated >= " + quote(minutesAgo(since))
	}
	got, answer, err := d.find(ctx, op, query, s)
	if err != nil {
		return desk.Page{}, err
	}
	out := desk.Page{Now: answer.Clock()}
	for _, t := range got.Items {
		if s.Marker != "" || !t.LastUpdated.Before(since) {
			out.Tickets = append(out.Tickets, d.of(t))
		}
	}
	if page := pageNumber(s.Page); got.more(page) {
		out.Next = strconv.Itoa(page + 1)
	}
	return out, nil
}

// slack is how much more is asked for than is wanted: RT goes wrong by an hour when a time zone has changed its clocks in
// between, and its own clock may be wrong.
const slack = 2 * time.Hour

// minutesAgo is a time as RT reads it alike in every time zone.
func minutesAgo(at time.Time) string {
	return fmt.Sprintf("%d minutes ago", max(time.Since(at)+slack, slack)/time.Minute+1)
}

// find reads one page of the tickets of a query, the oldest change first. NotFound is about the address, and Invalid then.
func (d *driver) find(ctx context.Context, op, query string, s desk.Search) (list[ticket], rest.Response, error) {
	fields := "Status,Owner,Creator,Queue,LastUpdated,CustomFields"
	if s.Light {
		fields = "LastUpdated"
	}
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

// transaction is one entry of a ticket's history.
type transaction struct {
	ID   scalar `json:"id"`
	Type string `json:"Type"`
	// Record is always "transaction". Without it Go's decoder, which does not care for case, would take it for the Type.
	Record   string    `json:"type"`
	Field    string    `json:"Field"`
	NewValue scalar    `json:"NewValue"`
	ObjectID scalar    `json:"ObjectId"`
	Creator  account   `json:"Creator"`
	Created  time.Time `json:"Created"`
}

// History implements desk.Driver: a call for each ticket, one more for each hundred transactions, and one for each custom field
// that is met for the first time.
func (d *driver) History(
	ctx context.Context, op string, tickets []desk.Ticket, fields []string,
) (map[access.TicketID][]desk.Change, error) {
	out := map[access.TicketID][]desk.Change{}
	for _, t := range tickets {
		all, whole, err := d.transactions(ctx, op, t.ID)
		if err != nil {
			return nil, err
		}
		if !whole {
			out[t.ID] = append(out[t.ID], desk.Older())
		}
		for _, one := range all {
			item, err := d.item(ctx, op, one)
			if err != nil {
				return nil, err
			}
			if slices.Contains(fields, item.Name) {
				out[t.ID] = append(out[t.ID], desk.Change{
					ID: string(one.ID), At: one.Created, By: one.Creator.ID, ByName: one.Creator.RealName, Items: []desk.Item{item},
				})
			}
		}
	}
	return out, nil
}

// transactions reads back to the one that created the ticket, the newest first, and reports whether it has come so far within
// desk.MaxPages. Where RT itself shows no older ones the history is not whole, and nothing may be concluded from it. A merge
// brings along the transactions of other tickets, which nobody made on this one.
func (d *driver) transactions(ctx context.Context, op string, id access.TicketID) ([]transaction, bool, error) {
	var own []transaction
	for page := 1; page <= desk.MaxPages; page++ {
		var got list[transaction]
		_, err := d.get(ctx, op, "ticket/"+string(id)+"/history", url.Values{
			"fields": {"Type,Field,NewValue,ObjectId,Creator,Created"}, "fields[Creator]": {"RealName"},
			"orderby": {"id"}, "order": {"DESC"}, "page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(mostRows)},
		}, &got)
		if err != nil {
			return nil, false, err
		}
		for _, one := range got.Items {
			if string(one.ObjectID) != string(id) {
				continue
			}
			if one.Type == "Create" {
				return own, true, nil
			}
			own = append(own, one)
		}
		if !got.more(page) {
			return nil, false, access.Errorf(access.Transient, op, "RT does not show the whole history of ticket %s", id)
		}
	}
	return own, false, nil
}

// item is what a transaction changed. A custom field comes by its number; one that is not configured is of no interest, and may
// be called "Status".
func (d *driver) item(ctx context.Context, op string, one transaction) (desk.Item, error) {
	item := desk.Item{Name: one.Field, To: string(one.NewValue)}
	switch one.Type {
	case "Status":
		item.To = statusOf(item.To).ID
	case "CustomField":
		return d.fieldItem(ctx, op, item)
	}
	return item, nil
}

// fieldItem is the change of a custom field. Rights in one queue do not show the names of fields: a change of one whose name is
// hidden counts as one of what the ticket says, where fields are configured at all.
func (d *driver) fieldItem(ctx context.Context, op string, item desk.Item) (desk.Item, error) {
	configured := slices.Sorted(maps.Keys(d.config.Fields))
	if len(configured) == 0 {
		return desk.Item{}, nil
	}
	name, err := d.fieldName(ctx, op, item.Name)
	switch {
	case rest.StatusOf(err) == http.StatusForbidden || access.IsKind(err, access.NotFound):
		item.Name = configured[0]
	case err != nil || !slices.Contains(configured, name):
		return desk.Item{}, err
	default:
		item.Name = name
	}
	return item, nil
}

// fieldName returns the name of a custom field.
func (d *driver) fieldName(ctx context.Context, op, number string) (string, error) {
	if known, there := d.fields.Load(number); there {
		name, _ := known.(string)
		return name, nil
	}
	var field struct{ Name string }
	if _, err := d.get(ctx, op, "customfield/"+url.PathEscape(number), nil, &field); err != nil {
		return "", err
	}
	d.fields.Store(number, field.Name)
	return field.Name, nil
}
