// Package durable runs an entity workflow: a workflow that lives for days or years, keeps a state, hears messages, and
// calls activities. It owns everything that waits, so that nothing is lost when a run continues as new.
//
// A workflow is a Machine. One pass of the loop takes every message, every result and a cancellation; lets the machine
// take its steps; arms one timer; and waits. There is no other coroutine but the handlers of updates, so between the last
// message that was read and the return of the workflow nothing can come in. Coroutines, timers and channels are used in
// this package only.
package durable

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"
)

// Machine is what differs between entity workflows. Its methods never wait.
type Machine interface {
	// Step does everything that can be done now: it changes the state and starts activities.
	Step(now time.Time)
	// Due returns the earliest time at which Step has something to do by the clock alone, and what that is, for people who
	// read the history. The zero time is "nothing". What is in flight is not due.
	Due() (time.Time, string)
	// Done reports whether the workflow may end when nothing is in flight and no message is unread.
	Done() bool
	// Cancelled takes the cancellation of the workflow. It is called at most once in a run.
	Cancelled()
	// Undecodable takes a signal that cannot be decoded.
	Undecodable(signal string, err error)
}

// Loop is the loop of one run. The zero Loop cannot be used; New makes one.
type Loop struct {
	ctx workflow.Context
	// work outlives a cancellation of the workflow: what tidies up must still run. calling, which cancel ends, is that of the
	// activities.
	work, calling workflow.Context
	cancel        workflow.CancelFunc
	machine       Machine
	inboxes       []inbox
	calls         []*call
	inFlight      int
	perQueue      map[string]int
	timer         *timer
	checks        int
	// woken is true when an update has been applied since the last pass, progress when this run has taken something.
	woken, progress, stopped, ended, leaving bool
}

// timer is the one durable timer that runs.
type timer struct {
	at     time.Time
	future workflow.Future
	cancel workflow.CancelFunc
}

// New returns a loop for a machine. OnSignal and OnUpdate come before Run; the machine's state is complete before them,
// because messages that came early are delivered at once.
func New(ctx workflow.Context, m Machine) *Loop {
	work, _ := workflow.NewDisconnectedContext(ctx)
	calling, cancel := workflow.WithCancel(work)
	return &Loop{ctx: ctx, work: work, calling: calling, cancel: cancel, machine: m, perQueue: map[string]int{}}
}

// Context returns the context of what the workflow does. A cancellation of the workflow does not reach it.
func (l *Loop) Context() workflow.Context { return l.work }

// Now returns the workflow's time in UTC.
func (l *Loop) Now() time.Time { return workflow.Now(l.work).UTC() }

// Busy reports whether an activity is in flight, or waits for its turn.
func (l *Loop) Busy() bool { return len(l.calls) > 0 }

// Answering reports whether a caller of an update waits for its answer.
func (l *Loop) Answering() bool { return !workflow.AllHandlersFinished(l.work) }

// Leaving reports whether the run is about to continue as new: nothing is started any more.
func (l *Loop) Leaving() bool { return l.leaving }

// Checks returns how often the loop has asked whether there is something to do: a measure of its cost.
func (l *Loop) Checks() int { return l.checks }

// Run serves the machine until it is done, and returns nil; or until the run has grown long, and returns what carry
// returns. A run that leaves cancels everything in flight: what has not started, or waits between two attempts, ends at once;
// what runs finishes, and its result is taken and carried. It leaves only after it has taken a message or a result, so two
// runs always bring the workflow on. Nothing is awaited between the last look for messages and the return.
func (l *Loop) Run(carry func() error) error {
	for {
		l.receive()
		if !l.leaving {
			l.machine.Step(l.Now())
			l.launch()
		}
		// A message that came while the run leaves may have brought more to do.
		if l.ended = l.machine.Done(); l.ended {
			// Nobody needs what is still in flight.
			l.abandon()
		}
		switch {
		case l.ended && l.idle():
			return nil
		case l.leaving && l.idle():
			return carry()
		case !l.leaving && l.progress && workflow.GetInfo(l.work).GetContinueAsNewSuggested():
			l.leaving = true
			l.abandon()
			continue
		}
		l.arm()
		if err := workflow.Await(l.work, l.ready); err != nil {
			return err
		}
	}
}

// receive takes everything that has come: results, signals in the order in which they were declared, and a cancellation.
func (l *Loop) receive() {
	l.woken = false
	if l.fired() {
		l.timer = nil
	}
	l.takeResults()
	for _, in := range l.inboxes {
		for in.channel.Len() > 0 {
			l.progress = true
			in.take()
		}
	}
	if l.cancelled() {
		l.stopped, l.progress = true, true
		l.machine.Cancelled()
	}
}

// ready reports whether there is something to do.
func (l *Loop) ready() bool {
	l.checks++
	return l.woken || l.fired() || l.cancelled() || ((l.ended || l.leaving) && l.idle()) ||
		slices.ContainsFunc(l.inboxes, func(in inbox) bool { return in.channel.Len() > 0 }) || slices.ContainsFunc(l.calls, (*call).over)
}

func (l *Loop) fired() bool { return l.timer != nil && l.timer.future.IsReady() }

func (l *Loop) cancelled() bool { return !l.stopped && l.ctx.Err() != nil }

// idle reports whether nothing is in flight and every update has been answered.
func (l *Loop) idle() bool { return !l.Busy() && !l.Answering() }

// arm sees to it that the run wakes up when the machine is due, or earlier: a timer that runs is kept as long as it fires
// in time, for every timer is an entry in the history. A machine that says "now" again and again does not spin.
func (l *Loop) arm() {
	const shortest = time.Second
	at, what := l.machine.Due()
	if l.leaving || at.IsZero() || (l.timer != nil && !l.timer.at.After(at)) {
		return
	}
	if l.timer != nil {
		l.timer.cancel()
	}
	ctx, cancel := workflow.WithCancel(l.work)
	future := workflow.NewTimerWithOptions(ctx, max(at.Sub(l.Now()), shortest), workflow.TimerOptions{Summary: what})
	l.timer = &timer{at: at, future: future, cancel: cancel}
}
