package ticket

import "usher/internal/access"

// Situation is what must be known of a request to interpret a change of its ticket.
type Situation struct {
	State access.RequestState
	// Manual is true while a person's fulfilment is awaited.
	Manual bool
	// MayDecide reports whether an account belongs to somebody who may decide now.
	MayDecide func(access.AccountID) bool
}

// Events returns what a person did to the ticket between two reads, in the contract's words. It is pure. What usher's own
// account did is no event; the first read compares with the ticket as usher opened it.
func Events(before, now access.TicketSnapshot, s Situation) []access.TicketEvent {
	var events []access.TicketEvent
	if before.Ref.Key != now.Ref.Key {
		events = append(events, access.EventMoved)
	}
	if before.Assignee != now.Assignee && !now.AssignedByUsher {
		events = append(events, access.EventAssigned)
	}
	if now.StatusChangedByUsher || now.StatusChangedBy == "" || (now.StatusChangedAt.Equal(before.StatusChangedAt) && now.Phase == before.Phase) {
		return events
	}
	if event, ok := statusEvent(before, now, s); ok {
		events = append(events, event)
	}
	return events
}

// statusEvent returns the event of a status that a person set; false for one that means nothing in this situation.
func statusEvent(before, now access.TicketSnapshot, s Situation) (access.TicketEvent, bool) {
	switch now.Phase {
	case access.TicketApproved, access.TicketDenied:
		if s.State.Ended() {
			return access.EventReopened, before.Phase.Closed()
		}
		if s.MayDecide(now.StatusChangedBy) {
			return access.EventDecidedByApprover, true
		}
		return access.EventDecidedByOther, true
	case access.TicketDone:
		switch {
		case s.State == access.StateAwaitingApproval:
			return access.EventClosedUndecided, true
		case s.Manual:
			return access.EventClosedDone, true
		}
	case access.TicketWontDo:
		switch {
		case s.State == access.StateAwaitingApproval:
			return access.EventClosedUndecided, true
		case s.Manual:
			return access.EventClosedWontDo, true
		}
	case access.TicketWaiting, access.TicketWorking, access.TicketOther:
		if s.State.Ended() && before.Phase.Closed() {
			return access.EventReopened, true
		}
	}
	return "", false
}
