// Package ticket binds one ticket to a workflow and keeps it: it opens the ticket or finds the one that exists, brings it
// up to date, and reads it. It knows nothing of requirements or leases, so a request, a removal and whatever comes use the
// same.
//
// The desk may be down for days: the writes wait in the state, with the time of the next attempt, and the workflow goes on.
package ticket

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// Write is one change that the ticket shall show.
type Write struct {
	// Key names what the comment says, so that it is said once, whatever happens to the run: the id of a decision, the time of
	// a change that is answered. "" is the text itself.
	Key string `json:"key,omitempty"`
	// Text is the comment; "" for none, and for one that the owner's Text makes from the key.
	Text         string             `json:"text,omitempty"`
	TransitionTo access.TicketPhase `json:"transition_to,omitempty"`
	Assign       *access.AccountID  `json:"assign,omitempty"`
	// AssignFrom is as in activities.UpdateTicketInput. A comment with it is said only where the ticket is assigned so.
	AssignFrom []access.AccountID `json:"assign_from,omitempty"`
	// Approvals is true when the desk approvals have changed.
	Approvals bool `json:"approvals,omitempty"`
}

// State is what is carried.
type State struct {
	Ref      *access.TicketRef      `json:"ref,omitempty"`
	Accounts []access.Account       `json:"accounts,omitempty"`
	Pending  []Write                `json:"pending,omitempty"`
	Seen     *access.TicketSnapshot `json:"seen,omitempty"`
	// Fingerprint is what of the ticket's changes has been taken in.
	Fingerprint access.TicketFingerprint `json:"fingerprint,omitzero"`
	// Unbound is true when the ticket by which a person asked cannot be had, and BindMisses counts how often it was not seen.
	Unbound    bool `json:"unbound,omitempty"`
	BindMisses int  `json:"bind_misses,omitempty"`
	// BoundAt is the desk's time at which a ticket was bound: what was done until then is not about the request. Unsaid is true
	// until the ticket says how usher understands it.
	BoundAt time.Time `json:"bound_at,omitzero"`
	// BoundAgain is true if it had been bound before, as before a reset.
	BoundAgain bool `json:"bound_again,omitempty"`
	Unsaid     bool `json:"unsaid,omitempty"`
	// Misses counts reads in a row that found no ticket: one miss proves nothing.
	Misses int `json:"misses,omitempty"`
	// Old is the ticket that this one replaces.
	Old     *access.TicketRef `json:"old,omitempty"`
	Problem string            `json:"problem,omitempty"`
	// WasBehind is true when there has been a Problem: what was recorded meanwhile may name it.
	WasBehind bool `json:"was_behind,omitempty"`
	// Off is true when the contract says to go on without a ticket.
	Off bool `json:"off,omitempty"`
	// Held keeps the writes back while the next thing to say is moments away.
	Held bool `json:"held,omitempty"`
	// RetryAt is when the next attempt is due after a failure, and Failures counts failures in a row. After a create of
	// unknown outcome it is when the desk's search must show the ticket, if there is one.
	RetryAt  time.Time `json:"retry_at,omitzero"`
	Failures int       `json:"failures,omitempty"`
	// ApprovalsFailed counts the calls in a row that could not set the approvals of the desk, and ApprovalsAt is when they are set again;
	// zero for never. WasClosed is true when usher has closed the ticket.
	ApprovalsFailed int       `json:"approvals_failed,omitempty"`
	ApprovalsAt     time.Time `json:"approvals_at,omitzero"`
	WasClosed       bool      `json:"was_closed,omitempty"`
	// Recorded is true when the desk's worker knows the ledger: it recorded the opening.
	Recorded bool `json:"recorded,omitempty"`
	// ClosingRefused is why the desk refused to close the ticket, until it has been read whether somebody else has; "" for none.
	ClosingRefused string `json:"closing_refused,omitempty"`
	// Single sends one write at a time, after a batch was refused.
	Single bool `json:"single,omitempty"`
	// ReadAt is when the ticket is read next, zero for never; UnchangedReads counts reads in a row that found nothing new.
	ReadAt         time.Time `json:"read_at,omitzero"`
	UnchangedReads int       `json:"unchanged_reads,omitempty"`
	// ReadNow asks for a read at once. Unread is true while a read that was wanted has failed.
	ReadNow bool `json:"read_now,omitempty"`
	Unread  bool `json:"unread,omitempty"`
	// ReadFailures counts reads in a row that failed.
	ReadFailures int `json:"read_failures,omitempty"`
}

