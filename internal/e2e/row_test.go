package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// row is one request of a table, from the question to what is found of it at its end.
type row struct {
	name string
	// ask is what is asked for, and for how long ("" is without end).
	ask   access.EntitlementID
	lasts string
	// who asks; "" for somebody who is hired for this row.
	who access.PersonID
	// group is the directory's id of the group of what is asked for, where that is not the group's name.
	group string
	// want is how it must end.
	want ending

	*system
	id access.RequestID
	// found is what the last inspection saw.
	found finding
}

// ending is the right end of a row.
type ending struct {
	outcome access.RequestState
	// status is the ticket's.
	status string
	// ended is true when the access must be gone again at the end; else whoever was granted it holds it.
	ended bool
	// events are types that the audit trail must hold besides those of every request that ended so.
	events []access.EventType
	// says is a text that must stand in a comment of the ticket; "" for none.
	says string
	// takenBack allows leases, if they have ended, although the request did not end as granted.
	takenBack bool
	// early allows that the request has no ticket: it ended before policy had answered.
	early bool
}

var (
	granted   = ending{outcome: access.OutcomeGranted, status: statusDone}
	denied    = ending{outcome: access.OutcomeDenied, status: statusWontDo}
	cancelled = ending{outcome: access.OutcomeCancelled, status: statusWontDo}
)

// The statuses of the simulated desk.
const (
	statusWaiting  = "Waiting for approval"
	statusApproved = "Approved"
	statusDenied   = "Denied"
	statusWorking  = "In progress"
	statusDone     = "Done"
	statusWontDo   = "Won't do"
)

// on returns the row its place in a system, its person and its request's id.
func (r *row) on(ctx context.Context, s *system, id string) error {
	r.system, r.id = s, access.RequestID(id)
	if r.who != "" {
		return nil
	}
	var err error
	r.who, err = s.hire(ctx)
	return err
}

// submit asks, and repeats the question until it is answered.
func (r *row) submit(ctx context.Context) error {
	return repeated(ctx, func(ctx context.Context) error {
		_, err := r.Submit(ctx, r.who, stack.Ask{
			ID: r.id, Items: []stack.AskItem{{Entitlement: r.ask, Duration: r.lasts}}, Reason: "row " + r.name,
		})
		return err
	})
}

// open asks, and waits until the ticket is there and shows whom the request waits for.
func (r *row) open(ctx context.Context) error {
	if err := r.submit(ctx); err != nil {
		return err
	}
	return stack.Poll(ctx, func(ctx context.Context) error {
		ticket, err := r.ticket(ctx)
		if err == nil && ticket.Assignee == "" {
			err = fmt.Errorf("ticket %s is not assigned yet", ticket.Key)
		}
		return err
	})
}

// ticket is the request's one ticket.
func (r *row) ticket(ctx context.Context) (stack.Ticket, error) {
	tickets, err := r.TicketsOf(ctx, r.id)
	if err == nil && len(tickets) != 1 {
		err = fmt.Errorf("the desk has %d tickets of %s", len(tickets), r.id)
	}
	if err != nil {
		return stack.Ticket{}, err
	}
	return tickets[0], nil
}

// key is the ticket's.
func (r *row) key(ctx context.Context) (access.TicketKey, error) {
	ticket, err := r.ticket(ctx)
	return access.TicketKey(ticket.Key), err
}

// decide returns somebody's verdict over HTTP, repeated with one id until it is answered.
func (r *row) decide(ctx context.Context, by access.PersonID, v access.Verdict) error {
	return repeated(ctx, func(ctx context.Context) error {
		_, err := r.Decide(ctx, by, r.id, stack.Verdict{ID: "row-" + string(by), Verdict: v})
		// Before policy has answered there is no such request to who will approve it, unless reads are open.
		early := stack.StatusOf(err) == 409 && strings.Contains(err.Error(), "policy has not answered yet")
		if early || stack.StatusOf(err) == 404 {
			return errors.New("too early")
		}
		return err
	})
}

