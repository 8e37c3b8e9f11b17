package durable_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"usher/workflows/durable"
)

// errCarried is what a toy that continues in another run returns.
var errCarried = errors.New("carried")

// toy is a machine whose parts a test sets.
type toy struct {
	loop *durable.Loop
	env  *testsuite.TestWorkflowEnvironment
	// log is what happened, in order.
	log []string
	// step and due are what the machine does and when; nil for nothing.
	step func(now time.Time)
	due  func() time.Time
	// over is true when the machine may end.
	over bool
}

func (m *toy) Step(now time.Time) {
	if m.step != nil {
		m.step(now)
	}
}

func (m *toy) Due() (time.Time, string) {
	if m.due == nil {
		return time.Time{}, ""
	}
	return m.due(), "the toy is due"
}

func (m *toy) Done() bool { return m.over }

func (m *toy) Cancelled() { m.say("cancelled") }

func (m *toy) Undecodable(signal string, err error) { m.say("undecodable %s: %t", signal, err != nil) }

func (m *toy) say(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

// once runs a step in the first pass only.
func (m *toy) once(do func()) {
	begun := false
	m.step = func(time.Time) {
		if !begun {
			begun = true
			do()
		}
	}
}

// at plans something in the test, counted from the beginning of the run.
func (m *toy) at(after time.Duration, do func()) { m.env.RegisterDelayedCallback(do, after) }

// queue returns the options of an activity on a task queue.
func queue(name string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue: name, StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	}
}

// calls are the activities of these tests.
type calls struct {
	mu      sync.Mutex
	release map[string]chan struct{}
}

// Echo returns what it is given.
func (c *calls) Echo(_ context.Context, text string) (string, error) { return text, nil }

// Fail fails after it has made a result.
func (c *calls) Fail(_ context.Context, text string) (string, error) {
	return text, temporal.NewNonRetryableApplicationError("it failed", "test", nil)
}

// Hang ends when it is released or cancelled.
func (c *calls) Hang(ctx context.Context, name string) (string, error) {
	activity.RecordHeartbeat(ctx)
	select {
	case <-c.gate(name):
		return name, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// gate returns what the calls of a name wait for.
func (c *calls) gate(name string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.release[name] == nil {
		c.release[name] = make(chan struct{})
	}
	return c.release[name]
}

// open lets the calls of a name end.
func (c *calls) open(name string) { close(c.gate(name)) }

// newToy returns a toy in an environment with the activities of these tests.
func newToy(t *testing.T) (*toy, *calls) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	const hangs = 10 * time.Second
	env.SetTestTimeout(hangs)
	c := &calls{release: map[string]chan struct{}{}}
	env.RegisterActivity(c)
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, gate := range c.release {
			select {
			case <-gate:
			default:
				close(gate)
			}
		}
	})
	return &toy{env: env}, c
}

// run executes the workflow, and returns its error. declare says what the toy hears; nil for nothing.
func (m *toy) run(t *testing.T, declare func(*durable.Loop) error) error {
	t.Helper()
	m.execute(t, func(ctx workflow.Context) error {
		m.loop = durable.New(ctx, m)
		if declare != nil {
			if err := declare(m.loop); err != nil {
				return err
			}
		}
		return m.loop.Run(func() error {
			m.say("carried")
			return errCarried
		})
	})
	require.True(t, m.env.IsWorkflowCompleted())
	return m.env.GetWorkflowError()
}

// execute runs a workflow. One that hangs makes the test fail, where the environment would panic.
func (m *toy) execute(t *testing.T, w func(workflow.Context) error) {
	t.Helper()
	defer func() {
		if stuck := recover(); stuck != nil {
			require.Fail(t, "the workflow hangs, or the test panics", "%.300s\nlog: %v", fmt.Sprint(stuck), m.log)
		}
	}()
	m.env.ExecuteWorkflow(w)
}

// starts sees which activities a run starts.
type starts struct {
	interceptor.WorkerInterceptorBase
	started func(queue string)
}

// see has a function called for every activity that the toy starts.
func (m *toy) see(started func(queue string)) {
	m.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&starts{started: started}}})
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (s *starts) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &startsInbound{starts: s}
	in.Next = next
	return in
}

type startsInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	*starts
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (in *startsInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &startsOutbound{starts: in.starts}
	out.Next = next
	return in.Next.Init(out)
}

type startsOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	*starts
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (out *startsOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	out.started(workflow.GetActivityOptions(ctx).TaskQueue)
	return out.Next.ExecuteActivity(ctx, name, args...)
}

// has reports whether a text is in the log.
func (m *toy) has(text string) bool { return slices.Contains(m.log, text) }
