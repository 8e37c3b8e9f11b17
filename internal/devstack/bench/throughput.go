package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How the throughput is measured.
const (
	pairs    = 3
	rampFor  = 4 * time.Second
	partFor  = 10 * time.Second
	fixedFor = 8 * time.Second
	// parts is how many stretches of usher, and of the floor, a round has.
	parts        = 2
	warmFor      = 6 * time.Second
	sampled      = 24
	spareFactor  = 3
	likelyPerSec = 40
)

// mainQueue is the queue of usher's workflows, as workflows/messages.go spells it.
const mainQueue = "usher"

// system is one of the programs whose throughput is compared.
type system struct {
	name string
	// results are its stretches, one for each round.
	results []stretch
}

func (v *system) last() stretch { return v.results[len(v.results)-1] }

func (v *system) perSecond() []float64 {
	var all []float64
	for _, s := range v.results {
		all = append(all, s.PerSecond())
	}
	return all
}

// throughput measures usher and both floors in interleaved rounds. In each round the floor performs the request that was
// typical of usher's own stretch just before.
func (r *run) throughput(ctx context.Context) error {
	warm := loop{clients + waitingClientsAtFirst, rampFor, warmFor, func() map[string]int { return nil }}
	if err := r.usher.hire(ctx, warm.clients+int(likelyPerSec*(rampFor+warmFor).Seconds())); err != nil {
		return err
	}
	r.tell("%d clients in a closed loop, and more for usher, as many as think (%d at first); load of the machine before: %s", clients, waitingClientsAtFirst, loadAverage())
	warmed, err := warm.run(ctx, r.usher.happyPath)
	if err != nil {
		return err
	}
	r.waitingClients = waitingClients(warmed)
	usher, floor, fixed := &system{name: "usher"}, &system{name: "floor"}, &system{name: "fixed floor"}
	for n := range pairs {
		if err := r.round(ctx, n, usher, floor, fixed); err != nil {
			return err
		}
	}
	r.compare(usher, floor, fixed)
	return nil
}

// waitingClients are how many clients of usher wait for a manager who thinks, at the rate of this stretch: with as many more, as
// many requests are at work at once as of the floor, where nobody thinks.
func waitingClients(of stretch) int { return int(math.Round(of.PerSecond() * thinking.Seconds())) }

// round is two stretches of usher, around two of the floor, around one of the fixed floor, so that a machine that becomes
// busier or less busy meanwhile favours nobody.
func (r *run) round(ctx context.Context, n int, usher, floor, fixed *system) (err error) {
	if err := r.usher.hire(ctx, r.peopleFor(usher)); err != nil {
		return err
	}
	if err := r.newWorker(ctx); err != nil {
		return err
	}
	first, err := r.stretchOfUsher(ctx, n)
	if err != nil {
		return err
	}
	usher.results = append(usher.results, first)
	r.waitingClients = waitingClients(first)
	r.tell("round %d  %d of usher's clients think next, for %.1f requests/s each wait %s for a manager", n+1, r.waitingClients, first.PerSecond(), thinking)
	samples, err := r.samples(ctx, first.Done)
	if err != nil {
		return err
	}
	play, err := typical(samples)
	if err != nil {
		return err
	}
	worker, err := r.startFloor(ctx, play)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.stop()) }()
	prefix := fmt.Sprintf("%s-%d", r.usher.prefix, n+1)
	u := turn{usher, r.loop(partFor, 0), r.usher.happyPath}
	f := turn{floor, r.loop(partFor, worker.pid()), (&stage{temporal: r.temporal, play: play, prefix: prefix}).perform}
	x := turn{fixed, r.loop(fixedFor, worker.pid()), (&stage{temporal: r.temporal, play: fixedPlay(), prefix: prefix}).perform}
	for _, next := range []turn{f, x, f, u} {
		if err := next.take(ctx, n); err != nil {
			return err
		}
	}
	for _, v := range []*system{usher, floor, fixed} {
		r.tell("round %d  %-12s %6.1f requests/s  (%d in %s)", n+1, v.name, v.last().PerSecond(), len(v.last().Done), v.last().Took)
	}
	return r.compareShapes(ctx, play, samples, floor.last().Done)
}

// newWorker has usher's worker start anew, as the floor's does in each round: one with a full cache of idle runs has more to
// go through when it collects its memory.
func (r *run) newWorker(ctx context.Context) error {
	old, err := r.stack.KillWorker()
	if err != nil {
		return err
	}
	_, err = r.stack.AwaitWorker(ctx, old)
	return err
}

