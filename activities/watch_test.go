package activities_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"usher/activities"
	"usher/internal/access"
)

// marks are what the ledger remembers of the tickets, in their order.
func (l *lookout) marks(t *testing.T) []access.TicketFingerprint {
	t.Helper()
	known, err := l.store.Store.WatchedTickets(t.Context(), "jira", l.ids())
	require.NoError(t, err)
	marks := make([]access.TicketFingerprint, len(l.refs))
	for _, k := range known {
		marks[slices.Index(l.ids(), k.Link.Ref.ID)] = k.Fingerprint
	}
	return marks
}

// judged has all tickets judged as they are now.
func (l *lookout) judged(t *testing.T) activities.NotifyChangesResult {
	t.Helper()
	judged, err := l.watch.NotifyChanges(t.Context(), l.judge(t, l.ids()...))
	require.NoError(t, err)
	return judged
}

func TestNotifyChanges_once(t *testing.T) {
	l := newLookout(t, 2)
	l.moved(t, 1, access.TicketApproved)
	require.Equal(t, 1, l.judged(t).Notified)
	require.Zero(t, l.judged(t).Notified)
	require.Equal(t, []string{"request/r1"}, l.told())
	said := l.post.signals[0]
	require.Equal(t, "ticket", said.name)
	news, ok := said.arg.(access.TicketChange)
	require.True(t, ok)
	require.Equal(t, access.TicketApproved, news.Snapshot.Phase)
	require.False(t, news.Missing)

	require.NoError(t, l.port.AssignAs(l.refs[1].ID, "somebody"))
	require.Equal(t, 1, l.judged(t).Notified)
	_, err := l.port.Rekey(l.refs[0].ID, "OTHER")
	require.NoError(t, err)
	require.Equal(t, 1, l.judged(t).Notified)
	require.Equal(t, []string{"request/r1", "request/r2", "request/r1"}, l.told())
}

func TestNotifyChanges_moved_before_the_first_read(t *testing.T) {
	l := newLookout(t, 2)
	_, err := l.port.Rekey(l.refs[0].ID, "OTHER")
	require.NoError(t, err)
	require.Equal(t, 1, l.judged(t).Notified)
	require.Zero(t, l.judged(t).Notified)
	require.Equal(t, []string{"request/r1"}, l.told())
}

func TestNotifyChanges_own_writes(t *testing.T) {
	l := newLookout(t, 2)
	account := l.port.AddAccount(access.Person{ID: "mia", Email: "mia@example.test"})
	own := func() {
		ctx, id := t.Context(), l.refs[0].ID
		require.NoError(t, l.port.AddComments(ctx, id, access.Comment{Marker: "m", Text: "reminder"}))
		require.NoError(t, l.port.AssignTicket(ctx, id, account))
		require.NoError(t, l.port.TransitionTicket(ctx, id, access.TicketWorking))
	}
	own()
	require.Zero(t, l.judged(t).Notified)

	l.moved(t, 1, access.TicketWaiting)
	require.Equal(t, 1, l.judged(t).Notified)
	require.NoError(t, l.port.TransitionTicket(t.Context(), l.refs[0].ID, access.TicketWorking))
	require.NoError(t, l.port.AssignTicket(t.Context(), l.refs[0].ID, ""))
	require.NoError(t, l.port.CommentAs(l.refs[0].ID, "a human's comment"))
	require.Zero(t, l.judged(t).Notified, "nor after a human's change")
	require.Equal(t, []string{"request/r1"}, l.told())
}

func TestNotifyChanges_removal_ticket(t *testing.T) {
	l := newLookout(t, 0)
	ref, err := l.port.CreateTicket(t.Context(), access.NewTicket{Marker: "removal", Summary: "s"})
	require.NoError(t, err)
	l.refs = append(l.refs, ref)
	require.NoError(t, l.store.Store.Record(t.Context(), access.Entry{
		Ticket: &access.TicketLink{Ref: ref, Request: "r1", Lease: "r1:1", Marker: "removal"},
	}))
	l.moved(t, 1, access.TicketDone)
	require.Zero(t, l.judged(t).Notified)
	require.Equal(t, access.AccountID("human"), l.marks(t)[0].StatusChangedBy, "its mark is kept all the same")
	require.NoError(t, l.port.Delete(ref.ID))
	require.Zero(t, l.judged(t).Notified, "the lease looks at its ticket itself")
	require.Empty(t, l.told())
}

func TestNotifyChanges_tickets_of_others(t *testing.T) {
	l := newLookout(t, 1)
	stranger := l.port.OpenAs("human", "a human's own ticket")
	require.NoError(t, l.port.MoveAs("human", stranger.ID, access.TicketDone))
	judged, err := l.watch.NotifyChanges(t.Context(), l.judge(t, stranger.ID, "no such ticket"))
	require.NoError(t, err)
	require.Equal(t, activities.NotifyChangesResult{Unknown: []access.TicketID{stranger.ID}}, judged)
	require.Empty(t, l.told())
}

