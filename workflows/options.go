package workflows

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// This file is the one table of time-outs and retries. Within an activity's own retries, Temporal repeats what a
// moment can mend. What takes longer goes back to the workflow, which waits on a durable timer of its own (see
// patience): so a workflow can change its mind between two rounds, and can continue as new.

// onThisWorker is for questions: policy is in the worker's memory, and a read of the ledger takes milliseconds. A local
// activity may run again when its workflow task does, so it never writes.
func onThisWorker(ctx workflow.Context) workflow.Context {
	return onThisWorkerWithin(ctx, 3*time.Second)
}

func onThisWorkerWithin(ctx workflow.Context, within time.Duration) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: within,
		StartToCloseTimeout:    within,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, MaximumAttempts: 2},
	})
}

// ledgerSoon writes the ledger. It is an ordinary activity, because what it writes stands in the history before it runs:
// a workflow task that is lost after a local activity would be made again with other times, and with other messages.
// Short, so that a caller who waits for it is answered although the ledger is away or hangs: the API waits five seconds, if
// it is not told otherwise.
func ledgerSoon(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		StartToCloseTimeout:    3 * time.Second,
		ScheduleToCloseTimeout: 3500 * time.Millisecond,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, MaximumAttempts: 2},
		Summary:                "record",
	})
}

// ledgerAway comes after it: it waits for the ledger to come back, for as long as one round lasts.
func ledgerAway(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: 10 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:                "the ledger is away: recording later",
	})
}

// evaluation: policy reads a few people of the source.
func evaluation(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		StartToCloseTimeout:    30 * time.Second,
		ScheduleToCloseTimeout: 5 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:                "ask policy",
	})
}

// source: a lookup of a few people.
func source(ctx workflow.Context, name access.SourceName) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              SourceQueue(name),
		StartToCloseTimeout:    30 * time.Second,
		ScheduleToCloseTimeout: 5 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:                "look people up",
	})
}

// openTicket: one attempt, for a create must never be repeated blindly. A worker that dies is noticed by
// StartToClose, which is longer than the connector's own time-outs for the calls that one opening needs. The first round
// does not wait for a worker for ever, because the ledger waits for it.
func openTicket(ctx workflow.Context, desk access.DeskName, round int) workflow.Context {
	opts := workflow.ActivityOptions{
		TaskQueue:           DeskQueue(desk),
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:             "open the ticket",
	}
	if round == 0 {
		opts.ScheduleToStartTimeout = 45 * time.Second
	}
	return workflow.WithActivityOptions(ctx, opts)
}

// ticketOnce is the first round of a write that records along: short, for the ledger waits for it.
func ticketOnce(ctx workflow.Context, desk access.DeskName, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              DeskQueue(desk),
		StartToCloseTimeout:    30 * time.Second,
		ScheduleToCloseTimeout: 45 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 2},
		Summary:                summary,
	})
}

// ticket: reads, and writes that are safe to repeat.
func ticket(ctx workflow.Context, desk access.DeskName, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              DeskQueue(desk),
		StartToCloseTimeout:    30 * time.Second,
		ScheduleToCloseTimeout: 5 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:                summary,
	})
}

// roundAttempts is how often one round on a target tries; then it is the lease's own loop that waits (betweenRounds for a
// grant, betweenRevokes for a revoke).
const roundAttempts = 3

// target: one round of a grant, a revoke or a read-back, each safe to repeat.
func target(ctx workflow.Context, name access.TargetName, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           TargetQueue(name),
		StartToCloseTimeout: 30 * time.Second,
		// A target whose worker is away must not hold the lease's loop for ever.
		ScheduleToCloseTimeout: 3 * time.Minute,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, MaximumInterval: 10 * time.Second, MaximumAttempts: roundAttempts,
		},
		Summary: summary,
	})
}

// message: a signal to another workflow.
func message(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Second},
		Summary:                summary,
	})
}

// changesPage: one page of what changed on a desk, judged along where that worker can. A page is a few calls; a desk that is
// away is asked again by the watch's own rounds.
func changesPage(ctx workflow.Context, desk access.DeskName) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              DeskQueue(desk),
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: 3 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second, MaximumAttempts: 3},
		Summary:                "what has changed",
	})
}

