package watch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/watch"
)

// world is a desk and a ledger whose answers the test sets. It answers as the activities of a watch do, and keeps what it was
// asked, with the time after the beginning.
type world struct {
	begun time.Time
	// mu guards what follows: a question that a run has begun to ask may still be under way when the next run begins.
	mu       sync.Mutex
	env      *testsuite.TestWorkflowEnvironment
	asked    []string
	settings access.RequestSettings
	// pages are how many pages a round has, and open the tickets of a full scan.
	pages int
	open  []access.TicketID
	// fails are the errors of the next calls, by name.
	fails map[string][]error
}

// ask keeps a question, and returns the error that the test has set.
func (w *world) ask(name, format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	line := fmt.Sprintf("%s %s", w.env.Now().Sub(w.begun).Round(time.Second), name)
	if about := fmt.Sprintf(format, args...); about != "" {
		line += " " + about
	}
	w.asked = append(w.asked, line)
	if errs := w.fails[name]; len(errs) > 0 {
		w.fails[name] = errs[1:]
		return errs[0]
	}
	return nil
}

// calls are the questions to the desk. What a run has begun to ask its own worker may be asked again by the next.
func (w *world) calls() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.asked), func(line string) bool {
		return !strings.Contains(line, " poll") && !strings.Contains(line, " read")
	})
}

// WatchPosition answers as activities.Watch does.
func (w *world) WatchPosition(_ context.Context, desk access.DeskName) (access.WatchPosition, error) {
	return access.WatchPosition{Desk: desk, LastScanAt: w.begun}, w.ask("position", "")
}

// CurrentSettings answers as activities.Policy does.
func (w *world) CurrentSettings(context.Context, access.DeskName) (access.RequestSettings, error) {
	return w.settings, w.ask("settings", "")
}

// ChangedTickets answers as activities.Desk does.
func (w *world) ChangedTickets(_ context.Context, c activities.ChangedTicketsInput) (activities.ChangedTicketsResult, error) {
	err := w.ask("poll", "%s", c.Query.Page)
	page := 1
	if c.Query.Page != "" {
		page = len(c.Query.Page) + 1
	}
	changes := activities.ChangedTicketsResult{Notified: &activities.NotifyChangesResult{Position: c.Notify.Position}}
	if page < w.pages {
		changes.Page.Next = strings.Repeat("p", page)
	} else {
		changes.Notified.Position.LastPollAt = c.Notify.At
	}
	return changes, err
}

// ListOpenTickets answers as activities.Watch does.
func (w *world) ListOpenTickets(_ context.Context, c activities.ListOpenTicketsInput) ([]access.TicketID, error) {
	var ids []access.TicketID
	for _, id := range w.open {
		if id > c.After && len(ids) < c.Limit {
			ids = append(ids, id)
		}
	}
	return ids, w.ask("open", "after %q", c.After)
}

// ReadTickets answers as activities.Desk does.
func (w *world) ReadTickets(_ context.Context, c activities.ReadTicketsInput) (activities.ReadTicketsResult, error) {
	return activities.ReadTicketsResult{Notified: &activities.NotifyChangesResult{}}, w.ask("read", "%d from %s", len(c.Tickets), c.Tickets[0])
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{pages: 1, fails: map[string][]error{}}
	w.settings = access.RequestSettings{Desk: "jira", ChangeDetection: access.DetectByWatch, Watch: access.WatchSettings{
		Interval: access.Duration(20 * time.Minute), FullScanInterval: access.Duration(30 * 24 * time.Hour),
	}}
	w.newRun()
	w.begun = w.env.Now()
	return w
}

func (w *world) newRun() {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.env
	var suite testsuite.WorkflowTestSuite
	w.env = suite.NewTestWorkflowEnvironment()
	if before != nil {
		w.env.SetStartTime(before.Now())
	}
	w.env.RegisterActivity(w)
}

func (w *world) at(after time.Duration, do func()) { w.env.RegisterDelayedCallback(do, after) }

// run runs the watch for a while.
func (w *world) run(t *testing.T, long time.Duration, params watch.Params) {
	t.Helper()
	w.at(long, w.env.CancelWorkflow)
	params.Desk = "jira"
	w.env.ExecuteWorkflow(watch.Workflow, params)
	require.True(t, w.env.IsWorkflowCompleted())
}

