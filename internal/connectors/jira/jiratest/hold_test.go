package jiratest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira/jiratest"
)

// createSoon sends a create in the background; the channel gets its status, 0 for no answer.
func (d *desk) createSoon(ctx context.Context, t *testing.T, summary string) <-chan int {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/rest/api/2/issue", strings.NewReader(
		`{"fields":{"project":{"key":"ACCESS"},"issuetype":{"name":"Access request"},"summary":"`+summary+`"}}`))
	require.NoError(t, err)
	r.SetBasicAuth(d.email, d.token)
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

func (d *desk) awaitHeld(t *testing.T, want ...bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		var held []bool
		for _, h := range d.Holds() {
			held = append(held, h.Held)
		}
		return len(held) == len(want) && (len(want) == 0 || held[0] == want[0])
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
			d := newDesk(t, nil)
			d.AddHold(fakewire.Hold{Op: jiratest.OpCreateIssue, When: row.when, Match: []string{"/rest/api/2", "held one"}})
			require.Equal(t, http.StatusCreated, <-d.createSoon(t.Context(), t, "another one"), "it does not match")
			status := d.createSoon(t.Context(), t, "the held one")
			d.awaitHeld(t, true)
			require.Len(t, d.Tickets(), 1+row.stored)
			require.Equal(t, http.StatusCreated, <-d.createSoon(t.Context(), t, "the held one again"), "one hold stops one call")
			d.SetFaults(jiratest.Faults{})
			d.awaitHeld(t, true)
			d.ReleaseHolds()
			require.Equal(t, http.StatusCreated, <-status)
			require.Len(t, d.Tickets(), 3)
			require.Empty(t, d.Holds())
		})
	}
}
