package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzBody: whatever is sent as a request is taken or refused, never a failure of the API's own; and what is refused as no good names a field. The
// ledger is unavailable, because a database would take most of the time.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		wiki, `{"verdict":"approve"}`, `{"reason":"stolen"}`, `{"id":"..","items":[],"reason":""}`, `{"items":[{"entitlement":"wiki/editor","duration":"9d"}],"reason":"\u202e"}`,
		`{"reaſon":"x"}`, `{"reason":"a","reason":"b"}`, "\xff", `{"reason":"\ud83d"}`, `[[[[`, `{"items":{}}`, "null", "",
	} {
		f.Add([]byte(body))
	}
	w := newWorld(f, ledgerAway)
	w.gateway.submission.Created = true
	f.Fuzz(func(t *testing.T, body []byte) {
		w.log.Reset()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/requests", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Usher-Person", "ana")
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		got := readAnswer(t, rec.Result())
		require.Less(t, got.status, http.StatusInternalServerError, got.body)
		if got.status == http.StatusUnprocessableEntity || got.status == http.StatusBadRequest {
			require.NotEmpty(t, got.problem.Errors, got.body)
		}
	})
}

// FuzzWebhook: whatever a desk sends, also with the right secret, is refused, ignored, or looked up, for which the ledger is unavailable here.
func FuzzWebhook(f *testing.F) {
	for _, body := range []string{`{"items":[{"id":"H-1"}]}`, `{"items":[]}`, `{"items":{"0":{"id":1e400}}}`, `x`, "\xff", "", `{"issue":{"id":"10001"}}`, `[{"id":[]}]`} {
		f.Add("header", hookSecret, []byte(body))
		f.Add("jira", "sha256=zz", []byte(body))
		f.Add("query", "JWT a.b.c", []byte(body))
	}
	w := newWorld(f, ledgerAway)
	f.Fuzz(func(t *testing.T, desk, header string, body []byte) {
		w.log.Reset()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(string(body)))
		r.URL.Path = "/v1/desks/" + desk + "/webhook"
		for _, name := range []string{"X-Secret", "X-Hub-Signature", "Authorization"} {
			r.Header.Set(name, header)
		}
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		require.True(t, rec.Code < http.StatusInternalServerError || rec.Code == http.StatusServiceUnavailable, rec.Body.String())
	})
}
