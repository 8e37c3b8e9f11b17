package reopened_test

import (
	"context"
	"fmt"
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
	"usher/workflows/reopened"
)

// The steps, by the activities that they need.
var steps = []string{"ReadRequest", "CurrentSettings", "ReadTicket", "Record", "UpdateTicket"}

// world is a ledger and a desk whose answers the test sets. It answers as the activities do that the workflow needs.
type world struct {
	env *testsuite.TestWorkflowEnvironment
	// mu guards what follows: a question that a run has begun to ask may still be under way when the next run begins.
	mu sync.Mutex
	// asked are the activities, in order; fails are the errors of the next ones, by name.
	asked    []string
	fails    map[string][]error
	archived activities.ReadRequestResult
	settings access.RequestSettings
	look     activities.ReadTicketResult
	entries  []access.Entry
	updates  []activities.UpdateTicketInput
}

func (w *world) ask(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, name)
	if errs := w.fails[name]; len(errs) > 0 {
		w.fails[name] = errs[1:]
		return errs[0]
	}
	return nil
}

// count returns how often an activity was asked for.
func (w *world) count(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, asked := range w.asked {
		if asked == name {
			n++
		}
	}
	return n
}

// ReadRequest answers as activities.Records does.
func (w *world) ReadRequest(context.Context, access.RequestID) (activities.ReadRequestResult, error) {
	return w.archived, w.ask("ReadRequest")
}

// CurrentSettings answers as activities.Policy does.
func (w *world) CurrentSettings(context.Context, access.DeskName) (access.RequestSettings, error) {
	return w.settings, w.ask("CurrentSettings")
}

// ReadTicket answers as activities.Desk does.
func (w *world) ReadTicket(context.Context, activities.ReadTicketInput) (activities.ReadTicketResult, error) {
	return w.look, w.ask("ReadTicket")
}

// Record answers as activities.Records does.
func (w *world) Record(_ context.Context, c activities.RecordInput) (activities.RecordResult, error) {
	err := w.ask("Record")
	if err == nil {
		w.entries = append(w.entries, c.Entries...)
	}
	return activities.RecordResult{}, err
}

// UpdateTicket answers as activities.Desk does.
func (w *world) UpdateTicket(_ context.Context, u activities.UpdateTicketInput) (activities.UpdateTicketResult, error) {
	err := w.ask("UpdateTicket")
	if err == nil {
		w.updates = append(w.updates, u)
	}
	return activities.UpdateTicketResult{}, err
}

var (
	moved = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	link  = access.TicketLink{Ref: access.TicketRef{Desk: "jira", ID: "2", Key: "ACC-2"}, Request: "r1", Marker: "usher-r1"}
)

// newWorld has a person open the ticket of a granted request again.
func newWorld(t *testing.T) *world {
	t.Helper()
	replaced := link
	replaced.Ref.ID, replaced.Unlinked = "1", true
	removal := link
	removal.Ref.ID, removal.Lease = "3", "r1:1"
	w := &world{
		fails: map[string][]error{},
		archived: activities.ReadRequestResult{
			View: access.RequestView{State: access.OutcomeGranted}, Tickets: []access.TicketLink{replaced, link, removal},
		},
		settings: access.RequestSettings{TicketActions: access.TicketActions{access.EventReopened: access.ActionRevert}},
		look: activities.ReadTicketResult{Snapshot: access.TicketSnapshot{
			Ref: link.Ref, Phase: access.TicketWaiting, Status: "Open", StatusChangedBy: "a1", StatusChangedByName: "Ben", StatusChangedAt: moved,
		}},
	}
	w.newRun()
	return w
}

func (w *world) newRun() {
	before := w.env
	var suite testsuite.WorkflowTestSuite
	w.env = suite.NewTestWorkflowEnvironment()
	if before != nil {
		w.env.SetStartTime(before.Now())
	}
	w.env.RegisterActivity(w)
}

// run executes one run, and returns its error.
func (w *world) run(t *testing.T, params reopened.Params) error {
	t.Helper()
	params.Request = "r1"
	w.env.ExecuteWorkflow(reopened.Workflow, params)
	require.True(t, w.env.IsWorkflowCompleted())
	return w.env.GetWorkflowError()
}

// answered is that the ticket has its answer, once.
func (w *world) answered(t *testing.T) {
	t.Helper()
	require.Len(t, w.entries, 1)
	event := w.entries[0].Events[0]
	require.Equal(t, access.EventTicketChanged, event.Type)
	require.Equal(t, moved, event.At)
	require.Equal(t, "The ticket was opened again by Ben. This means: revert.", event.Text)
	require.Contains(t, event.ID, "2026-03-04T05:06:07Z")
	require.Len(t, w.updates, 1)
	require.Equal(t, link.Ref.ID, w.updates[0].Ticket)
	require.Equal(t, access.TicketDone, w.updates[0].TransitionTo)
	require.Equal(t, access.Marker("usher-r1-reopened-20260304T050607.000"), w.updates[0].Comments[0].Marker)
	require.Contains(t, w.updates[0].Comments[0].Text, "Please make a new request.")
}

