package bench

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// compare compares how fast the rivals were, and what they cost.
func (r *run) compare(usher, floor, fixed *system) {
	rivals := []*system{usher, floor, fixed}
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
		r.tell("    %-14s %s", "together", spread(v.cpuTogether()))
	}
	r.tell("the floor's processor time beside usher's, which other work on the machine disturbs less than the throughput: %s",
		number(median(floor.cpuTogether())/median(usher.cpuTogether())))
	r.figures.set("worker_cpu_ms_per_request", median(usher.cpu("worker")))
}

// ratio sets a figure to the median of the rounds' ratios.
func (r *run) ratio(name string, of, to *system) {
	var all []float64
	for i := range of.results {
		all = append(all, of.results[i].PerSecond()/to.results[i].PerSecond())
	}
	r.figures.set(name, median(all))
	r.tell("%s, of each round: %s", name, spread(all))
}

// cpu is the processor time of a process per request, in milliseconds, for each round.
func (v *system) cpu(process string) []float64 {
	var all []float64
	for _, s := range v.results {
		all = append(all, float64(s.CPU[process])/float64(time.Millisecond)/float64(len(s.Done)))
	}
	return all
}

// cpuTogether is the processor time of all processes per request, in milliseconds, for each round.
func (v *system) cpuTogether() []float64 {
	all := make([]float64, len(v.results))
	for process := range v.results[0].CPU {
		for i, used := range v.cpu(process) {
			all[i] += used
		}
	}
	return all
}

// compareShapes shows how near the floor's histories are to usher's.
func (r *run) compareShapes(ctx context.Context, play Play, usher [][]Record, performances []string) error {
	var copied [][]Record
	for _, id := range evenly(performances, sampled) {
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
	r.tell("    events per request: usher %s, the floor %s; the floor performs a request of %d events",
		spread(lengths(usher)), spread(lengths(copied)), play.Events())
	r.tell("    %d of %d sampled performances have exactly its sequence of event types", same, len(copied))
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
				r.tell("    the first difference, in %s at event %d: the play has %s, the floor %s", part.Type, at+1, around(part.Types, at), around(types, at))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(difference)) {
		if n := difference[name]; n != 0 {
			r.tell("        %+.2f %s on average", float64(n)/float64(len(copied)), name)
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
