package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// closing is why so many leave.
const closing = "the plant in Porto closes"

// many: 8 of 25 leave, which is more than a fifth. zoe gets the tickets.
func (s *staff) many(ctx context.Context, p *play) error {
	var who []string
	for n := range 8 {
		who = append(who, fmt.Sprintf("new-%d", n+10))
		s.person(who[n]).Left = true
	}
	if _, err := p.client.AddIntegrationUser(ctx, login("zoe"), "desk"); err != nil {
		return err
	}
	if err := s.manyInSource(ctx, p, who); err != nil {
		return err
	}
	if err := s.manyOnDesk(ctx, p, who); err != nil {
		return err
	}
	for _, id := range who {
		if _, err := p.has(ctx, id, "switched off once that is released", func(u stack.DeskUser) bool { return !u.Active }); err != nil {
			return err
		}
	}
	_, err := p.has(ctx, "new-1", "still on", func(u stack.DeskUser) bool { return u.Active })
	return err
}

// manyInSource has the source hold them, and releases them.
func (s *staff) manyInSource(ctx context.Context, p *play, who []string) error {
	people, users, err := s.follows(ctx, p)
	if err != nil {
		return err
	}
	if people.Held != len(who) || users.States[access.SyncHeld] != 0 {
		return fmt.Errorf("the source holds %d and the desk %v, expected %d and none", people.Held, users.States, len(who))
	}
	p.check("the source holds %d leavers: %s", len(who), people.Holds[0].Sentence)
	ticket, err := p.holdTicket(ctx, "people of staff", people.Holds[0].Sentence, who)
	if err != nil {
		return err
	}
	if _, err := s.listed(ctx, p, stack.PeopleStart{Release: &stack.PeopleRelease{Run: people.ID, Reason: closing}}); err != nil {
		return err
	}
	p.check("an administrator releases them: %q", closing)
	return p.holdTicketClosed(ctx, ticket)
}

// manyOnDesk has the desk hold them, and releases them.
func (s *staff) manyOnDesk(ctx context.Context, p *play, who []string) error {
	held, err := p.syncs(ctx, stack.SyncStart{})
	if err == nil && held.States[access.SyncHeld] != len(who) {
		err = fmt.Errorf("the desk's run has %v, expected %d held", held.States, len(who))
	}
	if err != nil {
		return err
	}
	p.check("the desk's run holds them: %s", held.Holds[0].Sentence)
	ticket, err := p.holdTicket(ctx, "users of "+string(p.client.Desk()), held.Holds[0].Sentence, who)
	if err != nil {
		return err
	}
	if _, err := p.has(ctx, "new-12", "still on", func(u stack.DeskUser) bool { return u.Active }); err != nil {
		return err
	}
	if _, err := p.syncs(ctx, stack.SyncStart{Release: &stack.PeopleRelease{Run: held.ID, Reason: closing}}); err != nil {
		return err
	}
	return p.holdTicketClosed(ctx, ticket)
}

// holdTicket waits until the desk shows the ticket of what a run holds back: why, who, and that somebody has to look.
func (p *play) holdTicket(ctx context.Context, about, why string, who []string) (access.TicketKey, error) {
	var found stack.Ticket
	summary := fmt.Sprintf("usher holds back %d changes of the %s", len(who), about)
	err := stack.Poll(ctx, func(ctx context.Context) error {
		tickets, err := p.client.Tickets(ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(tickets, func(t stack.Ticket) bool { return strings.HasSuffix(t.Summary, summary) })
		if at < 0 || tickets[at].Assignee == "" || tickets[at].Status == p.client.Statuses().Done {
			return fmt.Errorf("%s has no open ticket %q of somebody", p.client.DeskName(), summary)
		}
		found = tickets[at]
		return nil
	})
	if err != nil {
		return "", err
	}
	wanted := []string{why}
	for _, id := range who {
		wanted = append(wanted, id+" (")
	}
	for _, text := range wanted {
		if !strings.Contains(found.Description, text) {
			return "", fmt.Errorf("ticket %s does not name %q: %s", found.Key, text, found.Description)
		}
	}
	p.check("%s shows %s (%s), assigned to %s: why, and the %d of whom it is", p.client.DeskName(), found.Key, found.Summary, found.Assignee, len(who))
	return access.TicketKey(found.Key), nil
}

// holdTicketClosed waits until usher has closed the ticket, with a comment.
func (p *play) holdTicketClosed(ctx context.Context, key access.TicketKey) error {
	return stack.Poll(ctx, func(ctx context.Context) error {
		ticket, err := p.client.Ticket(ctx, key)
		if err != nil {
			return err
		}
		for _, comment := range ticket.Comments {
			if ticket.Status == p.client.Statuses().Done && strings.Contains(comment.Body, "holds nothing back") {
				p.check("%s shows %s in %q, with the comment of %s that nothing is held any more", p.client.DeskName(), key, ticket.Status, comment.Author)
				return nil
			}
		}
		return fmt.Errorf("ticket %s is in %q, expected that usher closes it: %+v", key, ticket.Status, ticket.Comments)
	})
}
