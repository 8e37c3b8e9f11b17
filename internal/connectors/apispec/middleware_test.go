package apispec_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/apispec"
)

// answering is a server that answers everything alike.
func answering(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const jsonType = "application/json;charset=UTF-8"

// through makes one call through a contract to a server, whatever becomes of it, and waits until it is judged: a client
// can see a connection close before that.
func through(t *testing.T, c *apispec.Contract, next http.Handler, r *http.Request) {
	t.Helper()
	judged := make(chan struct{}, 1)
	guarded := c.Middleware(next)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { judged <- struct{}{} }()
		guarded.ServeHTTP(w, r)
	}))
	defer server.Close()
	target, err := http.NewRequestWithContext(t.Context(), r.Method, server.URL+r.URL.String(), r.Body)
	require.NoError(t, err)
	target.Header = r.Header
	stays := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := stays.Do(target)
	if err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		require.NoError(t, answer.Body.Close())
	}
	<-judged
}

func call(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RequestURI = ""
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func texts(r apispec.Report) []string {
	var all []string
	for _, v := range r.Violations {
		all = append(all, v.String())
	}
	return all
}

const (
	readIssue  = "/rest/api/3/issue/10001"
	goodIssue  = `{"id":"10001","key":"ACCESS-1","fields":{"summary":"Wiki","resolution":null}}`
	transition = "/rest/api/3/issue/10001/transitions"
)

func TestContract_violation(t *testing.T) {
	load(t, apispec.Cloud)
	good := answering(http.StatusOK, jsonType, goodIssue)
	created := answering(http.StatusCreated, jsonType, `{"id":"10001","key":"ACCESS-1"}`)
	done := answering(http.StatusNoContent, "", "")
	noType := call(http.MethodPost, "/rest/api/3/issue", `{"fields":{}}`)
	noType.Header.Del("Content-Type")
	for name, row := range map[string]struct {
		request *http.Request
		answer  http.HandlerFunc
		want    string
	}{
		"a parameter that there is not": {
			call("GET", readIssue+"?field=summary", ""), good,
			`GET /rest/api/3/issue/{issueIdOrKey}: request: query: the operation has no parameter "field"`,
		},
		"a parameter of a wrong type": {
			call("GET", readIssue+"/comment?startAt=first", ""), answering(200, jsonType, `{"comments":[]}`),
			`GET /rest/api/3/issue/{issueIdOrKey}/comment: request: query: parameter "startAt" is not of type integer`,
		},
		"an empty parameter": {
			call("GET", "/rest/api/3/search/jql?nextPageToken=", ""), answering(200, jsonType, `{"issues":[]}`),
			`GET /rest/api/3/search/jql: request: query: parameter "nextPageToken" is empty`,
		},
		"a body that is required and missing": {
			call("POST", transition, ""), done, `POST /rest/api/3/issue/{issueIdOrKey}/transitions: request: body: it is required`,
		},
		"a body that nobody takes": {
			call("GET", readIssue, `{}`), good, `GET /rest/api/3/issue/{issueIdOrKey}: request: body: the operation takes none`,
		},
		"a body without a content type": {
			noType, created, `POST /rest/api/3/issue: request: body: content type "" is not declared`,
		},
		"a body that is not JSON": {
			call("POST", "/rest/api/3/issue", `{"fields":`), created, `POST /rest/api/3/issue: request: body: it is not JSON`,
		},
		"a member that only Jira writes": {
			call("POST", transition, `{"transition":{"id":"5","name":"Approve"}}`), done,
			`POST /rest/api/3/issue/{issueIdOrKey}/transitions: request: body/transition: readOnly property "name" in request`,
		},
		"a member that the request does not have": {
			call("POST", "/rest/api/3/search/jql", `{"jql":"project = X","startAt":0}`), answering(200, jsonType, `{"issues":[]}`),
			`POST /rest/api/3/search/jql: request: body: property "startAt" is unsupported`,
		},
		"a member of a wrong type, deep down": {
			call("POST", "/rest/api/3/issue", `{"fields":{},"properties":[{"key":1}]}`), created,
			`POST /rest/api/3/issue: request: body/properties/*/key: value must be a string`,
		},
		"a required member that is missing, deep down": {
			call("POST", readIssue+"/remotelink", `{"object":{"url":"http://usher.test"}}`), answering(201, jsonType, `{"id":1}`),
			`POST /rest/api/3/issue/{issueIdOrKey}/remotelink: request: body/object/title: property "title" is missing`,
		},
		"a status that is not declared": {
			call("GET", readIssue, ""), answering(http.StatusTeapot, jsonType, `{}`),
			`GET /rest/api/3/issue/{issueIdOrKey}: response: status 418: the operation does not declare it`,
		},
		"an answer of a wrong content type": {
			call("GET", readIssue, ""), answering(200, "text/plain", goodIssue),
			`GET /rest/api/3/issue/{issueIdOrKey}: response: status 200: body: content type "text/plain" is not declared`,
		},
		"an answer without a body": {
			call("GET", readIssue, ""), answering(200, "", ""),
			`GET /rest/api/3/issue/{issueIdOrKey}: response: status 200: body: content type "" is not declared`,
		},
		"an answer that is not JSON": {
			call("GET", readIssue, ""), answering(200, jsonType, `{"id":}`),
			`GET /rest/api/3/issue/{issueIdOrKey}: response: status 200: body: it is not JSON`,
		},
		"a member that the answer does not have": {
			call("GET", readIssue, ""), answering(200, jsonType, `{"id":"1","status":"Open"}`),
			`GET /rest/api/3/issue/{issueIdOrKey}: response: status 200: body: property "status" is unsupported`,
		},
		"a time in another form": {
			call("GET", readIssue+"/comment", ""), answering(200, jsonType, `{"comments":[{"created":"2021-01-17T12:34:00Z"}]}`),
			`GET /rest/api/3/issue/{issueIdOrKey}/comment: response: status 200: body/comments/*/created: string doesn't match the regular expression ` +
				`"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}[+-]\d{4}$"`,
		},
		"a page that no fault explains": {
			call("GET", readIssue, ""), answering(200, "text/html;charset=UTF-8", "<html>"),
			`GET /rest/api/3/issue/{issueIdOrKey}: response: status 200: body: content type "text/html;charset=UTF-8" is not declared`,
		},
		"half of the JSON, which no fault explains": {
			call("GET", readIssue, ""), answering(200, jsonType, goodIssue[:40]),
			`GET /rest/api/3/issue/{issueIdOrKey}: response: status 200: body: it is not JSON`,
		},
		"an error in another shape": {
			call("POST", "/rest/api/3/issue", `{"fields":{}}`), answering(400, jsonType, `{"errorMessages":"no"}`),
			`POST /rest/api/3/issue: response: status 400: body/errorMessages: value must be an array`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, apispec.Cloud)
			through(t, c, row.answer, row.request)
			require.Equal(t, []string{row.want}, texts(c.Report()))
			require.Len(t, c.Report().Broken(), 1)
			require.Zero(t, c.Report().Validated(), "an exchange that broke the contract validates nothing")
		})
	}
}