// ticketsByID: many calls, each followed by a heartbeat.
func ticketsByID(ctx workflow.Context, desk access.DeskName) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              DeskQueue(desk),
		StartToCloseTimeout:    5 * time.Minute,
		HeartbeatTimeout:       time.Minute,
		ScheduleToCloseTimeout: 10 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second, MaximumAttempts: 3},
		Summary:                "read tickets",
	})
}

// judge: the ledger, and signals to the requests of one page.
func judge(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: 10 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:                "tell the requests",
	})
}

// DoctorWithin is how long a doctor's report is waited for, where nobody says otherwise.
const DoctorWithin = 40 * time.Second

// doctorTimes are the shares of that time: of a question to the doctor's own worker, of all connectors together, of a step
// of the watch's, and of opening and closing the trial ticket. What is left is for what lies between the steps.
type doctorTimes struct{ own, connectors, watch, open, close time.Duration }

func doctorTimesOf(within time.Duration) doctorTimes {
	if within <= 0 {
		within = DoctorWithin
	}
	return doctorTimes{own: within * 3 / 40, connectors: within * 3 / 10, watch: within * 3 / 40, open: within / 5, close: within / 10}
}

// DoctorLongest returns how long Doctor waits at most before it reports, when the report is waited for that long: two
// questions to its own worker, one to all connectors at once, two steps of the watch, and the trial ticket.
func DoctorLongest(within time.Duration) time.Duration {
	t := doctorTimesOf(within)
	return 2*t.own + t.connectors + 2*t.watch + t.open + t.close
}

// checkup: one step of the doctor's, once. A queue that nobody polls is given up sooner.
func checkup(ctx workflow.Context, queue string, within time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              queue,
		StartToCloseTimeout:    within,
		ScheduleToStartTimeout: within / 2,
		ScheduleToCloseTimeout: within,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
}

// patience is a growing wait between rounds: first, then twice as long each time, up to most.
type patience struct {
	first, most time.Duration
}

// The waits between rounds.
var (
	// betweenRounds: a connector, the source or the ledger did not answer in a whole round.
	betweenRounds = patience{first: 15 * time.Second, most: 15 * time.Minute}
	// betweenEnsures: the subject's workflow has not answered. A signal is durable, so asking again is only for a subject's
	// workflow that somebody terminated; an hour lets the request's one timer serve for this too.
	betweenEnsures = patience{first: time.Hour, most: 4 * time.Hour}
	// betweenRevokes: revoking never gives up, and a dead target is asked at least every quarter of an hour.
	betweenRevokes = patience{first: 10 * time.Second, most: 15 * time.Minute}
	// betweenWatches: the desk or the ledger did not answer the watch.
	betweenWatches = patience{first: 15 * time.Second, most: 5 * time.Minute}
	// betweenSweeps: a presence sweep could not go on.
	betweenSweeps = patience{first: 5 * time.Minute, most: time.Hour}
	// betweenChecks: a human says that access was granted, and the target does not show it yet.
	betweenChecks = patience{first: 30 * time.Second, most: 15 * time.Minute}
)

// after is the wait after so many rounds: after(0) is the first wait.
func (p patience) after(rounds int) time.Duration {
	wait := p.first
	for range rounds {
		wait *= 2
		if wait >= p.most {
			return p.most
		}
	}
	return wait
}

// stuckAfterRounds is how many rounds a revoke fails before a human is told.
const stuckAfterRounds = 4

// kindOf is the kind of an activity's error, as the workflow branches on it. An attempt that got no answer at all is
// Unknown; one that was never started, and whatever nobody classified, is Transient.
func kindOf(err error) access.Kind {
	if err == nil {
		return ""
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return timeoutKind(timeout)
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		switch kind := access.Kind(app.Type()); kind {
		case access.Transient, access.RateLimited, access.Invalid, access.NotFound, access.Conflict, access.Forbidden, access.Unknown:
			return kind
		}
	}
	return access.Transient
}

func timeoutKind(timeout *temporal.TimeoutError) access.Kind {
	if timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
		return access.Transient
	}
	return access.Unknown
}

// sayError is an activity's error in one sentence for people: the cause, without Temporal's wrapping.
func sayError(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "no answer in time (" + timeout.TimeoutType().String() + "); is a worker polling the queue?"
	}
	return err.Error()
}
