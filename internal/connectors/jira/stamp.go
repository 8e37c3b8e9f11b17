package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"usher/internal/access"
	"usher/internal/rest"
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

// stampsIn are the markers that a property's value carries, in either edition's form.
func stampsIn(value json.RawMessage) []access.Marker {
	var s stamp
	var plain access.Marker
	switch {
	case json.Unmarshal(value, &s) == nil:
		s.Also = append(s.Also, s.Marker)
	case json.Unmarshal(value, &plain) == nil:
		s.Also = []access.Marker{plain}
	}
	return slices.DeleteFunc(s.Also, func(m access.Marker) bool { return m == "" })
}

// Original implements desk.OriginalReader: by the issue property, which a copy of an issue does not inherit. Where searches
// show properties there is nothing to ask.
func (d *driver) Original(ctx context.Context, op string, id access.TicketID, marker access.Marker) (bool, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil || api.showsStamps() {
		return false, err
	}
	var p keptProperty
	err = d.get(ctx, op, issuePath(id, "/properties/"+stampKey), &p)
	if access.IsKind(err, access.NotFound) {
		return false, nil
	}
	return err == nil && slices.Contains(stampsIn(p.Value), marker), err
}

// stampLater sets the issue property after the create. The ticket exists whatever comes of it, and its label or marker
// field finds it; the property only tells it from its copies.
func (d *driver) stampLater(ctx context.Context, op string, id access.TicketID, value any) {
	if !isNumber(string(id)) {
		return
	}
	_ = d.write(ctx, op, rest.Call{Method: http.MethodPut, Path: issuePath(id, "/properties/"+stampKey), Body: value})
}
