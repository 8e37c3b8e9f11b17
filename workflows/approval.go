package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// collectDecisions waits until every item is decided, the deadline has passed, or the request is stopped.
func (r *accessRequest) collectDecisions(ctx workflow.Context) error {
	if r.s.View.State != access.StateAwaitingApprove {
		return nil
	}
	alarms := func() []alarm {
		return []alarm{{*r.s.View.DecideBy, alarmDeadline}, {r.s.RemindAt, alarmReminder}}
	}
	ring := func(name alarmName) {
		switch name {
		case alarmDeadline:
			r.expire(ctx)
		case alarmReminder:
			r.remindApprovers(ctx)
		case alarmLook, alarmEnsure, alarmCheck:
		}
	}
	return r.until(ctx, alarms, ring, func() bool { return r.s.Stop != nil || !r.undecided() })
}

func (r *accessRequest) undecided() bool {
	return slices.ContainsFunc(r.s.View.Items, func(i access.ItemView) bool { return i.State == access.ItemPending })
}

// expire lets the deadline pass: what nobody decided expires, what was approved goes on.
func (r *accessRequest) expire(ctx workflow.Context) {
	for i := range r.s.View.Items {
		if item := &r.s.View.Items[i]; item.State == access.ItemPending {
			item.State, item.Why = access.ItemExpired, "nobody decided by "+clock(*r.s.View.DecideBy)
		}
	}
	r.record(ctx, access.Event{
		Type: access.EventDecided, Channel: access.ChannelSystem,
		Text: "The time for decisions is over; awaited were " + r.awaited() + ".",
	})
}

func (r *accessRequest) validateDecide(d access.Decision) error {
	if r.known(d.ID) {
		return nil
	}
	if r.s.View.State.Ended() || r.s.Stop != nil {
		return refuse(r.tooLate())
	}
	if r.s.Requirement == nil {
		return refuse(&refused{access.Conflict, "state", "policy has not answered yet; try again in a moment"})
	}
	why, _ := mayDecide(*r.s.Requirement, r.s.View.Decisions, d)
	if why != nil {
		return refuse(why)
	}
	return nil
}

func (r *accessRequest) decide(ctx workflow.Context, d access.Decision) (access.RequestView, error) {
	if r.known(d.ID) {
		return r.s.View, nil
	}
	d.Channel = access.ChannelAPI
	err := r.awaitRecorded(ctx, r.take(ctx, d))
	return r.s.View, err
}

func (r *accessRequest) known(id string) bool {
	return id != "" && slices.ContainsFunc(r.s.View.Decisions, func(d access.Decision) bool { return d.ID == id })
}

// operatorDecided takes a decision that came by signal. Whoever may write to the namespace can send one, so it is an
// operator's, never the named approver's.
func (r *accessRequest) operatorDecided(ctx workflow.Context, d access.Decision) {
	claimed := d.By
	d.Channel, d.By, d.Name, d.Proof = access.ChannelOperator, "", "an operator", "signal to the workflow"
	if claimed != "" {
		d.Proof += "; it named " + string(claimed)
	}
	why := ""
	switch {
	case r.s.Requirement == nil || r.s.View.State != access.StateAwaitingApprove || r.s.Stop != nil:
		why = "the request does not wait for decisions"
	case !r.s.Requirement.Terms.OperatorDecisions:
		why = "operators' decisions do not count here"
	default:
		if no, _ := mayDecide(*r.s.Requirement, r.s.View.Decisions, d); no != nil {
			why = no.why
		}
	}
	if why != "" {
		r.record(ctx, access.Event{
			Type: access.EventDecisionRefused, Channel: access.ChannelOperator, Proof: d.Proof,
			Text: "A decision by signal does not count: " + why + ".",
		})
		return
	}
	r.take(ctx, d)
}

