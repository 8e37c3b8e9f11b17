package lease

import (
	"cmp"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/ticket"
)

// record is one lease, as it is carried: what decides its next step. Titles of people, settings and verifications stay in the ledger.
type record struct {
	ID          access.LeaseID        `json:"id"`
	Entitlement access.EntitlementID  `json:"ent"`
	Title       string                `json:"title,omitempty"`
	Fulfilment  access.Fulfilment     `json:"by,omitempty"`
	Binding     *access.Binding       `json:"bind,omitempty"`
	Desk        access.DeskName       `json:"desk,omitempty"`
	AtEnd       access.ExistingAccess `json:"at_end,omitempty"`
	// Account and RoleID are the target's own ids, as a verification gave them.
	Account string `json:"acc,omitempty"`
	RoleID  string `json:"rid,omitempty"`

	Revision     int                 `json:"rev"`
	DesiredState access.DesiredState `json:"want"`
	// Reason is why the access shall end, until that has begun, and GivenBack is the ticket that gives it back, both by the last
	// message; "" for no word of it.
	Reason    string           `json:"why,omitempty"`
	GivenBack access.RequestID `json:"back,omitempty"`
	// Until and Duration are the window of the last message: an absolute end, or a length from the grant on.
	Until    *time.Time      `json:"until,omitempty"`
	Duration access.Duration `json:"duration,omitempty"`
	// Granted is the verification of a grant by hand that has not been taken in yet.
	Granted *access.Verification `json:"granted,omitempty"`

	State     access.LeaseState `json:"st"`
	GrantedAt *time.Time        `json:"at,omitempty"`
	EndsAt    *time.Time        `json:"ends,omitempty"`
	EndedAt   *time.Time        `json:"ended,omitempty"`
	Version   int               `json:"v,omitempty"`
	// Loaded is true when the ledger has been asked what it knows of this lease.
	Loaded bool `json:"ld,omitempty"`
	// Foreign is true for a message about another subject: it is refused.
	Foreign bool `json:"foreign,omitempty"`
	// ReadFirst is true when the target's worker does not know the ledger, so that it is asked before each grant.
	ReadFirst bool `json:"edge,omitempty"`
	// BeforeRead is true when such a worker has read what was there before usher's first call.
	BeforeRead bool `json:"before,omitempty"`
	// Attempted is true when a call that may have granted the access was made; Existing when the access was there before.
	Attempted bool `json:"try,omitempty"`
	Existing  bool `json:"ex,omitempty"`
	// StatusDue is true when the request has not been told where the lease stands.
	StatusDue bool `json:"due,omitempty"`
	// ReadAt is when the ledger is asked whether the lease is kept, because its request no longer runs; zero for never.
	ReadAt time.Time `json:"ask,omitzero"`
	// Left is true for a lease that ends because the person has left, or because it was revoked, whatever its request says: existing access goes as
	// well, unless Spared is true, for a lease that alone was revoked: then the catalog decides.
	Left   bool `json:"left,omitempty"`
	Spared bool `json:"spared,omitempty"`
	// Revoked is the revocation that ends the lease; "" for none. Checked is the last hint of one after which the ledger was asked about the lease.
	Revoked access.RevocationID `json:"revoked,omitempty"`
	Checked int                 `json:"checked,omitempty"`
	// Refused is why the lease will never be granted; "" otherwise. Problem is why it is not yet where it shall be.
	Refused string `json:"no,omitempty"`
	Problem string `json:"prob,omitempty"`
	// Failures counts failures in a row, and RetryAt is when the next attempt is due.
	Failures int `json:"fail,omitempty"`
	// Unconfirmed counts how often in a row the ledger did not have the request's approval.
	Unconfirmed int       `json:"unconfirmed,omitempty"`
	RetryAt     time.Time `json:"retry,omitzero"`
	// Paused is true while what the lease needs next is paused, by the last answer: Problem is by whom.
	Paused bool `json:"paused,omitempty"`
	// Nowhere is true while the target knows no such role or no such person: by itself it can neither remove the access nor
	// prove that there is none.
	Nowhere bool `json:"nowhere,omitempty"`
	// Removal is the ticket that asks a person to take the access away; nil when none was needed.
	Removal *ticket.State `json:"removal,omitempty"`
	// Removed is a person's word that the access is gone, until the target has confirmed it; nil for none.
	Removed *access.TicketSnapshot `json:"removed,omitempty"`
}

