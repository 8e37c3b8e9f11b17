package desk

import (
	"sync"
	"time"

	"usher/internal/access"
)

const (
	// accountLasts is how long a person's account is remembered, and nobodyLasts that there is none.
	accountLasts = 5 * time.Minute
	nobodyLasts  = time.Minute
	// accountsAtMost bounds the memory; beyond it everything is forgotten.
	accountsAtMost = 10_000
)

// accounts remembers whose account is whose, for some minutes: one request asks for the same few people several times, and
// a thousand requests for the same managers. Safe for concurrent use; the zero value is empty.
type accounts struct {
	mu    sync.Mutex
	known map[accountKey]knownAccount
}

// accountKey is what a search for an account depends on.
type accountKey struct {
	person      access.PersonID
	email, name string
}

type knownAccount struct {
	account access.Account
	until   time.Time
}

// get returns what is remembered of a person.
func (a *accounts) get(p access.Person, now time.Time) (access.Account, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, ok := a.known[accountKey{p.ID, p.Email, p.UserName}]
	return k.account, ok && now.Before(k.until)
}

// put remembers.
func (a *accounts) put(p access.Person, account access.Account, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= accountsAtMost {
		a.known = map[accountKey]knownAccount{}
	}
	lasts := accountLasts
	if account.ID == "" {
		lasts = nobodyLasts
	}
	a.known[accountKey{p.ID, p.Email, p.UserName}] = knownAccount{account, now.Add(lasts)}
}
