package temporalclient_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/telemetry"
	"usher/internal/temporalclient"
)

// metricsOf reads metrics as Prometheus does.
func metricsOf(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

func TestMetrics_sdk_names(t *testing.T) {
	_, _, address := devServer(t)
	m := telemetry.NewMetrics()
	c, err := temporalclient.Dial(t.Context(), temporalclient.Config{Address: address}, quiet(), m)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, temporalclient.CheckNamespace(t.Context(), c, "default"))
	err = temporalclient.CheckNamespace(t.Context(), c, "nobody-made-it")
	require.Equal(t, access.NotFound, access.KindOf(err))
	_, err = c.CheckHealth(t.Context(), &client.CheckHealthRequest{})
	require.NoError(t, err)

	text := metricsOf(t, m)
	require.Regexp(t, `(?m)^temporal_request_total\{[^}]*namespace="default",operation="DescribeNamespace"[^}]*\} 1$`, text)
	require.Regexp(t, `(?m)^temporal_request_failure_total\{[^}]*operation="DescribeNamespace",status_code="NOT_FOUND"[^}]*\} 1$`, text)
	require.Regexp(t, `(?m)^temporal_request_latency_seconds_count\{[^}]*namespace="default",operation="DescribeNamespace"[^}]*\} 1$`, text)
	require.NotContains(t, text, "client_name")
}
