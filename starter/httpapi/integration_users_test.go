package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
	"usher/workflows"
)

func TestIntegrationUsers_pages(t *testing.T) {
	w, ledger := incidentWorld(t)
	type page struct {
		Users []access.IntegrationUser
		Next  *httpapi.IntegrationUsersNext
	}
	first := decode[page](t, w.call("scanner", "GET", "/v1/integration-users?limit=1", ""))
	require.Equal(t, access.UserID("u1"), first.Users[0].ID)
	require.Equal(t, &httpapi.IntegrationUsersNext{AfterDesk: "jira", After: "u1"}, first.Next)
	second := decode[page](t, w.call("scanner", "GET", "/v1/integration-users?desk=jira&limit=9&after_desk=jira&after=u1", ""))
	require.Equal(t, access.UserID("u2"), second.Users[0].ID)
	require.Nil(t, second.Next)
	require.JSONEq(t, `{"users":[]}`, w.call("adam", "GET", "/v1/integration-users?desk=none", "").body)
	for query, field := range map[string]string{
		"?limit=0": "query.limit", "?after=u1": "query.after", "?after_desk=jira": "query.after", "?desk=%00": "query.desk",
		"?after_desk=x&after=%00": "query.after", "?group=x": "query.group",
	} {
		got := w.call("adam", "GET", "/v1/integration-users"+query, "")
		require.Equal(t, http.StatusUnprocessableEntity, got.status, query)
		require.Equal(t, field, got.problem.Errors[0].Location, query)
	}
	events := w.call("audra", "GET", "/v1/integration-users/jira/events?limit=2&before=11", "")
	require.Contains(t, events.body, `"next":7`)
	require.Equal(t, access.DeskEventsQuery{Desk: "jira", Before: 11, Limit: 2}, ledger.askedFor)
}

func TestIntegrationUsers_add(t *testing.T) {
	w, _ := incidentWorld(t)
	ana := &access.IntegrationUser{Desk: "jira", ID: "u1", Name: "Ana", Email: "ana@example.com"}
	w.gateway.change = workflows.IntegrationUsersResult{User: ana, Added: true}
	got := w.call("adam", "POST", "/v1/integration-users",
		`{"id":"a1","desk":"jira","email":"ana@example.com","groups":["web","net","web"],"reason":"new","dry_run":false}`)
	require.Equal(t, http.StatusCreated, got.status, got.body)
	require.Equal(t, httpapi.AddedIntegrationUser{User: *ana, Added: true}, decode[httpapi.AddedIntegrationUser](t, got))
	require.Equal(t, workflows.IntegrationUsersParams{
		Desk: "jira", By: "adam", Evidence: "development header", Reason: "new",
		Add: &workflows.AddIntegrationUserInput{Email: "ana@example.com", Groups: []string{"net", "web"}},
	}, w.gateway.changes[0])

	w.gateway.change.Added = false
	dry := w.call("adam", "POST", "/v1/integration-users", `{"desk":"jira","email":"ana@example.com","dry_run":true}`)
	require.Equal(t, http.StatusOK, dry.status)
	require.Contains(t, dry.body, `"added":false`)
	require.True(t, w.gateway.changes[1].Add.Dry)

	w.gateway.change.User = nil
	require.Equal(t, http.StatusInternalServerError, w.call("adam", "POST", "/v1/integration-users", `{"desk":"jira","email":"ana@example.com"}`).status)
	w.gateway.incidentErr = &gateway.RefusedError{
		Kind: access.NotFound, Message: "nobody has it", Refusals: []access.Refusal{{Field: "email", Problem: "nobody has it"}},
	}
	none := w.call("adam", "POST", "/v1/integration-users", `{"desk":"jira","email":"ana@example.com"}`)
	require.Equal(t, http.StatusNotFound, none.status)
	require.Equal(t, "body.email", none.problem.Errors[0].Location)
}

