package durable

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const (
	// maxInFlight is the most activities of one run that are in flight at once, and maxPerQueue the most on one task queue:
	// a connector whose worker is down does not stop the others.
	maxInFlight = 50
	maxPerQueue = 10
)

// call is one activity, in flight or waiting for its turn.
type call struct {
	queue string
	start func(workflow.Context) workflow.Future
	done  func(workflow.Future)
	// future is nil before the call has started.
	future workflow.Future
	ctx    workflow.Context
	cancel workflow.CancelFunc
	// abandoned is true when the run leaves before the call has started.
	abandoned bool
}

func (c *call) landed() bool { return c.abandoned || (c.future != nil && c.future.IsReady()) }

func (c *call) finish() { c.done(c.future) }

// abandon cancels a call that has started, and drops one that has not.
func (c *call) abandon() {
	if c.future == nil {
		c.abandoned = true
		return
	}
	c.cancel()
}

// Start has an activity executed and its result taken by done, in a later pass of the loop. A result that was not awaited,
// because the run leaves, is a CanceledError. An activity that runs when the run leaves is waited for.
func Start[R any](l *Loop, options workflow.ActivityOptions, activity, input any, done func(R, error)) {
	options.WaitForCancellation = true
	l.add(options.TaskQueue, decoded(l, done), func(ctx workflow.Context) workflow.Future {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, arguments(input)...)
	})
}

// StartLocal is Start for a local activity: a short question to the worker itself. It must change nothing.
func StartLocal[R any](l *Loop, options workflow.LocalActivityOptions, activity, input any, done func(R, error)) {
	l.add("", decoded(l, done), func(ctx workflow.Context) workflow.Future {
		return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, options), activity, arguments(input)...)
	})
}

// arguments is an activity's input as a list; a nil input is none.
func arguments(input any) []any {
	if input == nil {
		return nil
	}
	return []any{input}
}

// decoded returns what takes a call's result: it decodes it into a variable of its own.
func decoded[R any](l *Loop, done func(R, error)) func(workflow.Future) {
	return func(f workflow.Future) {
		var result R
		if f == nil {
			done(result, temporal.NewCanceledError())
			return
		}
		err := f.Get(l.work, &result)
		if err != nil {
			var none R
			result = none
		}
		done(result, err)
	}
}

func (l *Loop) add(queue string, done func(workflow.Future), start func(workflow.Context) workflow.Future) {
	ctx, cancel := workflow.WithCancel(l.work)
	l.calls = append(l.calls, &call{queue: queue, start: start, done: done, ctx: ctx, cancel: cancel, abandoned: l.leaving})
}

// launch starts the calls whose turn it is, in the order in which they came.
func (l *Loop) launch() {
	total, queues := 0, map[string]int{}
	for _, c := range l.calls {
		if c.future != nil {
			total++
			queues[c.queue]++
		}
	}
	for _, c := range l.calls {
		if c.future != nil || total >= maxInFlight || queues[c.queue] >= maxPerQueue {
			continue
		}
		c.future = c.start(c.ctx)
		total++
		queues[c.queue]++
	}
}

// landed takes the calls that are over out of the list, in the order in which they were started.
func (l *Loop) landed() []*call {
	var over, rest []*call
	for _, c := range l.calls {
		if c.landed() {
			over = append(over, c)
		} else {
			rest = append(rest, c)
		}
	}
	l.calls = rest
	return over
}
