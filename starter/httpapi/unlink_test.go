package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/starter/httpapi"
	"usher/workflows"
)

func TestUnlink(t *testing.T) {
	w := newWorld(t)
	w.gateway.link = access.DeskLink{Person: "p/1", User: "7", How: access.LinkEmail}
	for person, status := range map[string]int{"ana": http.StatusForbidden, "audra": http.StatusForbidden, "adam": http.StatusOK} {
		got := w.call(person, "POST", "/v1/desks/it/links/p%2F1/remove", `{"id":"u1","reason":"a namesake"}`)
		require.Equal(t, status, got.status, got.body)
		if status == http.StatusOK {
			require.Equal(t, httpapi.UnlinkedUser{Person: "p/1", User: "7"}, decode[httpapi.UnlinkedUser](t, got))
		}
	}
	require.Equal(t, []workflows.UnlinkParams{{Desk: "it", Person: "p/1", By: "adam", Evidence: "development header", Reason: "a namesake"}}, w.gateway.unlinks)
	w.call("adam", "POST", "/v1/desks/it/links/p%2F1/remove", `{"id":"u1","reason":"a namesake"}`)
	w.call("adam", "POST", "/v1/desks/it/links/p%2F1/remove", `{"reason":"a namesake"}`, "Idempotency-Key", "u1")
	ids := w.gateway.changeIDs
	require.Equal(t, ids[0], ids[1], "the same call")
	require.NotEqual(t, ids[0], ids[2], "an id is no key")

	for kind, status := range map[access.Kind]int{access.NotFound: http.StatusNotFound, access.Conflict: http.StatusConflict} {
		w.gateway.incidentErr = &gateway.RefusedError{Kind: kind, Message: "no", Refusals: []access.Refusal{{Field: "person", Problem: "no"}}}
		got := w.call("adam", "POST", "/v1/desks/it/links/p1/remove", `{"reason":"x"}`)
		require.Equal(t, status, got.status)
		require.Equal(t, "path.person", got.problem.Errors[0].Location)
	}
}

func TestUnlink_bad_fields(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct{ path, body, at string }{
		{"/v1/desks/it/links/p1/remove", `{"reason":""}`, "body.reason"},
		{"/v1/desks/it/links/p1/remove", `{}`, "body"},
		{"/v1/desks/it/links/p1/remove", `{"reason":"a\u0000b"}`, "body.reason"},
		{"/v1/desks/it/links/p1/remove", `{"reason":"x","id":"a b"}`, "body.id"},
		{"/v1/desks/it/links/p1/remove", `{"reason":"x","user":"7"}`, "body.user"},
		{"/v1/desks/it/links/%00/remove", `{"reason":"x"}`, "path.person"},
		{"/v1/desks/a%00/links/p1/remove", `{"reason":"x"}`, "path.desk"},
		{"/v1/desks/it/links/" + strings.Repeat("p", 513) + "/remove", `{"reason":"x"}`, "path.person"},
	} {
		got := w.call("adam", "POST", row.path, row.body)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, got.status, row.path+row.body)
		require.Equal(t, row.at, got.problem.Errors[0].Location, row.path+row.body)
	}
	require.Empty(t, w.gateway.unlinks)
}
