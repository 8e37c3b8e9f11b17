package request

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
	"usher/workflows/ticket"
)

// approvals returns where every item stands now.
func (r *request) approvals() policy.Approvals { return r.approvalsAt(r.loop.Now()) }

func (r *request) approvalsAt(now time.Time) policy.Approvals {
	all := policy.Approval(*r.Requirement, r.View.Decisions, *r.View.ApprovalDeadline, now)
	for i := range all {
		// Nobody decides an item whose decisions cannot be recorded.
		if r.View.Items[i].State == access.ItemFailed {
			all[i] = policy.ItemApproval{Need: all[i].Need, State: access.ItemFailed}
		}
	}
	return all
}

// expire lets the deadline pass: what nobody decided expires, what was approved goes on.
func (r *request) expire(now time.Time) {
	if r.View.State != access.StateAwaitingApproval || r.Stop != nil || now.Before(*r.View.ApprovalDeadline) || !r.has(access.ItemPending) {
		return
	}
	awaited := r.approvalsAt(r.View.ApprovalDeadline.Add(-1)).AwaitedNames()
	for i := range r.View.Items {
		if item := &r.View.Items[i]; item.State == access.ItemPending {
			item.State, item.Detail = access.ItemExpired, "nobody decided by "+workflows.Clock(*r.View.ApprovalDeadline)
		}
	}
	r.record(access.Event{
		Type: access.EventDecided, Channel: access.ChannelSystem,
		Text: "The time for decisions is over; awaited were " + awaited + ".",
	})
}

// operatorDecided takes a decision that came by signal. Whoever may write to the namespace can send one, so it is an
// operator's, never the named approver's.
func (r *request) operatorDecided(d access.Decision) {
	claimed := d.By
	if why := unfit(d); why != nil {
		r.refuseOperator("signal to the workflow", why.Field+": "+why.Problem)
		return
	}
	d.Channel, d.By, d.Name, d.Evidence = access.ChannelOperator, "", "an operator", "signal to the workflow"
	if claimed != "" {
		d.Evidence += "; it named " + string(claimed)
	}
	if !r.evaluated() && r.Stop == nil {
		r.Early = append(r.Early, d)
		return
	}
	r.judgeOperator(d)
}

func (r *request) judgeOperator(d access.Decision) {
	if r.known(d.ID) {
		return
	}
	if why := r.whyOperatorNot(d); why != "" {
		r.refuseOperator(d.Evidence, why)
		return
	}
	r.recordDecision(d, false)
}

func (r *request) refuseOperator(evidence, why string) {
	r.record(access.Event{
		Type: access.EventDecisionRefused, Channel: access.ChannelOperator, Evidence: evidence,
		Text: "A decision by signal was not accepted: " + why + ".",
	})
}

// unfit returns what of a decision the ledger could not keep; nil for nothing. The API asks the same before; who may write to
// the namespace is not asked.
func unfit(d access.Decision) *policy.Rejection {
	limits := access.Limits()
	texts := []struct {
		field, text string
		limit       access.TextLimit
	}{{"id", d.ID, limits.Decision}, {"by", string(d.By), limits.Person}, {"verdict", string(d.Verdict), limits.Decision}, {"reason", d.Reason, limits.KeptReason}}
	for _, t := range texts {
		if problem := t.limit.Problem(t.text); problem != "" {
			return &policy.Rejection{Kind: access.Invalid, Field: t.field, Problem: problem}
		}
	}
	if len(d.Items) > limits.KeptItems || slices.ContainsFunc(d.Items, func(id access.ItemID) bool { return !limits.Item.Fits(string(id)) }) {
		return &policy.Rejection{Kind: access.Invalid, Field: "items", Problem: fmt.Sprintf("expected at most %d ids of items", limits.KeptItems)}
	}
	return nil
}

// whyOperatorNot returns why an operator's decision does not count; "" when it does.
func (r *request) whyOperatorNot(d access.Decision) string {
	switch {
	case r.Requirement == nil || r.View.State.Ended() || r.Stop != nil:
		return "the request does not wait for decisions"
	case !r.Requirement.Settings.OperatorDecisions:
		return "operators' decisions do not count here"
	}
	if _, why := r.approvals().Judge(*r.Requirement, r.View.Decisions, d); why != nil {
		return why.Problem
	}
	return ""
}

