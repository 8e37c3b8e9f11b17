package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestIntegrationUsersList_names_of_the_desk: what people call themselves on a desk changes nothing of what an administrator's terminal shows of others.
func TestIntegrationUsersList_names_of_the_desk(t *testing.T) {
	w := newWorld(t)
	eve := kim
	eve.Name = "Eve\njira  u9  Ana  ana@example.test  ana  jira"
	require.NoError(t, w.store.SaveIntegrationUser(t.Context(), eve, access.DeskEvent{
		ID: "e1", Desk: "jira", User: "u1", Type: access.DeskUserAdded, At: kim.AddedAt, Actor: "adam", Text: eve.CalledBy() + " was added.",
	}))
	list := w.usher(t, "adam", "integration-users", "list").out
	require.Equal(t, 2, strings.Count(list, "\n"), "a head and one user: %s", list)
	events := w.usher(t, "adam", "integration-users", "events", "jira").out
	require.Equal(t, 2, strings.Count(events, "\n"), "a head and one event: %s", events)
}
