package access

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// RevocationID names one revocation for ever.
type RevocationID string

// RevocationRole is the right by which somebody takes access back.
type RevocationRole string

// The roles. An approver is one of a request whose lease is revoked, and an owner one of its application: both may revoke that lease only.
const (
	RevokedBySubject       RevocationRole = "subject"
	RevokedByApprover      RevocationRole = "approver"
	RevokedByOwner         RevocationRole = "owner"
	RevokedByHelpDesk      RevocationRole = "help_desk"
	RevokedByAdministrator RevocationRole = "administrator"
)

// RevocationScope is what of a person's access is taken back. At most one field is set; none means everything.
type RevocationScope struct {
	Lease       LeaseID       `json:"lease,omitempty"`
	Application string        `json:"application,omitempty"`
	Entitlement EntitlementID `json:"entitlement,omitempty"`
}

// Revocation takes access back from a person before its time. It never changes. It covers what was asked for or granted before it, and nothing
// that is asked for later.
type Revocation struct {
	ID      RevocationID    `json:"id"`
	Subject PersonID        `json:"subject"`
	Scope   RevocationScope `json:"scope"`
	// By is who revokes, in which Role, and Evidence is how that identity was established.
	By       PersonID       `json:"by"`
	Role     RevocationRole `json:"role"`
	Evidence string         `json:"evidence,omitempty"`
	Reason   string         `json:"reason"`
	// At is the gateway's clock, UTC, as Request.SubmittedAt is.
	At time.Time `json:"at"`
	// Leases are those that it covered when it was recorded, of those that had not ended. A grant that was on its way may follow.
	Leases []LeaseID `json:"leases,omitempty"`
}

// Asked is what decides whether a revocation covers a lease.
type Asked struct {
	Lease       LeaseID
	Entitlement EntitlementID
	// SubmittedAt is when the lease's request was submitted; zero where nobody knows.
	SubmittedAt time.Time
	// GrantedAt is when the lease was granted; nil before.
	GrantedAt *time.Time
}

// RevokedLease is a lease that a revocation covers.
type RevokedLease struct {
	Lease      LeaseID      `json:"lease"`
	Revocation RevocationID `json:"revocation"`
	// Reason is who revokes and why, for people.
	Reason string `json:"reason"`
	// Single is true where this lease alone was revoked: the catalog decides what becomes of access that existed before usher granted it. Else
	// it goes as well.
	Single bool `json:"single,omitempty"`
}

// RevocationNotice is what the workflow that holds a person's leases is told of a revocation. It is a hint: the ledger knows what was revoked.
type RevocationNotice struct {
	Revocation RevocationID `json:"revocation"`
}

// Covers reports whether the revocation takes a lease of its subject back. The revocation of a single lease covers it whenever it was asked for.
func (r Revocation) Covers(a Asked) bool {
	switch s := r.Scope; {
	case s.Lease != "":
		return s.Lease == a.Lease
	case s.Entitlement != "" && s.Entitlement != a.Entitlement:
		return false
	case s.Application != "" && s.Application != a.Entitlement.Application():
		return false
	}
	submitted := !a.SubmittedAt.IsZero() && !a.SubmittedAt.After(r.At)
	return submitted || (a.GrantedAt != nil && !a.GrantedAt.After(r.At))
}

// RevokedBy returns which of some revocations of a subject takes a lease of that subject back: one of more than this lease counts more than one of
// this lease alone, else the first. False for none.
func RevokedBy(revocations []Revocation, a Asked) (RevokedLease, bool) {
	found := -1
	for i, r := range revocations {
		if r.Covers(a) && (found < 0 || (r.Scope.Lease == "" && revocations[found].Scope.Lease != "")) {
			found = i
		}
	}
	if found < 0 {
		return RevokedLease{}, false
	}
	r := revocations[found]
	return RevokedLease{Lease: a.Lease, Revocation: r.ID, Reason: r.Text(), Single: r.Scope.Lease != ""}, true
}

