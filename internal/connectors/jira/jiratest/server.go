package jiratest

import (
	"crypto/rand"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server is the fake. It is an http.Handler, safe for concurrent use. Close it when it is no longer needed.
type Server struct {
	cfg   Config
	mux   *http.ServeMux
	hooks *deliverer

	mu       sync.Mutex
	accounts []Account
	faults   Faults
	// callsSinceFaults counts the calls that Faults.FailEvery counts.
	callsSinceFaults int
	entries          map[int64]*entry
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
	// holds are the calls that shall wait, or do.
	holds []*hold
}

var _ http.Handler = (*Server)(nil)

// New makes a server. It reads no state file (see Restore) and listens nowhere: serve it with net/http.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, mux: http.NewServeMux(), accounts: cfg.Accounts, faults: cfg.Faults.clone(),
		entries: map[int64]*entry{}, keys: map[string]int64{}, numbers: map[string]int{}, counts: map[Operation]int{},
		lastID: 10_000, lastBase: cfg.BaseURL, site: rand.Text(),
	}
	s.accounts = append([]Account(nil), cfg.Accounts...)
	s.hooks = newDeliverer(cfg)
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

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// operation is one API call: it runs under the lock and answers, or refuses.
type operation func(*call) (*answer, error)

func (s *Server) routeAPI() {
	for _, v := range []struct {
		path    string
		version int
	}{{"/rest/api/2/", 2}, {"/rest/api/latest/", 2}, {"/rest/api/3/", 3}} {
		handle := func(pattern string, op Operation, run operation) {
			method, path, _ := strings.Cut(pattern, " ")
			s.mux.HandleFunc(method+" "+v.path+path, s.api(op, v.version, run))
		}
		s.routeMeta(handle)
		s.routeIssues(handle)
	}
	s.mux.HandleFunc("/rest/", s.api(OpOther, 3, func(*call) (*answer, error) {
		return nil, refuse(http.StatusNotFound, "null for uri: no such resource")
	}))
}

func (s *Server) routeMeta(handle func(string, Operation, operation)) {
	handle("GET serverInfo", OpServerInfo, s.serverInfo)
	handle("GET myself", OpMyself, s.myself)
	handle("GET project/{key}", OpGetProject, s.getProject)
	handle("GET project/{key}/statuses", OpProjectStatuses, s.projectStatuses)
	handle("GET issue/createmeta/{key}/issuetypes", OpCreateMetaTypes, s.createMetaTypes)
	handle("GET issue/createmeta/{key}/issuetypes/{type}", OpCreateMetaFields, s.createMetaFields)
	handle("GET user", OpGetUser, s.getUser)
	handle("GET user/search", OpFindUsers, s.findUsers)
	handle("GET user/assignable/search", OpFindAssignable, s.findAssignable)
	handle("GET search/jql", OpSearch, s.search)
	handle("POST search/jql", OpSearch, s.search)
	handle("POST search/approximate-count", OpCount, s.approximateCount)
	handle("GET search", OpRemovedSearch, s.removedSearch)
	handle("POST search", OpRemovedSearch, s.removedSearch)
}

func (s *Server) routeIssues(handle func(string, Operation, operation)) {
	handle("POST issue", OpCreateIssue, s.createIssue)
	handle("POST issue/bulkfetch", OpBulkFetch, s.bulkFetch)
	handle("GET issue/{key}", OpGetIssue, s.getIssue)
	handle("PUT issue/{key}", OpEditIssue, s.editIssue)
	handle("DELETE issue/{key}", OpDeleteIssue, s.deleteIssue)
	handle("GET issue/{key}/changelog", OpGetChangelog, s.getChangelog)
	handle("GET issue/{key}/transitions", OpGetTransitions, s.getTransitions)
	handle("POST issue/{key}/transitions", OpTransition, s.transition)
	handle("GET issue/{key}/comment", OpGetComments, s.getComments)
	handle("POST issue/{key}/comment", OpAddComment, s.addComment)
	handle("PUT issue/{key}/assignee", OpAssign, s.assign)
	handle("GET issue/{key}/{part}/{property}", OpGetProperty, s.getProperty)
	handle("PUT issue/{key}/{part}/{property}", OpPutProperty, s.putProperty)
	handle("GET issue/{key}/remotelink", OpGetRemoteLinks, s.getRemoteLinks)
	handle("POST issue/{key}/remotelink", OpPutRemoteLink, s.putRemoteLink)
}

// api is the way of a call through the stations that the package comment names.
func (s *Server) api(op Operation, version int, run operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := readBody(w, r)
		if err != nil {
			s.write(w, &answer{status: http.StatusRequestEntityTooLarge, body: errorBody("The request body is too large.", nil)}, plan{})
			return
		}
		c := &call{r: r, version: version, body: body, base: s.base(r)}
		if !s.heldUp(c, op, HoldBefore) {
			drop(w)
			return
		}
		a, p := s.run(c, op, run, w.Header())
		if !p.drop && a.status < http.StatusMultipleChoices && !s.heldUp(c, op, HoldAfter) {
			drop(w)
			return
		}
		if p.slow > 0 && !pause(r, p.slow) {
			return
		}
		if p.drop {
			drop(w)
			return
		}
		s.write(w, a, p)
	}
}

// run runs one operation with its faults, under the lock, and logs it.
func (s *Server) run(c *call, op Operation, run operation, h http.Header) (*answer, plan) {
	s.mu.Lock()
	p := s.planFor(op)
	a := p.instead
	if a == nil && !p.drop {
		s.lastBase = c.base
		a = s.perform(c, run, h)
		if a.status < 300 && s.takeDrop(op) {
			p.drop = true
		}
	}
	if p.fail != nil {
		a = p.fail
	}
	s.compactIfLong()
	s.mu.Unlock()
	entry := Request{Operation: op, Method: c.r.Method, Path: c.r.URL.Path, Query: c.r.URL.RawQuery, BodyBytes: len(c.body), At: s.cfg.Now()}
	if c.account != nil {
		entry.Account = c.account.ID
	}
	if !p.drop {
		entry.Status = a.status
	}
	s.record(entry)
	return a, p
}

func (s *Server) perform(c *call, run operation, h http.Header) *answer {
	account, refused := s.authenticate(c.r, h)
	if refused != nil {
		return refused
	}
	c.account = account
	a, err := run(c)
	if err != nil {
		return answerOf(err)
	}
	return a
}

func (s *Server) write(w http.ResponseWriter, a *answer, p plan) {
	raw, contentType, err := a.bytes()
	if err != nil {
		s.cfg.Log.Error("answer not encoded", "error", err)
		drop(w)
		return
	}
	if p.truncate {
		raw = raw[:len(raw)/2]
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	if p.cut && len(raw) > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
		raw = raw[:len(raw)/2]
	}
	w.WriteHeader(a.status)
	// The reader has gone when this errs; there is nobody left to tell.
	_, _ = w.Write(raw)
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

func (s *Server) base(r *http.Request) string {
	if s.cfg.BaseURL != "" {
		return s.cfg.BaseURL
	}
	return "http://" + r.Host
}
