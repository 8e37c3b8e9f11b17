package jiratest

import (
	"crypto/rand"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Server is the fake. It is an http.Handler, safe for concurrent use. Close it when it is no longer needed.
type Server struct {
	cfg   Config
	mux   *http.ServeMux
	hooks *deliverer
	// skew is how far the site's clock is ahead of Config.Now, in nanoseconds.
	skew atomic.Int64

	mu     sync.Mutex
	people people
	// projects are Config.Projects as the faults have changed them.
	projects []Project
	faults   Faults
	// callsSinceFaults counts the calls that Faults.FailEvery counts; rules those of Faults.Rules.
	callsSinceFaults int
	rules            []ruleCount
	// failedLogins counts wrong passwords in a row, by account id.
	failedLogins map[string]int
	limits       limiter
	entries      map[int64]*entry
	index        index
	// order is the issues' ids, oldest first.
	order []int64
	// keys finds issues by present and former keys, in upper case.
	keys map[string]int64
	// numbers is the last number of each project.
	numbers map[string]int
	lastID  int64
	// revision grows with every change; the pages look at it.
	revision int64
	requests []Request
	counts   map[Operation]int
	state    *os.File
	lines    int
	// lastBase is the address by which the site was last called, for links in webhooks.
	lastBase string
	// site makes delivery ids unique over restarts; deliveries counts them; held waits to be overtaken.
	site       string
	deliveries int
	held       []delivery
	registered []registration
	lastHook   int64
	// holds are the calls that shall wait, or do.
	holds []*hold
}

var _ http.Handler = (*Server)(nil)

// New makes a server. It reads no state file (see Restore) and listens nowhere: serve it with net/http.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, mux: http.NewServeMux(), entries: map[int64]*entry{}, keys: map[string]int64{}, numbers: map[string]int{},
		counts: map[Operation]int{}, lastID: 10_000, lastBase: cfg.BaseURL, site: rand.Text(), index: newIndex(),
	}
	for _, a := range cfg.Accounts {
		s.people.add(a)
	}
	s.hooks = newDeliverer(cfg)
	s.SetFaults(cfg.Faults)
	s.routeAPI()
	s.routePages()
	s.routeControl()
	return s
}

// Close ends the delivery of webhooks and closes the state file. Undelivered events are lost. It is safe to repeat.
func (s *Server) Close() error {
	s.hooks.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeState()
	return nil
}

// now is the site's own time, which all its answers tell.
func (s *Server) now() time.Time { return s.cfg.Now().Add(time.Duration(s.skew.Load())) }

// api is the way of a call through the stations that the package comment names.
func (s *Server) api(op Operation, version int, run operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := readBody(w, r)
		if err != nil {
			s.write(w, &answer{status: http.StatusRequestEntityTooLarge, body: errorBody("The request body is too large.", nil)})
			return
		}
		c := &call{r: r, version: version, edition: s.cfg.Edition, body: body, base: s.base(r)}
		if !s.heldUp(c, op, HoldBefore) {
			drop(w)
			return
		}
		a, p := s.run(c, op, run, w.Header())
		if !p.drop && a.status < http.StatusMultipleChoices && !s.heldUp(c, op, HoldAfter) {
			drop(w)
			return
		}
		s.send(w, r, a, p)
	}
}

// send answers, as far as the faults let it.
func (s *Server) send(w http.ResponseWriter, r *http.Request, a *answer, p plan) {
	if p.slow > 0 && !pause(r, p.slow) {
		return
	}
	if p.name != "" {
		w.Header().Set(FaultHeader, p.name)
	}
	switch {
	case p.hang:
		<-r.Context().Done()
		drop(w)
	case p.drop:
		drop(w)
	case p.spoilsBody():
		s.writeSpoilt(w, r, a, p)
	default:
		s.write(w, a)
	}
}

// run runs one operation with its faults, under the lock, and logs it.
func (s *Server) run(c *call, op Operation, run operation, h http.Header) (*answer, plan) {
	s.mu.Lock()
	p := s.planFor(c, op)
	a := p.instead
	if !p.skip {
		s.lastBase = c.base
		done := s.perform(c, op, run, h)
		if done.status < 300 && s.takeDrop(op) {
			p.drop = true
		}
		if a == nil {
			a = done
		}
	}
	if a == nil {
		a = &answer{status: http.StatusOK, body: map[string]string{"self": c.base + c.r.URL.Path}}
	}
	s.compactIfLong()
	s.logCall(c, op, a, p)
	s.mu.Unlock()
	return a, p
}

func (s *Server) logCall(c *call, op Operation, a *answer, p plan) {
	entry := Request{
		Operation: op, Method: c.r.Method, Path: c.r.URL.Path, Query: c.r.URL.RawQuery, BodyBytes: len(c.body), At: s.cfg.Now(),
		Gateway: throughGateway(c.r),
	}
	if c.account != nil {
		entry.Account = c.account.ID
	}
	if !p.drop && !p.hang {
		entry.Status = a.status
	}
	s.record(entry)
}

func (s *Server) perform(c *call, op Operation, run operation, h http.Header) *answer {
	h.Set("X-AREQUESTID", strconv.FormatInt(s.revision, 10)+"x"+strconv.Itoa(len(s.requests)))
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

func (s *Server) writeDate(w http.ResponseWriter) {
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
}

// head writes the headers and gives the body.
func (s *Server) head(w http.ResponseWriter, a *answer) ([]byte, bool) {
	raw, contentType, err := a.bytes()
	if err != nil {
		s.cfg.Log.Error("answer not encoded", "error", err)
		drop(w)
		return nil, false
	}
	s.writeDate(w)
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	return raw, true
}

func (s *Server) write(w http.ResponseWriter, a *answer) {
	raw, good := s.head(w, a)
	if !good {
		return
	}
	w.WriteHeader(a.status)
	// The reader has gone when this errs; there is nobody left to tell.
	_, _ = w.Write(raw)
}

// The pieces in which a slow body comes.
const slowPieces = 10

// writeSpoilt writes half of a body as if it were all, half of what was announced, or a body that comes slowly.
func (s *Server) writeSpoilt(w http.ResponseWriter, r *http.Request, a *answer, p plan) {
	raw, good := s.head(w, a)
	if !good {
		return
	}
	if p.truncate {
		raw = raw[:len(raw)/2]
	}
	if p.cut && len(raw) > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
		raw = raw[:len(raw)/2]
	}
	w.WriteHeader(a.status)
	if p.drip == 0 {
		_, _ = w.Write(raw)
		return
	}
	size := len(raw)/slowPieces + 1
	for len(raw) > 0 {
		piece := raw[:min(size, len(raw))]
		if _, err := w.Write(piece); err != nil {
			return
		}
		// A writer that cannot flush sends everything at the end, which is slow as well.
		_ = http.NewResponseController(w).Flush()
		if raw = raw[len(piece):]; !pause(r, p.drip/slowPieces) {
			return
		}
	}
}

// pause waits; false when the caller went away before.
func pause(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
