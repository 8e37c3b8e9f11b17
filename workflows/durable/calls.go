package durable

import (
	"slices"

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
	// done takes the future, nil for a call that was never started.
	done func(workflow.Future)
	// future is nil before the call has started; dropped is true when it never will.
	future  workflow.Future
	dropped bool
}

// Start has an activity executed and its result taken by done, in a later pass of the loop. A result that was not
// awaited, because the run leaves, is a CanceledError. An activity that runs when the run leaves is waited for.
func Start[R any](l *Loop, options workflow.ActivityOptions, activity, input any, done func(R, error)) {
	options.WaitForCancellation = true
	add(l, options.TaskQueue, done, func(ctx workflow.Context) workflow.Future {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, input)
	})
}

// StartLocal is Start for a local activity: a short question to the worker itself. It must change nothing.
func StartLocal[R any](l *Loop, options workflow.LocalActivityOptions, activity, input any, done func(R, error)) {
	add(l, "", done, func(ctx workflow.Context) workflow.Future {
		return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, options), activity, input)
	})
}

func add[R any](l *Loop, queue string, done func(R, error), start func(workflow.Context) workflow.Future) {
	l.calls = append(l.calls, &call{queue: queue, start: start, dropped: l.leaving, done: func(f workflow.Future) {
		var result, none R
		err := error(temporal.NewCanceledError())
		if f != nil {
			err = f.Get(l.work, &result)
		}
		if err != nil {
			result = none
		}
		done(result, err)
	}})
}

// launch starts the calls whose turn it is, in the order in which they came.
func (l *Loop) launch() {
	for _, c := range l.calls {
		if l.inFlight == maxInFlight {
			return
		}
		if c.future == nil && !c.dropped && l.perQueue[c.queue] < maxPerQueue {
			c.future = c.start(l.calling)
			l.inFlight++
			l.perQueue[c.queue]++
		}
	}
}

// abandon cancels what is in flight, and drops what has not started. What is asked for later starts as ever.
func (l *Loop) abandon() {
	l.cancel()
	l.calling, l.cancel = workflow.WithCancel(l.work)
	for _, c := range l.calls {
		c.dropped = c.future == nil
	}
}

func (c *call) over() bool { return c.dropped || (c.future != nil && c.future.IsReady()) }

// takeResults takes the results of the calls that are over, in the order in which they were started.
func (l *Loop) takeResults() {
	var over []*call
	l.calls = slices.DeleteFunc(l.calls, func(c *call) bool {
		if !c.over() {
			return false
		}
		over = append(over, c)
		return true
	})
	for _, c := range over {
		l.progress = true
		if c.future != nil {
			l.inFlight--
			l.perQueue[c.queue]--
		}
		c.done(c.future)
	}
}
