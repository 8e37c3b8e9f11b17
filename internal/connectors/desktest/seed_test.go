package desktest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
)

func TestSeed_numbers(t *testing.T) {
	seed, err := desktest.Seed{Count: 3, From: 7, SpreadSeconds: 120, Properties: map[string]json.RawMessage{"p": []byte(`"{n}"`)}}.WithDefaults()
	require.NoError(t, err)
	require.Equal(t, desktest.SeedTicket{
		Summary: "Seeded 8", Labels: []string{"usher", "usher-seed-8"}, Properties: map[string]json.RawMessage{"p": []byte(`"8"`)},
		Created: after(-1),
	}, seed.Ticket(1, noon))
	require.Equal(t, after(-2), seed.Ticket(0, noon).Created)
	require.Equal(t, noon, seed.Ticket(2, noon).Created)
	one, err := desktest.Seed{Count: 1, SpreadSeconds: 60, Labels: []string{}, Summary: "s"}.WithDefaults()
	require.NoError(t, err)
	require.Equal(t, desktest.SeedTicket{Summary: "s", Created: noon}, one.Ticket(0, noon))
	for _, count := range []int{-1, 0, 1_000_000} {
		_, err = desktest.Seed{Count: count}.WithDefaults()
		require.ErrorContains(t, err, "count")
	}
}

func TestSeed_by_http(t *testing.T) {
	mux := http.NewServeMux()
	desktest.ControlSeed(mux, func(s desktest.Seed) ([]desktest.Seeded, error) {
		if s.Count == 0 {
			return nil, errors.New("count: none")
		}
		return []desktest.Seeded{{ID: "1", Key: s.Project + "-1"}}, nil
	})
	post := func(body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/_sim/seed", strings.NewReader(body)))
		return w
	}
	require.JSONEq(t, `{"count":1,"issues":[{"id":"1","key":"P-1"}]}`, post(`{"count":1,"project":"P"}`).Body.String())
	for _, bad := range []string{`{"cownt":1}`, `{}`, `no`} {
		w := post(bad)
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Contains(t, w.Body.String(), "seed: ")
	}
}
