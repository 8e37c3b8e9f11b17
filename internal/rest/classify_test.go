package rest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/rest"
)

// row is what one status, or a range of them, means in each mode.
type row struct {
	from, to            int
	read, write, create access.Kind
}

// statusTable returns the kind of every status; later rows win over earlier ones.
func statusTable() []row {
	same := func(from, to int, k access.Kind) row { return row{from, to, k, k, k} }
	unclear := func(from, to int) row { return row{from, to, access.Transient, access.Transient, access.Unknown} }
	return []row{
		unclear(100, 199), same(200, 299, ""), same(300, 399, access.Forbidden),
		{303, 303, access.Forbidden, access.Forbidden, access.Unknown},
		same(400, 499, access.Invalid), same(401, 403, access.Forbidden), same(404, 404, access.NotFound),
		same(407, 407, access.Forbidden), unclear(408, 408), same(409, 409, access.Conflict), same(410, 410, access.NotFound),
		same(412, 412, access.Conflict), same(421, 421, access.Transient), same(423, 423, access.Conflict),
		same(425, 425, access.Transient), same(429, 429, access.RateLimited), same(451, 451, access.Forbidden), unclear(499, 499),
		unclear(500, 599), same(501, 501, access.Invalid), same(505, 505, access.Invalid),
	}
}

func TestClassify_every_mode(t *testing.T) {
	for status := 100; status <= 599; status++ {
		var want row
		for _, r := range statusTable() {
			if status >= r.from && status <= r.to {
				want = r
			}
		}
		name := fmt.Sprintf("status %d", status)
		require.Equal(t, want.read, rest.Classify(rest.Read, status, nil), name)
		require.Equal(t, want.write, rest.Classify(rest.Write, status, nil), name)
		require.Equal(t, want.create, rest.Classify(rest.Create, status, nil), name)
	}
}

func TestClassify_unknown_status(t *testing.T) {
	for _, status := range []int{0, 42, 600, 999} {
		require.Equal(t, access.Transient, rest.Classify(rest.Read, status, nil))
		require.Equal(t, access.Unknown, rest.Classify(rest.Create, status, nil))
	}
}

func TestUnavailable_service_with_retry_after(t *testing.T) {
	patience := http.Header{"Retry-After": {"7"}}
	require.Equal(t, access.RateLimited, rest.Classify(rest.Read, 503, patience))
	require.Equal(t, access.RateLimited, rest.Classify(rest.Write, 503, patience))
	require.Equal(t, access.Unknown, rest.Classify(rest.Create, 503, patience))
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, value string
		want        time.Duration
	}{
		{"no header is no wait", "", 0},
		{"seconds", "7", 7 * time.Second},
		{"seconds with spaces", " 7 ", 7 * time.Second},
		{"fractions of a second", "0.5", 500 * time.Millisecond},
		{"zero is no wait", "0", 0},
		{"negative seconds are no wait", "-5", 0},
		{"a year is capped", "31536000", rest.MaxRetryAfter},
		{"more than a duration holds is capped", "1e300", rest.MaxRetryAfter},
		{"not a number is no wait", "NaN", 0},
		{"infinity is capped", "Inf", rest.MaxRetryAfter},
		{"a date", "Sun, 01 Mar 2026 12:01:30 GMT", 90 * time.Second},
		{"a past date is no wait", "Sun, 01 Mar 2026 11:00:00 GMT", 0},
		{"a far date is capped", "Mon, 01 Mar 2027 12:00:00 GMT", rest.MaxRetryAfter},
		{"nonsense is no wait", "soon", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, rest.RetryAfter(http.Header{"Retry-After": {tt.value}}, now))
		})
	}
}
