package jiratest

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The values of RateLimit-Reason that Atlassian documents for Jira Cloud; others occur.
const (
	ReasonGlobalQuota = "jira-quota-global-based"
	ReasonTenantQuota = "jira-quota-tenant-based"
	ReasonBurst       = "jira-burst-based"
	ReasonIssueWrites = "jira-per-issue-on-write"
)

// Limits are the vendor's limits, counted out by the clock; 0 leaves one out.
type Limits struct {
	// QuotaPerHour are points (1 for a call, and 1 for each issue read) until the next full hour of UTC. Only calls at the
	// gateway cost points: the vendor leaves API tokens out.
	QuotaPerHour int `json:"quota_per_hour,omitempty"`
	// BurstPerSecond are calls of one operation.
	BurstPerSecond int `json:"burst_per_second,omitempty"`
	// IssueWritesPer2s and IssueWritesPer30s are writes to one issue; the vendor's are 20 and 100.
	IssueWritesPer2s  int `json:"issue_writes_per_2s,omitempty"`
	IssueWritesPer30s int `json:"issue_writes_per_30s,omitempty"`
	// UserPerSecond are calls of one account on Data Center.
	UserPerSecond int `json:"user_per_second,omitempty"`
}

// limiter is what was used of the limits.
type limiter struct {
	hour    time.Time
	points  int
	buckets map[string]*bucket
	writes  map[string][]time.Time
}

func newLimiter() limiter {
	return limiter{buckets: map[string]*bucket{}, writes: map[string][]time.Time{}}
}

// bucket is filled with perSecond tokens each second, up to as many.
type bucket struct {
	tokens float64
	at     time.Time
}

func (l *limiter) take(name string, perSecond int, now time.Time) (left int, wait time.Duration) {
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

// limit refuses what is too much. The caller holds the lock.
func (s *Server) limit(c *call, op Operation, h http.Header) *answer {
	if s.cfg.Edition == DataCenter {
		return s.limitUser(c, h)
	}
	l := s.faults.Limits
	if l == nil {
		return nil
	}
	if l.QuotaPerHour > 0 && throughGateway(c.r) {
		if refused := s.limitQuota(*l, h); refused != nil {
			return refused
		}
	}
	if l.BurstPerSecond > 0 {
		if _, wait := s.limits.take(string(op), l.BurstPerSecond, s.cfg.Now()); wait > 0 {
			return s.tooMany(ReasonBurst, wait)
		}
	}
	if i, known := s.find(c.r.PathValue("key")); known && op.writesIssue() {
		return s.limitWrites(*l, i.id())
	}
	return nil
}

func (s *Server) limitQuota(l Limits, h http.Header) *answer {
	now := s.now().UTC()
	if hour := now.Truncate(time.Hour); !hour.Equal(s.limits.hour) {
		s.limits.hour, s.limits.points = hour, 0
	}
	left := l.QuotaPerHour - s.limits.points
	if left <= 0 {
		return s.tooMany(ReasonTenantQuota, s.limits.hour.Add(time.Hour).Sub(now))
	}
	if left*5 < l.QuotaPerHour {
		h.Set("X-RateLimit-NearLimit", "true")
	}
	return nil
}

func (s *Server) limitWrites(l Limits, id string) *answer {
	now := s.cfg.Now()
	var kept []time.Time
	for _, at := range s.limits.writes[id] {
		if now.Sub(at) < 30*time.Second {
			kept = append(kept, at)
		}
	}
	s.limits.writes[id] = kept
	for span, most := range map[time.Duration]int{2 * time.Second: l.IssueWritesPer2s, 30 * time.Second: l.IssueWritesPer30s} {
		if most > 0 && len(kept) >= most {
			if oldest := kept[len(kept)-most]; now.Sub(oldest) < span {
				return s.tooMany(ReasonIssueWrites, span-now.Sub(oldest))
			}
		}
	}
	s.limits.writes[id] = append(kept, now)
	return nil
}

// limitUser counts one account's calls, and tells the headers that Data Center sends with every answer.
func (s *Server) limitUser(c *call, h http.Header) *answer {
	perSecond, left, wait := 100, 99, time.Duration(0)
	if l := s.faults.Limits; l != nil && l.UserPerSecond > 0 && c.account != nil {
		perSecond = l.UserPerSecond
		left, wait = s.limits.take("user "+c.account.ID, perSecond, s.cfg.Now())
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(perSecond))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	h.Set("X-RateLimit-FillRate", strconv.Itoa(perSecond))
	h.Set("X-RateLimit-Interval-Seconds", "1")
	h.Set("Retry-After", wholeSeconds(wait))
	if wait == 0 {
		return nil
	}
	return &answer{status: http.StatusTooManyRequests, body: map[string]string{"message": "Rate limit exceeded."}}
}

// wholeSeconds rounds up, as the header must.
func wholeSeconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

func (s *Server) tooMany(reason string, wait time.Duration) *answer {
	return RateLimit{RetryAfter: wholeSeconds(wait), Reason: reason}.answer(s.now())
}

// charge counts the points of an answered call.
func (s *Server) charge(c *call, op Operation, a *answer) {
	if s.faults.Limits == nil || !throughGateway(c.r) {
		return
	}
	s.limits.points++
	if op.writesIssue() || strings.HasPrefix(c.r.Method, http.MethodPut) {
		return
	}
	if list, isMap := a.body.(map[string]any); isMap {
		if issues, many := list["issues"].([]any); many {
			s.limits.points += len(issues)
		}
	}
}
