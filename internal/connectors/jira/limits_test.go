package jira_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// limited is a site with two tickets, and a desk with a clock, whose reading of ticket 10001 or whose comment on it is
// refused once.
func limited(t *testing.T, call string, answer http.HandlerFunc) (*site, *jira.Desk, *clock) {
	t.Helper()
	s := newSite(t, jiratest.Config{})
	now := newClock()
	desk := s.desk(t, func(c *jira.Config) { c.Reporter = false })
	desk.SetClock(now.read)
	open(t, desk)
	open(t, desk)
	require.NoError(t, desk.AddComments(t.Context(), "10002", access.Comment{Marker: "c0", Text: "x"}))
	s.tap.AnswerInstead(call, answer)
	return s, desk, now
}

func tooMany(body string, headers ...string) http.HandlerFunc {
	return with(status(http.StatusTooManyRequests, body), append([]string{"Date", newClock().read().Format(http.TimeFormat)}, headers...)...)
}

func TestRateLimit_scopes(t *testing.T) {
	read := func(d *jira.Desk, t *testing.T, id access.TicketID) error {
		_, err := d.ReadTicket(t.Context(), id)
		return err
	}
	comment := func(d *jira.Desk, t *testing.T, id access.TicketID) error {
		return d.AddComments(t.Context(), id, access.Comment{Marker: "c1", Text: "x"})
	}
	assign := func(d *jira.Desk, t *testing.T, id access.TicketID) error {
		return d.AssignTicket(t.Context(), id, jiratest.DefaultAccountID)
	}
	find := func(d *jira.Desk, t *testing.T, _ access.TicketID) error {
		_, err := d.FindTicket(t.Context(), "usher-r1")
		return err
	}
	type act = func(*jira.Desk, *testing.T, access.TicketID) error
	for _, tt := range []struct {
		name    string
		refused string
		answer  http.HandlerFunc
		first   act
		wait    time.Duration
		shut    map[string]bool
	}{
		{
			"a tenant's quota is everything's", "GET /issue/10001",
			tooMany(`{"message":"x"}`, "RateLimit-Reason", "jira-quota-tenant-based", "Retry-After", "1847"), read, 1847 * time.Second,
			map[string]bool{"read 1": true, "read 2": true, "find": true, "comment 1": true, "comment 2": true, "assign 1": true},
		},
		{
			"a quota without a time lasts to the end of the hour", "GET /issue/10001",
			tooMany(``, "RateLimit-Reason", "jira-quota-global-based"), read, 55*time.Minute + 55*time.Second,
			map[string]bool{"read 2": true, "find": true, "assign 1": true},
		},
		{
			"a quota with a reset without seconds", "GET /issue/10001",
			tooMany(`<html>`, "Content-Type", "text/html", "RateLimit-Reason", "jira-quota-global-based", "X-RateLimit-Reset", "2026-01-02T03:10Z"),
			read, 5*time.Minute + 55*time.Second,
			map[string]bool{"read 2": true, "find": true},
		},
		{
			"no wait is longer than an hour", "GET /issue/10001",
			tooMany(``, "RateLimit-Reason", "jira-quota-global-based", "X-RateLimit-Reset", "2026-01-02T23:00:00Z"), read, time.Hour,
			map[string]bool{"find": true},
		},
		{
			"a burst is that endpoint's, for every issue", "GET /issue/10001",
			tooMany(``, "RateLimit-Reason", "jira-burst-based", "Retry-After", "7"), read, 7 * time.Second,
			map[string]bool{"read 1": true, "read 2": true, "find": false},
		},
		{
			"a burst is that method's", "POST /comment",
			tooMany(``, "RateLimit-Reason", "jira-burst-based"), comment, time.Second,
			map[string]bool{"comment 1": true, "comment 2": true, "read 1": false, "find": false, "assign 1": false},
		},
		{
			"writes on one issue are that issue's", "POST /issue/10001/comment",
			tooMany(`{}`, "RateLimit-Reason", "jira-per-issue-on-write", "X-RateLimit-Reset", "2026-01-02T03:04:35Z"), comment, 30 * time.Second,
			map[string]bool{"comment 1": true, "assign 1": true, "read 1": false, "find": false, "comment 2": false, "assign 2": false},
		},
		{
			"writes on one issue, without a time", "POST /issue/10001/comment",
			tooMany(`{}`, "RateLimit-Reason", "jira-per-issue-on-write"), comment, 2 * time.Second,
			map[string]bool{"assign 1": true, "assign 2": false},
		},
		{
			"an unknown reason is the endpoint's", "GET /issue/10001",
			tooMany(`not JSON`, "RateLimit-Reason", "jira-phase-of-the-moon", "Retry-After", "5"), read, 5 * time.Second,
			map[string]bool{"read 2": true, "find": false},
		},
		{
			"no reason is the endpoint's", "GET /issue/10001", tooMany(``, "Retry-After", "5"), read, 5 * time.Second,
			map[string]bool{"read 2": true, "find": false},
		},
		{
			"neither a reason nor a time shuts nothing", "GET /issue/10001", tooMany(``), read, 0,
			map[string]bool{"read 2": false, "find": false},
		},
		{
			"a time that has passed shuts nothing", "GET /issue/10001", tooMany(``, "X-RateLimit-Reset", "2026-01-02T03:04Z"), read, 0,
			map[string]bool{"read 2": false},
		},
		{
			"Data Center's limit is the user's", "GET /issue/10001",
			tooMany(``, "X-RateLimit-Limit", "5", "X-RateLimit-Interval-Seconds", "60", "X-RateLimit-FillRate", "1", "X-RateLimit-Remaining", "0", "Retry-After", "12"),
			read, 12 * time.Second,
			map[string]bool{"read 2": true, "find": true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, desk, now := limited(t, tt.refused, tt.answer)
			err := tt.first(desk, t, "10001")
			requireKind(t, access.RateLimited, err)
			require.Equal(t, tt.wait, access.RetryAfterOf(err))
			s.tap.AnswerInstead("", nil)
			others := map[string]func() error{
				"read 1": func() error { return read(desk, t, "10001") }, "read 2": func() error { return read(desk, t, "10002") },
				"find":      func() error { return find(desk, t, "") },
				"comment 1": func() error { return comment(desk, t, "10001") }, "comment 2": func() error { return comment(desk, t, "10002") },
				"assign 1": func() error { return assign(desk, t, "10001") }, "assign 2": func() error { return assign(desk, t, "10002") },
			}
			for name, shut := range tt.shut {
				err := others[name]()
				if !shut {
					require.NoError(t, err, name)
					continue
				}
				requireKind(t, access.RateLimited, err)
				require.Equal(t, tt.wait, access.RetryAfterOf(err), name)
			}
			now.pass(tt.wait)
			for name := range tt.shut {
				require.NoError(t, others[name](), name)
			}
		})
	}
}

