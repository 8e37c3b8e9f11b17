package outbox_test

import (
	"context"
	"errors"
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
	"usher/workflows/durable"
	"usher/workflows/outbox"
)

// errCarried is what a notebook that continues in another run returns.
var errCarried = errors.New("carried")

// notebook is a workflow that is nothing but an outbox. A fact is written as one event whose id is its name.
type notebook struct {
	*outbox.Outbox
	env   *testsuite.TestWorkflowEnvironment
	state outbox.State
	loop  *durable.Loop
	plan  []func()
	// step is what the workflow does besides; nil for nothing. over is true when it may end.
	step func()
	over bool
	// refused are the facts that were refused, and undelivered the leases of statuses that found nobody.
	refused     []string
	undelivered []access.LeaseID
	ledger      *ledger
}

// ledger answers as activities.Records does.
type ledger struct {
	mu    sync.Mutex
	calls []activities.RecordInput
	// answer is what a call gets, counted from 0; nil for success.
	answer func(n int, c activities.RecordInput) (activities.RecordResult, error)
	// written are the ids of the events that were written, and applied and told the leases of the messages that went out.
	written       []string
	applied, told []access.LeaseID
}

// Record answers as activities.Records does.
func (l *ledger) Record(_ context.Context, c activities.RecordInput) (activities.RecordResult, error) {
	l.mu.Lock()
	n, answer := len(l.calls), l.answer
	l.calls = append(l.calls, c)
	l.mu.Unlock()
	if answer != nil {
		if done, err := answer(n, c); err != nil || len(done.Undelivered) > 0 {
			return done, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = append(l.written, ids(c)...)
	for _, m := range c.Specs {
		l.applied = append(l.applied, m.Spec.Lease.ID)
	}
	for _, m := range c.Statuses {
		l.told = append(l.told, m.Status.Lease)
	}
	return activities.RecordResult{}, nil
}

// ids are the ids of the events of a call.
func ids(c activities.RecordInput) []string {
	var all []string
	for _, e := range c.Entries {
		for _, event := range e.Events {
			all = append(all, event.ID)
		}
	}
	return all
}

// batches are the events of each call that recorded something.
func (l *ledger) batches() []string {
	var all []string
	for _, c := range l.calls {
		if len(c.Entries) > 0 {
			all = append(all, strings.Join(ids(c), " "))
		}
	}
	return all
}

// refuses is the error of a ledger that refuses for good, or that a later call may get past.
func refuses(kind access.Kind) error {
	return temporal.NewApplicationErrorWithOptions("the ledger says "+string(kind), string(kind),
		temporal.ApplicationErrorOptions{NonRetryable: kind != access.Transient})
}

// refusing answers calls in which an event is with an error.
func refusing(id string, kind access.Kind) func(int, activities.RecordInput) (activities.RecordResult, error) {
	return func(_ int, c activities.RecordInput) (activities.RecordResult, error) {
		if slices.Contains(ids(c), id) {
			return activities.RecordResult{}, refuses(kind)
		}
		return activities.RecordResult{}, nil
	}
}

func newNotebook(t *testing.T) *notebook {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	n := &notebook{env: suite.NewTestWorkflowEnvironment(), ledger: &ledger{}}
	const hangs = 10 * time.Second
	n.env.SetTestTimeout(hangs)
	n.env.RegisterActivity(n.ledger)
	return n
}

// at has something done in the workflow at a time.
func (n *notebook) at(after time.Duration, do func()) {
	n.plan = append(n.plan, do)
	i := len(n.plan) - 1
	n.env.RegisterDelayedCallback(func() { n.env.SignalWorkflow("do", i) }, after)
}

// ends lets the workflow end when everything is written.
func (n *notebook) ends(after time.Duration) { n.at(after, func() { n.over = true }) }

// run executes the workflow, and returns its error.
func (n *notebook) run(t *testing.T) error {
	t.Helper()
	defer func() {
		if stuck := recover(); stuck != nil {
			require.Fail(t, "the workflow hangs, or the test panics", "%.300s", fmt.Sprint(stuck))
		}
	}()
	n.env.ExecuteWorkflow(func(ctx workflow.Context) error {
		n.loop = durable.New(ctx, n)
		n.Outbox = outbox.New(n.loop, &n.state, n)
		durable.OnSignal(n.loop, "do", func(i int) { n.plan[i]() })
		return n.loop.Run(func() error { return errCarried })
	})
	require.True(t, n.env.IsWorkflowCompleted())
	return n.env.GetWorkflowError()
}

// Step implements durable.Machine.
func (n *notebook) Step(time.Time) {
	if n.step != nil {
		n.step()
	}
	n.Outbox.Step()
}

// Due implements durable.Machine.
func (n *notebook) Due() (time.Time, string) { return time.Time{}, "" }

// Done implements durable.Machine.
func (n *notebook) Done() bool { return n.over && n.Empty() }

// Cancelled implements durable.Machine.
func (n *notebook) Cancelled() {}

// Undecodable implements durable.Machine.
func (n *notebook) Undecodable(string, error) {}

// Complete implements outbox.Owner: the text of an event is not carried.
func (n *notebook) Complete(facts []outbox.Fact) []access.Entry {
	var entries []access.Entry
	for _, f := range facts {
		if len(f.Events) > 0 {
			event := f.Events[0]
			event.Text = "completed"
			entries = append(entries, access.Entry{Events: []access.Event{event}})
		}
	}
	return entries
}

// Refused implements outbox.Owner.
func (n *notebook) Refused(f outbox.Fact, why string) {
	name := "a view"
	if len(f.Events) > 0 {
		name = f.Events[0].ID
	}
	n.refused = append(n.refused, name+": "+why)
}

// Undelivered implements outbox.Owner.
func (n *notebook) Undelivered(leases []access.LeaseID) {
	n.undelivered = append(n.undelivered, leases...)
}

// fact returns a fact of a name. A lease gets a message and a status that rest on it.
func fact(name string, leases ...access.LeaseID) outbox.Fact {
	f := outbox.Fact{Events: []access.Event{{ID: name, Request: "r1", Type: access.EventDecided}}}
	for _, id := range leases {
		f.Apply = append(f.Apply, apply(id))
		f.Status = append(f.Status, status(id))
	}
	return f
}

func apply(id access.LeaseID) activities.ApplyLeaseMessage {
	return activities.ApplyLeaseMessage{Spec: access.LeaseSpec{Lease: access.Lease{ID: id}}}
}

func status(id access.LeaseID) activities.LeaseStatusMessage {
	return activities.LeaseStatusMessage{Status: access.LeaseStatus{Lease: id}}
}

// carriedBytes is how much a state adds to the input of the next run.
func carriedBytes(t *testing.T, s outbox.State) int {
	t.Helper()
	payload, err := converter.GetDefaultDataConverter().ToPayload(s)
	require.NoError(t, err)
	return len(payload.GetData())
}
