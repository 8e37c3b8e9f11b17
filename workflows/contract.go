package workflows

import "usher/internal/access"

// moment is what the ticket contract must know of the request to read a change of its ticket.
type moment struct {
	state access.RequestState
	// manual is true while a human's fulfilment is awaited.
	manual bool
	// mayDecide reports whether an account belongs to somebody who may decide now.
	mayDecide func(access.AccountID) bool
}

// ticketEvents says what a human did to the ticket between two looks, in the contract's words. It is pure. What usher's
// own account did is no event; the first look compares with the ticket as usher opened it.
func ticketEvents(before, now access.TicketSnapshot, m moment) []access.TicketEvent {
	var events []access.TicketEvent
	if before.Ref.Key != now.Ref.Key {
		events = append(events, access.EventMoved)
	}
	if before.Assignee != now.Assignee && !now.AssignedOwn {
		events = append(events, access.EventAssigned)
	}
	if now.Own || now.MovedBy == "" || (now.MovedAt.Equal(before.MovedAt) && now.Phase == before.Phase) {
		return events
	}
	if event, ok := statusEvent(before, now, m); ok {
		events = append(events, event)
	}
	return events
}

// statusEvent is the event of a status that a human set; false for one that means nothing in this moment.
func statusEvent(before, now access.TicketSnapshot, m moment) (access.TicketEvent, bool) {
	switch now.Phase {
	case access.TicketApproved, access.TicketDenied:
		if m.state != access.StateAwaitingApprove {
			return "", false
		}
		if m.mayDecide(now.MovedBy) {
			return access.EventDecidedByApprover, true
		}
		return access.EventDecidedByOther, true
	case access.TicketDone:
		switch {
		case m.state == access.StateAwaitingApprove:
			return access.EventClosedUndecided, true
		case m.manual:
			return access.EventClosedDone, true
		}
	case access.TicketWontDo:
		switch {
		case m.state == access.StateAwaitingApprove:
			return access.EventClosedUndecided, true
		case m.manual:
			return access.EventClosedWontDo, true
		}
	case access.TicketWaiting, access.TicketWorking, access.TicketOther:
		if m.state.Ended() && before.Phase.Closed() {
			return access.EventReopened, true
		}
	}
	return "", false
}
