package jiratest

import (
	"maps"
	"slices"
	"time"
)

// logLimit is how many requests are remembered; the counters go on.
const logLimit = 10_000

// Request is one call to the API, as the log keeps it.
type Request struct {
	Operation Operation
	Method    string
	// Path is the path without the query; Query is the raw query, "" for none.
	Path, Query string
	// Account is the id of the calling account, "" for an anonymous caller.
	Account string
	// BodyBytes is the size of the request's body.
	BodyBytes int
	// Status is the status that was answered; 0 when the connection was closed without an answer.
	Status int
	At     time.Time
	// Gateway is true for a call that came through the gateway; Path is then the path at the site.
	Gateway bool
}

// Requests returns the last calls to the API, oldest first: at most 10,000. Pages and /_sim are not calls.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Calls are how often the API was called since the start or ResetRequests.
type Calls struct {
	Total       int               `json:"total"`
	ByOperation map[Operation]int `json:"by_operation"`
}

// Calls returns the counters. It is cheap however many calls there were.
func (s *Server) Calls() Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Calls{ByOperation: maps.Clone(s.counts)}
	for _, n := range s.counts {
		out.Total += n
	}
	return out
}

// Count is how often an operation was called since the start or ResetRequests.
func (s *Server) Count(op Operation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[op]
}

// ResetRequests empties the log and the counters.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.counts = nil, map[Operation]int{}
}

// record remembers a call. The caller holds the lock.
func (s *Server) record(r Request) {
	s.counts[r.Operation]++
	if len(s.requests) >= logLimit {
		s.requests = slices.Delete(s.requests, 0, logLimit/10)
	}
	s.requests = append(s.requests, r)
}
