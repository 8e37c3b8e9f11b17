package jiratest

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// Server is the fake. It is an http.Handler, safe for concurrent use. Close it when it is no longer needed.
type Server struct {
	*fakewire.Wire
	cfg   Config
	mux   *http.ServeMux
	hooks *desktest.Hooks
	// skew is how far the site's clock is ahead of Config.Now, in nanoseconds.
	skew atomic.Int64

	mu     sync.Mutex
	people people
	// projects are Config.Projects as the faults have changed them.
	projects []Project
	// faults are those that the Wire does not have.
	faults Faults
	// failedLogins counts wrong passwords in a row, by account id.
	failedLogins map[string]int
	// limiter and quota are what was used of Faults.Limits.
	limiter fakewire.Limiter
	quota   quota
	view    *desktest.View[*issue]
	// keys finds issues by present and former keys, in upper case.
	keys map[string]int64
	// numbers is the last number of each project.
	numbers map[string]int
	lastID  int64
	// revision grows with every change; the pages look at it.
	revision int64
	// performed counts the calls that were run.
	performed int
	// journal is nil while nothing keeps the issues: see Restore.
	journal *fakewire.Journal
	// lastBase is the address by which the site was last called, for links in webhooks.
	lastBase   string
	registered []registration
	lastHook   int64
}

var _ http.Handler = (*Server)(nil)

// New makes a server. It reads no state file (see Restore) and listens nowhere: serve it with net/http.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, mux: http.NewServeMux(), view: desktest.NewView[*issue](), keys: map[string]int64{}, numbers: map[string]int{},
		lastID: 10_000, lastBase: cfg.BaseURL,
	}
	for _, a := range cfg.Accounts {
		s.people.add(a)
	}
	s.Wire = fakewire.New(fakewire.Config{
		JSON: "application/json;charset=UTF-8", Now: cfg.Now, Date: s.now, Limited: s.addLimitHeaders,
		Refuse: func(status int, message string) *answer {
			return &answer{Status: status, Body: errorBody(message, nil)}
		},
	})
	s.hooks = desktest.NewHooks(desktest.HooksConfig{
		Webhooks: cfg.Webhooks, Repeats: cfg.deliveryRepeats(), Headers: s.deliveryHeaders, Log: cfg.Log,
	})
	s.SetFaults(cfg.Faults)
	s.routeAPI()
	desktest.Pages(s.mux, board{s})
	s.routeControl()
	return s
}

// Close ends the delivery of webhooks and every call that waits, and closes the state file. Undelivered events are lost. It
// is safe to repeat.
func (s *Server) Close() error {
	s.Wire.Close()
	s.hooks.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.Close()
}

// now is the site's own time, which all its answers tell.
func (s *Server) now() time.Time { return s.cfg.Now().Add(time.Duration(s.skew.Load())) }

// api is the way of a call through the stations that the package comment names.
func (s *Server) api(op Operation, version int, run operation) http.HandlerFunc {
	return s.Handler(op, func(w *fakewire.Call) *answer {
		c := &call{r: w.Request, version: version, edition: s.cfg.Edition, body: w.Body, base: s.base(w.Request)}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lastBase = c.base
		s.performed++
		w.Header.Set("X-AREQUESTID", strconv.FormatInt(s.revision, 10)+"x"+strconv.Itoa(s.performed))
		a := s.perform(c, op, run, w.Header)
		if c.account != nil {
			w.Account = c.account.ID
		}
		return a
	})
}

func (s *Server) perform(c *call, op Operation, run operation, h http.Header) *answer {
	account, refused := s.authenticate(c, op, h)
	if refused != nil {
		return refused
	}
	c.account = account
	if refused := s.limit(c, op, h); refused != nil {
		return refused
	}
	a, err := run(c)
	if err != nil {
		a = answerOf(err)
	}
	s.charge(c, op, a)
	return a
}
