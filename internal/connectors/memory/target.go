package memory

import (
	"context"
	"fmt"
	"maps"
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

	OpFindPerson = "FindPerson"
	OpFindPeople = "FindPeople"
	OpListPeople = "ListPeople"
)

// Target is an access.Provisioner in memory: roles have names, accounts are found by the person's id, and both have ids
// that no renaming changes. It starts without roles and accounts. Faults are scripted through the embedded Faults. Safe
// for concurrent use.
type Target struct {
	Faults
	writeClock

	mu      sync.Mutex
	now     func() time.Time
	roles   []*targetRole
	made    int
	owners  map[string]access.PersonID
	history []TargetChange
	// losing is true for a target that takes an addition or a removal for a new list.
	losing bool
}

// targetRole is one role. Its members are ids of accounts.
type targetRole struct {
	id, name string
	members  []string
}

var _ access.Provisioner = (*Target)(nil)

// NewTarget makes a target with these roles, which nobody holds.
func NewTarget(roles ...string) *Target {
	t := &Target{Faults: Faults{what: "the target"}, now: time.Now, owners: map[string]access.PersonID{}}
	for _, role := range roles {
		t.AddRole(role)
	}
	return t
}

// Grant implements access.Provisioner.
func (t *Target) Grant(ctx context.Context, a access.Assignment) (access.Verification, error) {
	return scripted(ctx, &t.Faults, OpGrant, func() (access.Verification, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		role, account, err := t.find("grant", a)
		switch {
		case err != nil:
			return access.Verification{}, err
		case role == nil:
			return access.Verification{}, access.Errorf(access.NotFound, "grant", "no role has the id %q", a.RoleID)
		case !t.known(account):
			return access.Verification{}, access.Errorf(access.NotFound, "grant", "no account has the id %q", account)
		}
		already := role.holds(account)
		if !already {
			if err := t.inTime(ctx, "grant"); err != nil {
				return access.Verification{}, err
			}
			role.members = append(role.members, account)
			t.history = append(t.history, TargetChange{OpGrant, role.name, t.owners[account]})
		}
		return t.loseOthers(t.verification(a, role, account, already), role), nil
	})
}

// Revoke implements access.Provisioner.
func (t *Target) Revoke(ctx context.Context, a access.Assignment) (access.Verification, error) {
	return scripted(ctx, &t.Faults, OpRevoke, func() (access.Verification, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		role, account, err := t.find("revoke", a)
		if err != nil {
			return access.Verification{}, err
		}
		held := role.holds(account)
		if held {
			if err := t.inTime(ctx, "revoke"); err != nil {
				return access.Verification{}, err
			}
			role.drop(account)
			t.history = append(t.history, TargetChange{OpRevoke, role.name, t.owners[account]})
		}
		return t.loseOthers(t.verification(a, role, account, !held), role), nil
	})
}

// Verify implements access.Provisioner.
func (t *Target) Verify(ctx context.Context, a access.Assignment) (access.Verification, error) {
	return scripted(ctx, &t.Faults, OpVerify, func() (access.Verification, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		role, account, err := t.find("verify", a)
		if err != nil {
			return access.Verification{}, err
		}
		return t.verification(a, role, account, false), nil
	})
}

// Check implements access.Checker. It never has findings.
func (t *Target) Check(ctx context.Context) ([]access.Finding, error) {
	return scripted(ctx, &t.Faults, OpCheck, func() ([]access.Finding, error) { return nil, nil })
}

// find names the role and the account by their ids. The role is nil where its id is known and there is none of that id.
// NotFound: a name finds nothing.
func (t *Target) find(op string, a access.Assignment) (*targetRole, string, error) {
	is := func(r *targetRole) bool { return r.id == a.RoleID }
	if a.RoleID == "" {
		is = func(r *targetRole) bool { return r.name == a.Role }
	}
	role := t.role(is)
	if role == nil && a.RoleID == "" {
		return nil, "", access.Errorf(access.NotFound, op, "no role is named %q", a.Role)
	}
	if a.Account != "" {
		return role, a.Account, nil
	}
	account := t.accountOf(a.Subject.ID)
	if account == "" {
		return nil, "", access.Errorf(access.NotFound, op, "no account for the person %q", a.Subject.ID)
	}
	return role, account, nil
}

func (t *Target) role(is func(*targetRole) bool) *targetRole {
	if at := slices.IndexFunc(t.roles, is); at >= 0 {
		return t.roles[at]
	}
	return nil
}

func (t *Target) named(name string) *targetRole {
	return t.role(func(r *targetRole) bool { return r.name == name })
}

func (t *Target) known(account string) bool { _, known := t.owners[account]; return known }

// accountOf is the id of a person's account; "" for none.
func (t *Target) accountOf(p access.PersonID) string {
	for _, account := range slices.Sorted(maps.Keys(t.owners)) {
		if t.owners[account] == p {
			return account
		}
	}
	return ""
}

// holds reports whether an account holds the role. Nobody holds no role.
func (r *targetRole) holds(account string) bool {
	return r != nil && slices.Contains(r.members, account)
}

// drop takes a role away.
func (r *targetRole) drop(account string) {
	if at := slices.Index(r.members, account); at >= 0 {
		r.members = slices.Delete(slices.Clone(r.members), at, at+1)
	}
}

// verification returns what is so now. role is nil for one that is gone.
func (t *Target) verification(a access.Assignment, role *targetRole, account string, already bool) access.Verification {
	p := access.Verification{Method: "memory", At: t.now().UTC(), RoleID: a.RoleID, Account: account, Unchanged: already}
	if role == nil {
		p.Evidence = fmt.Sprintf("no role has the id %q", a.RoleID)
		return p
	}
	p.RoleID, p.Present = role.id, role.holds(account)
	p.Evidence = fmt.Sprintf("role %q (%s) is not held by %q", role.name, role.id, account)
	if p.Present {
		p.Evidence = fmt.Sprintf("role %q (%s) is held by %q", role.name, role.id, account)
	}
	return p
}
