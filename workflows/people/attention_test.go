package people_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// A hold opens one ticket, with why and ten samples, which stays until a run holds nothing back.
func TestPeopleRun_hold_opens_a_ticket(t *testing.T) {
	c := newCompany(t, 100)
	c.settings.TicketsOn = "helpdesk"
	c.ends()
	require.Empty(t, c.handedIn)
	c.leave(0, 12)
	held := c.ends()
	require.Len(t, c.handedIn, 1)
	i := c.handedIn[0]
	require.Equal(t, access.DeskName("helpdesk"), i.Desk)
	require.Equal(t, "usher:people/hr", i.Reference)
	require.Equal(t, access.UsherCaller(), i.Caller)
	require.Equal(t, "usher holds back 12 changes of the people of hr", i.Summary)
	require.Contains(t, i.Description, "- leavers: 12 of 100 people")
	require.Equal(t, 10, strings.Count(i.Description, ": leaver, held by leavers\n"))
	require.Contains(t, i.Description, "- p0000 (user.p0000): leaver")
	require.Contains(t, i.Description, "usher people release hr "+held.ID+" --reason")

	c.ends()
	require.Len(t, c.handedIn, 1, "one ticket, as long as something is held")
	require.Empty(t, c.closed)

	c.source.PutRecords(employee(0), employee(1), employee(2), employee(3))
	run := c.ends()
	require.Zero(t, run.Held)
	require.Equal(t, map[string]string{string(i.ID): "The run " + run.ID + " over the people of hr holds nothing back."}, c.closed)

	c.leave(20, 40)
	c.ends()
	require.Len(t, c.handedIn, 2)
	require.NotEqual(t, i.ID, c.handedIn[1].ID)
}

// A release closes the ticket by its own run.
func TestPeopleRun_release_closes_the_ticket(t *testing.T) {
	c := newCompany(t, 100)
	c.settings.TicketsOn = "helpdesk"
	c.ends()
	c.leave(0, 12)
	held := c.ends()
	c.now = held.EndedAt
	_, err := c.runNow(workflows.PeopleRunParams{By: "adm", Release: &access.PeopleRelease{Run: held.ID, Reason: "a plant closes"}})
	require.NoError(t, err)
	require.Len(t, c.closed, 1)
}

// Without a desk for tickets, nobody is bothered.
func TestPeopleRun_hold_without_tickets(t *testing.T) {
	c := newCompany(t, 100)
	c.ends()
	c.leave(0, 12)
	require.Positive(t, c.ends().Held)
	require.Empty(t, c.handedIn)
}

// A source that fails time and again is asked less and less often; people are told once, and may try whenever they like.
func TestPeopleRun_quarantine(t *testing.T) {
	c := newCompany(t, 20)
	c.settings.TicketsOn = "helpdesk"
	c.ends()
	down := access.Errorf(access.Forbidden, "list people", "the password is wrong")
	fails := func(p workflows.PeopleRunParams) {
		t.Helper()
		c.source.FailNext(memory.OpListPeople, down)
		_, err := c.runNow(p)
		require.Error(t, err)
		c.source.FailNoMore()
	}
	soon := func() { c.now = time.Now().UTC().Add(time.Minute) }
	for n := range access.QuarantineAfter {
		require.Empty(t, c.handedIn)
		soon()
		fails(workflows.PeopleRunParams{})
		require.Equal(t, n+1 == access.QuarantineAfter, len(c.handedIn) == 1)
	}
	require.Equal(t, "usher: the people of hr cannot be listed", c.handedIn[0].Summary)
	require.Contains(t, c.handedIn[0].Description, "5 runs in a row have failed")
	require.Contains(t, c.handedIn[0].Description, "the password is wrong")

	calls := c.source.Calls(memory.OpListPeople)
	soon()
	run, err := c.runNow(workflows.PeopleRunParams{})
	require.NoError(t, err)
	require.True(t, run.NeverBegan)
	require.Contains(t, run.Problem, "the next try is at ")
	require.Contains(t, c.details, "does not list people now")
	require.Equal(t, calls, c.source.Calls(memory.OpListPeople), "the source is left in peace")

	soon()
	fails(workflows.PeopleRunParams{By: "adm"})
	require.Greater(t, c.source.Calls(memory.OpListPeople), calls, "people may try")
	require.Len(t, c.handedIn, 1)

	c.now = time.Now().UTC().Add(31 * time.Minute)
	run, err = c.runNow(workflows.PeopleRunParams{})
	require.NoError(t, err)
	require.Empty(t, run.Problem)
	require.Len(t, c.closed, 1)
	c.now = c.now.Add(time.Minute)
	run, err = c.runNow(workflows.PeopleRunParams{})
	require.NoError(t, err)
	require.False(t, run.NeverBegan)
}

// A run that was refused beside another one says nothing about the source.
func TestPeopleRun_refused_is_no_failure(t *testing.T) {
	c := newCompany(t, 20)
	c.ends()
	open := c.planned("other")
	c.running = map[string]bool{open.Workflow: true}
	for range access.QuarantineAfter {
		c.now = c.now.Add(2 * time.Hour)
		_, err := c.runNow(workflows.PeopleRunParams{})
		require.Error(t, err)
	}
	c.running = nil
	c.now = c.now.Add(time.Hour)
	run, err := c.runNow(workflows.PeopleRunParams{})
	require.NoError(t, err)
	require.False(t, run.NeverBegan, run.Problem)
}

// That runs fail and that something is held are two matters: a source that is back and holds changes has the ticket of the hold alone.
func TestPeopleRun_failing_and_held(t *testing.T) {
	c := newCompany(t, 100)
	c.settings.TicketsOn = "helpdesk"
	c.ends()
	for range access.QuarantineAfter {
		c.now = time.Now().UTC().Add(time.Minute)
		c.source.FailNext(memory.OpListPeople, access.Errorf(access.Forbidden, "list people", "the password is wrong"))
		_, err := c.runNow(workflows.PeopleRunParams{})
		require.Error(t, err)
		c.source.FailNoMore()
	}
	require.Len(t, c.handedIn, 1)
	c.leave(0, 12)
	c.now = time.Now().UTC().Add(31 * time.Minute)
	run, err := c.runNow(workflows.PeopleRunParams{})
	require.NoError(t, err)
	require.Equal(t, 12, run.Held)
	require.Len(t, c.handedIn, 2)
	require.Equal(t, "usher holds back 12 changes of the people of hr", c.handedIn[1].Summary)
	require.Equal(t, map[string]string{string(c.handedIn[0].ID): "The run " + run.ID + " over the people of hr has ended well."}, c.closed)
}

// A run that somebody cancels says nothing about the source.
func TestPeopleRun_cancelled_is_no_failure(t *testing.T) {
	c := newCompany(t, 20)
	c.settings.TicketsOn = "helpdesk"
	c.ends()
	for range access.QuarantineAfter + 1 {
		c.now = time.Now().UTC().Add(time.Minute)
		c.cancelled = true
		_, err := c.runNow(workflows.PeopleRunParams{})
		require.Error(t, err)
		runs, err := c.ledger.PeopleRuns(t.Context(), hr, time.Time{}, 1)
		require.NoError(t, err)
		require.True(t, runs[0].Cancelled, "%+v", runs[0])
	}
	c.cancelled = false
	require.Empty(t, c.handedIn)
	c.now = time.Now().UTC().Add(time.Minute)
	run, err := c.runNow(workflows.PeopleRunParams{})
	require.NoError(t, err)
	require.False(t, run.NeverBegan, run.Problem)
}
