package request

import (
	"time"

	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/ticket"
)

// beginRevoking, when the request was stopped, takes back what it has had granted: the subject's workflow is told, and once
// it has answered it does not give up until the access is gone. Where nothing was asked for, there is nothing to take back.
func (r *request) beginRevoking() {
	r.release()
	r.setState(access.StateRevoking)
	r.View.WaitingOn = nil
	r.View.StatusText = "The request is being taken back."
	r.RemindAt = time.Time{}
	for i := range r.Grants {
		g := &r.Grants[i]
		g.CheckAt = time.Time{}
		if g.Revision > 0 || g.Claim != nil {
			r.requestLease(g, access.Absent, nil)
		}
	}
}

// setOutcome ends the request and has the ticket closed.
func (r *request) setOutcome() {
	v := &r.View
	if r.Stop != nil {
		r.endItems(r.Stop)
	}
	outcome := outcomeOf(*v, r.Stop)
	r.setState(outcome)
	ended := v.Since
	v.EndedAt, v.WaitingOn, r.RemindAt = &ended, nil, time.Time{}
	for i := range v.Items {
		v.Items[i].Stage = ""
	}
	v.StatusText = "Ended: " + string(outcome) + "."
	if r.ticket != nil {
		// The audit trail has the outcome before the ticket shows it.
		r.Ticket.Held = true
		r.Ticket.ReadAt, r.Ticket.Unread = time.Time{}, false
		to := access.TicketWontDo
		if outcome.KeepsAccess() {
			to = access.TicketDone
		}
		r.ticket.Write(ticket.Write{Key: "outcome/" + string(outcome), TransitionTo: to})
		if r.AskAfterRead {
			// To release everybody nothing needs to be read before.
			r.AskAfterRead = false
			r.showAsks()
		}
	}
	event := access.Event{Type: access.EventEnded, Channel: access.ChannelSystem, Text: "The request ended: " + string(outcome) + "."}
	if s := r.Stop; s != nil {
		event.Actor, event.Channel, event.Evidence = s.By, s.Channel, s.Evidence
		event.Text = workflows.Sentence("The request ended: "+string(outcome)+", by "+s.Name, s.Reason)
	}
	r.ending = r.record(event)
}

// endItems sets the state of the items that are still open to what the stop means.
func (r *request) endItems(s *stop) {
	for i := range r.View.Items {
		item := &r.View.Items[i]
		switch item.State {
		case access.ItemPending, access.ItemApproved, access.ItemFulfilling, access.ItemGranted:
			item.State = stoppedItem(s.Outcome)
			item.Detail = workflows.Sentence(string(s.Outcome)+" by "+s.Name, s.Reason)
		case access.ItemDenied, access.ItemWithdrawn, access.ItemExpired, access.ItemCancelled, access.ItemRefused, access.ItemFailed:
		}
	}
}

func stoppedItem(outcome access.RequestState) access.ItemState {
	switch outcome {
	case access.OutcomeWithdrawn:
		return access.ItemWithdrawn
	case access.OutcomeDenied:
		return access.ItemDenied
	default:
		return access.ItemCancelled
	}
}

// outcomeOf returns the request's outcome: the stop's, else what became of the items.
func outcomeOf(v access.RequestView, s *stop) access.RequestState {
	if s != nil {
		return s.Outcome
	}
	if len(v.Refusals) > 0 {
		return access.OutcomeRefused
	}
	count := map[access.ItemState]int{}
	for _, item := range v.Items {
		count[item.State]++
	}
	switch {
	case count[access.ItemGranted] == len(v.Items):
		return access.OutcomeGranted
	case count[access.ItemGranted] > 0:
		return access.OutcomePartlyGranted
	case count[access.ItemFailed] > 0:
		return access.OutcomeFailed
	case count[access.ItemDenied] > 0:
		return access.OutcomeDenied
	default:
		return access.OutcomeExpired
	}
}
