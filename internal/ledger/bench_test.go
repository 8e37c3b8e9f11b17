package ledger_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// atOnce is how many goroutines per processor record in the parallel benchmarks.
const atOnce = 16

// BenchmarkRecord measures one entry per operation. SQLite waits for the disk at every commit, as in production; the
// PostgreSQL of the tests never waits for it.
func BenchmarkRecord(b *testing.B) {
	runBenchmarks(b, func(b *testing.B, d databases) {
		s, _ := d.openWithURL(b)
		b.Run("the first entry of a request", func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				id := access.RequestID(fmt.Sprintf("r-%p-%d", b, n))
				v := view(id, 1)
				record(b, s, access.Entry{Events: []access.Event{event(id, 1), event(id, 2)}, View: &v})
			}
		})
		b.Run("a change that waits for the same person", func(b *testing.B) {
			id := access.RequestID(fmt.Sprintf("r-%p", b))
			for n := 1; b.Loop(); n++ {
				v := view(id, n)
				record(b, s, access.Entry{Events: []access.Event{event(id, n)}, View: &v})
			}
		})
		b.Run("a change that waits for somebody else", func(b *testing.B) {
			id := access.RequestID(fmt.Sprintf("r-%p", b))
			for n := 1; b.Loop(); n++ {
				v := view(id, n)
				v.WaitingOn[0].Person = access.PersonID(fmt.Sprintf("p-%d", n%2))
				record(b, s, access.Entry{Events: []access.Event{event(id, n)}, View: &v})
			}
		})
		b.Run("the same entry again", func(b *testing.B) {
			id := access.RequestID(fmt.Sprintf("r-%p", b))
			v, k := view(id, 1), ticket(access.TicketID(id), id, "")
			for b.Loop() {
				record(b, s, access.Entry{Events: []access.Event{event(id, 1)}, View: &v, Ticket: &k})
			}
		})
		b.Run("many requests at once", func(b *testing.B) {
			var writer atomic.Int64
			b.SetParallelism(atOnce)
			b.RunParallel(func(pb *testing.PB) {
				id := access.RequestID(fmt.Sprintf("r-%p-%d", b, writer.Add(1)))
				for n := 1; pb.Next(); n++ {
					v := view(id, n)
					if err := s.Record(b.Context(), access.Entry{Events: []access.Event{event(id, n)}, View: &v}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	})
}

// BenchmarkWatch measures what a watch asks, among 10,000 open and 1,000,000 ended requests.
func BenchmarkWatch(b *testing.B) {
	runBenchmarks(b, func(b *testing.B, d databases) {
		s, url := d.openWithURL(b)
		raw := d.raw(b, url)
		crowd(b, raw, 10_000)
		for _, statement := range d.tidy {
			_, err := raw.ExecContext(b.Context(), statement)
			require.NoError(b, err)
		}
		b.Run("all open tickets, a thousand a page", func(b *testing.B) {
			for b.Loop() {
				require.Len(b, openTickets(b, s, ledger.MaxTickets), 10_000)
			}
		})
		b.Run("all open tickets, a hundred a page", func(b *testing.B) {
			for b.Loop() {
				require.Len(b, openTickets(b, s, 100), 10_000)
			}
		})
		ids, err := s.OpenTickets(b.Context(), "jira", "", 100)
		require.NoError(b, err)
		b.Run("a hundred watched tickets", func(b *testing.B) {
			for b.Loop() {
				found, err := s.WatchedTickets(b.Context(), "jira", ids)
				require.NoError(b, err)
				require.Len(b, found, 100)
			}
		})
		b.Run("a hundred marks that change", func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				saveFingerprints(b, s, ids, n)
			}
		})
		b.Run("a hundred marks that stay", func(b *testing.B) {
			for b.Loop() {
				saveFingerprints(b, s, ids, -1)
			}
		})
		b.Run("how far the watch has come", func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				require.NoError(b, s.SaveWatch(b.Context(), access.WatchPosition{Desk: "jira", Cursor: minutes(n)}))
			}
		})
	})
}

func saveFingerprints(b *testing.B, s *ledger.Store, ids []access.TicketID, n int) {
	marks := map[access.TicketID]access.TicketFingerprint{}
	for _, id := range ids {
		marks[id] = mark(access.TicketKey(fmt.Sprintf("ACC-%d", n)))
	}
	require.NoError(b, s.SaveFingerprints(b.Context(), "jira", marks))
}
