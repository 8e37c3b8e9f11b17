package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// scenario is one story with its ending. It leaves a row for the table.
type scenario struct {
	title string
	run   func(context.Context, *play) error
}

func scenarios() []scenario {
	return []scenario{
		{"automatic: asked, refused to oneself, approved by HTTP, granted, closed", automatic},
		{"two stages: approved by moving the card, the worker killed, approved by HTTP, granted, closed", twoStages},
		{"manual: approved, then a human clicks Done", manual},
		{"denied: the manager says no", denied},
		{"withdrawn: the requester takes it back", withdrawn},
		{"lease: granted for 3 seconds, and gone by itself", lease},
		{"asked on the desk: a person's own ticket becomes a request, approved by moving it, granted, closed", onTheDesk},
		{"the desk decides: usher takes no decision by HTTP, the manager answers on the desk, granted, closed", deskDecides},
		{"given back on the desk: who no longer needs the access opens a ticket, the access ends, the ticket is closed", givenBack},
	}
}

// onTheDesk: a person asks by a ticket.
func onTheDesk(ctx context.Context, p *play) error {
	reason := p.reasonFor("I look after the handbook")
	ticket, err := p.client.OpenTicket(ctx, "ben", "I need the wiki", "Access: wiki/editor\nReason: "+reason)
	if err != nil {
		return err
	}
	p.check("ben opens a ticket of his own: wiki/editor")
	r := &request{asked: asked{id: p.client.AskedRequest(ticket), person: "ben", entitlement: "wiki/editor", reason: reason}, play: p}
	p.last = r.id
	detail, err := p.client.TakenIn(ctx, ticket)
	if err != nil {
		return err
	}
	if detail.Ticket.ID != ticket || detail.Request.Requester != "ben" {
		return fmt.Errorf("the request is %s's on ticket %s, expected ben's on %s", detail.Request.Requester, detail.Ticket.ID, ticket)
	}
	r.ticket = detail.Ticket.Key
	p.check("it is request %s, on his own ticket %s, on this proof: %s", r.id, r.ticket, detail.Request.Evidence)
	if err := r.move(ctx, "mia", p.client.Statuses().Approved); err != nil {
		return err
	}
	return r.ends(ctx, ending{access.OutcomeGranted, p.client.Statuses().Done, "wiki-editors", true})
}

// deskDecides: the catalog says that only decisions on the desk count for this application. Where the desk has approvals of its own, it
// asks by one.
func deskDecides(ctx context.Context, p *play) error {
	a, err := p.ask(ctx, asked{"demo-7", "ana", "payroll/reader", "", "I pay the interns"})
	if err != nil {
		return err
	}
	_, err = p.client.Decide(ctx, "mia", a.id, stack.Verdict{Verdict: access.Approve})
	if stack.StatusOf(err) != http.StatusForbidden {
		return fmt.Errorf("mia approves with usher: expected 403 with a sentence, found %w", orNone(err))
	}
	p.check("mia may not decide with usher: %q", sentence(err))
	if err := p.client.Answer(ctx, "mia", "mia", a.ticket, access.Approve); err != nil {
		return fmt.Errorf("answer on the desk: %w", err)
	}
	p.check("mia approves on the desk")
	if err := a.ends(ctx, ending{access.OutcomeGranted, p.client.Statuses().Done, "payroll-readers", true}); err != nil {
		return err
	}
	detail, err := p.client.Show(ctx, stack.Auditor, a.id)
	if err == nil && (len(detail.Decisions) != 1 || detail.Decisions[0].By != "mia" || detail.Decisions[0].Channel != access.ChannelTicket) {
		err = fmt.Errorf("the decisions are %+v, expected mia's by ticket", detail.Decisions)
	}
	if err == nil {
		p.check("her approval is on this proof: %s", detail.Decisions[0].Evidence)
	}
	return err
}

