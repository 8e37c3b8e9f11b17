package jira

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzTime: a time of Jira's is UTC, and what is none is the zero time.
func FuzzTime(f *testing.F) {
	for _, text := range []string{`"2019-07-17T17:59:42.002-0700"`, `"2019-07-17T17:59:42Z"`, `1563408000`, `1563408000002`, `9223372036854775807`, `-1`, `null`, `{}`, `""`, `1e400`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var at jiraTime
		require.NoError(t, at.UnmarshalJSON(text))
		require.Equal(t, at.UTC(), at.Time)
	})
}
