package jira_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira"
)

// script is a Jira that answers what a test says, call by call, and remembers what it was asked. It is for what the fake
// site does not do by itself.
type script struct {
	url string
	tap *fakewire.Tap

	mu      sync.Mutex
	answers map[string]http.HandlerFunc
}

func newScript(t *testing.T) *script {
	t.Helper()
	s := &script{answers: map[string]http.HandlerFunc{}}
	s.tap = fakewire.NewTap(http.HandlerFunc(s.answer))
	server := httptest.NewServer(s.tap)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *script) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	answer := s.answers[r.Method+" "+r.URL.Path]
	s.mu.Unlock()
	if answer == nil {
		answer = status(http.StatusNotFound, `{"errorMessages":["null for uri"],"errors":{}}`)
	}
	answer(w, r)
}

// on sets the answer to a call, such as "GET /rest/api/2/myself".
func (s *script) on(call string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[call] = answer
}

// calls are the calls so far, in order, without the questions who and what the site is.
func (s *script) calls() []string {
	var out []string
	for _, c := range s.all() {
		if c.Path != "/rest/api/2/serverInfo" && c.Path != "/rest/api/2/myself" && c.Path != "/rest/api/3/myself" {
			out = append(out, c.Method+" "+c.Path)
		}
	}
	return out
}

func (s *script) all() []fakewire.Request { return s.tap.Calls("") }

// count is how often a call was made.
func (s *script) count(call string) int {
	n := 0
	for _, c := range s.all() {
		if c.Method+" "+c.Path == call {
			n++
		}
	}
	return n
}

// body is the last body that such a call had.
func (s *script) body(t *testing.T, call string) string {
	t.Helper()
	all := s.all()
	for n := len(all) - 1; n >= 0; n-- {
		if all[n].Method+" "+all[n].Path == call {
			return all[n].Body
		}
	}
	require.FailNow(t, "no such call", call)
	return ""
}

// status answers with a status and a body of JSON.
func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func okay(body string) http.HandlerFunc { return status(http.StatusOK, body) }

// with answers with further headers.
func with(answer http.HandlerFunc, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for n := 0; n < len(headers); n += 2 {
			w.Header().Set(headers[n], headers[n+1])
		}
		answer(w, r)
	}
}

// inTurn returns one answer after the other, the last one for ever.
func inTurn(answers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		answer(w, r)
	}
}

// cloudScript is a Cloud site with an account.
func cloudScript(t *testing.T) *script {
	s := newScript(t)
	s.on("GET /rest/api/2/serverInfo", okay(`{"deploymentType":"Cloud"}`))
	s.on("GET /rest/api/3/myself", okay(`{"accountId":"bot"}`))
	return s
}

// dataCenterScript is a Data Center with an account and a project to open tickets in.
func dataCenterScript(t *testing.T) *script {
	s := newScript(t)
	s.on("GET /rest/api/2/serverInfo", okay(`{"deploymentType":"Server","versionNumbers":[9,12,2]}`))
	s.on("GET /rest/api/2/myself", okay(`{"key":"JIRAUSER10000","name":"bot"}`))
	s.on("GET /rest/api/2/project/ACCESS", okay(`{"id":"10000","key":"ACCESS"}`))
	s.on("GET /rest/api/2/issue/createmeta/ACCESS/issuetypes", okay(`{"maxResults":50,"startAt":0,"total":1,"isLast":true,
		"values":[{"id":"10010","name":"Access request"}]}`))
	s.on("GET /rest/api/2/issue/createmeta/ACCESS/issuetypes/10010", okay(`{"maxResults":50,"startAt":0,"total":3,"isLast":true,"values":[
		{"fieldId":"labels","name":"Labels","schema":{"type":"array","items":"string","system":"labels"}},
		{"fieldId":"reporter","name":"Reporter","required":true,"hasDefaultValue":false,"schema":{"type":"user","system":"reporter"}},
		{"fieldId":"customfield_10047","name":"Why","schema":{"type":"string","custom":"com.atlassian.jira.plugin.system.customfieldtypes:textarea"}}
		]}`))
	s.on("GET /rest/api/2/project/ACCESS/statuses", okay(`[{"id":"10010","statuses":[{"id":"1","name":"Open"}]}]`))
	s.on("POST /rest/api/2/issue", status(http.StatusCreated, `{"id":"10001","key":"ACCESS-1"}`))
	s.on("PUT /rest/api/2/issue/10001/properties/usher", status(http.StatusCreated, ``))
	s.on("GET /rest/api/2/issue/10001", okay(dcIssue("10001", "1")))
	return s
}

// dcIssue is an issue of Data Center, assigned to ada by a human and moved by the bot.
func dcIssue(id, statusID string) string {
	return `{"id":"` + id + `","key":"ACCESS-` + id + `","fields":{
		"status":{"id":"` + statusID + `","name":"Open","statusCategory":{"key":"new"}},"project":{"key":"ACCESS"},
		"assignee":{"name":"ada","key":"JIRAUSER10001","displayName":"Ada"},"updated":"2026-01-02T03:04:05.000+0100"},
		"changelog":{"startAt":0,"maxResults":2,"total":2,"histories":[
			{"id":"1","author":{"name":"bob","key":"JIRAUSER10002"},"created":"2026-01-02T03:04:04.000+0100",
				"items":[{"field":"assignee","fieldtype":"jira","from":null,"to":"JIRAUSER10001"}]},
			{"id":"2","author":{"name":"bot","displayName":"Bot"},"created":"2026-01-02T03:04:05.000+0100",
				"items":[{"field":"status","fieldtype":"jira","from":"9","to":"` + statusID + `"}]}]}}`
}

// desk is a desk over the script, by default with basic authentication.
func (s *script) desk(t *testing.T, change func(*jira.Config)) *jira.Desk {
	t.Helper()
	c := jira.Config{
		BaseURL: s.url, Email: "bot@example.test", Token: "a-secret-token", Project: "ACCESS", IssueType: "Access request",
	}
	c.Rate = 10_000
	if change != nil {
		change(&c)
	}
	desk, err := jira.New(c, "jira")
	require.NoError(t, err)
	return desk
}

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// jsonOf decodes a body.
func jsonOf(t *testing.T, body string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &out), body)
	return out
}

func newTicket(assignee access.AccountID) access.NewTicket {
	n := ticket()
	n.Requester, n.Assignee = access.Person{}, assignee
	return n
}
