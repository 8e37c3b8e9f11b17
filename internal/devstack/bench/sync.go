package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// How the users of a desk are measured.
const (
	// syncRounds is how many runs over users of whom nobody differs each size has.
	syncRounds = 3
	// syncAtMost is how long one run may take.
	syncAtMost = 20 * time.Minute
	// movedEach: one person of so many gets another title.
	movedEach = 100
	// firstLoaded is how many people get a user whose manager has one, and managedLoaded how many whose manager has none. firstRate is how
	// many rows a second are applied at most, and syncRate how many otherwise.
	firstLoaded   = 5000
	managedLoaded = 1000
	firstRate     = 50
	syncRate      = 200
)

// syncSizes are how many people are linked, the smallest first.
var syncSizes = []int{1000, 10_000, 100_000}

// syncUsers measures runs over the users of the fake ServiceNow, each size on a system of its own.
func (r *run) syncUsers(ctx context.Context) error {
	var before []float64
	for i, size := range syncSizes {
		unchanged, err := r.syncSize(ctx, size)
		if err != nil {
			return fmt.Errorf("%d people: %w", size, err)
		}
		r.figures.set(fmt.Sprintf("sync_unchanged_seconds_%d", size), median(unchanged))
		if i > 0 {
			growth := median(unchanged) / median(before) * float64(syncSizes[i-1]) / float64(size)
			r.figures.set(fmt.Sprintf("sync_growth_%d", size), growth)
			r.tell("the same per person, %d beside %d: %s", size, syncSizes[i-1], number(growth))
		}
		before = unchanged
	}
	return r.firstLoad(ctx)
}

// syncSize measures runs over so many people, of whom nobody differs and then some do. It gives the seconds of the former.
func (r *run) syncSize(ctx context.Context, size int) (seconds []float64, err error) {
	o, err := r.openOffice(ctx, officeOptions{name: fmt.Sprint("sync-", size), staff: size, rate: syncRate})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.stop(ctx)) }()
	began := time.Now()
	if err := o.link(ctx, size); err != nil {
		return nil, err
	}
	r.tell("%d people: each is linked to a user of the desk; that took %s", size, time.Since(began).Round(time.Second))
	var unchanged []syncResult
	for range syncRounds {
		one, err := o.sync(ctx)
		if err == nil && (len(one.run.States) > 0 || one.run.Counts.Linked != size+1) {
			err = fmt.Errorf("the run has %d linked people and the rows %v, expected %d and none", one.run.Counts.Linked, one.run.States, size+1)
		}
		if err != nil {
			return nil, err
		}
		unchanged, seconds = append(unchanged, one), append(seconds, one.took().Seconds())
	}
	r.tellUnchanged(unchanged)
	moved, err := o.move(ctx, size)
	if err != nil {
		return nil, err
	}
	one, err := o.sync(ctx)
	if err == nil && one.run.States[access.SyncApplied] != moved {
		err = fmt.Errorf("the run has the rows %v, expected %d applied", one.run.States, moved)
	}
	if err != nil {
		return nil, err
	}
	r.figures.set("sync_one_percent_seconds", one.took().Seconds())
	r.tell("  %d of them have another title: %s s at %d rows a second, %d events; the desk: %s", moved, number(one.took().Seconds()), syncRate, one.events, one.calls)
	r.tellSteps(one.cost)
	return seconds, nil
}

// tellUnchanged shows runs that had nothing to do. The figures are those of the last size.
func (r *run) tellUnchanged(all []syncResult) {
	var seconds, events, peaks, writes, cpu, fake []float64
	var costs []cost
	for _, one := range all {
		costs = append(costs, one.cost)
		seconds, events = append(seconds, one.took().Seconds()), append(events, float64(one.events))
		peaks, writes = append(peaks, one.peak), append(writes, float64(one.writes()))
		cpu, fake = append(cpu, one.cpu.Seconds()), append(fake, one.fake.Seconds())
	}
	r.figures.set("sync_unchanged_desk_writes", median(writes))
	r.figures.set("sync_history_events", median(events))
	r.figures.set("sync_peak_mb", median(peaks))
	r.tell("  nobody differs: %s s; processor time of the worker %s s, of the fake %s s; %s events; at most %s MB of the worker; %s writes; the desk: %s",
		spread(seconds), spread(cpu), spread(fake), spread(events), spread(peaks), spread(writes), all[0].calls)
	r.tellSteps(costs...)
}

