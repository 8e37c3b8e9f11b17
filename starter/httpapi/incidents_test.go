package httpapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
	"usher/workflows"
)

const handIn = `{"reference":"CVE-1","summary":"a secret of the scanner"}`

// Who may do what: each route for each kind of caller.
func TestIncidents_rights(t *testing.T) {
	const change = `{"desk":"jira","email":"ana@example.com"}`
	people := []string{"ana", "scanner", "prober", "audra", "adam"}
	w, _ := incidentWorld(t)
	w.gateway.answer.Created = true
	w.gateway.change = workflows.IntegrationUsersResult{User: &access.IntegrationUser{ID: "u1"}, Added: true}
	for _, row := range []struct {
		method, path, body string
		// status is what each of the people gets.
		status [5]int
	}{
		{"POST", "/v1/tickets", handIn, [5]int{403, 201, 201, 403, 403}},
		{"GET", "/v1/tickets", "", [5]int{403, 200, 200, 200, 200}},
		{"GET", "/v1/tickets/i1", "", [5]int{404, 200, 404, 200, 200}},
		{"GET", "/v1/tickets/i1/events", "", [5]int{404, 200, 404, 200, 200}},
		{"GET", "/v1/tickets/i9", "", [5]int{404, 404, 404, 404, 404}},
		{"GET", "/v1/integration-users", "", [5]int{403, 200, 200, 200, 200}},
		{"POST", "/v1/integration-users", change, [5]int{403, 403, 403, 403, 201}},
		{"POST", "/v1/integration-users/jira/u1/remove", `{"reason":"x"}`, [5]int{403, 403, 403, 403, 200}},
		{"POST", "/v1/integration-users/jira/check", "", [5]int{403, 403, 403, 403, 200}},
		{"GET", "/v1/integration-users/jira/events", "", [5]int{403, 403, 403, 200, 200}},
	} {
		for i, person := range people {
			w.gateway.handedIn, w.gateway.changes = nil, nil
			got := w.call(person, row.method, row.path, row.body)
			require.Equal(t, row.status[i], got.status, "%s %s as %s: %s", row.method, row.path, person, got.body)
			if got.status >= 400 {
				require.Empty(t, w.gateway.handedIn)
				require.Empty(t, w.gateway.changes)
			}
		}
	}
}

// What is not somebody's to read is answered as what does not exist.
func TestIncidents_hidden(t *testing.T) {
	w, _ := incidentWorld(t)
	for _, rest := range []string{"", "/events"} {
		hidden := w.call("prober", "GET", "/v1/tickets/i1"+rest, "", "X-Request-Id", "r")
		none := w.call("prober", "GET", "/v1/tickets/i9"+rest, "", "X-Request-Id", "r")
		require.Equal(t, strings.ReplaceAll(none.body, "i9", "i1"), hidden.body)
	}
	require.Equal(t, http.StatusNotFound, w.call("audra", "GET", "/v1/tickets/a%20b", "").status)
	taken := w.call("prober", "POST", "/v1/tickets", `{"id":"i1",`+handIn[1:])
	require.Equal(t, http.StatusUnprocessableEntity, taken.status, "another caller's id")
	require.Equal(t, "body.id", taken.problem.Errors[0].Location)
	require.NotContains(t, taken.body, "secret")
	require.Empty(t, taken.header.Get("Location"))
	require.Empty(t, w.gateway.handedIn)
}

// How the identity of who handed an incident in was established is for auditors.
func TestIncidents_evidence(t *testing.T) {
	w, _ := incidentWorld(t)
	for person, shown := range map[string]bool{"scanner": false, "adam": false, "audra": true} {
		for _, path := range []string{"/v1/tickets/i1", "/v1/tickets", "/v1/tickets/i1/events"} {
			require.Equal(t, shown, strings.Contains(w.call(person, "GET", path, "").body, "development header"), "%s %s", person, path)
		}
	}
	w.gateway.answer.Created = true
	require.NotContains(t, w.call("scanner", "POST", "/v1/tickets", handIn).body, "development header")
	require.Equal(t, "development header", w.gateway.handedIn[0].Evidence)
}

