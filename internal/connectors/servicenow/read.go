package servicenow

import (
	"cmp"
	"context"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// ticketFields are what a ticket is made of.
func (d *driver) ticketFields() []string {
	fields := []string{
		"sys_id", "number", "sys_class_name", "state", "assigned_to", "assigned_to.user_name", "sys_updated_by", "sys_updated_on", "sys_mod_count",
	}
	if d.config.table() == itemTable {
		fields = append(fields, "active", "stage")
	}
	if d.config.table() == itemTable && !d.config.Approvals {
		// With approvals it only rolls up the answers, which count by themselves.
		fields = append(fields, "approval")
	}
	return fields
}

// Ticket implements desk.Driver.
func (d *driver) Ticket(ctx context.Context, op string, id access.TicketID) (desk.Ticket, error) {
	r, err := d.record(ctx, op, d.config.table(), string(id), plain(d.ticketFields()...))
	if err != nil {
		return desk.Ticket{}, err
	}
	tickets, err := d.tickets(ctx, op, []row{r})
	if err != nil {
		return desk.Ticket{}, err
	}
	return tickets[0], nil
}

// Tickets implements desk.Driver, with as few calls as the length of an URL allows.
func (d *driver) Tickets(ctx context.Context, op string, ids []access.TicketID) ([]desk.Ticket, []access.TicketID, error) {
	var texts []string
	for _, id := range ids {
		texts = append(texts, string(id))
	}
	rows, err := d.each(ctx, op, listing{table: d.config.table(), fields: d.ticketFields()}, "sys_id", texts)
	if err != nil {
		return nil, nil, err
	}
	tickets, err := d.tickets(ctx, op, rows)
	return tickets, nil, err
}

// Search implements desk.Driver. What usher opened is what its account created. Tickets of people that usher took in carry a marker.
func (d *driver) Search(ctx context.Context, op string, s desk.Search) (desk.Page, error) {
	if s.Marker != "" {
		return d.searchMarker(ctx, op, s)
	}
	ours, err := d.ours(ctx, op, "")
	if err != nil {
		return desk.Page{}, err
	}
	l := listing{
		table: d.config.table(), fields: d.ticketFields(), byTime: true, limit: s.Limit, either: ours,
		where: query{{"sys_updated_on", atLeast, s.Since.UTC().Format(time.DateTime)}},
	}
	got, err := d.page(ctx, op, l, s.Page)
	if err != nil {
		return desk.Page{}, err
	}
	tickets, err := d.tickets(ctx, op, got.rows)
	return desk.Page{Tickets: tickets, Now: got.now, Next: got.next}, err
}

// ours are the conditions of which usher's tickets meet one, for queries by time. The prefix leads from a row to its ticket.
func (d *driver) ours(ctx context.Context, op, prefix string) (query, error) {
	if err := d.readsUTC(ctx, op); err != nil {
		return nil, err
	}
	own := query{{prefix + "sys_created_by", equal, d.me.Load().userName}}
	if d.config.Intake == nil {
		return own, nil
	}
	return append(own, condition{prefix + "correlation_id", begins, markersBegin}), d.searchesAll(ctx, op)
}

// The fields of sc_item_option_mtom, which joins requested items and the values of their variables.
const (
	optionTable    = "sc_item_option_mtom"
	optionName     = "sc_item_option.item_option_new.name"
	optionValue    = "sc_item_option.value"
	optionUpdated  = "sc_item_option.sys_updated_on"
	optionUpdater  = "sc_item_option.sys_updated_by"
	optionModCount = "sc_item_option.sys_mod_count"
)

// searchMarker looks where the marker is from the first moment of a ticket on: in correlation_id, or in a variable of the item.
func (d *driver) searchMarker(ctx context.Context, op string, s desk.Search) (desk.Page, error) {
	if !writable(string(s.Marker)) {
		return desk.Page{}, nil
	}
	prefix, field := "", "correlation_id"
	l := listing{table: d.config.table(), where: query{{field, equal, string(s.Marker)}}, limit: s.Limit}
	if d.config.MarkerVariable != "" {
		prefix, field = "request_item.", optionValue
		l.table, l.where = optionTable, query{{optionName, equal, d.config.MarkerVariable}, {field, equal, string(s.Marker)}}
		l.fields = []string{"request_item"}
	}
	l.fields = append(l.fields, prefix+"number", prefix+"sys_created_by", prefix+"sys_created_on")
	got, err := d.page(ctx, op, l, s.Page)
	if err != nil {
		return desk.Page{}, err
	}
	out := desk.Page{Now: got.now, Next: got.next}
	for _, r := range got.rows {
		id := r.get("sys_id")
		if prefix != "" {
			id = r.get("request_item")
		}
		out.Tickets = append(out.Tickets, desk.Ticket{
			Ref:     d.ref(id, r.get(prefix+"number")),
			Creator: access.AccountID(r.get(prefix + "sys_created_by")),
			Created: created(r.at(prefix+"sys_created_on"), r.get(prefix+"number")),
			Markers: []access.Marker{access.Marker(r.get(field))},
		})
	}
	return out, nil
}

// created is when a ticket was opened, to the second; within a second the numbers of tickets tell their order.
func created(at time.Time, key string) time.Time {
	return numbered(at, strings.TrimLeft(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0"))
}

// numbered is a time in seconds with a number that tells it from others in the same second.
func numbered(at time.Time, n string) time.Time {
	return at.Add(time.Duration(number(n) % int(time.Second)))
}

// tickets are rows in the desk's words. Requested items are read with their tasks.
func (d *driver) tickets(ctx context.Context, op string, rows []row) ([]desk.Ticket, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	states, err := d.loadStates(ctx, op)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.get("sys_id"))
	}
	tasks, err := d.tasksOf(ctx, op, ids...)
	if err != nil {
		return nil, err
	}
	var out []desk.Ticket
	for _, r := range rows {
		if r.at("sys_updated_on").IsZero() {
			return nil, access.Errorf(access.Transient, op, "the answer is no ticket with a time of its last change in UTC")
		}
		out = append(out, d.ticket(r, states.standing(r, tasks[r.get("sys_id")])))
	}
	return out, nil
}

func (d *driver) ticket(r row, status desk.Status) desk.Ticket {
	t := desk.Ticket{
		Ref: d.ref(r.get("sys_id"), r.get("number")), Project: r.get("sys_class_name"), Status: status, Updated: r.at("sys_updated_on"),
		// Somebody whose name is hidden is not nobody.
		Assignee: access.AccountID(cmp.Or(r.get("assigned_to.user_name"), r.get("assigned_to"))),
		Whole:    d.config.History == HistoryLastUpdater,
	}
	if d.config.table() != itemTable {
		// A requested item does not show that a variable or a task of it has changed.
		t.Revision = r.get("sys_mod_count")
	}
	if t.Whole && r.get("sys_mod_count") != "0" {
		t.Changes = []desk.Change{{
			At: t.Updated, By: access.AccountID(r.get("sys_updated_by")), ByName: r.get("sys_updated_by"),
			Items: []desk.Item{{ID: "state", To: status.ID, ToName: status.Name}, {ID: "assigned_to"}},
		}}
	}
	return t
}

// tasksOf are the tasks of requested items, by item; none for other tickets.
func (d *driver) tasksOf(ctx context.Context, op string, ids ...string) (map[string][]row, error) {
	if d.config.table() != itemTable {
		return nil, nil
	}
	rows, err := d.each(ctx, op, listing{table: d.config.taskTable(), whole: true, fields: []string{"state"}}, "request_item", ids)
	out := map[string][]row{}
	for _, r := range rows {
		out[r.get("request_item")] = append(out[r.get("request_item")], r)
	}
	return out, err
}

// ref is where a ticket is.
func (d *driver) ref(id, key string) desk.Ref {
	return desk.Ref{
		ID: access.TicketID(id), Key: access.TicketKey(key), URL: d.site + "/" + d.config.table() + ".do?sys_id=" + id,
	}
}