// tellSteps shows how long the steps of runs took.
func (r *run) tellSteps(all ...cost) {
	for _, name := range slices.Sorted(maps.Keys(all[0].steps)) {
		var took []float64
		for _, one := range all {
			took = append(took, one.steps[name].Seconds())
		}
		r.tell("    %-14s %s s", name, spread(took))
	}
}

// firstLoad has runs create users: on a desk that has none of these people but their manager, and then of people who manage each other.
func (r *run) firstLoad(ctx context.Context) (err error) {
	o, err := r.openOffice(ctx, officeOptions{name: "sync-first", rate: firstRate})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.stop(ctx)) }()
	if err := o.hire(ctx, newcomers("new-", firstLoaded, boss)); err != nil {
		return err
	}
	one, perSecond, err := o.loads(ctx, load{users: firstLoaded, writes: firstLoaded})
	if err != nil {
		return err
	}
	r.figures.set("sync_first_load_rate_share", perSecond/firstRate)
	r.figures.set("sync_first_load_history_events", float64(one.events))
	r.tellLoaded(fmt.Sprintf("%d people without a user, their manager has one", firstLoaded), one, perSecond)
	// The first of them manages the others, and has no user yet either. Of each other one the manager is written last.
	if err := o.hire(ctx, newcomers("more-", managedLoaded, "more-1")); err != nil {
		return err
	}
	one, perSecond, err = o.loads(ctx, load{users: managedLoaded, writes: 2*managedLoaded - 1})
	if err != nil {
		return err
	}
	r.figures.set("sync_first_load_managed_rate_share", perSecond/firstRate)
	r.tellLoaded(fmt.Sprintf("%d people without a user, nor has their manager", managedLoaded), one, perSecond)
	return nil
}

// tellLoaded shows a run that created users.
func (r *run) tellLoaded(who string, one syncResult, perSecond float64) {
	made := float64(one.run.States[access.SyncApplied])
	r.tell("%s: %s s, %s users a second of %d; %d events; at most %s MB of the worker", who, number(one.took().Seconds()), number(perSecond), firstRate, one.events, number(one.peak))
	r.tell("  the desk: %s; for each user %s calls", one.calls, number(float64(one.calls.total())/made))
}

// load is how many users a run creates, and how many writes that takes.
type load struct{ users, writes int }

// loads has a run create users, and gives how many a second it created, from the desk's first write to its last.
func (o *office) loads(ctx context.Context, c load) (syncResult, float64, error) {
	before, err := o.usher.deskCalls(ctx)
	if err != nil {
		return syncResult{}, 0, err
	}
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	wrote := make(chan writes, 1)
	go func() { wrote <- o.watchWrites(writing, before, c.writes) }()
	one, err := o.sync(ctx)
	cancel()
	found := <-wrote
	switch applied := one.run.States[access.SyncApplied]; {
	case err != nil:
		return one, 0, err
	case applied != c.users || one.calls["insert"] != c.users || one.writes() != c.writes:
		return one, 0, fmt.Errorf("the run has %d rows applied and the desk the calls %s, expected %d, and %d writes", applied, one.calls, c.users, c.writes)
	case found.err != nil:
		return one, 0, found.err
	}
	return one, float64(c.users-1) / found.last.Sub(found.first).Seconds(), nil
}

// writes are when the desk was written first and last.
type writes struct {
	first, last time.Time
	err         error
}

// watchWrites asks the desk's counters until it was written so often.
func (o *office) watchWrites(ctx context.Context, before calls, all int) writes {
	var found writes
	found.err = stack.Poll(ctx, func(ctx context.Context) error {
		now, err := o.usher.deskCalls(ctx)
		n := writesOf(now.minus(before))
		if n > 0 && found.first.IsZero() {
			found.first = time.Now()
		}
		if found.last = time.Now(); err == nil && n < all {
			err = fmt.Errorf("the desk was written %d times of %d", n, all)
		}
		return err
	})
	return found
}

// writesOf are how many calls write.
func writesOf(c calls) int { return c["insert"] + c["update"] }
