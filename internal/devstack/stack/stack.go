package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Stack is a running system. Its methods are safe for concurrent use, save Stop beside RestartTemporal.
type Stack struct {
	options Options
	lock    *os.File
	since   time.Time
	urls    URLs
	listen  listen

	temporal, simulator, worker, starter *service

	mu    sync.Mutex
	ready bool
	// extra are the workers that AddWorker has started.
	extra []*ExtraWorker
}

// listen is where the parts listen: host:port each.
type listen struct{ temporal, temporalHTTP, temporalUI, desk, directory, api, health string }

// how long the parts may take until they answer. The machine may be busy compiling for somebody else.
const (
	temporalWithin = 60 * time.Second
	othersWithin   = 60 * time.Second
)

// Start starts the whole system and returns when every part answers. A context that ends while Start is under way stops
// it; afterwards it means nothing, and Stop ends the stack. After an error nothing runs, and the error shows the end of
// the log that tells why. Errors: another stack runs in the same folder; a program does not build; a part does not start.
func Start(ctx context.Context, options Options) (*Stack, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Stack{options: options, since: time.Now()}
	if err := os.MkdirAll(options.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("start the stack: %w", err)
	}
	if s.lock, err = lockDir(options.Dir); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	if err := s.chooseAddresses(ctx); err != nil {
		return err
	}
	s.defineServices()
	s.changed()
	if err := s.startTogether(ctx, s.startTemporal, s.startSimulator); err != nil {
		return err
	}
	for _, part := range []*service{s.worker, s.starter} {
		if err := part.start(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	s.changed()
	return nil
}

// startTogether starts parts at once: a server that is built already comes up while our programs are compiled. The first
// error ends the others.
func (s *Stack) startTogether(ctx context.Context, starts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(starts))
	for _, start := range starts {
		go func() { results <- start(ctx) }()
	}
	var first error
	for range starts {
		if err := <-results; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

func (s *Stack) startSimulator(ctx context.Context) error {
	if err := s.buildPrograms(ctx); err != nil {
		return err
	}
	if err := s.writeConfiguration(); err != nil {
		return err
	}
	return s.simulator.start(ctx)
}

// Stop ends every part, in order, each with time to finish what it does; then none of the stack's processes is left.
// When the context ends, what still runs is killed, and so is everything when it has ended already: as a crash of the
// machine would. It may be repeated.
func (s *Stack) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.ready = false
	extra := s.extra
	s.mu.Unlock()
	for _, w := range extra {
		// A frozen one would not hear that it is to end.
		w.Kill()
	}
	for _, part := range []*service{s.starter, s.worker, s.simulator, s.temporal} {
		if part != nil {
			part.stop(ctx)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return nil
	}
	err := os.Remove(filepath.Join(s.options.Dir, stateFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	err = errors.Join(err, s.lock.Close())
	s.lock = nil
	return err
}

// URLs are where the parts are.
func (s *Stack) URLs() URLs { return s.urls }

// Dir is the folder of the stack, as an absolute path.
func (s *Stack) Dir() string { return s.options.Dir }

// BinDir is the folder of the programs.
func (s *Stack) BinDir() string { return s.options.BinDir }

// Log is the path of a part's log: temporal, simulator, worker or starter.
func (s *Stack) Log(part string) string { return filepath.Join(s.options.Dir, "log", part+".log") }

// Pids are the process ids of this moment.
func (s *Stack) Pids() Pids {
	return Pids{
		Stack: os.Getpid(), Temporal: s.temporal.pid(), Simulator: s.simulator.pid(),
		Worker: s.worker.pid(), Starter: s.starter.pid(),
	}
}

// State is what the state file says.
func (s *Stack) State() State {
	s.mu.Lock()
	ready := s.ready
	s.mu.Unlock()
	return State{
		URLs: s.urls, Pids: s.Pids(), Dir: s.options.Dir, BinDir: s.options.BinDir,
		Ready: ready, Since: s.since.UTC().Truncate(time.Second),
	}
}

// changed writes the state file. It is for others; that it cannot be written stops nobody.
func (s *Stack) changed() {
	state := s.State()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return
	}
	if err := writeState(s.options.Dir, state); err != nil {
		s.say("%v", err)
	}
}

func (s *Stack) say(format string, args ...any) {
	// Whoever reads may be gone; there is nobody to tell.
	_, _ = fmt.Fprintf(s.options.Log, format+"\n", args...)
}

func (s *Stack) bin(name string) string { return filepath.Join(s.options.BinDir, name) }

func (s *Stack) path(name string) string { return filepath.Join(s.options.Dir, name) }

func (s *Stack) chooseAddresses(ctx context.Context) error {
	p := &ports{fixed: s.options.FixedPorts, say: s.say}
	for _, one := range []struct {
		name string
		wish int
		into *string
	}{
		{"Temporal", PortTemporal, &s.listen.temporal},
		{"the Temporal UI", PortTemporalUI, &s.listen.temporalUI},
		{"Temporal's HTTP API", 0, &s.listen.temporalHTTP},
		{"the desk", PortDesk, &s.listen.desk},
		{"the directory", PortDirectory, &s.listen.directory},
		{"the API", PortAPI, &s.listen.api},
		{"the worker's probes", 0, &s.listen.health},
	} {
		if s.ownTemporal() || (one.into != &s.listen.temporal && one.into != &s.listen.temporalUI) {
			address, err := p.pick(ctx, one.name, one.wish)
			if err != nil {
				return err
			}
			*one.into = address
		}
	}
	s.urls = URLs{
		API:             "http://" + s.listen.api,
		APIDocs:         "http://" + s.listen.api + "/docs",
		DeskKind:        s.options.Desk,
		Desk:            "http://" + s.listen.desk,
		Board:           "http://" + s.listen.desk + s.options.Desk.board(),
		Directory:       "http://" + s.listen.directory + "/directory",
		DirectoryAPI:    "http://" + s.listen.directory,
		TemporalAddress: s.listen.temporal,
		WorkerHealth:    "http://" + s.listen.health,
	}
	if !s.ownTemporal() {
		s.urls.TemporalAddress = s.options.TemporalAddress
	} else {
		s.urls.TemporalHTTP = "http://" + s.listen.temporalHTTP
	}
	if s.ownTemporal() && !s.options.Headless {
		s.urls.TemporalUI = "http://" + s.listen.temporalUI
	}
	if theirs := s.options.Jira; theirs != nil {
		s.urls.Desk, s.urls.Board = theirs.URL, theirs.URL
	}
	return nil
}

func (s *Stack) ownTemporal() bool { return s.options.TemporalAddress == "" }
