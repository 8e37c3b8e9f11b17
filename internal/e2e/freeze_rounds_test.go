package e2e_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"usher/internal/devstack/stack"
	"usher/workflows"
)

// freeze is a system in which a worker is frozen.
type freeze struct {
	*crowd
	rows []*frozenRow
	// frozen is the worker that is frozen.
	frozen *stack.ExtraWorker
	// ledger is the address of the ledger's PostgreSQL database; "" where it has none.
	ledger string
}

// all does one step of all rows side by side.
func (f *freeze) all(ctx context.Context, what string, pick func(*frozenRow) frozenStep) {
	side(f.rows, func(r *frozenRow) error { return r.step(ctx, f.crowd, what, pick(r)) })
}

// provoke lets every activity begin. Whoever does that may have to wait for its end.
func (f *freeze) provoke(ctx context.Context) {
	for _, r := range f.rows {
		r.provoked = make(chan error, 1)
		if r.wrong != nil {
			continue
		}
		go func() { r.provoked <- r.step(ctx, f.crowd, "provoke", r.kind.provoke) }()
	}
}

// divide starts the worker that is to be frozen, with so many pollers, and one that serves no desk and no target. The
// stack's own ends: what goes to the desk or the target goes to the first one.
func (f *freeze) divide(ctx context.Context, t *testing.T, pollers int) {
	t.Helper()
	f.addFrozen(ctx, t, "", pollers)
	_, err := f.stack.AddWorker(ctx, "core", coreOnly)
	require.NoError(t, err)
	f.stack.StopWorker()
}

// addFrozen starts the worker that is to be frozen, with further lines of configuration.
func (f *freeze) addFrozen(ctx context.Context, t *testing.T, lines string, pollers int) {
	t.Helper()
	var err error
	f.frozen, err = f.stack.AddWorker(ctx, "frozen", lines, fmt.Sprintf("USHER_LIMITS_POLLERS_ACTIVITIES=%d", pollers),
		"USHER_LIMITS_POLLERS_WORKFLOW_TASKS=2", "USHER_LIMITS_ACTIVITIES=100")
	require.NoError(t, err)
}

// inTheMiddle freezes the worker while each row's call is held. The answer waits for it until it is thawed.
func (f *freeze) inTheMiddle(ctx context.Context, t *testing.T) {
	f.divide(ctx, t, 1)
	side(f.rows, func(r *frozenRow) error { return r.arm(ctx) })
	f.provoke(ctx)
	f.awaitHeld(ctx, t, 15*time.Second)
	require.NoError(t, f.frozen.Freeze())
	require.NoError(t, f.release(ctx))
	require.NoError(t, f.stack.StartWorker(ctx))
	f.soakUp(ctx, t, workflows.TaskQueue, workflows.DeskQueue("jira"), workflows.TargetQueue("directory"))
	f.goOn(ctx, func(*frozenRow) bool { return true })
	require.NoError(t, f.frozen.Thaw())
	f.settle(ctx, t)
}

const (
	// beforeRetry is when a worker is thawed so that it makes a call just before another one repeats the activity, and
	// beforeReopen the same for a ticket, which is opened again when the desk's search can be believed.
	beforeRetry  = 27 * time.Second
	beforeReopen = 39 * time.Second
	// heldSoon is how long a thawed worker may take to the call that is held. It may not make it.
	heldSoon = 3 * time.Second
)

// getsItLate freezes the worker before it gets the activity, and thaws it shortly before another worker repeats it. Each
// row's call is held until that is done.
func (f *freeze) getsItLate(ctx context.Context, t *testing.T) {
	f.giveLate(ctx, t)
	f.awaitAge(ctx, t, beforeRetry)
	f.thawIntoCalls(ctx, t)
}

// afterTheEnd thaws the worker when everything is over, so that it does the whole activity then.
func (f *freeze) afterTheEnd(ctx context.Context, t *testing.T) {
	f.giveLate(ctx, t)
	f.goOn(ctx, func(r *frozenRow) bool { return r.call == nil })
	f.awaitAge(ctx, t, beforeReopen)
	f.thawIntoCalls(ctx, t)
}

