package telemetry

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxSeries is how many series libraries may make. A worker of a dozen queues makes some hundred; what comes beyond is a
// label that grows without end.
const maxSeries = 10_000

// Series takes numbers under names and labels that are known only when they come: those of Temporal's SDK, which puts
// other labels on one name from one call to the next. Safe for concurrent use; nil takes nothing.
//
// It holds a bounded number of series. A number for one beyond the bound is not kept, but counted in
// usher_metrics_refused_total.
type Series struct {
	mu      sync.RWMutex
	all     map[string]prometheus.Metric
	refused prometheus.Counter
}

func newSeries() *Series {
	return &Series{all: map[string]prometheus.Metric{}, refused: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "usher_metrics_refused_total",
		Help: "Numbers that were not kept: there were too many series, or the name is that of another kind of metric.",
	})}
}

// Add counts n, 0 or more, on the counter of that name and these labels.
func (s *Series) Add(name string, labels map[string]string, n float64) {
	counter, ok := find(s, name, labels, func() prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: name, ConstLabels: labels})
	})
	if ok && n >= 0 {
		counter.Add(n)
	}
}

// Set sets the gauge of that name and these labels.
func (s *Series) Set(name string, labels map[string]string, n float64) {
	gauge, ok := find(s, name, labels, func() prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: name, ConstLabels: labels})
	})
	if ok {
		gauge.Set(n)
	}
}

// Observe adds a duration, in seconds, to the histogram of that name and these labels.
func (s *Series) Observe(name string, labels map[string]string, d time.Duration) {
	histogram, ok := find(s, name, labels, func() prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: name, ConstLabels: labels, Buckets: buckets()})
	})
	if ok {
		histogram.Observe(d.Seconds())
	}
}

// find gives the series of a name and labels, and makes it where there is none; false when it cannot be had.
func find[M prometheus.Metric](s *Series, name string, labels map[string]string, fresh func() M) (M, bool) {
	var none M
	if s == nil {
		return none, false
	}
	key := keyOf(name, labels)
	s.mu.RLock()
	found, ok := s.all[key]
	s.mu.RUnlock()
	if !ok {
		found, ok = s.make(key, func() prometheus.Metric { return fresh() })
	}
	if ok {
		if series, same := found.(M); same {
			return series, true
		}
	}
	s.refused.Inc()
	return none, false
}

func (s *Series) make(key string, fresh func() prometheus.Metric) (prometheus.Metric, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.all[key]; ok {
		return found, true
	}
	if len(s.all) >= maxSeries {
		return nil, false
	}
	made := fresh()
	s.all[key] = made
	return made, true
}

// keyOf is the same for the same name and labels.
func keyOf(name string, labels map[string]string) string {
	var key strings.Builder
	key.WriteString(name)
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		key.WriteString("\xff" + label + "\xff" + labels[label])
	}
	return key.String()
}

// Describe implements prometheus.Collector: what there will be is not known.
func (s *Series) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *Series) Collect(metrics chan<- prometheus.Metric) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, metric := range s.all {
		metrics <- metric
	}
}
