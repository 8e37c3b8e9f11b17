package desk

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"usher/internal/access"
)

// Inspect implements access.Inspector: the calls of Check, and no other.
func (d *Desk) Inspect(ctx context.Context) (access.DeskView, []access.Finding, error) {
	const op = "inspect desk"
	view := access.DeskView{Place: d.traits.Place}
	self, err := d.checkCredentials(ctx, op)
	if err != nil {
		return view, nil, err
	}
	view.Account = self.Account
	if !self.Clock.IsZero() {
		ahead := int(self.Clock.Sub(d.traits.Now()).Round(time.Second) / time.Second)
		view.ClockAhead = &ahead
	}
	s, findings, err := d.compare(ctx, op)
	if err != nil || s == nil {
		return view, findings, err
	}
	view.Statuses, view.Fields = d.statusViews(s), d.fieldViews(s)
	if len(findings) > 0 {
		return view, findings, nil
	}
	findings, err = d.driver.Check(ctx, op, s)
	return view, findings, err
}

// statusViews are the statuses of a desk, and what each means to usher.
func (d *Desk) statusViews(s *Schema) []access.DeskStatus {
	var views []access.DeskStatus
	for _, status := range s.Statuses {
		phase, listed := d.config.listed(status)
		views = append(views, access.DeskStatus{
			ID: status.ID, Name: status.Name, Configured: listed, Phase: cmp.Or(phase, status.Phase, access.TicketOther),
		})
	}
	return views
}

// fieldViews are the fields of a new ticket, by id.
func (d *Desk) fieldViews(s *Schema) []access.DeskField {
	var views []access.DeskField
	for _, id := range slices.Sorted(maps.Keys(s.Fields)) {
		f := s.Fields[id]
		_, fixed := d.config.OpeningFields[id]
		views = append(views, access.DeskField{ID: id, Name: f.Name, Type: f.Type, Required: f.Required, Value: d.config.Fields[id], Fixed: fixed})
	}
	return views
}
