package jiratest

import (
	"slices"
	"strings"
)

// people are the accounts, in the order in which they were added, and the names by which they are found.
type people struct {
	list []Account
	// byName leads to places in the list: by id, by e-mail address in lower case, and on Data Center by name and key.
	byName map[string]int
}

func (p *people) add(a Account) {
	if p.byName == nil {
		p.byName = map[string]int{}
	}
	n := slices.IndexFunc(p.list, func(known Account) bool { return known.ID == a.ID })
	if n < 0 {
		n = len(p.list)
		p.list = append(p.list, Account{})
	}
	p.list[n] = a.withDefaults(n)
	p.index()
}

// index finds an id before an e-mail address, and both before a name; of two that are the same, the first account wins.
func (p *people) index() {
	clear(p.byName)
	for _, nameOf := range []func(Account) string{
		func(a Account) string { return "id:" + a.ID },
		func(a Account) string { return "email:" + strings.ToLower(a.Email) },
		func(a Account) string { return "name:" + strings.ToLower(a.Name) },
		func(a Account) string { return "key:" + strings.ToLower(a.Key) },
	} {
		for n, a := range p.list {
			if _, taken := p.byName[nameOf(a)]; !taken {
				p.byName[nameOf(a)] = n
			}
		}
	}
}

// by finds an account in one of the ways of index; nil for nobody.
func (p *people) by(way, name string) *Account {
	if name == "" {
		return nil
	}
	if n, known := p.byName[way+":"+name]; known {
		return &p.list[n]
	}
	return nil
}

// accountOf finds an account by its id, or by its e-mail address or user name in any case of letters; nil for nobody.
func (s *Server) accountOf(name string) *Account {
	lower := strings.ToLower(name)
	for _, try := range [][2]string{{"id", name}, {"email", lower}, {"name", lower}, {"key", lower}} {
		if a := s.people.by(try[0], try[1]); a != nil {
			return a
		}
	}
	return nil
}

// inactive reports whether an account is switched off, by itself or by a fault.
func (s *Server) inactive(a *Account) bool {
	return a.Inactive || slices.Contains(s.faults.InactiveAccounts, a.ID) || slices.Contains(s.faults.InactiveAccounts, a.Email)
}

func (s *Server) assignable(a *Account) bool { return !s.inactive(a) && a.AccountType == "atlassian" }

// shownID is the id of an account as histories and fields carry it: the account id on Cloud, the user key elsewhere.
func (s *Server) shownID(id string) string {
	a := s.accountOf(id)
	if a == nil || s.cfg.Edition == Cloud {
		return id
	}
	return a.Key
}

// AddAccount adds an account, or replaces the one of the same id. Accounts are not kept in the state file.
func (s *Server) AddAccount(a Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people.add(a)
}

// Accounts returns the accounts, in the order in which they were added, with what they left open filled in.
func (s *Server) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.people.list)
}
