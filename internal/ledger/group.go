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

// group commits transactions that wait for each other together, for a commit that survives a power cut costs a wait for
// the disk, however little it writes. Each stands or falls alone: it has a savepoint of its own. Safe for concurrent use.
type group struct {
	pool *sql.DB
	// turn has one place: who has put something in leads.
	turn    chan struct{}
	leaders sync.WaitGroup
	mu      sync.Mutex
	waiting []*member
}

// member is one transaction of a group. done gets its outcome, once.
type member struct {
	do   func(context.Context, *sql.Tx) error
	done chan error
}

func newGroup(pool *sql.DB) *group { return &group{pool: pool, turn: make(chan struct{}, 1)} }

// commit runs do in a transaction that may hold others as well, and commits it. do gets a context that does not end with
// ctx, because an interrupted statement would take the others with it. When ctx ends first, what becomes of do is unknown,
// save that it is not begun if it had not been.
func (g *group) commit(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &member{do: do, done: make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, m)
	g.mu.Unlock()
	turn := g.turn
	for {
		select {
		case err := <-m.done:
			return err
		case <-ctx.Done():
			g.leave(m)
			return ctx.Err()
		case turn <- struct{}{}:
			// It is led beside, so that this caller can leave as every other.
			turn = nil
			lasting := context.WithoutCancel(ctx)
			g.leaders.Go(func() {
				g.lead(lasting)
				<-g.turn
			})
		}
	}
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

// lead commits whoever waits, until nobody does.
func (g *group) lead(ctx context.Context) {
	for {
		g.mu.Lock()
		some := g.waiting[:min(len(g.waiting), groupAtMost)]
		g.waiting = g.waiting[len(some):]
		g.mu.Unlock()
		if len(some) == 0 {
			return
		}
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

// close waits for what is under way.
func (g *group) close() { g.leaders.Wait() }
