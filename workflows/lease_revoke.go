package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// end takes the access away: one round, and then again, for as long as it takes. It is done only when a read-back shows
// the access gone, or when another lease keeps it.
func (l *lease) end(ctx workflow.Context) time.Duration {
	if l.View.State != access.LeaseRevoking {
		l.beginEnd(ctx)
	}
	l.answer(ctx)
	if l.View.Lease.Fulfilment == access.FulfilmentManual {
		return l.removeByHand(ctx)
	}
	return l.revoke(ctx)
}

func (l *lease) beginEnd(ctx workflow.Context) {
	why := "its time is over"
	if l.View.Wanted == access.Absent {
		why = "it is no longer wanted"
	}
	l.View.State, l.View.Problem, l.Rounds = access.LeaseRevoking, "", 0
	l.record(ctx, access.EventLeaseEnding, nil, l.View.Lease.Title+" of "+l.View.Lease.Subject.Name()+" ends: "+why+".")
}

// revoke makes one round on the target.
func (l *lease) revoke(ctx workflow.Context) time.Duration {
	binding := l.View.Lease.Binding
	var kept *lease
	var proof access.Proof
	err := l.onTarget(ctx, &proof, func(ctx workflow.Context, call access.Assignment) workflow.Future {
		var port *activities.Target
		if kept = l.of.keeper(ctx, l); kept != nil {
			return workflow.ExecuteActivity(target(ctx, binding.Target, "verify "+l.View.Lease.Title), port.Verify, call)
		}
		return workflow.ExecuteActivity(target(ctx, binding.Target, "revoke "+l.View.Lease.Title), port.Revoke, call)
	})
	switch {
	case err == nil && kept != nil:
		l.ended(ctx, proof, "lease "+string(kept.View.Lease.ID)+" keeps the access")
		return 0
	case err == nil && !proof.Holds:
		l.ended(ctx, proof, "the target shows it gone")
		return 0
	case err == nil:
		err = access.Errorf(access.Transient, "revoke "+l.View.Lease.Title, "the target still shows the access")
	}
	wait := l.trouble(ctx, err, betweenRevokes)
	if l.Rounds == stuckAfterRounds {
		l.tellHuman(ctx)
	}
	return wait
}

// ended takes the end.
func (l *lease) ended(ctx workflow.Context, proof access.Proof, how string) {
	now := workflow.Now(ctx).UTC()
	l.View.State, l.View.EndedAt, l.View.Proof, l.View.Problem = access.LeaseEnded, &now, &proof, ""
	l.AnswerDue = l.AnswerDue || l.View.Wanted == access.Absent
	if l.mirror != nil && l.View.Lease.Fulfilment != access.FulfilmentManual {
		l.mirror.write(ticketWrite{Comment: "The access is gone: " + how + ".", MoveTo: access.TicketDone})
	}
	l.record(ctx, access.EventLeaseEnded, &proof, l.View.Lease.Title+" of "+l.View.Lease.Subject.Name()+" has ended: "+how+".")
}

// tellHuman opens a ticket that says that usher cannot take the access away; usher goes on trying.
func (l *lease) tellHuman(ctx workflow.Context) {
	if l.mirror != nil || l.View.Lease.Desk == "" {
		return
	}
	l.Removal = &mirrorState{}
	l.startRemoval(ctx)
	l.record(ctx, access.EventLeaseStuck, nil, "Revoking "+l.View.Lease.Title+" has failed "+
		"several times, a human is told: "+l.View.Problem)
}

