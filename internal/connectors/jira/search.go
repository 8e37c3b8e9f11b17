package jira

import (
	"context"
	"encoding/json"
	"slices"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// Search implements desk.Driver, by JQL. For a marker it looks in the configured project, and sees a new ticket only after
// seconds; for changes it looks for the common label.
func (d *driver) Search(ctx context.Context, op string, s desk.Search) (desk.Page, error) {
	if s.Marker != "" {
		return d.searchMarker(ctx, op, s)
	}
	ask := query{jql: d.config.changedSince(s.Since), fields: ticketFields(), page: s.Page, limit: s.Limit, history: true}
	if s.Light {
		ask.fields, ask.history = []string{"updated"}, false
	}
	got, err := search[issue](ctx, d, op, ask)
	if err != nil {
		return desk.Page{}, err
	}
	tickets, err := d.tickets(ctx, op, got.list)
	return desk.Page{Tickets: tickets, Next: got.next, Now: got.answer.Clock()}, err
}

// found is an issue as the search for a marker shows it.
type found struct {
	ID         string                     `json:"id"`
	Key        string                     `json:"key"`
	Fields     map[string]json.RawMessage `json:"fields"`
	Properties map[string]json.RawMessage `json:"properties"`
}

func (d *driver) searchMarker(ctx context.Context, op string, s desk.Search) (desk.Page, error) {
	fields := []string{"labels", "creator"}
	if d.config.MarkerField != "" {
		fields = append(fields, d.config.MarkerField)
	}
	got, err := search[found](ctx, d, op, query{
		jql: d.config.withMarker(s.Marker), fields: fields, page: s.Page, limit: s.Limit, stamps: true,
	})
	if err != nil {
		return desk.Page{}, err
	}
	page := desk.Page{Next: got.next, Now: got.answer.Clock()}
	for _, hit := range got.list {
		stamps := stampsIn(hit.Properties[stampKey])
		page.Tickets = append(page.Tickets, desk.Ticket{
			Ref: d.ref(hit.ID, hit.Key), Creator: hit.creator(),
			Markers: append(d.markersOf(hit), stamps...), Original: slices.Contains(stamps, s.Marker),
		})
	}
	return page, nil
}

// creator is the account that created the issue.
func (f found) creator() access.AccountID {
	var creator user
	if json.Unmarshal(f.Fields["creator"], &creator) != nil {
		return ""
	}
	return creator.id()
}

// markersOf are what the issue has where a search finds it.
func (d *driver) markersOf(hit found) []access.Marker {
	if d.config.useLabel() {
		var labels []access.Marker
		if json.Unmarshal(hit.Fields["labels"], &labels) != nil {
			return nil
		}
		return labels
	}
	var value access.Marker
	if json.Unmarshal(hit.Fields[d.config.MarkerField], &value) != nil || value == "" {
		return nil
	}
	return []access.Marker{value}
}
