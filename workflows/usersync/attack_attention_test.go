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

// The ticket names the run that was the first to hold something. When that one cannot be released any more, the ticket says which one can; once, until that one cannot.
func TestAttackAttention_ticket_says_what_is_refused_a_day_later(t *testing.T) {
	o := holding(t)
	named := o.handedIn[0].SubmittedAt
	for range 3 {
		o.news = nil
		o.now = named.Add(22 * time.Hour)
		o.ends()
		require.Empty(t, o.news, "what the ticket says to do is taken")
		o.now = named.Add(24 * time.Hour)
		newer := o.ends()
		require.Len(t, o.handedIn, 1)
		require.Len(t, o.news, 1)
		require.Equal(t, workflows.IncidentNews{Incident: o.handedIn[0].ID, Instead: named, At: newer.BeganAt, Text: o.news[0].Text}, o.news[0])
		require.Contains(t, o.news[0].Text, "usher sync release it "+newer.ID+" --reason")
		require.NotContains(t, o.news[0].Text, string(idOf(10)))
		o.becomes(func(v *access.IncidentView) { v.NewsAt = o.news[0].At })
		named = o.news[0].At
	}
}

// Whoever retries often by hand ends no quarantine, as long as nothing has ended well.
func TestAttackAttention_failures_by_hand_end_the_quarantine(t *testing.T) {
	o := newOffice(t, 3)
	o.settles()
	at := time.Now().UTC().Add(time.Hour)
	ends := func(id string, change func(*access.SyncRun)) {
		at = at.Add(time.Second)
		run := access.SyncRun{Desk: it, ID: id, BeganAt: at}
		change(&run)
		require.NoError(t, o.ledger.BeginSyncRun(t.Context(), run))
		run.EndedAt = at.Add(time.Millisecond)
		require.NoError(t, o.ledger.SaveSyncRun(t.Context(), run))
	}
	waits := func(id string) bool {
		at = at.Add(time.Second)
		var begun activities.BeginSyncResult
		require.NoError(t, o.activity("BeginSync", access.SyncRun{Desk: it, ID: id, BeganAt: at}, &begun))
		if begun.NotBefore.IsZero() {
			begun.SyncRun.EndedAt = at.Add(time.Millisecond)
			require.NoError(t, o.ledger.SaveSyncRun(t.Context(), begun.SyncRun))
		}
		return !begun.NotBefore.IsZero()
	}
	for i := range 8 {
		ends(fmt.Sprint("scheduled-", i), func(r *access.SyncRun) { r.Problem = "the password is wrong" })
	}
	for i := range 150 {
		ends(fmt.Sprint("by-hand-", i), func(r *access.SyncRun) { r.By, r.Problem = "adm", "the password is wrong" })
	}
	require.True(t, waits("next"), "8 runs of the schedule have failed in a row, the last one a minute ago")
	ends("well", func(r *access.SyncRun) { r.By = "adm" })
	require.False(t, waits("after it was well"))
	for i := range 8 {
		ends(fmt.Sprint("cancelled-", i), func(r *access.SyncRun) { r.Problem, r.Cancelled = "canceled", true })
	}
	require.False(t, waits("after some were cancelled"), "a run that somebody cancels says nothing about the desk")
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
