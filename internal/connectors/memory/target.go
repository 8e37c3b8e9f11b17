package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"usher/internal/access"
)

// The operations of a Target and of a Source that faults are scripted for; OpCheck is one as well.
const (
	OpGrant  = "Grant"
	OpRevoke = "Revoke"
	OpVerify = "Verify"
	OpLookup = "Lookup"
)

// Target is an access.Provisioner in memory. It starts without roles and accounts. Faults are scripted through the
// embedded Faults. Safe for concurrent use.
type Target struct {
	Faults

	mu       sync.Mutex
	now      func() time.Time
	roles    map[string][]access.PersonID
	accounts map[access.PersonID]bool
	history  []TargetChange
}

var _ access.Provisioner = (*Target)(nil)

// TargetChange is one change of a membership.
type TargetChange struct {
	// Op is OpGrant or OpRevoke; calls that found it already so make no change.
	Op     string
	Role   string
	Person access.PersonID
}

// NewTarget makes a target with these roles, which nobody holds.
func NewTarget(roles ...string) *Target {
	t := &Target{
		Faults: Faults{what: "the target"}, now: time.Now,
		roles: map[string][]access.PersonID{}, accounts: map[access.PersonID]bool{},
	}
	for _, role := range roles {
		t.roles[role] = nil
	}
	return t
}

// SetClock replaces the clock that proofs carry; it is time.Now until then.
func (t *Target) SetClock(now func() time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = now
}

// AddRole adds a role that nobody holds; a role that is there is left alone.
func (t *Target) AddRole(role string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.roles[role]; !known {
		t.roles[role] = nil
	}
}

// RemoveRole removes a role with all who hold it.
func (t *Target) RemoveRole(role string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.roles, role)
}

// AddAccounts gives persons an account.
func (t *Target) AddAccounts(persons ...access.PersonID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range persons {
		t.accounts[p] = true
	}
}

// RemoveAccount removes a person's account and all that it held.
func (t *Target) RemoveAccount(p access.PersonID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.accounts, p)
	for role := range t.roles {
		t.drop(role, p)
	}
}

// Put makes a person hold a role as if somebody else had granted it: it is not in the history.
func (t *Target) Put(role string, p access.PersonID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.roles[role], p) {
		t.roles[role] = append(t.roles[role], p)
	}
}

// Take makes a person not hold a role as if somebody else had revoked it: it is not in the history.
func (t *Target) Take(role string, p access.PersonID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(role, p)
}

// Members are the persons who hold a role, in the order in which they came to it; nil for nobody.
func (t *Target) Members(role string) []access.PersonID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.roles[role])
}

// History is every change that the port made, oldest first.
func (t *Target) History() []TargetChange {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.history)
}

// Grant implements access.Provisioner.
func (t *Target) Grant(ctx context.Context, a access.Assignment) (access.Proof, error) {
	return scripted(ctx, &t.Faults, OpGrant, func() (access.Proof, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if err := t.missing("grant", a); err != nil {
			return access.Proof{}, err
		}
		already := slices.Contains(t.roles[a.Role], a.Subject.ID)
		if !already {
			t.roles[a.Role] = append(t.roles[a.Role], a.Subject.ID)
			t.history = append(t.history, TargetChange{OpGrant, a.Role, a.Subject.ID})
		}
		proof := t.proof(a)
		proof.Already = already
		return proof, nil
	})
}

// Revoke implements access.Provisioner.
func (t *Target) Revoke(ctx context.Context, a access.Assignment) (access.Proof, error) {
	return scripted(ctx, &t.Faults, OpRevoke, func() (access.Proof, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		held := t.drop(a.Role, a.Subject.ID)
		if held {
			t.history = append(t.history, TargetChange{OpRevoke, a.Role, a.Subject.ID})
		}
		proof := t.proof(a)
		proof.Already = !held
		return proof, nil
	})
}

// Verify implements access.Provisioner.
func (t *Target) Verify(ctx context.Context, a access.Assignment) (access.Proof, error) {
	return scripted(ctx, &t.Faults, OpVerify, func() (access.Proof, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if _, known := t.roles[a.Role]; !known {
			return access.Proof{}, t.missing("verify", a)
		}
		return t.proof(a), nil
	})
}

// Check implements access.Checker. It never has findings.
func (t *Target) Check(ctx context.Context) ([]access.Finding, error) {
	return scripted(ctx, &t.Faults, OpCheck, func() ([]access.Finding, error) { return nil, nil })
}

// drop takes a role away and reports whether it was held.
func (t *Target) drop(role string, p access.PersonID) bool {
	at := slices.Index(t.roles[role], p)
	if at >= 0 {
		t.roles[role] = slices.Delete(slices.Clone(t.roles[role]), at, at+1)
	}
	return at >= 0
}

func (t *Target) missing(op string, a access.Assignment) error {
	if _, known := t.roles[a.Role]; !known {
		return access.Errorf(access.NotFound, op, "no role %q", a.Role)
	}
	if !t.accounts[a.Subject.ID] {
		return access.Errorf(access.NotFound, op, "no account for the person %q", a.Subject.ID)
	}
	return nil
}

// proof tells what is so now.
func (t *Target) proof(a access.Assignment) access.Proof {
	members, known := t.roles[a.Role]
	p := access.Proof{Method: "memory", At: t.now().UTC()}
	if t.accounts[a.Subject.ID] {
		p.Account = "account-" + string(a.Subject.ID)
	}
	p.Holds = slices.Contains(members, a.Subject.ID)
	switch {
	case !known:
		p.Evidence = fmt.Sprintf("no role %q", a.Role)
	case p.Account == "":
		p.Evidence = fmt.Sprintf("no account for the person %q", a.Subject.ID)
	case p.Holds:
		p.Evidence = fmt.Sprintf("role %q is held by %q", a.Role, a.Subject.ID)
	default:
		p.Evidence = fmt.Sprintf("role %q is not held by %q", a.Role, a.Subject.ID)
	}
	return p
}
