package access

import (
	"context"
	"time"
)

// Finding is one thing that Check found wrong. Key is what to change, in the configuration's spelling.
type Finding struct {
	Key     string `json:"key"`
	Problem string `json:"problem"`
}

// Checker reports whether a connector can do its work: credentials, rights, configured names. It changes nothing, and
// repeating it is safe. The findings are what a human must mend; the error is that the question could not be asked
// (Transient, RateLimited) or that the credentials are bad (Forbidden).
type Checker interface {
	Check(ctx context.Context) ([]Finding, error)
}

// Inspector shows a desk as usher sees it.
type Inspector interface {
	// Inspect returns how the desk is set up, and what Check finds. It changes nothing. With an error the view holds what was read
	// before.
	Inspect(ctx context.Context) (DeskView, []Finding, error)
}

// ServiceDesk is what usher needs of a service desk. Implementations are safe for concurrent use, never retry and
// never sleep: they classify (see Kind), and the workflow owns time. A write that may end after the context's write
// deadline (see WithWriteDeadline) is not made, and is Transient. No error text holds a secret.
type ServiceDesk interface {
	TicketOpener
	TicketReader
	TicketFeed
	TicketWriter
	TicketIntake
	TicketApprovals
	AccountFinder
	Checker
	Inspector
}

// TicketOpener opens tickets.
type TicketOpener interface {
	// FindTicket returns the ticket that usher's own account opened and that carries the marker: anybody may put a marker on
	// a ticket of theirs. NotFound: none can be seen now; a desk's search may lag behind its writes, so this proves nothing
	// about a create of a moment ago. If several carry it, the oldest wins.
	FindTicket(ctx context.Context, marker Marker) (TicketRef, error)
	// CreateTicket opens a ticket that carries n.Marker from its first moment. It is NOT safe to repeat. Unknown: the
	// ticket may exist, and the caller must find it before it creates again. Every other kind means that no ticket
	// was created. Invalid names every field that the desk or the field mapping refuses. An assignee or a reporter whom the
	// desk refuses is left out.
	CreateTicket(ctx context.Context, n NewTicket) (TicketRef, error)
}

// TicketReader reads tickets.
type TicketReader interface {
	// ReadTicket returns the ticket as it is now, by its immutable id. NotFound: it does not exist or is hidden, and the
	// credentials were proved good in the same call; bad credentials are Forbidden even where the desk answers with
	// emptiness.
	ReadTicket(ctx context.Context, id TicketID) (TicketSnapshot, error)
	// ReadTickets returns up to 100 tickets as they are now, by their immutable ids, in the order of the call, with as few
	// calls as the desk allows. An id that is asked twice is answered once. Bad credentials are Forbidden, never a long
	// list of what is missing.
	ReadTickets(ctx context.Context, ids []TicketID) (TicketsRead, error)
	// ReadComments returns the comments of others than usher that were written or edited at since or later, each once, the oldest
	// first; of more than MaxTicketComments the newest. since is in the desk's own time, and zero for all. What the desk keeps
	// from whoever asked for access is left out. A ticket that does not exist has none, or is NotFound. Bad credentials are
	// Forbidden, and so is a desk that does not show usher all of them.
	ReadComments(ctx context.Context, id TicketID, since time.Time) ([]TicketComment, error)
}

// TicketFeed lists changed tickets.
type TicketFeed interface {
	// ChangedTickets returns one page of the tickets that usher opened on this desk and that changed, by anybody, at
	// q.Since or later, the oldest change first. A desk's search lags behind its writes, so a change of a moment ago may be
	// missing now and come later; and it shows neither what was deleted nor what is hidden. Tickets that usher did not
	// open may be among the answers. Invalid: the page is no longer known, begin again without one. Bad credentials are
	// Forbidden, even where the desk answers with emptiness.
	ChangedTickets(ctx context.Context, q ChangesQuery) (ChangesPage, error)
}

