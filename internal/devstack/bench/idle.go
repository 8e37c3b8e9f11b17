package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/devstack/stack"
)

// How the open requests are measured.
const (
	openedFirst = 60
	opened      = 1000
	// openedWithin is how long opening them may take on a machine that has other things to do.
	openedWithin = 6 * time.Minute
	// restFor is how long the worker rests before its memory is read: the Go runtime collects every two minutes at least.
	restFor = 130 * time.Second
	// lookBackFor is longer than the watch reads back over what has changed; the whole hour begins after it.
	lookBackFor = 5 * time.Minute
	// changes is how many tickets a person changes, for the cost of a change.
	changes = 20
)

// hold measures what a thousand more open requests cost: memory, and calls to the desk while all is idle. Meanwhile sweeps
// are measured on a system of their own.
func (r *run) hold(ctx context.Context) error {
	before, err := r.freshWorker(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := r.openMany(ctx, opened); err != nil {
		return err
	}
	r.tell("opened %d requests, each with its ticket, in %s", opened, time.Since(began).Round(time.Second))
	sweeps := make(chan error, 1)
	found := &sweepResult{}
	go func() { sweeps <- r.sweeps(ctx, found) }()
	err = errors.Join(r.rest(ctx, before), <-sweeps)
	if err != nil {
		return err
	}
	if err := r.perHour(ctx, found); err != nil {
		return err
	}
	if err := r.change(ctx); err != nil {
		return err
	}
	if r.options.Full {
		return r.wholeHour(ctx)
	}
	return nil
}

// rest leaves the system alone, and tells what its desk was asked meanwhile, and what the worker holds then.
func (r *run) rest(ctx context.Context, before int64) error {
	callsBefore, err := r.usher.deskCalls(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, restFor); err != nil {
		return err
	}
	callsAfter, err := r.usher.deskCalls(ctx)
	if err != nil {
		return err
	}
	asked := callsAfter.minus(callsBefore)
	r.tell("just after that, nothing happens for %s: the watch, which reads back over what changed lately, makes %s calls per hour (%s)",
		restFor, number(perHour(float64(asked.total()), restFor)), asked)
	return r.memory(ctx, before)
}

// freshWorker has the worker start anew and warm up, and gives its memory then.
func (r *run) freshWorker(ctx context.Context) (int64, error) {
	if err := r.newWorker(ctx); err != nil {
		return 0, err
	}
	if err := r.openMany(ctx, openedFirst); err != nil {
		return 0, err
	}
	return residentBytes(r.stack.Pids().Worker)
}

// openMany opens so many requests that wait for their manager, and waits until each has its ticket and all is quiet.
func (r *run) openMany(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, openedWithin)
	defer cancel()
	before, err := r.usher.deskCalls(ctx)
	if err != nil {
		return err
	}
	if err := openMany(ctx, r.usher, n); err != nil {
		return err
	}
	if err := stack.Poll(ctx, func(ctx context.Context) error {
		now, err := r.usher.deskCalls(ctx)
		if made := now["create_issue"] - before["create_issue"]; err == nil && made < n {
			err = fmt.Errorf("%d of %d tickets are open", made, n)
		}
		return err
	}); err != nil {
		return err
	}
	return r.usher.quietDesk(ctx, 3*time.Second)
}

