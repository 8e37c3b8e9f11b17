package desk

import (
	"context"
	"slices"

	"usher/internal/access"
)

// ReadTicket implements access.TicketReader. A ticket that is missing is believed to be so only after the desk has accepted
// the credentials.
func (d *Desk) ReadTicket(ctx context.Context, id access.TicketID) (access.TicketSnapshot, error) {
	const op = "read ticket"
	me, err := d.me(ctx, op)
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	t, err := d.ticket(ctx, op, id)
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	tickets, err := d.snapshots(ctx, op, me, []Ticket{t})
	if err != nil {
		return access.TicketSnapshot{}, err
	}
	return tickets[0], nil
}

// ReadTickets implements access.TicketReader. One more call proves the credentials when tickets are missing. Invalid: more
// than 100 ids.
func (d *Desk) ReadTickets(ctx context.Context, ids []access.TicketID) (access.TicketsRead, error) {
	const op = "read tickets"
	var asked, order []access.TicketID
	known := map[access.TicketID]bool{}
	for _, id := range ids {
		if known[id] {
			continue
		}
		known[id] = true
		order = append(order, id)
		if d.traits.IsID(id) {
			asked = append(asked, id)
		}
	}
	if len(order) > manyTickets {
		return access.TicketsRead{}, access.Errorf(access.Invalid, op, "expected at most %d tickets, found %d", manyTickets, len(order))
	}
	there, err := d.readAll(ctx, op, asked)
	if err != nil {
		return access.TicketsRead{}, err
	}
	var out access.TicketsRead
	for _, id := range order {
		if s, ok := there[id]; ok {
			out.Tickets = append(out.Tickets, s)
		} else {
			out.Missing = append(out.Missing, id)
		}
	}
	if len(out.Missing) > 0 {
		if _, err := d.checkCredentials(ctx, op); err != nil {
			return access.TicketsRead{}, err
		}
	}
	return out, nil
}

// readAll returns those of the tickets that can be seen.
func (d *Desk) readAll(ctx context.Context, op string, ids []access.TicketID) (map[access.TicketID]access.TicketSnapshot, error) {
	there := map[access.TicketID]access.TicketSnapshot{}
	if len(ids) == 0 {
		return there, nil
	}
	me, err := d.me(ctx, op)
	if err != nil {
		return nil, err
	}
	tickets, later, err := d.driver.Tickets(ctx, op, ids)
	if err != nil {
		return nil, err
	}
	snapshots, err := d.snapshots(ctx, op, me, tickets)
	if err != nil {
		return nil, err
	}
	for _, s := range snapshots {
		there[s.Ref.ID] = s
	}
	for _, id := range later {
		s, err := d.ReadTicket(ctx, id)
		if err != nil && !access.IsKind(err, access.NotFound) {
			return nil, err
		}
		if err == nil {
			there[s.Ref.ID] = s
		}
	}
	return there, nil
}

// ticket reads a ticket with its history, as far as the desk gives it along.
func (d *Desk) ticket(ctx context.Context, op string, id access.TicketID) (Ticket, error) {
	if !d.traits.IsID(id) {
		return Ticket{}, d.noID(ctx, op, id)
	}
	t, err := d.driver.Ticket(ctx, op, id)
	if err != nil {
		return t, d.confirmNotFound(ctx, op, err)
	}
	return t, t.check(op)
}

// check wants a ticket with a status.
func (t Ticket) check(op string) error {
	if t.ID == "" || t.Status.ID == "" {
		return access.Errorf(access.Transient, op, "the answer is no ticket with a status")
	}
	return nil
}

// snapshots makes what usher sees of tickets, in their order.
func (d *Desk) snapshots(ctx context.Context, op string, me access.AccountID, tickets []Ticket) ([]access.TicketSnapshot, error) {
	// An answer counts by the text of its time, so the histories are read after the answers.
	answers, err := d.answers(ctx, op, me, tickets)
	if err != nil {
		return nil, err
	}
	for n := range tickets {
		tickets[n].Answered = len(answers[tickets[n].ID]) > 0
	}
	if err := d.complete(ctx, op, tickets); err != nil {
		return nil, err
	}
	var out []access.TicketSnapshot
	for _, t := range tickets {
		if err := t.check(op); err != nil {
			return nil, err
		}
		s := d.snapshot(t, me)
		s.DecisionMoves = withAnswers(s.DecisionMoves, answers[t.ID])
		out = append(out, s)
	}
	return out, nil
}

func (d *Desk) snapshot(t Ticket, me access.AccountID) access.TicketSnapshot {
	move, assignment := d.lastMove(t), d.lastAssignment(t)
	s := access.TicketSnapshot{
		Ref:             d.ref(t.Ref),
		Project:         t.Project,
		Phase:           d.phase(t, move != nil),
		Status:          t.Status.Name,
		Assignee:        t.Assignee,
		AssignedByUsher: assignment == nil || assignment.By == me,
		UpdatedAt:       t.Updated,
		DecisionMoves:   d.decisionMoves(t, me),
	}
	if move != nil {
		s.StatusChangedBy, s.StatusChangedByName = move.By, move.ByName
		s.StatusChangedAt, s.StatusChangedByUsher = move.At, move.By == me
		s.StatusChangedByFulfiller = slices.Contains(d.config.FulfilledBy, move.By)
	}
	if text := d.lastTextChange(t, me); text != nil {
		s.TextChangedBy, s.TextChange = text.By, text.name()
	}
	return s
}
