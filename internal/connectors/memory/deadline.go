package memory

import (
	"context"
	"sync"
	"time"

	"usher/internal/access"
)

// writeClock is what write deadlines are compared with, in a Desk and in a Target. It is a clock of its own, because the
// other ones may skip time with a workflow's, and a deadline is a time of the machine's.
type writeClock struct {
	mu  sync.Mutex
	now func() time.Time
}

// SetWriteClock replaces the clock that write deadlines are compared with; it is time.Now until then.
func (c *writeClock) SetWriteClock(now func() time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// inTime returns nil when a change may be made now: see access.WithWriteDeadline. A change takes no time here.
func (c *writeClock) inTime(ctx context.Context, op string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now
	if now == nil {
		now = time.Now
	}
	if err := access.InTime(ctx, now(), 0); err != nil {
		return &access.Error{Kind: access.Transient, Op: op, Err: err}
	}
	return nil
}
