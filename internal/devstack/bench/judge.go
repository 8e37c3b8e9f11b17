package bench

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// judge compares the rivals: what they did, how fast they were, and what they cost.
func (r *run) judge(ctx context.Context, play Play, rivals []*rival) error {
	usher, floor, fixed := rivals[0], rivals[1], rivals[2]
	if err := r.compareShapes(ctx, play, usher, floor); err != nil {
		return err
	}
	for _, v := range rivals {
		r.tell("%-12s requests/s: %s", v.name, spread(v.perSecond()))
	}
	r.ratio("throughput_ratio", usher, floor)
	r.ratio("ratio_to_fixed_floor", usher, fixed)
	for _, v := range rivals {
		r.tell("processor time per request of %s, ms, median (min to max):", v.name)
		for _, process := range slices.Sorted(maps.Keys(v.results[0].CPU)) {
			r.tell("    %-14s %s", process, spread(v.cpu(process)))
		}
	}
	r.figures.set("worker_cpu_ms_per_request", median(usher.cpu("worker")))
	return nil
}

// ratio sets a figure to the median of the rounds' ratios.
func (r *run) ratio(name string, of, to *rival) {
	var all []float64
	for i := range of.results {
		all = append(all, of.results[i].PerSecond()/to.results[i].PerSecond())
	}
	r.figures.set(name, median(all))
	r.tell("%s, of each round: %s", name, spread(all))
}

// cpu is the processor time of a process per request, in milliseconds, for each round.
func (v *rival) cpu(process string) []float64 {
	var all []float64
	for _, s := range v.results {
		all = append(all, float64(s.CPU[process])/float64(time.Millisecond)/float64(len(s.Done)))
	}
	return all
}

// compareShapes shows how near the floor's histories are to usher's.
func (r *run) compareShapes(ctx context.Context, play Play, usher, floor *rival) error {
	var real, copied [][]Record
	for _, s := range usher.results {
		some, err := r.samples(ctx, evenly(s.Done, sampled/2))
		if err != nil {
			return err
		}
		real = append(real, some...)
	}
	for _, s := range floor.results {
		for _, id := range evenly(s.Done, sampled/2) {
			var ids []string
			for i := range play.Parts {
				ids = append(ids, partID(id, i))
			}
			records, err := recordsOf(ctx, r.temporal, ids...)
			if err != nil {
				return err
			}
			copied = append(copied, records)
		}
	}
	var want strings.Builder
	for _, part := range play.Parts {
		want.WriteString(strings.Join(part.Types, ",") + ";")
	}
	same := 0
	for _, records := range copied {
		if shape(records) == want.String() {
			same++
		}
	}
	r.tell("events per request in the measured rounds: usher %s, floor %s; the play has %d",
		spread(lengths(real)), spread(lengths(copied)), play.Events())
	r.tell("%d of %d sampled performances of the floor have exactly the play's sequence of event types", same, len(copied))
	r.tellDifferences(play, copied)
	return nil
}

func lengths(samples [][]Record) []float64 {
	var all []float64
	for _, records := range samples {
		all = append(all, float64(events(records)))
	}
	return all
}

// tellDifferences shows by how much each event type's number differs on average, and the first difference of the first
// performance that has one.
func (r *run) tellDifferences(play Play, copied [][]Record) {
	shown := false
	difference := map[string]int{}
	for _, records := range copied {
		for i, part := range play.Parts {
			var types []string
			if i < len(records) {
				types = records[i].Types()
			}
			for _, name := range types {
				difference[name]++
			}
			for _, name := range part.Types {
				difference[name]--
			}
			if at := firstDifference(part.Types, types); at >= 0 && !shown {
				shown = true
				r.tell("the first difference, in %s at event %d: the play has %s, the floor %s", part.Type, at+1, around(part.Types, at), around(types, at))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(difference)) {
		if n := difference[name]; n != 0 {
			r.tell("    %+.2f %s on average", float64(n)/float64(len(copied)), name)
		}
	}
}

// firstDifference is the place where two sequences part, -1 when they are the same.
func firstDifference(a, b []string) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}

// around shows a sequence from a place on.
func around(types []string, at int) string {
	const shown = 3
	if at >= len(types) {
		return "(the end)"
	}
	return strings.Join(types[at:min(at+shown, len(types))], ", ")
}