// take records a decision that may be taken, and gives the ledger's mark for it.
func (r *accessRequest) take(ctx workflow.Context, d access.Decision) int {
	_, open := mayDecide(*r.s.Requirement, r.s.View.Decisions, d)
	d.At = workflow.Now(ctx).UTC()
	d.Items, d.Stages = nil, nil
	for _, t := range open {
		d.Items = append(d.Items, t.need.Item.ID)
		d.Stages = append(d.Stages, t.stage.Name)
		if d.By != "" {
			d.Name = approverName(t.stage, d.By)
		}
	}
	r.s.View.Decisions = append(r.s.View.Decisions, d)
	tallies := tallyOf(*r.s.Requirement, r.s.View.Decisions)
	for i, t := range tallies {
		item := &r.s.View.Items[i]
		if item.State == access.ItemPending {
			item.State = t.state
			if t.state == access.ItemDenied {
				item.Why = sentence("denied by "+t.said.Name, t.said.Reason)
			}
		}
	}
	r.s.StageSince = d.At
	r.armReminder(ctx)
	r.tellApprovals(ctx)
	write := ticketWrite{Comment: decisionText(d, tallies), Assign: r.nextApprover()}
	if d.Channel == access.ChannelTicket && r.undecided() {
		write.MoveTo = access.TicketWaiting
	}
	r.mirror.write(write)
	mark := r.record(ctx, access.Event{
		Type: access.EventDecided, Actor: d.By, Channel: d.Channel, Proof: d.Proof, Items: d.Items,
		Text: sentence(d.Name+": "+string(d.Verdict), d.Reason),
	})
	r.show(ctx)
	return mark
}

func approverName(stage access.Stage, id access.PersonID) string {
	for _, p := range stage.Approvers {
		if p.ID == id {
			return p.Name()
		}
	}
	return string(id)
}

// remindApprovers puts a reminder on the ticket.
func (r *accessRequest) remindApprovers(ctx workflow.Context) {
	r.armReminder(ctx)
	r.mirror.write(ticketWrite{Comment: reminderText(r.awaited(), r.s.StageSince, *r.s.View.DecideBy)})
	r.record(ctx, access.Event{Type: access.EventReminded, Channel: access.ChannelSystem, Text: "Reminded: " + r.awaited() + "."})
}

// armReminder sets the next reminder.
func (r *accessRequest) armReminder(ctx workflow.Context) {
	r.s.RemindAt = time.Time{}
	if after := r.s.Requirement.Terms.RemindAfter.Std(); after > 0 {
		r.s.RemindAt = workflow.Now(ctx).UTC().Add(after)
	}
}

// awaited names whom the open stages wait for.
func (r *accessRequest) awaited() string {
	return awaitedNames(tallyOf(*r.s.Requirement, r.s.View.Decisions))
}

// tellApprovals says in the view whom the request waits for.
func (r *accessRequest) tellApprovals(_ workflow.Context) {
	v := &r.s.View
	v.WaitingOn = nil
	if v.State != access.StateAwaitingApprove {
		return
	}
	for i, t := range tallyOf(*r.s.Requirement, v.Decisions) {
		v.Items[i].Stage = t.stage.Name
		if t.state != access.ItemPending {
			continue
		}
		for _, p := range t.stage.Approvers {
			r.await(access.Waiting{Person: p.ID, Name: p.Name(), Stage: t.stage.Name, Since: r.s.StageSince}, t.need.Item.ID)
		}
	}
	if !r.undecided() {
		v.Next = "Every item is decided."
		return
	}
	v.Next = "Waiting for " + r.awaited() + " to decide, until " + clock(*v.DecideBy) + "."
}

// await adds an item to what somebody is awaited for.
func (r *accessRequest) await(w access.Waiting, item access.ItemID) {
	for i := range r.s.View.WaitingOn {
		if known := &r.s.View.WaitingOn[i]; known.Person == w.Person && known.Stage == w.Stage {
			known.Items = append(known.Items, item)
			return
		}
	}
	w.Items = []access.ItemID{item}
	r.s.View.WaitingOn = append(r.s.View.WaitingOn, w)
}

// nextApprover is the account that the ticket is assigned to: the first person awaited whom the desk knows; nil to
// leave the assignee alone.
func (r *accessRequest) nextApprover() *access.AccountID {
	for _, w := range r.s.View.WaitingOn {
		if account := r.mirror.account(w.Person); account != "" {
			return &account
		}
	}
	return nil
}
