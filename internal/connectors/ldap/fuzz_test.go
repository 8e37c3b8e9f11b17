package ldap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// FuzzWatermark: a watermark that is taken is written again as it was.
func FuzzWatermark(f *testing.F) {
	for _, text := range []string{"", "ad1/dc1/0c6a/42/2026-01-31", "ad1////", "ad1/dc1/0c6a/-1/2026-01-31", "ad1/a/b/00042/2026-01-31"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		taken, err := parseWatermark(text)
		if err != nil {
			require.True(t, access.IsKind(err, access.Invalid))
			return
		}
		taken.isOld()
		if taken.invocation == "" {
			require.Empty(t, taken.text())
			return
		}
		again, err := parseWatermark(taken.text())
		require.NoError(t, err)
		require.Equal(t, taken, again)
	})
}

// FuzzValue: a GUID is text and bytes alike, and a time of the directory is a day.
func FuzzValue(f *testing.F) {
	for _, value := range []string{"", "0123456789abcdef", "133500000000000000", "9223372036854775807", "20260131120000.0Z", "20260131120000+0100", "a\x00b"} {
		f.Add(value)
	}
	s := &Source{zone: time.UTC}
	f.Fuzz(func(t *testing.T, value string) {
		if raw := []byte(value); len(raw) == 16 {
			require.Equal(t, raw, guidBytes(guidText(raw)))
		} else {
			guidText(raw)
		}
		guidBytes(value)
		controlText(value)
		s.expiry(value)
		if day := s.day(value); day != value {
			_, err := time.Parse(time.DateOnly, day)
			require.NoError(t, err, "%q is read as %q", value, day)
		}
	})
}
