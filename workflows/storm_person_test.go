package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// personStorm is the story of one person's leases. The requests are played by it.
type personStorm struct {
	*storm
	holder *holder
	claims []*claim
	// had are the roles that ana held before, keeps those that the catalog keeps then. taken are those that a person has taken
	// from her, or given to her, by hand.
	had, keeps, taken map[string]bool
	// lost is true when the run is about to be lost, away while Temporal takes no message.
	// everLost stays true after the first lost run.
	lost, everLost, away bool
	// left is true when ana has left, and gone are the roles that she held then because of a lease.
	left bool
	gone map[string]bool
}

// claim is one item of a request: what it wants of the person's workflow, and what it has heard.
type claim struct {
	name string
	wish access.LeaseSpec
	// sent is true when the wish has been sent, approved when the ledger has the approval, ended when the request has ended.
	sent, approved, ended bool
	// heard is the last answer to the wish.
	heard   *access.LeaseStatus
	refused bool
	resend  time.Duration
	view    access.RequestView
	// retracted is when the ledger heard that the item is not granted.
	retracted time.Duration
}

func (c *claim) answered() bool {
	return c.heard != nil && c.heard.Revision >= c.wish.Revision && (c.heard.Problem == "" || c.heard.State == access.LeaseRevoking)
}

// stormOfAPerson plays one person.
func stormOfAPerson(s *storm) {
	h := &holder{world: newWorld(s.t)}
	p := &personStorm{storm: s, holder: h, had: map[string]bool{}, keeps: map[string]bool{}, taken: map[string]bool{}, gone: map[string]bool{}}
	h.edge = s.chance(5)
	h.quietly()
	h.target.AddRole("anchor")
	s.runs = newRuns(h.world, workflows.SubjectAccessType)
	h.heard = p.hear
	s.runs.each(func() {
		target := &activities.Target{Port: watchedTarget{h.target, p}}
		if !h.edge {
			target.Ledger = h.ledger
		}
		h.env.RegisterActivity(target)
	})
	p.plan()
	s.runs.mustEndBy(stormEnds)
	fresh := []any{workflows.SubjectAccessParams{Subject: "ana"}}
	next := fresh
	for {
		err := s.runs.oneRun(next)
		continues := continuesAsNew(err)
		if continues == nil {
			require.NoError(s.t, err)
			break
		}
		next = rawValues(continues.Input)
		if p.lost {
			p.lost, next = false, fresh
			p.say("the run was lost")
		}
	}
	p.judgeEnd()
}

// stormRoles are those that ana asks for; a person grants some of them by hand.
var stormRoles = []string{"wiki-editors", "wiki-editors", "wiki-admins", "vault"}

func (p *personStorm) plan() {
	r := p.runs
	for _, role := range []string{"wiki-editors", "wiki-admins", "vault"} {
		p.had[role], p.keeps[role] = p.chance(3), p.chance(2)
		if p.had[role] {
			r.target.Put(role, "ana")
		}
	}
	p.log = append(p.log, fmt.Sprintf("edge %t, had %v, keeps %v", p.holder.edge, p.had, p.keeps))
	anchor := &claim{name: "anchor", wish: lease("r0:1", "anchor", 0)}
	p.claims = append(p.claims, anchor)
	r.at(0, func() { p.approve(anchor); p.wishes(anchor) })
	for n := range 2 + p.IntN(5) {
		p.story(n + 1)
	}
	p.faults()
	p.span(1, "Temporal takes no message", func(on bool) { p.away = on })
	for range p.IntN(12) {
		p.act(p.moment())
	}
	p.every(10*time.Minute, p.tick)
	for at := 23*time.Hour + 30*time.Minute; at < stormLasts; at += day {
		// An error that waits for its call may wait for days; a calm hour has none.
		r.at(at.Truncate(day)+stormyPart, func() { r.target.FailNoMore() })
		r.at(at, p.judge)
	}
	p.quiet()
	if p.chance(2) {
		p.at(stormLasts+time.Hour, "ana leaves", p.leaves)
	} else {
		p.at(stormLasts+time.Hour, "nothing is wanted any more", func() {
			p.away = false
			for _, c := range p.claims {
				p.withdraw(c)
			}
		})
	}
	for at := stormLasts + 2*time.Hour; at < stormEnds-day; at += 3 * time.Hour {
		r.at(at, func() { p.removals(func(t memory.DeskTicket) { p.remove(t, true) }) })
	}
}

