package activities_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// lookout is a desk with tickets, the watch over a real ledger, and who hears of it.
type lookout struct {
	*journal
	watch *activities.Watch
	desk  *activities.Desk
	port  *memory.Desk
	store *store
	post  *post
	refs  []access.TicketRef
}

// newLookout has as many tickets, those of the requests r1, r2, and so on, which usher has opened and recorded.
func newLookout(t *testing.T, count int) *lookout {
	t.Helper()
	j := &journal{}
	l := &lookout{journal: j, port: memory.NewDesk("jira"), store: newStore(t, j), post: newPost(j)}
	l.watch = &activities.Watch{Ledger: l.store, Client: l.post}
	l.desk = &activities.Desk{Port: l.port, Ledger: l.store, Watch: l.watch}
	for i := range count {
		id := requestID(i + 1)
		ref, err := l.port.CreateTicket(t.Context(), access.NewTicket{Marker: access.MarkerOf(id), Summary: "s"})
		require.NoError(t, err)
		entry := submitted(id)
		entry.Ticket = &access.TicketLink{Ref: ref, Request: id, Marker: access.MarkerOf(id)}
		require.NoError(t, l.store.Store.Record(t.Context(), entry))
		l.refs = append(l.refs, ref)
	}
	return l
}

func requestID(n int) access.RequestID { return access.RequestID(fmt.Sprintf("r%d", n)) }

// moved is a human's change of a ticket.
func (l *lookout) moved(t *testing.T, n int, to access.TicketPhase) {
	t.Helper()
	require.NoError(t, l.port.MoveAs("human", l.refs[n-1].ID, to))
}

func (l *lookout) ids() []access.TicketID {
	ids := make([]access.TicketID, len(l.refs))
	for i, ref := range l.refs {
		ids[i] = ref.ID
	}
	return ids
}

// told are the workflows that were signalled.
func (l *lookout) told() []string {
	ids := []string{}
	for _, s := range l.post.signals {
		ids = append(ids, s.id)
	}
	return ids
}

// judge is a call about tickets as they are now.
func (l *lookout) judge(t *testing.T, ids ...access.TicketID) activities.NotifyChangesInput {
	t.Helper()
	read, err := l.port.ReadTickets(t.Context(), ids)
	require.NoError(t, err)
	return activities.NotifyChangesInput{
		Desk: "jira", Tickets: read.Tickets, Missing: read.Missing, At: monday,
		Names: activities.Names{
			RequestPrefix: "request/", Signal: "ticket", ReopenedPrefix: "reopened/", ReopenedType: "ReopenedTicket", TaskQueue: "usher",
		},
	}
}

// changes asks for everything since the desk began, a page of so many tickets.
func (l *lookout) changes(t *testing.T, limit int) activities.ChangedTicketsInput {
	t.Helper()
	call := activities.ChangedTicketsInput{
		Query: access.ChangesQuery{Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Limit: limit}, Notify: l.judge(t),
	}
	call.Notify.Position = access.WatchPosition{Desk: "jira"}
	return call
}

func TestListChanges_notifies_along(t *testing.T) {
	l := newLookout(t, 3)
	l.moved(t, 2, access.TicketApproved)
	stranger := l.port.OpenAs("human", "a human's own ticket")
	got, err := l.desk.ChangedTickets(t.Context(), l.changes(t, 100))
	require.NoError(t, err)
	require.Empty(t, got.Page.Tickets, "who has judged keeps the tickets out of the history")
	require.Empty(t, got.Page.Next)
	require.NotNil(t, got.Notified)
	require.Equal(t, 1, got.Notified.Notified)
	require.Len(t, got.Notified.Unknown, 1)
	require.Equal(t, []string{"request/r2"}, l.told())

	ticket, _ := l.port.Ticket(stranger.ID)
	require.Equal(t, ticket.UpdatedAt, got.Notified.Position.Cursor)
	require.Equal(t, monday, got.Notified.Position.LastPollAt)
	kept, err := l.store.Store.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, got.Notified.Position, kept)
}

func TestNotifyChanges_last_page_completes_the_poll(t *testing.T) {
	l := newLookout(t, 3)
	call := l.changes(t, 2)
	first, err := l.desk.ChangedTickets(t.Context(), call)
	require.NoError(t, err)
	require.NotEmpty(t, first.Page.Next)
	require.True(t, first.Notified.Position.LastPollAt.IsZero())
	second, _ := l.port.Ticket(l.refs[1].ID)
	require.Equal(t, second.UpdatedAt, first.Notified.Position.Cursor)

	call.Query.Page, call.Notify.Position = first.Page.Next, first.Notified.Position
	last, err := l.desk.ChangedTickets(t.Context(), call)
	require.NoError(t, err)
	require.Empty(t, last.Page.Next)
	require.Equal(t, monday, last.Notified.Position.LastPollAt)
}

