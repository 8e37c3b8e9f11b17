package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
)

const wiki = `{"items":[{"entitlement":"wiki/editor","duration":"30d"}],"reason":"docs"}`

func TestSubmit_answers(t *testing.T) {
	for name, row := range map[string]struct {
		submission gateway.Submission
		err        error
		status     int
		problem    string
	}{
		"a new request is 201":           {submission: gateway.Submission{Created: true, View: access.RequestView{State: access.StateAwaitingApproval}}, status: 201},
		"the same request again is 200":  {submission: gateway.Submission{View: access.RequestView{State: access.StateAwaitingApproval}}, status: 200},
		"policy still thinks: 202":       {submission: gateway.Submission{Created: true, Pending: true}, status: 202},
		"Temporal is away: 503":          {err: access.Errorf(access.Transient, "submit", "Temporal does not answer"), status: 503, problem: "unavailable"},
		"Temporal is overloaded: 429":    {err: access.Errorf(access.RateLimited, "submit", "too much"), status: 429, problem: "too-many"},
		"an operator stopped it: 409":    {err: access.Errorf(access.Conflict, "submit", "stopped"), status: 409, problem: "conflict"},
		"the id is taken: 422":           {err: &gateway.RefusedError{Kind: access.Invalid, Message: "taken"}, status: 422, problem: "invalid"},
		"nobody classified it: 500":      {err: errors.New("secret internals"), status: 500, problem: "internal"},
		"the outcome is not known: 500":  {err: access.Errorf(access.Unknown, "submit", "secret internals"), status: 500, problem: "internal"},
		"policy refuses the request 422": {submission: gateway.Submission{Created: true, View: access.RequestView{State: access.OutcomeRefused}}, status: 422, problem: "refused-by-policy"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.gateway.submission, w.gateway.err = row.submission, row.err
			got := w.call("ana", "POST", "/v1/requests", wiki)
			require.Equal(t, row.status, got.status, got.body)
			require.Equal(t, row.problem, strings.TrimPrefix(got.problem.Type, "urn:usher:problem:"))
			require.NotContains(t, got.body, "internals")
			if row.err == nil {
				require.Equal(t, "/v1/requests/"+string(w.gateway.submitted[0].ID), got.header.Get("Location"))
			}
		})
	}
}

func TestSubmit_input(t *testing.T) {
	w := newWorld(t)
	w.gateway.submission.Created = true
	got := w.call("ana", "POST", "/v1/requests",
		`{"id":"r1","subject":"sub","items":[{"entitlement":"wiki/editor","duration":"1d12h"},{"entitlement":"crm/user"}],"reason":"Überblick ✓"}`)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	sent := w.gateway.submitted[0]
	require.WithinDuration(t, time.Now(), sent.SubmittedAt, time.Minute)
	sent.SubmittedAt = time.Time{}
	require.Equal(t, access.Request{
		ID: "r1", Requester: "ana", Subject: "sub", Reason: "Überblick ✓", Evidence: "development header",
		Items: []access.Item{
			{ID: "1", Entitlement: "wiki/editor", Duration: access.Duration(36 * time.Hour)},
			{ID: "2", Entitlement: "crm/user"},
		},
	}, sent)
}

func TestRequestID_origin(t *testing.T) {
	w := newWorld(t)
	for _, call := range []struct{ person, key string }{{"ana", "k1"}, {"ana", "k1"}, {"bob", "k1"}, {"ana", "k2"}} {
		w.call(call.person, "POST", "/v1/requests", wiki, "Idempotency-Key", call.key)
	}
	w.call("ana", "POST", "/v1/requests", wiki)
	sent := w.gateway.submitted
	require.Equal(t, sent[0].ID, sent[1].ID, "the same caller and key")
	require.NotEqual(t, sent[0].ID, sent[2].ID, "another caller")
	require.NotEqual(t, sent[0].ID, sent[3].ID, "another key")
	require.Equal(t, "ana", string(sent[4].Subject), "the caller is the subject where none is named")
	require.True(t, strings.HasPrefix(string(sent[0].ID), "key-"))
	require.Equal(t, uuid.Version(5), uuid.MustParse(string(sent[0].ID[4:])).Version())
	require.Equal(t, uuid.Version(7), uuid.MustParse(string(sent[4].ID)).Version())
}

