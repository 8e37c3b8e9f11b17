package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// What people read as usher's own is refused from callers: another case, a blank or a sign that is not seen before it, letters in another width. So is the application
// `usher`, by which the ticket would go to the same people as usher's own.
func TestAttackAttention_callers_pass_for_usher(t *testing.T) {
	for name, row := range map[string]struct{ field, body string }{
		"another case":      {"reference", `{"reference":"Usher:people/hr","summary":"usher holds back 12 changes of the people of hr"}`},
		"upper case":        {"reference", `{"reference":"USHER:people/hr","summary":"usher holds back 12 changes of the people of hr"}`},
		"a blank before":    {"reference", `{"reference":" usher:people/hr","summary":"usher holds back 12 changes of the people of hr"}`},
		"nothing seen":      {"reference", `{"reference":"\u200busher:people/hr","summary":"usher holds back 12 changes of the people of hr"}`},
		"the application":   {"application", `{"reference":"CVE-9","application":"usher","summary":"usher holds back 12 changes of the people of hr"}`},
		"another case, id":  {"id", `{"id":"Usher-0123456789ab-1","reference":"CVE-9","summary":"x"}`},
		"blanks within":     {"reference", `{"reference":"us her : people/hr","summary":"x"}`},
		"another width":     {"reference", `{"reference":"\uff55\uff53\uff48\uff45\uff52\uff1apeople/hr","summary":"x"}`},
		"a variation":       {"reference", `{"reference":"usher\ufe0f:people/hr","summary":"x"}`},
		"a joiner":          {"reference", `{"reference":"u\u034fsher:people/hr","summary":"x"}`},
		"application, case": {"application", `{"reference":"CVE-9","application":" USHER\u200b","summary":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := incidentWorld(t)
			w.gateway.answer.Created = true
			got := w.call("scanner", "POST", "/v1/tickets", row.body)
			require.Equal(t, http.StatusUnprocessableEntity, got.status, fmt.Sprint(w.gateway.handedIn))
			require.Equal(t, "body."+row.field, got.problem.Errors[0].Location)
			require.Empty(t, w.gateway.handedIn)
		})
	}
	w, _ := incidentWorld(t)
	w.gateway.answer.Created = true
	for _, body := range []string{
		`{"id":"ushers-1","reference":"ushers: 4","application":"usher-gateway","summary":"about usher: it is down"}`, `{"id":"an-usher-1","reference":"about usher:4","summary":"x"}`,
	} {
		require.Equal(t, http.StatusCreated, w.call("scanner", "POST", "/v1/tickets", body).status, body)
	}
}
