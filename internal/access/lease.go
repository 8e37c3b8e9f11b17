package access

import "time"

// DesiredState is what a lease shall be.
type DesiredState string

// What can be wanted of a lease.
const (
	Present DesiredState = "present"
	Absent  DesiredState = "absent"
)

// LeaseState is where a lease stands.
type LeaseState string

// The states of a lease.
const (
	// LeaseGranting: access is being granted; nothing has been verified yet.
	LeaseGranting LeaseState = "granting"
	// LeaseActive: a read-back showed the access.
	LeaseActive LeaseState = "active"
	// LeaseRevoking: access is being taken away; usher does not give up.
	LeaseRevoking LeaseState = "revoking"
	// LeaseEnded: a read-back showed the access gone; or another lease on the same binding keeps it; or it existed before and
	// stays; or it was never granted.
	LeaseEnded LeaseState = "ended"
)

// Window is when a lease's access shall exist. Until is absolute; nil with Duration > 0 means that the end is counted
// from the verified grant, nil with Duration 0 means without end.
type Window struct {
	From     time.Time  `json:"from"`
	Until    *time.Time `json:"until,omitempty"`
	Duration Duration   `json:"duration,omitempty"`
}

// Lease is an entitlement that a subject holds because of a request.
type Lease struct {
	ID          LeaseID       `json:"id"`
	Request     RequestID     `json:"request"`
	Item        ItemID        `json:"item"`
	Subject     Person        `json:"subject"`
	Entitlement EntitlementID `json:"entitlement"`
	Title       string        `json:"title"`
	Fulfilment  Fulfilment    `json:"fulfilment"`
	// Binding is nil for a manual entitlement whose target usher cannot read.
	Binding *Binding `json:"binding,omitempty"`
	// ExistingAccess is what becomes of access that existed before, at the end of the lease; "" means ExistingRevoke.
	ExistingAccess ExistingAccess `json:"existing_access,omitempty"`
	// Desk is where a human is asked to remove what a human granted, or what usher cannot revoke.
	Desk DeskName `json:"desk,omitempty"`
}

// LeaseView is a lease as it is shown and as the ledger keeps it.
type LeaseView struct {
	Lease        Lease        `json:"lease"`
	Revision     int          `json:"revision"`
	DesiredState DesiredState `json:"desired_state"`
	State        LeaseState   `json:"state"`
	// GrantedAt is when a read-back first showed the access; nil before.
	GrantedAt *time.Time `json:"granted_at,omitempty"`
	// Existing is true when the access existed before usher's first call to grant it.
	Existing bool `json:"existing,omitempty"`
	// EndsAt is when the access will end, nil for without end or not yet known. Duration is how long it will last from a grant
	// that is still to come; 0 for without end, or where EndsAt says it.
	EndsAt   *time.Time `json:"ends_at,omitempty"`
	Duration Duration   `json:"duration,omitempty"`
	// EndedAt is when the lease ended; nil before.
	EndedAt *time.Time `json:"ended_at,omitempty"`
	// GivenBack is LeaseSpec.GivenBack of the message that ends the lease; "" for no such.
	GivenBack RequestID `json:"given_back,omitempty"`
	// Verification is the last read-back.
	Verification *Verification `json:"verification,omitempty"`
	// Problem is why the lease is not yet where it shall be; "" when it is.
	Problem string `json:"problem,omitempty"`
	// Account and RoleID are the target's own ids of the subject's account and of the role, as a verification gave them; ""
	// before.
	Account string `json:"account,omitempty"`
	RoleID  string `json:"role_id,omitempty"`
	// Version grows with every change of this lease; the ledger keeps the highest.
	Version int `json:"version"`
}

// Verification is what a target said when it was read: the evidence that access exists or does not.
type Verification struct {
	// Present is whether the access was there.
	Present bool `json:"present"`
	// Account is the id of the subject's account on the target, and RoleID that of the role: those that were asked for, else
	// those that were looked up; "" for what the target has not.
	Account string `json:"account,omitempty"`
	RoleID  string `json:"role_id,omitempty"`
	// Method is how it was read ("scim group member filter"); Evidence is what was read, in one line.
	Method   string    `json:"method,omitempty"`
	Evidence string    `json:"evidence,omitempty"`
	At       time.Time `json:"at"`
	// Unchanged is true when the access existed before the call that was to grant it (or was gone before the call that
	// was to revoke it). A repeated call reads true as well.
	Unchanged bool `json:"unchanged,omitempty"`
	// OthersLost is how many others held the role before the call, and did not after it, where the target can be asked. The call was
	// for nobody else, so the target may have taken their access away by a fault of its own; or others did, in between. Evidence
	// names them.
	OthersLost int `json:"others_lost,omitempty"`
}

// LeaseSpec asks SubjectAccess for one lease. A lower revision than one already seen changes nothing and is answered with
// the present state; the same revision is answered again.
type LeaseSpec struct {
	Lease        Lease        `json:"lease"`
	Revision     int          `json:"revision"`
	DesiredState DesiredState `json:"desired_state"`
	Window       Window       `json:"window"`
	// Granted is set for a manual grant that has been made already: when a human's word (or a read of the target)
	// proved it.
	Granted *Verification `json:"granted,omitempty"`
	// Reason is why access shall end, for the audit trail; "" for no word of it.
	Reason string `json:"reason,omitempty"`
	// GivenBack names the ticket by which the holder gives the access back, as AskedRequestID does; "" for access that ends otherwise.
	GivenBack RequestID `json:"given_back,omitempty"`
}

// LeaseStatus is the state of a lease, for its request. Refused is why the lease will never be granted; "" otherwise.
type LeaseStatus struct {
	Lease        LeaseID       `json:"lease"`
	Revision     int           `json:"revision"`
	State        LeaseState    `json:"state"`
	GrantedAt    *time.Time    `json:"granted_at,omitempty"`
	EndsAt       *time.Time    `json:"ends_at,omitempty"`
	Verification *Verification `json:"verification,omitempty"`
	Refused      string        `json:"refused,omitempty"`
	// Problem is why the lease is not where it shall be yet, for people; "" when it is.
	Problem string `json:"problem,omitempty"`
	// Version grows with what the lease has to say: of two statuses of one revision, the higher version counts.
	Version int `json:"version,omitempty"`
}
