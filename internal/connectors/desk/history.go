package desk

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"usher/internal/access"
)

// complete reads the histories that are not whole, all of them at once: a move in a part of a history may not be the last
// one.
func (d *Desk) complete(ctx context.Context, op string, tickets []Ticket) error {
	lacking := slices.DeleteFunc(slices.Clone(tickets), func(t Ticket) bool { return t.Whole })
	if len(lacking) == 0 {
		return nil
	}
	fields := append([]string{d.traits.StatusField, d.traits.AssigneeField}, d.textFields()...)
	whole, err := d.driver.History(ctx, op, lacking, fields)
	if err != nil {
		return err
	}
	for n, t := range tickets {
		if !t.Whole {
			tickets[n].Changes, tickets[n].Whole = whole[t.ID], true
		}
	}
	return nil
}

// lastMove returns the newest change that led to the ticket's present status; nil when it has always been there.
func (d *Desk) lastMove(t Ticket) *Change {
	return t.newest(func(_ Change, one Item) bool { return one.of(d.traits.StatusField) && one.To == t.Status.ID })
}

// decisionMoves returns the moves of others than usher into statuses that the configuration lists as approved or denied. The
// history may be younger than the rest of the ticket, which a search remembers: what the rest does not show yet is left out.
func (d *Desk) decisionMoves(t Ticket, me access.AccountID) []access.TicketMove {
	changes := slices.Clone(t.Changes)
	slices.SortStableFunc(changes, func(a, b Change) int {
		switch before := a.before(b); {
		case before == b.before(a):
			return 0
		case before:
			return -1
		default:
			return 1
		}
	})
	var moves []access.TicketMove
	for _, c := range changes {
		if c.At.After(t.Updated) {
			continue
		}
		for _, one := range c.Items {
			status := cmp.Or(one.ToName, one.To)
			phase, _ := d.config.listed(Status{ID: one.To, Name: status})
			if one.of(d.traits.StatusField) && c.By != me && (phase == access.TicketApproved || phase == access.TicketDenied) {
				moves = append(moves, access.TicketMove{ID: c.ID, At: c.At, By: c.By, ByName: c.ByName, Status: status, Phase: phase})
			}
		}
	}
	return access.DecisionMoves(moves)
}

// lastAssignment returns the newest change of the assignee; nil when it is as it was at the beginning.
func (d *Desk) lastAssignment(t Ticket) *Change {
	return t.newest(func(_ Change, one Item) bool { return one.of(d.traits.AssigneeField) })
}

// lastTextChange returns the newest change of what the ticket says that was made neither by usher's account nor by one that
// may make it; nil for none.
func (d *Desk) lastTextChange(t Ticket, me access.AccountID) *Change {
	return t.newest(func(c Change, one Item) bool {
		return d.isText(one) && c.By != me && !slices.Contains(d.config.TextEditors, c.By)
	})
}

// isText reports whether a changed field is one that says what the ticket asks for. Where a field comes by its name and the
// names are not known yet, it counts as one.
func (d *Desk) isText(one Item) bool {
	if one.ID == olderChanges || slices.ContainsFunc(d.textFields(), one.of) {
		return true
	}
	known := d.schema.Load()
	return one.NameOnly && slices.ContainsFunc(d.traits.FieldsByName, func(id string) bool {
		return known == nil || known.Fields[id].Name == one.Name
	})
}

// textFields are the fields that say what a ticket asks for.
func (d *Desk) textFields() []string {
	fields := slices.Concat(d.traits.TextFields, slices.Sorted(maps.Keys(d.config.Fields)))
	if d.config.Intake != nil {
		fields = append(fields, slices.Sorted(maps.Keys(d.config.Intake.Fields))...)
	}
	return fields
}

// newest returns the youngest change with such an item, whatever the order of the changes.
func (t Ticket) newest(is func(Change, Item) bool) *Change {
	var best *Change
	for n := range t.Changes {
		c := &t.Changes[n]
		for _, one := range c.Items {
			if is(*c, one) && (best == nil || best.before(*c)) {
				best = c
			}
		}
	}
	return best
}

// before reports whether a change is older than another one. Of two that nothing tells apart the later in the list is newer.
func (c Change) before(other Change) bool {
	if c.ID != "" && other.ID != "" {
		return lower(c.ID, other.ID)
	}
	return !other.At.Before(c.At)
}

// lower compares two ids, which are numbers without leading zeros of any length.
func lower(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
