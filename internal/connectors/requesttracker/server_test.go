package requesttracker_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // The driver of RT's database.
)

// Where Debian's packages request-tracker5 and rt5-standalone put what the tests start.
const (
	rtSetup   = "/usr/sbin/rt-setup-database-5"
	rtServer  = "/usr/share/request-tracker5/libexec/rt-server"
	rtStarlet = "/usr/share/perl5/Plack/Handler/Starlet.pm"
	rtInstall = "`apt-get install request-tracker5 rt5-db-sqlite rt5-standalone`, or .ci/run"
)

// accounts is how many accounts of usher's the server has: each site takes a fresh one, which sees no tickets of others.
const accounts = 110

// server is a running Request Tracker.
type server struct {
	home, base string
	db         *sql.DB
	stop       func()
	// hooks is where the scrip of the queue "Hooked" calls.
	hooks  net.Listener
	output bytes.Buffer

	// lacking are the tokens of the accounts that lack rights.
	lacking map[string]string

	mu     sync.Mutex
	tokens []string
	count  int
}

// started is the one server of a run, from the first test that needs it to the end.
var (
	started   *server
	startOnce sync.Once
)

func TestMain(m *testing.M) {
	code := m.Run()
	if started != nil {
		started.stop()
		if code != 0 {
			fmt.Printf("Request Tracker said: %s\n", started.output.String())
		}
		_ = os.RemoveAll(started.home)
	}
	os.Exit(code)
}

// realServer returns the Request Tracker of this run.
func realServer(t *testing.T) *server {
	t.Helper()
	for _, file := range []string{rtSetup, rtServer, rtStarlet} {
		if _, err := os.Stat(file); err != nil {
			missing(t, "Request Tracker 5", rtInstall)
		}
	}
	startOnce.Do(func() { started = startServer(t) })
	require.NotNil(t, started, "the server did not start")
	return started
}

func startServer(t *testing.T) *server {
	t.Helper()
	home, err := os.MkdirTemp("", "usher-rt-")
	require.NoError(t, err)
	port := freePort(t)
	folder, err := filepath.Abs(filepath.Join("testdata", "server"))
	require.NoError(t, err)
	for _, dir := range []string{"session", "SiteConfig.d"} {
		require.NoError(t, os.Mkdir(filepath.Join(home, dir), 0o700))
	}
	env := append(os.Environ(), "RT_TEST_HOME="+home, "RT_TEST_PORT="+port, "PERL5LIB="+filepath.Join(folder, "lib"),
		"RT_SITE_CONFIG="+filepath.Join(folder, "RT_SiteConfig.pm"), "RT_SITE_CONFIG_DIR="+filepath.Join(home, "SiteConfig.d"))
	run := func(name string, args ...string) string {
		command := exec.CommandContext(t.Context(), name, args...)
		var said bytes.Buffer
		command.Dir, command.Env, command.Stderr = home, env, &said
		out, err := command.Output()
		require.NoError(t, err, "%s: %s%s", name, out, said.String())
		return string(out)
	}
	hooks, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	env = append(env, "RT_TEST_SCRIP="+documentedScrip(t, "http://"+hooks.Addr().String()))
	run(rtSetup, "--action", "init", "--dba", "root", "--dba-password", "none")
	s := &server{home: home, base: "http://127.0.0.1:" + port, hooks: hooks, lacking: map[string]string{}}
	for line := range strings.Lines(run("perl", filepath.Join(folder, "bootstrap.pl"), fmt.Sprint(accounts))) {
		name, token, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(name, "usher-") {
			s.tokens = append(s.tokens, token)
		} else {
			s.lacking[name] = token
		}
	}
	require.Len(t, s.tokens, accounts)
	s.db, err = sql.Open("sqlite", "file:"+filepath.Join(home, "rt.sqlite")+"?_pragma=busy_timeout(30000)")
	require.NoError(t, err)
	s.serve(t, env, port)
	return s
}

// serve starts the server's processes. The shell ends them with its pipe, also when the tests are killed.
func (s *server) serve(t *testing.T, env []string, port string) {
	t.Helper()
	command := exec.Command("sh", "-c", `"$@" & cat >/dev/null; kill $!; wait`, "sh",
		rtServer, "--server", "Starlet", "--host", "127.0.0.1", "--port", port, "--max-workers", "2", "--max-reqs-per-child", "100000")
	command.Dir, command.Env, command.Stdout, command.Stderr = s.home, env, &s.output, &s.output
	command.WaitDelay = 10 * time.Second
	pipe, err := command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	s.stop = func() {
		_ = pipe.Close()
		_ = command.Wait()
		_ = s.db.Close()
	}
	var about struct{ Version string }
	require.Eventually(t, func() bool {
		status, err := s.try(t, "root", http.MethodGet, "rt", nil, &about)
		return err == nil && status == http.StatusOK
	}, time.Minute, 50*time.Millisecond, "Request Tracker does not answer")
	t.Logf("real server: Request Tracker %s", about.Version)
}

// next numbers what has to be unique.
func (s *server) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	return s.count
}

// account takes a fresh account of usher's: its name and its token.
func (s *server) account(t *testing.T) (string, string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEmpty(t, s.tokens, "the server has too few accounts")
	token := s.tokens[0]
	s.tokens = s.tokens[1:]
	return fmt.Sprintf("usher-%d", accounts-len(s.tokens)), token
}

// execute changes the database where RT lets nobody.
func (s *server) execute(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := s.db.Exec(statement, args...)
	require.NoError(t, err)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return port
}

// missing ends a test that needs something that is not installed: a failure where everything has to be.
func missing(t *testing.T, part, install string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: %s", part, install)
	}
	t.Skipf("%s is missing: %s", part, install)
}
