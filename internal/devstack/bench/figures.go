package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// figure is one line of the end: a name and a value.
type figure struct {
	name  string
	value float64
	// missing is why there is no value; "" when there is one.
	missing string
}

// The names of the figures, in the order of the last lines.
var figureNames = []string{
	"throughput_ratio", "ratio_to_fixed_floor", "events_per_request", "actions_per_request", "watch_actions_per_hour",
	"desk_calls_per_hour_10", "desk_calls_per_hour_1000", "desk_calls_per_hour_10000", "worker_cpu_ms_per_request",
	"worker_mb_per_1000_open", "lease_task_ms_250", "lease_task_ms_1000", "lease_task_ms_2000", "lease_task_growth",
	"sync_unchanged_seconds_1000", "sync_unchanged_seconds_10000", "sync_unchanged_seconds_100000", "sync_growth_10000", "sync_growth_100000",
	"sync_unchanged_desk_writes", "sync_history_events", "sync_peak_mb", "sync_one_percent_seconds",
	"sync_first_load_rate_share", "sync_first_load_managed_rate_share", "sync_first_load_history_events",
	"sync_delta_seconds", "sync_delta_list_seconds", "sync_whole_list_seconds", "sync_delta_share",
}

// figures are the result of a benchmark.
type figures map[string]figure

func (f figures) set(name string, value float64) { f[name] = figure{name: name, value: value} }

func (f figures) lack(name, why string) { f[name] = figure{name: name, missing: why} }

// write writes a line for every figure: "name value", or "name n/a (why)" for one that this version of usher does not have.
func (f figures) write(out io.Writer) {
	for _, name := range figureNames {
		one, some := f[name]
		switch {
		case !some:
			fmt.Fprintf(out, "%s n/a (not measured)\n", name)
		case one.missing != "":
			fmt.Fprintf(out, "%s n/a (%s)\n", name, one.missing)
		default:
			fmt.Fprintf(out, "%s %s\n", name, number(one.value))
		}
	}
}

// number is a value with as many digits as it is worth.
func number(v float64) string {
	switch size := math.Abs(v); {
	case v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size >= 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// median of values; the mean of the two in the middle when their number is even. There is at least one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// spread returns values as "median (min to max)", and one as it is.
func spread(values []float64) string {
	if len(values) == 1 {
		return number(values[0])
	}
	return fmt.Sprintf("%s (%s to %s)", number(median(values)), number(slices.Min(values)), number(slices.Max(values)))
}
