package workflows_test

import (
	"context"
	"slices"
	"sync"

	"usher/activities"
	"usher/internal/access"
)

// refusingLedger is the world's ledger, which refuses some entries for good, and some reads for a while.
type refusingLedger struct {
	*faultyLedger
	mu sync.Mutex
	// refuses returns why an entry is refused; nil for one that is taken.
	refuses func(access.Entry) error
	refused int
	// failingReads is how many reads of a request fail.
	failingReads int
}

// Record implements activities.LedgerStore.
func (l *refusingLedger) Record(ctx context.Context, entries ...access.Entry) error {
	l.mu.Lock()
	for _, e := range entries {
		if err := l.refuses(e); err != nil {
			l.refused++
			l.mu.Unlock()
			return err
		}
	}
	l.mu.Unlock()
	return l.faultyLedger.Record(ctx, entries...)
}

// View implements activities.LedgerStore.
func (l *refusingLedger) View(ctx context.Context, id access.RequestID) (access.RequestView, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failingReads > 0 {
		l.failingReads--
		return access.RequestView{}, access.Errorf(access.Transient, "read", "the database is away")
	}
	return l.faultyLedger.View(ctx, id)
}

// refusing puts a ledger that refuses some entries in the place of the world's, in the environment that is there.
func (w *world) refusing(refuses func(access.Entry) error) *refusingLedger {
	l := &refusingLedger{faultyLedger: w.ledger, refuses: refuses}
	w.over(l)
	return l
}

// over registers the activities that know a ledger over another one.
func (w *world) over(l *refusingLedger) {
	watch := &activities.Watch{Ledger: l, Client: w}
	w.env.RegisterActivity(&activities.Records{Ledger: l, Client: w})
	w.env.RegisterActivity(&activities.Desk{Port: w.desk, Ledger: l, Watch: watch, Now: w.env.Now})
	w.env.RegisterActivity(&activities.Target{Port: w.target, Ledger: l})
	w.env.RegisterActivity(watch)
}

// why is what the ledger answers to an entry that it refuses.
const why = "constraint 4711 is violated"

// refusesEvents refuses every entry that holds an event of a type.
func refusesEvents(kind access.Kind, types ...access.EventType) func(access.Entry) error {
	return func(e access.Entry) error {
		if slices.ContainsFunc(e.Events, func(e access.Event) bool { return slices.Contains(types, e.Type) }) {
			return access.Errorf(kind, "record", why)
		}
		return nil
	}
}
