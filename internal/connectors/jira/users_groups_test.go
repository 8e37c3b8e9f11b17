package jira_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// putMember adds a user in no group.
func (s *site) putMember(u access.DeskUser) access.UserID {
	put := s.putUser(u)
	for _, g := range groups() {
		s.SetMember(g.ID, s.idOf(put.ID), false)
	}
	return put.ID
}

// putGroup adds a group, and returns how the port names it.
func (s *site) putGroup(name string, members ...access.UserID) access.GroupID {
	g := jiratest.Group{Name: name}
	for _, id := range members {
		g.Members = append(g.Members, s.idOf(id))
	}
	id := access.GroupID(s.PutGroup(g))
	if s.edition == jiratest.DataCenter {
		id = access.GroupID(name)
	}
	return id
}

func (s *site) groupsHarness(users *jira.Users) accesstest.UserGroupsHarness {
	return accesstest.UserGroupsHarness{
		Groups: users, PutUser: s.putMember, RemoveUser: func(id access.UserID) { s.RemoveAccount(s.idOf(id)) },
		PutGroup:          func(name string, members ...access.UserID) { s.putGroup(name, members...) },
		RefuseCredentials: func() { s.faults(func(f *jiratest.Faults) { f.Anonymous = true }) },
		CutShort: func() {
			s.spoil(fakewire.Rule{Times: 1, Only: []jiratest.Operation{jiratest.OpGroupMembers}, Of: []fakewire.Fault{{Kind: fakewire.Cut}}})
		},
		LoseAnswer: func(adds bool) {
			op := jiratest.OpLeaveGroup
			if adds {
				op = jiratest.OpJoinGroup
			}
			s.spoil(fakewire.Rule{Times: 1, Succeeded: true, Only: []jiratest.Operation{op}, Of: []fakewire.Fault{{Kind: fakewire.Drop}}})
		},
		IgnoreWrites: func() { s.faults(func(f *jiratest.Faults) { f.IgnoreUserWrites = true }) },
		Pages:        20,
	}
}

// No edition nests groups in a way that Jira shows: Cloud has none, and Data Center lists the members of both as one.
func TestUserGroupsSuite(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		accesstest.RunUserGroups(t, func(t *testing.T) accesstest.UserGroupsHarness {
			s, users := newUsers(t, edition, nil)
			h := s.groupsHarness(users)
			if edition == jiratest.Cloud {
				h.SameName = func(name string) { s.PutGroup(jiratest.Group{Name: name}) }
			}
			return h
		})
	})
}

// What is so already is not written: Jira refuses it.
func TestUserGroups_written_once(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s, users := newUsers(t, edition, nil)
		ana := s.putMember(person("ana"))
		id := s.putGroup("Wiki")
		for range 2 {
			require.NoError(t, users.AddGroupMember(t.Context(), id, ana))
		}
		require.Len(t, s.tap.Calls("POST /group/user"), 1)
		for range 2 {
			require.NoError(t, users.RemoveGroupMember(t.Context(), id, ana))
		}
		require.Len(t, s.tap.Calls("DELETE /group/user"), 1)
	})
}

func TestUserGroups_owned_by_another_system(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s, users := newUsers(t, edition, nil)
		ana := s.putMember(person("ana"))
		id := s.putGroup("Wiki")
		for _, g := range []jiratest.Group{{Name: "Owned", Owned: true}, {Name: "Admins", Administers: true, Members: []string{jiratest.DefaultAccountID}}} {
			s.PutGroup(g)
		}
		owned, err := users.FindGroup(t.Context(), "Owned")
		require.NoError(t, err)
		err = users.AddGroupMember(t.Context(), owned.ID, ana)
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, "managed outside of Jira")
		require.NoError(t, users.AddGroupMember(t.Context(), id, ana))
	})
}

// Whoever may not write any group must not take that for a group of another system.
func TestUserGroups_no_administrator(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, nil)
	ana := s.putMember(person("ana"))
	id := s.putGroup("Wiki")
	s.PutGroup(jiratest.Group{Name: "Admins", Administers: true})
	for _, a := range s.Accounts() {
		if a.ID == jiratest.DefaultAccountID {
			a.NoAdmin = true
			s.AddAccount(a)
		}
	}
	requireKind(t, access.Forbidden, users.AddGroupMember(t.Context(), id, ana))

	// Data Center shows members to administrators only.
	dc, dcUsers := newUsers(t, jiratest.DataCenter, nil)
	dc.putGroup("Wiki")
	for _, a := range dc.Accounts() {
		a.NoAdmin = true
		dc.AddAccount(a)
	}
	_, err := dcUsers.FindGroup(t.Context(), "Wiki")
	requireKind(t, access.Forbidden, err)
}

