package requesttracker_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // The driver of RT's database.

	"usher/internal/connectors/requesttracker/rttest"
)

// accounts is how many accounts of usher's the server has: each site takes a fresh one, which sees no tickets of others.
const accounts = 150

// server is a running Request Tracker.
type server struct {
	*rttest.Server
	home string
	db   *sql.DB
	// hooks is where the scrip of the queue "Hooked" calls.
	hooks net.Listener

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
		_ = errors.Join(started.db.Close(), started.Stop(), os.RemoveAll(started.home))
		if code != 0 {
			fmt.Printf("Request Tracker said: %s\n", started.Output())
		}
	}
	os.Exit(code)
}

// realServer returns the Request Tracker of this run.
func realServer(t *testing.T) *server {
	t.Helper()
	if err := rttest.Installed(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	startOnce.Do(func() { started = startServer(t) })
	require.NotNil(t, started, "the server did not start")
	return started
}

func startServer(t *testing.T) *server {
	t.Helper()
	home, err := os.MkdirTemp("", "usher-rt-")
	require.NoError(t, err)
	hooks, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	up, err := rttest.Start(t.Context(), rttest.Config{
		Home: home, Address: freeAddress(t), Accounts: accounts, Scrip: documentedScrip(t, "http://"+hooks.Addr().String()),
	})
	require.NoError(t, err)
	t.Logf("real server: Request Tracker %s", up.Version)
	s := &server{Server: up, home: home, hooks: hooks}
	for n := range accounts {
		s.tokens = append(s.tokens, up.Tokens[fmt.Sprintf("usher-%d", n+1)])
	}
	s.db, err = sql.Open("sqlite", "file:"+up.Database+"?_pragma=busy_timeout(30000)")
	require.NoError(t, err)
	return s
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

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}
