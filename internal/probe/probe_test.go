package probe_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/probe"
)

func listening(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || r.Method != http.MethodGet {
			status = http.StatusTeapot
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestProbe_every_address(t *testing.T) {
	_, port, err := net.SplitHostPort(listening(t, http.StatusNoContent, ""))
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "", "0.0.0.0", "[::]"} {
		require.NoError(t, probe.Ready(t.Context(), host+":"+port), host)
	}
}

func TestReady_says_why(t *testing.T) {
	err := probe.Ready(t.Context(), listening(t, http.StatusServiceUnavailable, "Temporal does not answer\n"))
	require.EqualError(t, err, "not ready: 503 Service Unavailable: Temporal does not answer")
	require.ErrorContains(t, probe.Ready(t.Context(), listening(t, http.StatusFound, "")), "not ready: 302 Found")
	require.ErrorContains(t, probe.Ready(t.Context(), "127.0.0.1:1"), "no answer at 127.0.0.1:1: ")
	require.EqualError(t, probe.Ready(t.Context(), "8083"), `"8083": expected host:port`)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, probe.Ready(ended, listening(t, http.StatusOK, "")), context.Canceled)
}

func TestProxy_none(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	require.NoError(t, probe.Ready(t.Context(), listening(t, http.StatusOK, "")))
}
