package ledger_test

import (
	"fmt"
	"sync/atomic"
	"testing"

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

var _ = ledger.MaxLimit