// recordsLate freezes a worker before it gets what it is to record, and thaws it when everything is over.
func (f *freeze) recordsLate(ctx context.Context, t *testing.T) {
	f.addFrozen(ctx, t, coreOnly, 2*len(f.rows))
	require.NoError(t, f.frozen.Freeze())
	var given atomic.Int32
	var watching sync.WaitGroup
	for _, r := range f.rows {
		watching.Go(func() {
			if r.givenTo(ctx, f.frozen.Pid()) == nil {
				given.Add(1)
			}
		})
	}
	f.provoke(ctx)
	f.goOn(ctx, func(*frozenRow) bool { return true })
	watching.Wait()
	t.Logf("%d of %d rows had something that the frozen worker was to record", given.Load(), len(f.rows))
	require.NotZero(t, given.Load())
	require.NoError(t, f.frozen.Thaw())
	f.settle(ctx, t)
}

// recordsInTheMiddle freezes the only worker while it writes what happened to the ledger, and thaws it when another worker
// has tried to write the same.
func (f *freeze) recordsInTheMiddle(ctx context.Context, t *testing.T) {
	f.addFrozen(ctx, t, "", 4)
	f.stack.StopWorker()
	conn, err := pgx.Connect(ctx, f.ledger)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(ctx))) }()
	tx, err := conn.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "LOCK TABLE events IN EXCLUSIVE MODE")
	require.NoError(t, err)
	f.provoke(ctx)
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		waiting := 0
		err := tx.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").Scan(&waiting)
		if err == nil && waiting == 0 {
			err = errors.New("nobody waits for the events")
		}
		return err
	}))
	require.NoError(t, f.frozen.Freeze())
	require.NoError(t, tx.Rollback(ctx))
	require.NoError(t, f.stack.StartWorker(ctx))
	f.soakUp(ctx, t, workflows.TaskQueue, workflows.DeskQueue("jira"), workflows.TargetQueue("directory"))
	require.NoError(t, passes(ctx, 10*time.Second))
	require.NoError(t, f.frozen.Thaw())
	f.goOn(ctx, func(*frozenRow) bool { return true })
	f.settle(ctx, t)
}

// giveLate has the server give every row's activity to a worker that is frozen already, and starts another worker.
func (f *freeze) giveLate(ctx context.Context, t *testing.T) {
	t.Helper()
	f.divide(ctx, t, frozenPollers)
	require.NoError(t, f.frozen.Freeze())
	f.soakUp(ctx, t, workflows.TaskQueue)
	f.provoke(ctx)
	side(f.rows, func(r *frozenRow) error { return r.givenTo(ctx, f.frozen.Pid()) })
	require.NoError(t, f.stack.StartWorker(ctx))
	f.soakUp(ctx, t, workflows.DeskQueue("jira"), workflows.TargetQueue("directory"))
}

// thawIntoCalls thaws the worker and holds the calls that rows name, until the activity has been done by another worker
// and what comes then has happened.
func (f *freeze) thawIntoCalls(ctx context.Context, t *testing.T) {
	t.Helper()
	side(f.rows, func(r *frozenRow) error { return r.arm(ctx) })
	require.NoError(t, f.frozen.Thaw())
	f.awaitHeld(ctx, t, heldSoon)
	f.goOn(ctx, func(r *frozenRow) bool { return r.call != nil })
	require.NoError(t, f.release(ctx))
	f.settle(ctx, t)
}

// goOn waits until another worker has done the activities of these rows, and lets happen what comes then.
func (f *freeze) goOn(ctx context.Context, which func(*frozenRow) bool) {
	pick := func(of func(*frozenRow) frozenStep) func(*frozenRow) frozenStep {
		return func(r *frozenRow) frozenStep {
			if !which(r) {
				return nil
			}
			return of(r)
		}
	}
	f.all(ctx, "repeat the activity", pick(func(r *frozenRow) frozenStep { return r.kind.retried }))
	f.all(ctx, "meanwhile", pick(func(r *frozenRow) frozenStep { return r.kind.meanwhile }))
}

