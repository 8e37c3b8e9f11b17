package ledger

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

const (
	// groupAtMost is how many transactions are committed together.
	groupAtMost = 64
	// groupWithin bounds one common transaction: longer than SQLite waits for another process that writes.
	groupWithin = 15 * time.Second
)

// errClosed is the outcome of what comes after the end.
var errClosed = errors.New("the ledger is closed")

// group commits transactions that wait for each other together, for a commit that survives a power cut costs a wait for
// the disk, however little it writes. Each stands or falls alone: it has a savepoint of its own. Safe for concurrent use.
type group struct {
	pool *sql.DB
	// wake has one place: the leader looks who waits once more.
	wake chan struct{}
	// led is closed when the leader has gone.
	led     chan struct{}
	mu      sync.Mutex
	waiting []*member
	closed  bool
}

// member is one transaction of a group. done gets its outcome, once.
type member struct {
	do   func(context.Context, *sql.Tx) error
	done chan error
}

// newGroup has one goroutine lead for as long as the group lives: one for each transaction would grow its stack each time,
// through all of SQLite. The group must be closed, and does not end with ctx.
func newGroup(ctx context.Context, pool *sql.DB) *group {
	g := &group{pool: pool, wake: make(chan struct{}, 1), led: make(chan struct{})}
	go g.lead(context.WithoutCancel(ctx))
	return g
}

// commit runs do in a transaction that may hold others as well, and commits it. do gets a context that does not end with
// ctx, because an interrupted statement would take the others with it. When ctx ends first, what becomes of do is unknown,
// save that it is not begun if it had not been.
func (g *group) commit(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &member{do: do, done: make(chan error, 1)}
	if err := g.join(m); err != nil {
		return err
	}
	select {
	case err := <-m.done:
		return err
	case <-ctx.Done():
		g.leave(m)
		return ctx.Err()
	}
}

func (g *group) join(m *member) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errClosed
	}
	g.waiting = append(g.waiting, m)
	select {
	case g.wake <- struct{}{}:
	default: // It will look anyway.
	}
	return nil
}

// leave takes a member back that nobody has begun.
func (g *group) leave(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, other := range g.waiting {
		if other == m {
			g.waiting = append(g.waiting[:i:i], g.waiting[i+1:]...)
			return
		}
	}
}

// lead commits whoever waits, until the group is closed and nobody does.
func (g *group) lead(ctx context.Context) {
	defer close(g.led)
	for range g.wake {
		for some := g.next(); len(some) > 0; some = g.next() {
			outcomes, err := g.together(ctx, some)
			for i, m := range some {
				if err != nil {
					m.done <- err
					continue
				}
				m.done <- outcomes[i]
			}
		}
	}
}

// next takes those who are committed together; none when nobody waits.
func (g *group) next() []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	some := g.waiting[:min(len(g.waiting), groupAtMost)]
	g.waiting = g.waiting[len(some):]
	return some
}

// together commits some members in one transaction. The error is that of all of them; one that has an outcome of its own
// has not been kept.
func (g *group) together(ctx context.Context, some []*member) ([]error, error) {
	ctx, cancel := context.WithTimeout(ctx, groupWithin)
	defer cancel()
	tx, err := g.pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	outcomes := make([]error, len(some))
	if len(some) == 1 {
		// Nobody else's: it needs no mark of its own.
		if outcomes[0] = some[0].do(ctx, tx); outcomes[0] != nil {
			outcomes[0] = errors.Join(outcomes[0], ignoreDone(tx.Rollback()))
			return outcomes, nil
		}
		return outcomes, tx.Commit()
	}
	for i, m := range some {
		outcomes[i], err = alone(ctx, tx, m)
		if err != nil {
			return nil, errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}
	return outcomes, tx.Commit()
}

// alone runs one member between two marks of the common transaction: outcome is its own, err that of the transaction.
func alone(ctx context.Context, tx *sql.Tx, m *member) (outcome, err error) {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT member"); err != nil {
		return nil, err
	}
	if outcome = m.do(ctx, tx); outcome != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO member"); err != nil {
			return nil, errors.Join(outcome, err)
		}
	}
	_, err = tx.ExecContext(ctx, "RELEASE member")
	return outcome, err
}

// close waits for what is under way. Safe to repeat.
func (g *group) close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.wake)
	}
	g.mu.Unlock()
	<-g.led
}
