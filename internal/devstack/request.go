package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// asked is what a scene asks for.
type asked struct {
	id          access.RequestID
	person      access.PersonID
	entitlement access.EntitlementID
	duration    string
	reason      string
}

// request is one request of a scene, with its ticket.
type request struct {
	asked
	play   *play
	ticket access.TicketKey
}

// ask submits a request and waits for its one ticket, which must carry the reason.
func (p *play) ask(ctx context.Context, a asked) (*request, error) {
	p.last = a.id
	a.reason = p.reasonFor(a.reason)
	_, err := p.client.Submit(ctx, a.person, stack.Ask{
		ID: a.id, Items: []stack.AskItem{{Entitlement: a.entitlement, Duration: a.duration}}, Reason: a.reason,
	})
	if err != nil {
		return nil, fmt.Errorf("submit: %w", err)
	}
	r := &request{asked: a, play: p}
	detail, err := p.client.Await(ctx, a.id, func(d stack.Detail) error {
		if d.Ticket == nil {
			return errors.New("it has no ticket yet")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.ticket = detail.Ticket.Key
	ticket, err := p.client.Ticket(ctx, r.ticket)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(ticket.Description, firstLine(a.reason)) {
		return nil, fmt.Errorf("ticket %s does not tell the reason: %s", r.ticket, ticket.Description)
	}
	p.check("%s asks for %s: request %s, ticket %s, which tells the reason", a.person, a.entitlement, a.id, r.ticket)
	return r, r.status(ctx, p.client.Statuses().Waiting)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}

// decide returns a person's verdict by HTTP. Where the API could not say whether it was taken, it is repeated with the same
// id, as every client may.
func (r *request) decide(ctx context.Context, person access.PersonID, v stack.Verdict) error {
	v.ID = string(r.id) + "-" + string(person)
	repeated := ""
	err := stack.Poll(ctx, func(ctx context.Context) error {
		_, err := r.play.client.Decide(ctx, person, r.id, v)
		if err != nil && stack.StatusOf(err) != http.StatusServiceUnavailable {
			return stack.Stop(err)
		}
		if err != nil {
			repeated = " (repeated with the same id, for the first answer did not come)"
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s by %s: %w", v.Verdict, person, err)
	}
	r.play.check("%s decides by HTTP: %s%s", person, v.Verdict, repeated)
	return nil
}

// move moves the card on the board, as a person.
func (r *request) move(ctx context.Context, person access.PersonID, status string) error {
	if err := r.play.client.TransitionTicket(ctx, person, r.ticket, status); err != nil {
		return fmt.Errorf("move %s: %w", r.ticket, err)
	}
	r.play.check("%s moves the card %s to %s", person, r.ticket, status)
	return nil
}

// status waits until the ticket is in that status.
func (r *request) status(ctx context.Context, status string) error {
	err := stack.Poll(ctx, func(ctx context.Context) error {
		ticket, err := r.play.client.Ticket(ctx, r.ticket)
		if err == nil && ticket.Status != status {
			err = fmt.Errorf("ticket %s is in %q, expected %q", r.ticket, ticket.Status, status)
		}
		return err
	})
	if err == nil {
		r.play.check("ticket %s is in %q", r.ticket, status)
	}
	return err
}

// ending is how a scene must end: the outcome, the ticket's status, and whether the person is in the group; group ""
// for access that the directory does not know.
type ending struct {
	outcome access.RequestState
	status  string
	group   string
	member  bool
}

// ends waits for the outcome, and then looks at the desk and the directory from outside.
func (r *request) ends(ctx context.Context, e ending) error {
	p := r.play
	if _, err := p.client.Await(ctx, r.id, func(d stack.Detail) error {
		switch {
		case d.State == e.outcome:
			return nil
		case d.State.Ended():
			return stack.Stop(fmt.Errorf("it ended as %s, expected %s: %s", d.State, e.outcome, d.StatusText))
		}
		return fmt.Errorf("it is %s, expected %s: %s", d.State, e.outcome, d.StatusText)
	}); err != nil {
		return err
	}
	p.check("the request is %s", e.outcome)
	if err := r.status(ctx, e.status); err != nil {
		return err
	}
	tickets, err := p.client.TicketsOf(ctx, r.id)
	if err != nil {
		return err
	}
	if len(tickets) != 1 {
		return fmt.Errorf("the desk has %d tickets of request %s, expected one", len(tickets), r.id)
	}
	// A run that has completed has nothing left to tell ledger or desk.
	run := "request/" + string(r.id)
	if err := stack.Poll(ctx, func(ctx context.Context) error { return p.client.RunEnded(ctx, run) }); err != nil {
		return err
	}
	p.check("the run %s has completed, and the desk has one ticket of it", run)
	directory, err := r.membership(ctx, e)
	if err != nil {
		return err
	}
	p.rows = append(p.rows, row{
		what: fmt.Sprintf("%s: %s", r.person, r.entitlement), request: string(r.id), ticket: string(r.ticket), status: e.status, directory: directory,
	})
	return nil
}

func (r *request) membership(ctx context.Context, e ending) (string, error) {
	if e.group == "" {
		return "by hand", nil
	}
	members, err := r.play.client.Members(ctx, e.group)
	if err != nil {
		return "", err
	}
	if slices.Contains(members, r.person) != e.member {
		return "", fmt.Errorf("the directory says that %s has the members %v; expected that %s is one: %t", e.group, members, r.person, e.member)
	}
	text := "not in " + e.group
	if e.member {
		text = "in " + e.group
	}
	r.play.check("the directory shows %s %s", r.person, text)
	return text, nil
}
