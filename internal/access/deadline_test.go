package access_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// thawed is what time.Now gives on a machine that was suspended for so long after a first time was taken: the wall clock
// went on, and the monotonic clock stood still. No public function makes such a time.
func thawed(before time.Time, suspended time.Duration) time.Time {
	const secondsAt = 30 // a Time with a monotonic reading has its seconds above its nanoseconds
	*(*uint64)(unsafe.Pointer(&before)) += uint64(suspended/time.Second) << secondsAt
	return before
}

func TestWriteDeadline(t *testing.T) {
	_, ok := access.WriteDeadline(t.Context())
	require.False(t, ok)
	require.NoError(t, access.InTime(t.Context(), time.Now().Add(24*time.Hour), time.Hour), "there is no deadline")

	noon := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	ctx := access.WithWriteDeadline(t.Context(), noon)
	at, ok := access.WriteDeadline(ctx)
	require.True(t, ok)
	require.Equal(t, noon, at)
	for name, row := range map[string]struct {
		now    time.Time
		within time.Duration
		want   error
	}{
		"long before":                     {noon.Add(-time.Hour), time.Minute, nil},
		"so that it just ends in time":    {noon.Add(-time.Minute), time.Minute, nil},
		"so that it may end too late":     {noon.Add(-time.Minute + 1), time.Minute, access.ErrTooLate},
		"in time, in no time":             {noon, 0, nil},
		"afterwards":                      {noon.Add(1), 0, access.ErrTooLate},
		"before, in another zone's words": {noon.Add(-time.Hour).In(time.FixedZone("far away", 5*3600)), time.Minute, nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, row.want, access.InTime(ctx, row.now, row.within))
		})
	}
	t.Run("on a machine that was suspended", func(t *testing.T) {
		began := time.Now()
		ctx := access.WithWriteDeadline(t.Context(), began.Add(time.Minute))
		now := thawed(began, time.Hour)
		require.Zero(t, now.Sub(began), "by the monotonic clock no time has passed")
		require.Equal(t, time.Hour, now.Round(0).Sub(began.Round(0)))
		require.ErrorIs(t, access.InTime(ctx, now, 0), access.ErrTooLate)
		at, ok := access.WriteDeadline(ctx)
		require.True(t, ok)
		require.NotContains(t, at.String(), "m=", "it has no monotonic reading")
	})
}
