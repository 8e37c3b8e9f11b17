package fakewire

import "time"

// Limiter counts what was used of limits, each by a name. Its zero value has counted nothing. It is not safe for
// concurrent use.
type Limiter struct {
	buckets map[string]*bucket
	events  map[string][]time.Time
}

// bucket is filled with perSecond tokens each second, up to as many.
type bucket struct {
	tokens float64
	at     time.Time
}

// Take takes one of perSecond tokens of a bucket. It returns how many are left, or how long to wait for the next.
func (l *Limiter) Take(name string, perSecond int, now time.Time) (left int, wait time.Duration) {
	if l.buckets == nil {
		l.buckets = map[string]*bucket{}
	}
	b := l.buckets[name]
	if b == nil {
		b = &bucket{tokens: float64(perSecond), at: now}
		l.buckets[name] = b
	}
	b.tokens = min(float64(perSecond), b.tokens+now.Sub(b.at).Seconds()*float64(perSecond))
	b.at = now
	if b.tokens < 1 {
		return 0, time.Duration((1 - b.tokens) / float64(perSecond) * float64(time.Second))
	}
	b.tokens--
	return int(b.tokens), 0
}

// Window allows Most events within Span; a Most of 0 allows any number.
type Window struct {
	Span time.Duration
	Most int
}

// Within counts an event where all windows allow it, and returns 0; else it returns how long to wait.
func (l *Limiter) Within(name string, now time.Time, windows ...Window) time.Duration {
	if l.events == nil {
		l.events = map[string][]time.Time{}
	}
	longest, wait := time.Duration(0), time.Duration(0)
	for _, w := range windows {
		longest = max(longest, w.Span)
	}
	var kept []time.Time
	for _, at := range l.events[name] {
		if now.Sub(at) < longest {
			kept = append(kept, at)
		}
	}
	for _, w := range windows {
		if w.Most > 0 && len(kept) >= w.Most {
			wait = max(wait, w.Span-now.Sub(kept[len(kept)-w.Most]))
		}
	}
	if wait == 0 {
		kept = append(kept, now)
	}
	l.events[name] = kept
	return wait
}
