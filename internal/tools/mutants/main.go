// Command mutants shows that the tests would notice: it plants known mistakes in a copy of the module, one after another,
// and runs the tests that must turn red.
//
// A mistake is a patch in internal/tools/mutants/planted, as "git diff" writes it, with two lines before it:
//
//	what: the requester can approve as an owner
//	test: -run TestScenarios ./internal/policy
//
// The first says what the mistake is, the second which arguments "go test" gets. It runs at the top of the module. The
// exit code is 1 when a mistake survives, when a patch no longer fits or no longer builds, when the tests are red without
// it, or when there are no patches.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	planted := flag.String("planted", "internal/tools/mutants/planted", "the folder of the patches")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *planted)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, planted string) error {
	files, err := filepath.Glob(filepath.Join(planted, "*.patch"))
	if err != nil || len(files) == 0 {
		return errors.Join(fmt.Errorf("there are no patches in %s", planted), err)
	}
	var mutants []mutant
	for _, file := range files {
		m, err := readMutant(file)
		if err != nil {
			return err
		}
		mutants = append(mutants, m)
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := copyModule(ctx, dir); err != nil {
		return err
	}
	g := garden{dir: dir, green: map[string]bool{}}
	alive := 0
	for _, m := range mutants {
		if err := g.plant(ctx, m); err != nil {
			fmt.Printf("FAIL      %s: %s: %v\n", m.name, m.what, err)
			alive++
			continue
		}
		fmt.Printf("noticed   %s: %s\n", m.name, m.what)
	}
	fmt.Printf("%d of %d planted mistakes were noticed\n", len(mutants)-alive, len(mutants))
	if alive > 0 {
		return fmt.Errorf("%d mistakes were not noticed", alive)
	}
	return nil
}

// mutant is one patch.
type mutant struct {
	name, what string
	test       []string
	path       string
}

func readMutant(file string) (mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return mutant{}, err
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return mutant{}, err
	}
	m := mutant{name: strings.TrimSuffix(filepath.Base(file), ".patch"), path: path}
	for line := range strings.Lines(string(text)) {
		if what, ok := strings.CutPrefix(line, "what: "); ok {
			m.what = strings.TrimSpace(what)
		}
		if test, ok := strings.CutPrefix(line, "test: "); ok {
			m.test = strings.Fields(test)
			break
		}
	}
	if m.what == "" || len(m.test) == 0 {
		return mutant{}, fmt.Errorf("%s: expected a line \"what: ...\" and then a line \"test: ...\" before the patch", file)
	}
	return m, nil
}

// copyModule copies every file that git knows or would add.
func copyModule(ctx context.Context, dir string) error {
	list, err := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// garden is the copy in which mistakes are planted.
type garden struct {
	dir   string
	green map[string]bool // the tests that pass without a mistake
}

// plant holds that the tests pass without the mistake and fail with it.
func (g garden) plant(ctx context.Context, m mutant) error {
	key := strings.Join(m.test, " ")
	if !g.green[key] {
		if output, err := g.run(ctx, "go", append([]string{"test"}, m.test...)...); err != nil {
			return fmt.Errorf("the tests are red without it: %w\n%s", err, output)
		}
		g.green[key] = true
	}
	if output, err := g.run(ctx, "git", "apply", m.path); err != nil {
		return fmt.Errorf("the patch does not fit: %w\n%s", err, output)
	}
	// A test that builds programs by itself is another one than before, which the cache of go test does not know.
	output, red := g.run(ctx, "go", append([]string{"test", "-count=1"}, m.test...)...)
	if undone, err := g.run(ctx, "git", "apply", "--reverse", m.path); err != nil {
		return fmt.Errorf("the patch cannot be undone: %w\n%s", err, undone)
	}
	switch {
	case red == nil:
		return errors.New("the tests stay green with it")
	case strings.Contains(output, "[build failed]") || strings.Contains(output, "[setup failed]"):
		return fmt.Errorf("it does not build:\n%s", output)
	}
	return nil
}

func (g garden) run(ctx context.Context, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = g.dir
	output, err := command.CombinedOutput()
	return string(output), err
}
