package servicenow

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// Create implements desk.Driver.
func (d *driver) Create(ctx context.Context, op string, draft desk.Draft) (desk.Ref, desk.Refused, error) {
	if err := d.gates.Check(op, time.Now(), desk.Creating); err != nil {
		return desk.Ref{}, desk.Refused{}, err
	}
	reporter, err := d.reference(ctx, op, draft.Reporter)
	if err != nil {
		return desk.Ref{}, desk.Refused{}, err
	}
	assignee, err := d.reference(ctx, op, draft.Assignee)
	if err != nil {
		return desk.Ref{}, desk.Refused{}, err
	}
	refused := desk.Refused{Reporter: draft.Reporter != "" && reporter == "", Assignee: draft.Assignee != "" && assignee == ""}
	if refused.Reporter || refused.Assignee {
		return desk.Ref{}, refused, access.Errorf(access.Invalid, op, "an account of the ticket does not exist or is not active")
	}
	create := d.insert
	if d.config.CatalogItem != "" {
		create = d.order
	}
	ref, err := create(ctx, op, draft, reporter, assignee)
	if access.IsKind(err, access.NotFound) {
		// There is no ticket yet that could be missing.
		err = access.Errorf(access.Invalid, op, "%s: %w", d.key("base_url"), err)
	}
	return ref, desk.Refused{}, err
}

// insert writes a new record of the table. ServiceNow ignores what the account may not write, without a word, so the marker is
// read back. Forbidden: the ticket is there, but without its marker.
func (d *driver) insert(ctx context.Context, op string, draft desk.Draft, reporter, assignee string) (desk.Ref, error) {
	body := d.texts(draft, assignee)
	maps.Copy(body, draft.Fixed)
	body["correlation_id"], body["correlation_display"] = string(draft.Marker), markedBy
	for id, text := range draft.Fields {
		body[id] = desk.Tidy(text)
	}
	if reporter != "" && d.config.table() == DefaultTable {
		body["caller_id"] = reporter
	}
	var made row
	_, err := d.call(ctx, rest.Call{
		Op: op, Mode: rest.Create, Method: http.MethodPost, Path: tablePath(d.config.table()),
		Query: plain("sys_id", "number", "correlation_id"), Body: body,
	}, &made)
	switch {
	case err != nil:
		return desk.Ref{}, err
	case !sysID.MatchString(made.get("sys_id")):
		return desk.Ref{}, access.Errorf(access.Unknown, op, "the answer names no ticket")
	case made.get("correlation_id") != string(draft.Marker):
		return desk.Ref{}, d.gates.Unkept(op, desk.Creating, "%s: ticket %s was created without its marker: usher's account must be able"+
			" to write and to read correlation_id of the table %s; delete the ticket", d.key("table"), made.get("number"), d.config.table())
	}
	return d.ref(made.get("sys_id"), made.get("number")), nil
}

// texts are what people read of a ticket, and whom it is assigned to.
func (d *driver) texts(draft desk.Draft, assignee string) map[string]any {
	body := map[string]any{
		"short_description": draft.Summary, "description": d.Traits().Unit.Shorten(desk.Tidy(draft.Body), textLimit),
	}
	if assignee != "" {
		body["assigned_to"] = assignee
	}
	return body
}

// order orders the catalog item. The answer names the request only, so the requested item in it is looked for; its texts cannot
// be ordered, and are written afterwards. From the order on a failure is Unknown: the marker, in a variable, finds the item.
func (d *driver) order(ctx context.Context, op string, draft desk.Draft, reporter, assignee string) (desk.Ref, error) {
	variables := map[string]any{}
	maps.Copy(variables, draft.Fixed)
	for id, text := range draft.Fields {
		variables[id] = desk.Tidy(text)
	}
	write := d.texts(draft, assignee)
	if d.config.MarkerVariable != "" {
		variables[d.config.MarkerVariable] = string(draft.Marker)
	} else {
		write["correlation_id"] = string(draft.Marker)
	}
	body := map[string]any{"sysparm_quantity": 1, "variables": variables}
	if reporter != "" {
		body["sysparm_requested_for"] = reporter
	}
	var made row
	_, err := d.call(ctx, rest.Call{
		Op: op, Mode: rest.Create, Method: http.MethodPost, Path: itemPath + d.config.CatalogItem + "/order_now", Body: body,
	}, &made)
	switch {
	case err != nil:
		return desk.Ref{}, err
	case !sysID.MatchString(made.get("request_id")):
		return desk.Ref{}, access.Errorf(access.Unknown, op, "the answer names no request")
	}
	found, _, err := d.all(ctx, op, listing{
		table: itemTable, fields: []string{"number"},
		where: query{{"request", equal, made.get("request_id")}, {"cat_item", equal, d.config.CatalogItem}},
	})
	if err == nil && len(found) == 0 {
		err = errors.New("it has none yet")
	}
	if err == nil {
		_, err = d.patch(ctx, op, itemTable, found[0].get("sys_id"), write)
	}
	if err != nil {
		return desk.Ref{}, access.Errorf(access.Unknown, op, "%s is ordered, and its item is not written: %w", made.get("number"), err)
	}
	return d.ref(found[0].get("sys_id"), found[0].get("number")), nil
}

// itemPath is the address of the catalog's items.
const itemPath = "api/sn_sc/servicecatalog/items/"
