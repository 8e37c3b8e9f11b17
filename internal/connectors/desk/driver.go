package desk

import (
	"context"
	"time"

	"usher/internal/access"
)

// Driver is one vendor's desk, as narrow as it can be. Implementations are safe for concurrent use, never retry and never
// sleep. They classify errors as access.ServiceDesk demands; NotFound is believed only after Self, which is the Desk's
// affair, and a write that may end after the context's write deadline is not made. op is what is being attempted, for the
// errors. Ids of tickets that come in were accepted by Traits.IsID.
type Driver interface {
	// Traits returns what is always true of this desk. It calls nobody, and always returns the same.
	Traits() Traits
	// Self asks whose credentials these are, and so proves that they are good. Bad ones are Forbidden.
	Self(ctx context.Context, op string) (Self, error)
	// Search returns one page of tickets. A search may lag behind the writes, may find too much (the Desk looks again at
	// what it gets), and may answer bad credentials with emptiness. NotFound is never returned: no ticket was named.
	Search(ctx context.Context, op string, s Search) (Page, error)
	// Ticket returns one ticket as it is now, never as a search remembers it, with its history as far as that comes along.
	// NotFound: it does not exist or is hidden.
	Ticket(ctx context.Context, op string, id access.TicketID) (Ticket, error)
	// Tickets returns those of up to 100 tickets that can be seen, in any order. later are those that exist, and that
	// must be read one by one with Ticket.
	Tickets(ctx context.Context, op string, ids []access.TicketID) (tickets []Ticket, later []access.TicketID, err error)
	// History returns the whole history of tickets whose own was not whole, as far as it is about the fields; it may cost a
	// call a ticket. A ticket without such changes may be left out of the map. A driver that may not read histories makes
	// one change of the last updater's, who then counts as the one who moved and assigned the ticket; who changed the text is
	// not known then. A history that is longer than the driver reads is its newest part, and Older.
	History(ctx context.Context, op string, tickets []Ticket, fields []string) (map[access.TicketID][]Change, error)
	// Create opens a ticket that carries the marker from its first moment. It is NOT safe to repeat. Unknown: the ticket may
	// exist. Invalid: nothing was created, and Refused is true for the people because of whom.
	Create(ctx context.Context, op string, d Draft) (Ref, Refused, error)
	// Comments returns one page of a ticket's comments, the newest first. page is CommentPage.Next of the page before, "" for
	// the first.
	Comments(ctx context.Context, op string, id access.TicketID, page string) (CommentPage, error)
	// PublicComments returns one page of the comments that whoever asked for access may read, of all accounts, those written last
	// first. page is as for Comments. What was neither written nor edited at since or later may be left out, and where only such
	// would follow there is no next page; since is zero for all. Forbidden: the account may not see all of them.
	PublicComments(ctx context.Context, op string, id access.TicketID, since time.Time, page string) (PublicPage, error)
	// AddComment adds one comment. It is not safe to repeat by itself: the Desk looks for the markers first. Conflict: the
	// ticket takes no changes.
	AddComment(ctx context.Context, op string, id access.TicketID, c CommentDraft) error
	// Transitions returns the ways out of the present status of a ticket that was read a moment ago. Where every status can be
	// set at any time, they are all others.
	Transitions(ctx context.Context, op string, t Ticket) ([]Transition, error)
	// Transition goes a way. refused reports whether the desk itself refused: the ticket may then be elsewhere by now, and the
	// Desk looks again. Invalid without it: a field has no value, and nothing was sent.
	Transition(ctx context.Context, op string, m Move) (refused bool, err error)
	// Assign assigns a ticket, as it was read a moment ago, to an account that is not its assignee; "" is nobody. Invalid:
	// the account cannot be assigned. A driver whose desk does not refuse clearly asks before, or reads back.
	Assign(ctx context.Context, op string, t Ticket, to access.AccountID) error
	// Users returns the accounts that a search for an e-mail address or a user name finds, each once; it may find too many. Bad
	// credentials may be answered with emptiness.
	Users(ctx context.Context, op, text string) ([]User, error)
	// Schema reads where tickets are opened. The findings are what the driver itself finds wrong there. Without a schema
	// they are all that can be found out now; with an error that is NotFound they are believed once the credentials are proved.
	Schema(ctx context.Context, op string) (*Schema, []access.Finding, error)
	// Check returns what else is wrong, for a configuration that fits the schema. It changes nothing.
	Check(ctx context.Context, op string, s *Schema) ([]access.Finding, error)
}

// Traits are what is always true of a desk.
type Traits struct {
	// Place is what people call the place where tickets are opened: "Jira project".
	Place string
	// IsID reports whether a text can be the id of a ticket. No call is made with one that cannot.
	IsID func(access.TicketID) bool
	// Unit is how the desk counts a text's length. SummaryLimit is how long a summary may be, and CommentRoom how long the
	// text of a comment may be with its marker lines.
	Unit                      Unit
	SummaryLimit, CommentRoom int
	// Grain is that of the times by which the search looks for changes: a second or more.
	Grain time.Duration
	// Lag is how young a change may be for its place in the search to be uncertain.
	Lag time.Duration
	// StatusField and AssigneeField are what the history calls them, and TextFields what holds the ticket's own text.
	StatusField, AssigneeField string
	TextFields                 []string
	// FieldsByName are those configured fields whose changes the history may show by their names only.
	FieldsByName []string
	// Now is usher's clock, the one that the driver goes by as well; nil means time.Now.
	Now func() time.Time
}

// Self is the answer to who we are.
type Self struct {
	// Account is usher's own account. Required.
	Account access.AccountID
	// Clock is the desk's own time; zero when it does not show it.
	Clock time.Time
}

// Search is a search for tickets that usher opened: by Marker, or, where that is "", by the time of their last change.
type Search struct {
	// Marker asks for the tickets that carry it, with Creator, Markers and Original.
	Marker access.Marker
	// Since asks for usher's tickets that changed then or later, the oldest change first. The desk may take its whole grain.
	Since time.Time
	// Light asks for nothing but ids and the times of the last change; else a ticket is whole, as from Tickets.
	Light bool
	// Page is Page.Next of the page before; "" for the first.
	Page string
	// Limit is how many tickets a page holds at most; the desk may return fewer.
	Limit int
}

// Page is one page of a search.
type Page struct {
	Tickets []Ticket
	// Next asks for the next page; "" on the last one. A short or an empty page is not the last for that.
	Next string
	// Now is the desk's own time of the answer; zero when it does not show it.
	Now time.Time
}

// AddressOwner is a driver of a desk where people may be able to change the e-mail addresses of their own accounts.
type AddressOwner interface {
	// AddressesAreOwn reports whether they can: then an address proves nothing.
	AddressesAreOwn(ctx context.Context, op string) (bool, error)
}

// OriginalReader is a driver of a desk whose search does not show which of several tickets with one marker is the original,
// and which can be asked ticket by ticket.
type OriginalReader interface {
	// Original reports whether the ticket carries the marker where copies of a ticket do not inherit it. A ticket that is gone
	// does not.
	Original(ctx context.Context, op string, id access.TicketID, marker access.Marker) (bool, error)
}
