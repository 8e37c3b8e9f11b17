package stack

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// firstBackoff and longestBackoff bound the pause before a supervised child is started again.
	firstBackoff   = 200 * time.Millisecond
	longestBackoff = 5 * time.Second
	// provedGood is how long a child must have lived for the pause to be short again.
	provedGood = 10 * time.Second
	// stopGrace is how long a child has from being asked to end until it is killed. It is longer than the worker's own
	// grace.
	stopGrace = 12 * time.Second
	// shownLines is how much of a log is shown when a start goes wrong.
	shownLines = 15
)

// service is one part of the stack: a child that shall run.
type service struct {
	name    string
	command command
	// ready reports whether the child does its work yet; nil means as soon as it runs.
	ready func(context.Context) error
	// within is how long a start may take until ready.
	within time.Duration
	// supervised services are started again when they end by themselves.
	supervised bool
	// say prints for people; changed is called whenever pid has changed.
	say     func(format string, args ...any)
	changed func()

	mu   sync.Mutex
	proc *process
	quit chan struct{} // closed by stop
	over chan struct{} // closed when keep has ended
}

// start starts the child and waits until it is ready. The error shows the end of the child's log; then nothing runs.
func (s *service) start(ctx context.Context) error {
	p, err := startProcess(s.command)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.proc, s.quit, s.over = p, make(chan struct{}), make(chan struct{})
	quit, over := s.quit, s.over
	s.mu.Unlock()
	// Supervision begins when the child has been ready once: one that cannot start shall fail, not loop.
	err = s.awaitReady(ctx, p)
	if err != nil {
		p.kill()
		close(over)
		s.set(nil)
		return fmt.Errorf("%s did not start: %w\n  the end of %s:\n%s", s.name, err, s.command.log, tail(s.command.log, shownLines))
	}
	s.changed()
	go s.keep(p, quit, over)
	return nil
}

func (s *service) awaitReady(ctx context.Context, p *process) error {
	if s.ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	return Poll(ctx, func(ctx context.Context) error {
		if !p.running() {
			return Stop(fmt.Errorf("it ended: %s", p.how()))
		}
		return s.ready(ctx)
	})
}

// keep watches the child until stop is called, and starts it again where it is supervised.
func (s *service) keep(p *process, quit, over chan struct{}) {
	defer close(over)
	pause := firstBackoff
	for {
		born := time.Now()
		select {
		case <-quit:
			return
		case <-p.done:
		}
		select {
		case <-quit:
			return
		default:
		}
		if !s.supervised {
			s.say("%s (pid %d) ended: %s; see %s", s.name, p.pid, p.how(), s.command.log)
			s.set(nil)
			return
		}
		if time.Since(born) > provedGood {
			pause = firstBackoff
		}
		next := s.again(p, pause, quit)
		if next == nil {
			return
		}
		p, pause = next, min(2*pause, longestBackoff)
	}
}

// again starts the child anew after a pause; nil when stop was called meanwhile.
func (s *service) again(old *process, pause time.Duration, quit chan struct{}) *process {
	for {
		timer := time.NewTimer(pause)
		select {
		case <-quit:
			timer.Stop()
			return nil
		case <-timer.C:
		}
		s.mu.Lock()
		select {
		case <-quit:
			s.mu.Unlock()
			return nil
		default:
		}
		p, err := startProcess(s.command)
		if err == nil {
			s.proc = p
		}
		s.mu.Unlock()
		if err == nil {
			s.say("%s (pid %d) ended: %s; started again as pid %d", s.name, old.pid, old.how(), p.pid)
			s.changed()
			return p
		}
		s.say("%s cannot be started again: %v", s.name, err)
		pause = longestBackoff
	}
}

func (s *service) set(p *process) {
	s.mu.Lock()
	s.proc = p
	s.mu.Unlock()
	s.changed()
}

// pid is the running child's, 0 when none runs.
func (s *service) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil || !s.proc.running() {
		return 0
	}
	return s.proc.pid
}

// stop ends the child and its supervision. A context that has ended kills at once. Stopping what does not run is success.
func (s *service) stop(ctx context.Context) { s.end(func(p *process) { p.stop(ctx, stopGrace) }) }

// crash kills the child and ends its supervision.
func (s *service) crash() { s.end((*process).kill) }

func (s *service) end(by func(*process)) {
	s.mu.Lock()
	p, quit, over := s.proc, s.quit, s.over
	s.proc, s.quit = nil, nil
	if quit != nil {
		close(quit)
	}
	s.mu.Unlock()
	if p != nil {
		by(p)
	}
	if over != nil {
		<-over
	}
	s.changed()
}
