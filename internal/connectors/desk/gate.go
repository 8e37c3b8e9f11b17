package desk

import (
	"sync"
	"time"

	"usher/internal/access"
)

// Scope is what a refusal that lasts is about, in the driver's own words.
type Scope string

// Everything is the scope of all calls.
const Everything Scope = ""

// Refusal is why a scope must be left alone.
type Refusal struct {
	Until time.Time
	// Kind is RateLimited, or Forbidden where a human must act first.
	Kind access.Kind
	Why  string
}

// Gates remembers a desk's refusals, so that a call which would be refused again is answered without a call. The zero value
// has no gate shut. Safe for concurrent use.
type Gates struct {
	mu   sync.Mutex
	shut map[Scope]Refusal
}

// Creating and Commenting are the scopes of the calls that leave something behind each time.
const (
	Creating   Scope = "create"
	Commenting Scope = "comment"
)

// unkeptPause is how long nothing more is written where a desk has not kept what usher wrote.
const unkeptPause = 15 * time.Minute

// Unkept returns the error, Forbidden, for what a desk took and does not show, and shuts the scope for a while: each further try
// would leave one more behind.
func (g *Gates) Unkept(op string, s Scope, format string, args ...any) error {
	err, now := access.Errorf(access.Forbidden, op, format, args...), time.Now()
	g.Shut(s, Refusal{Until: now.Add(unkeptPause), Kind: err.Kind, Why: err.Error()}, now)
	return err
}

// Check returns an error for a call of which a scope is shut, with the time that is left where the kind is RateLimited; nil
// when the call may be made.
func (g *Gates) Check(op string, now time.Time, scopes ...Scope) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range scopes {
		one, there := g.shut[s]
		if !there || !one.Until.After(now) {
			continue
		}
		e := access.Errorf(one.Kind, op, "not asked again before %s: %s", one.Until.UTC().Format(time.TimeOnly+" UTC"), one.Why)
		if one.Kind == access.RateLimited {
			e.RetryAfter = one.Until.Sub(now)
		}
		return e
	}
	return nil
}

// Shut shuts a scope, and forgets what is over. A refusal that lasts longer than the new one stays.
func (g *Gates) Shut(s Scope, one Refusal, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = map[Scope]Refusal{}
	}
	for old, known := range g.shut {
		if !known.Until.After(now) {
			delete(g.shut, old)
		}
	}
	if known, there := g.shut[s]; there && known.Until.After(one.Until) {
		return
	}
	g.shut[s] = one
}
