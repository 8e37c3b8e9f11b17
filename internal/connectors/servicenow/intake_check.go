package servicenow

import (
	"context"
	"maps"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// kindField is the column that Intake.Kind is a value of.
func (c Config) kindField() string {
	if c.CatalogItem != "" {
		return "cat_item"
	}
	return "category"
}

// validateIntake wants what desk.Config cannot know of.
func (c Config) validateIntake(problem func(key, format string, args ...any)) {
	in := c.Intake
	if in == nil {
		return
	}
	c.validateKind(problem)
	if c.History == HistoryLastUpdater {
		problem("history", "expected %s beside intake: who changed what a ticket asks for is not known otherwise", HistoryAudit)
	}
	own := []string{"correlation_id", "correlation_display", "state", "assigned_to", "contact_type", "comments", "work_notes"}
	if c.CatalogItem != "" {
		own = []string{c.MarkerVariable, "state", "assigned_to"}
	}
	for _, name := range slices.Sorted(maps.Keys(in.Fields)) {
		if slices.Contains(own, name) || !writable(name) {
			problem("intake.fields."+name, "usher or ServiceNow itself uses this name; expected another field")
		}
	}
	if slices.ContainsFunc(in.Channels, func(way string) bool { return way == byLogin || way == unknownWay || strings.TrimSpace(way) == "" }) {
		problem("intake.channels", "expected values of contact_type, such as email; %s is always taken, and none at all never is", byLogin)
	}
}

func (c Config) validateKind(problem func(key, format string, args ...any)) {
	switch in := c.Intake; {
	case c.CatalogItem != "" && !sysID.MatchString(in.Kind):
		problem("intake.kind", "expected the sys_id of the catalog item that people order: 32 characters of 0-9 and a-f")
	case c.CatalogItem != "" && in.Kind == c.CatalogItem:
		problem("intake.kind", "expected another catalog item than catalog_item, which usher orders itself")
	case in.Kind != "" && !writable(in.Kind):
		problem("intake.kind", "expected a value of the column category, without commas and without ^")
	}
}

// checkIntake wants the kind of tickets by which people ask, the fields that hold what is asked for, and creators that are true.
func (d *driver) checkIntake(ctx context.Context, op string, s *desk.Schema) ([]access.Finding, error) {
	if d.config.Intake == nil {
		return nil, nil
	}
	check := d.checkCategory
	if d.config.CatalogItem != "" {
		check = d.checkItem
	}
	findings, err := check(ctx, op, s)
	if err != nil {
		return nil, err
	}
	switch err := d.accountsAreTrue(ctx, op, "intake"); {
	case access.IsKind(err, access.Forbidden):
		findings = append(findings, d.finding("intake", "%s", forgeable))
	case err != nil:
		return nil, err
	}
	err = d.searchesAll(ctx, op)
	if access.IsKind(err, access.Forbidden) {
		findings, err = append(findings, d.finding("intake", "%v", err)), nil
	}
	return findings, err
}

// checkCategory is about tickets that are records of the table.
func (d *driver) checkCategory(ctx context.Context, op string, s *desk.Schema) ([]access.Finding, error) {
	in := d.config.Intake
	findings := d.lacks(s, "the table "+d.config.table())
	for _, field := range []string{d.config.kindField(), "contact_type"} {
		if _, there := s.Fields[field]; !there {
			findings = append(findings, d.finding("intake", "usher's account does not see the field %s of the table %s", field, d.config.table()))
		}
	}
	rows, err := d.choicesOf(ctx, op, d.config.kindField())
	var known []string
	for _, r := range rows {
		known = append(known, r.get("value"))
	}
	same := func(one string) bool { return strings.EqualFold(one, in.Kind) }
	if len(known) > 0 && !slices.ContainsFunc(known, same) {
		findings = append(findings, d.finding("intake.kind", "the instance has no category %q; there are: %s", in.Kind, strings.Join(known, ", ")))
	}
	return findings, err
}

// checkItem is about tickets that are orders of an item.
func (d *driver) checkItem(ctx context.Context, op string, _ *desk.Schema) ([]access.Finding, error) {
	item, findings, err := d.item(ctx, op, "intake.kind", d.config.Intake.Kind)
	if err != nil {
		if len(findings) > 0 {
			err = nil
		}
		return findings, err
	}
	s := &desk.Schema{Fields: map[string]desk.Field{}}
	for _, v := range item.Variables {
		s.Fields[v.Name] = desk.Field{ID: v.Name, Name: v.Label}
	}
	return d.lacks(s, "the catalog item "+item.Name), nil
}

// lacks are the fields of the intake that are not there.
func (d *driver) lacks(s *desk.Schema, where string) []access.Finding {
	var findings []access.Finding
	for _, field := range slices.Sorted(maps.Keys(d.config.Intake.Fields)) {
		if _, there := s.Fields[field]; !there {
			findings = append(findings, d.finding("intake.fields."+field, "%s has no field of that name that usher's account sees; there are: %s", where, s.Labels()))
		}
	}
	return findings
}

// searchesAll makes sure, once after each marking and asking, that ServiceNow ignores none of the two conditions of which one must hold: a
// row of the one does not show that the other was left out.
func (d *driver) searchesAll(ctx context.Context, op string) error {
	marked := d.marked.Load() + 1
	if d.searched.Load() == marked {
		return nil
	}
	both := func(table, prefix string) []listing {
		return []listing{
			{table: table, where: query{{prefix + "sys_created_by", equal, canary}}, fields: []string{"sys_id"}, limit: 1},
			{table: table, where: query{{prefix + "correlation_id", begins, canary}}, fields: []string{"sys_id"}, limit: 1},
		}
	}
	looks := both(d.config.table(), "")
	if d.config.Approvals {
		looks = append(looks, both(approvalTable, "sysapproval.")...)
	}
	for _, l := range looks {
		if _, err := d.page(ctx, op, l, ""); err != nil {
			return err
		}
	}
	// What was marked meanwhile is not proved by this.
	d.searched.Store(marked)
	return nil
}

// The property that decides who may write by the Table API who has created and changed a record: administrators only, or everybody.
const (
	propertyTable = "sys_properties"
	trueAccounts  = "glide.rest.table_api.admin_only_sys_fields"
	forgeable     = "expected the system property " + trueAccounts + " to be true, and usher's account to be able to read it: else whoever may" +
		" write a record can write another account into it as the one that has created or changed it"
)

// accountsAreTrue makes sure that nobody but an administrator can write another account into a record as the one that has created or changed
// it. Forbidden: they can, or ServiceNow does not say. The key is that of what relies on it.
func (d *driver) accountsAreTrue(ctx context.Context, op, key string) error {
	rows, _, err := d.all(ctx, op, listing{table: propertyTable, fields: []string{"value"}, where: query{{"name", equal, trueAccounts}}})
	if err == nil && len(rows) == 1 && rows[0].get("value") == "true" {
		return nil
	}
	if err == nil || access.IsKind(err, access.Forbidden) {
		err = access.Errorf(access.Forbidden, op, "%s: %s", d.key(key), forgeable)
	}
	return err
}
