package servicenow

import (
	"context"
	"errors"
	"maps"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// Transitions implements desk.Driver. ServiceNow does not say which states a ticket can go to, so these are all others; rules of
// the instance may refuse one.
func (d *driver) Transitions(ctx context.Context, op string, t desk.Ticket) ([]desk.Transition, error) {
	states, err := d.loadStates(ctx, op)
	if err != nil {
		return nil, err
	}
	var ways []desk.Transition
	for _, value := range states.values {
		if value != t.Status.ID && t.Status.ID != rejected {
			to := states.status(value)
			ways = append(ways, desk.Transition{ID: value, Name: "set " + to.Name, To: to, DoneOnly: "closes as done"})
		}
	}
	return ways, nil
}

// Transition implements desk.Driver. A requested item that is closed has its open tasks closed before: then its flow closes it.
//
// Invalid: a field that is mandatory has no value, and the text names it. Conflict: a rule of the instance refuses the state.
func (d *driver) Transition(ctx context.Context, op string, m desk.Move) (bool, error) {
	body := map[string]any{}
	maps.Copy(body, d.config.ClosingFields[m.To])
	if d.config.table() == itemTable && m.To.Closed() {
		if err := d.closeTasks(ctx, op, m, body); err != nil {
			return refusedBy(err)
		}
	}
	body["state"] = m.Way.To.ID
	after, err := d.patch(ctx, op, d.config.table(), string(m.Ticket.ID), body)
	if err != nil {
		return refusedBy(err)
	}
	if after.get("state") != m.Way.To.ID {
		return true, access.Errorf(access.Conflict, op, "a rule of the instance did not let the state become %q", m.Way.To.Name)
	}
	return false, nil
}

// closeTasks closes the tasks of a requested item that are open.
func (d *driver) closeTasks(ctx context.Context, op string, m desk.Move, fields map[string]any) error {
	tasks, err := d.tasksOf(ctx, op, string(m.Ticket.ID))
	if err != nil {
		return err
	}
	state := "3"
	if m.To == access.TicketWontDo {
		state = "4"
	}
	for _, t := range tasks[string(m.Ticket.ID)] {
		if phaseOf(DefaultTaskTable, t.get("state")).Closed() {
			continue
		}
		body := map[string]any{"state": state}
		if notes, there := fields["close_notes"]; there {
			body["close_notes"] = notes
		}
		if _, err := d.patch(ctx, op, d.config.taskTable(), t.get("sys_id"), body); err != nil {
			return err
		}
	}
	return nil
}

// refusedBy reports whether ServiceNow itself refused a change, and what that means.
func refusedBy(err error) (bool, error) {
	var e *access.Error
	if errors.As(err, &e) && strings.Contains(err.Error(), byRule) {
		e.Kind = access.Conflict
	}
	return access.IsKind(err, access.Invalid) || access.IsKind(err, access.Conflict), err
}
