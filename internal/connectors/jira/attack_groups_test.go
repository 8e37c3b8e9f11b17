package jira_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// "Switching off takes a user out of all of them" (connectors.md). Where an identity provider owns the first of users.groups, the loop ends with Jira's refusal, and the user stays in the others, which usher may
// change: the leaver keeps all access, and, since the row ends there, every group of sync.groups besides.
func TestAttackGroups_off_stops_at_a_group_of_another_system(t *testing.T) {
	s := newSite(t, jiratest.Config{Edition: jiratest.Cloud, PageLimit: 3, Groups: []jiratest.Group{
		{ID: groupSoftware, Name: "jira-software-users", Products: []string{"jira-software"}, Owned: true},
		{ID: groupDesk, Name: "jira-servicemanagement-users", Products: []string{"jira-servicedesk"}},
	}})
	c := s.config()
	withGroups(&c)
	users, err := jira.NewUsers(c, "jira", nil)
	require.NoError(t, err)
	ana := s.putUser(person("ana"))
	_, err = users.SetUserActive(t.Context(), ana.ID, false)
	require.Error(t, err)
	members, err := users.GroupMembers(t.Context(), access.GroupID(groupDesk))
	require.NoError(t, err)
	require.NotContains(t, members, ana.ID)
}

// A group of users.groups can be one of sync.groups, by its name, and nothing refuses that. Switching somebody on puts them into it, whatever its rule says.
func TestAttackGroups_on_puts_into_a_group_with_a_rule(t *testing.T) {
	s, users := newUsers(t, jiratest.Cloud, withGroups)
	ana := s.putMember(person("ana"))
	group, err := users.FindGroup(t.Context(), "jira-software-users")
	if err != nil {
		return
	}
	_, err = users.SetUserActive(t.Context(), ana, true)
	require.NoError(t, err)
	members, err := users.GroupMembers(t.Context(), group.ID)
	require.NoError(t, err)
	require.NotContains(t, members, ana, "the port offers the group for memberships, and fills it by switching on")
}
