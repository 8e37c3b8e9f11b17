package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/workflows"
)

// chain is one workflow over all of its runs. It decides how the question is answered whether the run shall continue as
// new, and takes over to the next run what a server keeps: the messages that no run has got, the updates that nobody has
// answered, and what the test still has to do. Time goes on from where the last run ended.
type chain struct {
	t      *point
	w      *world
	logger log.Logger
	// suggested answers the question with that number; the first is 1. It is asked again until the run ends.
	suggested func(question int) bool
	// prepared are called for each new environment.
	prepared []func()
	now      time.Time
	// until is when the workflow must have ended; zero for no limit.
	until time.Time

	// withNextTask keeps signals from waking the workflow: they come with what wakes it next, in one task.
	withNextTask bool
	callbacks    []*callback
	updates      []*sentUpdate
	cancel       cancellation
	runs         int

	mu        sync.Mutex
	questions int
	answered  bool // the question was answered with yes in this run
	signals   []*sentSignal
	// running are the activities whose attempt runs, and whether they were cancelled meanwhile. The next run waits until
	// none does.
	running map[string]bool
	// decided are the activities of this run whose result is on its way: a server cancels none that has come to its result.
	decided map[string]bool
	rest    *sync.Cond
}

// callback is something that the test does at a time.
type callback struct {
	at   time.Time
	do   func()
	done bool
}

// sentSignal is a signal, until a run gets it.
type sentSignal struct {
	name string
	arg  any
	data string
}

// sentUpdate is an update; it is sent to every run until one has answered it.
type sentUpdate struct {
	name, id string
	arg      any
	answer   *answer
	// again is when it is sent again by whoever was asked to try again.
	again time.Time
}

// cancellation is a cancel request. Like a server's, it reaches one run.
type cancellation struct {
	asked, reached bool
}

// The limits of a chain, against code that goes round for ever.
const (
	runsAtOneTime  = 60
	questionsAtAll = 20_000
)

// chainStart is when every chain begins: at a fixed time, so that two chains can be compared.
var chainStart = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func newChain(t *point, suggested func(question int) bool) *chain {
	c := &chain{t: t, now: chainStart, suggested: suggested, running: map[string]bool{}, decided: map[string]bool{}, logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))}
	c.rest = sync.NewCond(&c.mu)
	return c
}

// join makes a world's runs those of the chain. Its desk goes by the same clock.
func (c *chain) join(w *world, prepared ...func()) {
	c.w, c.prepared, w.chain = w, prepared, c
	w.newRun()
}

// prepare sets up the environment of the next run. The gate that an activity passes before it begins is the main loop: an
// activity that has not passed it when the run ends never begins, as on a server.
func (c *chain) prepare(env *testsuite.TestWorkflowEnvironment) {
	env.SetStartTime(c.now)
	env.SetTestTimeout(3 * time.Second)
	env.SetWorkerOptions(worker.Options{
		DeadlockDetectionTimeout: time.Minute,
		Interceptors:             []interceptor.WorkerInterceptor{&runInterceptor{chain: c, env: env}},
	})
	env.SetOnActivityStartedListener(func(i *activity.Info, _ context.Context, _ converter.EncodedValues) { c.begin(i.ActivityID) })
	env.SetOnLocalActivityStartedListener(func(i *activity.Info, _ context.Context, _ []any) { c.begin(i.ActivityID) })
	c.w.desk.SetClock(env.Now)
	for _, prepared := range c.prepared {
		prepared()
	}
}

func (c *chain) at(after time.Duration, do func()) {
	call := &callback{at: c.w.env.Now().Add(after), do: do}
	c.callbacks = append(c.callbacks, call)
	c.arm(call)
}

func (c *chain) arm(call *callback) {
	c.w.env.RegisterDelayedCallback(func() {
		call.done = true
		call.do()
	}, max(0, call.at.Sub(c.w.env.Now())))
}

func (c *chain) signal(name string, arg any) {
	c.mu.Lock()
	c.signals = append(c.signals, &sentSignal{name: name, arg: arg, data: dataOf(arg)})
	c.mu.Unlock()
	if c.withNextTask {
		c.w.env.SignalWorkflowSkippingWorkflowTask(name, arg)
		return
	}
	c.w.env.SignalWorkflow(name, arg)
}

// keep is a signal that comes after the present run's last task: the next run gets it.
func (c *chain) keep(name string, arg any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signals = append(c.signals, &sentSignal{name: name, arg: arg, data: dataOf(arg)})
}

func (c *chain) cancelWorkflow() {
	c.cancel.asked = true
	c.w.env.CancelWorkflow()
}

// got takes a signal that a run has got from the list.
func (c *chain) got(name string, data string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range c.signals {
		if s.name == name && s.data == data {
			c.signals = append(c.signals[:i:i], c.signals[i+1:]...)
			return
		}
	}
}

