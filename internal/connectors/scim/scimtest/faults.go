package scimtest

import (
	"net/http"
	"strconv"
	"time"
)

// Faults is what goes wrong with SCIM calls, from now on. Its zero value: nothing.
type Faults struct {
	// Down cuts every connection without an answer.
	Down bool `json:"down"`
	// FailEvery answers every n-th call with 500 and does nothing; 1 means every call, 0 none.
	FailEvery int `json:"fail_every"`
	// DropAfterPatch does the next n PATCHes and cuts their connections instead of answering; below 0 it never ends.
	DropAfterPatch int `json:"drop_after_patch"`
	// TooMany answers the next n calls with 429; below 0 it never ends. RetryAfterSeconds is what the answer asks for.
	TooMany           int `json:"too_many"`
	RetryAfterSeconds int `json:"retry_after_seconds"`
	// SlowMilliseconds is how long every call waits before it is done.
	SlowMilliseconds int `json:"slow_milliseconds"`
	// StaleReads is how many reads of a group after a PATCH still show it as it was before.
	StaleReads int `json:"stale_reads"`
}

// SetFaults replaces all faults; counting for FailEvery begins anew.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.served.sinceFaults = f, 0
}

// CurrentFaults returns which faults are switched on, with what is left of those that count.
func (s *Server) CurrentFaults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// fault is what happens to one call.
type fault struct {
	down, fail, drop bool
	slow             time.Duration
	tooMany          bool
	retryAfter       int
}

// nextFault records the call and takes what is due for it.
func (s *Server) nextFault(r *http.Request, body []byte) fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served.add(r, body)
	s.served.sinceFaults++
	f := fault{
		down: s.faults.Down, slow: time.Duration(s.faults.SlowMilliseconds) * time.Millisecond,
		retryAfter: s.faults.RetryAfterSeconds,
	}
	switch {
	case f.down:
	case take(&s.faults.TooMany):
		f.tooMany = true
	case s.faults.FailEvery > 0 && s.served.sinceFaults%s.faults.FailEvery == 0:
		f.fail = true
	case r.Method == http.MethodPatch:
		f.drop = take(&s.faults.DropAfterPatch)
	}
	return f
}

// take uses up one of a count; below 0 it never ends.
func take(left *int) bool {
	if *left > 0 {
		*left--
		return true
	}
	return *left < 0
}

// before lets the fault happen that comes before the work; false: the call is over.
func (f fault) before(w http.ResponseWriter, r *http.Request) bool {
	if f.slow > 0 {
		timer := time.NewTimer(f.slow)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return false
		}
	}
	switch {
	case f.down:
		drop(w)
		return false
	case f.tooMany:
		if f.retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
		}
		write(w, refuse(http.StatusTooManyRequests, "", "too many requests"))
		return false
	case f.fail:
		write(w, refuse(http.StatusInternalServerError, "", "a fault that was asked for"))
		return false
	}
	return true
}

// drop ends the connection without an answer.
func drop(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 cannot be cut in this way; a bad gateway is the next best thing to no answer.
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	_ = conn.Close()
}
