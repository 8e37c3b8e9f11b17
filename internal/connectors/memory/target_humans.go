package memory

import (
	"slices"
	"strconv"
	"time"

	"usher/internal/access"
)

// TargetChange is one change of a membership.
type TargetChange struct {
	// Op is OpGrant or OpRevoke; calls that found it already so make no change.
	Op string
	// Role is the role's name at that time.
	Role   string
	Person access.PersonID
}

// SetClock replaces the clock that verifications carry; it is time.Now until then.
func (t *Target) SetClock(now func() time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = now
}

// LoseOthers has every grant and revoke that changes something take the role away from everybody else as well.
func (t *Target) LoseOthers() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.losing = true
}

// loseOthers returns a verification with what others lost, if they do.
func (t *Target) loseOthers(v access.Verification, role *targetRole) access.Verification {
	if !t.losing || v.Unchanged || role == nil {
		return v
	}
	left := slices.DeleteFunc(slices.Clone(role.members), func(account string) bool { return account != v.Account })
	v.OthersLost, role.members = len(role.members)-len(left), left
	return v
}

// AddRole adds a role that nobody holds; a role of that name that is there is left alone.
func (t *Target) AddRole(role string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.named(role) == nil {
		t.made++
		t.roles = append(t.roles, &targetRole{id: "role-" + strconv.Itoa(t.made), name: role})
	}
}

// RenameRole sets a role's name; its id and who holds it stay.
func (t *Target) RenameRole(from, to string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if role := t.named(from); role != nil {
		role.name = to
	}
}

// RemoveRole removes a role with all who hold it.
func (t *Target) RemoveRole(role string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.roles = slices.DeleteFunc(t.roles, func(r *targetRole) bool { return r.name == role })
}

// AddAccounts creates an account for each person, unless they have one.
func (t *Target) AddAccounts(persons ...access.PersonID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range persons {
		t.addAccount(p)
	}
}

// addAccount returns the id of the person's account. The first account of a person is "account-" and the person's id.
func (t *Target) addAccount(p access.PersonID) string {
	if account := t.accountOf(p); account != "" {
		return account
	}
	account := "account-" + string(p)
	for t.known(account) {
		account += "+"
	}
	t.owners[account] = p
	return account
}

// RenameAccount lets a person's account be found as another person's from now on; its id and what it holds stay.
func (t *Target) RenameAccount(from, to access.PersonID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if account := t.accountOf(from); account != "" {
		t.owners[account] = to
	}
}

// RemoveAccount removes a person's account and all that it held.
func (t *Target) RemoveAccount(p access.PersonID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	account := t.accountOf(p)
	delete(t.owners, account)
	for _, role := range t.roles {
		role.drop(account)
	}
}

// Put makes a person hold a role as if somebody else had granted it: it is not in the history. Who has no account gets
// one. A role that is not there is left alone.
func (t *Target) Put(role string, p access.PersonID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, account := t.named(role), t.addAccount(p)
	if r != nil && !r.holds(account) {
		r.members = append(r.members, account)
	}
}

// Take makes a person not hold a role as if somebody else had revoked it: it is not in the history.
func (t *Target) Take(role string, p access.PersonID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.named(role); r != nil {
		r.drop(t.accountOf(p))
	}
}

// Members are the persons who hold a role, in the order in which they came to it; nil for nobody.
func (t *Target) Members(role string) []access.PersonID {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.named(role)
	if r == nil {
		return nil
	}
	var persons []access.PersonID
	for _, account := range r.members {
		persons = append(persons, t.owners[account])
	}
	return persons
}

// History is every change that the port made, oldest first.
func (t *Target) History() []TargetChange {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.history)
}
