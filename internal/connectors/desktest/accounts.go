package desktest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Account is one account of a desk.
type Account struct {
	// ID never changes, whatever else does.
	ID          string
	Email       string
	DisplayName string
	// Token is what the account calls the API with; "" for somebody who never does. Password is for basic authentication with
	// the Name; Token when empty.
	Token, Password string
	// Name is the user name, ID when empty; Key is a second id, where the vendor has one.
	Name, Key string
	// AccountType is the vendor's kind of account, Dialect.PersonType when empty. Others cannot be assigned.
	AccountType string
	// Inactive accounts cannot log in, are not found by a search and cannot be assigned.
	Inactive bool
	// HideEmail leaves the e-mail address out of every answer; a search by the whole address still finds the account.
	HideEmail bool
	// Zone is the time zone of the account's profile.
	Zone *time.Location
	// Scopes are what a token may do; nil is everything.
	Scopes []string
	// TokenExpires is when the token ends; the zero time is never.
	TokenExpires time.Time
	// NoAdmin keeps the account from what only administrators may do.
	NoAdmin bool
}

// AccountBy is a way to find an account.
type AccountBy int

// The ways to find an account. All but the id ignore the case of letters.
const (
	ByID AccountBy = iota
	ByEmail
	ByName
	ByKey
)

func (by AccountBy) of(a *Account) string {
	switch by {
	case ByEmail:
		return strings.ToLower(a.Email)
	case ByName:
		return strings.ToLower(a.Name)
	case ByKey:
		return strings.ToLower(a.Key)
	default:
		return a.ID
	}
}

// people are the accounts, in the order in which they were added.
type people struct {
	list []Account
	// names leads to places in the list, for each way.
	names [ByKey + 1]map[string]int
}

func (p *people) add(a Account, complete func(Account, int) Account) {
	n, known := p.names[ByID][a.ID]
	if !known {
		n = len(p.list)
		p.list = append(p.list, Account{})
	}
	before := p.list[n]
	p.list[n] = complete(a, n)
	for by := range p.names {
		way := AccountBy(by)
		switch was := way.of(&before); {
		case p.names[by] == nil, known && was != way.of(&p.list[n]):
			p.rename(way)
		case !known:
			p.called(way, n)
		}
	}
}

// rename leads every name of one way to its account.
func (p *people) rename(by AccountBy) {
	p.names[by] = map[string]int{}
	for n := range p.list {
		p.called(by, n)
	}
}

// called leads a name to an account, unless an account before is called the same.
func (p *people) called(by AccountBy, n int) {
	name := by.of(&p.list[n])
	if _, taken := p.names[by][name]; !taken && name != "" {
		p.names[by][name] = n
	}
}

// AddAccount adds an account, or replaces the one of the same id. Accounts are not kept in the state file.
func (s *Store) AddAccount(a Account) {
	s.people.add(a, func(a Account, number int) Account {
		a.Name = cmp.Or(a.Name, a.ID)
		a.Password = cmp.Or(a.Password, a.Token)
		a.AccountType = cmp.Or(a.AccountType, s.dialect.PersonType)
		return s.dialect.Account(a, number)
	})
}

// Accounts returns the accounts, in the order in which they were added. The caller changes none.
func (s *Store) Accounts() []Account { return s.people.list }

// AccountBy returns the account of a name; nil for none, and for "".
func (s *Store) AccountBy(by AccountBy, name string) *Account {
	if by != ByID {
		name = strings.ToLower(name)
	}
	if n, known := s.people.names[by][name]; known {
		return &s.people.list[n]
	}
	return nil
}

// Account returns the account of an id, else of an e-mail address, a user name or a key; nil for none.
func (s *Store) Account(name string) *Account {
	for by := range s.people.names {
		if a := s.AccountBy(AccountBy(by), name); a != nil {
			return a
		}
	}
	return nil
}

// NameOf returns the display name of the account of an id, else the id.
func (s *Store) NameOf(id string) string {
	if a := s.Account(id); a != nil {
		return a.DisplayName
	}
	return id
}

// Inactive reports whether an account is switched off, by itself or by a fault.
func (s *Store) Inactive(a *Account) bool {
	return a.Inactive || slices.Contains(s.faults.InactiveAccounts, a.ID) || slices.Contains(s.faults.InactiveAccounts, a.Email)
}

// Assignable reports whether tickets can be assigned to an account: it is an active person.
func (s *Store) Assignable(a *Account) bool {
	return !s.Inactive(a) && a.AccountType == s.dialect.PersonType
}

// HoldsToken reports whether it is the account's token, and not expired.
func (s *Store) HoldsToken(a *Account, token string) bool {
	return a.Token != "" && a.Token == token && !s.faults.ExpireTokens && (a.TokenExpires.IsZero() || s.Now().Before(a.TokenExpires))
}

// HolderOf returns the account of a token; nil for none, and for one that has expired.
func (s *Store) HolderOf(token string) *Account {
	for n := range s.people.list {
		if a := &s.people.list[n]; s.HoldsToken(a, token) {
			return a
		}
	}
	return nil
}
