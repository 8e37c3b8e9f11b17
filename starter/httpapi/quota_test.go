package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

// quotaWorld is a world of quotas, and its clock.
func quotaWorld(t *testing.T, q httpapi.Quotas) (*world, *time.Time) {
	t.Helper()
	now := time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
	w := newWorld(t, func(c *httpapi.Config, d *httpapi.Deps) {
		c.Quotas = q
		d.Now = func() time.Time { return now }
	})
	w.gateway.submission.Created = true
	return w, &now
}

func TestQuota_of_a_caller(t *testing.T) {
	w, now := quotaWorld(t, httpapi.Quotas{ChangesPerSecond: 1, Burst: 2})
	post := func(person string) answer { return w.call(person, "POST", "/v1/requests", wiki) }
	require.Equal(t, http.StatusCreated, post("ana").status)
	require.Equal(t, http.StatusCreated, post("ana").status)
	waits := map[string]bool{}
	for range 60 {
		got := post("ana")
		require.Equal(t, http.StatusTooManyRequests, got.status, got.body)
		require.Equal(t, "urn:usher:problem:too-many", got.problem.Type)
		seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
		require.NoError(t, err)
		require.GreaterOrEqual(t, seconds, 1)
		require.LessOrEqual(t, seconds, 3)
		waits[got.header.Get("Retry-After")] = true
	}
	require.Greater(t, len(waits), 1, "those who were refused together do not come back together")
	require.Len(t, w.gateway.submitted, 2)
	require.Equal(t, http.StatusCreated, post("boss").status, "another caller has a quota of his own")
	*now = now.Add(time.Second)
	require.Equal(t, http.StatusCreated, post("ana").status, "what was refused cost nothing")
	require.Equal(t, http.StatusTooManyRequests, post("ana").status)
	*now = now.Add(time.Hour)
	require.Equal(t, http.StatusCreated, post("ana").status)
	require.Equal(t, http.StatusCreated, post("ana").status)
	require.Equal(t, http.StatusTooManyRequests, post("ana").status, "nobody saves up more than the burst")
}

func TestQuota_of_reads(t *testing.T) {
	w, _ := quotaWorld(t, httpapi.Quotas{ChangesPerSecond: 1, Burst: 2})
	for range 20 {
		require.Equal(t, http.StatusOK, w.call("ana", "GET", "/v1/requests?requester=ana", "").status)
	}
	require.Equal(t, http.StatusTooManyRequests, w.call("ana", "GET", "/v1/requests?requester=ana", "").status)
	require.Equal(t, http.StatusOK, w.call("", "GET", "/livez", "").status)
	require.Equal(t, http.StatusUnauthorized, w.call("", "GET", "/v1/requests", "").status)
}

// TestQuota_before_the_body: who makes too many calls costs no body.
func TestQuota_before_the_body(t *testing.T) {
	w, _ := quotaWorld(t, httpapi.Quotas{ChangesPerSecond: 1, Burst: 1})
	require.Equal(t, http.StatusCreated, w.call("ana", "POST", "/v1/requests", wiki).status)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/requests", tripwire{t})
	r.ContentLength = 1000
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Usher-Person", "ana")
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	require.Equal(t, http.StatusTooManyRequests, rec.Code)
}

func TestQuota_of_open_requests(t *testing.T) {
	w, _ := quotaWorld(t, httpapi.Quotas{OpenRequests: 2})
	w.recorded("r1")
	w.recorded("r2", ended, func(v *access.RequestView) { v.Ticket.ID = "2" })
	require.Equal(t, http.StatusCreated, w.call("ana", "POST", "/v1/requests", wiki).status, "one of two is open")
	w.recorded("r3", func(v *access.RequestView) { v.Ticket.ID = "3" })
	got := w.call("ana", "POST", "/v1/requests", wiki)
	require.Equal(t, http.StatusTooManyRequests, got.status, got.body)
	require.Contains(t, got.problem.Detail, "2 open requests")
	require.NotEmpty(t, got.header.Get("Retry-After"))
	require.Equal(t, http.StatusCreated, w.call("boss", "POST", "/v1/requests", wiki).status)
	require.Len(t, w.gateway.submitted, 2)

	away := newWorld(t, ledgerAway, func(c *httpapi.Config, _ *httpapi.Deps) { c.Quotas.OpenRequests = 1 })
	away.gateway.submission.Created = true
	require.Equal(t, http.StatusCreated, away.call("ana", "POST", "/v1/requests", wiki).status, "requests go on without the ledger")
}

func TestQuota_settings(t *testing.T) {
	require.NoError(t, httpapi.Quotas{ChangesPerSecond: 0.5, Burst: 1, OpenRequests: 200}.Validate())
	for key, q := range map[string]httpapi.Quotas{
		"quotas.changes_per_second": {ChangesPerSecond: -1}, "quotas.burst": {Burst: -1}, "quotas.open_requests": {OpenRequests: 201},
	} {
		require.ErrorContains(t, q.Validate(), key+": found")
	}
}