// TicketWriter changes tickets. Every call is safe to repeat: what is already so is success. NotFound: the ticket does
// not exist or is hidden.
type TicketWriter interface {
	// AddComments adds the comments that the ticket does not have yet, in their order, however often it is called with the
	// same markers. What is missing may go out as one comment with the texts as its paragraphs, so that people are told
	// once. Of a call that fails, the first ones may have been added.
	AddComments(ctx context.Context, id TicketID, all ...Comment) error
	// TransitionTicket brings the ticket into a status of that phase. Conflict: no transition leads there from where the
	// ticket is now, and the text lists those that exist. Invalid: the transition demands a field that the
	// configuration does not provide.
	TransitionTicket(ctx context.Context, id TicketID, to TicketPhase) error
	// AssignTicket assigns the ticket; "" assigns nobody. Invalid: the account cannot be assigned.
	AssignTicket(ctx context.Context, id TicketID, to AccountID) error
}

// TicketApprovals asks people by approvals of the desk's own. What they answer stands in TicketSnapshot.DecisionMoves.
type TicketApprovals interface {
	// SetApprovals opens the approvals that the ticket lacks, as far as they are to be answered, and brings the others into their
	// states. It returns the desk's own ids by the keys of the questions, of all that there are, also with an error. Safe to repeat, but
	// not beside itself for one ticket. Invalid: the desk has no approvals, or its configuration does not use them. Conflict: an account
	// cannot be asked, and all others were. NotFound: the ticket does not exist or is hidden.
	SetApprovals(ctx context.Context, id TicketID, wanted DeskApprovals) (map[string]string, error)
}

// AccountFinder matches persons to the desk's accounts.
type AccountFinder interface {
	// FindAccount returns the person's account: from the configured map, else by a search that must be unambiguous.
	// An account with ID "" and a nil error: the desk knows none (or more than one) for this person. The answer may be
	// remembered for some minutes.
	FindAccount(ctx context.Context, p Person) (Account, error)
}

// Assignment is one subject's hold of one role on a target.
type Assignment struct {
	Role    string `json:"role"`
	Subject Person `json:"subject"`
	// RoleID and Account are the target's own immutable ids of the role and of the subject's account, as an earlier
	// verification named them; "" for what no verification has named yet.
	RoleID  string `json:"role_id,omitempty"`
	Account string `json:"account,omitempty"`
}

// Provisioner is what usher needs of a target. Every call is safe to repeat and safe for concurrent use; it
// touches no other subject's access. A write that may end after the context's write deadline (see WithWriteDeadline) is
// not made, and is Transient.
//
// What the assignment names by an id is never looked up by a name. What it does not is looked up as the configuration
// says, and the verification names both ids, so that the next call knows them. An id that the target does not know any more,
// with good credentials, proves that the access is gone; where the configuration says that a role's name or a person's id
// is the target's own id, that is such an id. A look-up that finds nothing proves nothing, because roles and users are
// renamed: it is NotFound, and the text says whether the role or the account was not found, and by what.
type Provisioner interface {
	// Grant makes the subject hold the role and reads it back. The verification is Present; if the read-back does not show it
	// (yet), the error is Transient. Already so is success. NotFound: the target has no such role, or no account for the
	// subject.
	Grant(ctx context.Context, a Assignment) (Verification, error)
	// Revoke makes the subject not hold the role and reads it back. The verification is not Present; if the read-back still
	// shows it, the error is Transient. Already so is success. NotFound: a look-up found no role, or no account.
	Revoke(ctx context.Context, a Assignment) (Verification, error)
	// Verify reads whether the subject holds the role, and changes nothing. NotFound: as for Revoke.
	Verify(ctx context.Context, a Assignment) (Verification, error)
	Checker
}

// IdentitySource is the authority on people. Safe for concurrent use; changes nothing.
type IdentitySource interface {
	// Lookup returns one person. NotFound: the source knows nobody of that id.
	Lookup(ctx context.Context, id PersonID) (Person, error)
	// FindPerson returns the only person with a user name, or with an e-mail address, without regard to case. NotFound: nobody
	// has it, or more than one. Invalid: the source cannot be asked so. The query has one of the two, and no id.
	FindPerson(ctx context.Context, q PersonQuery) (Person, error)
	Checker
}