// next makes the environment of the next run.
func (c *chain) next() {
	c.mu.Lock()
	clear(c.decided)
	for len(c.running) > 0 {
		c.rest.Wait()
	}
	c.answered = false
	c.mu.Unlock()
	c.now = c.w.env.Now()
	c.w.newRun()
	env := c.w.env
	for _, s := range c.signals {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(s.name, s.arg) }, 0)
	}
	if c.cancel.asked && !c.cancel.reached {
		env.RegisterDelayedCallback(env.CancelWorkflow, 0)
	}
	for _, u := range c.updates {
		if kindOfFailure(u.answer.accepted) == string(access.Transient) {
			// Whoever is asked to try again in a moment does.
			*u.answer, u.again = answer{}, c.now.Add(time.Second)
		}
		if !u.answer.done {
			env.RegisterDelayedCallback(func() { c.w.send(u.answer, u.name, u.id, u.arg) }, max(0, u.again.Sub(c.now)))
		}
	}
	for _, call := range c.callbacks {
		if !call.done {
			c.arm(call)
		}
	}
}

// broken is why a chain did not come to its end.
type broken string

func (b broken) Error() string { return string(b) }

// execute runs the workflow to the end of its last run, and returns that run's error, or a broken.
func (c *chain) execute(workflowType string, params any) error {
	args := []any{params}
	runsNow, since := 0, c.now
	for {
		c.runs++
		if err := c.runOnce(workflowType, args); err != nil {
			return err
		}
		err := c.w.env.GetWorkflowError()
		var again *workflow.ContinueAsNewError
		switch {
		case errors.As(err, &again):
			args = rawValues(again.Input)
		case err == nil && c.unread(workflows.SignalApplyLease):
			// The message comes with a start, so it starts the next run.
			args = []any{params}
		default:
			return err
		}
		c.next()
		if runsNow++; !c.now.Equal(since) {
			runsNow, since = 0, c.now
		}
		if runsNow > runsAtOneTime {
			return broken(fmt.Sprintf("it never ends: %d runs have continued as new at one time", runsNow))
		}
	}
}

// unread reports whether a signal of that name has reached no run.
func (c *chain) unread(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.signals {
		if s.name == name {
			return true
		}
	}
	return false
}

// runOnce runs one run. Nothing that the environment panics with gets out: not its time-out, and no failed requirement.
func (c *chain) runOnce(workflowType string, args []any) (err error) {
	defer func() {
		switch panicked := recover().(type) {
		case nil:
		case pointFailed:
			err = broken("a requirement failed")
		case broken:
			err = panicked
		default:
			text, _, _ := strings.Cut(fmt.Sprint(panicked), "\n")
			err = broken(text)
		}
	}()
	if !c.until.IsZero() {
		c.w.env.RegisterDelayedCallback(func() { panic(c.hangs()) }, c.until.Sub(c.now))
	}
	c.w.env.ExecuteWorkflow(workflowType, args...)
	return nil
}

// hangs returns where a workflow stands that should have ended.
func (c *chain) hangs() broken {
	text := "it hangs: it still runs at " + c.until.Format(time.DateTime)
	value, err := c.w.env.QueryWorkflow(workflows.QueryView)
	if err != nil {
		// It is no request.
		return broken(text)
	}
	var view access.RequestView
	require.NoError(c.t, value.Get(&view))
	return broken(fmt.Sprintf("%s, %s: %s", text, view.State, view.StatusText))
}

// ask counts a question and answers it. A run that has been told to continue as new is told so again.
func (c *chain) ask() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.questions++; c.questions > questionsAtAll {
		panic("it asks for ever whether it shall continue as new")
	}
	c.answered = c.answered || c.suggested(c.questions)
	return c.answered
}

func (c *chain) begin(activityID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[activityID] = false
}

// cancelRunning notes that an activity is cancelled, if an attempt runs, and reports whether one does.
func (c *chain) cancelRunning(activityID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, runs := c.running[activityID]
	if runs {
		c.running[activityID] = true
	}
	return runs || c.decided[activityID]
}

// end reports whether the activity was cancelled while the attempt ran. An attempt that decides is the last.
func (c *chain) end(activityID string, decides bool) (cancelled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.decided[activityID] = c.decided[activityID] || decides
	cancelled = c.running[activityID]
	delete(c.running, activityID)
	c.rest.Broadcast()
	return cancelled
}

func rawValues(payloads *commonpb.Payloads) []any {
	var values []any
	for _, p := range payloads.GetPayloads() {
		values = append(values, converter.NewRawValue(p))
	}
	return values
}

// dataOf is a value as it goes over the wire.
func dataOf(arg any) string {
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(arg)
	if err != nil {
		panic(err)
	}
	return payloadData(payloads)
}

func payloadData(payloads *commonpb.Payloads) string {
	var b strings.Builder
	for _, p := range payloads.GetPayloads() {
		b.Write(p.GetData())
	}
	return b.String()
}