func TestContract_valid(t *testing.T) {
	load(t, apispec.Cloud)
	for name, row := range map[string]struct {
		edition   apispec.Edition
		request   *http.Request
		answer    http.HandlerFunc
		operation string
	}{
		"an answer with a body": {
			apispec.Cloud, call("GET", readIssue+"?fields=summary,status&expand=changelog", ""), answering(200, jsonType, goodIssue),
			"GET /rest/api/3/issue/{issueIdOrKey}",
		},
		"an answer without one": {
			apispec.Cloud, call("POST", transition, `{"transition":{"id":"5"}}`), answering(204, "", ""),
			"POST /rest/api/3/issue/{issueIdOrKey}/transitions",
		},
		"a site below a path": {
			apispec.Cloud, call("GET", "/ex/jira/cloud-id"+readIssue, ""), answering(200, jsonType, goodIssue),
			"GET /rest/api/3/issue/{issueIdOrKey}",
		},
		"version 2": {
			apispec.Cloud, call("GET", "/rest/api/2/issue/10001", ""), answering(200, jsonType, goodIssue),
			"GET /rest/api/2/issue/{issueIdOrKey}",
		},
		"the latest version, which is version 2": {
			apispec.Cloud, call("GET", "/rest/api/latest/issue/10001", ""), answering(200, jsonType, goodIssue),
			"GET /rest/api/2/issue/{issueIdOrKey}",
		},
		"service management": {
			apispec.Cloud, call("GET", "/rest/servicedeskapi/request/10001", ""), answering(200, jsonType, `{"issueId":"10001"}`),
			"GET /rest/servicedeskapi/request/{issueIdOrKey}",
		},
		"a path with an escaped slash": {
			apispec.Cloud, call("GET", readIssue+"/properties/a%2Fb", ""), answering(200, jsonType, `{"key":"a/b","value":1}`),
			"GET /rest/api/3/issue/{issueIdOrKey}/properties/{propertyKey}",
		},
		"data center, below a path": {
			apispec.DataCenter, call("GET", "/jira/rest/api/2/issue/10001", ""), answering(200, jsonType, goodIssue),
			"GET /rest/api/2/issue/{issueIdOrKey}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, row.edition)
			through(t, c, row.answer, row.request)
			r := c.Report()
			require.Empty(t, r.Broken())
			require.Len(t, r.Operations, 1)
			require.Equal(t, row.operation, r.Operations[0].Name)
			require.Equal(t, 1, r.Operations[0].Seen)
			require.Equal(t, 1, r.Operations[0].Validated)
			require.Empty(t, r.NotValidated())
		})
	}
}

func TestContract_refusal(t *testing.T) {
	for _, status := range []int{401, 403, 404, 409, 410, 413, 429, 500, 503} {
		c := load(t, apispec.Cloud)
		through(t, c, answering(status, jsonType, `{"errorMessages":["no"],"errors":{}}`), call("GET", "/rest/api/3/user/search?query=a", ""))
		require.Empty(t, c.Report().Broken(), status)
		require.Equal(t, []string{"GET /rest/api/3/user/search"}, c.Report().NotValidated())
	}
}

