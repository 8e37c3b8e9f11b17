package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/telemetry"
)

// metricsAddress finds where metrics are read; "" before they are.
func (l *lines) metricsAddress() string {
	for _, line := range strings.Split(l.String(), "\n") {
		var said struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "metrics are served" {
			return said.Address
		}
	}
	return ""
}

func TestMetrics_own_address(t *testing.T) {
	r := startServer(t, "127.0.0.1:1")
	require.Equal(t, http.StatusOK, get(t, r.url+"/livez"))
	require.Equal(t, http.StatusNotFound, get(t, r.url+"/metrics"), "the API's address does not show them")
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.log.metricsAddress()+"/metrics", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(ask)
	require.NoError(t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Contains(t, string(text), `usher_http_requests_total{method="GET",status="200"} 1`)
	require.Contains(t, string(text), `usher_http_requests_total{method="GET",status="404"} 1`)
	require.Contains(t, string(text), "process_resident_memory_bytes")
	r.stop()
	require.Equal(t, exitOK, <-r.code)
}

func TestMeter_last_status(t *testing.T) {
	m := telemetry.NewMetrics()
	handler := counted(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	}), m)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	shown := httptest.NewRecorder()
	m.Handler().ServeHTTP(shown, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Contains(t, shown.Body.String(), `usher_http_requests_total{method="POST",status="418"} 1`)
}

func TestMetricsAddress_without_port(t *testing.T) {
	require.ErrorContains(t, metricsConfig{Address: "here"}.problem(), "metrics.address")
	require.NoError(t, metricsConfig{}.problem())
	require.NoError(t, metricsConfig{Address: "127.0.0.1:0"}.problem())
}
