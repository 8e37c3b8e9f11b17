package fakewire

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// logLimit is how many calls are remembered; the counters go on.
const logLimit = 1000

// Request is one call, as the log keeps it.
type Request struct {
	Operation Operation
	Method    string
	// URI is the address as the caller wrote it; Path is the path that was served, not escaped, and Query its query.
	URI, Path string
	Query     url.Values
	Header    http.Header
	Body      string
	// Account is the calling account, "" for an anonymous caller and for a call that was not run.
	Account string
	// Status is the status that was answered; 0 when the connection was closed without an answer.
	Status int
	At     time.Time
}

// Requests returns the last calls, those that a fault met included, oldest first; at least the last 500 are kept. Pages
// and /_sim are not calls.
func (w *Wire) Requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

// Calls are how many calls there were since the start or ResetRequests.
type Calls struct {
	Total       int               `json:"total"`
	ByOperation map[Operation]int `json:"by_operation"`
}

// Calls returns the counters. It is cheap however many calls there were.
func (w *Wire) Calls() Calls {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := Calls{ByOperation: maps.Clone(w.counts)}
	for _, n := range w.counts {
		out.Total += n
	}
	return out
}

// Count returns how often an operation was called since the start or ResetRequests.
func (w *Wire) Count(op Operation) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[op]
}

// ResetRequests empties the log and the counters.
func (w *Wire) ResetRequests() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log, w.counts = nil, map[Operation]int{}
}

// record remembers a call, before its answer is sent.
func (w *Wire) record(c *Call, a *Answer, f Fault) {
	one := Request{
		Operation: c.Operation, Method: c.Method, URI: c.RequestURI, Path: c.URL.Path, Query: c.URL.Query(),
		Header: c.Request.Header.Clone(), Body: string(c.Body), Account: c.Account, At: w.cfg.Now(),
	}
	if f.Kind != Drop && f.Kind != Hang {
		one.Status = a.Status
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[c.Operation]++
	if len(w.log) >= logLimit {
		w.log = slices.Delete(w.log, 0, logLimit/2)
	}
	w.log = append(w.log, one)
}
