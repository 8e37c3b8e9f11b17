package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// lookout is the world of one desk's watch: it hears what the watch tells the requests.
type lookout struct {
	*world
	told []told
	// deaf makes telling this request fail, once for each that is counted.
	deaf map[access.RequestID]int
	// ended are requests that no longer run.
	ended map[access.RequestID]bool
}

// told is one message of the watch.
type told struct {
	request access.RequestID
	news    access.TicketChange
	at      time.Time
}

func watchSettings(t *access.RequestSettings) {
	t.ChangeDetection = access.DetectByWatch
	t.Watch = access.WatchSettings{
		Interval: access.Duration(30 * time.Second), Overlap: access.Duration(3 * time.Minute),
		FullScanInterval: access.Duration(time.Hour), StaleAfter: access.Duration(5 * time.Minute), StalenessCheckInterval: access.Duration(time.Hour),
	}
}

func newLookout(t testing.TB, change ...func(*access.RequestSettings)) *lookout {
	w := newWorldWith(t, func(settings *access.RequestSettings) {
		watchSettings(settings)
		for _, c := range change {
			c(settings)
		}
	})
	l := &lookout{world: w, deaf: map[access.RequestID]int{}, ended: map[access.RequestID]bool{}}
	w.desk.SetClock(w.env.Now)
	w.heard = func(id, signal string, arg any) error {
		require.Equal(t, workflows.SignalTicketChanged, signal)
		request, ok := workflows.RequestOfWorkflow(id)
		require.True(t, ok)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.ended[request] {
			return serviceerror.NewNotFound("no such workflow")
		}
		if l.deaf[request] > 0 {
			l.deaf[request]--
			return serviceerror.NewUnavailable("Temporal is away")
		}
		news, ok := arg.(access.TicketChange)
		require.True(t, ok)
		l.told = append(l.told, told{request, news, w.env.Now()})
		return nil
	}
	return l
}

// opens opens tickets as usher does, for requests r1, r2, ... of the ledger.
func (l *lookout) opens(count int) []access.TicketRef {
	l.t.Helper()
	refs := make([]access.TicketRef, count)
	for i := range refs {
		id := access.RequestID(fmt.Sprintf("r%d", i+1))
		ref, err := l.desk.CreateTicket(l.t.Context(), access.NewTicket{Marker: access.MarkerOf(id), Summary: "s"})
		require.NoError(l.t, err)
		refs[i] = ref
		require.NoError(l.t, l.ledger.Record(l.t.Context(), access.Entry{
			Ticket: &access.TicketLink{Ref: ref, Request: id, Marker: access.MarkerOf(id)},
			View: &access.RequestView{
				Request: access.Request{ID: id, Requester: "ana", Subject: "ana", SubmittedAt: l.env.Now()},
				State:   access.StateAwaitingApproval, Ticket: &ref, Version: 1,
			},
		}))
	}
	return refs
}

// watches runs the watch for a while.
func (l *lookout) watches(long time.Duration) {
	l.t.Helper()
	l.at(long, l.env.CancelWorkflow)
	l.env.ExecuteWorkflow(workflows.TicketWatchType, workflows.TicketWatchParams{Desk: "jira"})
	require.True(l.t, l.env.IsWorkflowCompleted())
}

func (l *lookout) requests() []access.RequestID {
	ids := []access.RequestID{}
	for _, told := range l.told {
		ids = append(ids, told.request)
	}
	return ids
}

