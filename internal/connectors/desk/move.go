package desk

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"usher/internal/access"
)

// TransitionTicket implements access.TicketWriter. It takes the way whose target status the configuration prefers for
// the phase, and never picks one by its name: names are decoration.
//
// Transient too: somebody moved the ticket in between.
func (d *Desk) TransitionTicket(ctx context.Context, id access.TicketID, to access.TicketPhase) error {
	const op = "move ticket"
	before, phase, err := d.stand(ctx, op, id)
	if err != nil || phase == to {
		return err
	}
	ways, err := d.driver.Transitions(ctx, op, before)
	if err != nil {
		return d.confirmNotFound(ctx, op, err)
	}
	way, err := d.choose(op, before, ways, to)
	if err != nil {
		return err
	}
	refused, err := d.driver.Transition(ctx, op, Move{Ticket: before, Way: way, To: to})
	if !refused {
		return d.confirmNotFound(ctx, op, err)
	}
	return d.afterRefusal(ctx, op, before, to, err)
}

// stand is a ticket and its phase.
func (d *Desk) stand(ctx context.Context, op string, id access.TicketID) (Ticket, access.TicketPhase, error) {
	t, err := d.ticket(ctx, op, id)
	if err != nil {
		return t, "", err
	}
	if _, listed := d.config.listed(t.Status); listed || t.Status.Phase != access.TicketWorking {
		return t, d.phase(t, true), nil
	}
	// Only such a status reads differently on a ticket that nobody moved.
	whole := []Ticket{t}
	if err := d.complete(ctx, op, whole); err != nil {
		return t, "", err
	}
	return t, d.phase(t, d.lastMove(whole[0]) != nil), nil
}

// choose picks the way to a phase. Conflict names what there is instead.
func (d *Desk) choose(op string, from Ticket, ways []Transition, to access.TicketPhase) (Transition, error) {
	best, bestRank := Transition{}, -1
	var there []string
	unresolved := ""
	for _, way := range ways {
		there = append(there, fmt.Sprintf("%q to %q", way.Name, way.To.Name))
		rank, leads := d.config.rank(way.To, to)
		if !leads {
			continue
		}
		listed, _ := d.config.listed(way.To)
		if to == access.TicketWontDo && cmp.Or(listed, way.To.Phase) != to && way.DoneOnly != "" {
			// This would close the ticket as done.
			unresolved = fmt.Sprintf("; %q %s, and %s does not list %q", way.Name, way.DoneOnly, Key(d.name, "statuses.wont_do"), way.To.Name)
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
		from.Status.Name, to, list, unresolved)
}

// afterRefusal finds out whether a refused move was refused because the ticket is there already (the answer to an
// earlier try was lost) or because somebody else was faster.
func (d *Desk) afterRefusal(ctx context.Context, op string, before Ticket, to access.TicketPhase, refused error) error {
	after, phase, err := d.stand(ctx, op, before.ID)
	switch {
	case err != nil:
		return err
	case phase == to:
		return nil
	case after.Status.ID != before.Status.ID:
		return access.Errorf(access.Transient, op, "somebody moved the ticket in between, to %q: %w", after.Status.Name, refused)
	}
	return refused
}

// AssignTicket implements access.TicketWriter.
func (d *Desk) AssignTicket(ctx context.Context, id access.TicketID, to access.AccountID) error {
	const op = "assign ticket"
	t, err := d.ticket(ctx, op, id)
	if err != nil || t.Assignee == to {
		return err
	}
	return d.confirmNotFound(ctx, op, d.driver.Assign(ctx, op, t, to))
}