func TestIntegrationUsers_remove_and_check(t *testing.T) {
	w, _ := incidentWorld(t)
	w.gateway.change = workflows.IntegrationUsersResult{User: &access.IntegrationUser{ID: "u:1"}, Notified: 2}
	got := w.call("adam", "POST", "/v1/integration-users/jira/u%3A1/remove", `{"reason":"left"}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Contains(t, got.body, `"notified":2`)
	require.Equal(t, workflows.IntegrationUsersParams{
		Desk: "jira", By: "adam", Evidence: "development header", Reason: "left", Remove: &workflows.RemoveIntegrationUserInput{User: "u:1"},
	}, w.gateway.changes[0])

	w.gateway.change = workflows.IntegrationUsersResult{Checked: 3, Flagged: 1, Unread: 1, Notified: 2}
	require.JSONEq(t, `{"checked":3,"flagged":1,"unread":1,"notified":2}`, w.call("adam", "POST", "/v1/integration-users/jira/check", "").body)
	require.Equal(t, workflows.IntegrationUsersParams{Desk: "jira", By: "adam", Evidence: "development header"}, w.gateway.changes[1])
	w.gateway.incidentErr = access.Errorf(access.NotFound, "x", "there is no desk")
	require.Equal(t, http.StatusNotFound, w.call("adam", "POST", "/v1/integration-users/none/check", `{"id":"c1"}`).status)
}

// The id of a change belongs to its caller, and an id is no key.
func TestIntegrationUsers_id_origin(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.Administrators = []access.PersonID{"adam", "eve"} })
	for _, call := range []struct{ person, body, key string }{
		{"adam", `{"id":"x"}`, ""}, {"adam", `{"id":"x"}`, ""}, {"eve", `{"id":"x"}`, ""}, {"adam", "", "x"}, {"adam", "", "x"}, {"eve", "", "x"}, {"adam", "", ""}, {"adam", "", ""},
	} {
		headers := []string{"Idempotency-Key", call.key}
		require.Equal(t, http.StatusOK, w.call(call.person, "POST", "/v1/integration-users/jira/check", call.body, headers...).status)
	}
	ids := w.gateway.changeIDs
	require.Equal(t, ids[0], ids[1])
	require.Equal(t, ids[3], ids[4])
	different := map[string]bool{}
	for _, id := range ids {
		require.NotContains(t, id, "adam")
		different[id] = true
	}
	require.Len(t, different, 6)
}

func TestIntegrationUsers_bad_fields(t *testing.T) {
	w, _ := incidentWorld(t)
	for _, row := range []struct {
		field string
		value any
		at    string
	}{
		{"id", "a b", "body.id"},
		{"desk", "", "body.desk"},
		{"desk", "a\nb", "body.desk"},
		{"email", "", "body.email"},
		{"email", "ana", "body.email"},
		{"email", "ana@example.com\u202e", "body.email"},
		{"groups", []string{"net", "Net"}, "body.groups[1]"},
		{"groups", []string{""}, "body.groups[0]"},
		{"groups", []string{".net"}, "body.groups[0]"},
		{"groups", []string{strings.Repeat("n", 65)}, "body.groups[0]"},
		{"groups", make([]string, 21), "body.groups"},
		{"reason", strings.Repeat("x", 2001), "body.reason"},
		{"reason", "a\x00b", "body.reason"},
		{"dry", true, "body.dry"},
	} {
		text, err := json.Marshal(map[string]any{"desk": "jira", "email": "ana@example.com", row.field: row.value})
		require.NoError(t, err)
		got := w.call("adam", "POST", "/v1/integration-users", string(text))
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, got.status, "%+q", row)
		require.Equal(t, row.at, got.problem.Errors[0].Location, "%+q", row)
	}
	for path, at := range map[string]string{
		"/jira/u1/remove":   "body.reason",
		"/jira/%00/remove":  "path.user",
		"/a%00/u1/remove":   "path.desk",
		"/a%00/check":       "path.desk",
		"/jira/../x/remove": "",
	} {
		body := `{"reason":""}`
		if strings.HasSuffix(path, "/check") {
			body = `{}`
		}
		got := w.call("adam", "POST", "/v1/integration-users"+path, body)
		require.GreaterOrEqual(t, got.status, http.StatusMultipleChoices, path)
		if at != "" {
			require.Contains(t, got.body, at, path)
		}
	}
	require.Empty(t, w.gateway.changes)
}
