// Package ledgertest starts a real PostgreSQL server for tests, from the binaries that are installed on the machine.
package ledgertest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser    = "usher"
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
	pollEvery    = 20 * time.Millisecond
	// startAttempts: another process may take the free port before the server does.
	startAttempts = 3
)

// StartPostgres starts a PostgreSQL server that ends with the test, and gives the URL of its database "postgres", as a
// superuser with a password ("postgres://usher:...@127.0.0.1:<port>/postgres?sslmode=disable"). The server listens on
// a free port of 127.0.0.1, keeps its data in a temporary folder, never waits for the disk, and takes 1 to 5 seconds to
// start: a test binary starts one and calls CreateDatabase for each test. Run as root, it runs the server as the
// system's user "postgres", because PostgreSQL refuses root.
//
// Where PostgreSQL is not installed the test is skipped; with CI=true in the environment it fails.
func StartPostgres(t testing.TB) string {
	t.Helper()
	return StartServer(t).URL()
}

// Server is a PostgreSQL server that can be stopped for a while. Its methods are for one goroutine.
type Server struct{ server *server }

// StartServer is StartPostgres for tests that take the server away.
func StartServer(t testing.TB) *Server {
	t.Helper()
	s := &server{bin: binaries(t), password: rand.Text()}
	s.owner = owner(t)
	s.prepare(t)
	for attempt := 1; ; attempt++ {
		err := s.start(t)
		if err == nil {
			break
		}
		if attempt == startAttempts {
			t.Fatalf("start PostgreSQL: %v\n%s", err, s.log())
		}
		t.Logf("start PostgreSQL, attempt %d: %v", attempt, err)
		s.port = 0
	}
	t.Logf("real server: PostgreSQL %s", s.version(t))
	return &Server{s}
}

// URL is what StartPostgres gives. It stays the same.
func (s *Server) URL() string { return s.server.url() }

// Stop ends the server: every connection is closed, and new ones are refused. What was committed is kept. Nothing happens
// where it is stopped already.
func (s *Server) Stop() error { return s.server.end() }

// StartAgain starts a server that was stopped, on the same address and data, and waits until it answers.
func (s *Server) StartAgain(t testing.TB) error {
	t.Helper()
	return s.server.start(t)
}

// Freeze has the server hang: connections stay open, new ones are taken by the system, and nobody answers. The server must
// run. Only on Linux; elsewhere an error.
func (s *Server) Freeze() error {
	s.server.frozen = true
	return s.server.signal(syscall.SIGSTOP)
}

// Thaw ends Freeze: the server goes on with what it was doing. The end of the test thaws it too.
func (s *Server) Thaw() error {
	s.server.frozen = false
	return s.server.signal(syscall.SIGCONT)
}

// CreateDatabase creates an empty database on the server that serverURL (from StartPostgres) names, and gives its URL.
// It ends with the server.
func CreateDatabase(t testing.TB, serverURL string) string {
	t.Helper()
	return createDatabase(t, serverURL, "")
}

// CopyDatabase creates a database that is as another one on the server, and gives its URL. Nobody may be connected to the other one. It belongs to
// the role owner, "" for the server's own, and ends with the server.
func CopyDatabase(t testing.TB, serverURL, otherURL, owner string) string {
	t.Helper()
	u, err := url.Parse(otherURL)
	if err != nil {
		t.Fatal("the URL of the database is not one that CreateDatabase gave")
	}
	return createDatabase(t, serverURL, " TEMPLATE "+strings.TrimPrefix(u.Path, "/")+" OWNER "+cmp.Or(owner, superuser))
}

func createDatabase(t testing.TB, serverURL, as string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), serverURL)
	if err != nil {
		t.Fatalf("connect to PostgreSQL: %v", err)
	}
	defer closeConn(t, conn)
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name+as); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	u, err := url.Parse(serverURL)
	if err != nil {
		t.Fatal("the URL of the server is not one that StartPostgres gave")
	}
	u.Path = "/" + name
	return u.String()
}

func closeConn(t testing.TB, conn *pgx.Conn) {
	if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("close a connection to PostgreSQL: %v", err)
	}
}

// server is one PostgreSQL server.
type server struct {
	bin      string
	folder   string
	password string
	port     int
	// owner is whom the server runs as; nil for the user of the test.
	owner *syscall.Credential
	// process is the first process of the server that runs; frozen is true while it hangs.
	process *os.Process
	frozen  bool
	// end stops the process that runs; it may be called again.
	end func() error
}

