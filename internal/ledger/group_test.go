package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// told is an entry of one event of a request.
func told(request, text string) access.Entry {
	return access.Entry{Events: []access.Event{{
		ID: "request/" + request + "#1", Request: access.RequestID(request), Type: access.EventSubmitted,
		At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Channel: access.ChannelAPI, Text: text,
	}}}
}

func TestRecord_group_entries_alone(t *testing.T) {
	store, err := ledger.Open(t.Context(), ledger.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Migrate(t.Context()))
	require.NoError(t, store.Record(t.Context(), told("taken", "first")))
	const writers = 200
	outcomes := make([]error, writers)
	var all sync.WaitGroup
	for n := range writers {
		all.Go(func() {
			entry := told(fmt.Sprintf("r%d", n), "asked")
			switch n % 10 {
			case 3:
				// It writes an event before the one that is refused: neither may stay.
				entry.Events = append(entry.Events, told("taken", "another content").Events...)
			case 7:
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				outcomes[n] = store.Record(ctx, entry)
				return
			}
			outcomes[n] = store.Record(t.Context(), entry)
		})
	}
	all.Wait()
	for n, err := range outcomes {
		events, readErr := store.Events(t.Context(), access.RequestID(fmt.Sprintf("r%d", n)))
		require.NoError(t, readErr)
		switch n % 10 {
		case 3:
			require.Equal(t, access.Conflict, access.KindOf(err), "%v", err)
			require.Empty(t, events)
		case 7:
			require.ErrorIs(t, err, context.Canceled)
			require.Empty(t, events, "what had ended before it began is not written")
		default:
			require.NoError(t, err)
			require.Len(t, events, 1)
		}
	}
	taken, err := store.Events(t.Context(), "taken")
	require.NoError(t, err)
	require.Equal(t, "first", taken[0].Text)
}
