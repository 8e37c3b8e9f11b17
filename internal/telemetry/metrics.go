package telemetry

import (
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"usher/internal/access"
)

// Metrics are the numbers of one process, in Prometheus' form: usher's own (usher_...), the Go runtime's and the
// process's (go_..., process_...), and, by Series, those of libraries. Make it with NewMetrics. Every method is safe for
// concurrent use and does nothing on nil, so a part that is told of no Metrics counts nowhere.
//
// Labels hold names from the configuration and from closed sets only: never a person, a ticket, a request, a text or a
// URL.
type Metrics struct {
	registry  *prometheus.Registry
	series    *Series
	connector struct {
		calls, limited, othersLost *prometheus.CounterVec
		took, tokenWait            *prometheus.HistogramVec
	}
	ledger struct {
		calls *prometheus.CounterVec
		took  *prometheus.HistogramVec
		owned prometheus.Gauge
	}
	http struct {
		requests *prometheus.CounterVec
		took     *prometheus.HistogramVec
	}
}

// succeeded is the kind of a call that did not fail.
const succeeded = "ok"

// NewMetrics makes the metrics of one process.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), series: newSeries()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(vec)
		return vec
	}
	durations := func(name, help string, labels ...string) *prometheus.HistogramVec {
		vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets()}, labels)
		m.registry.MustRegister(vec)
		return vec
	}
	m.connector.calls = counter("usher_connector_calls_total",
		"Calls of a connector's port, by how they ended: ok, or the kind of the error.", "port", "connector", "operation", "kind")
	m.connector.took = durations("usher_connector_call_duration_seconds",
		"How long calls of a connector's port took, waits for the rate limit included.", "port", "connector", "operation")
	m.connector.limited = counter("usher_connector_rate_limited_total",
		"Calls that a rate limit ended: by the vendor's answer, or by this worker's own share.", "port", "connector", "by")
	m.connector.tokenWait = durations("usher_connector_rate_wait_seconds",
		"How long HTTP calls waited for a token of this worker's share of the rate limit, those that waited.", "port", "connector")
	m.connector.othersLost = counter("usher_connector_others_lost_total",
		"Grants and revokes of a target during which others lost the role.", "port", "connector")
	m.ledger.calls = counter("usher_ledger_calls_total",
		"Calls of the ledger, by how they ended: ok, or the kind of the error.", "operation", "kind")
	m.ledger.took = durations("usher_ledger_call_duration_seconds", "How long calls of the ledger took.", "operation")
	m.ledger.owned = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "usher_ledger_owned", Help: "1 where the worker's role of the ledger owns its tables, so that the database does not bind it.",
	})
	m.registry.MustRegister(m.ledger.owned)
	m.http.requests = counter("usher_http_requests_total", "HTTP requests that were answered.", "method", "status")
	m.http.took = durations("usher_http_request_duration_seconds", "How long HTTP requests took to answer.", "method")
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(), m.series, m.series.refused)
	return m
}

// buckets are those of every duration: from a call on the same host to what waits for a human's attention.
func buckets() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 600}
}

// Handler answers with all metrics in the format that the caller asks for.
func (m *Metrics) Handler() http.Handler {
	if m == nil {
		return http.NotFoundHandler()
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		Registry: m.registry, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
		// One library's odd number must not hide all others.
		ErrorHandling: promhttp.ContinueOnError,
	})
}

// Series takes the metrics of libraries, whose names and labels are theirs; nil where there are no Metrics.
func (m *Metrics) Series() *Series {
	if m == nil {
		return nil
	}
	return m.series
}

// Connector names one connector, for labels: Port is "desk", "target" or "source", Name the name in the configuration.
type Connector struct{ Port, Name string }

// ConnectorCalled counts one call of a connector's port. Operation is one of the port's methods ("create_ticket"). An
// error counts by its kind.
func (m *Metrics) ConnectorCalled(c Connector, operation string, took time.Duration, err error) {
	if m == nil {
		return
	}
	m.connector.calls.WithLabelValues(c.Port, c.Name, operation, kindOf(err)).Inc()
	m.connector.took.WithLabelValues(c.Port, c.Name, operation).Observe(took.Seconds())
}

// Limiter is who said that a rate limit is reached.
type Limiter string