// prepare makes the folder and, in it, an empty cluster.
func (s *server) prepare(t testing.TB) {
	t.Helper()
	// Not t.TempDir: that stands in a folder that only the user of the test may enter.
	folder, err := os.MkdirTemp("", "usher-pg-")
	if err != nil {
		t.Fatal(err)
	}
	s.folder = folder
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Errorf("remove the data of PostgreSQL: %v", err)
		}
	})
	secret := filepath.Join(folder, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.owner != nil {
		for _, path := range []string{folder, secret} {
			if err := os.Chown(path, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	initdb := s.command(t, "initdb", "--pgdata", s.data(), "--username", superuser, "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
}

func (s *server) data() string { return filepath.Join(s.folder, "data") }

func (s *server) url() string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	return u.String()
}

// command is a command of PostgreSQL, run as the server's owner and with nothing of the test's environment.
func (s *server) command(t testing.TB, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(s.bin, name), args...)
	cmd.Dir = s.folder
	cmd.Env = []string{"PATH=" + s.bin + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=" + s.folder}
	cmd.SysProcAttr = processAttributes(s.owner)
	return cmd
}

// start starts the server, on a free port where it has none yet, and waits until it answers, at most startTimeout.
func (s *server) start(t testing.TB) error {
	t.Helper()
	if s.port == 0 {
		var err error
		if s.port, err = freePort(t.Context()); err != nil {
			return err
		}
	}
	out, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// The server has its own descriptor of the file once it runs.
	defer func() { _ = out.Close() }()
	cmd := s.command(t, "postgres", "-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.folder,
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "synchronous_commit=off",
		"-c", "full_page_writes=off", "-c", "shared_buffers=32MB", "-c", "max_connections=100")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	if err := s.await(t, exited); err != nil {
		return errors.Join(err, stop(cmd.Process, exited))
	}
	s.process = cmd.Process
	s.end = sync.OnceValue(func() error {
		if s.frozen { // It would not stop.
			return errors.Join(s.signal(syscall.SIGCONT), stop(cmd.Process, exited))
		}
		return stop(cmd.Process, exited)
	})
	end := s.end
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	return nil
}

// signal sends a signal to every process of the server, the first one first: it starts the others.
func (s *server) signal(what syscall.Signal) error {
	if err := s.process.Signal(what); err != nil {
		return err
	}
	pid := strconv.Itoa(s.process.Pid)
	list, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil {
		return err
	}
	for _, text := range strings.Fields(string(list)) {
		child, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("the children of process %s: %w", pid, err)
		}
		p, err := os.FindProcess(child)
		if err != nil {
			return err
		}
		// A child may have ended meanwhile.
		if err := p.Signal(what); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	return nil
}

func (s *server) logFile() string { return filepath.Join(s.folder, "log") }

func (s *server) log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// await waits until the server answers. exited keeps its value for stop.
func (s *server) await(t testing.TB, exited chan error) error {
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case end := <-exited:
			exited <- end
			return fmt.Errorf("the server ended: %w", end)
		case <-ctx.Done():
			return fmt.Errorf("no answer in %s: %w", startTimeout, err)
		}
	}
}

// stop ends the server by its process id: a fast shutdown, then by force.
func stop(process *os.Process, exited <-chan error) error {
	signal := func(sig os.Signal) error {
		if err := process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		return nil
	}
	if err := signal(syscall.SIGINT); err != nil {
		return err
	}
	deadline := time.NewTimer(stopTimeout)
	defer deadline.Stop()
	select {
	case err := <-exited:
		return err
	case <-deadline.C:
		return errors.Join(fmt.Errorf("still there after %s", stopTimeout), signal(syscall.SIGKILL))
	}
}

func (s *server) version(t testing.TB) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.url())
	if err != nil {
		t.Fatalf("connect to PostgreSQL: %v", err)
	}
	defer closeConn(t, conn)
	var version string
	if err := conn.QueryRow(t.Context(), "SHOW server_version").Scan(&version); err != nil {
		t.Fatalf("ask PostgreSQL for its version: %v", err)
	}
	return version
}

func freePort(ctx context.Context) (int, error) {
	var how net.ListenConfig
	listener, err := how.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.Join(fmt.Errorf("found %s, expected a TCP address", listener.Addr()), listener.Close())
	}
	return address.Port, listener.Close()
}