func TestGateway_refusals(t *testing.T) {
	refused := answering(http.StatusUnauthorized, jsonType, `{"code":401,"message":"Unauthorized"}`)
	c := load(t, apispec.Cloud)
	through(t, c, refused, call("POST", "/ex/jira/cloud-id/rest/api/3/issue", `{"fields":{}}`))
	require.Empty(t, c.Report().Broken())
	through(t, c, refused, call("POST", "/rest/api/3/issue", `{"fields":{}}`))
	require.Len(t, c.Report().Broken(), 2, "Jira itself has no such members")
}

func TestContract_spoilt_answer(t *testing.T) {
	load(t, apispec.Cloud)
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"what the fake says it spoiled": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(apispec.FaultHeader, "wrong id")
			answering(200, jsonType, `{"id":7}`)(w, nil)
		}, "wrong id"},
		"a closed connection": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		}, "dropped"},
		"a handler that gives up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "aborted"},
		"an answer that is too long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			for range 9 {
				_, _ = io.WriteString(w, strings.Repeat(" ", 1<<20))
			}
		}, "too long to be judged"},
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, apispec.Cloud)
			through(t, c, row.answer, call("GET", readIssue, ""))
			r := c.Report()
			require.Empty(t, r.Broken())
			require.Equal(t, map[string]int{row.want: 1}, r.Operations[0].Faults)
			require.Empty(t, r.Operations[0].Statuses)
			require.Zero(t, r.Operations[0].Validated)

			through(t, c, row.answer, call("GET", readIssue+"?field=x", ""))
			require.Len(t, texts(c.Report()), 1, "the request is judged nevertheless")
		})
	}
}

func TestGuard_caller_goes_away(t *testing.T) {
	c := load(t, apispec.Cloud)
	ctx, cancel := context.WithCancel(t.Context())
	guarded := c.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
	guarded.ServeHTTP(httptest.NewRecorder(), call("GET", readIssue, "").WithContext(ctx))
	require.Empty(t, c.Report().Broken())
	require.Equal(t, map[string]int{"the caller went away": 1}, c.Report().Operations[0].Faults)
}

func TestObserver_changes_nothing(t *testing.T) {
	c := load(t, apispec.Cloud)
	const sent = `{"transition":{"id":"5"}}`
	type received struct {
		body, query string
		length      int64
	}
	var got received
	guarded := c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = received{string(raw), r.URL.RawQuery, r.ContentLength}
		w.Header().Set("X-Answer", "yes")
		w.Header().Set(apispec.FaultHeader, "any")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "some ")
		_, _ = io.WriteString(w, "text")
	}))
	w := httptest.NewRecorder()
	guarded.ServeHTTP(w, call("POST", transition+"?updateHistory=true", sent))
	answer := w.Result()
	require.Equal(t, received{sent, "updateHistory=true", int64(len(sent))}, got)
	require.Equal(t, http.StatusAccepted, answer.StatusCode)
	require.Equal(t, "some text", w.Body.String())
	require.Equal(t, http.Header{"X-Answer": {"yes"}}, answer.Header, "the mark of the fault is for the contract alone")
}

func TestContract_outside(t *testing.T) {
	c := load(t, apispec.DataCenter)
	next := answering(200, jsonType, `{}`)
	for _, target := range []string{
		"/_sim/issues", "/_sim/faults", "/_edge/tenant_info", "/_sso/login", "/board", "/board/move", "/jira/browse/ACCESS-1", "/favicon.ico", "/",
		"/rest/webhooks/1.0/webhook", "/rest/jira-webhook/1.0/webhooks",
	} {
		through(t, c, next, call("GET", target, ""))
	}
	require.Empty(t, c.Report().Broken())
	require.Empty(t, c.Report().Operations)
	require.Equal(t, map[string]int{
		"/_sim/": 2, "/_edge/tenant_info": 1, "/_sso/": 1, "/board": 2, "/browse/": 1, "/favicon.ico": 1, "/": 1, "/rest/webhooks/": 1, "/rest/jira-webhook/": 1,
	}, c.Report().Outside)

	for _, target := range []string{"/rest/api/2/search/jql", "/rest/api/3/myself", "/boardroom", "/rest/api/2/issue/1/browse/"} {
		through(t, c, next, call("GET", target, ""))
	}
	require.Equal(t, map[string]int{
		"GET /rest/api/2/search/jql": 1, "GET /rest/api/3/myself": 1, "GET /boardroom": 1, "GET /rest/api/2/issue/1/browse/": 1,
	}, c.Report().Missing)
	require.Contains(t, c.Report().Broken(), "data_center: GET /rest/api/3/myself: the documents have no such operation (1 times)")
}

func TestRules_reasons(t *testing.T) {
	for _, rule := range apispec.OutsideRules() {
		require.NotEmpty(t, rule.Reason, rule.Path)
		require.True(t, strings.HasPrefix(rule.Path, "/"), rule.Path)
	}
}
