package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// incidents: another system hands in incidents, which become tickets of users of the desk.
func (s *staff) incidents(ctx context.Context, p *play) error {
	for _, one := range []struct{ id, group string }{{"omar", "ops"}, {"ana", "ops"}, {"zoe", "desk"}} {
		added, err := p.client.AddIntegrationUser(ctx, login(one.id), one.group)
		if err != nil {
			return err
		}
		p.check("an integration user is added: %s, user name %s, %s, %s", added.CalledBy(), added.UserName, added.Integration, added.Tenant)
	}
	_, err := p.client.AddIntegrationUser(ctx, "nobody@example.test")
	if stack.StatusOf(err) != http.StatusNotFound {
		return fmt.Errorf("an unknown user is added: expected 404 with a sentence, found %w", orNone(err))
	}
	p.check("one whom the desk does not know is refused: %q", sentence(err))
	_, err = p.client.HandIn(ctx, "ana", stack.HandIn{Reference: "INC-0", Summary: "no"})
	if stack.StatusOf(err) != http.StatusForbidden {
		return fmt.Errorf("ana hands in an incident: expected 403, found %w", orNone(err))
	}
	p.check("ana may hand in no incident: %q", sentence(err))
	tickets := map[string]access.IncidentView{}
	for n, who := range []string{"ana", "omar"} {
		id := access.IncidentID(fmt.Sprintf("demo-incident-%d", n+1))
		in := stack.HandIn{
			ID: string(id), Reference: fmt.Sprintf("INC-%d", n+1), ReferenceURL: "https://other.example.test/", Application: "wiki", Summary: "The wiki is slow",
		}
		if _, err := p.client.HandIn(ctx, stack.Monitor, in); err != nil {
			return err
		}
		view, err := p.assigned(ctx, id, "")
		if err != nil {
			return err
		}
		tickets[view.Assignee.Email] = view
		if len(tickets) != n+1 {
			return fmt.Errorf("%s has both, expected one each, as %s", view.Assignee.Email, who)
		}
	}
	return s.incidentsMove(ctx, p, tickets[login("ana")])
}

// incidentsMove has ana leave, who has an incident.
func (s *staff) incidentsMove(ctx context.Context, p *play, of access.IncidentView) error {
	s.person("ana").Left = true
	if _, _, err := s.follows(ctx, p); err != nil {
		return err
	}
	flagged, err := p.client.CheckIntegrationUsers(ctx)
	if err == nil && flagged != 1 {
		err = fmt.Errorf("%d users are flagged, expected 1", flagged)
	}
	if err != nil {
		return err
	}
	p.check("ana leaves and is switched off on the desk: the check flags her")
	moved, err := p.assigned(ctx, of.Incident.ID, login("omar"))
	if err != nil {
		return err
	}
	if err := p.client.TransitionTicket(ctx, "omar", moved.Ticket.Key, p.client.Statuses().Done); err != nil {
		return err
	}
	closed, err := p.client.AwaitIncident(ctx, of.Incident.ID, func(v access.IncidentView) error {
		if v.State != access.IncidentClosed {
			return fmt.Errorf("the incident is %s, expected closed", v.State)
		}
		return nil
	})
	if err == nil {
		p.check("omar works on it on the desk: %s", closed.StatusText)
	}
	return err
}

// assigned waits until an incident has a ticket of a user, of whichever for "", and looks at the ticket by the desk's own HTTP.
func (p *play) assigned(ctx context.Context, id access.IncidentID, email string) (access.IncidentView, error) {
	view, err := p.client.AwaitIncident(ctx, id, func(v access.IncidentView) error {
		switch {
		case v.Ticket == nil:
			return errors.New("the incident has no ticket: " + v.StatusText)
		case v.Assignee == nil || v.Assignee.User == "" || (email != "" && v.Assignee.Email != email):
			return fmt.Errorf("it is assigned to %+v, expected %q", v.Assignee, email)
		}
		return nil
	})
	if err != nil {
		return view, err
	}
	err = stack.Poll(ctx, func(ctx context.Context) error {
		ticket, err := p.client.Ticket(ctx, view.Ticket.Key)
		if err == nil && ticket.Assignee == "" {
			err = fmt.Errorf("%s shows %s without an assignee", p.client.DeskName(), view.Ticket.Key)
		}
		if err == nil {
			p.check("%s shows %s (%s), assigned to %s: %s", p.client.DeskName(), ticket.Key, ticket.Summary, ticket.Assignee, view.Assignee.Why)
		}
		return err
	})
	return view, err
}
