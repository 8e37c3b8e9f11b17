package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/workflows"
)

var kim = access.IntegrationUser{
	Desk: "jira", ID: "u1", Account: "a1", Name: "Kim", Email: "kim@example.test", UserName: "kim", Integration: "jira", Tenant: "https://desk.example.test",
	Groups: []string{"night", "ops"}, AddedBy: "adam", AddedAt: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC),
}

func TestIntegrationUsersCommands(t *testing.T) {
	w := newWorld(t)
	w.gateway.changed = workflows.IntegrationUsersResult{User: &kim, Added: true}
	got := w.usher(t, "adam", "integration-users", "add", "kim@example.test", "--desk", "jira", "--group", "ops", "--group", "night", "--reason", "on call")
	require.Equal(t, exitOK, got.code, got.err)
	require.Equal(t, "Added.\n  name:      Kim\n  e-mail:    kim@example.test\n  user name: kim\n  type:      jira\n  tenant:    https://desk.example.test\n"+
		"  groups:    night, ops\n  user:      u1\n", got.out)
	require.Equal(t, workflows.IntegrationUsersParams{
		Desk: "jira", By: "adam", Evidence: w.gateway.change.Evidence, Reason: "on call",
		Add: &workflows.AddIntegrationUserInput{Email: "kim@example.test", Groups: []string{"night", "ops"}},
	}, w.gateway.change)
	w.gateway.changed.Added = false
	dry := w.usher(t, "adam", "integration-users", "add", "kim@example.test", "--desk", "jira", "--dry-run")
	require.Contains(t, dry.out, "Nothing was changed. This is who it is:\n")
	require.True(t, w.gateway.change.Add.Dry)
	require.Contains(t, w.usher(t, "adam", "integration-users", "add", "kim@example.test").err, "--desk: is empty")
	require.Contains(t, w.usher(t, "ana", "integration-users", "add", "kim@example.test", "--desk", "jira").err, "Only administrators may change")

	require.Contains(t, w.usher(t, "adam", "integration-users", "remove", "jira", "u1").err, "--reason: is empty")
	w.gateway.changed = workflows.IntegrationUsersResult{User: &kim, Notified: 2}
	require.Equal(t, "Removed. 2 open tickets are assigned anew.\n", w.usher(t, "adam", "integration-users", "remove", "jira", "u1", "--reason", "left").out)
	require.Equal(t, access.UserID("u1"), w.gateway.change.Remove.User)
	w.gateway.changed = workflows.IntegrationUsersResult{Checked: 3, Flagged: 1, Notified: 2}
	require.Equal(t, "3 checked, 1 flagged, 0 not read; 2 open tickets are assigned anew.\n", w.usher(t, "adam", "integration-users", "check", "jira").out)

	require.Equal(t, "No integration users.\n", w.usher(t, "audra", "integration-users", "list").out)
	require.NoError(t, w.store.SaveIntegrationUser(t.Context(), kim, access.DeskEvent{
		ID: "e1", Desk: "jira", User: "u1", Type: access.DeskUserAdded, At: kim.AddedAt, Actor: "adam", Text: "Kim was added.",
	}))
	list := w.usher(t, "scanner", "integration-users", "list", "--limit", "1").out
	require.Contains(t, list, "TYPE")
	require.Contains(t, list, "https://desk.example.test  night, ops  0")
	require.Contains(t, list, "More: --after-desk jira --after u1")
	require.Contains(t, w.usher(t, "audra", "integration-users", "events", "jira").out, "integration_user_added  adam  Kim was added.")
}

func TestTicketsCommands(t *testing.T) {
	w := newWorld(t)
	w.gateway.incident = gateway.IncidentSubmission{Created: true, View: access.IncidentView{
		State: access.IncidentOpen, StatusText: "ACC-1 is open and assigned to Kim (kim@example.test).",
		Ticket: &access.TicketRef{Key: "ACC-1", URL: "https://desk.example.test/ACC-1"}, Assignee: &access.IncidentAssignee{Name: "Kim", Email: "kim@example.test", Why: "rule 1"},
	}}
	got := w.usher(t, "scanner", "tickets", "create", "--id", "i1", "--reference", "SCAN-1", "--summary", "It expires", "--application", "crm", "--assignee", "kim@example.test")
	require.Equal(t, exitOK, got.code, got.err)
	require.Equal(t, "Incident i1 (SCAN-1): open\nACC-1 is open and assigned to Kim (kim@example.test).\n  ticket:   ACC-1 https://desk.example.test/ACC-1\n"+
		"  assignee: Kim (kim@example.test): rule 1\n", got.out)
	require.Equal(t, "crm", w.gateway.handedIn.Application)
	require.Contains(t, w.usher(t, "scanner", "tickets", "create", "--summary", "x").err, "--reference: is empty")
	require.Contains(t, w.usher(t, "scanner", "tickets", "create", "--reference", "x").err, "--summary: is empty")
	require.Contains(t, w.usher(t, "adam", "tickets", "create", "--reference", "x", "--summary", "x").err, "Only ticket callers may hand in incidents.")

	require.Equal(t, "No incidents.\n", w.usher(t, "audra", "tickets", "list").out)
	view := w.gateway.incident.View
	view.Incident = access.Incident{ID: "i1", Caller: "scanner", Reference: "SCAN-1", SubmittedAt: kim.AddedAt}
	view.Desk, view.Version = "jira", 1
	require.NoError(t, w.store.SaveIncident(t.Context(), view, access.DeskEvent{
		ID: "e1", Desk: "jira", Incident: "i1", Type: access.DeskIncidentTaken, At: kim.AddedAt, Text: "It was handed in.",
	}))
	list := w.usher(t, "scanner", "tickets", "list", "--open", "--limit", "1").out
	require.Contains(t, list, "i1        SCAN-1     open   ACC-1   kim@example.test")
	require.Contains(t, list, "More: --before 2026-11-28T09:00:00Z --before-id i1")
	require.Contains(t, w.usher(t, "scanner", "tickets", "show", "i1").out, "Incident i1 (SCAN-1): open")
	require.Contains(t, w.usher(t, "ana", "tickets", "show", "i1").err, "there is no incident")
	require.Contains(t, w.usher(t, "scanner", "tickets", "events", "i1").out, "It was handed in.")
}