// refused is an error that is not repeated within the activity.
func refused(kind access.Kind) error {
	return temporal.NewNonRetryableApplicationError("no", string(kind), nil)
}

func TestReopened(t *testing.T) {
	t.Run("the ticket is closed again, with the reason", func(t *testing.T) {
		w := newWorld(t)
		require.NoError(t, w.run(t, reopened.Params{}))
		require.Equal(t, steps, w.asked)
		w.answered(t)
	})
	t.Run("that of a request that granted nothing is closed as won't do", func(t *testing.T) {
		w := newWorld(t)
		w.archived.View.State = access.OutcomeDenied
		require.NoError(t, w.run(t, reopened.Params{}))
		require.Equal(t, access.TicketWontDo, w.updates[0].TransitionTo)
	})
	for _, step := range steps {
		t.Run(step+" is tried again until it succeeds", func(t *testing.T) {
			w := newWorld(t)
			w.fails[step] = []error{refused(access.Forbidden), refused(access.Unknown), refused(access.Transient)}
			begin := w.env.Now()
			require.NoError(t, w.run(t, reopened.Params{}))
			require.Len(t, w.asked, len(steps)+3)
			require.Equal(t, (15+30+60)*time.Second, w.env.Now().Sub(begin).Round(time.Second), "ever more slowly")
			w.answered(t)
		})
	}
	t.Run("a run that continues as new after each step does each once", func(t *testing.T) {
		w := newWorld(t)
		params := reopened.Params{}
		runs := 0
		for {
			runs++
			require.LessOrEqual(t, runs, len(steps))
			w.env.SetContinueAsNewSuggested(true)
			err := w.run(t, params)
			if err == nil {
				break
			}
			var next *workflow.ContinueAsNewError
			require.ErrorAs(t, err, &next)
			require.Equal(t, workflows.ReopenedTicketType, next.WorkflowType.Name)
			params = reopened.Params{}
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &params))
			w.newRun()
		}
		for _, step := range steps[2:] {
			require.Equal(t, 1, w.count(step), step)
		}
		require.Equal(t, len(steps), runs)
		w.answered(t)
	})
	t.Run("a ledger that refuses the fact stops no answer", func(t *testing.T) {
		for _, kind := range []access.Kind{access.Invalid, access.Conflict} {
			w := newWorld(t)
			w.fails["Record"] = []error{refused(kind)}
			require.NoError(t, w.run(t, reopened.Params{}))
			require.Equal(t, steps, w.asked)
			require.Len(t, w.updates, 1)
		}
	})
	t.Run("a cancellation ends the attempt", func(t *testing.T) {
		w := newWorld(t)
		for range 100 {
			w.fails["ReadTicket"] = append(w.fails["ReadTicket"], refused(access.Forbidden))
		}
		w.env.RegisterDelayedCallback(w.env.CancelWorkflow, time.Hour)
		require.NoError(t, w.run(t, reopened.Params{}))
		require.Empty(t, w.updates)
	})
}

// TestLeftAlone: there is nothing to answer, so nothing is recorded or written.
func TestLeftAlone(t *testing.T) {
	rows := map[string]struct {
		change func(*world)
		asked  int
	}{
		"the request has not ended":     {func(w *world) { w.archived.View.State = access.StateFulfilling }, 1},
		"the ledger knows no request":   {func(w *world) { w.fails["ReadRequest"] = []error{refused(access.NotFound)} }, 1},
		"it has no ticket":              {func(w *world) { w.archived.Tickets = w.archived.Tickets[:1] }, 1},
		"it is closed":                  {func(w *world) { w.look.Snapshot.Phase = access.TicketWontDo }, 3},
		"usher itself has opened it":    {func(w *world) { w.look.Snapshot.StatusChangedByUsher = true }, 3},
		"nobody has moved it":           {func(w *world) { w.look.Snapshot.StatusChangedBy = "" }, 3},
		"it can no longer be read":      {func(w *world) { w.look = activities.ReadTicketResult{Missing: true} }, 3},
		"the desk does not know it":     {func(w *world) { w.fails["ReadTicket"] = []error{refused(access.NotFound)} }, 3},
		"no transition leads to closed": {func(w *world) { w.fails["UpdateTicket"] = []error{refused(access.Conflict)} }, 5},
		"the desk demands a field":      {func(w *world) { w.fails["UpdateTicket"] = []error{refused(access.Invalid)} }, 5},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			row.change(w)
			require.NoError(t, w.run(t, reopened.Params{}))
			require.Equal(t, steps[:row.asked], w.asked)
			require.Empty(t, w.updates)
		})
	}
	t.Run("the contract only notes it", func(t *testing.T) {
		w := newWorld(t)
		w.settings.TicketActions = access.TicketActions{access.EventReopened: access.ActionRecordOnly}
		require.NoError(t, w.run(t, reopened.Params{}))
		require.Equal(t, steps[:4], w.asked)
		require.Equal(t, fmt.Sprintf("The ticket was opened again by Ben. This means: %s.", access.ActionRecordOnly), w.entries[0].Events[0].Text)
	})
}