// lease is one running lease.
type lease struct {
	record
	// number is the lease's place among the leases of this run. changed is true when it must be evaluated, and dueAt is when
	// it must be by the clock: both are the agenda's.
	number  int
	changed bool
	dueAt   time.Time
	// verification is the last read-back of this run; nil for none.
	verification *access.Verification
	// busy is true while an activity for this lease is in flight, reading while the ledger is asked whether it is kept.
	busy, reading bool
	// fact is the number of the last fact of this lease.
	fact    int
	removal *ticket.Keeper
}

// origin returns the request and the item where the lease comes from: its id is "<request id>:<item id>", and no request id has a colon.
func (r *record) origin() (access.RequestID, access.ItemID) {
	for i := len(r.ID) - 1; i >= 0; i-- {
		if r.ID[i] == ':' {
			return access.RequestID(r.ID[:i]), access.ItemID(r.ID[i+1:])
		}
	}
	return access.RequestID(r.ID), ""
}

// end returns when the access must be gone by the clock; nil for never.
func (r *record) end() *time.Time {
	if r.EndsAt != nil {
		return r.EndsAt
	}
	return r.Until
}

// mustEnd reports whether the access must be gone: it is not wanted, or its time is over.
func (r *record) mustEnd(now time.Time) bool {
	end := r.end()
	return r.DesiredState == access.Absent || (end != nil && !now.Before(*end))
}

// byHand reports whether a person takes the access away, because usher does not grant it or cannot reach it.
func (r *record) byHand() bool { return r.Fulfilment == access.FulfilmentManual || r.Binding == nil }

// proved reports whether a person's grant is to be taken in. It is also for somebody who has left, so that it is taken away.
func (r *record) proved() bool {
	return r.Granted != nil && (r.DesiredState == access.Present || r.Left)
}

// isPresent reports whether the lease keeps the access for others that end: it is held, or is being granted by a call that may
// have been made already.
func (r *record) isPresent(now time.Time) bool {
	return (r.State == access.LeaseActive || (r.State == access.LeaseGranting && r.Attempted)) && !r.mustEnd(now)
}

// view returns the lease as people and the ledger see it.
func (l *lease) view(subject access.Person) access.LeaseView {
	request, item := l.origin()
	view := access.LeaseView{
		Lease: access.Lease{
			ID: l.ID, Request: request, Item: item, Subject: subject, Entitlement: l.Entitlement, Title: l.Title,
			Fulfilment: l.Fulfilment, Binding: l.Binding, Desk: l.Desk, ExistingAccess: l.AtEnd,
		},
		Revision: l.Revision, DesiredState: l.DesiredState, State: l.State, GrantedAt: l.GrantedAt, EndsAt: l.EndsAt, EndedAt: l.EndedAt,
		Verification: l.verification, Problem: l.Problem, Existing: l.Existing, Version: l.Version, Account: l.Account, RoleID: l.RoleID,
		GivenBack: l.GivenBack,
	}
	if l.State == access.LeaseGranting {
		// A run that is lost leaves it to the next to know when the access ends.
		view.EndsAt, view.Duration = l.end(), l.Duration
	}
	return view
}

// recordInput asks the ledger about the lease.
func (l *lease) recordInput(subject access.PersonID) activities.ReadLeaseRecordInput {
	request, item := l.origin()
	return activities.ReadLeaseRecordInput{
		Lease: l.ID, Request: request, Item: item, Subject: subject, Entitlement: l.Entitlement, Binding: l.Binding,
		Revision: l.Revision,
	}
}

// applySpec takes a message. A lower revision than one already seen is answered with the present state; the same is answered
// again.
func (l *lease) applySpec(m access.LeaseSpec) {
	if m.Revision > l.Revision {
		if l.State == access.LeaseGranting {
			l.comeBack()
		}
		l.Revision, l.DesiredState, l.Granted = m.Revision, m.DesiredState, m.Granted
		l.Until, l.Duration = m.Window.Until, m.Window.Duration
		l.Failures, l.RetryAt, l.Paused = 0, time.Time{}, false
		l.applyReason(m)
		l.refuseLate()
	}
	l.StatusDue = true
}

