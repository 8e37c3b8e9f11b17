package jiratest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/jira/jiratest"
)

func jsonNumber(t *testing.T, text string) json.Number {
	t.Helper()
	var n json.Number
	require.NoError(t, json.Unmarshal([]byte(text), &n))
	return n
}

func TestAnAnswerThatIsDroppedWasCommitted(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	d.SetFaults(jiratest.Faults{DropAfterCommit: map[jiratest.Operation]int{
		jiratest.OpCreateIssue: 2, jiratest.OpAddComment: 1, jiratest.OpTransition: 1,
	}})
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
	i, _ := d.Issue(key)
	require.Equal(t, jiratest.StatusApproved, i.Status)
	require.Zero(t, d.Requests()[1].Status, "the log says that nothing was answered")
	for _, left := range d.Faults().DropAfterCommit {
		require.Zero(t, left)
	}
}

func TestARefusedCallUsesUpNoDrop(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{DropAfterCommit: map[jiratest.Operation]int{jiratest.OpCreateIssue: 1}})
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/2/issue", newIssue(object{"summary": nil}))
	_, err := d.send(http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.Error(t, err)
}

func TestRateLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		limit       jiratest.RateLimit
		contentType string
	}{
		"with a time and JSON": {jiratest.RateLimit{RetryAfter: "7", Reason: "jira-burst-based"}, "application/json;charset=UTF-8"},
		"without a time, HTML": {jiratest.RateLimit{Body: "html"}, "text/html;charset=UTF-8"},
		"without a body":       {jiratest.RateLimit{Body: "empty", RetryAfter: "1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			tt.limit.Times = 1
			d.SetFaults(jiratest.Faults{RateLimit: &tt.limit})
			r := d.want(http.StatusTooManyRequests, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
			require.Equal(t, tt.limit.RetryAfter, r.header.Get("Retry-After"))
			require.Equal(t, tt.limit.Reason, r.header.Get("RateLimit-Reason"))
			require.Equal(t, tt.contentType, r.header.Get("Content-Type"))
			if tt.limit.Reason != "" {
				require.Equal(t, "2026-03-04T12:30Z", r.header.Get("X-RateLimit-Reset"))
			}
			require.Empty(t, d.Issues())
			d.create(nil)
		})
	}
}

func TestEveryNthCallFails(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{FailEvery: 2, FailRetryAfter: "3", Only: []jiratest.Operation{jiratest.OpCreateIssue}})
	var statuses []int
	for range 4 {
		d.want(http.StatusOK, http.MethodGet, "/rest/api/3/myself", nil)
		r := d.call(http.MethodPost, "/rest/api/2/issue", newIssue(nil))
		statuses = append(statuses, r.status)
	}
	require.Equal(t, []int{201, 503, 201, 503}, statuses)
	require.Len(t, d.Issues(), 2)
	d.SetFaults(jiratest.Faults{FailEvery: 1, FailStatus: 500, FailCommitted: true})
	d.want(http.StatusInternalServerError, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.Len(t, d.Issues(), 3)
}

func TestAnswersThatAreNoAnswers(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{HTML: 1})
	r := d.want(http.StatusOK, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.Contains(t, r.raw, "<html>")
	require.Empty(t, d.Issues(), "a login page has stored nothing")

	d.SetFaults(jiratest.Faults{Truncate: 1})
	r = d.want(http.StatusCreated, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.Nil(t, r.json)
	require.True(t, strings.HasPrefix(r.raw, `{"id"`))
	require.Len(t, d.Issues(), 1)

	d.SetFaults(jiratest.Faults{Cut: 1})
	_, err := d.send(http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Len(t, d.Issues(), 2)

	d.SetFaults(jiratest.Faults{Down: true})
	_, err = d.send(http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.Error(t, err)
	require.Len(t, d.Issues(), 2)
}

func TestASlowAnswerComesAfterTheCommit(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{SlowMS: 60_000})
	answered := make(chan error, 1)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/rest/api/2/issue", strings.NewReader(
		`{"fields":{"project":{"key":"ACCESS"},"issuetype":{"name":"Access request"},"summary":"slow"}}`))
	require.NoError(t, err)
	r.SetBasicAuth(d.email, d.token)
	client := &http.Client{Timeout: 200 * time.Millisecond}
	go func() {
		resp, err := client.Do(r)
		if err == nil {
			err = errors.Join(errors.New("an answer came"), resp.Body.Close())
		}
		answered <- err
	}()
	require.Eventually(t, func() bool { return len(d.Issues()) == 1 }, 10*time.Second, time.Millisecond)
	require.ErrorContains(t, <-answered, "Timeout")
}

func TestFaultsAreSwitchedByHTTP(t *testing.T) {
	d := newDesk(t, nil)
	r := d.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{"down":true,"drop_after_commit":{"create_issue":2},"index_lag_seconds":1.5}`)
	require.Equal(t, true, r.json["down"])
	want := jiratest.Faults{Down: true, DropAfterCommit: map[jiratest.Operation]int{jiratest.OpCreateIssue: 2}, IndexLagSeconds: 1.5}
	require.Equal(t, want, d.Faults())
	got := d.want(http.StatusOK, http.MethodGet, "/_sim/faults", nil)
	require.Equal(t, json.Number("1.5"), got.json["index_lag_seconds"])
	for _, body := range []string{`{"doun":true}`, `no`, `{"html":"x"}`} {
		d.want(http.StatusBadRequest, http.MethodPut, "/_sim/faults", body)
	}
	require.Equal(t, want, d.Faults(), "what is refused changes nothing")
	d.want(http.StatusOK, http.MethodPut, "/_sim/faults", `{}`)
	d.create(nil)
	var issues []jiratest.Issue
	require.NoError(t, json.Unmarshal([]byte(d.want(http.StatusOK, http.MethodGet, "/_sim/issues", nil).raw), &issues))
	require.Len(t, issues, 1)
	require.Equal(t, "Wiki for Ana", issues[0].Summary)
	require.Equal(t, jiratest.StatusWaiting, issues[0].Status)
}