func TestNotifyChanges_nothing(t *testing.T) {
	l := newLookout(t, 0)
	require.Equal(t, activities.NotifyChangesResult{}, l.judged(t))
	require.Empty(t, l.read())
}

func TestNotifyChanges_saves_after_the_signals(t *testing.T) {
	l := newLookout(t, 2)
	l.moved(t, 1, access.TicketApproved)
	l.moved(t, 2, access.TicketDenied)
	call := l.judge(t, l.ids()...)
	call.Position = access.WatchPosition{Desk: "jira", Cursor: monday, LastPollAt: monday}
	judged, err := l.watch.NotifyChanges(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, call.Position, judged.Position)
	require.Equal(t, []string{"tickets", "request/r1", "request/r2", "fingerprints", "position"}, l.read())
	view, err := l.watch.WatchPosition(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, call.Position, view)
}

func TestNotifyChanges_next_attempt(t *testing.T) {
	l := newLookout(t, 3)
	for n := range 3 {
		l.moved(t, n+1, access.TicketApproved)
	}
	call := l.judge(t, l.ids()...)
	call.Position = access.WatchPosition{Desk: "jira", Cursor: monday, LastPollAt: monday}
	l.post.deaf["request/r2"] = true
	_, err := l.watch.NotifyChanges(t.Context(), call)
	require.Error(t, err)
	require.Equal(t, []string{"request/r1"}, l.told())
	marks := l.marks(t)
	require.Equal(t, access.AccountID("human"), marks[0].StatusChangedBy, "who has been told is not told again")
	require.Zero(t, marks[1])
	require.Zero(t, marks[2])
	view, err := l.store.Store.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, access.WatchPosition{Desk: "jira"}, view)

	l.post.deaf["request/r2"] = false
	_, err = l.watch.NotifyChanges(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, []string{"request/r1", "request/r2", "request/r3"}, l.told())
}

func TestReadOpenTickets_missing_signal_fails(t *testing.T) {
	l := newLookout(t, 2)
	for _, ref := range l.refs {
		require.NoError(t, l.port.Delete(ref.ID))
	}
	call := l.judge(t, l.ids()...)
	call.Position = access.WatchPosition{Desk: "jira", Cursor: monday, LastPollAt: monday}
	l.post.deaf["request/r2"] = true
	_, err := l.watch.NotifyChanges(t.Context(), call)
	require.Error(t, err)
	require.NotContains(t, l.read(), "position")
	l.post.deaf["request/r2"] = false
	judged, err := l.watch.NotifyChanges(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, 2, judged.Notified)
	require.Equal(t, []string{"request/r1", "request/r1", "request/r2"}, l.told(), "one miss proves nothing, so a second telling harms nobody")
	require.Equal(t, access.TicketChange{Missing: true, Snapshot: access.TicketSnapshot{Ref: l.refs[1]}}, l.post.signals[2].arg)
}

func TestNotifyChanges_ledger_unavailable(t *testing.T) {
	l := newLookout(t, 1)
	l.moved(t, 1, access.TicketApproved)
	l.store.away = true
	_, err := l.watch.NotifyChanges(t.Context(), l.judge(t, l.ids()...))
	requireKind(t, access.Transient, err)
	require.Empty(t, l.told())
	_, err = l.watch.WatchPosition(t.Context(), "jira")
	requireKind(t, access.Transient, err)
}

func TestNotifyChanges_ended_request(t *testing.T) {
	for name, row := range map[string]struct {
		change  func(*testing.T, *lookout)
		started bool
	}{
		"somebody opens it again":           {func(t *testing.T, l *lookout) { l.moved(t, 1, access.TicketWaiting) }, true},
		"somebody closes it in another way": {func(t *testing.T, l *lookout) { l.moved(t, 1, access.TicketWontDo) }, false},
		"somebody deletes it":               {func(t *testing.T, l *lookout) { require.NoError(t, l.port.Delete(l.refs[0].ID)) }, false},
		"usher opens it, and somebody takes it": {func(t *testing.T, l *lookout) {
			require.NoError(t, l.port.TransitionTicket(t.Context(), l.refs[0].ID, access.TicketWaiting))
			require.NoError(t, l.port.AssignAs(l.refs[0].ID, "human"))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLookout(t, 1)
			require.NoError(t, l.port.TransitionTicket(t.Context(), l.refs[0].ID, access.TicketDone))
			l.post.ended["request/r1"] = true
			row.change(t, l)
			l.judged(t)
			require.Contains(t, l.read(), "request/r1", "the request is tried first")
			if !row.started {
				require.Empty(t, l.post.started)
				return
			}
			require.Len(t, l.post.started, 1)
			started := l.post.started[0]
			require.Equal(t, "reopened/r1", started.id)
			require.Equal(t, "ReopenedTicket", started.workflow)
			require.Equal(t, "usher", started.options.TaskQueue)
			require.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, started.options.WorkflowIDConflictPolicy)
			require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, started.options.WorkflowIDReusePolicy)
			require.JSONEq(t, `{"request":"r1"}`, asJSON(t, started.params))
		})
	}
}

