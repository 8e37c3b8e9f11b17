package lease

import (
	"time"

	"usher/internal/access"
)

// action is the next step of a lease.
type action string

const (
	// wait: nothing is to be done now.
	wait action = "wait"
	// waitForOther waits until another lease's call has ended. What the ledger said will be out of date then.
	waitForOther action = "wait for another lease"
	// load asks the ledger what it knows of the lease.
	load action = "load"
	// refuse: nothing says where the access is granted, or the person has left, or it was revoked, before usher granted anything.
	refuse action = "refuse"
	// grantAccess has the access granted on the target.
	grantAccess action = "grant"
	// takeGrant takes a grant by hand that has been proved.
	takeGrant action = "take the grant by hand"
	// endUngranted: usher never granted anything, so there is nothing to take away.
	endUngranted action = "end without a grant"
	// beginEnd begins to end the access.
	beginEnd action = "begin to end"
	// endKept: the access was there before, and the catalog keeps it.
	endKept action = "end, the access existed before"
	// verifyKept reads the access that another lease keeps; endOverlapped ends without a read, where nothing can be read.
	verifyKept    action = "verify what another lease keeps"
	endOverlapped action = "end, another lease keeps it"
	// revoke takes the access away on the target; removeByHand has a person do it.
	revoke       action = "revoke"
	removeByHand action = "remove by hand"
	// verifyRemoved lets the target confirm that a person has taken the access away.
	verifyRemoved action = "verify the removal"
)

// others is what the person's other leases mean for one of them.
type others struct {
	// keeper is another lease that holds the same access and goes on holding it; nil for none. granting is one that is
	// being granted: it reserves the access.
	keeper, granting *record
	// busy is true while a call for another lease on the same binding is in flight.
	busy bool
	// waitsTurn is true while leases end in the order of their targets and those of an earlier one have to go first.
	waitsTurn bool
}

// next returns the next step of a lease. It is pure: the lease, the others and the time say everything.
func next(l *record, o others, now time.Time) action {
	switch {
	case l.State == access.LeaseEnded || now.Before(l.RetryAt):
		return wait
	case l.State == access.LeaseGranting:
		return nextGrant(l, o, now)
	case !l.Loaded:
		return load
	case l.State == access.LeaseRevoking:
		// What has begun to end ends, whatever is wanted now.
		return nextEnd(l, o)
	case l.mustEnd(now):
		return beginEnd
	}
	return wait
}

// nextGrant is the next step of a lease that is being granted.
func nextGrant(l *record, o others, now time.Time) action {
	switch taken := l.proved(); {
	case l.Foreign:
		// It is refused; how depends on what the ledger has.
		return load
	case taken && l.Loaded:
		// What a person has granted is held, even if its time is over by now: it must be taken away again.
		return takeGrant
	case !l.Loaded && (taken || l.mustEnd(now) || l.Binding == nil):
		// Of what must end, or is refused, an earlier run may have granted something.
		return load
	case l.mustEnd(now):
		return nextUngranted(l)
	}
	return nextGrantCall(l, o)
}

// nextGrantCall is the next step of a lease that shall be granted now.
func nextGrantCall(l *record, o others) action {
	// Whether the access was there before shows only when it is known whether another lease has granted it.
	waits := o.busy || (o.granting != nil && !l.Attempted)
	switch {
	case l.Binding == nil:
		return refuse
	case waits && l.Loaded:
		return waitForOther
	case waits:
		return wait
	case !l.Loaded && l.ReadFirst:
		return load
	}
	return grantAccess
}

// nextUngranted is the next step of a lease that must end while it is being granted. A request asks for the end of a grant
// by hand only when a person has said that it was made.
func nextUngranted(l *record) action {
	switch {
	case l.Attempted || (l.Fulfilment == access.FulfilmentManual && l.DesiredState == access.Absent && !l.Left):
		return beginEnd
	case l.Left:
		return refuse
	}
	return endUngranted
}

// reserved reports whether what ends is not taken away yet, because another lease will hold the access in a moment. One that no approval
// stands for holds nothing back, nor does one whose grant is paused, nor one that must end what usher has granted to somebody who has left.
func reserved(l *record, o others) bool {
	return o.granting != nil && o.granting.Unconfirmed == 0 && !o.granting.Paused &&
		(!l.Left || l.GrantedAt == nil || o.granting.DesiredState == access.Present)
}

// nextEnd is the next step of a lease that ends.
func nextEnd(l *record, o others) action {
	// Where usher cannot reach the access, a person takes it away, whoever granted it.
	byHand := l.byHand()
	switch {
	case o.keeper != nil && byHand:
		return endOverlapped
	case !byHand && (reserved(l, o) || o.busy):
		return wait
	case o.keeper != nil:
		return verifyKept
	case l.Existing && (l.GrantedAt == nil || (l.AtEnd == access.ExistingKeep && (!l.Left || l.Spared))):
		return endKept
	case o.waitsTurn && l.Removal == nil:
		return wait
	case byHand:
		return nextRemoval(l)
	}
	return revoke
}

// nextRemoval is the next step of a lease that a person ends.
func nextRemoval(l *record) action {
	switch {
	case l.Removed != nil && l.Binding != nil:
		return verifyRemoved
	case l.Removal != nil:
		// The ticket brings the next step.
		return wait
	}
	return removeByHand
}
