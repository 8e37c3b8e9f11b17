// Package rttest runs a real Request Tracker 5, from Debian's packages, over a SQLite file of its own: for the tests of the
// connector, and as the desk of the development stack. It has the lifecycles, custom fields and rights of files/, and no mail.
package rttest

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed files
var files embed.FS

// Where Debian's packages request-tracker5 and rt5-standalone put what is started.
const (
	setup   = "/usr/sbin/rt-setup-database-5"
	command = "/usr/share/request-tracker5/libexec/rt-server"
	starlet = "/usr/share/perl5/Plack/Handler/Starlet.pm"
	install = "`apt-get install request-tracker5 rt5-db-sqlite rt5-standalone`, or .ci/run"
)

// Installed returns nil when the machine has what Start needs; else the error says how to install it.
func Installed() error {
	for _, file := range []string{setup, command, starlet} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("Request Tracker 5 is missing: %s", install) //nolint:staticcheck // It is a name.
		}
	}
	return nil
}

// The names of what every server has: RT's administrator with that password, and the custom field of the marker.
const (
	Root         = "root"
	RootPassword = "password"
	MarkerField  = "External Id"
)

// Config is what a server is made of.
type Config struct {
	// Home is the folder of its files. A server that was there before goes on with its tickets; what else is in here then
	// means nothing, save Address.
	Home string
	// Address is where it listens, as "127.0.0.1:port".
	Address string
	// Accounts is how many accounts of usher's it has: "usher-1" and so on.
	Accounts int
	// AdminUsers lets these accounts administer users and the members of groups, and makes the groups Research and Line managers.
	AdminUsers bool
	// Scrip is Perl that runs after every transaction in the queue "Hooked"; "" for none.
	Scrip string
}

// Server is a running Request Tracker.
type Server struct {
	Client
	// Tokens are the authentication tokens of the accounts that Start made, by their names.
	Tokens map[string]string
	// Database is its SQLite file.
	Database string
	// Version is RT's own.
	Version string

	output  bytes.Buffer
	stdin   io.Closer
	process *exec.Cmd
}

// startWithin is how long RT may take to answer: the machine may be busy.
const startWithin = 2 * time.Minute

// Start makes the database where there is none, and starts the server. It returns when RT answers; the context ends nothing
// afterwards.
func Start(ctx context.Context, c Config) (*Server, error) {
	if err := Installed(); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, fmt.Errorf("start Request Tracker: %w", err)
	}
	s := &Server{Client: Client{URL: "http://" + c.Address}, Database: filepath.Join(c.Home, "rt.sqlite")}
	code := filepath.Join(c.Home, "code")
	if err := unpack(code); err != nil {
		return nil, fmt.Errorf("start Request Tracker: %w", err)
	}
	env := append(os.Environ(), "RT_TEST_HOME="+c.Home, "RT_TEST_PORT="+port, "PERL5LIB="+filepath.Join(code, "lib"), "RT_TEST_SCRIP="+c.Scrip,
		"RT_SITE_CONFIG="+filepath.Join(code, "RT_SiteConfig.pm"), "RT_SITE_CONFIG_DIR="+filepath.Join(c.Home, "SiteConfig.d"))
	if err := s.fill(ctx, c, env, code); err != nil {
		return nil, fmt.Errorf("start Request Tracker: %w", err)
	}
	if err := s.serve(ctx, c.Home, env, host, port); err != nil {
		return nil, fmt.Errorf("start Request Tracker: %w", err)
	}
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start Request Tracker: %w: %s", err, s.Output()), s.Stop())
	}
	return s, nil
}

// unpack writes the files that RT reads.
func unpack(folder string) error {
	return fs.WalkDir(files, "files", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(folder, strings.TrimPrefix(path, "files/"))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
}

// tokensFile keeps the tokens over a restart: RT shows them once.
const tokensFile = "tokens.json"

// fill makes the database, or reads the tokens of the one that is there.
func (s *Server) fill(ctx context.Context, c Config, env []string, code string) error {
	text, err := os.ReadFile(filepath.Join(c.Home, tokensFile))
	if err == nil {
		return json.Unmarshal(text, &s.Tokens)
	}
	for _, dir := range []string{"session", "SiteConfig.d"} {
		if err := os.MkdirAll(filepath.Join(c.Home, dir), 0o700); err != nil {
			return err
		}
	}
	run := func(name string, args ...string) (string, error) {
		one := exec.CommandContext(ctx, name, args...)
		var said bytes.Buffer
		one.Dir, one.Env, one.Stderr = c.Home, env, &said
		out, err := one.Output()
		if err != nil {
			err = fmt.Errorf("%s: %w: %s%s", filepath.Base(name), err, out, said.String())
		}
		return string(out), err
	}
	if _, err := run(setup, "--action", "init", "--dba", "root", "--dba-password", "none"); err != nil {
		return err
	}
	made, err := run("perl", filepath.Join(code, "bootstrap.pl"), strconv.Itoa(c.Accounts), map[bool]string{true: "1"}[c.AdminUsers])
	if err != nil {
		return err
	}
	s.Tokens = map[string]string{}
	for line := range strings.Lines(made) {
		name, token, _ := strings.Cut(strings.TrimSpace(line), " ")
		s.Tokens[name] = token
	}
	if text, err = json.Marshal(s.Tokens); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.Home, tokensFile), text, 0o600)
}

// serve starts the server's processes. The shell ends them with its pipe, also when this program is killed.
func (s *Server) serve(ctx context.Context, home string, env []string, host, port string) error {
	s.process = exec.CommandContext(context.WithoutCancel(ctx), "sh", "-c", `"$@" & cat >/dev/null; kill $!; wait`, "sh",
		command, "--server", "Starlet", "--host", host, "--port", port, "--max-workers", "2", "--max-reqs-per-child", "100000")
	s.process.Dir, s.process.Env, s.process.Stdout, s.process.Stderr = home, env, &s.output, &s.output
	s.process.WaitDelay = 10 * time.Second
	var err error
	if s.stdin, err = s.process.StdinPipe(); err != nil {
		return err
	}
	return s.process.Start()
}

// await waits until RT answers.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for {
		var about struct{ Version string }
		err := s.Call(ctx, Call{As: Root, Password: RootPassword, Method: http.MethodGet, Path: "rt", Into: &about})
		if err == nil {
			s.Version = about.Version
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-every.C:
		}
	}
}

// Output returns what RT said. It is for a server that has ended.
func (s *Server) Output() string { return s.output.String() }

// Stop ends the server.
func (s *Server) Stop() error {
	if err := s.stdin.Close(); err != nil {
		return err
	}
	// The shell was told to kill: how it ended says nothing.
	_ = s.process.Wait()
	return nil
}
