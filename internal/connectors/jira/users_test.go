package jira_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// The groups of the sites of these tests.
const groupSoftware, groupDesk = "276f955c-63d7-42c8-9520-92d01dca0625", "6e87dc72-4f1f-421f-9382-2fee8b652487"

func groups() []jiratest.Group {
	return []jiratest.Group{
		{ID: groupSoftware, Name: "jira-software-users", Products: []string{"jira-software"}},
		{ID: groupDesk, Name: "jira-servicemanagement-users", Products: []string{"jira-servicedesk"}},
	}
}

// newUsers are the users of a site with short pages.
func newUsers(t *testing.T, edition jiratest.Edition, change func(*jira.Config)) (*site, *jira.Users) {
	t.Helper()
	s := newSite(t, jiratest.Config{Edition: edition, Version: "10.3.0", PageLimit: 3, Groups: groups()})
	c := s.config()
	if change != nil {
		change(&c)
	}
	users, err := jira.NewUsers(c, "jira", nil)
	require.NoError(t, err)
	return s, users
}

// users are the users of a site that answers what the test says.
func (s *script) users(t *testing.T, edition jira.Edition) *jira.Users {
	t.Helper()
	c := jira.Config{BaseURL: s.url, Edition: edition, Auth: jira.AuthBearer, Token: "t", Project: "ACCESS", IssueType: "x"}
	c.Rate = 10_000
	users, err := jira.NewUsers(c, "jira", nil)
	require.NoError(t, err)
	return users
}

// withGroups lets usher create users, and switch them off.
func withGroups(c *jira.Config) {
	c.Users = jira.UsersConfig{Products: []string{"jira-software"}, Groups: []string{groupSoftware, groupDesk}}
}

// putUser adds a user as an administrator does, into all groups if the user is active.
func (s *site) putUser(u access.DeskUser) access.DeskUser {
	name := u.Values[access.UserFieldName]
	id := "557058:" + name
	s.AddAccount(jiratest.Account{
		ID: id, Name: name, Email: u.Values[access.UserFieldEmail], DisplayName: u.Values[access.UserFieldDisplayName], Inactive: !u.Active,
	})
	for _, g := range groups() {
		s.SetMember(g.ID, id, u.Active)
	}
	out := access.DeskUser{ID: access.UserID(id), Account: access.AccountID(id), Active: u.Active, Values: u.Values}
	if s.edition == jiratest.DataCenter {
		all := s.Accounts()
		at := slices.IndexFunc(all, func(a jiratest.Account) bool { return a.ID == id })
		out.ID, out.Account = access.UserID(all[at].Key), access.AccountID(name)
		return out
	}
	out.Values[access.UserFieldName] = u.Values[access.UserFieldEmail]
	return out
}

// idOf is the fake's own id of a user.
func (s *site) idOf(id access.UserID) string {
	for _, a := range s.Accounts() {
		if a.ID == string(id) || (s.edition == jiratest.DataCenter && a.Key == string(id)) {
			return a.ID
		}
	}
	return ""
}

func (s *site) usersHarness(users *jira.Users) accesstest.UserDirectoryHarness {
	return accesstest.UserDirectoryHarness{
		Directory: users, Put: s.putUser, Remove: func(id access.UserID) { s.RemoveAccount(s.idOf(id)) },
		RefuseCredentials: func() { s.faults(func(f *jiratest.Faults) { f.Anonymous = true }) },
		CutShort: func() {
			for _, name := range []string{"bob", "eve", "mia"} {
				s.AddAccount(jiratest.Account{ID: "557058:" + name, Name: name})
			}
			s.spoil(fakewire.Rule{Times: 1, Every: 2, Only: []jiratest.Operation{jiratest.OpListUsers}, Of: []fakewire.Fault{{Kind: fakewire.Cut}}})
		},
		LoseAnswer: func() {
			s.spoil(fakewire.Rule{Times: 1, Succeeded: true, Only: []jiratest.Operation{jiratest.OpCreateUser}, Of: []fakewire.Fault{{Kind: fakewire.Drop}}})
		},
		IgnoreWrites: func() { s.faults(func(f *jiratest.Faults) { f.IgnoreUserWrites = true }) },
		NoHiding:     "the list tells no total, and nothing else tells who there is",
		Pages:        10,
	}
}

func (s *site) spoil(rule fakewire.Rule) {
	s.faults(func(f *jiratest.Faults) { f.Faults = fakewire.Rules(rule) })
}

