package jiratest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira/jiratest"
)

// spoils switches rules on, and all other faults off.
func (d *desk) spoils(rules ...fakewire.Rule) {
	d.SetFaults(jiratest.Faults{Faults: fakewire.Rules(rules...)})
}

// spoil makes the next create go wrong.
func (d *desk) spoil(m fakewire.Fault) {
	d.spoils(fakewire.Rule{Times: 1, Only: []jiratest.Operation{jiratest.OpCreateIssue}, Of: []fakewire.Fault{m}})
}

func TestFaultsHaveJirasShape(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  fakewire.Fault
		status int
		issues int
		body   string
		header http.Header
	}{
		"a 500 that committed nothing": {
			fakewire.Fault{Kind: fakewire.Status, Status: 500}, 500, 0, "Internal Server Error", http.Header{},
		},
		"a 502 of HTML, committed": {
			fakewire.Fault{Kind: fakewire.Status, Status: 502, Body: "html", Committed: true}, 502, 1, "<html>", http.Header{},
		},
		"a 503 with a time and no body": {
			fakewire.Fault{Kind: fakewire.Status, RetryAfter: "9", Body: "empty"}, 503, 0, "", http.Header{"Retry-After": {"9"}},
		},
		"a 429 of the quota": {
			fakewire.Fault{Kind: fakewire.RateLimit, Reason: jiratest.ReasonGlobalQuota, RetryAfter: "600"},
			429, 0, "Rate limit",
			http.Header{"Ratelimit-Reason": {"jira-quota-global-based"}, "Ratelimit": {`"global-app-quota";r=0;t=600`}, "Retry-After": {"600"}},
		},
		"a 429 of the tenant's quota": {
			fakewire.Fault{Kind: fakewire.RateLimit, Reason: jiratest.ReasonTenantQuota},
			429, 0, "Rate limit",
			http.Header{"Ratelimit-Reason": {"jira-quota-tenant-based"}},
		},
		"a 429 of the burst, of HTML": {
			fakewire.Fault{Kind: fakewire.RateLimit, Reason: jiratest.ReasonBurst, Body: "html"},
			429, 0, "<html>",
			http.Header{"Ratelimit-Reason": {"jira-burst-based"}},
		},
		"a 429 of one issue, without a body": {
			fakewire.Fault{Kind: fakewire.RateLimit, Reason: jiratest.ReasonIssueWrites, Body: "empty", RetryAfter: "2"},
			429, 0, "",
			http.Header{"Ratelimit-Reason": {"jira-per-issue-on-write"}, "Retry-After": {"2"}},
		},
		"half of the JSON, committed": {
			fakewire.Fault{Kind: fakewire.Truncate, Committed: true}, 201, 1, `{"id":`, http.Header{},
		},
		"half of some JSON, not committed": {
			fakewire.Fault{Kind: fakewire.Truncate}, 200, 0, `{"self":`, http.Header{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.spoil(tt.fault)
			r := d.want(tt.status, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
			require.Contains(t, r.raw, tt.body)
			require.Len(t, d.Tickets(), tt.issues)
			require.Equal(t, string(tt.fault.Kind), r.header.Get(fakewire.FaultHeader))
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

func jsonNumber(t *testing.T, text string) json.Number {
	t.Helper()
	var n json.Number
	require.NoError(t, json.Unmarshal([]byte(text), &n))
	return n
}

// losing is the rule that so many calls of an operation succeed and get no answer.
func losing(times int, op jiratest.Operation) fakewire.Rule {
	return fakewire.Rule{Times: times, Only: []jiratest.Operation{op}, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}}}
}

func TestFaults_dropped_answer(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	d.spoils(losing(2, jiratest.OpCreateIssue), losing(1, jiratest.OpAddComment), losing(1, jiratest.OpTransition))
	for range 2 {
		_, err := d.send(http.MethodPost, "/rest/api/2/issue", newIssue(object{"labels": []string{"twice"}}))
		require.Error(t, err)
	}
	require.Equal(t, 2, d.CountLabel("twice"))
	d.want(http.StatusCreated, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	_, err := d.send(http.MethodPost, "/rest/api/2/issue/"+key+"/comment", object{"body": "once"})
	require.Error(t, err)
	require.Len(t, d.Comments(key), 1)
	_, err = d.send(http.MethodPost, "/rest/api/2/issue/"+key+"/transitions", move("11", nil))
	require.Error(t, err)
	i, _ := d.Ticket(key)
	require.Equal(t, desktest.StatusApproved, i.Status)
	require.Zero(t, d.Requests()[1].Status, "the log says that nothing was answered")
	require.Empty(t, d.Faults().Rules, "nothing is left of what counts down")
}

func TestFaults_refused_call_uses_no_drop(t *testing.T) {
	d := newDesk(t, nil)
	d.spoils(losing(1, jiratest.OpCreateIssue))
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/2/issue", newIssue(object{"summary": nil}))
	_, err := d.send(http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.Error(t, err)
}

func TestRateLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		limit       fakewire.Fault
		contentType string
	}{
		"with a time and JSON": {fakewire.Fault{RetryAfter: "7", Reason: "jira-burst-based"}, "application/json;charset=UTF-8"},
		"without a time, HTML": {fakewire.Fault{Body: "html"}, "text/html;charset=UTF-8"},
		"without a body":       {fakewire.Fault{Body: "empty", RetryAfter: "1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			tt.limit.Kind = fakewire.RateLimit
			d.spoils(fakewire.Rule{Times: 1, Of: []fakewire.Fault{tt.limit}})
			r := d.want(http.StatusTooManyRequests, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
			require.Equal(t, tt.limit.RetryAfter, r.header.Get("Retry-After"))
			require.Equal(t, tt.limit.Reason, r.header.Get("RateLimit-Reason"))
			require.Equal(t, tt.contentType, r.header.Get("Content-Type"))
			if tt.limit.Reason != "" {
				require.Equal(t, "2026-03-04T12:30Z", r.header.Get("X-RateLimit-Reset"))
			}
			require.Empty(t, d.Tickets())
			d.create(nil)
		})
	}
}

func TestFaults_by_http(t *testing.T) {
	d := newDesk(t, nil)
	r := d.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{"down":true,"index_lag_seconds":1.5,
		"rules":[{"times":2,"only":["create_issue"],"succeeded":true,"of":[{"kind":"drop"}]}]}`)
	require.Equal(t, true, r.json["down"])
	want := jiratest.Faults{
		Faults:      fakewire.Faults{Down: true, Rules: []fakewire.Rule{losing(2, jiratest.OpCreateIssue)}},
		StoreFaults: desktest.StoreFaults{IndexLagSeconds: 1.5},
	}
	require.Equal(t, want, d.Faults())
	got := d.want(http.StatusOK, http.MethodGet, "/_sim/faults", nil)
	require.Equal(t, json.Number("1.5"), got.json["index_lag_seconds"])
	for _, body := range []string{`{"doun":true}`, `no`, `{"rules":"x"}`, `{"html":1}`} {
		d.want(http.StatusBadRequest, http.MethodPut, "/_sim/faults", body)
	}
	require.Equal(t, want, d.Faults(), "what is refused changes nothing")
	want = jiratest.Faults{
		Faults:     fakewire.Rules(fakewire.Rule{Every: 5, Of: []fakewire.Fault{{Kind: fakewire.Hang, Committed: true}}}),
		HookFaults: desktest.HookFaults{LoseWebhooks: -1, DoubleWebhooks: true}, Captcha: true,
	}
	d.want(http.StatusOK, http.MethodPut, "/_sim/faults", want)
	require.Equal(t, want, d.Faults(), "they are written as they are read")
	d.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{}`)
	d.create(nil)
	var issues []desktest.Snapshot
	require.NoError(t, json.Unmarshal([]byte(d.want(http.StatusOK, http.MethodGet, "/_sim/issues", nil).raw), &issues))
	require.Len(t, issues, 1)
	require.Equal(t, "Wiki for Ana", issues[0].Summary)
	require.Equal(t, desktest.StatusWaiting, issues[0].Status)
}