func TestSubmit_refusal_names_fields(t *testing.T) {
	w := newWorld(t)
	w.gateway.submission.View = access.RequestView{
		State: access.OutcomeRefused, StatusText: "Policy refused the request.",
		Refusals: []access.Refusal{{Field: "items[0].duration", Problem: "expected at most 30d"}, {Field: "requester", Problem: "is not active"}},
	}
	got := w.call("ana", "POST", "/v1/requests", wiki)
	require.Equal(t, http.StatusUnprocessableEntity, got.status)
	require.Contains(t, got.problem.Detail, "Policy refuses this request")
	require.Equal(t, access.OutcomeRefused, got.problem.Outcome)
	require.Equal(t, []httpapi.ProblemField{
		{Location: "body.items[0].duration", Pointer: "/items/0/duration", Message: "expected at most 30d"},
		{Location: "requester", Message: "is not active"},
	}, got.problem.Errors)
}

func TestShow_from_the_ledger(t *testing.T) {
	w := newWorld(t)
	w.recorded("old", ended)
	same := `{"id":"old","subject":"sub","items":[{"entitlement":"wiki/editor"}],"reason":"docs"}`

	got := w.call("ana", "POST", "/v1/requests", same)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, access.OutcomeGranted, decode[access.RequestView](t, got).State)

	got = w.call("ana", "POST", "/v1/requests", strings.Replace(same, "docs", "more docs", 1))
	require.Equal(t, http.StatusUnprocessableEntity, got.status)
	require.Equal(t, "body.id", got.problem.Errors[0].Location)

	got = w.call("eve", "POST", "/v1/requests", same)
	require.Equal(t, http.StatusUnprocessableEntity, got.status, "the same id by another person is another request")
	require.Empty(t, w.gateway.submitted)
}

func TestSubmit_without_the_ledger(t *testing.T) {
	w := newWorld(t, ledgerAway)
	w.gateway.submission.Created = true
	got := w.call("ana", "POST", "/v1/requests", wiki, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, got.status)
	require.Contains(t, w.log.String(), "the ledger does not answer")
}

