package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// takeBack, when the request was stopped, takes back what it has had granted: the subject's workflow is told, and once it
// has answered it does not give up until the access is gone.
func (r *accessRequest) takeBack(ctx workflow.Context) error {
	if r.s.Stop == nil || r.s.View.State.Ended() {
		return nil
	}
	if r.s.View.State != access.StateClosing {
		r.mirror.held = false
		r.enter(ctx, access.StateClosing)
		r.s.View.WaitingOn = nil
		r.s.View.Next = "The request is being taken back."
		for i := range r.s.Grants {
			g := &r.s.Grants[i]
			g.CheckAt = zeroTime
			if g.Revision > 0 || g.Claim != nil {
				r.askFor(ctx, g, access.Absent, nil)
			}
		}
		r.show(ctx)
	}
	r.s.RemindAt = zeroTime
	return r.until(ctx, r.grantAlarms, func(name alarmName) { r.ringGrant(ctx, name) }, func() bool {
		return !slices.ContainsFunc(r.s.Grants, func(g itemGrant) bool { return g.Answered < g.Revision })
	})
}

// end gives the request its outcome and has the ticket closed.
func (r *accessRequest) end(ctx workflow.Context) {
	v := &r.s.View
	if v.State.Ended() {
		return
	}
	if s := r.s.Stop; s != nil {
		r.endItems(s)
	}
	outcome := outcomeOf(*v, r.s.Stop)
	r.enter(ctx, outcome)
	ended := v.Since
	v.EndedAt, v.WaitingOn = &ended, nil
	for i := range v.Items {
		v.Items[i].Stage = ""
	}
	v.Next = "Ended: " + string(outcome) + "."
	r.s.LookAt, r.s.RemindAt = zeroTime, zeroTime
	if r.mirror != nil {
		to := access.TicketWontDo
		if outcome.KeepsAccess() {
			to = access.TicketDone
		}
		r.mirror.held = false
		r.mirror.write(ticketWrite{Comment: outcomeText(*v), MoveTo: to})
		// What the ledger hears last goes along with the closing of the ticket, if that can be done now.
		r.recorder.held = r.mirror.Ref != nil && r.mirror.Problem == "" && !r.mirror.Off && !r.mirror.busy
	}
	event := access.Event{Type: access.EventEnded, Channel: access.ChannelSystem, Text: "The request ended: " + string(outcome) + "."}
	if s := r.s.Stop; s != nil {
		event.Actor, event.Channel, event.Proof = s.By, s.Channel, s.Proof
		event.Text = sentence("The request ended: "+string(outcome)+", by "+s.Name, s.Reason)
	}
	r.record(ctx, event)
	r.show(ctx)
}

// endItems gives the items that are still open the state that the stop means for them.
func (r *accessRequest) endItems(s *stop) {
	for i := range r.s.View.Items {
		item := &r.s.View.Items[i]
		switch item.State {
		case access.ItemPending, access.ItemApproved, access.ItemFulfilling, access.ItemGranted:
			item.State = stoppedItem(s.Outcome)
			item.Why = sentence(string(s.Outcome)+" by "+s.Name, s.Reason)
		case access.ItemDenied, access.ItemWithdrawn, access.ItemExpired, access.ItemCancelled, access.ItemRefused:
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

// outcomeOf is the request's outcome: the stop's, else what became of the items.
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
	case count[access.ItemDenied] > 0:
		return access.OutcomeDenied
	default:
		return access.OutcomeExpired
	}
}
