package telemetry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/telemetry"
)

// read returns the metrics as Prometheus reads them.
func read(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

func TestMetrics_prometheus(t *testing.T) {
	m := telemetry.NewMetrics()
	jira := telemetry.Connector{Port: "desk", Name: "jira"}
	m.ConnectorCalled(jira, "create_ticket", 300*time.Millisecond, nil)
	m.ConnectorCalled(jira, "create_ticket", time.Second, access.Errorf(access.Unknown, "create", "cut"))
	m.ConnectorCalled(jira, "find_ticket", time.Second, errors.New("nobody classified it"))
	m.RateLimited(jira, telemetry.LimitedByVendor)
	m.TokenWaited(jira, 2*time.Second)
	m.OthersLost(telemetry.Connector{Port: "target", Name: "directory"})
	m.LedgerCalled("record", time.Millisecond, access.Errorf(access.Transient, "record", "away"))
	m.HTTPAnswered(http.MethodPost, 202, 40*time.Millisecond)
	m.LedgerOwned(true)
	m.HTTPAnswered("BREW", 405, time.Millisecond)
	text := read(t, m)
	for _, want := range []string{
		`usher_connector_calls_total{connector="jira",kind="ok",operation="create_ticket",port="desk"} 1`,
		`usher_connector_calls_total{connector="jira",kind="unknown",operation="create_ticket",port="desk"} 1`,
		`usher_connector_calls_total{connector="jira",kind="transient",operation="find_ticket",port="desk"} 1`,
		`usher_connector_call_duration_seconds_sum{connector="jira",operation="create_ticket",port="desk"} 1.3`,
		`usher_connector_rate_limited_total{by="vendor",connector="jira",port="desk"} 1`,
		`usher_connector_rate_wait_seconds_sum{connector="jira",port="desk"} 2`,
		`usher_connector_others_lost_total{connector="directory",port="target"} 1`,
		`usher_ledger_owned 1`,
		`usher_ledger_calls_total{kind="transient",operation="record"} 1`,
		`usher_ledger_call_duration_seconds_count{operation="record"} 1`,
		`usher_http_requests_total{method="POST",status="202"} 1`,
		`usher_http_requests_total{method="other",status="405"} 1`,
		`usher_http_request_duration_seconds_count{method="POST"} 1`,
		"go_goroutines ", "process_resident_memory_bytes ", "go_build_info{",
	} {
		require.Contains(t, text, want)
	}
}

func TestMetrics_names(t *testing.T) {
	m := telemetry.NewMetrics()
	m.ConnectorCalled(telemetry.Connector{Port: "desk", Name: "jira"}, "check", time.Second, nil)
	m.LedgerCalled("ping", time.Second, nil)
	m.HTTPAnswered(http.MethodGet, 200, time.Second)
	names := regexp.MustCompile(`(?m)^# HELP (\S+) (.+)$`).FindAllStringSubmatch(read(t, m), -1)
	require.NotEmpty(t, names)
	for _, name := range names {
		require.Regexp(t, `^(usher_|go_|process_|promhttp_)`, name[1])
		require.NotEqual(t, name[1], name[2])
	}
}

func TestMeter_none(t *testing.T) {
	var m *telemetry.Metrics
	m.ConnectorCalled(telemetry.Connector{}, "check", time.Second, nil)
	m.RateLimited(telemetry.Connector{}, telemetry.LimitedByShare)
	m.TokenWaited(telemetry.Connector{}, time.Second)
	m.OthersLost(telemetry.Connector{})
	m.LedgerOwned(true)
	m.LedgerCalled("ping", time.Second, nil)
	m.HTTPAnswered(http.MethodGet, 200, time.Second)
	require.NoError(t, m.AddGauge(telemetry.Gauge{}))
	m.Series().Add("x_total", nil, 1)
	m.Series().Set("x", nil, 1)
	m.Series().Observe("x_seconds", nil, time.Second)
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusNotFound, answer.Code)
}

