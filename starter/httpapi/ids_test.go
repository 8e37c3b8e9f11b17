package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestIDs_of_keys: nobody can choose the id that a key stands for, not even the key's own caller.
func TestIDs_of_keys(t *testing.T) {
	w, _ := incidentWorld(t)
	w.gateway.submission.Created = true
	w.gateway.viewErr = nil
	routes := map[string]string{
		"/v1/requests":              `"items":[{"entitlement":"wiki/editor"}],"reason":"docs"}`,
		"/v1/requests/r1/decisions": `"verdict":"deny"}`,
		"/v1/requests/r1/withdraw":  `"reason":"docs"}`,
		"/v1/requests/r1/reassign":  `"to":["p"],"reason":"docs"}`,
		"/v1/people/hr/runs":        `"whole":true}`,
		"/v1/desks/jira/syncs":      `"dry":true}`,
		"/v1/tickets":               handIn[1:],
		"/v1/integration-users":     `"desk":"jira","email":"ana@example.com"}`,
	}
	for path, rest := range routes {
		for _, id := range []string{"key-7f0e0f5e-2f5b-5d3c-9d5c-111111111111", "key-", ".", ".."} {
			got := w.call("adam", "POST", path, `{"id":"`+id+`",`+rest)
			if path == "/v1/tickets" {
				got = w.call("scanner", "POST", path, `{"id":"`+id+`",`+rest)
			}
			require.Equal(t, http.StatusUnprocessableEntity, got.status, "%s %s: %s", path, id, got.body)
			require.Equal(t, "body.id", got.problem.Errors[0].Location, got.body)
			require.Equal(t, "/id", got.problem.Errors[0].Pointer, got.body)
		}
	}
	require.Empty(t, w.gateway.submitted)
	require.Empty(t, w.gateway.decided)
	require.Empty(t, w.gateway.withdrawn)
	require.Empty(t, w.gateway.startedID)
	require.Empty(t, w.gateway.handedIn)
}

// TestIDs_of_other_callers: the same key of another caller is another id, for all that a key names.
func TestIDs_of_other_callers(t *testing.T) {
	w := newWorld(t)
	w.gateway.submission.Created = true
	for _, person := range []access.PersonID{"adam", "ana"} {
		w.recorded(access.RequestID("of-"+person), func(v *access.RequestView) {
			v.Request.Requester, v.Ticket.ID = person, access.TicketID(person)
		})
	}
	id := func(person string) (request access.RequestID, message, run string) {
		w.call(person, "POST", "/v1/requests", wiki, "Idempotency-Key", "k")
		w.call(person, "POST", "/v1/requests/of-"+person+"/withdraw", "", "Idempotency-Key", "k")
		w.call(person, "POST", "/v1/people/hr/runs", "", "Idempotency-Key", "k")
		return w.gateway.submitted[len(w.gateway.submitted)-1].ID, w.gateway.withdrawn[len(w.gateway.withdrawn)-1].ID, w.gateway.startedID
	}
	request, message, run := id("adam")
	again, _, _ := id("adam")
	require.Equal(t, request, again)
	otherRequest, otherMessage, _ := id("ana")
	require.NotEqual(t, request, otherRequest)
	require.NotEqual(t, message[len("adam:"):], otherMessage[len("ana:"):])
	require.NotEqual(t, string(request), run, "a key names one thing of each kind")
	require.Regexp(t, `^key-`, run)
}

// TestIDs_of_before: requests whose ids were made before keys had a namespace are read as ever.
func TestIDs_of_before(t *testing.T) {
	w := newWorld(t)
	for _, id := range []access.RequestID{"7f0e0f5e-2f5b-5d3c-9d5c-111111111111", "key-of-mine", "jira.10001"} {
		w.recorded(id, func(v *access.RequestView) { v.Ticket.ID = access.TicketID(id) })
		require.Equal(t, http.StatusOK, w.call("ana", "GET", "/v1/requests/"+string(id), "").status)
	}
}
