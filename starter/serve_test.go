package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// address finds where the server listens; "" before it does.
func (l *lines) address() string {
	for _, line := range strings.Split(l.String(), "\n") {
		var said struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "usher listens" {
			return said.Address
		}
	}
	return ""
}

// running is a server that runs in this process.
type running struct {
	url  string
	log  *lines
	stop context.CancelFunc
	code chan int
}

// cappedConnections is http.max_connections of startServer.
const cappedConnections = 4

func startServer(t *testing.T, temporal string) *running {
	t.Helper()
	path := file(t, `
ledger: {url: "${LEDGER}"}
auth: {mode: development}
http: {address: "127.0.0.1:0", shutdown_timeout: 10s, max_connections: 4}
metrics: {address: "127.0.0.1:0"}
gateway: {call_timeout: 1s}
temporal: {address: "`+temporal+`"}
`)
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{log: &lines{}, stop: cancel, code: make(chan int, 1)}
	go func() {
		r.code <- run(ctx, []string{"serve", "--config", path}, &surroundings{
			out: io.Discard, err: r.log, environ: []string{"LEDGER=sqlite:" + filepath.Join(t.TempDir(), "ledger.db")},
		})
	}()
	t.Cleanup(cancel)
	require.Eventually(t, func() bool { return r.log.address() != "" }, 20*time.Second, 10*time.Millisecond, "%s", r.log)
	r.url = "http://" + r.log.address()
	return r
}

func get(t *testing.T, url string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestServe_without_temporal(t *testing.T) {
	r := startServer(t, "127.0.0.1:1")
	require.Equal(t, http.StatusOK, get(t, r.url+"/livez"))
	require.Equal(t, http.StatusServiceUnavailable, get(t, r.url+"/readyz"))
	require.Contains(t, r.log.String(), "identity is not checked")
	r.stop()
	require.Equal(t, exitOK, <-r.code)
}

func TestHealthCheck_same_program(t *testing.T) {
	r := startServer(t, "127.0.0.1:1")
	probe := func(address string) (int, string) {
		said := &lines{}
		path := file(t, `{ledger: {url: "sqlite:unused.db"}, auth: {mode: development}, http: {address: "`+address+`"}}`)
		return run(t.Context(), []string{"serve", "--probe", "--config", path}, &surroundings{out: io.Discard, err: said}), said.String()
	}
	code, said := probe(r.log.address())
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "not ready: 503 Service Unavailable: ", "Temporal is away")
	code, said = probe("127.0.0.1:1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "no answer at 127.0.0.1:1")
	code, said = probe("nowhere")
	require.Equal(t, exitUsage, code)
	require.Contains(t, said, "http.address")
}

func TestStop_lets_calls_finish(t *testing.T) {
	// A Temporal that takes connections and never answers holds the call for as long as the gateway waits.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	asked := make(chan net.Conn, 16)
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			asked <- conn
		}
	}()
	r := startServer(t, silent.Addr().String())
	answer := make(chan int, 1)
	go func() {
		call, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/v1/requests",
			strings.NewReader(`{"items":[{"entitlement":"wiki/editor"}],"reason":"docs"}`))
		if err != nil {
			answer <- 0
			return
		}
		call.Header.Set("X-Usher-Person", "ana")
		call.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(call)
		if err != nil {
			answer <- 0
			return
		}
		_ = response.Body.Close()
		answer <- response.StatusCode
	}()
	conn := <-asked
	r.stop()
	require.Equal(t, http.StatusServiceUnavailable, <-answer, "the call was answered, not cut")
	require.Equal(t, exitOK, <-r.code, "%s", r.log)
	require.NoError(t, conn.Close())
	_, err = net.DialTimeout("tcp", strings.TrimPrefix(r.url, "http://"), time.Second)
	require.Error(t, err, "nobody listens any more")
}

func TestServe_does_not_start(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	for name, row := range map[string]struct {
		text string
		code int
		says string
	}{
		"no mode":                   {`ledger: {url: "${LEDGER}"}`, exitUsage, `auth.mode: found "", expected oidc or development`},
		"an unknown key":            {"auht: {mode: development}", exitUsage, "auht: unknown key"},
		"a secret in the open":      {"webhooks: {jira: {secret: a literal secret, ticket_path: issue.id}}", exitUsage, "webhooks.jira.secret"},
		"an address that is taken":  {`{ledger: {url: "${LEDGER}"}, auth: {mode: development}, http: {address: "` + taken.Addr().String() + `"}}`, exitFailed, "address already in use"},
		"development for everybody": {`{ledger: {url: "${LEDGER}"}, auth: {mode: development}, http: {address: ":8080"}}`, exitUsage, "must be on loopback"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &lines{}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			code := run(ctx, []string{"serve", "--config", file(t, row.text)}, &surroundings{
				out: io.Discard, err: log, environ: []string{"LEDGER=sqlite:" + filepath.Join(t.TempDir(), "ledger.db")},
			})
			require.Equal(t, row.code, code, log.String())
			require.Contains(t, log.String(), row.says)
		})
	}
	log := &lines{}
	require.Equal(t, exitUsage, run(t.Context(), []string{"serve", "--config", "/no/such/file"}, &surroundings{out: io.Discard, err: log}))
	require.Contains(t, log.String(), "there is no file /no/such/file")
}

// TestServe_caps_connections: more connections than are configured wait.
func TestServe_caps_connections(t *testing.T) {
	r := startServer(t, "127.0.0.1:1")
	call := func(wait time.Duration) (net.Conn, error) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = conn.Write([]byte("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(wait)))
		_, err = conn.Read(make([]byte, 1))
		return conn, err
	}
	for range cappedConnections {
		_, err := call(10 * time.Second)
		require.NoError(t, err)
	}
	_, err := call(200 * time.Millisecond)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