// removeByHand asks a human to take away what a human granted, and looks until the ticket says that it is done; where the
// target can be read, it must show the access gone.
func (l *lease) removeByHand(ctx workflow.Context) time.Duration {
	if kept := l.of.keeper(ctx, l); kept != nil {
		l.ended(ctx, access.Proof{Holds: true, Method: "lease", Evidence: string(kept.View.Lease.ID), At: workflow.Now(ctx).UTC()},
			"lease "+string(kept.View.Lease.ID)+" keeps the access")
		return 0
	}
	if l.mirror == nil {
		l.Removal = &mirrorState{}
		l.startRemoval(ctx)
	}
	if l.mirror.Ref == nil {
		_ = workflow.Await(ctx, func() bool { return l.disturbed() || l.mirror.Ref != nil })
		return 0
	}
	var desk *activities.Desk
	var look activities.Look
	call := activities.LookCall{Ticket: l.mirror.Ref.ID}
	err := workflow.ExecuteActivity(ticket(ctx, l.mirror.desk, "look at "+string(l.mirror.Ref.Key)), desk.LookAtTicket, call).Get(ctx, &look)
	switch {
	case err != nil:
		return l.trouble(ctx, err, betweenRounds)
	case look.Missing:
		return l.mirror.missed()
	case look.Snapshot.Phase == access.TicketDone:
		return l.removed(ctx, look.Snapshot)
	case look.Snapshot.Phase == access.TicketWontDo && !look.Snapshot.Own:
		l.mirror.write(ticketWrite{Comment: revertText("access that must end ends"), MoveTo: access.TicketWaiting})
	}
	return l.lookLater()
}

func (l *lease) lookLater() time.Duration {
	wait := patience{first: l.View.Lease.LookFirst.Std(), most: l.View.Lease.LookAtMost.Std()}.after(l.Quiet)
	l.Quiet++
	return wait
}

// removed takes a human's word that the access is gone, and lets the target confirm it where it can be read.
func (l *lease) removed(ctx workflow.Context, now access.TicketSnapshot) time.Duration {
	word := access.Proof{
		Method: "a human's word", Evidence: "desk account " + string(now.MovedBy) + " closed " + string(now.Ref.Key) + " as done",
		At: workflow.Now(ctx).UTC(),
	}
	binding := l.View.Lease.Binding
	if binding == nil {
		l.ended(ctx, word, moverName(now)+" says so")
		return 0
	}
	var proof access.Proof
	err := l.onTarget(ctx, &proof, func(ctx workflow.Context, call access.Assignment) workflow.Future {
		var port *activities.Target
		return workflow.ExecuteActivity(target(ctx, binding.Target, "verify "+l.View.Lease.Title), port.Verify, call)
	})
	switch {
	case err != nil:
		return l.trouble(ctx, err, betweenRounds)
	case !proof.Holds:
		l.ended(ctx, proof, moverName(now)+" removed it, and the target shows it gone")
		return 0
	}
	l.mirror.write(ticketWrite{Comment: revertText("the target still shows the access"), MoveTo: access.TicketWaiting})
	return l.lookLater()
}

// startRemoval sets the removal ticket's mirror going.
func (l *lease) startRemoval(ctx workflow.Context) {
	about := l.View.Lease
	why := "Its time is over."
	if about.Fulfilment != access.FulfilmentManual {
		why = "usher cannot take it away, and goes on trying: " + l.View.Problem
	}
	l.mirror = &ticketMirror{
		mirrorState: *l.Removal,
		desk:        about.Desk,
		order:       removalTicket(about, why),
		settles:     about.DeskSettles.Std(),
		glance:      about.LookFirst.Std(),
		opened: func(opened activities.Opened, _ *ride) {
			l.View.Version++
			view := l.View
			l.recorder.add(note{Entry: access.Entry{Lease: &view, Ticket: &access.TicketLink{
				Ref: opened.Ref, Request: about.Request, Lease: about.ID,
				Marker: access.RemovalMarkerOf(about.ID),
			}}})
		},
		gone:    func() { l.mirror.recreate() },
		changed: func() {},
		dropped: func(why string) { workflow.GetLogger(ctx).Warn("removal ticket left as it is", "why", why) },
	}
	workflow.GoNamed(ctx, "removal ticket", l.mirror.run)
}