func TestUsersSuite(t *testing.T) {
	t.Run("Cloud", func(t *testing.T) {
		accesstest.RunUserDirectory(t, func(t *testing.T) accesstest.UserDirectoryHarness {
			s, users := newUsers(t, jiratest.Cloud, withGroups)
			h := s.usersHarness(users)
			h.New = map[string]string{access.UserFieldEmail: "new@example.com"}
			h.HideSome = func() { s.faults(func(f *jiratest.Faults) { f.HideUsers = []string{"557058:bob"} }) }
			return h
		})
	})
	t.Run("Cloud without products and groups", func(t *testing.T) {
		accesstest.RunUserDirectory(t, func(t *testing.T) accesstest.UserDirectoryHarness {
			s, users := newUsers(t, jiratest.Cloud, nil)
			h := s.usersHarness(users)
			h.New = map[string]string{access.UserFieldEmail: "new@example.com"}
			return h
		})
	})
	t.Run("Data Center", func(t *testing.T) {
		accesstest.RunUserDirectory(t, func(t *testing.T) accesstest.UserDirectoryHarness {
			s, users := newUsers(t, jiratest.DataCenter, nil)
			h := s.usersHarness(users)
			h.New = map[string]string{
				access.UserFieldName: "new", access.UserFieldEmail: "new@example.com", access.UserFieldDisplayName: "Somebody New",
			}
			return h
		})
	})
}

func TestUserSchema(t *testing.T) {
	for name, row := range map[string]struct {
		edition jiratest.Edition
		users   jira.UsersConfig
		fields  []string
		want    []string
	}{
		"a field of the desk's own": {jiratest.Cloud, jira.UsersConfig{}, []string{"department", "email"}, []string{`the field "department": Jira holds no other`}},
		"a group that is not there": {
			jiratest.Cloud, jira.UsersConfig{Groups: []string{groupSoftware, "none"}}, nil, []string{`desks.jira.users.groups: the site has no group of the id "none"`},
		},
		"a key of Data Center": {jiratest.Cloud, jira.UsersConfig{Notify: true}, nil, []string{"desks.jira.users.notify: expected false"}},
		"keys of Cloud, and a field": {
			jiratest.DataCenter,
			jira.UsersConfig{Groups: []string{"x"}, Customers: true},
			[]string{"cost_center"},
			[]string{"desks.jira.users.groups: expected none", "desks.jira.users.customers: expected false", `"cost_center"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, jiratest.Config{Edition: row.edition, Groups: groups()})
			c := s.config()
			c.Users = row.users
			users, err := jira.NewUsers(c, "jira", row.fields)
			require.NoError(t, err)
			_, err = users.UserSchema(t.Context())
			requireKind(t, access.Invalid, err)
			for _, want := range row.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), `"email"`)
		})
	}
}

func TestUsersConfig(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	for want, row := range map[string]jira.Config{
		`users.products: found "a"`: {Users: jira.UsersConfig{Products: []string{"a", "a"}}},
		`users.groups: found " "`:   {Users: jira.UsersConfig{Groups: []string{" "}}},
		"users.groups: expected":    {Edition: jira.DataCenter, Users: jira.UsersConfig{Groups: []string{"a"}}},
		"users.notify: expected":    {Edition: jira.Cloud, Users: jira.UsersConfig{Notify: true}},
	} {
		c := s.config()
		c.Edition, c.Users = row.Edition, row.Users
		_, err := jira.NewUsers(c, "jira", nil)
		require.ErrorContains(t, err, want)
	}
}

// The token is often that of somebody with a record in HR: whoever set usher up. When that person leaves, usher must not shut itself out.
func TestUsers_own_account_stays(t *testing.T) {
	for _, edition := range []jiratest.Edition{jiratest.Cloud, jiratest.DataCenter} {
		t.Run(string(edition), func(t *testing.T) {
			s, users := newUsers(t, edition, func(c *jira.Config) {
				if edition == jiratest.Cloud {
					withGroups(c)
				}
			})
			if edition == jiratest.Cloud {
				for _, g := range groups() {
					s.SetMember(g.ID, jiratest.DefaultAccountID, true)
				}
			}
			id := access.UserID(jiratest.DefaultAccountID)
			for _, a := range s.Accounts() {
				if a.ID == jiratest.DefaultAccountID && edition == jiratest.DataCenter {
					id = access.UserID(a.Key)
				}
			}
			before, err := users.ReadUser(t.Context(), id)
			require.NoError(t, err)
			require.True(t, before.Active)
			after, err := users.SetUserActive(t.Context(), id, false)
			require.Error(t, err, "usher has switched itself off: %+v", after)
			requireKind(t, access.Invalid, err)
			if edition == jiratest.DataCenter {
				_, err = users.UpdateUser(t.Context(), id, access.UserChange{Values: map[string]string{access.UserFieldName: "renamed"}})
				requireKind(t, access.Invalid, err)
			}
			now, err := users.ReadUser(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, before, now)
		})
	}
}
