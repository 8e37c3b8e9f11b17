package temporalclient

import (
	"maps"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"usher/internal/telemetry"
)

// sdkMetrics has the SDK count in Series, under the names that Temporal's own exporters for Prometheus give: a counter
// ends with _total, a duration with _seconds. See https://docs.temporal.io/references/sdk-metrics.
type sdkMetrics struct {
	series *telemetry.Series
	labels map[string]string
}

var _ client.MetricsHandler = sdkMetrics{}

// sdkName is a label that says the same on every series of this program: which SDK counts.
const sdkName = "client_name"

// WithTags implements client.MetricsHandler.
func (m sdkMetrics) WithTags(tags map[string]string) client.MetricsHandler {
	labels := maps.Clone(m.labels)
	if labels == nil {
		labels = make(map[string]string, len(tags))
	}
	for name, value := range tags {
		if name != sdkName {
			labels[name] = value
		}
	}
	return sdkMetrics{series: m.series, labels: labels}
}

// Counter implements client.MetricsHandler.
func (m sdkMetrics) Counter(name string) client.MetricsCounter {
	return counter{m, ending(name, "_total")}
}

// Gauge implements client.MetricsHandler.
func (m sdkMetrics) Gauge(name string) client.MetricsGauge { return gauge{m, name} }

// Timer implements client.MetricsHandler.
func (m sdkMetrics) Timer(name string) client.MetricsTimer {
	return timer{m, ending(name, "_seconds")}
}

func ending(name, with string) string { return strings.TrimSuffix(name, with) + with }

type counter struct {
	sdkMetrics
	name string
}

// Inc implements client.MetricsCounter.
func (c counter) Inc(n int64) { c.series.Add(c.name, c.labels, float64(n)) }

type gauge struct {
	sdkMetrics
	name string
}

// Update implements client.MetricsGauge.
func (g gauge) Update(n float64) { g.series.Set(g.name, g.labels, n) }

type timer struct {
	sdkMetrics
	name string
}

// Record implements client.MetricsTimer.
func (t timer) Record(d time.Duration) { t.series.Observe(t.name, t.labels, d) }