// story plans what one request wants in the course of time.
func (p *personStorm) story(n int) {
	role := pick(p.storm, stormRoles...)
	id := access.LeaseIDOf(access.RequestID(fmt.Sprintf("r%d", n)), "1")
	c := &claim{name: fmt.Sprintf("%s of %s", id, role), wish: lease(id, role, pick(p.storm, 0, 0, time.Hour, 5*time.Hour, 2*day))}
	if p.keeps[role] {
		c.wish.Lease.ExistingAccess = access.ExistingKeep
	}
	byHand := role == "vault" || p.chance(6)
	if byHand {
		c.wish.Lease.Fulfilment = access.FulfilmentManual
		if p.chance(3) {
			c.wish.Lease.Binding = nil
		}
	}
	p.claims = append(p.claims, c)
	begin := p.moment()
	approved := begin
	if p.chance(6) {
		approved += p.between(0, 3*time.Hour)
	}
	if !p.chance(8) {
		p.at(approved, "approved: "+c.name, func() { p.approve(c) })
	}
	p.at(begin, fmt.Sprintf("wanted: %s, by hand %t, lasts %s", c.name, byHand, c.wish.Window.Duration), func() {
		if byHand {
			p.grantsByHand(c)
		}
		p.wishes(c)
	})
	for at := begin; p.chance(2); {
		at += p.between(0, pick(p.storm, time.Minute, 2*time.Hour, day))
		at = at.Truncate(day) + min(at%day, stormyPart)
		p.later(c, at)
	}
}

// grantsByHand is a person who has granted what is wanted, and says so.
func (p *personStorm) grantsByHand(c *claim) {
	now := p.runs.env.Now().UTC()
	if b := c.wish.Lease.Binding; b != nil {
		p.runs.target.Put(b.Role, "ana")
		p.taken[b.Role] = true
	}
	c.wish.Granted = &access.Verification{Present: true, Method: "a human's word", At: now}
	if lasts := c.wish.Window.Duration; lasts > 0 {
		until := now.Add(lasts.Std())
		c.wish.Window = access.Window{From: now, Until: &until}
	}
}

// later plans what becomes of a wish.
func (p *personStorm) later(c *claim, at time.Duration) {
	switch p.IntN(5) {
	case 0, 1:
		p.at(at, "withdrawn: "+c.name, func() { p.withdraw(c) })
	case 2:
		lasts := pick(p.storm, 0, time.Hour, 3*day)
		p.at(at, fmt.Sprintf("another window: %s, lasts %s", c.name, lasts), func() { p.change(c, access.Window{Duration: access.Duration(lasts)}) })
	case 3:
		from := p.between(-5*time.Hour, day)
		p.at(at, fmt.Sprintf("another end: %s, in %s", c.name, from), func() {
			until := p.runs.env.Now().UTC().Add(from)
			p.change(c, access.Window{Until: &until})
		})
	case 4:
		p.at(at, "wanted again: "+c.name, func() { p.change(c, c.wish.Window) })
	}
}

// change sends another wish for access.
func (p *personStorm) change(c *claim, window access.Window) {
	if !c.sent || c.ended || c.refused {
		return
	}
	c.wish.Revision++
	c.wish.DesiredState, c.wish.Window, c.wish.Granted = access.Present, window, nil
	p.wishes(c)
}

func (p *personStorm) withdraw(c *claim) {
	if !c.sent || c.wish.DesiredState == access.Absent {
		return
	}
	c.wish.Revision++
	c.wish.DesiredState, c.wish.Granted = access.Absent, nil
	p.wishes(c)
}

// wishes sends a wish.
func (p *personStorm) wishes(c *claim) {
	c.sent, c.resend = true, p.runs.passed()+time.Hour
	p.runs.signal(workflows.SignalApplyLease, c.wish)
}

// approve has the ledger know the request, with its item as approved.
func (p *personStorm) approve(c *claim) {
	entry := p.entry(c)
	c.approved, c.view = true, *entry.View
	require.NoError(p.t, p.holder.ledger.Store.Record(p.t.Context(), entry))
}