// Owner is the workflow whose ticket it is.
type Owner interface {
	// Order returns the ticket to open, the people whose accounts are looked up, and whom it may be assigned to.
	Order() activities.OpenTicketInput
	// Opened takes the ticket that was opened or found.
	Opened(activities.OpenTicketResult)
	// Missing takes that the ticket can no longer be read, with credentials that are good.
	Missing()
	// Dropped takes that the desk refuses a write for good.
	Dropped(why string)
	// NotAssigned takes that the desk lets nobody assign the ticket to that account.
	NotAssigned(to access.AccountID, why string)
	// Closed takes that the ticket is closed, and how: "" by the last write, else why it stays as somebody else closed it.
	// recorded is true when the fact of Closing is in the ledger.
	Closed(recorded bool, how string)
	// Closing returns the fact that the closing of the ticket records; nil for none.
	Closing() *access.Entry
	// RecordFirst returns what the call that makes the next writes records before it makes them; nil for nothing. RecordedFirst
	// takes whether it is known to be recorded.
	RecordFirst() []access.Entry
	RecordedFirst(recorded bool)
	// Text returns the comment of a write that has none of its own.
	Text(Write) string
	// Approvals returns the desk approvals that the ticket shall have. Asked takes the desk's own ids of them, by the keys of the
	// questions.
	Approvals() access.DeskApprovals
	Asked(ids map[string]string)
	// Read takes what the ticket looks like, and reports whether there was anything new.
	Read(access.TicketSnapshot) bool
}

// Settings are the desk's.
type Settings struct {
	Desk access.DeskName
	// Marker is what the ticket carries.
	Marker access.Marker
	// SearchDelay is how long after a create of unknown outcome the desk's search must find the ticket.
	SearchDelay time.Duration
	// First and Max are the interval between two reads that find nothing new: it doubles from First to Max.
	First, Max time.Duration
	// Recheck is how soon the ticket is read again after a read that did not find it.
	Recheck time.Duration
	// Guard keeps usher from undoing what somebody else did: a move is not made where the ticket was moved since it was seen
	// last.
	Guard bool
}

// Keeper binds and keeps one ticket. Only one activity on the ticket is in flight at a time, save one read.
type Keeper struct {
	*State
	Settings
	// Changed is called when the result of an activity has been taken: Step may have something to do. nil for nothing.
	Changed func()
	loop    *durable.Loop
	owner   Owner
	// busy is true while a write is in flight, reading while a read is.
	busy, reading bool
	// firstRead is when a ticket that is being opened will first be read: a timer that is set before need not be set again.
	firstRead time.Time
	// writes counts the writes of this run: a read that a write overtook shows a ticket that no longer is.
	writes int
}

const (
	// missesProve is how many reads in a row must find no ticket before it counts as gone.
	missesProve = 2
	// maxBatch is how many writes go out together: one activity must be done with them in its time.
	maxBatch = 10
)

// New returns a keeper over a state.
func New(l *durable.Loop, s *State, settings Settings, owner Owner) *Keeper {
	return &Keeper{State: s, Settings: settings, loop: l, owner: owner}
}

// Write adds a write. It does nothing when there is no ticket to be kept any more.
func (s *State) Write(w Write) {
	if !s.Off {
		s.Pending = append(s.Pending, w)
	}
}

