package jiratest

import (
	"net/http"
	"slices"
	"strings"

	"usher/internal/connectors/desktest"
)

// Group is a group of Jira Cloud. Products are those that its members may use: who is created for one of them becomes a member.
type Group struct {
	ID, Name string
	Products []string
	// Members are ids of accounts.
	Members []string
}

func copyGroups(groups []Group) []Group {
	groups = slices.Clone(groups)
	for n := range groups {
		groups[n].Members = slices.Clone(groups[n].Members)
	}
	return groups
}

// GroupMembers returns the ids of the accounts in a group, in the order in which they came.
func (s *Server) GroupMembers(id string) (members []string) {
	_ = s.With(func() error {
		for _, g := range s.groups {
			if g.ID == id {
				members = slices.Clone(g.Members)
			}
		}
		return nil
	})
	return members
}

// SetMember puts an account into a group, or takes it out, as an administrator does.
func (s *Server) SetMember(group, account string, is bool) {
	_ = s.With(func() error {
		s.setMember(group, account, is)
		return nil
	})
}

func (s *Server) setMember(group, account string, is bool) {
	for n := range s.groups {
		if g := &s.groups[n]; g.ID == group {
			g.Members = slices.DeleteFunc(g.Members, func(id string) bool { return id == account })
			if is {
				g.Members = append(g.Members, account)
			}
		}
	}
}

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

func (s *Server) userGroups(c *call) (*answer, error) {
	if err := s.needAccount(c); err != nil {
		return nil, err
	}
	a := s.store.AccountBy(desktest.ByID, c.query("accountId"))
	if a == nil || s.gone[a.ID] {
		return nil, refuse(http.StatusNotFound, noSuchUser)
	}
	list := []any{}
	for _, g := range s.groups {
		if slices.Contains(g.Members, a.ID) {
			list = append(list, renderGroup(c, &g))
		}
	}
	return ok(list)
}

func renderGroup(c *call, g *Group) map[string]any {
	return map[string]any{"groupId": g.ID, "name": g.Name, "self": c.base + c.api() + "/group?groupId=" + g.ID}
}

// group is the group that the query names, by its id or its name.
func (s *Server) group(c *call) (*Group, error) {
	id, name := c.query("groupId"), c.query("groupname")
	if (id == "") == (name == "") {
		return nil, refuse(http.StatusBadRequest, "Specify either 'groupname' or 'groupId'.")
	}
	for n := range s.groups {
		if g := &s.groups[n]; g.ID == id || g.Name == name {
			return g, nil
		}
	}
	return nil, refuse(http.StatusNotFound, "The group with id '"+id+"' does not exist.")
}

func (s *Server) groupMembers(c *call) (*answer, error) {
	if err := s.needAccount(c); err != nil {
		return nil, err
	}
	g, err := s.group(c)
	if err != nil {
		return nil, err
	}
	start, size, err := c.page(s, 50, 50)
	if err != nil {
		return nil, err
	}
	var shown []string
	for _, id := range g.Members {
		if a := s.store.Account(id); a != nil && (!s.store.Inactive(a) || c.query("includeInactiveUsers") == "true") {
			shown = append(shown, id)
		}
	}
	values := []any{}
	for _, id := range slice(shown, start, size) {
		values = append(values, s.renderAccount(c, id))
	}
	return ok(map[string]any{
		"self": c.base + c.api() + "/group/member?groupId=" + g.ID, "startAt": start, "maxResults": size, "total": len(shown),
		"isLast": start+len(values) >= len(shown), "values": values,
	})
}

// joinGroup refuses who is a member already.
func (s *Server) joinGroup(c *call) (*answer, error) {
	var in struct {
		AccountID string `json:"accountId"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	g, err := s.membership(c, in.AccountID)
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(g.Members, in.AccountID):
		return nil, refuse(http.StatusBadRequest, "Cannot add user, user is already a member of '"+g.Name+"'.")
	case !s.faults.IgnoreUserWrites:
		s.setMember(g.ID, in.AccountID, true)
	}
	return created(renderGroup(c, g))
}

// leaveGroup answers with an empty body, and refuses who is no member.
func (s *Server) leaveGroup(c *call) (*answer, error) {
	account := c.query("accountId")
	g, err := s.membership(c, account)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(g.Members, account):
		return nil, refuse(http.StatusBadRequest, "Cannot remove user, user is not a member of '"+g.Name+"'.")
	case !s.faults.IgnoreUserWrites:
		s.setMember(g.ID, account, false)
	}
	return &answer{Status: http.StatusOK, Raw: []byte{}}, nil
}

// membership is the group of a write to it, for administrators.
func (s *Server) membership(c *call, account string) (*Group, error) {
	if err := s.needAdmin(c); err != nil {
		return nil, err
	}
	g, err := s.group(c)
	if err != nil {
		return nil, err
	}
	if account == "" {
		return nil, refuse(http.StatusBadRequest, "The accountId is missing.")
	}
	if a := s.store.AccountBy(desktest.ByID, account); a == nil || s.gone[a.ID] {
		return nil, refuse(http.StatusNotFound, noSuchUser)
	}
	return g, nil
}