func (p *personStorm) entry(c *claim) access.Entry {
	id := c.wish.Lease.Request
	item := access.Item{ID: "1", Entitlement: c.wish.Lease.Entitlement}
	return access.Entry{View: &access.RequestView{
		Request: access.Request{ID: id, Requester: "mia", Subject: "ana", SubmittedAt: p.runs.env.Now(), Items: []access.Item{item}},
		State:   access.StateFulfilling, Version: 1,
		Items: []access.ItemView{{Item: item, State: access.ItemFulfilling, Binding: c.wish.Lease.Binding, Fulfilment: c.wish.Lease.Fulfilment}},
	}}
}

// became has the ledger know what became of a request.
func (p *personStorm) became(c *claim, outcome access.RequestState, item access.ItemState) {
	if c.view.Request.ID == "" {
		c.view = *p.entry(c).View
	}
	c.view.State, c.view.Version = outcome, c.view.Version+1
	c.view.Items[0].State = item
	view := c.view
	view.Items = slices.Clone(view.Items)
	require.NoError(p.t, p.holder.ledger.Store.Record(p.t.Context(), access.Entry{View: &view}))
}

// hear is Temporal, which takes what the person's workflow says to the requests.
func (p *personStorm) hear(workflowID, signal string, arg any) error {
	answer, ok := arg.(access.LeaseStatus)
	require.True(p.t, ok && signal == workflows.SignalLeaseStatus)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return serviceerror.NewUnavailable("Temporal is away")
	}
	for _, c := range p.claims {
		if workflows.RequestWorkflowID(c.wish.Lease.Request) != workflowID {
			continue
		}
		if c.ended {
			break
		}
		p.log = append(p.log, fmt.Sprintf("%-14s heard: %s revision %d is %s %s%s", p.runs.passed(), answer.Lease, answer.Revision, answer.State, answer.Problem, answer.Refused))
		if c.heard == nil || answer.Revision >= c.heard.Revision {
			c.heard = &answer
		}
		return nil
	}
	return serviceerror.NewNotFound("no such workflow")
}

// tick is what requests do by themselves.
func (p *personStorm) tick() {
	p.mu.Lock()
	claims := slices.Clone(p.claims)
	p.mu.Unlock()
	for _, c := range claims {
		p.mu.Lock()
		heard := c.heard
		p.mu.Unlock()
		switch {
		case c.ended || !c.sent:
		case heard != nil && heard.Refused != "":
			c.refused = true
			p.end(c, access.OutcomeDenied, access.ItemDenied)
		case c.wish.DesiredState == access.Absent && c.answered():
			p.end(c, access.OutcomeWithdrawn, access.ItemWithdrawn)
		case c.answered() && heard.GrantedAt != nil && p.chance(20):
			p.end(c, access.OutcomeGranted, access.ItemGranted)
		case !c.answered() && p.runs.passed() >= c.resend:
			p.wishes(c)
		}
	}
}

func (p *personStorm) end(c *claim, outcome access.RequestState, item access.ItemState) {
	p.say("request of %s ended: %s", c.name, outcome)
	c.retracted = p.runs.passed()
	p.became(c, outcome, item)
	p.mu.Lock()
	defer p.mu.Unlock()
	c.ended = true
}

// watchedTarget is a target that demands an approval of what it grants.
type watchedTarget struct {
	*memory.Target
	story *personStorm
}

// Grant implements access.Provisioner.
func (w watchedTarget) Grant(ctx context.Context, a access.Assignment) (access.Verification, error) {
	p := w.story
	allowed := slices.ContainsFunc(p.claims, func(c *claim) bool {
		view, err := p.holder.ledger.View(context.WithoutCancel(ctx), c.wish.Lease.Request)
		if err != nil || c.wish.Lease.Binding == nil || c.wish.Lease.Binding.Role != a.Role {
			return false
		}
		item := view.Items[0].State
		return item == access.ItemFulfilling || item == access.ItemGranted || c.retracted == p.runs.passed()
	})
	if p.left {
		p.t.Errorf("%s is granted to somebody who has left", a.Role)
	}
	// A panic would have the activity repeated for ever.
	if !allowed {
		p.t.Errorf("%s is granted without an approval", a.Role)
	}
	return w.Target.Grant(ctx, a)
}

