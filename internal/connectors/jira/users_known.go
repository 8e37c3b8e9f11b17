package jira

import (
	"sync"
	"time"

	"usher/internal/access"
)

// accountList is which accounts a Cloud site had at a moment, and who of the users among them showed an address, in small letters.
type accountList struct {
	at        time.Time
	ids       map[access.AccountID]bool
	byAddress map[string][]access.AccountID
}

// knownAccounts remembers the last complete list for a while: without that, each user who is created would cost a listing or two, and a few
// of them an hour's quota of Jira's. What it misses does no harm. Whoever is active is searched for; whoever was switched off meanwhile
// Jira itself does not create anew.
type knownAccounts struct {
	mu   sync.Mutex
	last accountList
}

// knownFor is how long a list is good.
const knownFor = 5 * time.Minute

// get returns the last list; false where it is too old, or there is none.
func (k *knownAccounts) get(now time.Time) (accountList, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last, k.last.ids != nil && now.Sub(k.last.at) < knownFor
}

// set remembers a list, which nobody changes any more.
func (k *knownAccounts) set(list accountList) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last = list
}
