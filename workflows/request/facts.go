package request

import (
	"slices"
	"time"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
	"usher/workflows/outbox"
	"usher/workflows/ticket"
)

// record adds an event to the audit trail, with the view as it will be when it is written, and returns the number of the
// fact. The event's id comes from what it says, so the same fact is the same event after a reset.
func (r *request) record(e access.Event) int { return r.recordAs("", e) }

// recordAs is record for an event that a key names: the id of a decision, the time of a reminder.
func (r *request) recordAs(key string, e access.Event) int {
	return r.outbox.Add(outbox.Fact{Events: []access.Event{r.event(key, e)}, View: true})
}

func (r *request) event(key string, e access.Event) access.Event {
	e.Request, e.At = r.asked.ID, r.loop.Now()
	e.ID = workflows.EventID(workflows.RequestWorkflowID(r.asked.ID), key, e)
	return e
}

// Complete implements outbox.Owner: the text of a decision is in the state once, so it is not carried in the fact.
func (r *request) Complete(facts []outbox.Fact) []access.Entry {
	var entries []access.Entry
	for _, f := range facts {
		entry := access.Entry{Events: slices.Clone(f.Events), Ticket: f.Ticket}
		for i := range entry.Events {
			if e := &entry.Events[i]; e.Text == "" {
				e.Text = r.decisionEvent(e.ID)
			}
		}
		if !entry.Empty() {
			entries = append(entries, entry)
		}
	}
	if slices.ContainsFunc(facts, func(f outbox.Fact) bool { return f.View }) {
		r.View.Version = workflows.NextVersion(r.View.Version, r.loop.Now())
		view := copyView(r.view())
		entries = append(entries, access.Entry{View: &view})
	}
	return entries
}

// decisionEvent returns the text of the event of a decision.
func (r *request) decisionEvent(id string) string {
	for i, d := range r.View.Decisions {
		key := decisionKey(d.ID, i+1)
		if id == workflows.EventID(workflows.RequestWorkflowID(r.asked.ID), key, access.Event{Type: access.EventDecided}) {
			return workflows.Sentence(d.Name+": "+string(d.Verdict), d.Reason)
		}
	}
	return "A decision."
}

// copyView returns a copy that later changes of the request do not reach.
func copyView(v access.RequestView) access.RequestView {
	v.Items = slices.Clone(v.Items)
	v.WaitingOn = slices.Clone(v.WaitingOn)
	v.Decisions = slices.Clone(v.Decisions)
	return v
}

// Refused implements outbox.Owner: an item whose decision or grant the ledger does not have has failed, for nothing may rest
// on them.
func (r *request) Refused(f outbox.Fact, why string) {
	for _, m := range f.Apply {
		r.fail(m.Spec.Lease.Item, why)
	}
	for _, e := range f.Events {
		if e.Type != access.EventDecided && e.Type != access.EventGrantRequested {
			continue
		}
		for _, id := range e.Items {
			r.fail(id, why)
		}
	}
}

func (r *request) fail(id access.ItemID, why string) {
	item := r.itemOf(id)
	if item.State != access.ItemPending && item.State != access.ItemFulfilling && item.State != access.ItemApproved {
		return
	}
	item.State, item.Detail = access.ItemFailed, "it cannot be recorded: "+why
	r.outbox.Withdraw(access.LeaseIDOf(r.asked.ID, id))
	for i := range r.Grants {
		if r.Grants[i].Item == id {
			r.Grants[i].Answered = r.Grants[i].Revision
		}
	}
}

// Undelivered implements outbox.Owner. A request sends no status.
func (r *request) Undelivered([]access.LeaseID) {}

// decisionComment returns what the ticket says of a decision.
func (r *request) decisionComment(n int) string {
	until := r.View.Decisions[:n]
	all := policy.Approval(*r.Requirement, until, time.Time{}, time.Time{})
	return ticket.DecisionText(until[n-1], all)
}