// removals are the tickets that ask for a removal and are open.
func (p *personStorm) removals(do func(memory.DeskTicket)) {
	for _, t := range p.runs.desk.Tickets() {
		if !t.Deleted && !t.Phase.Closed() {
			do(t)
		}
	}
}

// remove is what a person does with such a ticket.
func (p *personStorm) remove(t memory.DeskTicket, takes bool) {
	for _, c := range p.claims {
		if access.RemovalMarkerOf(c.wish.Lease.ID) != t.New.Marker {
			continue
		}
		// The ticket names the access: a person knows where it is, even if usher does not. Where usher cannot read it, a
		// person's word counts, true or not.
		role := c.wish.Lease.Title
		if takes {
			p.runs.target.Take(role, "ana")
		}
		p.taken[role] = p.taken[role] || takes || c.wish.Lease.Binding == nil
	}
	_ = p.runs.desk.MoveAs(p.runs.accounts["ben"], t.Ref.ID, access.TicketDone)
}

// act plans something that happens beside the requests.
func (p *personStorm) act(at time.Duration) {
	r := p.runs
	switch p.IntN(8) {
	case 0:
		takes := p.chance(2)
		p.at(at, fmt.Sprintf("removals are done, in truth %t", takes), func() { p.removals(func(t memory.DeskTicket) { p.remove(t, takes) }) })
	case 1:
		phase := pick(p.storm, access.TicketWontDo, access.TicketOther, access.TicketApproved)
		p.at(at, "removals are moved to "+string(phase), func() {
			p.removals(func(t memory.DeskTicket) { _ = r.desk.MoveAs(r.accounts["ben"], t.Ref.ID, phase) })
		})
	case 2:
		p.at(at, "removals are deleted", func() { p.removals(func(t memory.DeskTicket) { _ = r.desk.Delete(t.Ref.ID) }) })
	case 3:
		op := pick(p.storm, memory.OpGrant, memory.OpRevoke, memory.OpVerify)
		kind := pick(p.storm, access.Transient, access.RateLimited, access.Forbidden, access.Unknown, access.Conflict)
		count := pick(p.storm, 1, 3, 15)
		p.at(at, fmt.Sprintf("the target fails %d times in %s: %s", count, op, kind), func() {
			r.target.FailNext(op, slices.Repeat([]error{access.Errorf(kind, op, "a storm")}, count)...)
		})
	case 4:
		op := pick(p.storm, memory.OpGrant, memory.OpRevoke)
		p.at(at, "the target loses the answer to "+op, func() { r.target.DropAnswerNext(op) })
	case 5:
		p.at(at, "the run is lost", p.lose)
	case 6:
		p.at(at, "old and strange wishes", p.strange)
	case 7:
		op := pick(p.storm, memory.OpCreateTicket, memory.OpTransitionTicket, memory.OpReadTicket)
		p.at(at, "the desk loses the answer to "+op, func() { r.desk.DropAnswerNext(op) })
	}
}

// lose lets the run end, and forgets what it would carry. While the ledger is away nobody terminates a run.
func (p *personStorm) lose() {
	p.holder.ledger.mu.Lock()
	away := p.holder.ledger.away
	p.holder.ledger.mu.Unlock()
	if away || p.away {
		return
	}
	p.lost, p.everLost = true, true
	p.runs.growsLong()
	p.runs.signal(workflows.SignalApplyLease, p.claims[0].wish)
}

// strange sends wishes that are late, or not for ana.
func (p *personStorm) strange() {
	c := p.claims[p.IntN(len(p.claims))]
	if !c.sent {
		return
	}
	late := c.wish
	late.Revision -= 1 + p.IntN(2)
	late.DesiredState = pick(p.storm, access.Present, access.Absent)
	foreign := c.wish
	foreign.Lease.Subject = access.Person{ID: "ben"}
	foreign.Revision += 5
	p.runs.signal(workflows.SignalApplyLease, late)
	p.runs.signal(workflows.SignalApplyLease, foreign)
	p.runs.signal(workflows.SignalApplyLease, access.LeaseSpec{})
}