// givenBack goes on from onTheDesk: ben has what he asked for there.
func givenBack(ctx context.Context, p *play) error {
	ticket, err := p.client.OpenTicket(ctx, "ben", "Thank you for the wiki", "Give back: wiki/editor")
	if err != nil {
		return err
	}
	p.check("ben opens a ticket: he gives wiki/editor back")
	var found stack.Ticket
	err = stack.Poll(ctx, func(ctx context.Context) error {
		tickets, err := p.client.Tickets(ctx)
		i := slices.IndexFunc(tickets, func(t stack.Ticket) bool { return t.ID == string(ticket) })
		if err != nil || i < 0 {
			return errors.Join(err, fmt.Errorf("the desk has no ticket %s", ticket))
		}
		if found = tickets[i]; found.Status != p.client.Statuses().Done {
			return fmt.Errorf("ticket %s is in %q", found.Key, found.Status)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r := &request{asked: asked{id: "given-back", person: "ben", entitlement: "wiki/editor"}, play: p, ticket: access.TicketKey(found.Key)}
	directory, err := r.membership(ctx, ending{group: "wiki-editors"})
	if err != nil {
		return err
	}
	p.check("ticket %s is in %q", found.Key, found.Status)
	p.rows = append(p.rows, row{what: "ben: wiki/editor, back", request: "-", ticket: found.Key, status: found.Status, directory: directory})
	return nil
}

func automatic(ctx context.Context, p *play) error {
	a, err := p.ask(ctx, asked{"demo-1", "ana", "wiki/editor", "", "I write the release notes"})
	if err != nil {
		return err
	}
	_, err = p.client.Decide(ctx, "ana", a.id, stack.Verdict{Verdict: access.Approve})
	if stack.StatusOf(err) != http.StatusForbidden {
		return fmt.Errorf("ana approves her own request: expected 403 with a sentence, found %w", orNone(err))
	}
	p.check("ana may not approve her own request: %q", sentence(err))
	if err := a.decide(ctx, "mia", stack.Verdict{Verdict: access.Approve, Reason: "she does"}); err != nil {
		return err
	}
	return a.ends(ctx, ending{access.OutcomeGranted, p.client.Statuses().Done, "wiki-editors", true})
}

func twoStages(ctx context.Context, p *play) error {
	a, err := p.ask(ctx, asked{"demo-2", "ben", "wiki/admin", "", "I am on call"})
	if err != nil {
		return err
	}
	if err := a.move(ctx, "mia", p.client.Statuses().Approved); err != nil {
		return err
	}
	detail, err := p.client.Await(ctx, a.id, waitsFor("omar"))
	if err != nil {
		return err
	}
	first := detail.Decisions[0]
	if first.By != "mia" || first.Channel != access.ChannelTicket {
		return fmt.Errorf("the decision is %s's by %s, expected mia's by ticket", first.By, first.Channel)
	}
	p.check("mia's move counts as her approval, by %s, on this proof: %s; now it waits for omar", first.Channel, first.Evidence)
	if err := p.killWorker(ctx); err != nil {
		return err
	}
	if err := a.decide(ctx, "omar", stack.Verdict{Verdict: access.Approve}); err != nil {
		return err
	}
	return a.ends(ctx, ending{access.OutcomeGranted, p.client.Statuses().Done, "wiki-admins", true})
}

func manual(ctx context.Context, p *play) error {
	a, err := p.ask(ctx, asked{"demo-3", "ana", "badge/lab", "", "I measure in the laboratory"})
	if err != nil {
		return err
	}
	if err := a.decide(ctx, "omar", stack.Verdict{Verdict: access.Approve}); err != nil {
		return err
	}
	if err := a.status(ctx, p.client.Statuses().Working); err != nil {
		return err
	}
	if err := a.move(ctx, "zoe", p.client.Statuses().Done); err != nil {
		return err
	}
	return a.ends(ctx, ending{outcome: access.OutcomeGranted, status: p.client.Statuses().Done})
}

func denied(ctx context.Context, p *play) error {
	a, err := p.ask(ctx, asked{"demo-4", "ben", "wiki/editor", "", "just in case"})
	if err != nil {
		return err
	}
	if err := a.decide(ctx, "mia", stack.Verdict{Verdict: access.Deny, Reason: "no need"}); err != nil {
		return err
	}
	return a.ends(ctx, ending{access.OutcomeDenied, p.client.Statuses().WontDo, "wiki-editors", false})
}

func withdrawn(ctx context.Context, p *play) error {
	a, err := p.ask(ctx, asked{"demo-5", "ben", "wiki/editor", "", "for the handbook"})
	if err != nil {
		return err
	}
	if _, err := p.client.Withdraw(ctx, "ben", a.id, "not needed any more"); err != nil {
		return fmt.Errorf("withdraw: %w", err)
	}
	p.check("ben takes it back")
	return a.ends(ctx, ending{access.OutcomeWithdrawn, p.client.Statuses().WontDo, "wiki-editors", false})
}

func lease(ctx context.Context, p *play) error {
	const group = "vpn-users"
	a, err := p.ask(ctx, asked{"demo-6", "ana", "vpn/user", "3s", "I travel"})
	if err != nil {
		return err
	}
	if err := a.decide(ctx, "mia", stack.Verdict{Verdict: access.Approve}); err != nil {
		return err
	}
	ended, err := a.endedLease(ctx)
	if err != nil {
		return err
	}
	if err := a.cameAndWent(ctx, group); err != nil {
		return err
	}
	p.check("the directory added ana and removed her again; the lease lasted %s, proof of its end: %s",
		ended.EndedAt.Sub(*ended.GrantedAt).Round(100*time.Millisecond), ended.Verification.Evidence)
	return a.ends(ctx, ending{access.OutcomeGranted, p.client.Statuses().Done, group, false})
}

// endedLease waits until the request's lease has ended, with its times and the proof.
func (r *request) endedLease(ctx context.Context) (access.LeaseView, error) {
	var ended access.LeaseView
	err := stack.Poll(ctx, func(ctx context.Context) error {
		leases, err := r.play.client.Leases(ctx, stack.Auditor, r.person)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(leases, func(l access.LeaseView) bool { return l.Lease.Request == r.id && l.State == access.LeaseEnded })
		if i < 0 {
			return fmt.Errorf("no lease of %s has ended yet", r.id)
		}
		ended = leases[i]
		return nil
	})
	if err == nil && (ended.GrantedAt == nil || ended.EndedAt == nil || ended.Verification == nil || ended.Verification.Present) {
		err = fmt.Errorf("the ended lease lacks a time, or the proof that the access is gone: %+v", ended)
	}
	return ended, err
}

// cameAndWent holds that the directory itself added the person to the group once, and removed it once.
func (r *request) cameAndWent(ctx context.Context, group string) error {
	changes, err := r.play.client.Changes(ctx)
	if err != nil {
		return err
	}
	var kinds []string
	for _, c := range changes {
		if c.Group == group && c.User == r.person {
			kinds = append(kinds, c.Kind)
		}
	}
	if !slices.Equal(kinds, []string{"added", "removed"}) {
		return fmt.Errorf("the directory says %v of %s in %s, expected added and removed", kinds, r.person, group)
	}
	return nil
}

// sentence is what the API says to a refused person.
func sentence(err error) string {
	var problem *stack.Problem
	if errors.As(err, &problem) {
		return problem.Detail
	}
	return err.Error()
}

// orNone is an error that says that there was none.
func orNone(err error) error {
	if err == nil {
		return errors.New("no refusal")
	}
	return err
}

// waitsFor wishes that exactly this person is awaited.
func waitsFor(person access.PersonID) func(stack.Detail) error {
	return func(d stack.Detail) error {
		if len(d.WaitingOn) != 1 || d.WaitingOn[0].Person != person {
			return fmt.Errorf("it waits for %v, expected %s; %s", d.WaitingOn, person, d.StatusText)
		}
		return nil
	}
}
