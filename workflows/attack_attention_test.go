package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// A run holds something, and the desk is away; the next run holds nothing, so the incident is told that it is done; the run after that holds something again. The ledger has the incident as open, so
// nothing is handed in; then the desk is back, and the only ticket is opened and closed at once. Until another run there is a hold without a ticket: with a source that is listed once a night, that is as
// long as a release is possible.
func TestAttackAttention_hold_while_the_ticket_is_about_to_be_closed(t *testing.T) {
	h := newHelpdesk(t, nil)
	i := h.report("usher")
	i.Reference, i.Caller = access.UsherReference+"usersync/jira", access.UsherCaller()
	var attention activities.Attention
	h.at(0, func() { h.desk.Down(true) })
	h.at(20*time.Minute, func() {
		h.signal(workflows.SignalIncidentDone, workflows.IncidentDone{Text: "The run 2 holds nothing back."})
	})
	h.at(30*time.Minute, func() { attention = h.heldRun("3", 30*time.Minute) })
	h.at(80*time.Minute, func() { h.desk.Down(false) })
	view := h.kept(i)
	require.Equal(t, access.IncidentClosed, view.State)
	require.NotNil(t, attention.Open, "run 3 holds a row; its only ticket is %s: %s", view.State, view.StatusText)
}

// The desk does not let usher close the ticket, as where closing demands a field. The ticket says that nothing is held back, and the incident stays open for as long as that lasts: so what any later run holds gets
// no ticket, and the old one says nothing of it.
func TestAttackAttention_hold_after_a_closing_that_the_desk_refuses(t *testing.T) {
	h := newHelpdesk(t, nil)
	h.desk.DemandField(access.TicketDone, "resolution")
	i := h.report("usher")
	i.Reference, i.Caller = access.UsherReference+"usersync/jira", access.UsherCaller()
	h.at(20*time.Minute, func() {
		h.signal(workflows.SignalIncidentDone, workflows.IncidentDone{Text: "The run 2 holds nothing back."})
	})
	var later []activities.Attention
	var said []string
	for day := range 5 {
		after := time.Duration(day+1) * aDay
		h.at(after, func() { later = append(later, h.heldRun(fmt.Sprint("later-", day), after)) })
	}
	h.at(6*aDay, func() { said = comments(h.ticket()) })
	h.at(7*aDay, h.closes)
	view := h.kept(i)
	t.Logf("comments while five runs held something: %q; then %s", said, view.State)
	require.True(t, slices.ContainsFunc(later, func(a activities.Attention) bool { return a.Open != nil }),
		"five runs in a row hold a row; the only ticket says %q", said)
}

// heldRun records a run over the users of jira that holds a row, and returns what it leaves for people.
func (h *helpdesk) heldRun(id string, after time.Duration) activities.Attention {
	h.t.Helper()
	run := access.SyncRun{Desk: "jira", Source: "hr", ID: id, BeganAt: chainStart.Add(after)}
	require.NoError(h.t, h.ledger.BeginSyncRun(h.t.Context(), run))
	run.Plan, run.Rows = "plan of "+id, "rows of "+id
	row := access.SyncRow{Person: "p1", Operation: access.UserDeactivate, State: access.SyncPlanned}
	require.NoError(h.t, h.ledger.PlanSyncRows(h.t.Context(), run, []access.SyncRow{row}))
	require.NoError(h.t, h.ledger.SaveSyncRun(h.t.Context(), run))
	row.State, row.Held = access.SyncHeld, "deactivations"
	require.NoError(h.t, h.ledger.HoldSyncRows(h.t.Context(), run, []access.SyncRow{row}))
	run.States, run.EndedAt = map[access.SyncState]int{access.SyncHeld: 1}, run.BeganAt.Add(time.Second)
	require.NoError(h.t, h.ledger.SaveSyncRun(h.t.Context(), run))
	records := activities.UserSync{Ledger: h.ledger, Settings: map[access.DeskName]activities.SyncSettings{"jira": {Source: "hr", TicketsOn: "jira"}}}
	records.Running = func(_ context.Context, workflow string) (bool, error) {
		return workflow == workflows.IncidentWorkflowID("i1"), nil
	}
	records.Started = records.Running
	attention, err := records.SyncAttention(h.t.Context(), activities.SyncInput{Desk: "jira", Run: id, Plan: run.Plan})
	require.NoError(h.t, err)
	return attention
}

// What a ticket says is replaced by a later run's words once: what comes in place of something that it does not say any more was said, or is late. Nothing is said of a ticket that is about to be closed.
func TestIncident_news(t *testing.T) {
	h := newHelpdesk(t, nil)
	i := h.report("usher")
	i.Reference, i.Caller = access.UsherReference+"usersync/jira", access.UsherCaller()
	second, third := chainStart.Add(aDay), chainStart.Add(2*aDay)
	says := func(after time.Duration, instead, at time.Time, text string) {
		h.at(after, func() {
			h.signal(workflows.SignalIncidentNews, workflows.IncidentNews{Incident: i.ID, Instead: instead, At: at, Text: text})
		})
	}
	says(time.Hour, chainStart, second, "The run 2 can be released.")
	says(2*time.Hour, chainStart, second, "The run 2 can be released.")
	says(3*time.Hour, chainStart, second.Add(time.Hour), "The run 3 can be released.")
	says(4*time.Hour, second, third, "")
	says(5*time.Hour, second, third, "The run 2 can be released.")
	var said []string
	h.at(6*time.Hour, func() {
		said = comments(h.ticket())
		require.Equal(t, third, h.recorded(i.ID).NewsAt.UTC())
		h.desk.DemandField(access.TicketDone, "resolution")
		h.signal(workflows.SignalIncidentDone, workflows.IncidentDone{Text: "The run 5 holds nothing back."})
	})
	says(7*time.Hour, third, third.Add(aDay), "The run 6 can be released.")
	h.at(8*time.Hour, func() {
		require.Equal(t, "The run 5 holds nothing back.", h.recorded(i.ID).NothingLeft)
		require.False(t, slices.ContainsFunc(comments(h.ticket()), func(s string) bool { return strings.Contains(s, "The run 6") }))
		h.closes()
	})
	h.kept(i)
	require.Equal(t, 2, strings.Count(strings.Join(said, "\n"), "The run 2 can be released."), "%q", said)
	require.NotContains(t, strings.Join(said, "\n"), "The run 3")
}
