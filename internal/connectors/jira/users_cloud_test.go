package jira_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

func person(name string) access.DeskUser {
	return access.DeskUser{Active: true, Values: map[string]string{
		access.UserFieldName: name, access.UserFieldEmail: name + "@example.com", access.UserFieldDisplayName: "The person " + name,
	}}
}

func listedIDs(t *testing.T, users *jira.Users) []string {
	t.Helper()
	var ids []string
	n, err := users.ListUsers(t.Context(), func(page []access.DeskUser) error {
		for _, u := range page {
			ids = append(ids, string(u.ID))
		}
		return nil
	})
	require.NoError(t, err)
	require.Len(t, ids, n)
	return ids
}

func TestCloudUsers_kinds(t *testing.T) {
	for name, row := range map[string]struct {
		customers bool
		want      []string
	}{
		"people":        {false, []string{jiratest.DefaultAccountID}},
		"and customers": {true, []string{jiratest.DefaultAccountID, "qm:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, users := newUsers(t, jiratest.Cloud, func(c *jira.Config) { c.Users.Customers = row.customers })
			s.AddAccount(jiratest.Account{ID: "qm:1", AccountType: "customer", Email: "customer@example.com"})
			s.AddAccount(jiratest.Account{ID: "app:1", AccountType: "app", Email: "app@example.com"})
			require.Equal(t, row.want, listedIDs(t, users))
			_, err := users.ReadUser(t.Context(), "app:1")
			requireKind(t, access.NotFound, err)
			found, err := users.FindUsers(t.Context(), access.UserQuery{Email: "customer@example.com"})
			require.NoError(t, err)
			require.Len(t, found, len(row.want)-1)
		})
	}
}

// shifting is a site whose list of accounts changes while it is read.
type shifting struct {
	ids []string
	// after is what happens behind the first page.
	after func([]string) []string
	calls int
	// stuck takes no notice of what is asked for.
	stuck bool
}

func (s *shifting) answer(w http.ResponseWriter, r *http.Request) {
	start, _ := strconv.Atoi(r.URL.Query().Get("startAt"))
	const size = 3
	if s.stuck {
		start = 0
	}
	list := []map[string]any{}
	for _, id := range s.ids[min(start, len(s.ids)):min(start+size, len(s.ids))] {
		list = append(list, map[string]any{"accountId": id, "accountType": "atlassian", "active": true})
	}
	if s.calls++; s.calls == 1 && s.after != nil {
		s.ids = s.after(s.ids)
	}
	raw, _ := json.Marshal(list)
	okay(string(raw))(w, r)
}

// A list by numbers jumps over somebody when somebody before is deleted.
func TestCloudUsers_list_changes(t *testing.T) {
	ids := func() (ids []string) {
		for n := range 8 {
			ids = append(ids, fmt.Sprintf("acc-%d", n))
		}
		return ids
	}
	for name, row := range map[string]struct {
		after func([]string) []string
		whole bool
	}{
		"nothing changes":             {nil, true},
		"one who was read is deleted": {func(ids []string) []string { return ids[1:] }, false},
		"one comes before":            {func(ids []string) []string { return append([]string{"acc-new"}, ids...) }, true},
		"one comes at the end":        {func(ids []string) []string { return append(ids, "acc-new") }, true},
		"the same page for ever":      {nil, false},
		"one moves to the end":        {func(ids []string) []string { return append(ids[1:], ids[0]) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			list := &shifting{ids: ids(), after: row.after, stuck: name == "the same page for ever"}
			s.on("GET /rest/api/3/users/search", list.answer)
			users := s.users(t, jira.Cloud)
			if row.whole {
				require.Subset(t, listedIDs(t, users), ids())
				return
			}
			_, err := users.ListUsers(t.Context(), func([]access.DeskUser) error { return nil })
			requireKind(t, access.Transient, err)
		})
	}
}

func TestCloudUsers_list_of_nobody(t *testing.T) {
	s := newScript(t)
	s.on("GET /rest/api/3/users/search", okay(`[]`))
	s.on("GET /rest/api/3/myself", okay(`{"accountId":"acc-1"}`))
	users := s.users(t, jira.Cloud)
	_, err := users.ListUsers(t.Context(), func([]access.DeskUser) error { return nil })
	requireKind(t, access.Forbidden, err)
}