func TestBadInputIsNamed(t *testing.T) {
	for name, row := range map[string]struct {
		path, body string
		headers    []string
		status     int
		location   string
		message    string
	}{
		"no body":                        {"/v1/requests", ``, nil, 400, "", ""},
		"no JSON":                        {"/v1/requests", `{"items":`, nil, 400, "body.items", "expected a JSON value"},
		"two JSON values":                {"/v1/requests", wiki + wiki, nil, 400, "body", "nothing after it"},
		"a list for an object":           {"/v1/requests", `[]`, nil, 422, "body", "expected object"},
		"null":                           {"/v1/requests", `null`, nil, 422, "body", "expected object"},
		"no items":                       {"/v1/requests", `{"items":[],"reason":"x"}`, nil, 422, "body.items", "expected array length >= 1"},
		"items of the wrong type":        {"/v1/requests", `{"items":"wiki","reason":"x"}`, nil, 422, "body.items", "expected array"},
		"no reason":                      {"/v1/requests", `{"items":[{"entitlement":"a/b"}]}`, nil, 422, "body", "expected required property reason"},
		"an empty reason":                {"/v1/requests", `{"items":[{"entitlement":"a/b"}],"reason":""}`, nil, 422, "body.reason", "expected length >= 1"},
		"an unknown field":               {"/v1/requests", `{"items":[{"entitlement":"a/b"}],"reason":"x","admin":true}`, nil, 400, "body.admin", "expected none but the fields id, items"},
		"a duration without a unit":      {"/v1/requests", `{"items":[{"entitlement":"a/b"},{"entitlement":"a/b","duration":"30"}],"reason":"x"}`, nil, 422, "body.items[1].duration", `expected a duration such as`},
		"a number for a duration":        {"/v1/requests", `{"items":[{"entitlement":"a/b","duration":30}],"reason":"x"}`, nil, 422, "body.items[0].duration", "expected string"},
		"an id of a request from a desk": {"/v1/requests", `{"id":"jira.10001","items":[{"entitlement":"a/b"}],"reason":"x"}`, nil, 422, "body.id", "begin in a desk"},
		"an id with a slash":             {"/v1/requests", `{"id":"a/b","items":[{"entitlement":"a/b"}],"reason":"x"}`, nil, 422, "body.id", "expected string to be 1 to 64"},
		"a NUL in the reason":            {"/v1/requests", `{"items":[{"entitlement":"a/b"}],"reason":"a\u0000b"}`, nil, 400, "body.reason", "control characters"},
		"an escape in the subject":       {"/v1/requests", `{"subject":"\u001b[31m","items":[{"entitlement":"a/b"}],"reason":"x"}`, nil, 400, "body.subject", "control characters"},
		"id and key":                     {"/v1/requests", `{"id":"r","items":[{"entitlement":"a/b"}],"reason":"x"}`, []string{"Idempotency-Key", "k"}, 422, "header.Idempotency-Key", "not both"},
		"a form":                         {"/v1/requests", `a=b`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "header.Content-Type", "application/json"},
		"a verdict that is none":         {"/v1/requests/r/decisions", `{"verdict":"maybe"}`, nil, 422, "body.verdict", `expected value to be one of "approve, deny"`},
		"no verdict":                     {"/v1/requests/r/decisions", `{}`, nil, 422, "body", "expected required property verdict"},
		"a decision with id and key":     {"/v1/requests/r/decisions", `{"verdict":"deny","id":"d"}`, []string{"Idempotency-Key", "k"}, 422, "header.Idempotency-Key", "not both"},
		"a withdrawal with a bad id":     {"/v1/requests/r/withdraw", `{"id":"a b"}`, nil, 422, "body.id", "expected string to be 1 to 64"},
		"a key that is far too long":     {"/v1/requests", wiki, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 422, "header.Idempotency-Key", "expected length <= 255"},
		"a body of the limit plus 1":     {"/v1/requests", strings.Repeat(" ", httpapi.MaxBody+1), nil, 413, "body", "expected at most 65536 bytes"},
		"headers that are too big":       {"/v1/requests", wiki, []string{"X-Big", strings.Repeat("x", httpapi.MaxHeaders)}, 431, "", ""},
		"an unknown query parameter":     {"/v1/requests?dry_run=1", wiki, nil, 422, "query.dry_run", "unknown query parameter"},
		"a webhook that is too big":      {"/v1/desks/jira/webhook", strings.Repeat(" ", httpapi.MaxWebhookBody+1), []string{"X-Hub-Signature", "sha256=" + strings.Repeat("00", 32)}, 413, "body", "expected at most 1048576 bytes"},
		"a doctor of the wrong type":     {"/v1/doctor", `{"test_ticket":1}`, nil, 422, "body.test_ticket", "expected string"},
		"a reason that is far too long":  {"/v1/requests/r/withdraw", `{"reason":"` + strings.Repeat("ü", 2001) + `"}`, nil, 422, "body.reason", "expected length <= 2000"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := w.call("audra", "POST", row.path, row.body, row.headers...)
			require.Equal(t, row.status, got.status, got.body)
			require.NotEmpty(t, got.problem.Detail)
			if row.location == "" {
				return
			}
			require.NotEmpty(t, got.problem.Errors, got.body)
			require.Equal(t, row.location, got.problem.Errors[0].Location)
			require.Contains(t, got.problem.Errors[0].Message, row.message)
			require.Empty(t, w.gateway.submitted)
			require.Empty(t, w.gateway.decided)
		})
	}
}

func TestBody_of_the_limit(t *testing.T) {
	w := newWorld(t)
	got := w.call("ana", "POST", "/v1/requests", wiki+strings.Repeat(" ", httpapi.MaxBody-len(wiki)))
	require.Equal(t, http.StatusOK, got.status, got.body)
}