func TestHandIn_answers(t *testing.T) {
	for name, row := range map[string]struct {
		answer  gateway.IncidentSubmission
		err     error
		status  int
		problem string
	}{
		"a new incident is 201":       {answer: gateway.IncidentSubmission{Created: true}, status: 201},
		"the same again is 200":       {status: 200},
		"no ticket yet: 202":          {answer: gateway.IncidentSubmission{Pending: true}, status: 202},
		"no ticket is opened: 422":    {answer: gateway.IncidentSubmission{View: access.IncidentView{State: access.IncidentRefused}}, status: 422, problem: "refused-by-policy"},
		"the id is taken: 422":        {err: &gateway.RefusedError{Kind: access.Invalid, Message: "taken"}, status: 422, problem: "invalid"},
		"Temporal is away: 503":       {err: access.Errorf(access.Transient, "x", "away"), status: 503, problem: "unavailable"},
		"an operator stopped it: 409": {err: access.Errorf(access.Conflict, "x", "stopped"), status: 409, problem: "conflict"},
		"nobody classified it: 500":   {err: errors.New("secret internals"), status: 500, problem: "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := incidentWorld(t)
			w.gateway.answer, w.gateway.incidentErr = row.answer, row.err
			got := w.call("scanner", "POST", "/v1/tickets", handIn)
			require.Equal(t, row.status, got.status, got.body)
			require.Equal(t, row.problem, strings.TrimPrefix(got.problem.Type, "urn:usher:problem:"))
			require.NotContains(t, got.body, "internals")
			if row.err == nil {
				require.Equal(t, "/v1/tickets/"+string(w.gateway.handedIn[0].ID), got.header.Get("Location"))
			}
		})
	}
}

func TestHandIn_refusals_name_fields(t *testing.T) {
	w, _ := incidentWorld(t)
	w.gateway.answer.View = access.IncidentView{State: access.IncidentRefused, Refusals: []access.Refusal{
		{Field: "assignee", Problem: "is no integration user"}, {Field: "desk", Problem: "there is no such desk"},
	}}
	got := w.call("scanner", "POST", "/v1/tickets", handIn)
	require.Equal(t, []httpapi.ProblemField{
		{Location: "body.assignee", Pointer: "/assignee", Message: "is no integration user"}, {Location: "body.desk", Pointer: "/desk", Message: "there is no such desk"},
	}, got.problem.Errors)
	require.Equal(t, access.OutcomeRefused, got.problem.Outcome)
}

