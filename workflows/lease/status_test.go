package lease

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows/outbox"
)

func TestDetails(t *testing.T) {
	ends := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	views := []access.LeaseView{
		{Lease: access.Lease{ID: "r1:1", Title: "Wiki editor"}, State: access.LeaseActive, EndsAt: &ends},
		{Lease: access.Lease{ID: "r2:1", Title: "Wiki *admin*"}, State: access.LeaseRevoking, Problem: "the target is down"},
	}
	t.Run("they name each lease", func(t *testing.T) {
		text := details(views, 0, 0, outbox.State{})
		require.Contains(t, text, "- **Wiki editor** is active, until 2026-03-04 05:06 UTC (lease r1:1)\n")
		require.Contains(t, text, "- **Wiki \\*admin\\*** is revoking: the target is down, without end (lease r2:1)\n")
		require.NotContains(t, text, "more")
		require.NotContains(t, text, "could not be read")
	})
	t.Run("no lease is left", func(t *testing.T) {
		require.Contains(t, details(nil, 0, 0, outbox.State{}), "No lease is left.")
	})
	t.Run("there are more than the page names", func(t *testing.T) {
		require.Contains(t, details(views, 1950, 0, outbox.State{}), "- and 1950 more\n")
	})
	t.Run("somebody who has left is named", func(t *testing.T) {
		require.Empty(t, gone(access.Standing{Person: "ana", Revision: 7}))
		require.Equal(t, "**Every lease ends, and none is granted: the person has left**\n\n", gone(access.Standing{Absent: true, Revision: 7}))
		require.Equal(t, "**Every lease ends, and none is granted: Ana \\*has\\* left**\n\n",
			gone(access.Standing{Absent: true, Revision: 7, Reason: "Ana *has* left"}))
	})
	t.Run("what is wrong is named", func(t *testing.T) {
		text := details(views, 0, 3, outbox.State{RefusedCount: 2, Refused: []outbox.Refusal{{What: "granted", Reason: "no row"}}})
		require.Contains(t, text, "**3 messages could not be read, or are about somebody else.**")
		require.Contains(t, text, "- granted: no row\n- and 1 more\n")
	})
}