// approve is the approval of everybody who is asked, in order: the manager mia, and where the entitlement says so an owner.
func (r *row) approve(ctx context.Context) error {
	stages, other := map[access.EntitlementID][]access.PersonID{
		"wiki/admin": {"mia", "omar"}, "badge/lab": {"omar"}, "many/guest": {"omar"},
	}[r.ask]
	if !other {
		stages = []access.PersonID{"mia"}
	}
	for _, approver := range stages {
		if err := r.decide(ctx, approver, access.Approve); err != nil {
			return fmt.Errorf("%s approves: %w", approver, err)
		}
	}
	return nil
}

// move moves the ticket on the board.
func (r *row) move(ctx context.Context, by access.PersonID, status string) error {
	key, err := r.key(ctx)
	if err != nil {
		return err
	}
	return r.TransitionTicket(ctx, by, key, status)
}

// until waits until the request is as wished.
func (r *row) until(ctx context.Context, wished func(stack.Detail) error) error {
	_, err := r.Await(ctx, r.id, wished)
	return err
}

// state waits for a state.
func (r *row) state(ctx context.Context, want access.RequestState) error {
	return r.until(ctx, func(d stack.Detail) error {
		switch {
		case d.State == want:
			return nil
		case d.State.Ended():
			return stack.Stop(fmt.Errorf("it ended as %s, expected %s: %s", d.State, want, d.StatusText))
		}
		return fmt.Errorf("it is %s, expected %s: %s", d.State, want, d.StatusText)
	})
}

// status waits until the ticket is in a status.
func (r *row) status(ctx context.Context, want string) error {
	return stack.Poll(ctx, func(ctx context.Context) error {
		ticket, err := r.ticket(ctx)
		if err == nil && ticket.Status != want {
			err = fmt.Errorf("ticket %s is in %q, expected %q", ticket.Key, ticket.Status, want)
		}
		return err
	})
}

// comment waits until a comment of the ticket holds a text.
func (r *row) comment(ctx context.Context, text string) error {
	return stack.Poll(ctx, func(ctx context.Context) error {
		ticket, err := r.ticket(ctx)
		if err == nil && !says(ticket, text) {
			err = fmt.Errorf("no comment of %s says %q: %v", ticket.Key, text, ticket.Comments)
		}
		return err
	})
}

func says(ticket stack.Ticket, text string) bool {
	for _, c := range ticket.Comments {
		if strings.Contains(c.Body, text) {
			return true
		}
	}
	return false
}

// ends waits for the right end.
func (r *row) ends(ctx context.Context) error {
	err := stack.Poll(ctx, func(ctx context.Context) error { return r.inspect(ctx) })
	if err != nil {
		err = fmt.Errorf("row %s (request %s): %w", r.name, r.id, err)
	}
	return err
}

// table prints a line for each row, after a last look at all of them together: nothing may have changed since.
func table(ctx context.Context, t *testing.T, rows []*row) {
	t.Helper()
	width := 0
	for _, r := range rows {
		width = max(width, len(r.name))
	}
	for _, r := range rows {
		if err := r.inspect(ctx); err != nil {
			t.Errorf("row %s (request %s): %v", r.name, r.id, err)
		}
		t.Logf("row %-*s  %s", width, r.name, r.found)
	}
}

// requestEvents are the types that the audit trail of a request holds that ended so.
func (e ending) requestEvents() []access.EventType {
	if e.early {
		return append([]access.EventType{access.EventSubmitted, access.EventEnded}, e.events...)
	}
	types := []access.EventType{
		access.EventSubmitted, access.EventRequired, access.EventTicketOpened, access.EventEnded, access.EventTicketClosed,
	}
	if e.outcome == access.OutcomeGranted {
		types = append(types, access.EventDecided, access.EventGrantRequested, access.EventLeaseGranted)
	}
	if e.ended {
		types = append(types, access.EventLeaseEnding, access.EventLeaseEnded)
	}
	return slices.Concat(types, e.events)
}