func TestWatch_signals_others_changes_only(t *testing.T) {
	for _, edge := range []bool{false, true} {
		t.Run(fmt.Sprintf("desk at the edge: %t", edge), func(t *testing.T) {
			l := newLookout(t)
			l.edge = edge
			l.newRun()
			l.desk.SetClock(l.env.Now)
			refs := l.opens(3)
			l.at(10*time.Minute, func() {
				require.NoError(t, l.desk.MoveAs(l.accounts["mia"], refs[1].ID, access.TicketApproved))
			})
			l.at(20*time.Minute, func() {
				ctx := t.Context()
				require.NoError(t, l.desk.AddComments(ctx, refs[0].ID, access.Comment{Marker: "m", Text: "usher's own"}))
				require.NoError(t, l.desk.AssignTicket(ctx, refs[0].ID, l.accounts["mia"]))
				require.NoError(t, l.desk.TransitionTicket(ctx, refs[0].ID, access.TicketWorking))
				require.NoError(t, l.desk.TransitionTicket(ctx, refs[1].ID, access.TicketWorking))
			})
			l.at(30*time.Minute, func() { require.NoError(t, l.desk.CommentAs(refs[2].ID, "a human's comment")) })
			l.watches(45 * time.Minute)
			require.Equal(t, []access.RequestID{"r2"}, l.requests(), "usher's own writes wake nobody, and a change is told once")
			require.Equal(t, access.TicketApproved, l.told[0].news.Snapshot.Phase)
			require.Equal(t, l.accounts["mia"], l.told[0].news.Snapshot.StatusChangedBy)
		})
	}
}

func TestWatch_cursor_moves_after_the_signals(t *testing.T) {
	l := newLookout(t, func(settings *access.RequestSettings) {
		// Without an overlap only the cursor decides what is asked for again.
		settings.Watch.Overlap = 0
	})
	refs := l.opens(2)
	l.at(30*time.Minute, func() {
		l.mu.Lock()
		l.deaf["r1"] = 4
		l.mu.Unlock()
		require.NoError(t, l.desk.MoveAs(l.accounts["mia"], refs[0].ID, access.TicketApproved))
		require.NoError(t, l.desk.MoveAs(l.accounts["mia"], refs[1].ID, access.TicketDenied))
	})
	l.watches(50 * time.Minute)
	require.Equal(t, []access.RequestID{"r1", "r2"}, l.requests())
}

func TestWatch_thousands_of_changes(t *testing.T) {
	const count = 2300
	l := newLookout(t)
	refs := l.opens(count)
	l.at(30*time.Minute, func() {
		l.mu.Lock()
		// The watch fails in the middle, and goes on from there.
		l.deaf["r1500"] = 4
		l.mu.Unlock()
		for _, ref := range refs {
			require.NoError(t, l.desk.MoveAs(l.accounts["mia"], ref.ID, access.TicketApproved))
		}
	})
	var before int
	l.at(30*time.Minute-time.Second, func() { before = l.desk.Calls(memory.OpChangedTickets) })
	l.watches(40 * time.Minute)
	seen := map[access.RequestID]int{}
	for _, id := range l.requests() {
		seen[id]++
	}
	require.Len(t, seen, count)
	for id, times := range seen {
		require.LessOrEqual(t, times, 2, "request %s", id)
	}
	require.Positive(t, before)
}

func TestHint_many_are_followed_together(t *testing.T) {
	l := newLookout(t)
	refs := l.opens(2)
	moved := 10*time.Minute + 10*time.Second
	l.at(moved, func() {
		require.NoError(t, l.desk.MoveAs(l.accounts["mia"], refs[0].ID, access.TicketApproved))
		for range 20 {
			l.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{Ticket: refs[0].ID})
		}
		l.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{Ticket: "a stranger's"})
	})
	started := l.env.Now()
	l.watches(12 * time.Minute)
	require.Equal(t, []access.RequestID{"r1"}, l.requests())
	require.Less(t, l.told[0].at.Sub(started), moved+5*time.Second)
	require.LessOrEqual(t, l.desk.Calls(memory.OpReadTickets), 4, "twenty hints are a few reads, the sweep's included")
}

func TestFullScan_finds_deleted_tickets(t *testing.T) {
	l := newLookout(t)
	refs := l.opens(3)
	l.at(10*time.Minute, func() { require.NoError(t, l.desk.Delete(refs[1].ID)) })
	l.watches(70 * time.Minute)
	require.Equal(t, []access.RequestID{"r2"}, l.requests())
	require.True(t, l.told[0].news.Missing)
}

