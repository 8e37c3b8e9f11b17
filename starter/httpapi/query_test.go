package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestQuery_named: a filter that is wrong is named, and one that cannot be read is never left out.
func TestQuery_named(t *testing.T) {
	w := newWorld(t)
	for path, location := range map[string]string{
		"/v1/requests?limit=abc":                      "query.limit",
		"/v1/requests?state=granted,bogus":            "query.state[1]",
		"/v1/requests?open=maybe":                     "query.open",
		"/v1/requests?cursor=xx":                      "query.cursor",
		"/v1/requests?requester=ana&requester=eve":    "query.requester",
		"/v1/requests?state=granted&state=denied":     "query.state",
		"/v1/requests?requester=%zz":                  "query",
		"/v1/requests?requester=ana;subject=eve":      "query",
		"/v1/requests?nope=1":                         "query.nope",
		"/v1/inbox?cursor=xx":                         "query.cursor",
		"/v1/catalog?limit=201":                       "query.limit",
		"/v1/catalog?text=%00":                        "query.text",
		"/v1/catalog?cursor=%ff":                      "query.cursor",
		"/v1/tickets?before=abc":                      "query.before",
		"/v1/integration-users?after=1":               "query.after",
		"/v1/integration-users/jira/events?before=-1": "query.before",
		"/v1/desks/jira/syncs?limit=999":              "query.limit",
		"/v1/people/hr/runs?before=x":                 "query.before",
	} {
		got := w.call("audra", "GET", path, "")
		require.Equal(t, http.StatusUnprocessableEntity, got.status, "%s: %s", path, got.body)
		require.NotEmpty(t, got.problem.Errors, path)
		require.Equal(t, location, got.problem.Errors[0].Location, path)
		require.NotEmpty(t, got.problem.Errors[0].Message, path)
		require.Empty(t, got.problem.Errors[0].Pointer, path)
	}
}
