package telemetry

import (
	"hash/maphash"
	"maps"
	"math/bits"
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
// usher_metrics_dropped_total.
type Series struct {
	seed    maphash.Seed
	mu      sync.RWMutex
	all     map[uint64][]one
	count   int
	refused prometheus.Counter
}

// one is a series. Its labels are not changed any more.
type one struct {
	name   string
	labels map[string]string
	metric prometheus.Metric
}

func newSeries() *Series {
	return &Series{seed: maphash.MakeSeed(), all: map[uint64][]one{}, refused: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "usher_metrics_dropped_total",
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

// find returns the series of a name and labels, and makes it where there is none; false when it cannot be had.
func find[M prometheus.Metric](s *Series, name string, labels map[string]string, fresh func() M) (M, bool) {
	var none M
	if s == nil {
		return none, false
	}
	key := s.keyOf(name, labels)
	s.mu.RLock()
	found := s.known(key, name, labels)
	s.mu.RUnlock()
	if found == nil {
		found = s.make(key, name, labels, func() prometheus.Metric { return fresh() })
	}
	if series, same := found.(M); same {
		return series, true
	}
	s.refused.Inc()
	return none, false
}

// known is the series of a name and labels; nil for none. The lock is held.
func (s *Series) known(key uint64, name string, labels map[string]string) prometheus.Metric {
	for _, each := range s.all[key] {
		if each.name == name && maps.Equal(each.labels, labels) {
			return each.metric
		}
	}
	return nil
}

// make returns nil when there are too many.
func (s *Series) make(key uint64, name string, labels map[string]string, fresh func() prometheus.Metric) prometheus.Metric {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.known(key, name, labels); found != nil {
		return found
	}
	if s.count >= maxSeries {
		return nil
	}
	made := one{name, maps.Clone(labels), fresh()}
	s.all[key] = append(s.all[key], made)
	s.count++
	return made.metric
}

// keyOf is the same for the same name and labels, in whatever order these come. It is asked for with every number.
func (s *Series) keyOf(name string, labels map[string]string) uint64 {
	key := maphash.String(s.seed, name)
	for label, value := range labels {
		key += bits.RotateLeft64(maphash.String(s.seed, label), 1) ^ maphash.String(s.seed, value)
	}
	return key
}

// Describe implements prometheus.Collector: what there will be is not known.
func (s *Series) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *Series) Collect(metrics chan<- prometheus.Metric) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, some := range s.all {
		for _, each := range some {
			metrics <- each.metric
		}
	}
}
