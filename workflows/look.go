package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// zeroTime is "not set".
var zeroTime time.Time

// openTicket sets the mirror going: the ticket is opened, or kept up to date, while the request goes on.
func (r *accessRequest) openTicket(ctx workflow.Context) {
	if r.mirror == nil {
		r.mirror = r.newMirror(ctx)
	}
	workflow.GoNamed(ctx, "ticket", r.mirror.run)
}

// newMirror is the mirror of a request whose requirement is known. A run that goes on from another one has it before the
// first message comes.
func (r *accessRequest) newMirror(ctx workflow.Context) *ticketMirror {
	need := *r.s.Requirement
	return &ticketMirror{
		mirrorState: r.s.Ticket,
		desk:        need.Terms.Desk,
		order:       newTicket(r.request, need),
		people:      r.ticketPeople(),
		settles:     need.Terms.DeskSettles.Std(),
		glance:      need.Terms.LookFirst.Std(),
		opened:      func(ref access.TicketRef, found bool) { r.ticketOpened(ctx, ref, found) },
		gone:        func() { r.ticketGone(ctx) },
		changed:     func() { r.ticketChanged(ctx) },
		dropped: func(why string) {
			r.record(ctx, access.Event{Type: access.EventTicketSeen, Channel: access.ChannelSystem, Text: "Left as it is: " + why})
		},
	}
}

// ticketPeople are those whose desk accounts must be known: who asks, who gets, who may decide.
func (r *accessRequest) ticketPeople() []access.Person {
	need := r.s.Requirement
	people := []access.Person{need.Requester}
	seen := map[access.PersonID]bool{need.Requester.ID: true}
	add := func(p access.Person) {
		if !seen[p.ID] {
			seen[p.ID] = true
			people = append(people, p)
		}
	}
	add(need.Subject)
	for _, item := range need.Items {
		for _, stage := range item.Stages {
			for _, p := range stage.Approvers {
				add(p)
			}
		}
	}
	return people
}

func (r *accessRequest) ticketOpened(ctx workflow.Context, ref access.TicketRef, found bool) {
	r.s.View.Ticket, r.s.View.TicketProblem = &ref, ""
	text := "Ticket " + string(ref.Key) + " was opened."
	if found {
		text = "Ticket " + string(ref.Key) + " was found: an earlier attempt had opened it."
	}
	if old := r.mirror.Old; old != nil {
		r.mirror.Pending = nil
		r.mirror.write(ticketWrite{Comment: recreatedText(old.Key), MoveTo: r.phaseNow(), Assign: r.nextApprover()})
	} else if assign := r.nextApprover(); assign != nil {
		r.mirror.write(ticketWrite{Assign: assign})
	}
	r.s.Quiet = 0
	r.s.LookAt = nextLook(workflow.Now(ctx).UTC(), r.lookFirst(), r.lookMost(), 0)
	r.recordTicket(ctx, ref, text)
	r.show(ctx)
}

// phaseNow is where the ticket belongs as the request stands.
func (r *accessRequest) phaseNow() access.TicketPhase {
	switch state := r.s.View.State; {
	case state == access.StateFulfilling, state == access.StateClosing:
		return access.TicketWorking
	case state.KeepsAccess():
		return access.TicketDone
	case state.Ended():
		return access.TicketWontDo
	}
	return access.TicketWaiting
}

// ticketChanged shows what the mirror has to say.
func (r *accessRequest) ticketChanged(ctx workflow.Context) {
	if r.s.View.TicketProblem != r.mirror.Problem {
		r.s.View.TicketProblem = r.mirror.Problem
		r.show(ctx)
	}
}

func (r *accessRequest) lookFirst() time.Duration { return r.s.Requirement.Terms.LookFirst.Std() }
func (r *accessRequest) lookMost() time.Duration  { return r.s.Requirement.Terms.LookAtMost.Std() }

// lookDue is when the ticket is looked at next; zero when nothing is to be looked at, or a look is under way.
func (r *accessRequest) lookDue() time.Time {
	if r.looking || r.mirror == nil || r.mirror.Ref == nil || r.mirror.Off {
		return zeroTime
	}
	return r.s.LookAt
}

// startLook looks at the ticket, beside whatever else the request does.
func (r *accessRequest) startLook(ctx workflow.Context) {
	r.lookNow = false
	if r.mirror == nil || r.mirror.Ref == nil || r.mirror.Off || r.looking {
		return
	}
	r.looking = true
	ref, made := *r.mirror.Ref, r.mirror.made
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer func() { r.looking = false }()
		var desk *activities.Desk
		var look activities.Look
		call := activities.LookCall{Ticket: ref.ID}
		err := workflow.ExecuteActivity(ticket(ctx, r.mirror.desk, "look at "+string(ref.Key)), desk.LookAtTicket, call).Get(ctx, &look)
		now := workflow.Now(ctx).UTC()
		switch {
		case r.mirror.Ref == nil || r.mirror.Ref.ID != ref.ID:
		case err != nil:
			r.mirror.Problem = "the ticket cannot be read: " + sayError(err)
			r.ticketChanged(ctx)
		case r.mirror.made != made:
			r.lookNow = true
			return
		case look.Missing:
			r.s.LookAt = now.Add(r.mirror.missed())
			return
		case r.seen(ctx, look.Snapshot):
			r.s.Quiet = 0
			r.s.LookAt = nextLook(now, r.lookFirst(), r.lookMost(), 0)
			return
		}
		r.s.Quiet++
		r.s.LookAt = nextLook(now, r.lookFirst(), r.lookMost(), r.s.Quiet)
	})
}

// seen compares what the ticket looks like with what was seen before, does what the contract says, and reports
// whether there was anything new.
func (r *accessRequest) seen(ctx workflow.Context, now access.TicketSnapshot) bool {
	before := *r.mirror.Seen
	r.mirror.Seen, r.mirror.Misses = &now, 0
	if r.mirror.Problem != "" && len(r.mirror.Pending) == 0 {
		r.mirror.Problem = ""
		r.ticketChanged(ctx)
	}
	events := ticketEvents(before, now, moment{
		state:     r.s.View.State,
		manual:    len(r.byHandOpen()) > 0,
		mayDecide: r.accountMayDecide,
	})
	for _, event := range events {
		r.obey(ctx, event, now)
	}
	return len(events) > 0
}

func (r *accessRequest) accountMayDecide(account access.AccountID) bool {
	person := r.mirror.person(account)
	if person == "" {
		return false
	}
	why, _ := mayDecide(*r.s.Requirement, r.s.View.Decisions, access.Decision{By: person, Verdict: access.Approve})
	return why == nil
}
