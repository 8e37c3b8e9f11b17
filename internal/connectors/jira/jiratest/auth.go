package jiratest

import (
	"net/http"
	"slices"
	"strings"
)

const loginReason = "X-Seraph-LoginReason"

// authenticate names the calling account. Wrong credentials make the caller anonymous, with a header that says so;
// only the operations that need an account refuse (needAccount). A bearer token is never readable here: API tokens
// are for basic authentication. The caller holds the lock.
func (s *Server) authenticate(r *http.Request, h http.Header) (*Account, *answer) {
	given := r.Header.Get("Authorization")
	if given == "" {
		return nil, nil
	}
	if strings.HasPrefix(given, "Bearer ") {
		return nil, &answer{status: http.StatusForbidden, body: map[string]string{"error": "Failed to parse Connect Session Auth Token"}}
	}
	email, token, _ := r.BasicAuth()
	account := s.accountOf(email)
	if account == nil || account.Inactive || account.Token == "" || account.Token != token || s.faults.Anonymous {
		h.Set(loginReason, "AUTHENTICATED_FAILED")
		return nil, nil
	}
	h.Set(loginReason, "OK")
	h.Set("X-AACCOUNTID", account.ID)
	return account, nil
}

// needAccount refuses an anonymous caller.
func needAccount(c *call) error {
	if c.account == nil {
		return refuse(http.StatusUnauthorized, "Client must be authenticated to access this resource.")
	}
	return nil
}

// accountOf finds an account by its id, or by its e-mail address in any case of letters; nil for nobody.
func (s *Server) accountOf(idOrEmail string) *Account {
	for n := range s.accounts {
		if s.accounts[n].ID == idOrEmail {
			return &s.accounts[n]
		}
	}
	for n := range s.accounts {
		if email := s.accounts[n].Email; email != "" && strings.EqualFold(email, idOrEmail) {
			return &s.accounts[n]
		}
	}
	return nil
}

// AddAccount adds an account, or replaces the one of the same id. Accounts are not kept in the state file.
func (s *Server) AddAccount(a Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := slices.IndexFunc(s.accounts, func(known Account) bool { return known.ID == a.ID })
	if n >= 0 {
		s.accounts[n] = a
		return
	}
	s.accounts = append(s.accounts, a)
}

// Accounts gives the accounts, in the order in which they were added.
func (s *Server) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accounts)
}