func TestListChanges_at_the_edge(t *testing.T) {
	l := newLookout(t, 3)
	l.moved(t, 2, access.TicketApproved)
	l.desk.Watch = nil
	got, err := l.desk.ChangedTickets(t.Context(), l.changes(t, 100))
	require.NoError(t, err)
	require.Nil(t, got.Notified)
	require.Len(t, got.Page.Tickets, 3)
	require.Empty(t, l.read(), "nobody is told, and nothing kept")

	read, err := l.readTickets(t, l.ids(), nil)
	require.NoError(t, err)
	require.Nil(t, read.Notified)
	require.Len(t, read.Tickets, 3)
	require.Empty(t, l.read())
}

func TestListChanges_desk_error(t *testing.T) {
	l := newLookout(t, 1)
	l.moved(t, 1, access.TicketApproved)
	l.port.RefuseCredentials(true)
	_, err := l.desk.ChangedTickets(t.Context(), activities.ChangedTicketsInput{Query: access.ChangesQuery{Since: monday, Limit: 100}})
	requireKind(t, access.Forbidden, err)
	_, err = l.readTickets(t, l.ids(), nil)
	requireKind(t, access.Forbidden, err)
	require.Empty(t, l.read())
}

func TestListChanges_ledger_unavailable(t *testing.T) {
	l := newLookout(t, 1)
	l.moved(t, 1, access.TicketApproved)
	l.post.deaf["request/r1"] = true
	_, err := l.desk.ChangedTickets(t.Context(), l.changes(t, 100))
	require.Error(t, err)
	view, err := l.store.Store.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.Equal(t, access.WatchPosition{Desk: "jira"}, view)
}

// readTickets runs the activity as a worker does, for it sends heartbeats; beats hears them.
func (l *lookout) readTickets(t *testing.T, ids []access.TicketID, beats chan<- int) (activities.ReadTicketsResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(l.desk)
	if beats != nil {
		env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
			var rest int
			if details.Get(&rest) == nil {
				beats <- rest
			}
		})
	}
	call := activities.ReadTicketsInput{Tickets: ids, Notify: l.judge(t)}
	value, err := env.ExecuteActivity(l.desk.ReadTickets, call)
	if err != nil {
		return activities.ReadTicketsResult{}, err
	}
	var read activities.ReadTicketsResult
	require.NoError(t, value.Get(&read))
	return read, nil
}

func TestReadOpenTickets_heartbeats(t *testing.T) {
	l := newLookout(t, 250)
	l.moved(t, 1, access.TicketApproved)
	l.moved(t, 250, access.TicketDenied)
	require.NoError(t, l.port.Delete(l.refs[101].ID))
	before := l.port.Calls(memory.OpReadTickets)
	beats := make(chan int, 3)
	read, err := l.readTickets(t, l.ids(), beats)
	require.NoError(t, err)
	require.Equal(t, 3, l.port.Calls(memory.OpReadTickets)-before)
	require.Equal(t, 150, <-beats, "a heartbeat says how many are left")
	require.Equal(t, 3, read.Notified.Notified)
	require.Empty(t, read.Tickets)
	require.Empty(t, read.Missing)
	require.Equal(t, []string{"request/r1", "request/r250", "request/r102"}, l.told())
	require.Equal(t, access.TicketChange{Missing: true, Snapshot: access.TicketSnapshot{Ref: l.refs[101]}}, l.post.signals[2].arg)
}

func TestReadOpenTickets_keeps_no_position(t *testing.T) {
	l := newLookout(t, 1)
	l.moved(t, 1, access.TicketApproved)
	_, err := l.readTickets(t, l.ids(), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"tickets", "request/r1", "fingerprints"}, l.read())
}

func TestReadOpenTickets_many_missing(t *testing.T) {
	for name, row := range map[string]struct {
		count, missing int
		lost           bool
	}{
		"ten of ten are few enough to be gone":  {10, 10, false},
		"eleven of eleven are a lost right":     {11, 11, true},
		"eleven of fifty-five are a fifth":      {55, 11, false},
		"eleven of fifty-four are more than it": {54, 11, true},
		"a fifth of more than one call is one":  {150, 30, false},
		"more than a fifth of more than a call": {150, 31, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLookout(t, row.count)
			for _, ref := range l.refs[:row.missing] {
				require.NoError(t, l.port.Hide(ref.ID, true))
			}
			l.moved(t, row.count, access.TicketApproved)
			read, err := l.readTickets(t, l.ids(), nil)
			if row.lost {
				requireKind(t, access.Forbidden, err)
				require.Empty(t, l.read(), "nobody is told, not even of what could be read")
				return
			}
			require.NoError(t, err)
			require.Len(t, l.told(), read.Notified.Notified)
			require.GreaterOrEqual(t, read.Notified.Notified, row.missing)
		})
	}
}
