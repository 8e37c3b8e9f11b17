package fakewire_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
)

func (s *store) awaitHeld(want ...bool) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		holds := s.Holds()
		return len(holds) == len(want) && (len(want) == 0 || holds[0].Held == want[0])
	}, 10*time.Second, time.Millisecond)
}

func TestHold_waits_for_its_release(t *testing.T) {
	for name, row := range map[string]struct {
		when   fakewire.HoldTime
		stored int
	}{
		"before its commit":            {fakewire.HoldBefore, 0},
		"after its commit, unanswered": {fakewire.HoldAfter, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.AddHold(fakewire.Hold{Op: opAdd, When: row.when, Match: []string{"/texts", "held one"}})
			s.want(http.StatusCreated, http.MethodPost, "/texts", "it does not match")
			status := s.sendSoon(t.Context(), "the held one")
			s.awaitHeld(true)
			require.Len(t, s.all(), 1+row.stored)
			s.want(http.StatusCreated, http.MethodPost, "/texts", "the held one again: one hold stops one call")
			s.SetFaults(fakewire.Faults{})
			s.awaitHeld(true)
			s.ReleaseHolds()
			require.Equal(t, http.StatusCreated, <-status)
			require.Len(t, s.all(), 3)
			require.Empty(t, s.Holds())
		})
	}
}

func TestHold_caller_has_gone(t *testing.T) {
	for name, row := range map[string]struct {
		when   fakewire.HoldTime
		stored int
	}{
		"does nothing when it was held before its commit": {fakewire.HoldBefore, 0},
		"was done when it was held after its commit":      {fakewire.HoldAfter, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.AddHold(fakewire.Hold{Op: opAdd, When: row.when})
			ctx, leave := context.WithCancel(t.Context())
			status := s.sendSoon(ctx, "left alone")
			s.awaitHeld(true)
			leave()
			require.Zero(t, <-status)
			s.awaitHeld()
			require.Len(t, s.all(), row.stored)
		})
	}
}

func TestHold_ends_with_the_fake(t *testing.T) {
	s := newStore(t)
	s.AddHold(fakewire.Hold{Op: opAdd, When: fakewire.HoldBefore})
	status := s.sendSoon(t.Context(), "one")
	s.awaitHeld(true)
	s.Close()
	require.Zero(t, <-status)
	require.Empty(t, s.all())
}

func TestHold_by_http(t *testing.T) {
	s := newStore(t)
	s.want(http.StatusOK, http.MethodPost, "/_sim/holds", `{"op":"add","when":"after","match":["slow"]}`)
	status := s.sendSoon(t.Context(), "slow")
	s.awaitHeld(true)
	got := s.want(http.StatusOK, http.MethodGet, "/_sim/holds", "")
	require.JSONEq(t, `[{"op":"add","when":"after","match":["slow"],"held":true}]`, got.body)
	for _, bad := range []string{`{"op":"add"}`, `{"op":"add","when":"later"}`, `{"when":"after"}`, `{"hold":1}`, `no`} {
		s.want(http.StatusBadRequest, http.MethodPost, "/_sim/holds", bad)
	}
	s.want(http.StatusOK, http.MethodDelete, "/_sim/holds", "")
	require.Equal(t, http.StatusCreated, <-status)
}