func TestGauge_is_asked(t *testing.T) {
	m := telemetry.NewMetrics()
	age := 10.0
	require.NoError(t, m.AddGauge(telemetry.Gauge{
		Name: "usher_watch_age_seconds", Help: "How long ago the last complete poll of a desk's watch was.", Label: "desk",
		Read: func() map[string]float64 { age++; return map[string]float64{"jira": age} },
	}))
	require.Contains(t, read(t, m), `usher_watch_age_seconds{desk="jira"} 11`)
	require.Contains(t, read(t, m), `usher_watch_age_seconds{desk="jira"} 12`)
}

func TestGauge_refused(t *testing.T) {
	none := func() map[string]float64 { return nil }
	m := telemetry.NewMetrics()
	require.NoError(t, m.AddGauge(telemetry.Gauge{Name: "usher_taken", Help: "h", Label: "l", Read: none}))
	for name, g := range map[string]telemetry.Gauge{
		"another's name":   {Name: "watch_age", Help: "h", Label: "l", Read: none},
		"a name with caps": {Name: "usher_Age", Help: "h", Label: "l", Read: none},
		"no help":          {Name: "usher_a", Label: "l", Read: none},
		"no label":         {Name: "usher_a", Help: "h", Read: none},
		"no Read":          {Name: "usher_a", Help: "h", Label: "l"},
		"a name twice":     {Name: "usher_taken", Help: "h", Label: "l", Read: none},
	} {
		t.Run(name, func(t *testing.T) {
			err := m.AddGauge(g)
			require.Equal(t, access.Invalid, access.KindOf(err))
			require.ErrorContains(t, err, g.Name)
		})
	}
}

func TestGauge_odd_one(t *testing.T) {
	m := telemetry.NewMetrics()
	require.NoError(t, m.AddGauge(telemetry.Gauge{
		Name: "usher_odd", Help: "h", Label: "l", Read: func() map[string]float64 { return map[string]float64{"\xff": 1} },
	}))
	m.LedgerCalled("ping", time.Second, nil)
	require.Contains(t, read(t, m), `usher_ledger_calls_total{kind="ok",operation="ping"} 1`)
}

func TestSeries_labels(t *testing.T) {
	m := telemetry.NewMetrics()
	s := m.Series()
	s.Add("temporal_request_total", map[string]string{"operation": "Poll"}, 2)
	s.Add("temporal_request_total", map[string]string{"operation": "Poll"}, 3)
	s.Add("temporal_request_total", map[string]string{"operation": "Poll", "task_queue": "usher"}, 1)
	s.Set("temporal_num_pollers", nil, 4)
	s.Set("temporal_num_pollers", nil, 3)
	s.Observe("temporal_request_latency_seconds", map[string]string{"operation": "Poll"}, 1500*time.Millisecond)
	text := read(t, m)
	require.Contains(t, text, `temporal_request_total{operation="Poll"} 5`)
	require.Contains(t, text, `temporal_request_total{operation="Poll",task_queue="usher"} 1`)
	require.Contains(t, text, "\ntemporal_num_pollers 3\n")
	require.Contains(t, text, `temporal_request_latency_seconds_sum{operation="Poll"} 1.5`)
	require.Contains(t, text, `temporal_request_latency_seconds_bucket{operation="Poll",le="2.5"} 1`)
	require.Contains(t, text, "\nusher_metrics_dropped_total 0\n")
}

func TestSeries_endless(t *testing.T) {
	m := telemetry.NewMetrics()
	const many = 10_000
	for i := range many + 7 {
		m.Series().Add("endless_total", map[string]string{"id": fmt.Sprint(i)}, 1)
	}
	m.Series().Add("endless_total", map[string]string{"id": "0"}, 1)
	text := read(t, m)
	require.Equal(t, many, strings.Count(text, "\nendless_total{"))
	require.Contains(t, text, `endless_total{id="0"} 2`, "what is kept goes on")
	require.Contains(t, text, "\nusher_metrics_dropped_total 7\n")
}

func TestSeries_other_kind(t *testing.T) {
	m := telemetry.NewMetrics()
	m.Series().Add("a_total", nil, 1)
	m.Series().Observe("a_total", nil, time.Second)
	text := read(t, m)
	require.Contains(t, text, "\na_total 1\n")
	require.Contains(t, text, "\nusher_metrics_dropped_total 1\n")
}
