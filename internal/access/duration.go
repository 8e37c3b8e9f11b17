package access

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time that reads the same in YAML, in JSON, in a ticket and in a workflow history:
// Go's syntax ("90s", "8h30m") and, because access is given for days, a whole number of days before it
// ("30d", "1d12h"). The zero Duration is written "0s"; what it means is said where it is used.
type Duration time.Duration

const day = 24 * time.Hour

// mostDays is how many whole days a time.Duration holds.
const mostDays = uint64(math.MaxInt64 / day)

// Std is the same length as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes d in the shortest form that ParseDuration reads back.
func (d Duration) String() string {
	rest := time.Duration(d)
	if rest < 0 {
		return "-" + Duration(-rest).String()
	}
	var b strings.Builder
	if days := rest / day; days > 0 {
		b.WriteString(strconv.FormatInt(int64(days), 10) + "d")
		rest -= days * day
		if rest == 0 {
			return b.String()
		}
	}
	text := rest.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	b.WriteString(text)
	return b.String()
}

// ParseDuration reads what String writes. Errors say what was expected.
func ParseDuration(s string) (Duration, error) {
	expected := errors.New(`expected a duration such as "45s", "8h", "30d" or "1d12h"`)
	var total time.Duration
	rest := s
	if before, after, found := strings.Cut(s, "d"); found {
		days, err := strconv.ParseUint(before, 10, 64)
		if err != nil || days > mostDays {
			return 0, fmt.Errorf("%q: %w", s, expected)
		}
		total, rest = time.Duration(days)*day, after
		if rest == "" {
			return Duration(total), nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q: %w", s, expected)
	}
	if total+d < 0 {
		return 0, fmt.Errorf("%q: %w", s, expected)
	}
	return Duration(total + d), nil
}

// MarshalText implements encoding.TextMarshaler, for JSON and YAML.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler, for JSON and YAML.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