// Jira answers 201 for an account that is there, whose address only its owner sees.
func TestCloudUsers_hidden_address(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, withGroups)
	s.AddAccount(jiratest.Account{ID: "557058:ana", Email: "ana@example.com", DisplayName: "Ana", HideEmail: true})
	found, err := users.FindUsers(t.Context(), access.UserQuery{Email: "ana@example.com"})
	require.NoError(t, err)
	require.Empty(t, found)
	ana, err := users.ReadUser(t.Context(), "557058:ana")
	require.NoError(t, err)
	require.Equal(t, map[string]string{access.UserFieldDisplayName: "Ana"}, ana.Values)
	before := listedIDs(t, users)
	_, err = users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldEmail: "ana@example.com"}})
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, "557058:ana")
	require.Equal(t, before, listedIDs(t, users))
}

// A user who is off is not made anew: the search does not show the account, and Jira would take the create for an invitation.
func TestCloudUsers_inactive_address(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, withGroups)
	off := person("off")
	off.Active = false
	s.putUser(off)
	_, err := users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldEmail: "Off@example.com"}})
	requireKind(t, access.Conflict, err)
	require.Empty(t, s.tap.Calls("POST /user"))
}

// Who is in one of the groups has access, and is taken out of it.
func TestCloudUsers_some_groups(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, withGroups)
	ana := s.putUser(person("ana"))
	s.SetMember(groupDesk, string(ana.ID), false)
	read, err := users.ReadUser(t.Context(), ana.ID)
	require.NoError(t, err)
	require.True(t, read.Active)
	off, err := users.SetUserActive(t.Context(), ana.ID, false)
	require.NoError(t, err)
	require.False(t, off.Active)
	require.Empty(t, s.GroupMembers(groupSoftware))
	require.Len(t, s.tap.Calls("DELETE /group/user"), 1)

	// What a lost connection left half done is done when it is repeated.
	s.spoil(fakewire.Rule{Times: 1, Every: 2, Only: []jiratest.Operation{jiratest.OpJoinGroup}, Of: []fakewire.Fault{{Kind: fakewire.Status}}})
	_, err = users.SetUserActive(t.Context(), ana.ID, true)
	requireKind(t, access.Transient, err)
	on, err := users.SetUserActive(t.Context(), ana.ID, true)
	require.NoError(t, err)
	require.True(t, on.Active)
	for _, g := range groups() {
		require.True(t, slices.Contains(s.GroupMembers(g.ID), string(ana.ID)))
	}
}

func TestCloudUsers_account_off(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, withGroups)
	off := person("off")
	off.Active = false
	off = s.putUser(off)
	_, err := users.SetUserActive(t.Context(), off.ID, true)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "only its organization")
	require.Empty(t, s.tap.Calls("POST /group/user"))
}

// Everything that comes back after a create says that the user may exist.
func TestCloudUsers_create_unclear(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, withGroups)
	s.faults(func(f *jiratest.Faults) { f.IgnoreUserWrites = true })
	_, err := users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldEmail: "new@example.com"}})
	requireKind(t, access.Unknown, err)
	s.faults(func(f *jiratest.Faults) { f.IgnoreUserWrites = false })
	s.spoil(fakewire.Rule{Only: []jiratest.Operation{jiratest.OpJoinGroup}, Of: []fakewire.Fault{{Kind: fakewire.Status, Status: http.StatusForbidden}}})
	_, err = users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldEmail: "new@example.com"}})
	requireKind(t, access.Unknown, err)
	found, err := users.FindUsers(t.Context(), access.UserQuery{Email: "new@example.com"})
	require.NoError(t, err)
	require.Len(t, found, 1)
}

// Looking for somebody who is not there must not cost a listing each time; Jira counts each account that it lists.
func TestCloudUsers_list_remembered(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, nil)
	now := time.Now()
	users.SetClock(func() time.Time { return now })
	find := func(want int) int {
		found, err := users.FindUsers(t.Context(), access.UserQuery{Email: "off@example.com"})
		require.NoError(t, err)
		require.Len(t, found, want)
		return len(s.tap.Calls("GET /users/search"))
	}
	once := find(0)
	require.Equal(t, once, find(0))
	off := person("off")
	off.Active = false
	s.putUser(off)
	now = now.Add(5 * time.Minute)
	require.Greater(t, find(1), once)

	// Who was in the list and has another address by now is not found.
	s.AddAccount(jiratest.Account{ID: "557058:off", Email: "other@example.com", Inactive: true})
	find(0)
}
