package desktest_test

import (
	"encoding/json"
	"net/http"
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
	s := newSmall(t)
	w := s.ask(http.MethodPost, "/_sim/seed", `{"count":2,"project":"empty","status":"approved","assignee":"ana"}`)
	require.JSONEq(t, `{"count":2,"records":[{"id":"2","key":"empty-1"},{"id":"3","key":"empty-2"}]}`, w.Body.String())
	made, _ := s.Ticket("empty-2")
	require.Equal(t, []string{"bot", "ana", desktest.StatusApproved}, []string{made.Creator, made.Assignee, made.Status})
	for _, bad := range []string{
		`{"cownt":1}`, `{}`, `no`, `{"count":1,"project":"x"}`, `{"count":1,"status":"x"}`, `{"count":1,"assignee":"x"}`,
	} {
		w := s.ask(http.MethodPost, "/_sim/seed", bad)
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Contains(t, w.Body.String(), "seed: ")
	}
}
