package jiratest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/connectors/fakewire"
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

// quota is what was used of Limits.QuotaPerHour.
type quota struct {
	hour   time.Time
	points int
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
		if _, wait := s.limiter.Take(string(op), l.BurstPerSecond, s.store.Clock()); wait > 0 {
			return s.tooMany(ReasonBurst, wait)
		}
	}
	if i, known := s.store.Find(c.r.PathValue("key")); known && writesIssue(op) {
		return s.limitWrites(*l, i.ID)
	}
	return nil
}

func (s *Server) limitQuota(l Limits, h http.Header) *answer {
	now := s.store.Now().UTC()
	if hour := now.Truncate(time.Hour); !hour.Equal(s.quota.hour) {
		s.quota.hour, s.quota.points = hour, 0
	}
	left := l.QuotaPerHour - s.quota.points
	if left <= 0 {
		return s.tooMany(ReasonTenantQuota, s.quota.hour.Add(time.Hour).Sub(now))
	}
	if left*5 < l.QuotaPerHour {
		h.Set("X-RateLimit-NearLimit", "true")
	}
	return nil
}

func (s *Server) limitWrites(l Limits, id string) *answer {
	wait := s.limiter.Within(id, s.store.Clock(),
		fakewire.Window{Span: 2 * time.Second, Most: l.IssueWritesPer2s}, fakewire.Window{Span: 30 * time.Second, Most: l.IssueWritesPer30s})
	if wait == 0 {
		return nil
	}
	return s.tooMany(ReasonIssueWrites, wait)
}

// limitUser counts one account's calls, and tells the headers that Data Center sends with every answer.
func (s *Server) limitUser(c *call, h http.Header) *answer {
	perSecond, left, wait := 100, 99, time.Duration(0)
	if l := s.faults.Limits; l != nil && l.UserPerSecond > 0 && c.account != nil {
		perSecond = l.UserPerSecond
		left, wait = s.limiter.Take("user "+c.account.ID, perSecond, s.store.Clock())
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(perSecond))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	h.Set("X-RateLimit-FillRate", strconv.Itoa(perSecond))
	h.Set("X-RateLimit-Interval-Seconds", "1")
	h.Set("Retry-After", fakewire.WholeSeconds(wait))
	if wait == 0 {
		return nil
	}
	return &answer{Status: http.StatusTooManyRequests, Body: map[string]string{"message": "Rate limit exceeded."}}
}

func (s *Server) tooMany(reason string, wait time.Duration) *answer {
	return s.RateLimited(fakewire.Fault{RetryAfter: fakewire.WholeSeconds(wait), Reason: reason})
}

// addLimitHeaders adds what Jira's 429 tells of its reason; one without a reason tells nothing. The structured headers are
// those of the draft that the vendor follows.
func (s *Server) addLimitHeaders(a *answer, f fakewire.Fault) {
	if f.Reason == "" {
		return
	}
	wait, err := strconv.Atoi(f.RetryAfter)
	if err != nil {
		wait = 1
	}
	a.Set("RateLimit-Reason", f.Reason)
	a.Set("X-RateLimit-Limit", "100")
	a.Set("X-RateLimit-Remaining", "0")
	a.Set("X-RateLimit-Reset", s.store.Now().Add(time.Duration(wait)*time.Second).UTC().Format("2006-01-02T15:04Z"))
	if f.Reason == ReasonGlobalQuota || f.Reason == ReasonTenantQuota {
		a.Set("RateLimit-Policy", `"global-app-quota";q=65000;w=3600`)
		a.Set("RateLimit", `"global-app-quota";r=0;t=`+strconv.Itoa(wait))
	}
}

// charge counts the points of an answered call.
func (s *Server) charge(c *call, op Operation, a *answer) {
	if s.faults.Limits == nil || !throughGateway(c.r) {
		return
	}
	s.quota.points++
	if writesIssue(op) || strings.HasPrefix(c.r.Method, http.MethodPut) {
		return
	}
	if list, isMap := a.Body.(map[string]any); isMap {
		if issues, many := list["issues"].([]any); many {
			s.quota.points += len(issues)
		}
	}
}
