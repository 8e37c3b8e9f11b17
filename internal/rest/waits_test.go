package rest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRateLimit_wait(t *testing.T) {
	var seen []time.Duration
	asked := WithWaits(t.Context(), func(wait time.Duration) { seen = append(seen, wait) })
	waited(asked, time.Second)
	waited(t.Context(), time.Minute)
	require.Equal(t, []time.Duration{time.Second}, seen)
}
