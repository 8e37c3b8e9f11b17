package jiratest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// MisfireKind is how one call is spoilt.
type MisfireKind string

// The kinds of misfire.
const (
	// MisfireDrop closes the connection without an answer; MisfireHang never answers. (Clients of net/http silently repeat
	// a GET whose connection was used before and is closed so; a POST they do not.)
	MisfireDrop MisfireKind = "drop"
	MisfireHang MisfireKind = "hang"
	// MisfireSlow answers rightly, DelayMS later; MisfireSlowBody sends the body in pieces over DelayMS.
	MisfireSlow     MisfireKind = "slow"
	MisfireSlowBody MisfireKind = "slow_body"
	// MisfireStatus answers Status with Body and RetryAfter; MisfireRateLimit is a 429 with Reason.
	MisfireStatus    MisfireKind = "status"
	MisfireRateLimit MisfireKind = "rate_limit"
	// MisfireHTML answers 200 and a page; MisfireRedirect 302 to such a page.
	MisfireHTML     MisfireKind = "html"
	MisfireRedirect MisfireKind = "redirect"
	// MisfireTruncate answers half of the JSON; MisfireCut closes the connection after half of it.
	MisfireTruncate MisfireKind = "truncate"
	MisfireCut      MisfireKind = "cut"
)