// next returns what a run hands to the next.
func (w *world) next(t *testing.T) watch.Params {
	t.Helper()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, w.env.GetWorkflowError(), &next)
	require.Equal(t, workflows.TicketWatchType, next.WorkflowType.Name)
	var params watch.Params
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &params))
	w.newRun()
	return params
}

// refused is an error that is not repeated within the activity.
func refused() error {
	return temporal.NewNonRetryableApplicationError("no", string(access.Forbidden), nil)
}

func TestSettings(t *testing.T) {
	t.Run("they are read anew after an hour", func(t *testing.T) {
		w := newWorld(t)
		w.at(10*time.Minute, func() { w.settings.Watch.Interval = access.Duration(50 * time.Minute) })
		w.run(t, 2*time.Hour+10*time.Minute, watch.Params{})
		require.Equal(t, []string{
			"0s position", "0s settings", "0s poll", "20m0s poll", "40m0s poll", "1h0m0s settings", "1h0m0s poll", "1h50m0s poll",
		}, w.asked)
	})
	t.Run("a desk that is no longer watched has no watch after an hour", func(t *testing.T) {
		w := newWorld(t)
		w.at(10*time.Minute, func() { w.settings.ChangeDetection = access.DetectByPoll })
		w.run(t, 24*time.Hour, watch.Params{})
		require.NoError(t, w.env.GetWorkflowError())
		require.Equal(t, time.Hour, w.env.Now().Sub(w.begun).Round(time.Second))
	})
	t.Run("while they cannot be read, those of before count", func(t *testing.T) {
		w := newWorld(t)
		w.at(10*time.Minute, func() { w.fails["settings"] = []error{refused(), refused()} })
		w.run(t, 85*time.Minute, watch.Params{})
		require.Equal(t, []string{
			"0s position", "0s settings", "0s poll", "20m0s poll", "40m0s poll", "1h0m0s settings", "1h0m0s poll", "1h20m0s settings",
			"1h20m0s poll",
		}, w.asked)
	})
	t.Run("before they have been read once, they are asked for again soon", func(t *testing.T) {
		w := newWorld(t)
		w.fails["position"] = []error{refused()}
		w.fails["settings"] = []error{refused(), refused()}
		w.run(t, 10*time.Minute, watch.Params{})
		require.Equal(t, []string{
			"0s position", "15s position", "15s settings", "45s settings", "1m45s settings", "1m45s poll",
		}, w.asked)
	})
}

func TestPages(t *testing.T) {
	t.Run("a round follows all of its pages", func(t *testing.T) {
		w := newWorld(t)
		w.pages = 3
		w.run(t, 25*time.Minute, watch.Params{})
		require.Equal(t, []string{"0s position", "0s settings", "0s poll", "0s poll p", "0s poll pp", "20m0s poll", "20m0s poll p", "20m0s poll pp"}, w.asked)
	})
	t.Run("one that fails begins again from the cursor", func(t *testing.T) {
		w := newWorld(t)
		w.pages = 3
		w.at(10*time.Minute, func() { w.fails["poll"] = []error{nil, refused()} })
		w.run(t, 21*time.Minute, watch.Params{})
		require.Equal(t, []string{"20m0s poll", "20m0s poll p", "20m15s poll", "20m15s poll p", "20m15s poll pp"}, w.asked[5:])
	})
	t.Run("a run that continues as new asks for the next page", func(t *testing.T) {
		w := newWorld(t)
		w.pages = 4
		// A run leaves after each result.
		params := watch.Params{}
		for range 5 {
			w.env.SetContinueAsNewSuggested(true)
			w.run(t, time.Hour, params)
			params = w.next(t)
		}
		w.run(t, 25*time.Minute, params)
		require.Equal(t, []string{
			"0s poll", "0s poll p", "0s poll pp", "0s poll ppp",
			"20m0s poll", "20m0s poll p", "20m0s poll pp", "20m0s poll ppp",
		}, w.calls())
	})
}