// awaitHeld waits until every row's call is held, for some time: a worker need not make a call.
func (f *freeze) awaitHeld(ctx context.Context, t *testing.T, within time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	armed, held := 0, make(chan struct{}, len(f.rows))
	for _, r := range f.rows {
		if r.held != nil {
			armed++
		}
	}
	side(f.rows, func(r *frozenRow) error {
		if r.held != nil && stack.Poll(ctx, r.held.check) == nil {
			held <- struct{}{}
		}
		return nil
	})
	t.Logf("%d of %d calls are held", len(held), armed)
}

// awaitAge waits until so much time has passed since the server gave the first of the activities to the frozen worker.
func (f *freeze) awaitAge(ctx context.Context, t *testing.T, age time.Duration) {
	t.Helper()
	var first time.Time
	for _, r := range f.rows {
		if !r.started.IsZero() && (first.IsZero() || r.started.Before(first)) {
			first = r.started
		}
	}
	require.NoError(t, passes(ctx, time.Until(first.Add(age))))
}

// settle waits until the worker that was thawed has done everything that it had got.
func (f *freeze) settle(ctx context.Context, t *testing.T) {
	t.Helper()
	// It has to read first what the server gave to it.
	require.NoError(t, passes(ctx, 3*time.Second))
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		busy, err := f.busyActivities(ctx)
		if err == nil && busy > 0 {
			err = fmt.Errorf("the worker that was thawed still runs %d activities", busy)
		}
		return err
	}))
}

// busyActivities is how many activities the worker that was frozen runs.
func (f *freeze) busyActivities(ctx context.Context) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.frozen.Health()+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	busy, seen := 0.0, false
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "temporal_worker_task_slots_used{") && strings.Contains(line, `worker_type="ActivityWorker"`) {
			n, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			if err != nil {
				return 0, err
			}
			busy, seen = busy+n, true
		}
	}
	if !seen {
		return 0, errors.New("the metrics do not say how many activities run")
	}
	return int(busy), nil
}

// soakQueue is where the test itself runs a workflow.
const soakQueue = "soak"

// soakUp has the frozen worker tasks of these queues that mean nothing, until it gets no more: what comes then goes to
// others.
func (f *freeze) soakUp(ctx context.Context, t *testing.T, queues ...string) {
	t.Helper()
	w := worker.New(f.temporal, soakQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(soak, workflow.RegisterOptions{Name: "Soak"})
	require.NoError(t, w.Start())
	defer w.Stop()
	for _, queue := range queues {
		require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
			run, err := f.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: soakQueue}, "Soak", queue)
			if err != nil {
				return err
			}
			lost := 0
			if err := run.Get(ctx, &lost); err != nil || lost == 0 {
				return err
			}
			return fmt.Errorf("%d activities of %s were given to the frozen worker", lost, queue)
		}))
	}
	require.NoError(t, stack.Poll(ctx, f.soakTasks))
}

// soakAtOnce is how many activities that mean nothing are given out at once.
const soakAtOnce = frozenPollers + 10

// soak returns out activities that no worker knows, and counts those that got no answer.
func soak(ctx workflow.Context, queue string) (int, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: queue, StartToCloseTimeout: time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	var all []workflow.Future
	for range soakAtOnce {
		all = append(all, workflow.ExecuteActivity(ctx, "Soak"))
	}
	lost := 0
	for _, one := range all {
		var timeout *temporal.TimeoutError
		if errors.As(one.Get(ctx, nil), &timeout) {
			lost++
		}
	}
	return lost, nil
}

// soakTasks returns out tasks of a workflow that no worker knows. The error is that one got no answer.
func (f *freeze) soakTasks(ctx context.Context) error {
	for range 4 {
		run, err := f.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			TaskQueue: workflows.TaskQueue, WorkflowTaskTimeout: time.Second,
		}, "Soak")
		if err != nil {
			return err
		}
		lost := false
		err = stack.Poll(ctx, func(ctx context.Context) error {
			for events := f.history(ctx, run.GetID(), run.GetRunID()); events.HasNext(); {
				event, err := events.Next()
				if err != nil {
					return err
				}
				switch event.EventType {
				case enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
					lost = true
					return nil
				case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
					return nil
				default:
				}
			}
			return errors.New("nobody has taken the task yet")
		})
		if err := errors.Join(err, f.temporal.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), "it means nothing")); err != nil {
			return err
		}
		if lost {
			return errors.New("the frozen worker was given a task")
		}
	}
	return nil
}
