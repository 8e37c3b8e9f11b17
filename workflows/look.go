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
		assign:      r.assignees,
		settles:     need.Terms.DeskSettles.Std(),
		glance:      need.Terms.LookFirst.Std(),
		openAlong:   r.openAlong,
		closeAlong:  r.closeAlong,
		closed: func(along *ride) {
			r.s.Closing, r.s.Shown.Closed = nil, true
			r.recorder.took(along.mark)
		},
		failed: func(kind access.Kind) {
			if kind != access.Unknown {
				r.s.Opening, r.s.Closing = nil, nil
			}
		},
		opened:    func(o activities.Opened, along *ride) { r.ticketOpened(ctx, o, along) },
		gone:      func() { r.ticketGone(ctx) },
		overtaken: func() { r.lookNow = true },
		changed:   func() { r.ticketChanged(ctx) },
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

// assignees are those whom the request waits for.
func (r *accessRequest) assignees() []access.PersonID {
	people := make([]access.PersonID, 0, len(r.s.View.WaitingOn))
	for _, w := range r.s.View.WaitingOn {
		if w.Person != "" {
			people = append(people, w.Person)
		}
	}
	return people
}

// openAlong is what the ledger is told together with the opening of the ticket.
func (r *accessRequest) openAlong(ctx workflow.Context) *ride {
	along := r.recorder.along(ctx)
	if along == nil {
		return nil
	}
	along.entry.Ticket = &access.TicketLink{Request: r.request.ID, Marker: access.MarkerOf(r.request.ID)}
	r.s.Opening = r.alongEvent(ctx, "opened", access.EventTicketOpened, "")
	along.entry.Events = append(along.entry.Events, *r.s.Opening)
	return along
}

// closeAlong is what the ledger is told together with the closing of the ticket.
func (r *accessRequest) closeAlong(ctx workflow.Context) *ride {
	along := r.recorder.along(ctx)
	if along == nil {
		return nil
	}
	r.s.Closing = r.alongEvent(ctx, "closed", access.EventTicketClosed, r.closedText())
	along.entry.Events = append(along.entry.Events, *r.s.Closing)
	return along
}

func (r *accessRequest) ticketOpened(ctx workflow.Context, o activities.Opened, along *ride) {
	ref := o.Ref
	r.s.View.Ticket, r.s.View.TicketProblem = &ref, ""
	if old := r.mirror.Old; old != nil {
		r.mirror.Pending = nil
		r.mirror.write(ticketWrite{Comment: recreatedText(old.Key), MoveTo: r.phaseNow(), Assign: r.nextApprover()})
	}
	r.s.Quiet = 0
	r.s.LookAt = nextLook(workflow.Now(ctx).UTC(), r.lookFirst(), r.lookMost(), 0)
	if !o.Recorded || along == nil || !r.recorder.took(along.mark) {
		r.recordOpened(ctx, o)
	}
	r.lookNow, r.s.HeardEarly = r.lookNow || r.s.HeardEarly, false
	r.s.Opening, r.recorder.held = nil, false
	r.show(ctx)
}

// recordOpened records the opening that did not go along. If an attempt may have recorded it, the same event is recorded
// again, and an event of the count brings the view that knows the ticket.
func (r *accessRequest) recordOpened(ctx workflow.Context, o activities.Opened) {
	text := "Ticket " + string(o.Ref.Key) + " was opened."
	if o.Found {
		text = "Ticket " + string(o.Ref.Key) + " was found: an earlier attempt had opened it."
	}
	if r.s.Opening == nil {
		r.recordTicket(ctx, o.Ref, access.EventTicketOpened, text)
		return
	}
	r.recorder.add(note{Entry: access.Entry{Events: []access.Event{*r.s.Opening}}.Opened(o.Ref)})
	r.recordTicket(ctx, o.Ref, access.EventTicketSeen, text)
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
	r.recorder.held = false
	if r.s.View.TicketProblem != r.mirror.Problem {
		r.s.View.TicketProblem = r.mirror.Problem
		r.show(ctx)
	}
}

// watched reports whether the desk's watch tells the request of changes.
func (r *accessRequest) watched() bool { return r.s.Requirement.Terms.Mode == access.ModeWatch }

// safetyDoublings is how often the time between two questions about the watch's age doubles.
const safetyDoublings = 3

func (r *accessRequest) lookFirst() time.Duration {
	if r.watched() {
		return r.s.Requirement.Terms.Watch.SafetyLook.Std()
	}
	return r.s.Requirement.Terms.LookFirst.Std()
}

func (r *accessRequest) lookMost() time.Duration {
	if r.watched() {
		return r.s.Requirement.Terms.Watch.SafetyLook.Std() << safetyDoublings
	}
	return r.s.Requirement.Terms.LookAtMost.Std()
}

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

// startSafetyLook asks how old the watch's last round is, and looks at the ticket itself only if that is too old.
func (r *accessRequest) startSafetyLook(ctx workflow.Context) {
	r.looking = true
	workflow.Go(ctx, func(ctx workflow.Context) {
		var watch *activities.Watch
		var view access.WatchView
		err := workflow.ExecuteLocalActivity(onThisWorker(ctx), watch.WatchPosition, r.mirror.desk).Get(ctx, &view)
		r.looking = false
		now := workflow.Now(ctx).UTC()
		if err == nil && !view.StaleAt(now, r.s.Requirement.Terms.Watch.StaleAfter) {
			r.s.Quiet++
			r.s.LookAt = nextLook(now, r.lookFirst(), r.lookMost(), r.s.Quiet)
			return
		}
		workflow.GetLogger(ctx).Warn("the desk's watch is stale, so the request looks at its ticket itself",
			"connector", r.mirror.desk, "last_round", view.LookedAt)
		r.startLook(ctx)
	})
}

// heard takes what the desk's watch tells. What it tells is believed only while nothing of usher's own is under way on
// the ticket, and while the request goes on; else the request looks itself.
func (r *accessRequest) heard(ctx workflow.Context, news access.TicketNews) {
	switch {
	case r.mirror == nil || r.mirror.Off:
		return
	case r.mirror.Ref == nil:
		// The ledger, and so the watch, may know the ticket before the answer to its opening is here.
		r.s.HeardEarly = true
		return
	case news.Snapshot.Ref.ID != r.mirror.Ref.ID:
		// It is about a ticket that this one has replaced.
		return
	case news.Missing || r.looking || !r.mirror.upToDate() || r.s.View.State.Ended():
		r.lookNow = true
		return
	}
	mark, fresh := r.mirror.Mark.After(news.Snapshot)
	r.mirror.Mark = mark
	if fresh {
		r.seen(ctx, news.Snapshot)
		r.s.Quiet = 0
		r.s.LookAt = nextLook(workflow.Now(ctx).UTC(), r.lookFirst(), r.lookMost(), 0)
	}
}

// seen compares what the ticket looks like with what was seen before, does what the contract says, and reports
// whether there was anything new.
func (r *accessRequest) seen(ctx workflow.Context, now access.TicketSnapshot) bool {
	before := *r.mirror.Seen
	r.mirror.Seen, r.mirror.Misses = &now, 0
	r.mirror.Mark, _ = r.mirror.Mark.After(now)
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
