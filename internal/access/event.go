package access

import "time"

// EventType is the kind of an audit event.
type EventType string

// The types of audit event.
const (
	EventSubmitted           EventType = "submitted"
	EventRefused             EventType = "refused"
	EventRequired            EventType = "required"
	EventTicketOpened        EventType = "ticket_opened"
	EventTicketChanged       EventType = "ticket_changed"
	EventTicketCommented     EventType = "ticket_commented"
	EventReminded            EventType = "reminded"
	EventDecided             EventType = "decided"
	EventDecisionRefused     EventType = "decision_refused"
	EventReassigned          EventType = "reassigned"
	EventFulfilment          EventType = "fulfilment"
	EventGrantRequested      EventType = "grant_requested"
	EventWithdrawalRequested EventType = "withdrawal_requested"
	EventEnded               EventType = "ended"
	EventTicketClosed        EventType = "ticket_closed"
	EventLeaseGranted        EventType = "lease_granted"
	EventLeaseRefused        EventType = "lease_refused"
	EventLeaseChanged        EventType = "lease_changed"
	EventLeaseEnding         EventType = "lease_ending"
	EventLeaseEnded          EventType = "lease_ended"
	EventRevocationRequested EventType = "revocation_requested"
	EventRevocationFailing   EventType = "revocation_failing"
	EventOthersLost          EventType = "others_lost"
)

// Event is one line of the audit trail: append-only, never changed. It answers who, when, by which channel, why, and
// on what verification.
type Event struct {
	// ID is "<workflow id>#<type>/<key>", or "lease/<lease id>#<type>/<key>" for an event of a lease. The key comes from what
	// the event says, never from a count, so recording the same fact twice is harmless: the first one stays, with its time.
	ID      string    `json:"id"`
	Request RequestID `json:"request"`
	// Lease is "" for an event of the request itself.
	Lease LeaseID   `json:"lease,omitempty"`
	Type  EventType `json:"type"`
	// At is the workflow's clock, UTC; of EventTicketCommented the desk's.
	At time.Time `json:"at"`
	// Actor is "" for usher itself or for somebody who matches no person.
	Actor   PersonID `json:"actor,omitempty"`
	Channel Channel  `json:"channel"`
	// Evidence is how the actor's identity was established, or what the target said.
	Evidence string `json:"evidence,omitempty"`
	// Text is one sentence for people.
	Text string `json:"text"`
	// Items are the items it is about; empty for the whole request.
	Items []ItemID `json:"items,omitempty"`
}

// Entry is what is recorded in the ledger in one transaction, alone or with others: events are appended (an id that is
// already there is left alone), views and tickets are kept at their highest Version.
type Entry struct {
	Events []Event      `json:"events,omitempty"`
	View   *RequestView `json:"view,omitempty"`
	Lease  *LeaseView   `json:"lease,omitempty"`
	// Ticket links a ticket to the request that it mirrors; nil for none.
	Ticket *TicketLink `json:"ticket,omitempty"`
}

// Empty reports whether there is nothing to record.
func (e Entry) Empty() bool {
	return len(e.Events) == 0 && e.View == nil && e.Lease == nil && e.Ticket == nil
}

// Opened returns the entry with the ticket that was opened at a time filled in: its link, the view's ticket, and the last
// event, whose id it completes with the ticket's. The entry itself is not changed.
func (e Entry) Opened(ref TicketRef, at time.Time) Entry {
	if e.Ticket != nil {
		link := *e.Ticket
		link.Ref = ref
		e.Ticket = &link
	}
	if e.View != nil {
		view := *e.View
		view.Ticket = &ref
		e.View = &view
	}
	if last := len(e.Events) - 1; last >= 0 {
		e.Events = append([]Event(nil), e.Events...)
		event := &e.Events[last]
		event.ID += string(ref.ID)
		event.At, event.Evidence, event.Text = at, ref.URL, "Ticket "+string(ref.Key)+" was opened."
	}
	return e
}

// TicketLink is the request or lease that a ticket belongs to.
type TicketLink struct {
	Ref     TicketRef `json:"ref"`
	Request RequestID `json:"request"`
	// Lease is set on the ticket that asks a human to take a lease's access away.
	Lease LeaseID `json:"lease,omitempty"`
	// Marker is what the ticket carries.
	Marker Marker `json:"marker"`
	// Unlinked is true when the request has let the ticket go: it can no longer be read.
	Unlinked bool `json:"unlinked,omitempty"`
}
