package servicenow

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// What marks a ticket as usher's, and what all markers begin with.
const (
	markedBy     = "usher"
	markersBegin = "usher-"
)

// The ways by which a ticket comes. Only a log-in to the instance proves who opened it, and only these words say that there was one.
const (
	byLogin    = "self-service"
	unknownWay = "an unknown way"
)

// Asked implements desk.Asker: tickets of the kind without a correlation id.
func (d *driver) Asked(ctx context.Context, op string, in desk.Intake, s desk.Search) (desk.Page, error) {
	if err := d.readsUTC(ctx, op); err != nil {
		return desk.Page{}, err
	}
	got, err := d.page(ctx, op, listing{
		table: d.config.table(), fields: []string{"number"}, byTime: true, limit: s.Limit,
		where: query{
			{d.config.kindField(), equal, in.Kind},
			{"correlation_id", empty, ""},
			{"sys_updated_on", atLeast, s.Since.UTC().Format(time.DateTime)},
		},
	}, s.Page)
	out := desk.Page{Now: got.now, Next: got.next}
	for _, r := range got.rows {
		out.Tickets = append(out.Tickets, desk.Ticket{Ref: d.ref(r.get("sys_id"), r.get("number")), Updated: r.at("sys_updated_on")})
	}
	return out, err
}

// AskedTicket implements desk.Asker. Forbidden too: usher's account may not see what decides whether the ticket is taken in, or whoever
// may write a ticket can write another account into it as its creator.
func (d *driver) AskedTicket(ctx context.Context, op string, in desk.Intake, id access.TicketID) (desk.Asked, error) {
	if err := d.accountsAreTrue(ctx, op, "intake"); err != nil {
		return desk.Asked{}, err
	}
	needed := []string{"sys_created_by", "correlation_id", "correlation_display", "contact_type", "short_description", "description", d.config.kindField()}
	ask := append(d.ticketFields(), needed...)
	if d.config.CatalogItem == "" {
		ask = append(ask, slices.Sorted(maps.Keys(in.Fields))...)
	}
	r, err := d.record(ctx, op, d.config.table(), string(id), plain(ask...))
	if err != nil {
		return desk.Asked{}, err
	}
	for _, field := range needed {
		if _, shown := r[field]; !shown {
			return desk.Asked{}, access.Errorf(access.Forbidden, op, "%s: usher's account may not read the field %s of the table %s",
				d.key("intake"), field, d.config.table())
		}
	}
	tickets, err := d.tickets(ctx, op, []row{r})
	if err != nil {
		return desk.Asked{}, err
	}
	asked := desk.Asked{
		Ticket: tickets[0], OfKind: strings.EqualFold(r.get(d.config.kindField()), in.Kind),
		Marked:  strings.EqualFold(r.get("correlation_display"), markedBy),
		Summary: r.get("short_description"), Text: r.get("description"), Values: map[string]string{},
	}
	asked.Markers = append(asked.Markers, access.Marker(r.get("correlation_id")))
	if err := d.openedBy(ctx, op, &asked, r.get("sys_created_by")); err != nil {
		return desk.Asked{}, err
	}
	if asked.Unproven, err = d.wayOf(ctx, op, id, r.get("contact_type")); err != nil {
		return desk.Asked{}, err
	}
	return asked, d.readFields(ctx, op, in, r, &asked)
}

// openedBy fills in who created a ticket. An account that is not there any more, or that is hidden, is nobody's.
func (d *driver) openedBy(ctx context.Context, op string, asked *desk.Asked, creator string) error {
	asked.Creator, asked.CreatorName = access.AccountID(creator), creator
	rows, err := d.users(ctx, op, "user_name", creator)
	if err == nil && len(rows) == 1 {
		asked.CreatorName = cmp.Or(rows[0].get("name"), creator)
		asked.By = desk.User{
			ID: asked.Creator, Name: rows[0].get("user_name"), Email: rows[0].get("email"), Usable: usable(rows[0]),
		}
	}
	return err
}

// wayOf returns by which way a ticket came that does not prove who opened it; "" for one that does. People may change contact_type
// later, so every value that it ever had counts.
func (d *driver) wayOf(ctx context.Context, op string, id access.TicketID, now string) (string, error) {
	rows, err := d.audits(ctx, op, []string{string(id)}, []string{"contact_type"})
	ways := []string{now}
	for _, r := range rows {
		if r.get("fieldname") == "contact_type" {
			ways = append(ways, r.get("newvalue"))
			if r.get("record_checkpoint") != "0" {
				ways = append(ways, r.get("oldvalue"))
			}
		}
	}
	for _, way := range ways {
		if way != byLogin {
			return cmp.Or(way, unknownWay), err
		}
	}
	return "", err
}

// readFields reads the fields that hold what is asked for: columns, or the variables of the item. A marker in a variable counts as well.
func (d *driver) readFields(ctx context.Context, op string, in desk.Intake, r row, asked *desk.Asked) error {
	values := r
	if d.config.CatalogItem != "" {
		rows, err := d.each(ctx, op, listing{table: optionTable, whole: true, fields: []string{optionName, optionValue}}, "request_item",
			[]string{string(asked.ID)})
		if err != nil {
			return err
		}
		values = row{}
		for name := range in.Fields {
			values[name] = ""
		}
		for _, one := range rows {
			values[one.get(optionName)] = one[optionValue]
		}
		asked.Markers = append(asked.Markers, access.Marker(values.get(d.config.MarkerVariable)))
	}
	for _, field := range slices.Sorted(maps.Keys(in.Fields)) {
		text, readable, err := d.textOf(ctx, op, values, field)
		switch {
		case err != nil:
			return err
		case !readable:
			asked.Unreadable = append(asked.Unreadable, field)
		case text != "":
			asked.Values[field] = text
		}
	}
	return nil
}

// textOf is what a field says, and whether it can be read. A reference to an account is its user name; any other is no text, nor is a
// field that the account may not see.
func (d *driver) textOf(ctx context.Context, op string, values row, field string) (string, bool, error) {
	text, shown := values[field]
	if !shown || !sysID.MatchString(string(text)) {
		return string(text), shown, nil
	}
	rows, err := d.users(ctx, op, "sys_id", string(text))
	if err != nil || len(rows) != 1 {
		return "", false, err
	}
	return rows[0].get("user_name"), rows[0].get("user_name") != "", nil
}

// Mark implements desk.Asker. It overwrites no key of somebody else's, and reads back. Forbidden too: ServiceNow has not kept the marker.
func (d *driver) Mark(ctx context.Context, op string, id access.TicketID, marker access.Marker) error {
	before, err := d.record(ctx, op, d.config.table(), string(id), plain("sys_id", "correlation_id"))
	if err != nil {
		return err
	}
	switch carried := before.get("correlation_id"); {
	case carried == string(marker):
		return nil
	case carried != "":
		return access.Errorf(access.Invalid, op, "the ticket carries the correlation id %q already", carried)
	}
	_, err = d.patch(ctx, op, d.config.table(), string(id), map[string]any{"correlation_id": string(marker), "correlation_display": markedBy})
	if err != nil {
		return err
	}
	d.marked.Add(1)
	after, err := d.record(ctx, op, d.config.table(), string(id), plain("sys_id", "correlation_id"))
	if err == nil && after.get("correlation_id") != string(marker) {
		err = access.Errorf(access.Forbidden, op, "%s: ServiceNow did not keep the marker: usher's account must be able to write and to read"+
			" correlation_id of the table %s", d.key("intake"), d.config.table())
	}
	return err
}