// turn is a stretch that a rival takes in a round.
type turn struct {
	of   *system
	loop loop
	one  lane
}

// take adds the stretch to what its rival has done in the round.
func (t turn) take(ctx context.Context, round int) error {
	done, err := t.loop.run(ctx, t.one)
	if err != nil {
		return fmt.Errorf("%s: %w", t.of.name, err)
	}
	if len(t.of.results) == round {
		t.of.results = append(t.of.results, done)
		return nil
	}
	t.of.results[round] = t.of.results[round].plus(done)
	return nil
}

// stretchOfUsher is usher's first stretch of a round. That of a full run's first round is profiled.
func (r *run) stretchOfUsher(ctx context.Context, n int) (stretch, error) {
	usher := r.loop(partFor, 0)
	if !r.options.Full || n > 0 {
		return usher.run(ctx, r.usher.happyPath)
	}
	profile := make(chan error, 1)
	go func() { profile <- r.profile(ctx) }()
	done, err := usher.run(ctx, r.usher.happyPath)
	return done, errors.Join(err, <-profile)
}

// loop is a closed loop that measures every process of the system; floor is the floor worker's process, 0 for usher's loop.
func (r *run) loop(window time.Duration, floor int) loop {
	many := clients
	if floor == 0 {
		many += r.waitingClients
	}
	return loop{clients: many, ramp: rampFor, window: window, pids: func() map[string]int {
		p := r.stack.Pids()
		all := map[string]int{"temporal": p.Temporal, "simulator": p.Simulator, "worker": p.Worker, "starter": p.Starter, "clients": p.Stack}
		if floor > 0 {
			all["floor worker"] = floor
		}
		return all
	}}
}

// peopleFor is how many people a stretch may need.
func (r *run) peopleFor(v *system) int {
	rate := float64(likelyPerSec)
	if len(v.results) > 0 {
		rate = spareFactor * v.last().PerSecond()
	}
	return parts*(clients+r.waitingClients) + int(rate*(parts*(rampFor+partFor)).Seconds())
}

// samples takes the records of some of the requests, evenly spread.
func (r *run) samples(ctx context.Context, ids []string) ([][]Record, error) {
	var all [][]Record
	for _, id := range evenly(ids, sampled) {
		records, err := r.recordsOfRequest(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, records)
	}
	return all, nil
}

func evenly[T any](all []T, n int) []T {
	if len(all) <= n {
		return all
	}
	some := make([]T, n)
	for i := range some {
		some[i] = all[i*len(all)/n]
	}
	return some
}

// typical derives a play from the most frequent sequence of event types; among equals, from the one whose length is
// nearest to the median. Requests of which a task failed are no models.
func typical(samples [][]Record) (Play, error) {
	shapes, length := map[string]int{}, []float64{}
	for _, records := range samples {
		shapes[shape(records)]++
		length = append(length, float64(events(records)))
	}
	middle := median(length)
	distance := func(records []Record) float64 {
		return max(float64(events(records))-middle, middle-float64(events(records)))
	}
	sorted := slices.Clone(samples)
	slices.SortStableFunc(sorted, func(a, b []Record) int {
		if more := shapes[shape(b)] - shapes[shape(a)]; more != 0 {
			return more
		}
		switch da, db := distance(a), distance(b); {
		case da < db:
			return -1
		case da > db:
			return 1
		}
		return 0
	})
	var wrong []error
	for _, records := range sorted {
		play, err := Derive("copy", records)
		if err == nil {
			return play, nil
		}
		wrong = append(wrong, err)
	}
	return Play{}, fmt.Errorf("no sampled request can be a model: %w", wrong[0])
}

func shape(records []Record) string {
	var b strings.Builder
	for _, record := range records {
		b.WriteString(strings.Join(record.Types(), ",") + ";")
	}
	return b.String()
}

func events(records []Record) int {
	n := 0
	for _, record := range records {
		n += len(record.History.GetEvents())
	}
	return n
}

func (r *run) startFloor(ctx context.Context, play Play) (*floorProcess, error) {
	path := filepath.Join(r.dir, "plays.json")
	if err := WritePlays(path, []Play{play, fixedPlay()}); err != nil {
		return nil, err
	}
	return startFloor(ctx, r.options.FloorCommand, r.stack.URLs().TemporalAddress, path, mainQueue)
}