func TestEnsureWatch(t *testing.T) {
	l := newLookout(t, 0)
	call := activities.EnsureWatchInput{Desk: "jira", WorkflowID: "ticketwatch/jira", WorkflowType: "TicketWatch", TaskQueue: "usher"}
	require.NoError(t, l.watch.EnsureWatch(t.Context(), call))
	require.Len(t, l.post.started, 1)
	started := l.post.started[0]
	require.Equal(t, "ticketwatch/jira", started.id)
	require.Equal(t, "TicketWatch", started.workflow)
	require.Equal(t, "usher", started.options.TaskQueue)
	require.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, started.options.WorkflowIDConflictPolicy)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, started.options.WorkflowIDReusePolicy)
	require.JSONEq(t, `{"desk":"jira"}`, asJSON(t, started.params))

	l.post.deaf["ticketwatch/jira"] = true
	require.Error(t, l.watch.EnsureWatch(t.Context(), call))
}

func TestListOpenTickets_pages(t *testing.T) {
	l := newLookout(t, 3)
	call := activities.ListOpenTicketsInput{Desk: "jira", Limit: 2}
	first, err := l.watch.ListOpenTickets(t.Context(), call)
	require.NoError(t, err)
	call.After = first[len(first)-1]
	last, err := l.watch.ListOpenTickets(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, l.ids(), append(first, last...))

	_, err = l.watch.ListOpenTickets(t.Context(), activities.ListOpenTicketsInput{Desk: "jira"})
	requireKind(t, access.Invalid, err)
}

func TestCheckWatch(t *testing.T) {
	const stale = access.Duration(5 * time.Minute)
	for name, row := range map[string]struct {
		prepare func(*testing.T, *lookout)
		problem string
	}{
		"no poll was ever complete": {func(*testing.T, *lookout) {}, "has not completed a poll yet"},
		"it is fresh":               {func(t *testing.T, l *lookout) { l.looked(t, monday.Add(-stale.Std())) }, ""},
		"it is stale": {
			func(t *testing.T, l *lookout) { l.looked(t, monday.Add(-stale.Std()-time.Second)) }, "since 2026-06-01T08:54:59Z",
		},
		"the ledger is unavailable": {func(_ *testing.T, l *lookout) { l.store.away = true }, "the database is away"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLookout(t, 0)
			row.prepare(t, l)
			result, err := l.watch.CheckWatch(t.Context(), activities.CheckWatchInput{Desk: "jira", At: monday, StaleAfter: stale})
			require.NoError(t, err)
			require.Empty(t, result.Findings)
			if row.problem == "" {
				require.Empty(t, result.Problem)
				return
			}
			require.Contains(t, result.Problem, row.problem)
		})
	}
}

func (l *lookout) looked(t *testing.T, at time.Time) {
	t.Helper()
	require.NoError(t, l.store.Store.SaveWatch(t.Context(), access.WatchPosition{Desk: "jira", LastPollAt: at}))
}

// TestNotifyChanges_incidents: an incident whose ticket has changed looks at it, once for each change, and one whose ticket is gone always.
func TestNotifyChanges_incidents(t *testing.T) {
	l := newLookout(t, 1)
	ref, err := l.port.CreateTicket(t.Context(), access.NewTicket{Marker: "usher-incident:i1:x", Summary: "s"})
	require.NoError(t, err)
	require.NoError(t, l.store.SaveIncident(t.Context(), access.IncidentView{
		Incident: access.Incident{ID: "i1"}, State: access.IncidentOpen, Desk: "jira", Ticket: &ref, Version: 1,
	}))
	notified := func(ids ...access.TicketID) int {
		judged, err := l.watch.NotifyChanges(t.Context(), l.judge(t, ids...))
		require.NoError(t, err)
		require.Empty(t, judged.Unknown)
		return judged.Notified
	}
	require.Equal(t, 1, notified(ref.ID))
	require.Zero(t, notified(ref.ID))
	require.NoError(t, l.port.MoveAs("human", ref.ID, access.TicketDone))
	require.Equal(t, 1, notified(ref.ID, l.refs[0].ID))
	require.NoError(t, l.port.Delete(ref.ID))
	require.Equal(t, 1, notified(ref.ID))
	require.Equal(t, 1, notified(ref.ID))
	require.Equal(t, []string{"incident/i1", "incident/i1", "incident/i1", "incident/i1"}, l.told())
	require.Equal(t, "hint", l.post.signals[0].name)
	require.NoError(t, l.store.SaveIncident(t.Context(), access.IncidentView{
		Incident: access.Incident{ID: "i1"}, State: access.IncidentDeleted, Desk: "jira", Ticket: &ref, Version: 2,
	}))
	require.Zero(t, notified(ref.ID), "one that has ended looks no more")
}
