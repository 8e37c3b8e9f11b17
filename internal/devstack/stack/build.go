package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program is one of ours: its name in the folder of programs, and its package.
type program struct{ name, pkg string }

func programs() []program {
	return []program{
		{"usher-simulator", "./internal/simulator"},
		{"usher-worker", "./worker"},
		{"usher", "./starter"},
	}
}

const (
	temporalCLI     = "temporal"
	temporalModule  = "internal/tools/temporal"
	temporalPackage = "github.com/temporalio/cli/cmd/temporal"
	// progressEvery is how often a long build says that it goes on.
	progressEvery = 5 * time.Second
)

// Build brings every program of the stack up to date without starting any, and tells its progress to Options.Log.
func Build(ctx context.Context, options Options) error {
	options, err := options.withDefaults()
	if err != nil {
		return err
	}
	s := &Stack{options: options}
	if err := s.buildPrograms(ctx); err != nil || !s.ownTemporal() {
		return err
	}
	_, err = s.temporalPath(ctx)
	return err
}

// buildPrograms brings our programs up to date; what has not changed costs well under a second.
func (s *Stack) buildPrograms(ctx context.Context) error {
	if s.options.Built {
		return nil
	}
	if err := os.MkdirAll(s.options.BinDir, 0o755); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	for _, p := range programs() {
		b := build{name: p.name, dir: s.options.Root, pkg: p.pkg, out: s.bin(p.name), say: s.say}
		if err := b.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// temporalPath returns the path of Temporal's CLI, which holds the server: the one built before, else the machine's, else one
// that is built now from the version that internal/tools pins.
func (s *Stack) temporalPath(ctx context.Context) (string, error) {
	built := s.bin(temporalCLI)
	if info, err := os.Stat(built); err == nil && info.Mode().IsRegular() {
		return built, nil
	}
	if found, err := exec.LookPath(temporalCLI); err == nil {
		s.say("using the Temporal CLI at %s", found)
		return found, nil
	}
	if s.options.Built {
		return "", fmt.Errorf("the Temporal CLI is neither %s nor on the PATH; run 'make tools'", built)
	}
	s.say("building the Temporal CLI from source: once on this machine, some minutes (or put temporal on the PATH)")
	b := build{
		name: "the Temporal CLI", dir: filepath.Join(s.options.Root, filepath.FromSlash(temporalModule)),
		pkg: temporalPackage, out: built, say: s.say, count: true,
	}
	return built, b.run(ctx)
}

// build is one call of "go build".
type build struct {
	name, dir, pkg, out string
	say                 func(format string, args ...any)
	// count is how many packages there are in all; for a build that is known to be long.
	count bool
}

// run builds, tells from time to time how far it is, and on failure shows what the compiler said.
func (b build) run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(b.out), 0o755); err != nil {
		return fmt.Errorf("build %s: %w", b.name, err)
	}
	began := time.Now()
	total := ""
	if b.count {
		total = b.total(ctx)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-v", "-o", b.out, b.pkg)
	cmd.Dir, cmd.Env = b.dir, append(os.Environ(), "GOWORK=off")
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	lines := make(chan string)
	go scan(reader, lines)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("build %s: %w; is Go on the PATH?", b.name, err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		ended <- errors.Join(err, writer.Close())
	}()
	said, compiled := b.follow(lines, began, total)
	if err := <-ended; err != nil {
		return fmt.Errorf("build %s: %w\n%s", b.name, err, strings.Join(said, "\n"))
	}
	if compiled > 0 {
		b.say("built %s in %s", b.name, time.Since(began).Round(100*time.Millisecond))
	}
	return nil
}

// follow reads the build's output to its end: a package's path a line, and whatever went wrong.
func (b build) follow(lines <-chan string, began time.Time, total string) (said []string, compiled int) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	downloaded := 0
	for {
		select {
		case line, more := <-lines:
			switch {
			case !more:
				return said, compiled
			case strings.HasPrefix(line, "go: downloading "):
				downloaded++
			case line != "" && !strings.ContainsAny(line, " :#\t"):
				compiled++
			default:
				said = append(said, line)
			}
		case <-ticker.C:
			b.say("  building %s: %d modules downloaded, %d%s packages compiled, %s", b.name, downloaded, compiled, total,
				time.Since(began).Round(time.Second))
		}
	}
}

// total is " of N", or "" when it is not known.
func (b build) total(ctx context.Context) string {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", b.pkg)
	cmd.Dir = b.dir
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" of %d", strings.Count(string(out), "\n"))
}

func scan(from *io.PipeReader, lines chan<- string) {
	defer close(lines)
	scanner := bufio.NewScanner(from)
	for scanner.Scan() {
		lines <- scanner.Text()
	}
	// A line beyond the scanner's limit must not block the compiler.
	_, _ = io.Copy(io.Discard, from)
}