func TestUserGroups_hidden(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s, users := newUsers(t, edition, nil)
		var ids []access.UserID
		for _, name := range []string{"ana", "bob", "eve", "mia", "zoe"} {
			ids = append(ids, s.putMember(person(name)))
		}
		id := s.putGroup("Wiki", ids...)
		for _, hidden := range ids {
			s.faults(func(f *jiratest.Faults) { f.HideMembers = []string{s.idOf(hidden)} })
			got, err := users.GroupMembers(t.Context(), id)
			require.Error(t, err, "%v", got)
			requireKind(t, access.Transient, err)
		}
		s.faults(func(f *jiratest.Faults) { f.HideMembers, f.HideGroups = nil, true })
		_, err := users.FindGroup(t.Context(), "Wiki")
		requireKind(t, access.Forbidden, err)
	})
}

// The search of Data Center shows at most 20 groups, and at most 3 in this site.
func TestUserGroups_among_many(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s, users := newUsers(t, edition, nil)
		for n := range 12 {
			s.putGroup(fmt.Sprintf("%02d wiki", n))
		}
		want := s.putGroup("wiki")
		got, err := users.FindGroup(t.Context(), "wiki")
		require.NoError(t, err)
		require.Equal(t, access.DeskGroup{ID: want, Name: "wiki"}, got)
		_, err = users.FindGroup(t.Context(), "Wiki")
		requireKind(t, access.NotFound, err)
	})
}

// Apps and customers are no users.
func TestCloudUserGroups_kinds(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, nil)
	s.AddAccount(jiratest.Account{ID: "app:1", AccountType: "app"})
	s.AddAccount(jiratest.Account{ID: "qm:1", AccountType: "customer"})
	ana := s.putMember(person("ana"))
	id := access.GroupID(s.PutGroup(jiratest.Group{Name: "Wiki", Members: []string{"app:1", "qm:1", string(ana)}}))
	got, err := users.GroupMembers(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, []access.UserID{ana}, got)
	requireKind(t, access.NotFound, users.AddGroupMember(t.Context(), id, "app:1"))
}

// Data Center lists the members of a group within a group, and takes nobody out of the outer one who is only in the inner one.
func TestDataCenterUserGroups_nested(t *testing.T) {
	s, users := newUsers(t, jiratest.DataCenter, nil)
	ana, bob := s.putMember(person("ana")), s.putMember(person("bob"))
	inner := s.PutGroup(jiratest.Group{Name: "Inner", Members: []string{s.idOf(bob)}})
	s.PutGroup(jiratest.Group{Name: "Outer", Members: []string{s.idOf(ana)}, Within: []string{inner}})
	err := users.RemoveGroupMember(t.Context(), "Outer", bob)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "not a member")
	require.NoError(t, users.RemoveGroupMember(t.Context(), "Outer", ana))
}

// The key stays when a user is renamed; groups are written by the name.
func TestDataCenterUserGroups_renamed(t *testing.T) {
	s, users := newUsers(t, jiratest.DataCenter, nil)
	ana := s.putMember(person("ana"))
	id := s.putGroup("Wiki")
	for _, a := range s.Accounts() {
		if a.Key == string(ana) {
			a.Name = "ana.new"
			s.AddAccount(a)
		}
	}
	require.NoError(t, users.AddGroupMember(t.Context(), id, ana))
	require.Equal(t, map[string]any{"name": "ana.new"}, s.last(t, "POST /group/user"))
	got, err := users.GroupMembers(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, []access.UserID{ana}, got)
}

// roster is a group whose members change while they are read.
type roster struct {
	ids []string
	// after is what happens behind the first page.
	after func([]string) []string
	calls int
}

func (r *roster) answer(w http.ResponseWriter, q *http.Request) {
	var start int
	_, _ = fmt.Sscan(q.URL.Query().Get("startAt"), &start)
	var list []string
	for _, id := range r.ids[min(start, len(r.ids)):min(start+3, len(r.ids))] {
		list = append(list, `{"accountId":"`+id+`","key":"`+id+`","name":"`+id+`","accountType":"atlassian","active":true}`)
	}
	total := len(r.ids)
	if r.calls++; r.calls == 1 && r.after != nil {
		r.ids = r.after(r.ids)
	}
	okay(fmt.Sprintf(`{"values":[%s],"total":%d}`, strings.Join(list, ","), total))(w, q)
}

