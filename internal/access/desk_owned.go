package access

import "context"

// OwnedKind is a kind of records of a desk that name one of its users as their owner: its assets, its open tickets.
type OwnedKind struct {
	// Name is the configuration's.
	Name string `json:"name"`
	// Text is what it is on the desk, for people.
	Text string `json:"text,omitempty"`
}

// Owned is one record of a desk that names a user as its owner.
type Owned struct {
	Kind string `json:"kind"`
	// ID is the desk's immutable id of the record, unique within its kind.
	ID string `json:"id"`
	// Title is what people call it.
	Title string `json:"title,omitempty"`
}

// OwnedQuery asks for the records that a user owns.
type OwnedQuery struct {
	// Kind is the name of an OwnedKind.
	Kind  string
	Owner DeskUser
	// After is the id of the last record of the page before; "" for the first page.
	After string
	// Limit is how many records a page has at most, 1 to MaxOwnedPage; fewer mean that it is the last.
	Limit int
}

// MaxOwnedPage is how many records a page of owned records has at most.
const MaxOwnedPage = 200

// UserBelongings are the records of a desk that name its users as their owners. Implementations are safe for concurrent use, never retry and never
// sleep. No error text holds a secret.
type UserBelongings interface {
	// OwnedKinds returns the kinds that are configured, by name. Invalid names each one that the desk does not have, or whose owner cannot be
	// written.
	OwnedKinds(ctx context.Context) ([]OwnedKind, error)
	// ListOwned returns a page of the records which name the user as their owner now, each once, in an order that stays. Tickets that usher's own
	// account has opened, or that have become a request's, are not among them. None is no error, and it is the truth: the desk has shown that it
	// can be asked so. NotFound: there is no such kind. Transient: it was cut short. Forbidden: bad credentials, or rights that do not show all.
	ListOwned(ctx context.Context, q OwnedQuery) ([]Owned, error)
	// HandOver makes to the owner of a record of from. It reads the record right before it writes, and returns only once the desk shows the new owner.
	// Safe to repeat: already to's is success. Conflict: it is somebody else's, or nobody's, or none that ListOwned lists, such as a ticket that was
	// closed or moved since, and nothing was written. NotFound: there is no such record, or kind. Invalid: to is switched off or is no user of the desk, and nothing was written; or the desk does not let usher do so,
	// or did not.
	HandOver(ctx context.Context, o Owned, from, to DeskUser) error
}
