package jiratest

import (
	"net/http"
	"slices"
	"strings"

	"usher/internal/connectors/desktest"
)

// RemoveAccount takes an account out of the site's users, as an administrator does who deletes one; what it wrote stays.
func (s *Server) RemoveAccount(id string) {
	_ = s.With(func() error {
		s.gone[id] = true
		for _, g := range s.groups {
			s.setMember(g.ID, id, false)
		}
		return nil
	})
}

// users are the accounts that the list of all users shows.
func (s *Server) users() []*Account {
	var all []*Account
	for n := range s.store.Accounts() {
		if a := &s.store.Accounts()[n]; !s.gone[a.ID] && !slices.Contains(s.faults.HideUsers, a.ID) {
			all = append(all, a)
		}
	}
	return all
}

// listUsers is the bare array of all accounts of any kind, those that are switched off too. It tells no total.
func (s *Server) listUsers(c *call) (*answer, error) {
	if err := s.needAccount(c); err != nil {
		return nil, err
	}
	start, size, err := c.page(s, 50, 1000)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, a := range slice(s.users(), start, size) {
		list = append(list, s.renderAccount(c, a.ID))
	}
	return ok(list)
}

// inviteUser answers 201 for an account that is there already.
func (s *Server) inviteUser(c *call) (*answer, error) {
	if err := s.needAdmin(c); err != nil {
		return nil, err
	}
	var in struct {
		EmailAddress string    `json:"emailAddress"`
		Products     *[]string `json:"products"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case !strings.Contains(in.EmailAddress, "@"):
		return nil, refuseFields(map[string]string{"email": "You must specify a valid email address."})
	case in.Products == nil:
		return nil, refuseFields(map[string]string{"products": "Products must be specified."})
	}
	if a := s.store.AccountBy(desktest.ByEmail, in.EmailAddress); a != nil && !s.gone[a.ID] {
		if s.store.Inactive(a) {
			return nil, refuse(http.StatusBadRequest, "User could not be created: the user exists and has no access to Jira.")
		}
		return created(s.renderAccount(c, a.ID))
	}
	name, _, _ := strings.Cut(in.EmailAddress, "@")
	a := Account{ID: "712020:" + s.store.ID(s.store.NextSeq()), Email: in.EmailAddress, DisplayName: name}
	if s.faults.IgnoreUserWrites {
		return created(map[string]any{"accountId": a.ID, "accountType": "atlassian", "active": true})
	}
	s.store.AddAccount(a)
	for _, g := range s.groups {
		if slices.ContainsFunc(*in.Products, func(product string) bool { return slices.Contains(g.Products, product) }) {
			s.setMember(g.ID, a.ID, true)
		}
	}
	return created(s.renderAccount(c, a.ID))
}