// applyReason takes why the access shall end. What the ledger could not keep is left out: whoever may write to the namespace can send it.
func (l *lease) applyReason(m access.LeaseSpec) {
	if !l.Left {
		l.Reason = ""
	}
	l.GivenBack = ""
	if m.DesiredState != access.Absent {
		return
	}
	if !l.Left && access.Limits().KeptReason.Fits(m.Reason) {
		l.Reason = m.Reason
	}
	if access.ValidRequestID(string(m.GivenBack)) {
		l.GivenBack = m.GivenBack
	}
}

// refuseLate refuses a wish for access that has begun to end, or must because the person has left: it ends, and another lease must be
// asked for.
func (l *lease) refuseLate() {
	late := l.State == access.LeaseRevoking || l.State == access.LeaseEnded || (l.State == access.LeaseActive && l.Left)
	if l.DesiredState == access.Present && late {
		l.DesiredState, l.Refused = access.Absent, "the lease has begun to end"
	}
}

// newLease returns the lease that a message asks for.
func newLease(m access.LeaseSpec) *lease {
	l := &lease{record: record{
		ID: m.Lease.ID, Entitlement: m.Lease.Entitlement, Title: m.Lease.Title, Fulfilment: m.Lease.Fulfilment,
		Binding: m.Lease.Binding, Desk: m.Lease.Desk, AtEnd: m.Lease.ExistingAccess, State: access.LeaseGranting,
	}}
	l.applySpec(m)
	return l
}

// recovered returns a lease as the ledger knows it.
func recovered(v access.LeaseView) *lease {
	window := access.Window{Duration: v.Duration}
	if v.State == access.LeaseGranting {
		window.Until = v.EndsAt
	}
	l := newLease(access.LeaseSpec{Lease: v.Lease, Revision: v.Revision, DesiredState: v.DesiredState, Window: window})
	l.StatusDue = false
	l.applyRecord(v)
	return l
}

// applyRecord goes on from what the ledger knows of this lease. The message of a higher revision still says what is wanted.
func (l *lease) applyRecord(v access.LeaseView) {
	l.State, l.GrantedAt, l.EndedAt, l.verification, l.Existing = v.State, v.GrantedAt, v.EndedAt, v.Verification, v.Existing
	l.Version = max(l.Version, v.Version)
	l.Account, l.RoleID, l.GivenBack = v.Account, v.RoleID, cmp.Or(l.GivenBack, v.GivenBack)
	l.Attempted = v.State != access.LeaseEnded
	switch {
	case v.State == access.LeaseEnded && (l.DesiredState == access.Present || l.Left):
		l.Refused = "the lease has ended"
	case v.Revision >= l.Revision:
		l.comeBack()
		l.Revision, l.DesiredState, l.EndsAt = v.Revision, v.DesiredState, v.EndsAt
	case l.State == access.LeaseActive:
		l.EndsAt = l.windowEnd()
	default:
		l.refuseLate()
	}
}

// windowEnd returns the end that the window gives a granted lease; nil for none.
func (l *lease) windowEnd() *time.Time {
	switch {
	case l.Until != nil:
		return l.Until
	case l.Duration > 0 && l.GrantedAt != nil:
		until := l.GrantedAt.Add(l.Duration.Std())
		return &until
	}
	return nil
}

// status is what the request is told.
func (l *lease) status() activities.LeaseStatusMessage {
	request, _ := l.origin()
	return activities.LeaseStatusMessage{
		WorkflowID: workflows.RequestWorkflowID(request), Signal: workflows.SignalLeaseStatus,
		Status: access.LeaseStatus{
			Lease: l.ID, Revision: l.Revision, State: l.State, GrantedAt: l.GrantedAt, EndsAt: l.EndsAt,
			Verification: l.verification, Refused: l.Refused, Problem: l.Problem, Version: l.Version,
		},
	}
}
