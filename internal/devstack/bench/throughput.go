package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How the throughput is measured.
const (
	pairs        = 3
	rampFor      = 2 * time.Second
	usherFor     = 18 * time.Second
	floorFor     = 18 * time.Second
	fixedFor     = 8 * time.Second
	warmFor      = 6 * time.Second
	sampled      = 24
	spareFactor  = 3
	likelyPerSec = 40
)

// mainQueue is the queue of usher's workflows, as workflows/messages.go spells it.
const mainQueue = "usher"

// rival is one of the programs whose throughput is compared.
type rival struct {
	name string
	loop loop
	lane lane
	// results are its stretches, one for each round.
	results []stretch
}

func (v *rival) perSecond() []float64 {
	var all []float64
	for _, s := range v.results {
		all = append(all, s.PerSecond())
	}
	return all
}

// throughput measures usher and both floors in interleaved rounds.
func (r *run) throughput(ctx context.Context) (err error) {
	play, err := r.warmUp(ctx)
	if err != nil {
		return err
	}
	worker, err := r.startFloor(ctx, play)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.stop()) }()
	pids := func() map[string]int {
		p := r.stack.Pids()
		return map[string]int{"temporal": p.Temporal, "simulator": p.Simulator, "worker": p.Worker, "starter": p.Starter, "floor worker": worker.pid()}
	}
	floor := &stage{temporal: r.temporal, play: play, prefix: r.usher.prefix}
	fixed := &stage{temporal: r.temporal, play: fixedPlay(), prefix: r.usher.prefix}
	rivals := []*rival{
		{name: "usher", loop: loop{clients, rampFor, usherFor, pids}, lane: r.usher.happyPath},
		{name: "floor", loop: loop{clients, rampFor, floorFor, pids}, lane: floor.perform},
		{name: "fixed floor", loop: loop{clients, rampFor, fixedFor, pids}, lane: fixed.perform},
	}
	// The floor warms up as usher did.
	for _, v := range rivals[1:] {
		if _, err := (loop{clients, time.Second, warmFor / 2, pids}).run(ctx, v.lane); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	for n := range pairs {
		if err := r.round(ctx, n, rivals); err != nil {
			return err
		}
	}
	return r.judge(ctx, play, rivals)
}

func (r *run) round(ctx context.Context, n int, rivals []*rival) error {
	for _, v := range rivals {
		if v.name == "usher" {
			if err := r.usher.hire(ctx, r.peopleFor(v)); err != nil {
				return err
			}
		}
		result, err := v.loop.run(ctx, v.lane)
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		v.results = append(v.results, result)
		r.tell("round %d  %-12s %6.1f requests/s  (%d in %s)", n+1, v.name, result.PerSecond(), len(result.Done), result.Took)
	}
	return nil
}

// peopleFor is how many people a stretch may need.
func (r *run) peopleFor(v *rival) int {
	rate := float64(likelyPerSec)
	if n := len(v.results); n > 0 {
		rate = spareFactor * v.results[n-1].PerSecond()
	}
	return clients + int(rate*(v.loop.ramp+v.loop.window).Seconds())
}

// warmUp runs usher as the measurement will, and derives the floor from what it did then.
func (r *run) warmUp(ctx context.Context) (Play, error) {
	warm := loop{clients, rampFor, warmFor, func() map[string]int { return nil }}
	if err := r.usher.hire(ctx, clients+int(likelyPerSec*(rampFor+warmFor).Seconds())); err != nil {
		return Play{}, err
	}
	result, err := warm.run(ctx, r.usher.happyPath)
	if err != nil {
		return Play{}, err
	}
	samples, err := r.samples(ctx, result.Done)
	if err != nil {
		return Play{}, err
	}
	play, err := typical(samples)
	if err != nil {
		return Play{}, err
	}
	r.tell("%d clients in a closed loop; the floor performs the request that is typical of %d sampled under this load: %d events",
		clients, len(samples), play.Events())
	for _, part := range play.Parts {
		r.tell("  %s: %d events in %d workflow tasks", part.Type, len(part.Types), len(part.Turns))
	}
	return play, nil
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
