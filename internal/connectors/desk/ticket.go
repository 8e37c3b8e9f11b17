package desk

import (
	"strconv"
	"time"

	"usher/internal/access"
)

// Ref is where a ticket is.
type Ref struct {
	// ID never changes. Key is what people call the ticket; it may change.
	ID  access.TicketID
	Key access.TicketKey
	// URL is where people open it; "" for nowhere.
	URL string
}

// Ticket is a ticket as the desk shows it. Which fields are filled depends on the question.
type Ticket struct {
	Ref
	// Project is the desk's container of the ticket; "" for none.
	Project string
	Status  Status
	// WontDo: the ticket has a resolution that means that it was not fulfilled. It counts once the ticket is closed.
	WontDo bool
	// Assignee is "" for nobody.
	Assignee access.AccountID
	// Updated is the desk's own time of the last change of any kind.
	Updated time.Time
	// Revision is what a driver needs to change the ticket only as it was read; "" where it cannot, or for a ticket of a search.
	Revision string
	// Created is when the ticket was opened; zero where ids grow with time.
	Created time.Time
	// Creator is the account that opened it.
	Creator access.AccountID
	// Markers are all that it carries, in their own spelling. Original is true when it carries the one that was searched for
	// where a copy of a ticket does not inherit it.
	Markers  []access.Marker
	Original bool
	// Changes is the history, in any order. Whole is false when it may lack something, and History must be asked.
	Changes []Change
	Whole   bool
	// Answered is true when answers to its approvals were read after it: its history must not be older than they are.
	Answered bool
}

// Status is a status of the desk.
type Status struct {
	// ID is what the history calls it; the name, where it has no other. Required.
	ID string
	// Name is what people and the configuration call it.
	Name string
	// Phase is where a ticket stands in this status if the configuration does not list it; "" means access.TicketOther.
	Phase access.TicketPhase
}

// label returns how people and configuration name the status: `"New" (1)`.
func (s Status) label() string {
	text := strconv.Quote(s.Name)
	if s.ID != s.Name {
		text += " (" + s.ID + ")"
	}
	return text
}

// Change is one entry of a ticket's history.
type Change struct {
	// ID grows with time, as a number does; "" where it does not, and then At decides which change is the newer one.
	ID     string
	At     time.Time
	By     access.AccountID
	ByName string
	Items  []Item
}

// name names the change: another one has another name.
func (c Change) name() string { return access.ChangeName(c.ID, c.At, c.By, "") }

// Older returns the change that stands in a history for all those that are older than the driver reads, where the history is longer than
// that. Whoever made them may have changed what the ticket says, so nothing on the ticket gives access.
func Older() Change { return Change{By: olderChanges, Items: []Item{{ID: olderChanges}}} }

// olderChanges stands for a field and for an account, and is the id of none.
const olderChanges = "(unread older changes)"

// Item is one field that a change changed.
type Item struct {
	// ID and Name are the field's; either may be "".
	ID, Name string
	// NameOnly: the history shows a field of the customer's own by its name, which the configuration does not know.
	NameOnly bool
	// To is the new value: for a status Status.ID. ToName is a status's name; "" where that is the same.
	To, ToName string
}

// of reports whether the item is about a field.
func (i Item) of(field string) bool { return i.ID == field || i.Name == field }

// User is an account that a search found.
type User struct {
	ID access.AccountID
	// Name is the user name; "" where accounts have none. Email is "" when the desk hides it.
	Name, Email string
	// Usable reports whether it is a person's and active.
	Usable bool
	// MatchAlone: its address is hidden, and it may be matched when the search finds no other account.
	MatchAlone bool
}

// Transition is a way out of a ticket's present status.
type Transition struct {
	// ID is the driver's own; Name is for people only.
	ID, Name string
	To       Status
	// DoneOnly is why this way can close a ticket as done only, in a few words; "" when it can say that nothing was done.
	DoneOnly string
	// Native is what the driver needs of it again when the way is gone.
	Native any
}

// Move is a way that a ticket is to go.
type Move struct {
	// Ticket is as it was read a moment ago.
	Ticket Ticket
	// Way is one of its transitions, and To the phase that it is to lead to: done and wont_do can be one status.
	Way Transition
	To  access.TicketPhase
}

// Schema is what tickets are opened with.
type Schema struct {
	// Fields are those that can be set on a new ticket, by id.
	Fields map[string]Field
	// Statuses are those that tickets can have, in the desk's order; nil where the desk does not list them.
	Statuses []Status
	// Native is what the driver needs of it again in Draft.Schema.
	Native any
}

// Field is a field of a new ticket.
type Field struct {
	ID, Name string
	// Type is the desk's word for it. TakesText reports whether a text can be put into it.
	Type      string
	TakesText bool
	// Required: a ticket without a value is refused. Provided: usher's values are there without a mapping.
	Required, Provided bool
}

// Label returns how people and configuration name the field: `Cost centre (customfield_10049)`.
func (f Field) Label() string {
	if f.Name == "" || f.Name == f.ID {
		return f.ID
	}
	return f.Name + " (" + f.ID + ")"
}
