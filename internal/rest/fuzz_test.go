package rest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/rest"
)

// FuzzRetryAfter: whatever the other side writes, the wait has bounds.
func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"", "5", "0.5", "-1", "NaN", "1e400", "Wed, 21 Oct 2026 07:28:00 GMT", " 7 "} {
		f.Add(value)
	}
	now := time.Date(2026, 10, 21, 7, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		wait := rest.RetryAfter(http.Header{"Retry-After": {value}}, now)
		require.True(t, wait >= 0 && wait <= rest.MaxRetryAfter, wait)
	})
}
