package workflows

import (
	"strconv"

	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// obey does what the contract says that an event means.
func (r *accessRequest) obey(ctx workflow.Context, event access.TicketEvent, now access.TicketSnapshot) {
	meaning := r.s.Requirement.Terms.Contract.Meaning(event)
	who := r.mirror.person(now.MovedBy)
	proof := "desk account " + string(now.MovedBy) + " on " + string(now.Ref.Key)
	if event == access.EventMoved {
		r.s.View.Ticket = &now.Ref
		r.mirror.Ref = &now.Ref
	}
	if event == access.EventClosedDone && (who == r.request.Requester || who == r.request.Subject) {
		r.revert(ctx, now, "who asks for access, or gets it, cannot confirm that it was granted")
		return
	}
	r.record(ctx, access.Event{
		Type: access.EventTicketSeen, Actor: who, Channel: access.ChannelTicket, Proof: proof,
		Text: eventText(event, now) + " This means: " + string(meaning) + ".",
	})
	reason := "ticket " + string(now.Ref.Key) + " was set to " + now.Status
	switch meaning {
	case access.MeansDecision:
		r.decideByTicket(ctx, now, who, proof)
	case access.MeansFulfilled:
		r.claimed(ctx, access.Proof{
			Holds: true, Method: "a human's word", Evidence: proof + " closed it as done",
			At: workflow.Now(ctx).UTC(),
		})
	case access.MeansDeny:
		r.denyOpen(ctx, now, who, proof)
	case access.MeansCancel:
		r.stopFor(stop{
			Outcome: access.OutcomeCancelled, By: who, Name: moverName(now), Channel: access.ChannelTicket,
			Proof: proof, Reason: reason,
		})
	case access.MeansRevert:
		r.revert(ctx, now, r.whyReverted(event, now))
	case access.MeansRecreate:
		r.letGo(*r.mirror.Ref)
		r.mirror.recreate()
	case access.MeansNote:
		r.show(ctx)
	}
}

func eventText(event access.TicketEvent, now access.TicketSnapshot) string {
	by := " by " + moverName(now)
	switch event {
	case access.EventMoved:
		return "The ticket is " + string(now.Ref.Key) + " now."
	case access.EventAssigned:
		return "The ticket's assignee changed."
	case access.EventDeleted:
		return "The ticket can no longer be read."
	case access.EventReopened:
		return "The ticket was opened again" + by + "."
	case access.EventClosedUndecided:
		return "The ticket was closed before a decision" + by + "."
	case access.EventClosedDone:
		return "The ticket was closed as done" + by + "."
	case access.EventClosedWontDo:
		return "The ticket was closed as won't do" + by + "."
	case access.EventDecidedByApprover, access.EventDecidedByOther:
		return "The ticket was set to " + now.Status + by + "."
	}
	return string(event)
}

func moverName(now access.TicketSnapshot) string {
	if now.MovedByName != "" {
		return now.MovedByName
	}
	if now.MovedBy != "" {
		return "account " + string(now.MovedBy)
	}
	return "somebody"
}

// decideByTicket takes the move of an approver as a decision.
func (r *accessRequest) decideByTicket(ctx workflow.Context, now access.TicketSnapshot, who access.PersonID, proof string) {
	verdict := access.Approve
	if now.Phase == access.TicketDenied {
		verdict = access.Deny
	}
	d := access.Decision{
		// The move itself names the decision, so a look that is repeated decides nothing twice.
		ID: "ticket-" + string(now.Ref.ID) + "-" + strconv.FormatInt(now.MovedAt.UnixMilli(), 10),
		By: who, Verdict: verdict, Channel: access.ChannelTicket, Proof: proof + ", changelog",
	}
	if r.known(d.ID) || r.s.Stop != nil {
		return
	}
	if why, _ := mayDecide(*r.s.Requirement, r.s.View.Decisions, d); why != nil {
		r.revert(ctx, now, why.why)
		return
	}
	r.take(ctx, d)
}

// denyOpen denies what is open, by the word of whoever closed the ticket.
func (r *accessRequest) denyOpen(ctx workflow.Context, now access.TicketSnapshot, who access.PersonID, proof string) {
	if r.s.View.State == access.StateAwaitingApprove {
		r.stopFor(stop{
			Outcome: access.OutcomeDenied, By: who, Name: moverName(now), Channel: access.ChannelTicket, Proof: proof,
			Reason: "the ticket was closed before a decision",
		})
		return
	}
	for i := range r.s.View.Items {
		item := &r.s.View.Items[i]
		if item.State == access.ItemFulfilling && item.Fulfilment == access.FulfilmentManual {
			item.State, item.Why = access.ItemDenied, moverName(now)+" closed the ticket as won't do"
		}
	}
	for i := range r.s.Grants {
		if r.itemOf(r.s.Grants[i].Item).State == access.ItemDenied {
			r.s.Grants[i].CheckAt = zeroTime
		}
	}
	r.record(ctx, access.Event{
		Type: access.EventFulfilment, Actor: who, Channel: access.ChannelTicket, Proof: proof,
		Text: moverName(now) + " will not grant what is left by hand.",
	})
}

// revert says on the ticket why a change does not count, and puts the ticket back to where the request stands.
func (r *accessRequest) revert(ctx workflow.Context, now access.TicketSnapshot, why string) {
	r.mirror.write(ticketWrite{Comment: revertText(why), MoveTo: r.phaseNow()})
	r.record(ctx, access.Event{
		Type: access.EventDecisionRefused, Actor: r.mirror.person(now.MovedBy), Channel: access.ChannelTicket,
		Text: "A change of the ticket by " + moverName(now) + " does not count: " + why + ".",
	})
}

func (r *accessRequest) whyReverted(event access.TicketEvent, now access.TicketSnapshot) string {
	switch event {
	case access.EventDecidedByOther, access.EventDecidedByApprover:
		d := access.Decision{By: r.mirror.person(now.MovedBy), Verdict: access.Approve}
		if why, _ := mayDecide(*r.s.Requirement, r.s.View.Decisions, d); why != nil {
			return why.why
		}
		return "decisions are not taken by moving the ticket"
	case access.EventClosedUndecided:
		return "closing the ticket is no decision; awaited: " + r.awaited()
	case access.EventReopened, access.EventClosedDone, access.EventClosedWontDo, access.EventDeleted, access.EventMoved, access.EventAssigned:
	}
	return "the request is " + string(r.s.View.State)
}

// letGo has the ledger forget that a ticket is to be watched.
func (r *accessRequest) letGo(ref access.TicketRef) {
	r.recorder.add(note{Entry: access.Entry{Ticket: &access.TicketLink{
		Ref: ref, Request: r.request.ID, Marker: access.MarkerOf(r.request.ID), Gone: true,
	}}})
}

// ticketGone does what the contract says of a ticket that can no longer be read.
func (r *accessRequest) ticketGone(ctx workflow.Context) {
	now := access.TicketSnapshot{Ref: *r.mirror.Ref}
	r.recorder.held = false
	meaning := r.s.Requirement.Terms.Contract.Meaning(access.EventDeleted)
	if r.s.View.State.Ended() || meaning == access.MeansNote || meaning == access.MeansCancel {
		// Nothing is left to mirror, or nothing to mirror it on.
		r.mirror.Off, r.mirror.Pending = true, nil
		r.letGo(*r.mirror.Ref)
	}
	if !r.s.View.State.Ended() {
		r.obey(ctx, access.EventDeleted, now)
	}
}