func openMany(ctx context.Context, u *usher, n int) error {
	if err := u.hire(ctx, n); err != nil {
		return err
	}
	todo, results := make(chan struct{}, n), make(chan error, clients)
	for range n {
		todo <- struct{}{}
	}
	close(todo)
	for range clients {
		go func() {
			for range todo {
				if _, _, err := u.open(ctx); err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	var wrong []error
	for range clients {
		wrong = append(wrong, <-results)
	}
	return errors.Join(wrong...)
}

// idleResult is what happened in a stretch in which nobody did anything.
type idleResult struct {
	took  time.Duration
	calls calls
	watch did
}

// failedActivity is the type of the event of an activity that failed for good.
const failedActivity = "ActivityTaskFailed"

// nextRound waits until the watch has asked the desk again and has come to rest, and says when it asked.
func (u *usher) nextRound(ctx context.Context) (time.Time, error) {
	const longest = 3 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	before, err := u.deskCalls(ctx)
	if err != nil {
		return time.Time{}, err
	}
	var at time.Time
	err = stack.Poll(ctx, func(ctx context.Context) error {
		now, err := u.deskCalls(ctx)
		if at = time.Now(); err == nil && now.total() == before.total() {
			err = errors.New("the watch has not asked the desk again")
		}
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	return at, u.quietDesk(ctx, 3*time.Second)
}

// memory returns how much more the worker holds than before.
func (r *run) memory(ctx context.Context, before int64) error {
	after, err := residentBytes(r.stack.Pids().Worker)
	if err != nil {
		return err
	}
	const mb = 1 << 20
	cached, err := r.cached(ctx)
	if err != nil {
		return err
	}
	perThousand := float64(after-before) / mb * 1000 / opened
	r.figures.set("worker_mb_per_1000_open", perThousand)
	r.tell("the worker's memory: %s MB with %d open requests, %s MB with %d more; runs in its cache now: %s",
		number(float64(before)/mb), openedFirst, number(float64(after)/mb), opened, cached)
	return nil
}

// cached is how many runs the worker keeps in memory, as its own metrics say.
func (r *run) cached(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.stack.URLs().WorkerHealth+"/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("read the worker's metrics: %w", err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if text := lines.Text(); strings.HasPrefix(text, "temporal_sticky_cache_size") {
			value, err := strconv.ParseFloat(text[strings.LastIndexByte(text, ' ')+1:], 64)
			if err != nil {
				return "", fmt.Errorf("read the worker's metrics: %w", err)
			}
			return number(value), lines.Err()
		}
	}
	return "unknown (the worker has no such metric)", lines.Err()
}

// perHour puts together what an hour without news costs: the rounds of the quiet system, the sweeps and the looks.
func (r *run) perHour(ctx context.Context, found *sweepResult) error {
	idle, err := r.quiet.result(ctx)
	if err != nil {
		return err
	}
	calls, actions := perHour(float64(idle.calls.total()), idle.took), perHour(float64(idle.watch.tally.InAll()), idle.took)
	r.tell("where nothing happened for %s, %d open tickets, usual settings: %d polls; calls to the desk: %s; %d events and %d actions of the watch",
		idle.took.Round(time.Second), quietOpen, idle.watch.steps[stepRound], idle.calls, idle.watch.tally.Events, idle.watch.tally.InAll())
	for _, one := range found.sizes {
		looks := found.looks.callsPerHour(one.open)
		all := calls + one.callsPerSweep + looks
		r.figures.set(fmt.Sprintf("desk_calls_per_hour_%d", one.open), all)
		r.tell("%5d open: %s calls per hour for polls + %s for one full scan + %s for staleness checks = %s; in 24 hours %s",
			one.open, number(calls), number(one.callsPerSweep), number(looks), number(all), number(hoursOfDay*all))
		if one.open == opened {
			r.figures.set("watch_actions_per_hour", actions+one.actionsPerSweep)
			r.tell("       the watch's actions per hour: %s for polls + %s for one full scan, heartbeats not included", number(actions), number(one.actionsPerSweep))
		}
	}
	return nil
}

// hoursOfDay is how long a day is.
const hoursOfDay = 24

// change has a person change tickets, and tells what one change costs all workflows and the desk.
func (r *run) change(ctx context.Context) error {
	tickets, err := r.stack.Client().Tickets(ctx)
	if err != nil {
		return err
	}
	if len(tickets) < changes {
		return fmt.Errorf("expected at least %d tickets, found %d", changes, len(tickets))
	}
	actionsBefore, err := settledActions(ctx, r.metrics)
	if err != nil {
		return err
	}
	callsBefore, err := r.usher.deskCalls(ctx)
	if err != nil {
		return err
	}
	for _, ticket := range tickets[len(tickets)-changes:] {
		if err := r.usher.board(ctx, "assign", "omar", ticket.Key, "to", stack.DeskAccount("omar")); err != nil {
			return err
		}
	}
	if err := r.usher.quietDesk(ctx, 4*time.Second); err != nil {
		return err
	}
	actionsAfter, err := settledActions(ctx, r.metrics)
	if err != nil {
		return err
	}
	callsAfter, err := r.usher.deskCalls(ctx)
	if err != nil {
		return err
	}
	r.tell("a person assigned %d tickets at once: %s actions of all workflows and %s calls to the desk for each (as the server and the fake Jira count)",
		changes, number(sum(since(actionsBefore, actionsAfter))/changes), number(float64(callsAfter.minus(callsBefore).total())/changes))
	return nil
}

// wholeHour counts one hour in which nothing is compressed and nobody does anything, with all sweeps and looks.
func (r *run) wholeHour(ctx context.Context) error {
	if err := pause(ctx, lookBackFor); err != nil {
		return err
	}
	before, err := r.usher.deskCalls(ctx)
	if err != nil {
		return err
	}
	from := time.Now()
	if err := pause(ctx, time.Hour); err != nil {
		return err
	}
	to := time.Now()
	after, err := r.usher.deskCalls(ctx)
	if err != nil {
		return err
	}
	watch, err := watchUntil(ctx, r.temporal, from, to)
	if err != nil {
		return err
	}
	r.tell("a whole hour, nothing compressed, with %d open requests, all of them real workflows: %d calls to the desk (%s); %d actions of the watch",
		opened+openedFirst, after.minus(before).total(), after.minus(before), watch.tally.InAll())
	return nil
}