func TestFullScan_reads_all_open_tickets(t *testing.T) {
	const count = 1200
	l := newLookout(t)
	refs := l.opens(count)
	l.at(10*time.Minute, func() { require.NoError(t, l.desk.Delete(refs[count-1].ID)) })
	l.watches(70 * time.Minute)
	require.Equal(t, []access.RequestID{access.RequestID(fmt.Sprintf("r%d", count))}, l.requests())
}

func TestFullScan_many_missing(t *testing.T) {
	l := newLookout(t)
	refs := l.opens(30)
	l.at(10*time.Minute, func() {
		for _, ref := range refs[:20] {
			require.NoError(t, l.desk.Hide(ref.ID, true))
		}
	})
	l.watches(90 * time.Minute)
	require.Empty(t, l.told, "usher has lost a right, nobody has deleted twenty tickets")
}

func TestWatch_catches_up_after_days(t *testing.T) {
	l := newLookout(t)
	refs := l.opens(2)
	l.at(time.Hour, func() { l.desk.Down(true) })
	l.at(73*time.Hour, func() {
		l.desk.Down(false)
		require.NoError(t, l.desk.MoveAs(l.accounts["mia"], refs[0].ID, access.TicketApproved))
	})
	l.watches(74 * time.Hour)
	require.Equal(t, []access.RequestID{"r1"}, l.requests())
	view, err := l.ledger.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.WithinDuration(t, l.env.Now(), view.LastPollAt, 5*time.Minute)
}

func TestReopened_after_the_end_of_the_run(t *testing.T) {
	l := newLookout(t)
	refs := l.opens(1)
	require.NoError(t, l.desk.TransitionTicket(t.Context(), refs[0].ID, access.TicketDone))
	l.ended["r1"] = true
	l.at(10*time.Minute, func() {
		require.NoError(t, l.desk.MoveAs(l.accounts["ben"], refs[0].ID, access.TicketWaiting))
	})
	l.watches(20 * time.Minute)
	require.Equal(t, []string{workflows.ReopenedWorkflowID("r1")}, l.started)
}

func TestTicketWatch_continues_as_new(t *testing.T) {
	l := newLookout(t)
	refs := l.opens(1)
	l.at(20*time.Minute+10*time.Second, func() {
		require.NoError(t, l.desk.MoveAs(l.accounts["mia"], refs[0].ID, access.TicketApproved))
		l.env.SetContinueAsNewSuggested(true)
		l.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{Ticket: refs[0].ID})
	})
	l.env.ExecuteWorkflow(workflows.TicketWatchType, workflows.TicketWatchParams{Desk: "jira"})
	carried := continued[converter.RawValue](t, l.world)
	l.newRun()
	l.desk.SetClock(l.env.Now)
	l.at(5*time.Minute, l.env.CancelWorkflow)
	l.env.ExecuteWorkflow(workflows.TicketWatchType, carried)
	require.Equal(t, []access.RequestID{"r1"}, l.requests())
}

func TestWatch_in_poll_mode(t *testing.T) {
	l := newLookout(t, func(settings *access.RequestSettings) { settings.ChangeDetection = access.DetectByPoll })
	l.env.ExecuteWorkflow(workflows.TicketWatchType, workflows.TicketWatchParams{Desk: "jira"})
	require.True(t, l.env.IsWorkflowCompleted())
	require.NoError(t, l.env.GetWorkflowError())
	require.Zero(t, l.desk.Calls(memory.OpChangedTickets))
}

func TestWatch_cost_of_unchanged_tickets(t *testing.T) {
	calls := func(count int) int {
		l := newLookout(t)
		l.opens(count)
		l.watches(10 * time.Hour)
		require.Empty(t, l.told)
		return l.desk.Calls(memory.OpChangedTickets) + l.desk.Calls(memory.OpReadTickets)
	}
	require.LessOrEqual(t, calls(1000), 3*calls(10))
}
