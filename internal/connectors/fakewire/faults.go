package fakewire

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Faults are the ways in which every fake misbehaves; the zero value is none. A fake embeds them in its own Faults, beside
// what only its product can do wrong.
type Faults struct {
	// Down closes every connection without an answer; nothing is done, and no rule counts.
	Down bool `json:"down,omitempty"`
	// Rules spoil calls in any mixture; the first rule whose turn it is decides.
	Rules []Rule `json:"rules,omitempty"`
}

// Rules returns the faults of some rules.
func Rules(rules ...Rule) Faults { return Faults{Rules: rules} }

// Check returns what is wrong with rules that cannot be.
func (f Faults) Check() error {
	for n, r := range f.Rules {
		if err := r.check(); err != nil {
			return fmt.Errorf("rules[%d]: %w", n, err)
		}
	}
	return nil
}

// Rule spoils every Every-th call (each one when 0) of the operations Only (all when empty), Times times (without end when
// 0), with the faults of Of in turn.
type Rule struct {
	Every int         `json:"every,omitempty"`
	Times int         `json:"times,omitempty"`
	Only  []Operation `json:"only,omitempty"`
	// Succeeded lets the rule count only the calls that have done what was asked, and that no other rule spoils. It spoils
	// their answers; a call that is refused uses up nothing.
	Succeeded bool    `json:"succeeded,omitempty"`
	Of        []Fault `json:"of"`
}

func (r Rule) check() error {
	if len(r.Of) == 0 || r.Every < 0 || r.Times < 0 {
		return errors.New("expected of (at least one fault), and every and times that are not negative")
	}
	for _, f := range r.Of {
		if !slices.Contains(kinds(), f.Kind) {
			return fmt.Errorf("unknown kind %q; expected one of %q", f.Kind, kinds())
		}
	}
	return nil
}

func (r Rule) clone() Rule {
	r.Only, r.Of = slices.Clone(r.Only), slices.Clone(r.Of)
	return r
}

// Kind is how one call is spoilt.
type Kind string

// The kinds of fault.
const (
	// Drop closes the connection without an answer; Hang never answers. (Clients of net/http silently repeat a GET whose
	// connection was used before and is closed so; a POST they do not.)
	Drop Kind = "drop"
	Hang Kind = "hang"
	// Slow answers rightly, DelayMS later; SlowBody sends the body in pieces over DelayMS.
	Slow     Kind = "slow"
	SlowBody Kind = "slow_body"
	// Status answers Status with Body and RetryAfter; RateLimit is a 429 with Reason.
	Status    Kind = "status"
	RateLimit Kind = "rate_limit"
	// HTML answers 200 and a page; Redirect 302 to such a page.
	HTML     Kind = "html"
	Redirect Kind = "redirect"
	// Truncate answers half of the JSON as if it were all; Cut closes the connection after half of it.
	Truncate Kind = "truncate"
	Cut      Kind = "cut"
)

func kinds() []Kind {
	return []Kind{Drop, Hang, Slow, SlowBody, Status, RateLimit, HTML, Redirect, Truncate, Cut}
}

// Fault is one way to spoil a call.
type Fault struct {
	Kind Kind `json:"kind"`
	// Committed does what was asked all the same. A slow answer is always committed.
	Committed bool `json:"committed,omitempty"`
	// Status is that of the kind Status, 503 when 0.
	Status int `json:"status,omitempty"`
	// RetryAfter is the header's value, "" for none; Reason is why there were too many calls, as the product says it; Body
	// is "json" (also when empty), "html" or "empty".
	RetryAfter string `json:"retry_after,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Body       string `json:"body,omitempty"`
	// DelayMS is a wait before the answer, or within it, in milliseconds.
	DelayMS int `json:"delay_ms,omitempty"`
}

func (f Fault) delay() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

// marks reports whether the answer is not the product's own.
func (f Fault) marks() bool { return f.Kind != "" && f.Kind != Slow && f.Kind != SlowBody }

// skips reports whether the fault keeps the operation from being run.
func (f Fault) skips() bool { return f.marks() && !f.Committed }

// FaultHeader names the fault that spoilt an answer, for checks that compare answers with the vendor's document and are
// to pass over such a one.
const FaultHeader = "X-Sim-Fault"

// turn is a rule and how far it has come.
type turn struct {
	Rule
	calls, fired int
}

func (t *turn) spent() bool { return t.Times > 0 && t.fired >= t.Times }

// SetFaults replaces all faults; their counters begin again.
func (w *Wire) SetFaults(f Faults) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down, w.turns = f.Down, nil
	for _, r := range f.Rules {
		w.turns = append(w.turns, &turn{Rule: r.clone()})
	}
}

// Faults returns what is switched on now: Times is how often a rule will still spoil a call, and a rule that is used up
// is left out.
func (w *Wire) Faults() Faults {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := Faults{Down: w.down}
	for _, t := range w.turns {
		if t.spent() {
			continue
		}
		r := t.clone()
		if r.Times > 0 {
			r.Times -= t.fired
		}
		f.Rules = append(f.Rules, r)
	}
	return f
}

// due returns the fault of a call, of those before its run or of those after its success; the zero Fault is none. Every
// rule counts the call.
func (w *Wire) due(op Operation, succeeded bool) Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return Fault{Kind: Drop}
	}
	var f Fault
	for _, t := range w.turns {
		if t.Succeeded != succeeded || t.spent() || (len(t.Only) > 0 && !slices.Contains(t.Only, op)) {
			continue
		}
		t.calls++
		if f.Kind != "" || t.calls%max(t.Every, 1) != 0 || len(t.Of) == 0 {
			continue
		}
		f = t.Of[t.fired%len(t.Of)]
		t.fired++
	}
	return f
}

const (
	loginPath = "/_sso/login"
	loginPage = "<!DOCTYPE html><html><head><title>Log in</title></head><body><h1>Please log in</h1></body></html>"
)

// instead returns what a fault answers in the place of what the operation says; nil for nothing else.
func (w *Wire) instead(c *Call, f Fault) *Answer {
	switch f.Kind {
	case Status:
		return w.failure(f, http.StatusText(f.status()))
	case RateLimit:
		return w.RateLimited(f)
	case HTML:
		return Page(http.StatusOK, loginPage)
	case Redirect:
		return &Answer{Status: http.StatusFound, Raw: []byte{}, Header: http.Header{"Location": {"http://" + c.Host + loginPath}}}
	default:
		return nil
	}
}

func (f Fault) status() int {
	switch {
	case f.Kind == RateLimit:
		return http.StatusTooManyRequests
	case f.Status == 0:
		return http.StatusServiceUnavailable
	}
	return f.Status
}

// RateLimited returns the product's 429, with the time, the reason and the kind of body of a fault.
func (w *Wire) RateLimited(f Fault) *Answer {
	f.Kind = RateLimit
	a := w.failure(f, "Rate limit exceeded.")
	if w.cfg.Limited != nil {
		w.cfg.Limited(a, f)
	}
	return a
}

// failure is an answer with one of the three kinds of body: no vendor promises which one comes with a failure.
func (w *Wire) failure(f Fault, message string) *Answer {
	var a *Answer
	switch f.Body {
	case "html":
		a = Page(f.status(), "<html><body><h1>"+message+"</h1></body></html>")
	case "empty":
		a = &Answer{Status: f.status(), Raw: []byte{}}
	default:
		a = w.cfg.Refuse(f.status(), message)
	}
	if f.RetryAfter != "" {
		a.Set("Retry-After", f.RetryAfter)
	}
	return a
}
