package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"usher/internal/devstack/stack"
)

// How sweeps and staleness checks are measured.
const (
	// factor is by how much the times between two sweeps and between two staleness checks are divided: an hour becomes five
	// seconds. Between two rounds, when the watch sees that a sweep is due, there is a second instead of thirty. What
	// rounds cost is not taken from here, for it depends on the clock: the connector proves its credentials by the minute.
	factor        = 720
	quickInterval = "1s"
	// realOpen is how many real requests make staleness checks, and lookedFor how long.
	realOpen  = 10
	lookedFor = 20 * time.Second
	// sweptFor is the least time of a window, sweptMost the longest, and stepsLeast how many steps it must hold.
	sweptFor   = 15 * time.Second
	sweptMost  = 50 * time.Second
	stepsLeast = 6
	// stepSize is how many tickets a step of a sweep reads, as workflows/ticket_watch.go says.
	stepSize = 500
)

// hourly is the default of desks.<name>.watch.full_scan_interval and desks.<name>.watch.staleness_check_interval.
const hourly = time.Hour

// sweepResult is what was found at each size, and of the staleness checks.
type sweepResult struct {
	sizes []sizeResult
	looks looksResult
}

type sizeResult struct {
	open                           int
	callsPerSweep, actionsPerSweep float64
}

// looksResult counts staleness checks, and those of them that asked the desk.
type looksResult struct{ all, asked int }

// callsPerHour is what the looks of so many requests cost in an hour of their first day. A look that asks the desk reads
// the issue and its history.
func (l looksResult) callsPerHour(open int) float64 {
	const callsOfALook = 2
	return callsOfALook * float64(l.asked) / float64(l.all) * float64(open) * looksPerDay / hoursOfDay
}

// looksPerDay is how often a request looks in its first day when there is no news: after 1, 3, 7, 15 and 23 hours.
const looksPerDay = 5

// sweeps measures full scans and staleness checks on a system of its own, with ever more open tickets.
func (r *run) sweeps(ctx context.Context, found *sweepResult) (err error) {
	every := (hourly / factor).String()
	up, err := startStack(ctx, stack.Options{
		Dir: filepath.Join(r.dir, "desk"), Root: r.options.Root, Headless: true, Built: true, Catalog: catalog,
		WorkerEnv: []string{
			"USHER_DESKS_JIRA_WATCH_FULL_SCAN_INTERVAL=" + every, "USHER_DESKS_JIRA_WATCH_STALENESS_CHECK_INTERVAL=" + every, "USHER_DESKS_JIRA_WATCH_INTERVAL=" + quickInterval,
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, up.Stop(context.WithoutCancel(ctx))) }()
	temporal, err := client.DialContext(ctx, client.Options{HostPort: up.URLs().TemporalAddress, Logger: silent{}})
	if err != nil {
		return fmt.Errorf("reach the Temporal server: %w", err)
	}
	defer temporal.Close()
	s := &sweeper{run: r, seeder: seeder{usher: newUsher(up.URLs(), temporal, clients), ledger: filepath.Join(up.Dir(), "ledger.db")}, temporal: temporal}
	for _, open := range []int{10, 1000, 10_000} {
		if err := s.seed(ctx, open-s.seeded); err != nil {
			return err
		}
		one, err := s.measure(ctx, open)
		if err != nil {
			return fmt.Errorf("%d open tickets: %w", open, err)
		}
		found.sizes = append(found.sizes, one)
	}
	found.looks, err = s.looks(ctx)
	return err
}

// sweeper is a system in which sweeps are measured.
type sweeper struct {
	seeder
	run      *run
	temporal client.Client
}

// measure counts what sweeps and looks cost at this size.
func (s *sweeper) measure(ctx context.Context, open int) (sizeResult, error) {
	// The first sweep remembers what each ticket looks like; from the second on, nothing is new.
	perSweep := float64(open/stepSize + 1)
	if _, err := s.awaitSteps(ctx, time.Now(), perSweep+1, sweptMost); err != nil {
		return sizeResult{}, err
	}
	before, err := s.usher.deskCalls(ctx)
	if err != nil {
		return sizeResult{}, err
	}
	from := time.Now()
	if err := pause(ctx, sweptFor); err != nil {
		return sizeResult{}, err
	}
	if _, err := s.awaitSteps(ctx, from, max(stepsLeast, perSweep), sweptMost); err != nil {
		return sizeResult{}, err
	}
	after, err := s.usher.deskCalls(ctx)
	if err != nil {
		return sizeResult{}, err
	}
	to := time.Now()
	watch, err := watchUntil(ctx, s.temporal, from, to)
	if err != nil {
		return sizeResult{}, err
	}
	return s.conclude(open, window{from: from, to: to, calls: after.minus(before), watch: watch}), nil
}

// window is what happened in a time.
type window struct {
	from, to time.Time
	calls    calls
	watch    did
}

// conclude takes the rounds' calls out, and shares the rest among the sweeps.
func (s *sweeper) conclude(open int, w window) sizeResult {
	sweeps := float64(w.watch.steps[stepList]) / float64(open/stepSize+1)
	rounds := w.watch.steps[stepRound]
	// While no ticket changed lately a round is one search, and now and then a proof of the credentials; a sweep makes
	// neither.
	ofRounds := w.calls["search"] + w.calls["myself"]
	result := sizeResult{open: open, callsPerSweep: float64(w.calls.total()-ofRounds) / sweeps}
	// A round is a timer and an activity; what is left belongs to the sweeps.
	result.actionsPerSweep = max(0, float64(w.watch.tally.InAll()-rounds-w.watch.tally.Actions[KindTimer])) / sweeps
	s.run.tell("%5d open tickets (rows of the ledger and issues), %s: %s full scans, %d polls, calls: %s",
		open, w.to.Sub(w.from).Round(time.Second), number(sweeps), rounds, w.calls)
	return result
}

// looks has real requests wait, and counts their staleness checks, and those that asked the desk.
func (s *sweeper) looks(ctx context.Context) (looksResult, error) {
	from := time.Now()
	if err := openMany(ctx, s.usher, realOpen); err != nil {
		return looksResult{}, err
	}
	if err := pause(ctx, lookedFor); err != nil {
		return looksResult{}, err
	}
	ids, err := openRequests(ctx, s.temporal)
	if err != nil {
		return looksResult{}, err
	}
	var result looksResult
	for _, id := range ids {
		record, err := eventsOfRun(ctx, s.temporal, id, "")
		if err != nil {
			return result, err
		}
		steps := record.between(from, time.Now()).steps()
		result.all += steps[stepPosition]
		result.asked += steps[stepLook]
	}
	s.run.tell("%d staleness checks of %d real open requests, their times divided by %d; %d of them asked the desk", result.all, len(ids), factor, result.asked)
	if result.all == 0 {
		return result, errors.New("the open requests made no staleness check")
	}
	return result, nil
}

// awaitSteps waits until the sweeps have taken so many steps since a moment.
func (s *sweeper) awaitSteps(ctx context.Context, from time.Time, steps float64, longest time.Duration) (did, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for {
		watch, err := watchUntil(ctx, s.temporal, from, time.Now())
		if err != nil {
			return watch, err
		}
		if float64(watch.steps[stepList]) >= steps {
			return watch, nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return watch, fmt.Errorf("the sweeps took %d of %s steps in %s: %w", watch.steps[stepList], number(steps), longest, err)
		}
	}
}
