package jira

import (
	"context"
	"encoding/json"
	"slices"

	"usher/internal/access"
)

// stampKey is the key of the issue property and of the comment property that carry a marker.
const stampKey = "usher"

// stamp is the value of such a property on Cloud.
type stamp struct {
	Marker access.Marker `json:"marker"`
	// Also are the markers of further texts in the same comment.
	Also []access.Marker `json:"also,omitempty"`
}

// keptProperty is a property as Jira shows it.
type keptProperty struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// isStamp reports whether a property's value carries the marker, in either edition's form.
func isStamp(value json.RawMessage, marker access.Marker) bool {
	var s stamp
	if json.Unmarshal(value, &s) == nil && (s.Marker == marker || slices.Contains(s.Also, marker)) {
		return true
	}
	var plain access.Marker
	return json.Unmarshal(value, &plain) == nil && plain == marker
}

// maxPages bounds every walk over pages, against a server that never comes to an end.
const maxPages = 100

// found is an issue as the search shows it.
type found struct {
	ID         string                     `json:"id"`
	Key        string                     `json:"key"`
	Fields     map[string]json.RawMessage `json:"fields"`
	Properties map[string]json.RawMessage `json:"properties"`
}

// FindTicket implements access.TicketOpener. It searches the configured project by JQL, which sees a new ticket only
// after seconds. Only tickets count that usher's own account created: anybody who may edit an issue can label it. Of several
// the one with the lowest id wins, and those with the issue property are preferred: a copy of an issue inherits its labels,
// not its properties.
//
// The search promises no end of its page tokens, so a token that comes back ends the walk.
func (d *Desk) FindTicket(ctx context.Context, marker access.Marker) (access.TicketRef, error) {
	const op = "find ticket"
	me, err := d.me(ctx, op)
	if err != nil {
		return access.TicketRef{}, err
	}
	var carriers []found
	seen := map[string]bool{}
	for page := ""; !seen[page] && len(seen) < maxPages; {
		seen[page] = true
		got, err := search[found](ctx, d, op, d.findQuery(marker, page))
		if err != nil {
			return access.TicketRef{}, err
		}
		for _, hit := range got.list {
			if d.carries(hit, marker) && hit.createdBy(me) {
				carriers = append(carriers, hit)
			}
		}
		if got.next == "" {
			break
		}
		page = got.next
	}
	if len(carriers) == 0 {
		if _, bad := d.proven(ctx, op, proofLasts); bad != nil {
			return access.TicketRef{}, bad
		}
		return access.TicketRef{}, access.Errorf(access.NotFound, op, "the search sees no ticket that carries %q", marker)
	}
	if len(carriers) > 1 {
		if err := d.readStamps(ctx, op, carriers); err != nil {
			return access.TicketRef{}, err
		}
	}
	best := carriers[0]
	for _, hit := range carriers[1:] {
		if better(hit, best, marker) {
			best = hit
		}
	}
	return d.ref(best.ID, best.Key), nil
}

func (d *Desk) findQuery(marker access.Marker, page string) query {
	fields := []string{"labels", "creator"}
	if d.config.MarkerField != "" {
		fields = append(fields, d.config.MarkerField)
	}
	return query{jql: d.config.withMarker(marker), fields: fields, page: page, limit: manyTickets, stamps: true}
}

// maxStamps is how many issues with one marker are looked at one by one: more are a mass copy, of which the oldest is as
// good a guess as any.
const maxStamps = 20

// readStamps reads the issue properties one by one where the search does not show them. An issue without one stays so.
func (d *Desk) readStamps(ctx context.Context, op string, hits []found) error {
	api, err := d.loadDialect(ctx, op)
	if err != nil || api.showsStamps() {
		return err
	}
	slices.SortFunc(hits, func(a, b found) int {
		if lower(a.ID, b.ID) {
			return -1
		}
		return 1
	})
	for n := range hits[:min(len(hits), maxStamps)] {
		var p keptProperty
		err := d.get(ctx, op, "issue/"+hits[n].ID+"/properties/"+stampKey, &p)
		switch {
		case access.IsKind(err, access.NotFound):
		case err != nil:
			return err
		default:
			hits[n].Properties = map[string]json.RawMessage{stampKey: p.Value}
		}
	}
	return nil
}

// createdBy reports whether an account created the issue.
func (f found) createdBy(account access.AccountID) bool {
	var creator user
	return json.Unmarshal(f.Fields["creator"], &creator) == nil && creator.id() != "" && creator.id() == account
}

// carries reports whether the issue really carries the marker: JQL compares without regard to case.
func (d *Desk) carries(hit found, marker access.Marker) bool {
	if stamped(hit.Properties, marker) {
		return true
	}
	if d.config.useLabel() {
		var labels []access.Marker
		if json.Unmarshal(hit.Fields["labels"], &labels) == nil {
			for _, label := range labels {
				if label == marker {
					return true
				}
			}
		}
		return false
	}
	var value access.Marker
	return json.Unmarshal(hit.Fields[d.config.MarkerField], &value) == nil && value == marker
}

func stamped(properties map[string]json.RawMessage, marker access.Marker) bool {
	return isStamp(properties[stampKey], marker)
}

func better(a, b found, marker access.Marker) bool {
	if stamped(a.Properties, marker) != stamped(b.Properties, marker) {
		return stamped(a.Properties, marker)
	}
	return lower(a.ID, b.ID)
}

// lower compares two ids, which are numbers without leading zeros of any length.
func lower(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