// The limiters.
const (
	// LimitedByVendor: the other side answered so.
	LimitedByVendor Limiter = "vendor"
	// LimitedByShare: this worker's own share was used up, and no call was made.
	LimitedByShare Limiter = "share"
)

// RateLimited counts one call that a rate limit ended.
func (m *Metrics) RateLimited(c Connector, by Limiter) {
	if m != nil {
		m.connector.limited.WithLabelValues(c.Port, c.Name, string(by)).Inc()
	}
}

// OthersLost counts one grant or revoke during which others lost the role.
func (m *Metrics) OthersLost(c Connector) {
	if m != nil {
		m.connector.othersLost.WithLabelValues(c.Port, c.Name).Inc()
	}
}

// TokenWaited counts one wait for a token of the worker's share.
func (m *Metrics) TokenWaited(c Connector, wait time.Duration) {
	if m != nil {
		m.connector.tokenWait.WithLabelValues(c.Port, c.Name).Observe(wait.Seconds())
	}
}

// LedgerOwned keeps whether the worker's role owns the ledger.
func (m *Metrics) LedgerOwned(owned bool) {
	switch {
	case m == nil:
	case owned:
		m.ledger.owned.Set(1)
	default:
		m.ledger.owned.Set(0)
	}
}

// LedgerCalled counts one call of the ledger. Operation is a method's name ("record"). An error counts by its kind.
func (m *Metrics) LedgerCalled(operation string, took time.Duration, err error) {
	if m == nil {
		return
	}
	m.ledger.calls.WithLabelValues(operation, kindOf(err)).Inc()
	m.ledger.took.WithLabelValues(operation).Observe(took.Seconds())
}

// HTTPAnswered counts one HTTP request. A method that is none of HTTP's usual ones counts as "other".
func (m *Metrics) HTTPAnswered(method string, status int, took time.Duration) {
	if m == nil {
		return
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.http.requests.WithLabelValues(method, strconv.Itoa(status)).Inc()
	m.http.took.WithLabelValues(method).Observe(took.Seconds())
}

func kindOf(err error) string {
	if err == nil {
		return succeeded
	}
	return string(access.KindOf(err))
}

// Gauge is a number that is asked for whenever the metrics are read.
type Gauge struct {
	// Name begins with usher_ and ends with the unit: "usher_watch_age_seconds". Help says what it is.
	Name, Help string
	// Label is the name of its one label, such as "desk".
	Label string
	// Fixed are more labels, each with its one value, where several gauges have one name. All of that name have the same labels and Help.
	Fixed map[string]string
	// Read returns the number for each value of the label; what is missing is not shown. It is called for each reading of
	// the metrics, one call at a time, so it answers at once: what is slow to find is kept by whoever gives Read.
	Read func() map[string]float64
}

var gaugeName = regexp.MustCompile(`^usher_[a-z0-9_]+$`)

// AddGauge has a gauge shown from now on. Invalid: the name is not one of usher's, a part is missing, or there is a
// metric of that name.
func (m *Metrics) AddGauge(g Gauge) error {
	const op = "add a gauge"
	if m == nil {
		return nil
	}
	if !gaugeName.MatchString(g.Name) || g.Help == "" || g.Label == "" || g.Read == nil {
		return access.Errorf(access.Invalid, op, "found %q, expected a name that begins with usher_, a help text, a label and a Read", g.Name)
	}
	err := m.registry.Register(&gauge{read: g.Read, desc: prometheus.NewDesc(g.Name, g.Help, []string{g.Label}, g.Fixed)})
	if err != nil {
		return access.Errorf(access.Invalid, op, "%s: %w", g.Name, err)
	}
	return nil
}

// gauge shows a Gauge.
type gauge struct {
	mu   sync.Mutex
	read func() map[string]float64
	desc *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (g *gauge) Describe(descs chan<- *prometheus.Desc) { descs <- g.desc }

// Collect implements prometheus.Collector.
func (g *gauge) Collect(metrics chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for value, number := range g.read() {
		one, err := prometheus.NewConstMetric(g.desc, prometheus.GaugeValue, number, value)
		if err != nil {
			one = prometheus.NewInvalidMetric(g.desc, err)
		}
		metrics <- one
	}
}