func TestHandIn_input(t *testing.T) {
	w, _ := incidentWorld(t)
	got := w.call("scanner", "POST", "/v1/tickets", `{"id":"i.3","reference":"CVE-1","reference_url":"https://scanner.example/1","application":"crm",`+
		`"desk":"jira","assignee":"ana@example.com","summary":"Überblick ✓","description":"two\nlines"}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	sent := w.gateway.handedIn[0]
	require.WithinDuration(t, time.Now(), sent.SubmittedAt, time.Minute)
	sent.SubmittedAt = time.Time{}
	require.Equal(t, access.Incident{
		ID: "i.3", Caller: "scanner", Evidence: "development header", Reference: "CVE-1", ReferenceURL: "https://scanner.example/1",
		Application: "crm", Desk: "jira", Assignee: "ana@example.com", Summary: "Überblick ✓", Description: "two\nlines",
	}, sent)
}

func TestHandIn_bad_fields(t *testing.T) {
	w, _ := incidentWorld(t)
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, row := range []struct{ field, value string }{
		{"id", "."},
		{"id", ".."},
		{"id", "a b"},
		{"id", "usher-1"},
		{"reference", "usher:people/hr"},
		{"id", "a/b"},
		{"id", long(65)},
		{"reference", ""},
		{"reference", long(257)},
		{"reference", "a\x00b"},
		{"reference", "a\nb"},
		{"reference", "a\u202eb"},
		{"reference", "a\ufffdb"},
		{"reference_url", "ftp://x/y"},
		{"reference_url", "scanner"},
		{"reference_url", "javascript:alert(1)"},
		{"reference_url", "https://"},
		{"reference_url", "https://x/" + long(2048)},
		{"reference_url", "https://x/a\u202eb"},
		{"reference_url", "https://x/a b"},
		{"application", long(129)},
		{"application", "a\x1bb"},
		{"desk", long(65)},
		{"desk", "a\x00b"},
		{"assignee", "ana"},
		{"assignee", "Ana <ana@example.com>"},
		{"assignee", "ana@example.com\u2066"},
		{"assignee", long(250) + "@example.com"},
		{"summary", ""},
		{"summary", long(256)},
		{"summary", "a\nb"},
		{"summary", "a\rb"},
		{"summary", "a\u2028b"},
		{"summary", "a\u2029b"},
		{"summary", "a\x1bb"},
		{"summary", "a\u202ab"},
		{"summary", "a\u202eb"},
		{"summary", "a\u2066b"},
		{"summary", "a\u2069b"},
		{"description", long(10001)},
		{"description", "a\x00b"},
		{"state", "open"},
	} {
		body := map[string]string{"reference": "CVE-1", "summary": "x", row.field: row.value}
		text, err := json.Marshal(body)
		require.NoError(t, err)
		got := w.call("scanner", "POST", "/v1/tickets", string(text))
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, got.status, "%+q", row)
		require.Equal(t, "body."+row.field, got.problem.Errors[0].Location, "%+q", row)
	}
	for _, missing := range []string{`{"summary":"x"}`, `{"reference":"x"}`} {
		require.Equal(t, http.StatusUnprocessableEntity, w.call("scanner", "POST", "/v1/tickets", missing).status)
	}
	both := w.call("scanner", "POST", "/v1/tickets", `{"id":"i3",`+handIn[1:], "Idempotency-Key", "k")
	require.Equal(t, "header.Idempotency-Key", both.problem.Errors[0].Location)
	require.Empty(t, w.gateway.handedIn)
}

func TestIncident_id_origin(t *testing.T) {
	w, _ := incidentWorld(t)
	for _, call := range []struct{ person, key string }{{"scanner", "k1"}, {"scanner", "k1"}, {"prober", "k1"}, {"scanner", "k2"}} {
		require.Equal(t, http.StatusOK, w.call(call.person, "POST", "/v1/tickets", handIn, "Idempotency-Key", call.key).status)
	}
	w.call("scanner", "POST", "/v1/tickets", handIn)
	sent := w.gateway.handedIn
	require.Equal(t, sent[0].ID, sent[1].ID, "the same caller and key")
	require.NotEqual(t, sent[0].ID, sent[2].ID, "another caller")
	require.NotEqual(t, sent[0].ID, sent[3].ID, "another key")
	require.True(t, strings.HasPrefix(string(sent[0].ID), "key-"))
	taken := w.call("prober", "POST", "/v1/tickets", fmt.Sprintf(`{"id":%q,%s`, sent[0].ID, handIn[1:]))
	require.Equal(t, http.StatusUnprocessableEntity, taken.status, "nobody takes the id of another one's key")
	require.Equal(t, uuid.Version(7), uuid.MustParse(string(sent[4].ID)).Version())
}

func TestHandIn_repeated(t *testing.T) {
	w, ledger := incidentWorld(t)
	got := w.call("scanner", "POST", "/v1/tickets", `{"id":"i1",`+handIn[1:])
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, access.IncidentOpen, decode[access.IncidentView](t, got).State, "the ledger has it")
	require.Empty(t, w.gateway.handedIn)
	key := w.call("scanner", "POST", "/v1/tickets", handIn, "Idempotency-Key", "k")
	require.Equal(t, http.StatusOK, key.status)
	known := ledger.incidents[0]
	known.Incident.ID = w.gateway.handedIn[0].ID
	known.Incident.Summary = "another"
	ledger.incidents = append(ledger.incidents, known)
	key = w.call("scanner", "POST", "/v1/tickets", handIn, "Idempotency-Key", "k")
	require.Equal(t, "header.Idempotency-Key", key.problem.Errors[0].Location)

	without := newWorld(t, ledgerAway, func(c *httpapi.Config, _ *httpapi.Deps) { c.TicketCallers = []access.PersonID{"scanner"} })
	require.Equal(t, http.StatusOK, without.call("scanner", "POST", "/v1/tickets", `{"id":"i1",`+handIn[1:]).status, "Temporal is enough")
}

func TestIncident_from_its_workflow(t *testing.T) {
	w, ledger := incidentWorld(t)
	running := ledger.incidents[0]
	running.Incident.ID, running.State = "new", access.IncidentOpening
	w.gateway.running = &running
	require.Equal(t, access.IncidentOpening, decode[access.IncidentView](t, w.call("scanner", "GET", "/v1/tickets/new", "")).State)
	require.Equal(t, http.StatusNotFound, w.call("prober", "GET", "/v1/tickets/new", "").status)
	require.Equal(t, http.StatusServiceUnavailable, newWorld(t, ledgerAway).call("audra", "GET", "/v1/tickets/new", "").status)
}

type incidentPage struct {
	Tickets []access.IncidentView
	Next    *httpapi.IncidentsNext
}

func TestIncidents_pages(t *testing.T) {
	w, ledger := incidentWorld(t)
	first := decode[incidentPage](t, w.call("scanner", "GET", "/v1/tickets?limit=1", ""))
	require.Equal(t, access.IncidentID("i2"), first.Tickets[0].Incident.ID)
	require.Equal(t, &httpapi.IncidentsNext{Before: incidentDay, BeforeID: "i2"}, first.Next)
	next := fmt.Sprintf("&before=%s&before_id=%s", url.QueryEscape(first.Next.Before.Format(time.RFC3339Nano)), first.Next.BeforeID)
	second := decode[incidentPage](t, w.call("scanner", "GET", "/v1/tickets?limit=9"+next, ""))
	require.Len(t, second.Tickets, 1)
	require.Nil(t, second.Next)
	require.JSONEq(t, `{"tickets":[]}`, w.call("prober", "GET", "/v1/tickets", "").body, "a ticket caller sees its own")
	require.Len(t, decode[incidentPage](t, w.call("adam", "GET", "/v1/tickets", "")).Tickets, 2)

	require.Equal(t, http.StatusOK, w.call("audra", "GET", "/v1/tickets?reference=CVE-1&state=closed&desk=jira&assignee=u1&open=true&limit=7"+next, "").status)
	require.Equal(t, access.IncidentsQuery{
		Reference: "CVE-1", State: access.IncidentClosed, Desk: "jira", User: "u1", Open: true, Limit: 7, Before: incidentDay, BeforeID: "i2",
	}, ledger.asked)
	for query, field := range map[string]string{
		"?limit=0": "query.limit", "?limit=201": "query.limit", "?state=gone": "query.state", "?before_id=i1": "query.before_id",
		"?before=2026-11-28T09:00:00Z": "query.before_id", "?before=yesterday": "query.before", "?reference=%00": "query.reference",
		"?assignee=%00": "query.assignee", "?desk=%00": "query.desk", "?caller=scanner": "query.caller",
		"?before=2026-11-28T09:00:00Z&before_id=a%20b": "query.before_id",
	} {
		got := w.call("audra", "GET", "/v1/tickets"+query, "")
		require.Equal(t, http.StatusUnprocessableEntity, got.status, query)
		require.Equal(t, field, got.problem.Errors[0].Location, query)
	}
}

func TestIncident_events(t *testing.T) {
	w, ledger := incidentWorld(t)
	got := decode[struct {
		Events []access.PlacedDeskEvent
		Next   int64
	}](t, w.call("scanner", "GET", "/v1/tickets/i1/events?limit=1&before=11", ""))
	require.Equal(t, int64(9), got.Next)
	require.Equal(t, "scanner handed it in.", got.Events[0].Text)
	require.Equal(t, access.DeskEventsQuery{Incident: "i1", Before: 11, Limit: 1}, ledger.askedFor)
	require.NotContains(t, w.call("scanner", "GET", "/v1/tickets/i1/events", "").body, `"next"`)
}