// recordDecision records a decision that may be taken, and returns the number of its fact. byMove is true when the ticket was moved to
// decide, and has to go back where more decisions are awaited.
func (r *request) recordDecision(d access.Decision, byMove bool) int {
	open, _ := r.approvals().Judge(*r.Requirement, r.View.Decisions, d)
	d.At = r.loop.Now()
	d.Items, d.Stages = nil, nil
	for _, a := range open {
		d.Items = append(d.Items, a.Need.Item.ID)
		d.Stages = append(d.Stages, a.Stage.Name)
		if d.By != "" {
			d.Name = approverName(a.Stage, d.By)
		}
	}
	r.View.Decisions = append(r.View.Decisions, d)
	for i, a := range r.approvals() {
		item := &r.View.Items[i]
		if item.State == access.ItemPending {
			item.State = a.State
			if a.State == access.ItemDenied {
				item.Detail = workflows.Sentence("denied by "+a.By.Name, a.By.Reason)
			}
		}
	}
	r.StageSince, r.Reminders = d.At, 0
	r.armReminder()
	r.updateWaitingOn()
	key := decisionKey(d.ID, len(r.View.Decisions))
	write := ticket.Write{Key: key, Assign: r.nextApprover()}
	if byMove && r.has(access.ItemPending) {
		write.TransitionTo = access.TicketWaiting
	}
	r.ticket.Write(write)
	return r.recordAs(key, access.Event{
		Type: access.EventDecided, Actor: d.By, Channel: d.Channel, Evidence: d.Evidence, Items: d.Items,
	})
}

func approverName(stage access.Stage, id access.PersonID) string {
	for _, p := range stage.Approvers {
		if p.ID == id {
			return p.Name()
		}
	}
	return string(id)
}

// remind reminds those who are awaited: the approvers, or the ticket's assignee.
func (r *request) remind(now time.Time) {
	if r.RemindAt.IsZero() || now.Before(r.RemindAt) || r.Stop != nil {
		return
	}
	var text, said string
	switch titles := r.manualOpen(); {
	case r.Ticket.Off:
		// There is no ticket on which anybody could be reminded.
		r.RemindAt = time.Time{}
		return
	case r.View.State == access.StateAwaitingApproval && now.Before(*r.View.ApprovalDeadline):
		awaited := r.approvals().AwaitedNames()
		text = ticket.ReminderText(r.Reminders+1, awaited, r.StageSince, *r.View.ApprovalDeadline)
		said = "Reminded: " + awaited + "."
	case r.View.State == access.StateFulfilling && len(titles) > 0:
		text = ticket.FulfilmentReminderText(r.Reminders+1, titles, r.StageSince)
		said = "Reminded the ticket's assignee."
	default:
		r.RemindAt = time.Time{}
		return
	}
	r.Reminders++
	key := "reminder/" + r.RemindAt.Format(time.RFC3339Nano)
	r.armReminder()
	r.ticket.Write(ticket.Write{Key: key, Text: text})
	if len(r.Asks) > 0 {
		// Somebody may have deleted an approval on the desk: nothing says so, and what is missing is opened again.
		r.showAsks()
	}
	r.recordAs(key, access.Event{Type: access.EventReminded, Channel: access.ChannelSystem, Text: said})
}

// armReminder sets the next reminder.
func (r *request) armReminder() {
	r.RemindAt = time.Time{}
	if after := r.Requirement.Settings.ReminderInterval.Std(); after > 0 {
		r.RemindAt = r.loop.Now().Add(after)
	}
}

// nextApprover returns the account that the ticket is assigned to: the first person awaited whom the desk knows; nil to
// leave the assignee alone.
func (r *request) nextApprover() *access.AccountID {
	for _, w := range r.View.WaitingOn {
		if account := r.ticket.Account(w.Person); account != "" {
			return &account
		}
	}
	return nil
}

// decisionKey names the n-th decision, counted from 1: by its id, for that stays the same after a reset.
func decisionKey(id string, n int) string {
	if id == "" {
		return "decision/" + strconv.Itoa(n)
	}
	return "decision/" + id
}

// decided returns which decision a key names, counted from 1; 0 for none.
func (r *request) decided(key string) int {
	for i, d := range r.View.Decisions {
		if decisionKey(d.ID, i+1) == key {
			return i + 1
		}
	}
	return 0
}
