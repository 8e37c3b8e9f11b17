package servicenow

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// choices are the states of a table, in their order, and what people call them.
type choices struct {
	table  string
	values []string
	labels map[string]string
}

// loadStates returns the states of the table, as they were when they were read first.
func (d *driver) loadStates(ctx context.Context, op string) (*choices, error) {
	if known := d.states.Load(); known != nil {
		return known, nil
	}
	return d.readStates(ctx, op)
}

func (d *driver) readStates(ctx context.Context, op string) (*choices, error) {
	c := &choices{table: d.config.table(), labels: map[string]string{}}
	rows, err := d.choicesOf(ctx, op, "state")
	for _, r := range rows {
		c.values = append(c.values, r.get("value"))
		c.labels[r.get("value")] = r.get("label")
	}
	if err == nil && len(rows) > 0 {
		d.states.Store(c)
	}
	return c, err
}

// choicesOf reads the choices of a field of the table, or those that it has from the table task, in their order.
func (d *driver) choicesOf(ctx context.Context, op, field string) ([]row, error) {
	table := d.config.table()
	rows, err := d.each(ctx, op, listing{
		table:  "sys_choice",
		where:  query{{"element", equal, field}, {"language", equal, "en"}, {"inactive", equal, "false"}},
		fields: []string{"value", "label", "sequence"},
	}, "name", []string{table, "task"})
	own := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.get("name") != table })
	if len(own) == 0 {
		own = rows
	}
	slices.SortStableFunc(own, func(a, b row) int { return cmp.Compare(number(a.get("sequence")), number(b.get("sequence"))) })
	return own, err
}

func number(text string) int {
	n, _ := strconv.Atoi(text) // What is no number is 0.
	return n
}

// status is a state in the desk's words.
func (c *choices) status(state string) desk.Status {
	return desk.Status{ID: state, Name: cmp.Or(c.labels[state], state), Phase: phaseOf(c.table, state)}
}

// phaseOf goes by the values of ServiceNow's own states, which the tables for tasks share, and of which incident has its own.
func phaseOf(table, state string) access.TicketPhase {
	const waiting, working, done, wontDo = access.TicketWaiting, access.TicketWorking, access.TicketDone, access.TicketWontDo
	phases := map[string]access.TicketPhase{"-5": waiting, "1": waiting, "2": working, "3": done, "4": wontDo, "7": wontDo}
	if table == DefaultTable {
		phases = map[string]access.TicketPhase{"1": waiting, "2": working, "3": working, "6": done, "7": done, "8": wontDo}
	}
	return cmp.Or(phases[state], access.TicketOther)
}

// Where the status of a requested item comes from, if not from its own state: the words that its id begins with, before the
// value that decides.
const (
	byTask     = "task "
	byStage    = "stage "
	byApproval = "approval "
	rejected   = byApproval + "rejected"
)

// standing is the status of a ticket. A requested item stands where its state, its stage, its approval and all of its tasks say
// together: many instances leave the state alone while the others change. What says no goes before what says yes. The name of
// such a status is for people: it is none that a configuration lists.
func (c *choices) standing(r row, tasks []row) desk.Status {
	own, stage := c.status(r.get("state")), r.get("stage")
	working := stateOf(tasks, access.TicketWorking)
	switch {
	case c.table != itemTable:
		return own
	case byApproval+r.get("approval") == rejected:
		return c.by(own, rejected, access.TicketDenied)
	case says(stage, "cancel") || says(stage, "reject"):
		return c.by(own, byStage+stage, access.TicketWontDo)
	case r.get("active") == "false" || own.Phase.Closed():
		return c.closed(own, stage, tasks)
	case own.Phase == access.TicketWaiting && working != "":
		return c.by(own, byTask+working, access.TicketWorking)
	default:
		return own
	}
}

// closed is the status of a requested item that is closed: done only if all of its tasks are.
func (c *choices) closed(own desk.Status, stage string, tasks []row) desk.Status {
	if state := stateOf(tasks, access.TicketWontDo); state != "" {
		return c.by(own, byTask+state, access.TicketWontDo)
	}
	if own.Phase == access.TicketWontDo {
		return own
	}
	if state := stateOf(tasks, access.TicketWorking, access.TicketWaiting, access.TicketOther); state != "" {
		return c.by(own, byTask+state, access.TicketWorking)
	}
	switch {
	case len(tasks) > 0:
		return c.by(own, byTask+stateOf(tasks, access.TicketDone), access.TicketDone)
	case own.Phase == access.TicketDone:
		return own
	case says(stage, "complete"):
		return c.by(own, byStage+stage, access.TicketDone)
	default:
		return desk.Status{ID: own.ID, Name: own.Name + ", not active", Phase: access.TicketOther}
	}
}

// by is a status that something else than the state of the item decides.
func (c *choices) by(own desk.Status, id string, phase access.TicketPhase) desk.Status {
	text := id
	if state, of := strings.CutPrefix(id, byTask); of {
		text = byTask + cmp.Or(c.labels[state], state)
	}
	return desk.Status{ID: id, Name: own.Name + ", " + text, Phase: phase}
}

// says reports whether a stage has a word in it: stages are the customer's own.
func says(stage, word string) bool { return strings.Contains(strings.ToLower(stage), word) }

// stateOf is the state of the first task that is in one of the phases; "" for none.
func stateOf(tasks []row, phases ...access.TicketPhase) string {
	for _, t := range tasks {
		if slices.Contains(phases, phaseOf(DefaultTaskTable, t.get("state"))) {
			return t.get("state")
		}
	}
	return ""
}