// Text returns who revokes and why, as the end of a sentence without its full stop.
func (r Revocation) Text() string {
	who := map[RevocationRole]string{
		RevokedBySubject: "the subject", RevokedByApprover: "an approver", RevokedByOwner: "an owner of the application",
		RevokedByHelpDesk: "the help desk", RevokedByAdministrator: "an administrator",
	}[r.Role]
	return fmt.Sprintf("it was revoked by %s (%s): %s", who, r.By, r.Reason)
}

// String returns what the scope is, for people.
func (s RevocationScope) String() string {
	switch {
	case s.Lease != "":
		return "lease " + string(s.Lease)
	case s.Application != "":
		return "everything of application " + s.Application
	case s.Entitlement != "":
		return "entitlement " + string(s.Entitlement)
	}
	return "everything"
}

// Event returns what the audit trail says of the revocation of a lease that it covers.
func (r Revocation) Event(l Lease) Event {
	return Event{
		ID:      "lease/" + string(l.ID) + "#" + string(EventRevocationRequested) + "/" + string(r.ID),
		Request: l.Request, Lease: l.ID, Items: []ItemID{l.Item}, Type: EventRevocationRequested, At: r.At, Actor: r.By, Channel: ChannelAPI,
		Evidence: r.Evidence, Text: l.Title + " ends early, " + r.Text() + ".",
	}
}

// Same reports whether two revocations of one id are the same call: everything but the time, the evidence, the role and what was found.
func (r Revocation) Same(other Revocation) bool {
	return r.ID == other.ID && r.Subject == other.Subject && r.Scope == other.Scope && r.By == other.By && r.Reason == other.Reason
}

// Problem returns what is wrong with a revocation, as "field: expectation"; "" for nothing.
func (r Revocation) Problem() string {
	limits, set := Limits(), 0
	for _, part := range []string{string(r.Scope.Lease), r.Scope.Application, string(r.Scope.Entitlement)} {
		if part != "" {
			set++
		}
	}
	roles := []RevocationRole{RevokedBySubject, RevokedByApprover, RevokedByOwner, RevokedByHelpDesk, RevokedByAdministrator}
	for _, rule := range []struct {
		broken      bool
		field, want string
	}{
		{!ValidRequestID(string(r.ID)), "id", "expected 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
		{r.Subject == "", "subject", "is empty, expected the id of a person"},
		{!limits.ID.Fits(string(r.Subject)), "subject", limits.ID.Problem(string(r.Subject))},
		{set > 1, "scope", "expected at most one of lease, application and entitlement"},
		{!limits.ID.Fits(string(r.Scope.Lease)), "scope.lease", limits.ID.Problem(string(r.Scope.Lease))},
		{!limits.ID.Fits(r.Scope.Application), "scope.application", limits.ID.Problem(r.Scope.Application)},
		{strings.Contains(r.Scope.Application, "/"), "scope.application", "expected the id of an application, without /"},
		{!limits.ID.Fits(string(r.Scope.Entitlement)), "scope.entitlement", limits.ID.Problem(string(r.Scope.Entitlement))},
		{r.By == "", "by", "is empty, expected the id of a person"},
		{!limits.ID.Fits(string(r.By)), "by", limits.ID.Problem(string(r.By))},
		{!slices.Contains(roles, r.Role), "role", fmt.Sprintf("expected one of %v", roles)},
		{r.Role == RevokedByApprover && r.Scope.Lease == "", "role", "an approver revokes one lease only"},
		{r.Role == RevokedByOwner && r.Scope.Lease == "", "role", "an owner revokes one lease only"},
		{r.Role == RevokedBySubject && r.By != r.Subject, "role", "only the subject acts as the subject"},
		{strings.TrimSpace(r.Reason) == "", "reason", "is empty, expected why the access ends"},
		{!limits.Reason.Fits(r.Reason), "reason", limits.Reason.Problem(r.Reason)},
		{r.At.IsZero(), "at", "is missing"},
	} {
		if rule.broken {
			return rule.field + ": " + rule.want
		}
	}
	return ""
}
