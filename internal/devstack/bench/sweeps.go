package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/internal/ledger"
)

// How sweeps and safety looks are measured.
const (
	// factor is by how much the times between two sweeps and between two safety looks are divided: an hour becomes five
	// seconds. Between two rounds, when the watch sees that a sweep is due, there is a second instead of thirty. What
	// rounds cost is not taken from here, for it depends on the clock: the connector proves its credentials by the minute.
	factor        = 720
	quickInterval = "1s"
	// realOpen is how many of the open requests are real workflows; the others are rows of the ledger and issues of the
	// fake Jira, which is all that a sweep sees of a request.
	realOpen = 10
	// sweptFor is the least time of a window, sweptMost the longest, and stepsLeast how many steps it must hold.
	sweptFor   = 15 * time.Second
	sweptMost  = 50 * time.Second
	stepsLeast = 6
	// stepSize is how many tickets a step of a sweep reads, as workflows/ticket_watch.go says.
	stepSize = 500
)

// hourly is the default of terms.watch.sweep and terms.watch.safety_look.
const hourly = time.Hour

// sweepResult is what was found at each size.
type sweepResult struct{ sizes []sizeResult }

type sizeResult struct {
	open                                                int
	callsPerSweep, actionsPerSweep, callsPerHourOfLooks float64
}

// sweeps measures presence sweeps and safety looks on a system of its own, with ever more open tickets.
func (r *run) sweeps(ctx context.Context, found *sweepResult) (err error) {
	every := (hourly / factor).String()
	up, err := startStack(ctx, stack.Options{
		Dir: filepath.Join(r.dir, "desk"), Root: r.options.Root, Headless: true, Built: true, Catalog: catalog,
		WorkerEnv: []string{
			"USHER_TERMS_WATCH_SWEEP=" + every, "USHER_TERMS_WATCH_SAFETY_LOOK=" + every, "USHER_TERMS_WATCH_INTERVAL=" + quickInterval,
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
	s := &sweeper{run: r, usher: newUsher(up.URLs(), temporal, clients), temporal: temporal, ledger: filepath.Join(up.Dir(), "ledger.db")}
	if err := openMany(ctx, s.usher, realOpen); err != nil {
		return err
	}
	for _, open := range []int{10, 1000, 10_000} {
		if err := s.seed(ctx, open); err != nil {
			return err
		}
		one, err := s.measure(ctx, open)
		if err != nil {
			return fmt.Errorf("%d open tickets: %w", open, err)
		}
		found.sizes = append(found.sizes, one)
	}
	return nil
}

// sweeper is a system in which sweeps are measured.
type sweeper struct {
	run      *run
	usher    *usher
	temporal client.Client
	ledger   string
	seeded   int
}

// seed sees to it that so many tickets are open.
func (s *sweeper) seed(ctx context.Context, open int) (err error) {
	more := open - realOpen - s.seeded
	if more <= 0 {
		return nil
	}
	var made struct {
		Issues []struct{ ID, Key string }
	}
	// The tickets are a month old, so none counts as changed lately.
	err = s.usher.call(ctx, outgoing{
		method: http.MethodPost, address: s.usher.urls.Jira + "/_sim/seed", contentType: "application/json", into: &made,
		body: map[string]any{"count": more, "from": s.seeded + 1, "project": "ACCESS", "spread_seconds": (30 * hoursOfDay * time.Hour).Seconds()},
	})
	if err != nil {
		return fmt.Errorf("seed the fake Jira: %w", err)
	}
	store, err := ledger.Open(ctx, ledger.Config{URL: "sqlite:" + s.ledger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for _, issue := range made.Issues {
		s.seeded++
		request := access.RequestID(fmt.Sprintf("seed-%d", s.seeded))
		err := store.Record(ctx, access.Entry{Ticket: &access.TicketLink{
			Ref:     access.TicketRef{Desk: "jira", ID: access.TicketID(issue.ID), Key: access.TicketKey(issue.Key)},
			Request: request, Marker: access.MarkerOf(request),
		}})
		if err != nil {
			return fmt.Errorf("seed the ledger: %w", err)
		}
	}
	return nil
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
	return s.conclude(ctx, open, window{from: from, to: to, calls: after.minus(before), watch: watch})
}

// window is what happened in a time.
type window struct {
	from, to time.Time
	calls    calls
	watch    did
}

// conclude takes the rounds' calls out, and shares the rest among the sweeps.
func (s *sweeper) conclude(ctx context.Context, open int, w window) (sizeResult, error) {
	looks, lookCalls, err := s.looks(ctx, w)
	if err != nil {
		return sizeResult{}, err
	}
	sweeps := float64(w.watch.steps[stepList]) / float64(open/stepSize+1)
	rounds := w.watch.steps[stepRound]
	// A round is one search, and now and then a proof of the credentials; a sweep makes neither.
	ofRounds := w.calls["search"] + w.calls["myself"]
	result := sizeResult{open: open}
	result.callsPerSweep = float64(w.calls.total()-ofRounds-lookCalls) / sweeps
	// A round is a timer and an activity; what is left belongs to the sweeps.
	result.actionsPerSweep = max(0, float64(w.watch.tally.InAll()-rounds)-timers(w.watch.tally)) / sweeps
	if looks > 0 {
		result.callsPerHourOfLooks = float64(lookCalls) / float64(looks) * float64(open) * looksPerDay / hoursOfDay
	}
	s.run.tell("%5d open (%d real, %d seeded), times between sweeps and looks divided by %d, %s: %s sweeps, %d rounds, calls: %s",
		open, realOpen, open-realOpen, factor, w.to.Sub(w.from).Round(time.Second), number(sweeps), rounds, w.calls)
	s.run.tell("       %d safety looks of the real requests led to %d calls to the desk", looks, lookCalls)
	return result, nil
}

func timers(t Tally) float64 { return float64(t.Actions[KindTimer]) }

// looksPerDay is how often a request looks in its first day when there is no news: after 1, 3, 7, 15 and 23 hours.
const looksPerDay = 5

// looks counts the safety looks of the real requests, and those that asked the desk.
func (s *sweeper) looks(ctx context.Context, w window) (looks, asked int, err error) {
	ids, err := openRequests(ctx, s.temporal)
	if err != nil {
		return 0, 0, err
	}
	for _, id := range ids {
		record, err := eventsOfRun(ctx, s.temporal, id, "")
		if err != nil {
			return 0, 0, err
		}
		steps := record.between(w.from, w.to).steps()
		looks += steps[stepPosition]
		asked += steps[stepLook]
	}
	return looks, asked, nil
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
