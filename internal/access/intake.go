package access

import (
	"context"
	"strings"
)

// Origin is the ticket by which a person asked for access: the request keeps that ticket instead of opening one.
type Origin struct {
	Desk   DeskName  `json:"desk"`
	Ticket TicketID  `json:"ticket"`
	Key    TicketKey `json:"key"`
	// Account opened the ticket; it is the requester's, or, where Filed, that of somebody who files for others.
	Account AccountID `json:"account"`
	// Filed is true when Account filed the ticket for the requester. Filer is then whose account it is; "" for nobody's whom usher
	// knows. Who files for others neither approves nor fulfils what they have filed.
	Filed bool     `json:"filed,omitempty"`
	Filer PersonID `json:"filer,omitempty"`
	// TextChange names the last change of the ticket's text from before it was read, see TicketSnapshot; "" for none. A later one
	// is not what was asked.
	TextChange string `json:"text_change,omitempty"`
}

// AskedRequestID returns the id of the request that a ticket asks for. The dot keeps it apart from ids that clients of the API
// choose: the API refuses one with a dot.
func AskedRequestID(desk DeskName, ticket TicketID) RequestID {
	return RequestID(string(desk) + "." + string(ticket))
}

// AskedField is a value that a ticket of a person names.
type AskedField string

// The values that can be asked for on a ticket.
const (
	// AskedAccess is one entitlement, or several, separated by commas or line breaks. Required, unless access is given back.
	AskedAccess AskedField = "access"
	// AskedSubject is whose access it shall be: an e-mail address, a user name, or the source's id. "" is who asks.
	AskedSubject AskedField = "subject"
	// AskedDuration is how long, for all that is asked for: "30d". "" is as long as the catalog allows.
	AskedDuration AskedField = "duration"
	// AskedReason is why. "" is the ticket's summary.
	AskedReason AskedField = "reason"
	// AskedGiveBack is one entitlement, or several, that somebody no longer needs. A ticket asks for access or gives some back.
	AskedGiveBack AskedField = "give_back"
	// AskedRequester is who asks, on a ticket that somebody has filed for them. It stands in a field, never in a line of the text:
	// that may be anybody's.
	AskedRequester AskedField = "requester"
)

// AskedFields lists every AskedField, in the order in which people read them.
func AskedFields() []AskedField {
	return []AskedField{AskedAccess, AskedSubject, AskedDuration, AskedReason, AskedGiveBack, AskedRequester}
}

// Label returns what people write before the value on a ticket: "Access". It is also what they are told about it by.
func (f AskedField) Label() string {
	switch f {
	case AskedSubject:
		return "For"
	case AskedGiveBack:
		return "Give back"
	case AskedAccess, AskedDuration, AskedReason, AskedRequester:
	}
	return strings.ToUpper(string(f[:1])) + string(f[1:])
}

// AskedTicket is a ticket by which a person asks for access, as the desk shows it.
type AskedTicket struct {
	Ref     TicketRef   `json:"ref"`
	Creator DeskAccount `json:"creator"`
	// Filed is true when the creator files for others: who asks is then the value of AskedRequester.
	Filed   bool   `json:"filed,omitempty"`
	Summary string `json:"summary,omitempty"`
	// Text is what the ticket says, as plain text.
	Text string `json:"text,omitempty"`
	// TextChange names the last change of what the ticket says, see TicketSnapshot; "" for none.
	TextChange string `json:"text_change,omitempty"`
	// ChangedByOther is true when somebody else than the creator has changed last what the ticket says. Then it is not the creator's
	// word whom it was filed for, nor that access is given back.
	ChangedByOther bool `json:"changed_by_other,omitempty"`
	// Values are what fields of the ticket hold that the configuration maps; what is missing stands in Text, if at all.
	Values map[AskedField]string `json:"values,omitempty"`
	// Unreadable are the values whose field holds something that the connector cannot read as a text.
	Unreadable []AskedField `json:"unreadable,omitempty"`
}

// DeskAccount is an account of a desk.
type DeskAccount struct {
	ID   AccountID `json:"id"`
	Name string    `json:"name,omitempty"`
	// Person is whose it is by the configured map; "" where the map does not name it.
	Person PersonID `json:"person,omitempty"`
	// Email and UserName are the account's, of which only the one is set by which the desk matches people.
	Email    string `json:"email,omitempty"`
	UserName string `json:"user_name,omitempty"`
}

// TicketIntake is a desk on which people ask for access by tickets of their own. Safe for concurrent use; it never retries.
type TicketIntake interface {
	// AskedTickets returns one page of the tickets of the configured kind that changed at q.Since or later, as ChangedTickets
	// does, with nothing but where they are and the time of their last change. Tickets that ask for nothing may be among them.
	AskedTickets(ctx context.Context, q ChangesQuery) (ChangesPage, error)
	// ReadAsked returns a ticket as it is now. Invalid: it asks for nothing: usher opened it, it belongs to a request already, it
	// is closed, of another kind, or came by a way that does not prove who asks. NotFound as for ReadTicket.
	ReadAsked(ctx context.Context, id TicketID) (AskedTicket, error)
	// BindTicket makes a ticket that an account opened a request's: it carries the marker from then on, and ChangedTickets lists
	// it. It returns what the ticket looks like. Safe to repeat. Invalid: another account opened it, or it belongs to another
	// request. NotFound as for ReadTicket.
	BindTicket(ctx context.Context, id TicketID, creator AccountID, marker Marker) (TicketSnapshot, error)
}

// PersonQuery asks an identity source for one person, by everything that is set. Where two fields find two people, nobody is found.
type PersonQuery struct {
	ID       PersonID `json:"id,omitempty"`
	UserName string   `json:"user_name,omitempty"`
	Email    string   `json:"email,omitempty"`
}
