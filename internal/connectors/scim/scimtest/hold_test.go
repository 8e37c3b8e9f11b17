package scimtest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/scim/scimtest"
)

// addSoon makes a user a member of a group in the background; the channel gets the status, 0 for no answer.
func addSoon(ctx context.Context, t *testing.T, base, user string) <-chan int {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPatch, base+"/scim/v2/Groups/g2",
		strings.NewReader(patch(`{"op":"add","path":"members","value":[{"value":"`+user+`"}]}`)))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/scim+json")
	status := make(chan int, 1)
	go func() {
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			status <- 0
			return
		}
		status <- resp.StatusCode
		_ = resp.Body.Close()
	}()
	return status
}

func awaitHeld(t *testing.T, s *scimtest.Server, holds int) {
	t.Helper()
	require.Eventually(t, func() bool {
		now := s.Holds()
		return len(now) == holds && (holds == 0 || now[0].Held)
	}, 10*time.Second, time.Millisecond)
}

func TestHold_waits_for_its_release(t *testing.T) {
	for name, row := range map[string]struct {
		when    fakewire.HoldTime
		members []string
	}{
		"before its commit":            {fakewire.HoldBefore, []string{"u2"}},
		"after its commit, unanswered": {fakewire.HoldAfter, []string{"u1", "u2"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := scimtest.New(seeds())
			web := httptest.NewServer(s)
			t.Cleanup(web.Close)
			s.AddHold(fakewire.Hold{Op: http.MethodPatch, When: row.when, Match: []string{"/Groups/g2", `"u1"`}})
			status := addSoon(t.Context(), t, web.URL, "u1")
			awaitHeld(t, s, 1)
			require.Equal(t, http.StatusOK, <-addSoon(t.Context(), t, web.URL, "u2"), "it does not match")
			require.Equal(t, row.members, s.Members("g2"))
			s.SetFaults(scimtest.Faults{})
			awaitHeld(t, s, 1)
			s.ReleaseHolds()
			require.Equal(t, http.StatusOK, <-status)
			require.ElementsMatch(t, []string{"u1", "u2"}, s.Members("g2"))
			require.Empty(t, s.Holds())
		})
	}
}