// UpToDate reports whether the ticket shows everything.
func (k *Keeper) UpToDate() bool { return k.Off || (k.Ref != nil && len(k.Pending) == 0) }

// Idle reports whether the ticket shows everything and nothing on it is in flight.
func (k *Keeper) Idle() bool {
	return k.UpToDate() && !k.busy && !k.reading && !k.ReadNow && (k.Off || (k.ApprovalsAt.IsZero() && (!k.Unread || k.ReadAt.IsZero())))
}

// TurnOff ends the keeping: there is no ticket any more, or nothing to show on it.
func (k *Keeper) TurnOff() {
	k.Off, k.Pending, k.Problem, k.ReadNow, k.ReadAt, k.ApprovalsAt = true, nil, "", false, time.Time{}, time.Time{}
	k.Unread = false
}

// Replace lets go of a ticket that is gone; the next step opens another.
func (k *Keeper) Replace() {
	k.Old, k.Ref, k.ReadNow = k.Ref, nil, false
	k.RetryAt, k.Failures, k.ClosingRefused = time.Time{}, 0, ""
	k.Unread, k.ReadFailures = false, 0
}

// Account returns the desk account of a person; "" when the desk knows none.
func (k *Keeper) Account(person access.PersonID) access.AccountID {
	for _, a := range k.Accounts {
		if a.Person == person {
			return a.ID
		}
	}
	return ""
}

// Knows reports whether the desk has been asked for the account of a person, be it that there is none.
func (k *Keeper) Knows(person access.PersonID) bool {
	return slices.ContainsFunc(k.Accounts, func(a access.Account) bool { return a.Person == person })
}

// Person returns whose account it is; "" for somebody else's.
func (k *Keeper) Person(account access.AccountID) access.PersonID {
	for _, a := range k.Accounts {
		if a.ID != "" && a.ID == account {
			return a.Person
		}
	}
	return ""
}

// Due returns when Step has something to do by the clock; zero for never.
func (k *Keeper) Due() time.Time {
	if k.Off {
		return time.Time{}
	}
	var due time.Time
	if k.waits() {
		due = k.RetryAt
	}
	if !k.reading && !k.busy && k.Ref != nil && !k.ReadAt.IsZero() && (due.IsZero() || k.ReadAt.Before(due)) {
		due = k.ReadAt
	}
	if !k.busy && k.Ref != nil && !k.ApprovalsAt.IsZero() && (due.IsZero() || k.ApprovalsAt.Before(due)) {
		due = k.ApprovalsAt
	}
	if !k.firstRead.IsZero() {
		due = k.firstRead
	}
	return due
}

// waits reports whether there is something to write and nothing in flight.
func (k *Keeper) waits() bool { return !k.busy && !k.UpToDate() && (k.Ref == nil || !k.Held) }

// Step opens the ticket or makes the next writes, and reads the ticket when that is due.
func (k *Keeper) Step(now time.Time) {
	if k.Off {
		return
	}
	if !now.Before(k.firstRead) {
		k.firstRead = time.Time{}
	}
	k.retryApprovals(now)
	if k.waits() && !now.Before(k.RetryAt) {
		switch {
		case k.Ref == nil:
			k.open()
		case k.ClosingRefused != "":
			k.dropIfClosed()
		default:
			k.update()
		}
	}
	// What is read beside a write shows a ticket that no longer is.
	if k.Ref != nil && !k.busy && !k.reading && (k.ReadNow || (!k.ReadAt.IsZero() && !now.Before(k.ReadAt))) {
		k.StartRead()
	}
}

// start has an activity on the ticket executed, and its result taken by done.
func start[R any](k *Keeper, options workflow.ActivityOptions, activity, input any, done func(R, error)) {
	durable.Start(k.loop, options, activity, input, func(result R, err error) {
		done(result, err)
		if k.Changed != nil {
			k.Changed()
		}
	})
}