// The total stays the same when one leaves and another comes, and somebody is jumped over.
func TestUserGroups_change_while_read(t *testing.T) {
	ids := []string{"a1", "a2", "a3", "a4", "a5", "a6", "a7"}
	for name, row := range map[string]struct {
		after func([]string) []string
		whole bool
	}{
		"nothing changes":             {nil, true},
		"one leaves":                  {func(ids []string) []string { return ids[1:] }, false},
		"one leaves, another comes":   {func(ids []string) []string { return append(slices.Clone(ids[1:]), "a8") }, false},
		"one comes at the end":        {func(ids []string) []string { return append(slices.Clone(ids), "a8") }, false},
		"one comes at the beginning":  {func(ids []string) []string { return append([]string{"a0"}, ids...) }, false},
		"one who was read comes late": {func(ids []string) []string { return append(slices.Clone(ids[:6]), "a1") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
				s := newScript(t)
				list := &roster{ids: ids, after: row.after}
				s.on("GET /rest/api/3/group/member", list.answer)
				s.on("GET /rest/api/2/group/member", list.answer)
				got, err := s.users(t, jira.Edition(edition)).GroupMembers(t.Context(), "g-1")
				if row.whole {
					require.NoError(t, err)
					require.Len(t, got, len(ids))
					return
				}
				requireKind(t, access.Transient, err)
			})
		})
	}
}

