package jiratest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Faults are the ways in which the fake misbehaves; the zero value is none. A number of times counts down as it is
// used up. It is JSON at PUT /_sim/faults, where unknown keys are refused.
type Faults struct {
	// Only limits Down, SlowMS, FailEvery, RateLimit, HTML, Truncate and Cut to these operations; empty is all.
	Only []Operation `json:"only,omitempty"`
	// Down closes every connection without an answer; nothing is committed.
	Down bool `json:"down,omitempty"`
	// SlowMS commits, then waits so many milliseconds before it answers.
	SlowMS int `json:"slow_ms,omitempty"`
	// DropAfterCommit does what was asked, so many times, and closes the connection without an answer.
	DropAfterCommit map[Operation]int `json:"drop_after_commit,omitempty"`
	// FailEvery answers every N-th call with FailStatus (503 when 0) and commits nothing, unless FailCommitted.
	FailEvery     int  `json:"fail_every,omitempty"`
	FailStatus    int  `json:"fail_status,omitempty"`
	FailCommitted bool `json:"fail_committed,omitempty"`
	// FailRetryAfter is the Retry-After of those answers, "" for none.
	FailRetryAfter string `json:"fail_retry_after,omitempty"`
	// RateLimit answers 429.
	RateLimit *RateLimit `json:"rate_limit,omitempty"`
	// HTML answers so many calls with status 200 and a page of HTML, and commits nothing.
	HTML int `json:"html,omitempty"`
	// Truncate commits, so many times, and answers with the first half of the JSON; Cut announces the whole length and
	// closes the connection after half of it.
	Truncate int `json:"truncate,omitempty"`
	Cut      int `json:"cut,omitempty"`
	// IndexLagSeconds is how long the search does not see a change.
	IndexLagSeconds float64 `json:"index_lag_seconds,omitempty"`
	// RepeatPageToken makes the search answer with the token that it was asked with, for ever; OmitIsLast leaves
	// isLast out.
	RepeatPageToken bool `json:"repeat_page_token,omitempty"`
	OmitIsLast      bool `json:"omit_is_last,omitempty"`
	// Anonymous treats all credentials as wrong: 401 where an account is needed, emptiness everywhere else.
	Anonymous bool `json:"anonymous,omitempty"`
	// ReporterRefused: the caller may not set a reporter.
	ReporterRefused bool `json:"reporter_refused,omitempty"`
	// TransitionConflicts answers so many transitions with 409; nothing is committed.
	TransitionConflicts int `json:"transition_conflicts,omitempty"`
	// HideEmails leaves emailAddress out of every answer.
	HideEmails bool `json:"hide_emails,omitempty"`
	// LoseWebhooks loses so many events; DoubleWebhooks delivers each twice with one identifier; ReorderWebhooks
	// delivers each second event before the first; ForgeWebhooks signs with a wrong secret.
	LoseWebhooks    int  `json:"lose_webhooks,omitempty"`
	DoubleWebhooks  bool `json:"double_webhooks,omitempty"`
	ReorderWebhooks bool `json:"reorder_webhooks,omitempty"`
	ForgeWebhooks   bool `json:"forge_webhooks,omitempty"`
}

// RateLimit is a 429. Times is how often.
type RateLimit struct {
	Times int `json:"times"`
	// RetryAfter is the header's value, in seconds; "" leaves it out.
	RetryAfter string `json:"retry_after,omitempty"`
	// Reason is the header RateLimit-Reason ("jira-burst-based"); "" leaves it and the other X-RateLimit headers out.
	Reason string `json:"reason,omitempty"`
	// Body is "json" (also when empty), "html" or "empty".
	Body string `json:"body,omitempty"`
}

// SetFaults replaces all faults. A shorter index lag applies to earlier changes as well; a longer one does not.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f.clone()
	s.callsSinceFaults = 0
	s.releaseHeld()
	latest := s.cfg.Now().Add(f.lag())
	for _, e := range s.entries {
		e.visibleBy(latest)
	}
}

// Faults is what is switched on now, with the counters as far as they have counted down.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.clone()
}