// open finds or creates the ticket. After an outcome that is unknown the desk's search is given its time, so that the next
// attempt finds a ticket that was created: that time is in the state, and a run that continues keeps it.
func (k *Keeper) open() {
	var desk *activities.Desk
	k.busy, k.UnchangedReads = true, 0
	k.readLater()
	k.firstRead = k.ReadAt
	start(k, workflows.OpenTicket(k.Desk), desk.OpenTicket, k.owner.Order(), func(opened activities.OpenTicketResult, err error) {
		k.busy, k.firstRead = false, time.Time{}
		if err != nil {
			k.notOpened(err)
			return
		}
		if opened.NotBound {
			k.Unbound = true
			return
		}
		k.Ref, k.Accounts, k.Problem, k.Misses, k.Failures = &opened.Ref, opened.Accounts, "", 0, 0
		k.RetryAt = time.Time{}
		k.Seen = &access.TicketSnapshot{Ref: opened.Ref, Phase: access.TicketWaiting}
		// A ticket that was out of sight may be found again: what was decided on it then is no news now.
		k.Fingerprint = access.TicketFingerprint{Key: opened.Ref.Key, Decisions: k.Fingerprint.Decisions}
		k.BoundAt, k.BoundAgain, k.Unsaid = time.Time{}, false, false
		if opened.Bound != nil {
			k.bound(*opened.Bound, opened.OpeningKnown)
		}
		k.Recorded = opened.Recorded
		if k.ReadAt.Before(k.loop.Now()) {
			k.readLater()
		}
		k.owner.Opened(opened)
	})
}

// notOpened takes why there is no ticket yet. A call that binds creates nothing, so after an unknown outcome it is made again.
func (k *Keeper) notOpened(err error) {
	k.failed("no ticket yet: ", err)
	switch workflows.KindOf(err) {
	case access.Unknown:
		k.RetryAt = k.loop.Now().Add(k.SearchDelay)
	case access.NotFound:
		k.BindMisses++
		k.Unbound = k.BindMisses >= missesProve
	case access.Transient, access.RateLimited, access.Forbidden, access.Invalid, access.Conflict:
	}
}

// BoundPrefix begins the key of the write that says on a bound ticket how usher understands it.
const BoundPrefix = "bound/"

// bound takes what a ticket looked like when it became the request's: what was done on it before is not about the request. again is true for one
// that has been the request's before, as after a reset: what is denied on it is news. Clocks do not say whether that was done before the request
// began, and a denial too many is better than one that is lost.
func (k *Keeper) bound(now access.TicketSnapshot, again bool) {
	denied := func(phase access.TicketPhase) bool { return again && phase == access.TicketDenied }
	if denied(now.Phase) {
		now.Phase, now.StatusChangedBy, k.ReadNow = access.TicketWaiting, "", true
	}
	if now.Phase.Closed() {
		// It was open when it was read, so somebody has closed the request's ticket: that is news.
		now.Phase, now.StatusChangedBy, k.ReadNow = access.TicketWaiting, "", true
	}
	k.BoundAt, k.BoundAgain, k.Unsaid = now.UpdatedAt, again, true
	// No approval of usher's is older than the request: what was answered to one is news after a reset.
	now.DecisionMoves = slices.DeleteFunc(slices.Clone(now.DecisionMoves), func(m access.TicketMove) bool {
		return m.IsOwnAnswer() || denied(m.Phase)
	})
	k.Fingerprint, _ = access.TicketFingerprint{Key: now.Ref.Key}.After(now)
	now.DecisionMoves = nil
	k.Seen = &now
}

// trouble takes why the ticket is not as it shall be.
func (k *Keeper) trouble(why string) { k.Problem, k.WasBehind = why, true }

// behind begins the reason why a ticket does not show what it shall.
const behind = "ticket is behind: "

// failed takes a failure, save that of a call which was cancelled because the run leaves: the next run makes it again.
func (k *Keeper) failed(what string, err error) {
	if !k.cancelledToLeave(err) {
		k.retry(what + workflows.ErrorText(err))
	}
}

