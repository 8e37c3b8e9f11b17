package jira

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// transition is a way out of an issue's present status, with the fields of its screen by id.
type transition struct {
	ID     string           `json:"id"`
	Name   string           `json:"name"`
	To     status           `json:"to"`
	Fields map[string]field `json:"fields"`
}

// Transitions implements desk.Driver. Without a resolution on its screen a way can close an issue as done only.
func (d *driver) Transitions(ctx context.Context, op string, t desk.Ticket) ([]desk.Transition, error) {
	var list struct {
		Transitions []transition `json:"transitions"`
	}
	if err := d.get(ctx, op, issuePath(t.ID, "/transitions?expand=transitions.fields"), &list); err != nil {
		return nil, err
	}
	if err := listed(op, "transitions", list.Transitions); err != nil {
		return nil, err
	}
	ways := make([]desk.Transition, len(list.Transitions))
	for n, way := range list.Transitions {
		ways[n] = desk.Transition{ID: way.ID, Name: way.Name, To: way.To.of(), Native: way}
		if _, resolves := way.Fields["resolution"]; !resolves {
			ways[n].DoneOnly = "has no resolution on its screen"
		}
	}
	return ways, nil
}

// Transition implements desk.Driver. It sets the resolution and the closing fields that the way's screen has.
//
// Transient too: another change of the same issue is running (409).
func (d *driver) Transition(ctx context.Context, op string, m desk.Move) (bool, error) {
	way, _ := m.Way.Native.(transition)
	values, err := d.closing(ctx, op, way, m.To)
	if err != nil {
		return false, err
	}
	body := map[string]any{"transition": map[string]string{"id": way.ID}}
	if len(values) > 0 {
		body["fields"] = values
	}
	err = d.write(ctx, op, rest.Call{Method: http.MethodPost, Path: issuePath(m.Ticket.ID, "/transitions"), Body: body})
	// Data Center answers 500 to a transition that is none any more.
	return access.IsKind(err, access.Invalid) || rest.StatusOf(err) == http.StatusInternalServerError, err
}

// closing is the values for a transition's screen. Invalid names every field that is demanded and has none.
func (d *driver) closing(ctx context.Context, op string, way transition, to access.TicketPhase) (map[string]any, error) {
	api, err := d.loadDialect(ctx, op)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for id, value := range d.config.ClosingFields[to] {
		f, onScreen := way.Fields[id]
		if !onScreen {
			continue
		}
		if text, isText := value.(string); isText {
			value = f.value(api, text)
		}
		values[id] = value
	}
	if f, onScreen := way.Fields["resolution"]; onScreen && to.Closed() && values["resolution"] == nil {
		name := d.config.resolution(to)
		if !f.allows(name) {
			return nil, access.Errorf(access.Invalid, op, "%s: transition %q knows no resolution %q; there are: %s",
				d.key("resolutions."+string(to)), way.Name, name, f.choices())
		}
		values["resolution"] = map[string]string{"name": name}
	}
	var missing []string
	for _, id := range slices.Sorted(maps.Keys(way.Fields)) {
		f := way.Fields[id]
		if f.Required && !f.HasDefaultValue && values[id] == nil {
			f.ID = id
			missing = append(missing, f.label())
		}
	}
	if len(missing) > 0 {
		return nil, access.Errorf(access.Invalid, op, "transition %q demands %s; %s gives no value",
			way.Name, strings.Join(missing, ", "), d.key("closing_fields."+string(to)))
	}
	return values, nil
}

// allows reports whether a field takes the choice of that name; a field that lists no choices leaves it to Jira.
func (f field) allows(name string) bool {
	return len(f.AllowedValues) == 0 || slices.ContainsFunc(f.AllowedValues, func(v named) bool {
		return strings.EqualFold(v.Name, name)
	})
}

func (f field) choices() string {
	texts := make([]string, len(f.AllowedValues))
	for n, v := range f.AllowedValues {
		texts[n] = v.Name + v.Value
	}
	return strings.Join(texts, ", ")
}
