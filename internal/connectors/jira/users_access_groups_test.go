package jira_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// A group by which users are switched on and off follows no rule besides, and the error names both keys.
func TestUserGroups_group_by_which_users_are_on(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, func(c *jira.Config) { c.Users = jira.UsersConfig{Groups: []string{groupSoftware}} })
	_, err := users.FindGroup(t.Context(), "jira-software-users")
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.jira.users.groups")
	require.ErrorContains(t, err, "desks.jira.sync.groups")
	other, err := users.FindGroup(t.Context(), "jira-servicemanagement-users")
	require.NoError(t, err)
	require.Equal(t, access.GroupID(groupDesk), other.ID)
	require.NotEmpty(t, s.tap.Calls("GET /group/bulk"))
}

// Switching on ends at the first group that refuses: who is in one of them is on, and the next run would not see what is missing.
func TestUsers_on_ends_at_a_group_of_another_system(t *testing.T) {
	s := newSite(t, jiratest.Config{Edition: jiratest.Cloud, PageLimit: 3, Groups: []jiratest.Group{
		{ID: groupSoftware, Name: "jira-software-users", Owned: true}, {ID: groupDesk, Name: "jira-servicemanagement-users"},
	}})
	c := s.config()
	withGroups(&c)
	users, err := jira.NewUsers(c, "jira", nil)
	require.NoError(t, err)
	ana := s.putMember(person("ana"))
	_, err = users.SetUserActive(t.Context(), ana, true)
	require.ErrorContains(t, err, "403")
	require.Empty(t, s.GroupMembers(groupDesk))
	now, err := users.ReadUser(t.Context(), ana)
	require.NoError(t, err)
	require.False(t, now.Active)
}
