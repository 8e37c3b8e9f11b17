package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

func TestDesk_commands(t *testing.T) {
	w := newWorld(t)
	behind := -3
	w.gateway.report = workflows.DoctorReport{Lines: []workflows.DoctorLine{{Connector: "desk/jira", Desk: &access.DeskView{
		Account: "bot", Place: "Jira project", ClockAhead: &behind,
		Statuses: []access.DeskStatus{
			{ID: "1", Name: "Open", Phase: access.TicketWaiting},
			{ID: "3", Name: "Yes", Phase: access.TicketApproved, Configured: true},
			{ID: "4", Name: "Parked", Phase: access.TicketOther},
		},
		Fields: []access.DeskField{{ID: "customfield_1", Name: "Reason", Required: true, Value: access.FieldReason}},
	}}}}
	const statuses = "STATUS  ID  MEANS     BY\n" +
		"Open    1   waiting   the desk\n" +
		"Yes     3   approved  the configuration\n" +
		"Parked  4   other     the desk\n" +
		"warning: \"Parked\" means nothing to usher; expected it in statuses of the desk\n" +
		"warning: no status means denied, so nobody decides so by moving a ticket; expected one in statuses.denied\n"
	require.Equal(t, said{out: statuses}, w.usher(t, "audra", "desk", "preview", "jira"))
	require.Equal(t, said{out: "desk/jira: ok\n\nJira project, as bot, clock 3 s behind usher's, statuses that mean nothing to usher: 1, see usher desk preview\n\n" +
		statuses + "\nFIELD   ID             REQUIRED  USHER WRITES\nReason  customfield_1  yes       reason\n"},
		w.usher(t, "audra", "desk", "show", "jira"))
	got := w.usher(t, "audra", "desk", "test", "jira")
	require.Zero(t, got.code)
	require.Contains(t, got.out, "desk/jira: ok as bot, clock 3 s behind usher's")
	require.Contains(t, got.out, "webhook/jira: ok ")

	w.gateway.report.Lines[0] = workflows.DoctorLine{Connector: "desk/jira", Problem: "credentials are bad"}
	require.Contains(t, w.usher(t, "audra", "desk", "test", "jira", "--ticket").err, "Only administrators may open a trial ticket")
	got = w.usher(t, "adam", "desk", "test", "jira", "--ticket")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.out, "credentials are bad")
	require.Contains(t, w.usher(t, "audra", "desk", "preview", "jira").out, "does not list its statuses: credentials are bad.")

	w.gateway.report.Lines[0] = workflows.DoctorLine{Connector: "desk/jira", Note: "watched"}
	require.Equal(t, "DESK  CHANGES  WEBHOOK\njira  watched  none\n", w.usher(t, "audra", "desk", "list").out)
	require.Equal(t, exitFailed, w.usher(t, "ana", "desk", "list").code)
}
