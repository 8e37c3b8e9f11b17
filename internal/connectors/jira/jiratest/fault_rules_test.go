package jiratest_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/jira/jiratest"
)

// spoil makes the next create misfire.
func (d *desk) spoil(m jiratest.FaultResponse) {
	d.SetFaults(jiratest.Faults{Rules: []jiratest.Rule{{Times: 1, Only: []jiratest.Operation{jiratest.OpCreateIssue}, Of: []jiratest.FaultResponse{m}}}})
}

func TestMisfiresWithAnAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		misfire jiratest.FaultResponse
		status  int
		issues  int
		body    string
		header  http.Header
	}{
		"a 500 that committed nothing": {
			jiratest.FaultResponse{Kind: jiratest.MisfireStatus, Status: 500}, 500, 0, "Internal Server Error", http.Header{},
		},
		"a 502 of HTML, committed": {
			jiratest.FaultResponse{Kind: jiratest.MisfireStatus, Status: 502, Body: "html", Committed: true}, 502, 1, "<html>", http.Header{},
		},
		"a 503 with a time and no body": {
			jiratest.FaultResponse{Kind: jiratest.MisfireStatus, RetryAfter: "9", Body: "empty"}, 503, 0, "", http.Header{"Retry-After": {"9"}},
		},
		"a 503 without a time": {
			jiratest.FaultResponse{Kind: jiratest.MisfireStatus}, 503, 0, "Service Unavailable", http.Header{},
		},
		"a 429 of the quota": {
			jiratest.FaultResponse{Kind: jiratest.MisfireRateLimit, Reason: jiratest.ReasonGlobalQuota, RetryAfter: "600"},
			429, 0, "Rate limit",
			http.Header{"Ratelimit-Reason": {"jira-quota-global-based"}, "Ratelimit": {`"global-app-quota";r=0;t=600`}, "Retry-After": {"600"}},
		},
		"a 429 of the tenant's quota": {
			jiratest.FaultResponse{Kind: jiratest.MisfireRateLimit, Reason: jiratest.ReasonTenantQuota},
			429, 0, "Rate limit",
			http.Header{"Ratelimit-Reason": {"jira-quota-tenant-based"}},
		},
		"a 429 of the burst, of HTML": {
			jiratest.FaultResponse{Kind: jiratest.MisfireRateLimit, Reason: jiratest.ReasonBurst, Body: "html"},
			429, 0, "<html>",
			http.Header{"Ratelimit-Reason": {"jira-burst-based"}},
		},
		"a 429 of one issue, without a body": {
			jiratest.FaultResponse{Kind: jiratest.MisfireRateLimit, Reason: jiratest.ReasonIssueWrites, Body: "empty", RetryAfter: "2"},
			429, 0, "",
			http.Header{"Ratelimit-Reason": {"jira-per-issue-on-write"}, "Retry-After": {"2"}},
		},
		"a page of HTML": {
			jiratest.FaultResponse{Kind: jiratest.MisfireHTML}, 200, 0, "<!DOCTYPE html>", http.Header{"Content-Type": {"text/html;charset=UTF-8"}},
		},
		"half of the JSON, committed": {
			jiratest.FaultResponse{Kind: jiratest.MisfireTruncate, Committed: true}, 201, 1, `{"id":`, http.Header{},
		},
		"half of some JSON, not committed": {
			jiratest.FaultResponse{Kind: jiratest.MisfireTruncate}, 200, 0, `{"self":`, http.Header{},
		},
		"a slow answer": {
			jiratest.FaultResponse{Kind: jiratest.MisfireSlow, DelayMS: 1}, 201, 1, `"key":"ACCESS-1"`, http.Header{},
		},
		"a body that comes in pieces": {
			jiratest.FaultResponse{Kind: jiratest.MisfireSlowBody, DelayMS: 10}, 201, 1, `"key":"ACCESS-1"`, http.Header{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.spoil(tt.misfire)
			r := d.want(tt.status, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
			require.Contains(t, r.raw, tt.body)
			require.Len(t, d.Issues(), tt.issues)
			if tt.status != http.StatusCreated || tt.misfire.Kind == jiratest.MisfireTruncate {
				require.Equal(t, string(tt.misfire.Kind), r.header.Get(jiratest.FaultHeader))
			} else {
				require.Empty(t, r.header.Get(jiratest.FaultHeader), "the answer is Jira's own")
			}
			for header := range tt.header {
				require.Equal(t, tt.header.Get(header), r.header.Get(header), header)
			}
			if tt.header.Get("Retry-After") == "" {
				require.Empty(t, r.header.Get("Retry-After"))
			}
			d.want(http.StatusCreated, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
		})
	}
}

func TestMisfiresWithoutAnAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		misfire jiratest.FaultResponse
		issues  int
		err     error
	}{
		"closed before the commit": {jiratest.FaultResponse{Kind: jiratest.MisfireDrop}, 0, io.EOF},
		"closed after the commit":  {jiratest.FaultResponse{Kind: jiratest.MisfireDrop, Committed: true}, 1, io.EOF},
		"cut before the commit":    {jiratest.FaultResponse{Kind: jiratest.MisfireCut}, 0, io.ErrUnexpectedEOF},
		"cut after the commit":     {jiratest.FaultResponse{Kind: jiratest.MisfireCut, Committed: true}, 1, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.spoil(tt.misfire)
			_, err := d.send(http.MethodPost, "/rest/api/2/issue", newIssue(nil))
			require.ErrorIs(t, err, tt.err)
			require.Len(t, d.Issues(), tt.issues)
		})
	}
}