// An answer without its parts is somebody else's, and no group without members.
func TestUserGroups_hollow(t *testing.T) {
	for name, body := range map[string]string{
		"no total": `{"values":[]}`, "no list": `{"total":0}`, "nothing": `{}`, "more than the total": `{"total":0,"values":[{"accountId":"a1","key":"a1"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
				s := newScript(t)
				s.on("GET /rest/api/3/group/member", okay(body))
				s.on("GET /rest/api/2/group/member", okay(body))
				_, err := s.users(t, jira.Edition(edition)).GroupMembers(t.Context(), "g-1")
				requireKind(t, access.Transient, err)
			})
		})
	}
}

// Jira's search shows parts of what it finds, and perhaps not what is asked for.
func TestDataCenterUserGroups_search(t *testing.T) {
	for name, row := range map[string]struct {
		pages []string
		kind  access.Kind
	}{
		"the group":             {[]string{`{"total":1,"groups":[{"name":"Wiki"}]}`}, ""},
		"on the second page":    {[]string{`{"total":2,"groups":[{"name":"A Wiki"}]}`, `{"total":1,"groups":[{"name":"Wiki"}]}`}, ""},
		"in another case":       {[]string{`{"total":1,"groups":[{"name":"wiki"}]}`}, access.NotFound},
		"with a blank":          {[]string{`{"total":1,"groups":[{"name":"Wiki "}]}`}, access.NotFound},
		"no right to see any":   {[]string{`{"total":0,"groups":[]}`}, access.Forbidden},
		"the same for ever":     {[]string{`{"total":2,"groups":[{"name":"A Wiki"}]}`}, access.Invalid},
		"somebody else's words": {[]string{`{}`}, access.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			s := dataCenterScript(t)
			s.on("GET /rest/api/2/group/member", okay(`{"total":0,"values":[]}`))
			var answers []http.HandlerFunc
			for _, page := range row.pages {
				answers = append(answers, okay(page))
			}
			s.on("GET /rest/api/2/groups/picker", inTurn(answers...))
			got, err := s.users(t, jira.DataCenter).FindGroup(t.Context(), "Wiki")
			if row.kind == "" {
				require.NoError(t, err)
				require.Equal(t, access.DeskGroup{ID: "Wiki", Name: "Wiki"}, got)
				return
			}
			requireKind(t, row.kind, err)
		})
	}
}

const cloudWiki = `{"total":1,"values":[{"groupId":"g-1","name":"Wiki"}]}`

func TestCloudUserGroups_find_answers(t *testing.T) {
	for name, row := range map[string]struct {
		pages []string
		kind  access.Kind
	}{
		"the group":     {[]string{cloudWiki}, ""},
		"other names":   {[]string{`{"total":2,"values":[{"groupId":"g-1","name":"wiki"},{"groupId":"g-2","name":"Wiki "}]}`}, access.NotFound},
		"two":           {[]string{`{"total":2,"values":[{"groupId":"g-1","name":"Wiki"},{"groupId":"g-2","name":"Wiki"}]}`}, access.Conflict},
		"on two pages":  {[]string{`{"total":2,"values":[{"groupId":"g-1","name":"Wiki"}]}`, `{"total":2,"values":[{"groupId":"g-2","name":"Wiki"}]}`}, access.Conflict},
		"no id":         {[]string{`{"total":1,"values":[{"groupId":null,"name":"Wiki"}]}`}, access.Invalid},
		"no total":      {[]string{`{"values":[]}`}, access.Transient},
		"one is hidden": {[]string{`{"total":1,"values":[]}`}, access.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			s := cloudScript(t)
			var answers []http.HandlerFunc
			for _, page := range row.pages {
				answers = append(answers, okay(page))
			}
			s.on("GET /rest/api/3/group/bulk", inTurn(answers...))
			got, err := s.users(t, jira.Cloud).FindGroup(t.Context(), "Wiki")
			if row.kind == "" {
				require.NoError(t, err)
				require.Equal(t, access.DeskGroup{ID: "g-1", Name: "Wiki"}, got)
				return
			}
			requireKind(t, row.kind, err)
		})
	}
}

// A refusal whose reason is that somebody else was faster is none.
func TestUserGroups_refused(t *testing.T) {
	const refusal = `{"errorMessages":["The group is synced from an identity provider."],"errors":{}}`
	const before, after = `[]`, `[{"groupId":"g-1","name":"Wiki"}]`
	for name, row := range map[string]struct {
		status int
		after  string
		kind   access.Kind
	}{
		"Jira's rule":                {http.StatusBadRequest, before, access.Invalid},
		"somebody was faster":        {http.StatusBadRequest, after, ""},
		"not found, and still there": {http.StatusNotFound, before, access.Forbidden},
		"no rights":                  {http.StatusForbidden, before, access.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			s := cloudScript(t)
			s.on("GET /rest/api/3/group/member", okay(`{"total":0,"values":[]}`))
			s.on("GET /rest/api/3/user", okay(`{"accountId":"a1","accountType":"atlassian","active":true}`))
			s.on("GET /rest/api/3/user/groups", inTurn(okay(before), okay(row.after)))
			s.on("GET /rest/api/3/group/bulk", okay(`{"total":0,"values":[]}`))
			s.on("POST /rest/api/3/group/user", status(row.status, refusal))
			err := s.users(t, jira.Cloud).AddGroupMember(t.Context(), "g-1", "a1")
			if row.kind == "" {
				require.NoError(t, err)
				return
			}
			requireKind(t, row.kind, err)
			require.ErrorContains(t, err, "identity provider")
		})
	}
}

// Jira answers a user who is hidden as one who is not there; such a user is no member only where the members show it.
func TestUserGroups_remove_hidden_user(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s := newScript(t)
		for _, root := range []string{"/rest/api/2/", "/rest/api/3/"} {
			s.on("GET "+root+"myself", okay(`{"accountId":"bot","name":"bot","key":"bot"}`))
			s.on("GET "+root+"group/member", okay(`{"total":1,"values":[{"accountId":"a1","key":"a1","accountType":"atlassian"}]}`))
			s.on("GET "+root+"user", onlyBot)
		}
		users := s.users(t, jira.Edition(edition))
		requireKind(t, access.Forbidden, users.RemoveGroupMember(t.Context(), "g-1", "a1"))
		require.NoError(t, users.RemoveGroupMember(t.Context(), "g-1", "a2"))
	})
}

// onlyBot shows nobody but usher's own account.
func onlyBot(w http.ResponseWriter, r *http.Request) {
	if q := r.URL.Query(); q.Get("accountId") == "bot" || q.Get("username") == "bot" {
		okay(`{"accountId":"bot","name":"bot","key":"bot","active":true}`)(w, r)
		return
	}
	status(http.StatusNotFound, `{"errorMessages":["no user"],"errors":{}}`)(w, r)
}

// Without credentials nothing is proved to be missing.
func TestUserGroups_nothing_unproven(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s := newScript(t)
		s.on("GET /rest/api/3/group/bulk", okay(`{"total":0,"values":[]}`))
		for _, root := range []string{"/rest/api/2/", "/rest/api/3/"} {
			s.on("GET "+root+"myself", status(http.StatusUnauthorized, `{}`))
		}
		users := s.users(t, jira.Edition(edition))
		for _, name := range []string{"Wiki", ""} {
			_, err := users.FindGroup(t.Context(), name)
			requireKind(t, access.Forbidden, err)
			_, err = users.GroupMembers(t.Context(), access.GroupID(name))
			requireKind(t, access.Forbidden, err)
			requireKind(t, access.Forbidden, users.RemoveGroupMember(t.Context(), access.GroupID(name), "a1"))
		}
	})
}
