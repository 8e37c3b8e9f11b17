package requesttracker

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// transaction is one entry of a ticket's history.
type transaction struct {
	ID   scalar `json:"id"`
	Type string `json:"Type"`
	// Record is always "transaction". Without it Go's decoder, which does not care for case, would take it for the Type.
	Record   string    `json:"type"`
	Field    string    `json:"Field"`
	OldValue scalar    `json:"OldValue"`
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
		all, created, err := d.changes(ctx, op, t.ID)
		if err != nil {
			return nil, err
		}
		if created == nil {
			out[t.ID] = append(out[t.ID], desk.Older())
		}
		for _, one := range all {
			if slices.Contains(fields, one.Items[0].Name) {
				out[t.ID] = append(out[t.ID], one)
			}
		}
	}
	return out, nil
}

// changes returns the changes of a ticket, each with one item, and the transaction that created it; nil where the history is longer than
// is read.
func (d *driver) changes(ctx context.Context, op string, id access.TicketID) ([]desk.Change, *transaction, error) {
	all, created, err := d.transactions(ctx, op, id)
	if err != nil {
		return nil, nil, err
	}
	out := make([]desk.Change, len(all))
	for n, one := range all {
		item, err := d.item(ctx, op, one)
		if err != nil {
			return nil, nil, err
		}
		out[n] = desk.Change{
			ID: string(one.ID), At: one.Created, By: one.Creator.ID, ByName: one.Creator.RealName, Items: []desk.Item{item},
		}
	}
	return out, created, nil
}

// transactions reads back to the one that created the ticket, the newest first, and returns that one apart: nil where desk.MaxPages do
// not reach so far. Where RT itself shows no older ones the history is not whole, and nothing may be concluded from it. A merge
// brings along the transactions of other tickets, which nobody made on this one.
func (d *driver) transactions(ctx context.Context, op string, id access.TicketID) ([]transaction, *transaction, error) {
	var own []transaction
	for page := 1; page <= desk.MaxPages; page++ {
		var got list[transaction]
		_, err := d.get(ctx, op, "ticket/"+string(id)+"/history", url.Values{
			"fields": {"Type,Field,OldValue,NewValue,ObjectId,Creator,Created"}, "fields[Creator]": {"RealName"},
			"orderby": {"id"}, "order": {"DESC"}, "page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(mostRows)},
		}, &got)
		if err != nil {
			return nil, nil, err
		}
		for _, one := range got.Items {
			if string(one.ObjectID) != string(id) {
				continue
			}
			if one.Type == "Create" {
				return own, &one, nil
			}
			own = append(own, one)
		}
		if !got.more(page) {
			return nil, nil, access.Errorf(access.Transient, op, "RT does not show the whole history of ticket %s", id)
		}
	}
	return own, nil, nil
}

// opener returns the account that opened a ticket; "" where the history is longer than is read. RT lets whoever opens a ticket by REST2 write
// another account into it as its creator, as an import does; the transaction says who it was.
func (d *driver) opener(ctx context.Context, op string, id access.TicketID) (access.AccountID, error) {
	_, created, err := d.transactions(ctx, op, id)
	if err != nil || created == nil {
		return "", err
	}
	return created.Creator.ID, nil
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
	if d.config.Intake != nil {
		configured = append(configured, slices.Sorted(maps.Keys(d.config.Intake.Fields))...)
	}
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
