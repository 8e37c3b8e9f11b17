package jira

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/rest"
)

// transition is a way out of an issue's present status, with the fields of its screen by id.
type transition struct {
	ID     string           `json:"id"`
	Name   string           `json:"name"`
	To     status           `json:"to"`
	Fields map[string]field `json:"fields"`
}

// TransitionTicket implements access.TicketWriter. It takes the transition whose target status the configuration prefers for
// the phase, sets the resolution and the closing fields that its screen has, and never picks a transition by its name:
// names are the workflow's decoration.
//
// Transient too: another change of the same issue is running (409), or somebody moved the ticket in between.
func (d *Desk) TransitionTicket(ctx context.Context, id access.TicketID, to access.TicketPhase) error {
	const op = "move ticket"
	before, phase, err := d.stand(ctx, op, id)
	if err != nil || phase == to {
		return err
	}
	ways, err := d.transitions(ctx, op, id)
	if err != nil {
		return err
	}
	way, err := d.choose(op, before, ways, to)
	if err != nil {
		return err
	}
	values, err := d.closing(ctx, op, way, to)
	if err != nil {
		return err
	}
	path, _ := issuePath(id, "/transitions")
	body := map[string]any{"transition": map[string]string{"id": way.ID}}
	if len(values) > 0 {
		body["fields"] = values
	}
	err = d.write(ctx, op, rest.Call{Method: http.MethodPost, Path: path, Body: body})
	// Data Center answers 500 to a transition that is none any more.
	if !access.IsKind(err, access.Invalid) && rest.StatusOf(err) != http.StatusInternalServerError {
		return d.confirmNotFound(ctx, op, err)
	}
	return d.afterRefusal(ctx, op, before, to, err)
}

// stand is an issue and its phase.
func (d *Desk) stand(ctx context.Context, op string, id access.TicketID) (issue, access.TicketPhase, error) {
	i, err := d.readIssue(ctx, op, id)
	if err != nil {
		return i, "", err
	}
	if _, listed := d.config.listed(i.Fields.Status.Name); listed || i.Fields.Status.Category.Key != categoryIndeterminate {
		return i, d.phase(i, true), nil
	}
	// Only such a status reads differently on an issue that nobody moved.
	whole := []issue{i}
	if err := d.complete(ctx, op, whole); err != nil {
		return i, "", err
	}
	return i, d.phase(i, whole[0].lastMove() != nil), nil
}

func (d *Desk) transitions(ctx context.Context, op string, id access.TicketID) ([]transition, error) {
	var list struct {
		Transitions []transition `json:"transitions"`
	}
	path, _ := issuePath(id, "/transitions?expand=transitions.fields")
	err := d.get(ctx, op, path, &list)
	return list.Transitions, d.confirmNotFound(ctx, op, err)
}

// choose picks the way to a phase, or tells what there is instead.
func (d *Desk) choose(op string, from issue, ways []transition, to access.TicketPhase) (transition, error) {
	best, bestRank := transition{}, -1
	var there []string
	unresolved := ""
	for _, way := range ways {
		there = append(there, fmt.Sprintf("%q to %q", way.Name, way.To.Name))
		rank, leads := d.config.rank(way.To, to)
		if !leads {
			continue
		}
		_, resolves := way.Fields["resolution"]
		if listed, _ := d.config.listed(way.To.Name); to == access.TicketWontDo && listed != to && !resolves {
			// Without a resolution this would close the ticket as done.
			unresolved = fmt.Sprintf("; %q has no resolution on its screen, and %s does not list %q",
				way.Name, d.key("statuses.wont_do"), way.To.Name)
			continue
		}
		if bestRank < 0 || rank < bestRank {
			best, bestRank = way, rank
		}
	}
	if bestRank >= 0 {
		return best, nil
	}
	list := "none"
	if len(there) > 0 {
		list = strings.Join(there, ", ")
	}
	return best, access.Errorf(access.Conflict, op, "no transition leads from %q to a status of phase %s; there are: %s%s",
		from.Fields.Status.Name, to, list, unresolved)
}

// closing is the values for a transition's screen. Invalid names every field that is demanded and has none.
func (d *Desk) closing(ctx context.Context, op string, way transition, to access.TicketPhase) (map[string]any, error) {
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

// afterRefusal reports whether a refused transition was refused because the ticket is there already (the answer to an
// earlier try was lost) or because somebody else was faster.
func (d *Desk) afterRefusal(ctx context.Context, op string, before issue, to access.TicketPhase, refused error) error {
	after, phase, err := d.stand(ctx, op, access.TicketID(before.ID))
	switch {
	case err != nil:
		return err
	case phase == to:
		return nil
	case after.Fields.Status.ID != before.Fields.Status.ID:
		return access.Errorf(access.Transient, op, "somebody moved the ticket in between, to %q: %w", after.Fields.Status.Name, refused)
	}
	return refused
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
