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

const auditTable = "sys_audit"

// systemUser is the account as which flows close requested items when their tasks are closed.
const systemUser = "system"

// History implements desk.Driver. What is known of tickets that rest is not asked again.
func (d *driver) History(
	ctx context.Context, op string, tickets []desk.Ticket, fields []string,
) (map[access.TicketID][]desk.Change, error) {
	out := map[access.TicketID][]desk.Change{}
	var unknown []desk.Ticket
	for _, t := range tickets {
		if changes, known := d.histories.get(t); known {
			out[t.ID] = changes
			continue
		}
		unknown = append(unknown, t)
	}
	if len(unknown) == 0 {
		return out, nil
	}
	read, err := d.readHistory(ctx, op, unknown, fields)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for _, t := range unknown {
		out[t.ID] = read[t.ID]
		d.histories.put(t, read[t.ID], now)
	}
	return out, nil
}

// readHistory reads sys_audit: all tickets at once. The closing of a requested item is that of its tasks, unless
// a person closed the item itself. Of a variable only the last change is known.
func (d *driver) readHistory(
	ctx context.Context, op string, tickets []desk.Ticket, fields []string,
) (map[access.TicketID][]desk.Change, error) {
	var ids []string
	status := map[string]desk.Status{}
	for _, t := range tickets {
		ids = append(ids, string(t.ID))
		status[string(t.ID)] = t.Status
	}
	states, err := d.loadStates(ctx, op)
	if err != nil {
		return nil, err
	}
	tasks, err := d.tasksOf(ctx, op, ids...)
	if err != nil {
		return nil, err
	}
	itemOf := map[string]string{}
	for item, list := range tasks {
		for _, t := range list {
			itemOf[t.get("sys_id")] = item
		}
	}
	rows, err := d.audits(ctx, op, slices.Concat(ids, slices.Collect(maps.Keys(itemOf))), fields)
	if err != nil {
		return nil, err
	}
	out := map[access.TicketID][]desk.Change{}
	for _, r := range rows {
		id := r.get("documentkey")
		item, isTask := itemOf[id]
		if change, is := states.change(r, status[id], isTask); is {
			id := access.TicketID(cmp.Or(item, id))
			out[id] = append(out[id], change)
		}
	}
	if err := d.addVariables(ctx, op, ids, out); err != nil {
		return nil, err
	}
	return out, d.nameAll(ctx, op, out)
}

// audits are the changes of fields of records, the oldest first.
func (d *driver) audits(ctx context.Context, op string, records, fields []string) ([]row, error) {
	if d.config.table() == itemTable {
		fields = append(slices.Clone(fields), "approval", "stage")
	}
	rows, err := d.each(ctx, op, listing{
		table: auditTable, whole: true, where: query{{"fieldname", in, strings.Join(fields, ",")}},
		fields: []string{"user", "oldvalue", "newvalue", "sys_created_on", "record_checkpoint"},
	}, "documentkey", records)
	if access.IsKind(err, access.Forbidden) {
		err = access.Errorf(access.Forbidden, op, "%s: usher's account may not read %s; give it that right, or expected %s: %w",
			d.key("history"), auditTable, HistoryLastUpdater, err)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(a.at("sys_created_on").Compare(b.at("sys_created_on")),
			cmp.Compare(number(a.get("record_checkpoint")), number(b.get("record_checkpoint"))))
	})
	return rows, err
}

// change is what a change of a ticket, or of a task of one, means for the ticket; false for nothing. now is where the ticket stands.
// The first state of a record is no change. Of a task only the state counts.
func (c *choices) change(r row, now desk.Status, ofTask bool) (desk.Change, bool) {
	field, to := r.get("fieldname"), r.get("newvalue")
	out := desk.Change{ID: r.get("record_checkpoint"), At: r.at("sys_created_on"), By: access.AccountID(r.get("user"))}
	item := desk.Item{ID: field, To: to}
	switch {
	case field == "state" && r.get("oldvalue") == "", ofTask && field != "state":
		return out, false
	case ofTask:
		out.ID, item.To = "", byTask+to
	case field == "approval" || field == "stage":
		item = desk.Item{ID: "state", To: field + " " + to}
	case field == "state":
		item.ToName = c.status(to).Name
		if strings.HasPrefix(now.ID, byTask) && phaseOf(c.table, to).Closed() && (r.get("user") != systemUser || !now.Phase.Closed()) {
			item.To = now.ID
		}
	}
	out.Items = []desk.Item{item}
	return out, true
}

// addVariables adds the changes of variables of requested items. Within a second their numbers tell them apart.
func (d *driver) addVariables(ctx context.Context, op string, items []string, all map[access.TicketID][]desk.Change) error {
	if d.config.table() != itemTable || (len(d.config.Fields) == 0 && d.config.Intake == nil) {
		return nil
	}
	rows, err := d.each(ctx, op, listing{
		table: optionTable, whole: true, fields: []string{optionName, optionUpdated, optionUpdater, optionModCount},
	}, "request_item", items)
	for _, r := range rows {
		if id := access.TicketID(r.get("request_item")); r.get(optionModCount) != "0" {
			all[id] = append(all[id], desk.Change{
				At: numbered(r.at(optionUpdated), r.get(optionModCount)), By: access.AccountID(r.get(optionUpdater)), Items: []desk.Item{{ID: r.get(optionName)}},
			})
		}
	}
	return err
}