// FaultResponse is one way to spoil a call.
type FaultResponse struct {
	Kind MisfireKind `json:"kind"`
	// Committed does what was asked all the same. A slow answer is always committed.
	Committed bool `json:"committed,omitempty"`
	// Status is that of MisfireStatus, 503 when 0.
	Status int `json:"status,omitempty"`
	// RetryAfter is the header's value, "" for none; Reason is RateLimit's; Body is "json" (also when empty), "html" or
	// "empty".
	RetryAfter string `json:"retry_after,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Body       string `json:"body,omitempty"`
	// DelayMS is a wait before the answer, or within it, in milliseconds.
	DelayMS int `json:"delay_ms,omitempty"`
}

// Rule spoils every Every-th call (each one when 0) of the operations Only (all when empty), Times times (without end when
// 0), with the misfires of Of in turn.
type Rule struct {
	Every int             `json:"every,omitempty"`
	Times int             `json:"times,omitempty"`
	Only  []Operation     `json:"only,omitempty"`
	Of    []FaultResponse `json:"of"`
}

// ruleCount is how far a rule has come.
type ruleCount struct{ calls, fired int }

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

func (f Faults) check() error {
	for n, r := range f.Rules {
		if len(r.Of) == 0 || r.Every < 0 || r.Times < 0 {
			return fmt.Errorf("rules[%d]: expected of (at least one misfire), and every and times that are not negative", n)
		}
		for _, m := range r.Of {
			if !slices.Contains(misfireKinds(), m.Kind) {
				return fmt.Errorf("rules[%d]: unknown kind %q; expected one of %q", n, m.Kind, misfireKinds())
			}
		}
	}
	return nil
}

func misfireKinds() []MisfireKind {
	return []MisfireKind{
		MisfireDrop, MisfireHang, MisfireSlow, MisfireSlowBody, MisfireStatus, MisfireRateLimit, MisfireHTML, MisfireRedirect,
		MisfireTruncate, MisfireCut,
	}
}

// plan is what the faults do to one call.
type plan struct {
	// skip keeps the operation from being run.
	skip bool
	// instead, when it is set, is answered in the place of what the operation said.
	instead *answer
	// drop closes the connection, hang never answers, slow waits before the answer.
	drop, hang bool
	slow       time.Duration
	// The rest spoils the answer's body.
	truncate, cut bool
	drip          time.Duration
	// name is what FaultHeader tells of an answer that is not Jira's own, "" for one that is.
	name string
}

// FaultHeader names the fault that spoilt an answer, for checks that compare answers with the vendor's document and are
// to pass over such a one.
const FaultHeader = "X-Sim-Fault"

func (p plan) spoilsBody() bool { return p.truncate || p.cut || p.drip > 0 }

// planFor decides one call's faults and counts down. The caller holds the lock.
func (s *Server) planFor(c *call, op Operation) plan {
	f := &s.faults
	if !f.concerns(op) {
		return s.planByRules(c, op)
	}
	s.callsSinceFaults++
	now := s.now()
	var p plan
	switch {
	case f.Down && f.DownStatus == 0:
		p = plan{skip: true, drop: true}
	case f.Down:
		p = plan{skip: true, instead: statusAnswer(f.DownStatus, f.FailRetryAfter, ""), name: "down"}
	case f.RateLimit != nil && take(&f.RateLimit.Times):
		p = plan{skip: true, instead: f.RateLimit.answer(now), name: string(MisfireRateLimit)}
	case f.FailEvery > 0 && s.callsSinceFaults%f.FailEvery == 0:
		p = plan{skip: !f.FailCommitted, instead: statusAnswer(f.FailStatus, f.FailRetryAfter, ""), name: string(MisfireStatus)}
	case take(&f.HTML):
		p = FaultResponse{Kind: MisfireHTML}.plan(c, now)
	case take(&f.Redirect):
		p = FaultResponse{Kind: MisfireRedirect}.plan(c, now)
	case take(&f.Truncate):
		p = plan{truncate: true, name: string(MisfireTruncate)}
	case take(&f.Cut):
		p = plan{cut: true, name: string(MisfireCut)}
	default:
		p = s.planByRules(c, op)
	}
	p.slow += time.Duration(f.SlowMS) * time.Millisecond
	p.drip += time.Duration(f.SlowBodyMS) * time.Millisecond
	return p
}

// planByRules lets every rule count the call; the first one whose turn it is decides.
func (s *Server) planByRules(c *call, op Operation) plan {
	var p plan
	decided := false
	for n, r := range s.faults.Rules {
		count := &s.rules[n]
		if len(r.Only) > 0 && !slices.Contains(r.Only, op) {
			continue
		}
		count.calls++
		if decided || count.calls%max(r.Every, 1) != 0 || (r.Times > 0 && count.fired >= r.Times) || len(r.Of) == 0 {
			continue
		}
		p, decided = r.Of[count.fired%len(r.Of)].plan(c, s.now()), true
		count.fired++
	}
	return p
}

func (m FaultResponse) plan(c *call, now time.Time) plan {
	delay := time.Duration(m.DelayMS) * time.Millisecond
	p := plan{skip: !m.Committed, slow: delay, name: string(m.Kind)}
	switch m.Kind {
	case MisfireDrop:
		p.drop = true
	case MisfireHang:
		p.hang = true
	case MisfireSlow:
		p.skip, p.name = false, ""
	case MisfireSlowBody:
		p.skip, p.slow, p.drip, p.name = false, 0, delay, ""
	case MisfireStatus:
		p.instead = statusAnswer(m.Status, m.RetryAfter, m.Body)
	case MisfireRateLimit:
		p.instead = RateLimit{RetryAfter: m.RetryAfter, Reason: m.Reason, Body: m.Body}.answer(now)
	case MisfireHTML:
		p.instead = &answer{status: http.StatusOK, raw: []byte(loginPage), contentType: htmlType}
	case MisfireRedirect:
		p.instead = &answer{status: http.StatusFound, raw: []byte{}, header: http.Header{"Location": {c.base + loginPath}}}
	case MisfireTruncate:
		p.truncate = true
	case MisfireCut:
		p.cut = true
	}
	return p
}

const (
	htmlType  = "text/html;charset=UTF-8"
	loginPath = "/_sso/login"
	loginPage = "<!DOCTYPE html><html><head><title>Log in</title></head><body><h1>Please log in</h1></body></html>"
)

// statusAnswer is a failure; 0 is 503.
func statusAnswer(status int, retryAfter, body string) *answer {
	if status == 0 {
		status = http.StatusServiceUnavailable
	}
	a := bodyOf(body, http.StatusText(status))
	a.status = status
	if retryAfter != "" {
		a.header.Set("Retry-After", retryAfter)
	}
	return a
}

// bodyOf is an answer of one of the three kinds of body: no vendor promises which one comes with a failure.
func bodyOf(kind, message string) *answer {
	a := &answer{header: http.Header{}}
	switch kind {
	case "html":
		a.raw, a.contentType = []byte("<html><body><h1>"+message+"</h1></body></html>"), htmlType
	case "empty":
		a.raw = []byte{}
	default:
		a.body = errorBody(message, nil)
	}
	return a
}

// answer builds the 429. The structured headers are those of the draft that the vendor follows.
func (l RateLimit) answer(now time.Time) *answer {
	a := bodyOf(l.Body, "Rate limit exceeded.")
	a.status = http.StatusTooManyRequests
	if l.RetryAfter != "" {
		a.header.Set("Retry-After", l.RetryAfter)
	}
	if l.Reason == "" {
		return a
	}
	wait, err := strconv.Atoi(l.RetryAfter)
	if err != nil {
		wait = 1
	}
	a.header.Set("RateLimit-Reason", l.Reason)
	a.header.Set("X-RateLimit-Limit", "100")
	a.header.Set("X-RateLimit-Remaining", "0")
	a.header.Set("X-RateLimit-Reset", now.Add(time.Duration(wait)*time.Second).UTC().Format("2006-01-02T15:04Z"))
	if l.Reason == ReasonGlobalQuota || l.Reason == ReasonTenantQuota {
		a.header.Set("RateLimit-Policy", `"global-app-quota";q=65000;w=3600`)
		a.header.Set("RateLimit", `"global-app-quota";r=0;t=`+strconv.Itoa(wait))
	}
	return a
}