func TestACallCanHangBeforeAndAfterItsCommit(t *testing.T) {
	for name, tt := range map[string]struct {
		committed bool
		issues    int
	}{"before": {false, 0}, "after": {true, 1}} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.spoil(jiratest.FaultResponse{Kind: jiratest.MisfireHang, Committed: tt.committed})
			ctx, cancel := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/rest/api/2/issue", nil)
			require.NoError(t, err)
			r.SetBasicAuth(d.email, d.token)
			r.Body = io.NopCloser(jsonBody(t, newIssue(nil)))
			ended := make(chan error, 1)
			go func() { _, err := d.roundTrip(r); ended <- err }()
			require.Eventually(t, func() bool { return d.Count(jiratest.OpCreateIssue) == 1 }, 10*time.Second, time.Millisecond)
			require.Len(t, d.Issues(), tt.issues)
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
			require.Zero(t, d.Requests()[0].Status)
		})
	}
}

func TestARedirectLeadsToALoginPage(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{Redirect: 1})
	r := d.want(http.StatusFound, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.Empty(t, d.Issues())
	require.Equal(t, d.url+"/_sso/login", r.header.Get("Location"))
	require.Contains(t, d.want(http.StatusOK, http.MethodGet, "/_sso/login", nil).raw, "Please log in")
}

func TestASlowBodyOfAllCalls(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{SlowBodyMS: 10})
	require.Equal(t, jiratest.DefaultAccountID, d.want(http.StatusOK, http.MethodGet, "/rest/api/3/myself", nil).json["accountId"])
}

func TestEveryFifthCallMisfiresInAnotherWay(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{Rules: []jiratest.Rule{{Every: 5, Of: []jiratest.FaultResponse{
		{Kind: jiratest.MisfireStatus, Status: 500}, {Kind: jiratest.MisfireRateLimit, RetryAfter: "1"}, {Kind: jiratest.MisfireDrop},
	}}}})
	var statuses []int
	for range 20 {
		r, err := d.send(http.MethodPost, "/rest/api/3/search/approximate-count", object{"jql": "project = ACCESS"})
		if err != nil {
			r.status = 0
		}
		statuses = append(statuses, r.status)
	}
	ok := http.StatusOK
	require.Equal(t, []int{ok, ok, ok, ok, 500, ok, ok, ok, ok, 429, ok, ok, ok, ok, 0, ok, ok, ok, ok, 500}, statuses)
}

func TestRulesEndAndTheFirstOneWins(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{Rules: []jiratest.Rule{
		{Every: 2, Times: 1, Of: []jiratest.FaultResponse{{Kind: jiratest.MisfireStatus, Status: 500}}},
		{Every: 2, Of: []jiratest.FaultResponse{{Kind: jiratest.MisfireStatus, Status: 502}}},
	}})
	var statuses []int
	for range 6 {
		statuses = append(statuses, d.call(http.MethodGet, "/rest/api/3/myself", nil).status)
	}
	require.Equal(t, []int{200, 500, 200, 502, 200, 502}, statuses)
}

func TestASiteThatIsDownComesBack(t *testing.T) {
	d := newDesk(t, nil)
	for range 2 {
		d.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{"down":true}`)
		_, err := d.send(http.MethodGet, "/rest/api/3/myself", nil)
		require.Error(t, err)
		d.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{"down":true,"down_status":503,"fail_retry_after":"30"}`)
		r := d.want(http.StatusServiceUnavailable, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
		require.Equal(t, "30", r.header.Get("Retry-After"))
		d.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{}`)
		d.want(http.StatusOK, http.MethodGet, "/rest/api/3/myself", nil)
	}
	require.Empty(t, d.Issues())
}

func TestRulesAreCheckedWhenTheyAreSwitchedByHTTP(t *testing.T) {
	d := newDesk(t, nil)
	for _, body := range []string{
		`{"rules":[{"every":2}]}`, `{"rules":[{"of":[{"kind":"explode"}]}]}`, `{"rules":[{"every":-1,"of":[{"kind":"drop"}]}]}`,
	} {
		r := d.want(http.StatusBadRequest, http.MethodPut, "/_sim/faults", body)
		require.Contains(t, r.raw, "rules[0]")
	}
	d.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{"rules":[{"every":5,"only":["search"],"of":[{"kind":"drop","committed":true}]}]}`)
	require.Equal(t, []jiratest.Rule{{
		Every: 5, Only: []jiratest.Operation{jiratest.OpSearch}, Of: []jiratest.FaultResponse{{Kind: jiratest.MisfireDrop, Committed: true}},
	}}, d.Faults().Rules)
}
