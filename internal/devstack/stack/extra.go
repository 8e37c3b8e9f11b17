package stack

import (
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
)

// ExtraWorker is a worker beside the stack's own. Tests show with it what happens between two workers.
type ExtraWorker struct {
	service *service
	health  string
}

// AddWorker starts an extra worker under a name of its own. It has the configuration of the stack's own worker, with these
// lines of YAML at the end, and these further variables. It is not started again when it ends, and ends with the stack.
func (s *Stack) AddWorker(ctx context.Context, name, lines string, env ...string) (*ExtraWorker, error) {
	text, err := os.ReadFile(s.path(workerFile))
	if err != nil {
		return nil, fmt.Errorf("add a worker: %w", err)
	}
	file := s.path(name + ".yaml")
	if err := writeFile(file, string(text)+lines, 0o600); err != nil {
		return nil, fmt.Errorf("add a worker: %w", err)
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, fmt.Errorf("add a worker: %w", err)
	}
	w := &ExtraWorker{service: s.part(name, s.bin("usher-worker"), "-config", file), health: "http://" + address}
	w.service.command.env = s.environment(slices.Concat(s.options.WorkerEnv, env, []string{"USHER_HEALTH_ADDRESS=" + address})...)
	w.service.ready = func(ctx context.Context) error { return answers(ctx, w.health+"/readyz") }
	w.service.changed = func() {}
	s.mu.Lock()
	s.extra = append(s.extra, w)
	s.mu.Unlock()
	return w, w.service.start(ctx)
}

// Pid is the process id; 0 when the worker does not run.
func (w *ExtraWorker) Pid() int { return w.service.pid() }

// Health is where the worker answers probes and shows its metrics.
func (w *ExtraWorker) Health() string { return w.health }

// Kill ends the worker with SIGKILL. To kill one that does not run is success.
func (w *ExtraWorker) Kill() { w.service.crash() }

// Freeze stops the process where it is, as a suspended machine does, until Thaw.
func (w *ExtraWorker) Freeze() error { return w.signal(syscall.SIGSTOP) }

// Thaw lets the process go on after Freeze.
func (w *ExtraWorker) Thaw() error { return w.signal(syscall.SIGCONT) }

func (w *ExtraWorker) signal(s syscall.Signal) error {
	pid := w.Pid()
	if pid == 0 {
		return fmt.Errorf("%s does not run", w.service.name)
	}
	return syscall.Kill(pid, s)
}
