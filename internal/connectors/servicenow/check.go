package servicenow

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// catalogItem is a catalog item with its variables.
type catalogItem struct {
	Name      string     `json:"name"`
	Variables []variable `json:"variables"`
}

type variable struct {
	Name      string `json:"name"`
	Label     string `json:"label"`
	Mandatory bool   `json:"mandatory"`
}

// canary is a marker that no ticket has. Rows that come for it show that ServiceNow ignores the condition.
const canary = "usher canary"

// Schema implements desk.Driver: the states, the fields of a new ticket, what closing demands, and whether the marker can be
// searched for.
func (d *driver) Schema(ctx context.Context, op string) (*desk.Schema, []access.Finding, error) {
	states, err := d.readStates(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	out := &desk.Schema{Fields: map[string]desk.Field{}}
	for _, v := range states.values {
		out.Statuses = append(out.Statuses, states.status(v))
	}
	read := d.columns
	if d.config.CatalogItem != "" {
		read = d.variables
	}
	findings, err := read(ctx, op, out)
	if err != nil {
		return nil, findings, err
	}
	if len(states.values) == 0 {
		findings = append(findings, d.finding("table", "table %q has no states in sys_choice, or usher's account may not read them there",
			states.table))
	}
	profile, err := d.compareClosing(ctx, op)
	if err == nil {
		_, err = d.searchMarker(ctx, op, desk.Search{Marker: canary, Limit: 1})
	}
	return out, append(findings, profile...), err
}

// columns are the fields of the table, as one of its records shows them: an account sees those that it may read. A table without
// records shows none, and then the configured ones are taken for there.
func (d *driver) columns(ctx context.Context, op string, s *desk.Schema) ([]access.Finding, error) {
	table := d.config.table()
	got, err := d.page(ctx, op, listing{table: table, limit: 1}, "")
	if rest.StatusOf(err) == http.StatusBadRequest || rest.StatusOf(err) == http.StatusForbidden {
		return []access.Finding{d.finding("table", "there is no table %q, or usher's account may not read it", table)},
			access.Errorf(access.NotFound, op, "table %s: %w", table, err)
	}
	known := map[string]value{"correlation_id": "", "contact_type": "", d.config.kindField(): ""}
	for id := range d.config.Fields {
		known[id] = ""
	}
	for id := range d.config.OpeningFields {
		known[id] = ""
	}
	if d.config.Intake != nil {
		for id := range d.config.Intake.Fields {
			known[id] = ""
		}
	}
	if len(got.rows) > 0 {
		known = got.rows[0]
	}
	for id := range known {
		s.Fields[id] = desk.Field{ID: id, Name: id, TakesText: true}
	}
	if _, there := known["correlation_id"]; !there {
		return []access.Finding{d.finding("table", "usher's account does not see the field correlation_id of the table %s, which carries the"+
			" marker", table)}, err
	}
	return nil, err
}

// item reads the catalog item that a key names. NotFound: there is none, which is the finding then.
func (d *driver) item(ctx context.Context, op, key, id string) (catalogItem, []access.Finding, error) {
	var item catalogItem
	_, err := d.get(ctx, op, itemPath+id, nil, &item)
	if access.IsKind(err, access.NotFound) || rest.StatusOf(err) == http.StatusBadRequest {
		return item, []access.Finding{d.finding(key, "there is no catalog item %q, or usher's account may not order it", id)},
			access.Errorf(access.NotFound, op, "catalog item: %w", err)
	}
	return item, nil, err
}

// variables are the fields of the catalog item.
func (d *driver) variables(ctx context.Context, op string, s *desk.Schema) ([]access.Finding, error) {
	item, findings, err := d.item(ctx, op, "catalog_item", d.config.CatalogItem)
	if len(findings) > 0 {
		return findings, err
	}
	for _, v := range item.Variables {
		s.Fields[v.Name] = desk.Field{
			ID: v.Name, Name: v.Label, Type: "variable", TakesText: true, Required: v.Mandatory, Provided: v.Name == d.config.MarkerVariable,
		}
	}
	if _, there := s.Fields[d.config.MarkerVariable]; !there && d.config.MarkerVariable != "" && err == nil {
		return []access.Finding{d.finding("marker_variable", "the catalog item %q has no variable %q; there are: %s",
			item.Name, d.config.MarkerVariable, s.Labels())}, nil
	}
	return nil, err
}

// compareClosing wants what ServiceNow demands when an incident is resolved, and close codes that the instance knows.
func (d *driver) compareClosing(ctx context.Context, op string) ([]access.Finding, error) {
	if d.config.table() != DefaultTable {
		return nil, nil
	}
	rows, err := d.choicesOf(ctx, op, "close_code")
	var known []string
	for _, r := range rows {
		known = append(known, r.get("value"))
	}
	var findings []access.Finding
	for _, field := range []string{"close_code", "close_notes"} {
		if value := d.config.ClosingFields[access.TicketDone][field]; value == nil || value == "" {
			findings = append(findings, d.finding("closing_fields.done."+field, "expected a value: ServiceNow demands one of a resolved incident"))
		}
	}
	for _, phase := range []access.TicketPhase{access.TicketDone, access.TicketWontDo} {
		code, set := d.config.ClosingFields[phase]["close_code"].(string)
		if set && len(known) > 0 && !slices.Contains(known, code) {
			findings = append(findings, d.finding("closing_fields."+string(phase)+".close_code", "the instance has no close code %q; there are: %s",
				code, strings.Join(known, ", ")))
		}
	}
	return findings, err
}

// Check implements desk.Driver: whether times are read as they are meant, whether the history can be read, and what intake and approvals
// need.
func (d *driver) Check(ctx context.Context, op string, s *desk.Schema) ([]access.Finding, error) {
	findings, err := d.checkIntake(ctx, op, s)
	if err != nil {
		return nil, err
	}
	approvals, err := d.checkApprovals(ctx, op)
	if err != nil {
		return nil, err
	}
	users, err := d.checkImportSet(ctx, op)
	if err != nil {
		return nil, err
	}
	findings = append(append(findings, approvals...), users...)
	err = d.readsUTC(ctx, op)
	if access.IsKind(err, access.Forbidden) {
		findings, err = append(findings, d.finding("user", "%v", err)), nil
	}
	if err != nil || d.config.History == HistoryLastUpdater {
		return findings, err
	}
	got, err := d.page(ctx, op, listing{
		table: auditTable, where: query{{"tablename", equal, d.config.table()}}, fields: []string{"sys_id"}, limit: 1,
	}, "")
	if rest.StatusOf(err) == http.StatusForbidden || (len(got.rows) == 0 && got.count > 0) {
		findings, err = append(findings, d.finding("history", "usher's account may not read %s; give it that right, or expected %s",
			auditTable, HistoryLastUpdater)), nil
	}
	return findings, err
}
