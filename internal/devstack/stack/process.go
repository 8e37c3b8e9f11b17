package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// command is how a child is started.
type command struct {
	path string
	args []string
	env  []string
	// dir is the working directory; log is the file that takes everything the child writes, at its end.
	dir, log string
}

// process is one running child.
type process struct {
	pid int
	// done is closed when the child has ended; err is then how.
	done chan struct{}
	err  error
}

// startProcess starts a child in a process group of its own.
func startProcess(c command) (*process, error) {
	if err := os.MkdirAll(filepath.Dir(c.log), 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(c.path), err)
	}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(c.path), err)
	}
	p := &process{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel sends the parent-death signal when the thread that started the child ends, so the thread stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		child := exec.Command(c.path, c.args...) //nolint:noctx // Its end is stop's business, which asks before it kills.
		child.Env, child.Dir, child.Stdout, child.Stderr = c.env, c.dir, log, log
		child.SysProcAttr = ownGroup()
		err := child.Start()
		if err == nil {
			p.pid = child.Process.Pid
		}
		started <- errors.Join(err, log.Close())
		if err == nil {
			p.err = child.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(c.path), err)
	}
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// stop asks the child and all of its group to end, and kills them when the context ends or the grace is over. It returns
// when the child is gone.
func (p *process) stop(ctx context.Context, grace time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if ctx.Err() == nil {
		p.signal(syscall.SIGTERM)
	}
	select {
	case <-p.done:
	case <-ctx.Done():
	}
	p.kill()
}

// kill ends the child and all of its group at once, and returns when the child is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// signal goes to the whole group. A group that is gone already is what was wanted.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.pid, s) }

// how returns how the child ended.
func (p *process) how() string {
	if p.err == nil {
		return "it ended by itself"
	}
	return p.err.Error()
}

// tail returns the last lines of a file, indented; "" when there are none.
func tail(file string, lines int) string {
	text, err := os.ReadFile(file)
	if err != nil || len(text) == 0 {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	all = all[max(0, len(all)-lines):]
	return "    " + strings.Join(all, "\n    ")
}

// Tail is the end of a part's log, indented; "" when there is none.
func Tail(file string) string { return tail(file, shownLines) }