func TestScan(t *testing.T) {
	const tickets, perStep = 1200, 500
	scanned := func(t *testing.T) *world {
		w := newWorld(t)
		w.settings.Watch.FullScanInterval = access.Duration(30 * time.Minute)
		for i := range tickets {
			w.open = append(w.open, access.TicketID(fmt.Sprintf("t%04d", i)))
		}
		return w
	}
	steps := []string{
		`40m0s open after ""`, fmt.Sprintf("40m0s read %d from t0000", perStep),
		`40m0s open after "t0499"`, fmt.Sprintf("40m0s read %d from t0500", perStep),
		`40m0s open after "t0999"`, "40m0s read 200 from t1000",
	}
	t.Run("it reads every open ticket, after the poll", func(t *testing.T) {
		w := scanned(t)
		w.run(t, 50*time.Minute, watch.Params{})
		require.Equal(t, append([]string{"40m0s poll"}, steps...), w.asked[4:])
	})
	t.Run("a run that continues as new goes on where it was", func(t *testing.T) {
		w := scanned(t)
		w.at(30*time.Minute, func() { w.env.SetContinueAsNewSuggested(true) })
		w.run(t, time.Hour, watch.Params{})
		params := w.next(t)
		for range len(steps) + 1 {
			w.env.SetContinueAsNewSuggested(true)
			w.run(t, time.Hour, params)
			params = w.next(t)
		}
		want := []string{"0s poll", "20m0s poll", "40m0s poll", steps[1], steps[3], steps[5]}
		require.Equal(t, want, w.calls())
		w.run(t, 5*time.Minute, params)
		require.Equal(t, want, w.calls(), "it is over")
	})
	t.Run("a step that fails is made again later, and rounds go on meanwhile", func(t *testing.T) {
		w := scanned(t)
		w.at(30*time.Minute, func() { w.fails["read"] = []error{nil, refused()} })
		w.run(t, 70*time.Minute, watch.Params{})
		require.Equal(t, append([]string{"40m0s poll"}, steps[:4]...), w.asked[4:9])
		require.Equal(t, []string{
			"1h0m0s settings", "1h0m0s poll", `1h0m0s open after "t0499"`, "1h0m0s read 500 from t0500", `1h0m0s open after "t0999"`,
			"1h0m0s read 200 from t1000",
		}, w.asked[9:])
	})
}

func TestHints(t *testing.T) {
	hint := func(w *world, ids ...access.TicketID) {
		for _, id := range ids {
			w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{Ticket: id})
		}
	}
	t.Run("they are followed at once, and those of the next second together, each ticket once", func(t *testing.T) {
		w := newWorld(t)
		w.at(5*time.Minute, func() { hint(w, "t1") })
		w.at(5*time.Minute+100*time.Millisecond, func() { hint(w, "t2", "t3", "t2") })
		w.at(5*time.Minute+200*time.Millisecond, func() { hint(w, "t3", "t4") })
		w.run(t, 10*time.Minute, watch.Params{})
		require.Equal(t, []string{"5m0s read 1 from t1", "5m1s read 3 from t2"}, w.asked[3:])
	})
	t.Run("one that names no ticket, or cannot be read, brings a poll", func(t *testing.T) {
		w := newWorld(t)
		w.at(5*time.Minute, func() { hint(w, "") })
		w.at(7*time.Minute, func() { w.env.SignalWorkflow(workflows.SignalHint, "no hint") })
		w.run(t, 10*time.Minute, watch.Params{})
		require.Equal(t, []string{"5m0s poll", "7m0s poll"}, w.asked[3:])
	})
	t.Run("so do more than are worth following one by one", func(t *testing.T) {
		const most = 500
		w := newWorld(t)
		w.at(5*time.Minute, func() {
			for i := range most + 1 {
				w.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalHint, workflows.Hint{Ticket: access.TicketID(fmt.Sprint("t", i))})
			}
			hint(w, "t0")
		})
		w.run(t, 10*time.Minute, watch.Params{})
		require.Equal(t, []string{"5m0s poll", "5m0s read 500 from t0"}, w.asked[3:])
	})
	t.Run("those that cannot be followed are dropped: the next round finds the same", func(t *testing.T) {
		w := newWorld(t)
		w.at(5*time.Minute, func() {
			w.fails["read"] = []error{refused()}
			hint(w, "t1")
		})
		w.run(t, 21*time.Minute, watch.Params{})
		require.Equal(t, []string{"5m0s read 1 from t1", "20m0s poll"}, w.asked[3:])
	})
}