// retry takes why there must be another attempt; its time is in the state.
func (k *Keeper) retry(why string) {
	k.Failures++
	k.RetryAt = k.loop.Now().Add(workflows.RetryConnector.After(k.Failures))
	k.trouble(why)
}

func (k *Keeper) cancelledToLeave(err error) bool {
	return k.loop.Leaving() && temporal.IsCanceledError(err)
}

// update makes the next writes: all that wait together, for what comes later says more than what came before.
func (k *Keeper) update() {
	size := min(len(k.Pending), maxBatch)
	if k.Single {
		size = 1
	}
	batch, later := k.Pending[:size], k.Pending[size:]
	update := k.updateOf(batch, later)
	summary := "update " + string(k.Ref.Key)
	if update.TransitionTo.Closed() && !slices.ContainsFunc(later, Write.showing) {
		update.Record = k.owner.Closing()
		summary = "close " + string(k.Ref.Key)
	}
	options := workflows.Ticket(k.Desk, summary)
	if update.First = k.owner.RecordFirst(); update.First != nil {
		options = workflows.TicketRecordingFirst(k.Desk, summary)
	}
	k.busy = true
	var desk *activities.Desk
	start(k, options, desk.UpdateTicket, update, func(done activities.UpdateTicketResult, err error) {
		k.busy = false
		if update.First != nil {
			k.owner.RecordedFirst(err == nil && !done.Unrecorded)
		}
		switch {
		case err != nil:
			k.refused(err, size, update)
		case !done.Unrecorded:
			k.accept(update, done, size)
		}
	})
}

// Free reports whether Step makes the next writes now, all together and without a failure before, if they are not held back.
func (k *Keeper) Free(now time.Time) bool {
	return k.Ref != nil && !k.Off && !k.busy && !k.Single && k.ClosingRefused == "" && k.Failures == 0 && len(k.Pending) > 0 &&
		!now.Before(k.RetryAt)
}

// updateOf makes one update of several writes. It moves the ticket nowhere if a later write moves it elsewhere.
func (k *Keeper) updateOf(batch, later []Write) activities.UpdateTicketInput {
	update := activities.UpdateTicketInput{Ticket: k.Ref.ID}
	for _, w := range batch {
		text := w.Text
		if text == "" && w.Key != "" {
			text = k.owner.Text(w)
		}
		if text != "" {
			key := w.Key
			if key == "" {
				key = text
			}
			comment := access.Comment{Marker: CommentMarker(k.Marker, key), Text: text}
			if w.AssignFrom == nil {
				update.Comments = append(update.Comments, comment)
			} else {
				update.Assigned = &comment
			}
		}
		if w.Assign != nil {
			update.Assign, update.AssignFrom = w.Assign, slices.Concat(update.AssignFrom, w.AssignFrom)
		}
		if w.TransitionTo != "" {
			update.TransitionTo = w.TransitionTo
		}
		if w.Approvals && update.Approvals == nil {
			approvals := k.owner.Approvals()
			update.Approvals = &approvals
		}
	}
	if slices.ContainsFunc(later, func(w Write) bool { return w.TransitionTo != "" }) {
		update.TransitionTo = ""
	}
	// What closes the ticket shows the outcome, whatever anybody has done to it.
	if k.Guard && update.TransitionTo != "" && !update.TransitionTo.Closed() {
		known := k.Fingerprint
		update.IfUnchanged, update.From = &known, k.Seen.Phase
	}
	return update
}

// CommentMarker returns the marker of a comment. It is made from what the comment says, so it is the same when the workflow
// says it again after a reset.
func CommentMarker(of access.Marker, key string) access.Marker {
	sum := sha256.Sum256([]byte(key))
	const bytes = 8
	return of + "-" + access.Marker(hex.EncodeToString(sum[:bytes]))
}
