package fakewire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
)

func TestLimiter_bucket_is_filled(t *testing.T) {
	var l fakewire.Limiter
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for _, want := range []int{1, 0} {
		left, wait := l.Take("a", 2, now)
		require.Equal(t, want, left)
		require.Zero(t, wait)
	}
	_, wait := l.Take("a", 2, now)
	require.Equal(t, 500*time.Millisecond, wait)
	require.Equal(t, "1", fakewire.WholeSeconds(wait))
	_, wait = l.Take("b", 2, now)
	require.Zero(t, wait, "each name has its own")
	_, wait = l.Take("a", 2, now.Add(500*time.Millisecond))
	require.Zero(t, wait)
	left, _ := l.Take("a", 2, now.Add(time.Hour))
	require.Equal(t, 1, left, "no bucket holds more than a second's worth")
}

func TestLimiter_windows(t *testing.T) {
	var l fakewire.Limiter
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	event := func(at time.Duration) time.Duration {
		return l.Within("a", now.Add(at),
			fakewire.Window{Span: 2 * time.Second, Most: 2}, fakewire.Window{Span: 30 * time.Second, Most: 3}, fakewire.Window{Span: time.Hour})
	}
	require.Zero(t, event(0))
	require.Zero(t, event(0))
	require.Equal(t, 2*time.Second, event(0), "two in two seconds")
	require.Zero(t, event(2*time.Second), "what was refused is not counted")
	require.Equal(t, 28*time.Second, event(2*time.Second), "three in thirty seconds")
	require.Zero(t, event(30*time.Second))
	require.Zero(t, l.Within("b", now, fakewire.Window{Span: time.Second, Most: 1}))
}
