package desk

import (
	"context"
	"slices"

	"usher/internal/access"
)

// FindTicket implements access.TicketOpener. Only tickets count that usher's own account created: anybody who may edit a
// ticket can put a marker on it. Of several the oldest wins, and an original goes before its copies. The search may compare
// loosely, so the marker is compared again.
//
// Nothing promises an end of page tokens, so a token that comes back ends the walk.
func (d *Desk) FindTicket(ctx context.Context, marker access.Marker) (access.TicketRef, error) {
	const op = "find ticket"
	me, err := d.me(ctx, op)
	if err != nil {
		return access.TicketRef{}, err
	}
	var carriers []Ticket
	seen := map[string]bool{}
	for page := ""; !seen[page] && len(seen) < MaxPages; {
		seen[page] = true
		got, err := d.driver.Search(ctx, op, Search{Marker: marker, Page: page, Limit: manyTickets})
		if err == nil {
			err = got.check(op)
		}
		if err != nil {
			return access.TicketRef{}, err
		}
		for _, t := range got.Tickets {
			if t.Creator != "" && t.Creator == me && slices.Contains(t.Markers, marker) {
				carriers = append(carriers, t)
			}
		}
		if got.Next == "" {
			break
		}
		page = got.Next
	}
	if len(carriers) == 0 {
		if _, bad := d.proven(ctx, op, proofLasts); bad != nil {
			return access.TicketRef{}, bad
		}
		return access.TicketRef{}, access.Errorf(access.NotFound, op, "the search sees no ticket that carries %q", marker)
	}
	slices.SortStableFunc(carriers, byAge)
	if err := d.readOriginals(ctx, op, carriers, marker); err != nil {
		return access.TicketRef{}, err
	}
	if n := slices.IndexFunc(carriers, func(t Ticket) bool { return t.Original }); n >= 0 {
		return d.ref(carriers[n].Ref), nil
	}
	return d.ref(carriers[0].Ref), nil
}

// check wants an id of each ticket. A list of anything else is another program's, and does not prove that there is no ticket.
func (p Page) check(op string) error {
	if slices.ContainsFunc(p.Tickets, func(t Ticket) bool { return t.ID == "" }) {
		return access.Errorf(access.Transient, op, "the answer lists a ticket without an id")
	}
	return nil
}

// maxOriginals is how many tickets with one marker are looked at one by one: more are a mass copy, of which the oldest is as
// good a guess as any.
const maxOriginals = 20

// readOriginals asks for what the search does not show, where there is a choice.
func (d *Desk) readOriginals(ctx context.Context, op string, oldestFirst []Ticket, marker access.Marker) error {
	reader, can := d.driver.(OriginalReader)
	if !can || len(oldestFirst) < 2 {
		return nil
	}
	for n, t := range oldestFirst[:min(len(oldestFirst), maxOriginals)] {
		if t.Original {
			continue
		}
		original, err := reader.Original(ctx, op, t.ID, marker)
		if err != nil {
			return err
		}
		oldestFirst[n].Original = original
	}
	return nil
}

// byAge orders tickets, the oldest first.
func byAge(a, b Ticket) int {
	switch order := a.Created.Compare(b.Created); {
	case order != 0:
		return order
	case lower(string(a.ID), string(b.ID)):
		return -1
	case a.ID == b.ID:
		return 0
	default:
		return 1
	}
}