func (f Faults) clone() Faults {
	f.Only = slices.Clone(f.Only)
	drops := make(map[Operation]int, len(f.DropAfterCommit))
	for op, n := range f.DropAfterCommit {
		drops[op] = n
	}
	f.DropAfterCommit = drops
	if f.RateLimit != nil {
		limit := *f.RateLimit
		f.RateLimit = &limit
	}
	return f
}

func (f Faults) lag() time.Duration { return time.Duration(f.IndexLagSeconds * float64(time.Second)) }

func (f Faults) concerns(op Operation) bool { return len(f.Only) == 0 || slices.Contains(f.Only, op) }

// plan is what the faults do to one call.
type plan struct {
	drop bool
	// instead, when it is set, is answered and nothing is committed.
	instead *answer
	// The rest happens after the operation.
	truncate, cut bool
	fail          *answer
	slow          time.Duration
}

// planFor decides one call's faults and counts down. The caller holds the lock.
func (s *Server) planFor(op Operation) plan {
	f := &s.faults
	var p plan
	if !f.concerns(op) {
		return p
	}
	s.callsSinceFaults++
	p.slow = time.Duration(f.SlowMS) * time.Millisecond
	switch {
	case f.Down:
		p.drop = true
	case f.RateLimit != nil && take(&f.RateLimit.Times):
		p.instead = f.RateLimit.answer(s.cfg.Now())
	case f.FailEvery > 0 && s.callsSinceFaults%f.FailEvery == 0:
		failure := f.failure()
		if f.FailCommitted {
			p.fail = failure
		} else {
			p.instead = failure
		}
	case take(&f.HTML):
		p.instead = &answer{status: http.StatusOK, raw: []byte(loginPage), contentType: htmlType}
	case take(&f.Truncate):
		p.truncate = true
	case take(&f.Cut):
		p.cut = true
	}
	return p
}

// takeDrop says whether this committed operation loses its answer. The caller holds the lock.
func (s *Server) takeDrop(op Operation) bool {
	n := s.faults.DropAfterCommit[op]
	if !take(&n) {
		return false
	}
	s.faults.DropAfterCommit[op] = n
	return true
}

func take(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}

const (
	htmlType  = "text/html;charset=UTF-8"
	loginPage = "<!DOCTYPE html><html><head><title>Log in</title></head><body><h1>Please log in</h1></body></html>"
)

func (f Faults) failure() *answer {
	status := f.FailStatus
	if status == 0 {
		status = http.StatusServiceUnavailable
	}
	a := &answer{status: status, body: errorBody("Internal server error", nil), header: http.Header{}}
	if f.FailRetryAfter != "" {
		a.header.Set("Retry-After", f.FailRetryAfter)
	}
	return a
}

// answer builds the 429. Its body is not promised by the vendor, so each kind can be had.
func (l RateLimit) answer(now time.Time) *answer {
	a := &answer{status: http.StatusTooManyRequests, header: http.Header{}}
	if l.RetryAfter != "" {
		a.header.Set("Retry-After", l.RetryAfter)
	}
	if l.Reason != "" {
		wait, err := strconv.Atoi(l.RetryAfter)
		if err != nil {
			wait = 1
		}
		a.header.Set("RateLimit-Reason", l.Reason)
		a.header.Set("X-RateLimit-Limit", "100")
		a.header.Set("X-RateLimit-Remaining", "0")
		a.header.Set("X-RateLimit-Reset", now.Add(time.Duration(wait)*time.Second).UTC().Format("2006-01-02T15:04Z"))
	}
	switch l.Body {
	case "html":
		a.raw, a.contentType = []byte("<html><body><h1>Too many requests</h1></body></html>"), htmlType
	case "empty":
		a.raw = []byte{}
	default:
		a.body = errorBody("Rate limit exceeded.", nil)
	}
	return a
}

// decodeFaults reads the control endpoint's JSON strictly, so that a typing error is not a fault that never comes.
func decodeFaults(d *json.Decoder) (Faults, error) {
	var f Faults
	d.DisallowUnknownFields()
	err := d.Decode(&f)
	return f, err
}
