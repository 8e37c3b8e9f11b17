package jira

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/rest"
)

// The waits where a limit names none: a burst is a bucket that fills every second, and the limit on one issue counts over
// two seconds (Atlassian, "Rate limiting"). captchaPause is how long a log-in that a human must unlock is left alone: each
// try keeps the lock.
const (
	burstPause   = time.Second
	issuePause   = 2 * time.Second
	captchaPause = 5 * time.Minute
)

// learn shuts what an answer says is to be left alone, and gives the wait into the error that the answer made.
func (d *driver) learn(c rest.Call, a rest.Response, err error) error {
	now := d.now()
	if captcha(a) {
		d.gates.Shut(desk.Everything, desk.Refusal{Until: now.Add(captchaPause), Kind: access.Forbidden, Why: captchaText}, now)
		return err
	}
	if a.Status != http.StatusTooManyRequests {
		return err
	}
	s, wait := limitOf(c, a, now)
	if wait <= 0 {
		return err
	}
	wait = min(wait, rest.MaxRetryAfter)
	d.gates.Shut(s, desk.Refusal{Until: now.Add(wait), Kind: access.RateLimited, Why: "Jira's rate limit" + reasonText(a)}, now)
	var e *access.Error
	if errors.As(err, &e) {
		e.RetryAfter = wait
	}
	return err
}

// limitOf returns what a 429 is about and how long it lasts; 0 where neither the answer nor its reason says.
//
// RateLimit-Reason is an open set. Cloud has three systems: an hourly quota for everything, bursts on one endpoint and
// method, and changes of one issue. What is unknown is taken as the endpoint's. Data Center's limit has no reason and is
// the user's on one node: everything. It shows its headers on every answer, so only a 429 counts.
func limitOf(c rest.Call, a rest.Response, now time.Time) (desk.Scope, time.Duration) {
	wait := waitOf(a, now)
	reason := a.Header.Get("RateLimit-Reason")
	switch {
	case strings.Contains(reason, "quota"):
		if wait == 0 {
			// The quota starts anew with the hour.
			wait = now.Truncate(time.Hour).Add(time.Hour).Sub(now)
		}
		return desk.Everything, wait
	case strings.Contains(reason, "per-issue"):
		if wait == 0 {
			wait = issuePause
		}
		if s, is := issueScope(c); is {
			return s, wait
		}
	case strings.Contains(reason, "burst"):
		if wait == 0 {
			wait = burstPause
		}
	case reason == "" && a.Header.Get("X-RateLimit-Interval-Seconds") != "":
		return desk.Everything, wait
	}
	return endpointScope(c), wait
}

// waitOf is what Retry-After says, else X-RateLimit-Reset; 0 for neither. The reset is a moment by Jira's clock, so it is
// compared with the answer's own date where there is one.
func waitOf(a rest.Response, now time.Time) time.Duration {
	if at, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		now = at
	}
	if wait := rest.RetryAfter(a.Header, now); wait > 0 {
		return wait
	}
	text := strings.TrimSpace(a.Header.Get("X-RateLimit-Reset"))
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return max(0, at.Sub(now))
		}
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds > 1e9 {
		return max(0, time.Unix(seconds, 0).Sub(now))
	}
	return 0
}

func reasonText(a rest.Response) string {
	if reason := a.Header.Get("RateLimit-Reason"); reason != "" {
		return fmt.Sprintf(" (%.60q)", reason)
	}
	return ""
}

// scopesOf are the scopes that a call is in: everything, one endpoint with one method, and one issue's changes.
func scopesOf(c rest.Call) []desk.Scope {
	scopes := []desk.Scope{desk.Everything, endpointScope(c)}
	if s, is := issueScope(c); is {
		scopes = append(scopes, s)
	}
	return scopes
}

// endpointScope is a path with its numbers left out, and the method.
func endpointScope(c rest.Call) desk.Scope {
	parts := strings.Split(c.Path, "/")
	for n, part := range parts {
		if isNumber(part) {
			parts[n] = "*"
		}
	}
	return desk.Scope(c.Method + " " + strings.Join(parts, "/"))
}

// issueScope is the issue that a call changes; false for none.
func issueScope(c rest.Call) (desk.Scope, bool) {
	parts := strings.SplitN(c.Path, "/", 3)
	if c.Method == http.MethodGet || len(parts) < 2 || parts[0] != "issue" || !isNumber(parts[1]) {
		return "", false
	}
	return desk.Scope("issue " + parts[1]), true
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
