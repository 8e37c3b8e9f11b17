package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/gateway"
	"usher/workflows"
)

const reassignPath = "/v1/requests/r1/reassign"

func TestReassign(t *testing.T) {
	w := newWorld(t)
	w.gateway.view = access.RequestView{
		Request: access.Request{ID: "r1", Reason: "a secret"}, StatusText: "Waiting for Olga (owner) to decide.",
		WaitingOn: []access.Waiting{{Person: "olga", Name: "Olga", Stage: "owner", Items: []access.ItemID{"1"}}},
	}
	got := w.call("adam", "POST", reassignPath, `{"id":"n1","to":["olga","omar"],"stage":"owner","items":["1"],"reason":"on leave"}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, []workflows.ReassignInput{{
		ID: "adam:n1", By: "adam", Evidence: "development header", To: []access.PersonID{"olga", "omar"}, Stage: "owner",
		Items: []access.ItemID{"1"}, Reason: "on leave",
	}}, w.gateway.named)
	require.Contains(t, string(got.body), `"person":"olga"`)
	require.NotContains(t, string(got.body), "a secret", "an administrator need not be one who may read the request")
	w.gateway.view.WaitingOn = nil
	got = w.call("adam", "POST", reassignPath, `{"to":["olga"],"reason":"on leave"}`)
	require.Contains(t, string(got.body), `"waiting_on":[]`)
	require.NotEqual(t, w.gateway.named[0].ID, w.gateway.named[1].ID)
}

func TestReassign_refused(t *testing.T) {
	good := `{"to":["olga"],"reason":"on leave"}`
	for name, row := range map[string]struct {
		person, path, body string
		err                error
		status             int
		text               string
	}{
		"a requester":              {"ana", reassignPath, good, nil, 403, "Only administrators may name who approves a request."},
		"an auditor":               {"audra", reassignPath, good, nil, 403, "Only administrators"},
		"an id that none can have": {"adam", "/v1/requests/a%20b/reassign", good, nil, 404, "not-found"},
		"nobody":                   {"adam", reassignPath, `{"to":[],"reason":"x"}`, nil, 422, "body.to"},
		"without a reason":         {"adam", reassignPath, `{"to":["olga"],"reason":""}`, nil, 422, "body.reason"},
		"another stage":            {"adam", reassignPath, `{"to":["olga"],"stage":"boss","reason":"x"}`, nil, 422, "body.stage"},
		"an id that is far too long": {
			"adam", reassignPath, `{"to":["` + strings.Repeat("x", 2000) + `"],"reason":"x"}`, nil, 422, "body.to[0]",
		},
		"the workflow refuses": {
			"adam", reassignPath, good, &gateway.RefusedError{
				Op: "reassign", Kind: access.Forbidden, Message: "no", Refusals: []access.Refusal{{Field: "to[0]", Problem: "olga would get it"}},
			}, 403, "olga would get it",
		},
		"there is no such request": {"adam", reassignPath, good, access.Errorf(access.NotFound, "reassign", "none"), 404, "not-found"},
		"it has ended":             {"adam", reassignPath, good, access.Errorf(access.Conflict, "reassign", "the request has ended"), 409, "the request has ended"},
		"Temporal is away":         {"adam", reassignPath, good, access.Errorf(access.Transient, "reassign", "away"), 503, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.gateway.err = row.err
			got := w.call(row.person, "POST", row.path, row.body)
			require.Equal(t, row.status, got.status, string(got.body))
			require.Contains(t, string(got.body), row.text)
			if row.err == nil {
				require.Empty(t, w.gateway.named)
			}
		})
	}
}