func TestRateLimit_not_asked_again(t *testing.T) {
	s, desk, now := limited(t, "GET /issue/10001", tooMany(``, "RateLimit-Reason", "jira-quota-global-based", "Retry-After", "60"))
	_, err := desk.ReadTicket(t.Context(), "10001")
	requireKind(t, access.RateLimited, err)
	before := len(s.Requests())
	now.pass(20 * time.Second)
	_, err = desk.CreateTicket(t.Context(), newTicket(""))
	requireKind(t, access.RateLimited, err)
	require.ErrorContains(t, err, "jira-quota-global-based")
	require.Equal(t, 40*time.Second, access.RetryAfterOf(err))
	require.Len(t, s.Requests(), before)
}

func TestRateLimit_not_reached(t *testing.T) {
	s := dataCenterScript(t)
	s.on("GET /rest/api/2/issue/10001", with(okay(dcIssue("10001", "1")), "Retry-After", "0", "X-RateLimit-Limit", "5",
		"X-RateLimit-Remaining", "0", "X-RateLimit-Interval-Seconds", "1", "X-RateLimit-FillRate", "5"))
	desk := s.desk(t, nil)
	for range 3 {
		_, err := desk.ReadTicket(t.Context(), "10001")
		require.NoError(t, err)
	}
}

func TestLimiter_ends(t *testing.T) {
	s, desk, now := limited(t, "POST /comment", tooMany(``, "RateLimit-Reason", "jira-per-issue-on-write", "Retry-After", "2"))
	for n := range 3 {
		err := desk.AddComments(t.Context(), "10001", access.Comment{Marker: access.Marker(fmt.Sprint("c", n)), Text: "x"})
		requireKind(t, access.RateLimited, err)
		now.pass(2 * time.Second)
	}
	require.Len(t, s.tap.Calls("POST /issue/10001/comment"), 3, "each time is over after its wait")
}