func TestDecide_input(t *testing.T) {
	w := newWorld(t)
	w.recorded("r1")
	w.gateway.view.State = access.StateFulfilling
	got := w.call("boss", "POST", "/v1/requests/r1/decisions", `{"id":"d1","verdict":"approve","items":["1"],"reason":"fine"}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, access.StateFulfilling, decode[access.RequestView](t, got).State)
	sent := w.gateway.decided[0]
	require.WithinDuration(t, time.Now(), sent.At, time.Minute)
	sent.At = time.Time{}
	require.Equal(t, access.Decision{
		ID: "boss:d1", By: "boss", Verdict: access.Approve, Items: []access.ItemID{"1"}, Reason: "fine",
		Channel: access.ChannelAPI, Evidence: "development header",
	}, sent)
}

func TestDecide_id_of_somebody_else(t *testing.T) {
	w := newWorld(t)
	w.recorded("r1", func(v *access.RequestView) { v.Approvers = []access.PersonID{"boss", "owner"} })
	for _, person := range []string{"boss", "owner"} {
		w.call(person, "POST", "/v1/requests/r1/decisions", `{"id":"d1","verdict":"deny"}`)
		w.call(person, "POST", "/v1/requests/r1/decisions", `{"verdict":"deny"}`, "Idempotency-Key", "k")
		w.call(person, "POST", "/v1/requests/r1/decisions", `{"verdict":"deny"}`, "Idempotency-Key", "k")
		w.call(person, "POST", "/v1/requests/r1/decisions", `{"verdict":"deny"}`)
	}
	ids := map[string]int{}
	for _, d := range w.gateway.decided {
		ids[d.ID]++
	}
	require.Len(t, ids, 6, "two people: each an id, a key and a decision without either")
}

func TestWithdrawNeedsNoBody(t *testing.T) {
	w := newWorld(t)
	w.recorded("r1")
	require.Equal(t, http.StatusOK, w.call("ana", "POST", "/v1/requests/r1/withdraw", "").status)
	require.Equal(t, http.StatusOK, w.call("ana", "POST", "/v1/requests/r1/withdraw", `{"id":"w1","reason":"not needed"}`).status)
	require.Equal(t, "ana:w1", w.gateway.withdrawn[1].ID)
	require.Equal(t, "not needed", w.gateway.withdrawn[1].Reason)
	require.Equal(t, access.PersonID("ana"), w.gateway.withdrawn[1].By)
	require.NotEmpty(t, w.gateway.withdrawn[0].ID)
}

func TestNotTaken(t *testing.T) {
	late := access.Errorf(access.Conflict, "decide", "the request has ended")
	unknown := access.Errorf(access.NotFound, "decide", "there is no request")
	for name, row := range map[string]struct {
		person, path, body string
		err                error
		status             int
		problem            string
		outcome            access.RequestState
	}{
		"too late is 409 with the outcome":                        {"ana", "/v1/requests/old/withdraw", `{}`, late, 409, "ended", access.OutcomeGranted},
		"too late, and Temporal has forgotten it":                 {"ana", "/v1/requests/old/withdraw", `{}`, unknown, 409, "ended", access.OutcomeGranted},
		"too late by the workflow's own word":                     {"boss", "/v1/requests/old/decisions", `{"verdict":"deny"}`, &gateway.RefusedError{Kind: access.Conflict, Message: "ended"}, 409, "ended", access.OutcomeGranted},
		"a stranger learns nothing of a request that has ended":   {"eve", "/v1/requests/old/decisions", `{"verdict":"deny"}`, late, 404, "not-found", ""},
		"a request that never was":                                {"ana", "/v1/requests/none/withdraw", `{}`, unknown, 404, "not-found", ""},
		"a refusal says why":                                      {"ana", "/v1/requests/open/decisions", `{"verdict":"deny"}`, &gateway.RefusedError{Kind: access.Forbidden, Message: "only boss decides"}, 403, "forbidden", ""},
		"a refusal tells a stranger nothing":                      {"eve", "/v1/requests/open/decisions", `{"verdict":"deny"}`, &gateway.RefusedError{Kind: access.Forbidden, Message: "only boss decides"}, 404, "not-found", ""},
		"a conflict while the request runs":                       {"boss", "/v1/requests/open/decisions", `{"verdict":"deny"}`, &gateway.RefusedError{Kind: access.Conflict, Message: "decided already"}, 409, "conflict", ""},
		"no answer in time":                                       {"boss", "/v1/requests/open/decisions", `{"verdict":"deny"}`, access.Errorf(access.Transient, "decide", "may have been taken"), 503, "unavailable", ""},
		"the same decision again, which only the ledger has, 200": {"boss", "/v1/requests/old/decisions", `{"id":"d1","verdict":"approve"}`, unknown, 200, "", ""},
		"its id with another verdict is too late":                 {"boss", "/v1/requests/old/decisions", `{"id":"d1","verdict":"deny"}`, unknown, 409, "ended", access.OutcomeGranted},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.recorded("old", ended)
			w.recorded("open", func(v *access.RequestView) { v.Ticket.ID = "10002" })
			w.gateway.err = row.err
			got := w.call(row.person, "POST", row.path, row.body)
			require.Equal(t, row.status, got.status, got.body)
			require.Equal(t, row.problem, strings.TrimPrefix(got.problem.Type, "urn:usher:problem:"))
			require.Equal(t, row.outcome, got.problem.Outcome)
			require.Equal(t, row.outcome != "", got.problem.EndedAt != nil)
		})
	}
}
