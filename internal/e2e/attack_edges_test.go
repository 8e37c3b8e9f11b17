package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// edges is a usher serve of its own beside a system: reads are not open, and callers have quotas.
type edges struct {
	*system
	url string
	pid int
	// environment is the one that it was started in.
	environment []string
}

// maxServeMB is what usher serve may hold while strangers are slow.
const maxServeMB = 128

func startEdges(ctx context.Context, t *testing.T) *edges {
	t.Helper()
	s := start(t, settings{})
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	text, err := os.ReadFile(filepath.Join(s.stack.Dir(), "starter.yaml"))
	require.NoError(t, err)
	for _, change := range [][2]string{
		{`(?m)^  address: .*\n  shutdown_timeout`, "  address: " + strconv.Quote(address) + "\n  shutdown_timeout"},
		{`(?m)^quotas: .*$`, "quotas: {changes_per_second: 1, burst: 60}\nduplicates: join"},
		{`(?m)^open_reads: true\n`, ""},
	} {
		pattern := regexp.MustCompile(change[0])
		require.Regexp(t, pattern, string(text))
		text = pattern.ReplaceAll(text, []byte(change[1]))
	}
	path := filepath.Join(s.stack.Dir(), "edges.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	// What Kubernetes sets in every pod beside a Service named usher.
	e := &edges{system: s, url: "http://" + address, environment: append(os.Environ(), "USHER_PORT=tcp://10.0.0.1:8080", "USHER_SERVICE_HOST=10.0.0.1")}
	serve := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(s.stack.BinDir(), "usher"), "serve", "--config", path)
	serve.Env = e.environment
	var log bytes.Buffer
	serve.Stdout, serve.Stderr = &log, &log
	require.NoError(t, serve.Start())
	t.Cleanup(func() {
		require.NoError(t, serve.Process.Signal(os.Interrupt))
		_ = serve.Wait()
	})
	e.pid = serve.Process.Pid
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		got, err := e.call(ctx, "", http.MethodGet, "/readyz", "")
		if err == nil {
			err = got.expects(http.StatusOK, "")
		}
		if err != nil {
			return fmt.Errorf("not ready: %w: %s", err, log.String())
		}
		return nil
	}))
	return e
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	body   string
}

func (e *edges) call(ctx context.Context, as access.PersonID, method, path, body string, headers ...string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, e.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if as != "" {
		request.Header.Set("X-Usher-Person", string(as))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(text)}, err
}

// edge is an attack on the API of a running system; try says what did not hold.
type edge struct {
	hole, name string
	try        func(context.Context, *edges) error
}

// TestAttackEdges plays callers of the API who want what is not theirs, or harm; a row for each.
func TestAttackEdges(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*rowWithin)
	defer cancel()
	e := startEdges(ctx, t)
	for _, one := range edgeAttacks() {
		t.Run(one.name, func(t *testing.T) {
			err := one.try(ctx, e)
			verdict := "held"
			if err != nil {
				verdict = "NOT held"
			}
			t.Logf("row attack on the API, hole %s: %-60s %s", one.hole, one.name, verdict)
			require.NoError(t, err)
		})
	}
}

// expects returns an error for an answer of another status, or without a text.
func (got reply) expects(status int, part string) error {
	if got.status != status || !strings.Contains(got.body, part) {
		return fmt.Errorf("found %d %s, expected %d with %q", got.status, got.body, status, part)
	}
	return nil
}

const asksWiki = `"items":[{"entitlement":"wiki/editor"}],"reason":"to write"`

func edgeAttacks() []edge {
	return []edge{
		{"1", "what was asked for before a revocation is granted after it", grantAfterRevocation},
		{"2", "500 strangers send bodies slowly", slowStrangers},
		{"3", "one caller makes calls without end", endlessCalls},
		{"3", "somebody asks twice and has approvers decide twice", askTwice},
		{"4", "people may edit the claim that names them", editableClaim},
		{"5", "a caller occupies the id that another's key will have", occupyKey},
		{"5", "an id that cannot be read again", dotIDs},
		{"6", "a body that two readers understand in two ways", ambiguousBodies},
		{"7", "a Kubernetes Service named usher stops the program", beside},
		{"8", "credentials go to a host in clear text", plainHTTP},
		{"9", "a stranger learns that a request exists", existence},
	}
}
