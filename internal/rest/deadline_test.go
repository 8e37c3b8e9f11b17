package rest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/rest"
)

// callTimeout is the time-out of every client here.
const callTimeout = 5 * time.Second

// wallClock is a clock that a test sets.
type wallClock struct {
	mu  sync.Mutex
	now time.Time
}

func newWallClock() *wallClock { return &wallClock{now: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)} }

func (c *wallClock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *wallClock) suspend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// counted counts the calls that reach it, by method.
type counted struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	// What was cut off did not reach anybody.
	if err == nil && (len(body) > 0 || r.ContentLength == 0) {
		c.calls[r.Method]++
	}
	_, _ = io.WriteString(w, `{}`)
}

func (c *counted) taken() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

func requireTooLate(t *testing.T, err error) {
	t.Helper()
	requireKind(t, access.Transient, err)
	require.ErrorContains(t, err, "not sent: the time for this write is over")
	require.ErrorIs(t, err, access.ErrTooLate)
}

func TestWriteDeadline(t *testing.T) {
	clock, server := newWallClock(), &counted{}
	client := newClient(t, server.ServeHTTP, func(c *rest.Config) { c.Timeout, c.Now = callTimeout, clock.read })
	writes := []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, "PURGE"}
	for _, row := range []struct {
		name string
		// left is the time until the deadline.
		left time.Duration
		sent bool
	}{
		{"there is time for the whole call", callTimeout, true},
		{"there is a little too little time", callTimeout - 1, false},
		{"the deadline is over", -time.Hour, false},
	} {
		for mode := range modes() {
			t.Run(fmt.Sprintf("%s, %s", row.name, mode), func(t *testing.T) {
				ctx := access.WithWriteDeadline(t.Context(), clock.read().Add(row.left))
				for _, method := range writes {
					_, err := client.Do(ctx, rest.Call{Op: "do it", Mode: mode, Method: method, Path: "x", Body: map[string]int{"a": 1}})
					if !row.sent {
						requireTooLate(t, err)
						require.Empty(t, server.taken())
						continue
					}
					require.NoError(t, err)
					require.Equal(t, map[string]int{method: 1}, server.taken())
				}
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					_, err := client.Do(ctx, rest.Call{Op: "do it", Mode: mode, Method: method, Path: "x"})
					require.NoError(t, err)
					require.Equal(t, map[string]int{method: 1}, server.taken())
				}
			})
		}
	}
}

// TestWriteDeadline_last has the machine suspended at each place where a call waits before it is sent.
func TestWriteDeadline_last(t *testing.T) {
	t.Run("while the worker's share of the rate limit is waited for", func(t *testing.T) {
		clock, server := newWallClock(), &counted{}
		client := newClient(t, server.ServeHTTP, func(c *rest.Config) {
			c.Timeout, c.Now, c.PerSecond, c.Burst = callTimeout, clock.read, 50, 1
		})
		ctx := access.WithWriteDeadline(t.Context(), clock.read().Add(time.Minute))
		require.NoError(t, create(ctx, client))
		server.taken()
		ctx = rest.WithWaits(ctx, func(time.Duration) { clock.suspend(time.Hour) })
		requireTooLate(t, create(ctx, client))
		require.Empty(t, server.taken())
	})
	t.Run("while the connection is made", func(t *testing.T) {
		clock, server := newWallClock(), &counted{}
		client := newClient(t, server.ServeHTTP, func(c *rest.Config) {
			c.Timeout, c.Now = callTimeout, clock.read
			c.Base = suspendedBefore(t, clock.suspend)
		})
		ctx := access.WithWriteDeadline(t.Context(), clock.read().Add(time.Minute))
		requireTooLate(t, create(ctx, client))
		require.Empty(t, server.taken())
	})
}

// suspendedBefore sends over a wire whose machine is suspended before the connection is there.
func suspendedBefore(t *testing.T, suspend func(time.Duration)) http.RoundTripper {
	t.Helper()
	wire, err := rest.NewBaseTransport()
	require.NoError(t, err)
	dial := wire.DialContext
	wire.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		suspend(time.Hour)
		return dial(ctx, network, address)
	}
	return wire
}

func create(ctx context.Context, client *rest.Client) error {
	_, err := client.Do(ctx, rest.Call{Op: "do it", Mode: rest.Create, Method: http.MethodPost, Path: "x", Body: map[string]int{"a": 1}})
	return err
}
