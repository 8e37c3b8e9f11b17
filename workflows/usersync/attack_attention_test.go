package usersync_test

import (
	"context"
	"fmt"
	gosync "sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// The workflow of the incident was terminated: the ledger has it as open for ever, nobody follows its ticket, and no run opens another one.
// "A terminated one ends as cancelled when usher has something to say to it next" (operations.md) is true of changes of the ticket and of the register alone.
func TestAttackAttention_terminated_incident_stops_all_later_tickets(t *testing.T) {
	o := newOffice(t, 50)
	o.settings.TicketsOn = "helpdesk"
	o.settles()
	o.leaves(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	o.ends()
	require.Len(t, o.handedIn, 1)
	// Somebody terminates incident/usher-...-1: nothing ends it in the ledger, and no workflow of that id runs.
	o.running = map[string]bool{workflows.IncidentWorkflowID(o.handedIn[0].ID): false}
	for range 3 {
		require.Positive(t, o.ends().States[access.SyncHeld])
	}
	require.Len(t, o.handedIn, 2, "rows are held, and there is no ticket that anybody follows")
}

// The ticket names the run that was the first to hold something. A day later it is there still, and what it says to do is refused.
func TestAttackAttention_ticket_says_what_is_refused_a_day_later(t *testing.T) {
	o := newOffice(t, 50)
	o.settings.TicketsOn = "helpdesk"
	o.settles()
	o.leaves(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
	held := o.ends()
	o.now = held.EndedAt.Add(30 * time.Hour)
	o.ends()
	require.Len(t, o.handedIn, 1)
	require.Contains(t, o.handedIn[0].Description, "usher sync release it "+held.ID+" --reason")
	_, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: held.ID, Reason: "as the ticket says"}})
	require.NoError(t, err, "the only open ticket names a run that cannot be released any more")
}

// Only the last 50 runs are looked at, those by hand too: whoever retries often by hand ends the quarantine, though nothing has ended well.
func TestAttackAttention_failures_by_hand_end_the_quarantine(t *testing.T) {
	o := newOffice(t, 3)
	o.settles()
	o.now = time.Now().UTC().Add(-2 * time.Hour)
	fails := func(id string, by access.PersonID, at time.Time) {
		run := access.SyncRun{Desk: it, ID: id, BeganAt: at, By: by}
		require.NoError(t, o.ledger.BeginSyncRun(t.Context(), run))
		run.EndedAt, run.Problem = at.Add(time.Millisecond), "the password is wrong"
		require.NoError(t, o.ledger.SaveSyncRun(t.Context(), run))
	}
	at := time.Now().UTC().Add(time.Hour)
	for i := range 8 {
		at = at.Add(time.Second)
		fails(fmt.Sprint("scheduled-", i), "", at)
	}
	for i := range 50 {
		at = at.Add(time.Second)
		fails(fmt.Sprint("by-hand-", i), "adm", at)
	}
	var begun activities.BeginSyncResult
	require.NoError(t, o.activity("BeginSync", access.SyncRun{Desk: it, ID: "next", BeganAt: at.Add(time.Second)}, &begun))
	require.False(t, begun.NotBefore.IsZero(), "8 runs of the schedule have failed in a row, the last one a minute ago")
}

// attackedLateLink is a ledger on whose first link an attempt hangs.
type attackedLateLink struct {
	activities.SyncLedger
	once   gosync.Once
	during func()
}

func (l *attackedLateLink) SaveDeskLink(ctx context.Context, desk access.DeskName, link access.DeskLink, replaces access.UserID) error {
	if link.Person == idOf(1) {
		l.once.Do(l.during)
	}
	return l.SyncLedger.SaveDeskLink(ctx, desk, link, replaces)
}

// An attempt of ApplyUsers hangs just before it links a person. The next attempt links and ends the run, an administrator takes the link away, and then the first one goes on. Rows are claimed
// by an attempt; links are not: SaveDeskLink takes them of a run that has ended, and of an attempt that was given up.
// The person is linked again to the user whom somebody has just said not to be theirs, without any event.
func TestAttackUnlink_late_attempt_links_again(t *testing.T) {
	o := newOffice(t, 3)
	user := o.users.Put(access.DeskUser{Active: true, Values: map[string]string{
		access.UserFieldName: "user.p0001", access.UserFieldEmail: "user.p0001@example.com",
	}})
	run := o.planned("x")
	plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
	hung := false
	late := &attackedLateLink{SyncLedger: o.ledger}
	late.during = func() {
		hung = true
		var done activities.ApplyUsersResult
		require.NoError(t, o.activity("ApplyUsers", plan, &done))
		for done.More {
			require.NoError(t, o.activity("ApplyUsers", plan, &done))
		}
		var ended access.SyncRun
		require.NoError(t, o.activity("EndSync", plan, &ended))
		require.Equal(t, user.ID, o.of(1).ID)
		o.now = o.now.Add(time.Hour)
		require.NotNil(t, o.unlinks(1).Link)
	}
	_ = o.attackedApply(late, plan)
	require.True(t, hung)
	links, err := o.ledger.DeskLinks(t.Context(), it, []access.PersonID{idOf(1)})
	require.NoError(t, err)
	require.Empty(t, links, "the link that was taken away is there again")
}

// attackedApply calls ApplyUsers over the ledger of that kind.
func (o *office) attackedApply(l activities.SyncLedger, plan activities.SyncInput) error {
	o.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	desk := o.desk()
	desk.Ledger = l
	env.RegisterActivity(desk)
	_, err := env.ExecuteActivity("ApplyUsers", plan)
	return err
}
