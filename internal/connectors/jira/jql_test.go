package jira_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/jira"
)

// unquote reads a JQL string as Jira documents it: \" \' \\ \n \r \t, a space, and \uXXXX.
func unquote(t *testing.T, text string) string {
	t.Helper()
	inside, ok := strings.CutPrefix(text, `"`)
	require.True(t, ok)
	inside, ok = strings.CutSuffix(inside, `"`)
	require.True(t, ok)
	var b strings.Builder
	runes := []rune(inside)
	for n := 0; n < len(runes); n++ {
		r := runes[n]
		require.NotEqual(t, '"', r, "the string ends early")
		require.False(t, unicode.IsControl(r), "a control character stands in the query")
		if r != '\\' {
			b.WriteRune(r)
			continue
		}
		n++
		require.Less(t, n, len(runes), "the closing quote is escaped")
		switch runes[n] {
		case '"', '\'', '\\', ' ':
			b.WriteRune(runes[n])
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			code, err := strconv.ParseUint(string(runes[n+1:n+5]), 16, 16)
			require.NoError(t, err)
			b.WriteRune(rune(code))
			n += 4
		default:
			require.FailNow(t, "an escape that Jira does not know", "%q", text)
		}
	}
	return b.String()
}

func FuzzAQuotedTextIsReadBack(f *testing.F) {
	for _, seed := range []string{"", "plain", `a"b`, `a\`, `\"`, "a\nb\r\t\x00\x7f\u0085\u2028", `" OR project = X OR "`, "日本 🎉 e\u0301", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		require.Equal(t, strings.ToValidUTF8(text, "\uFFFD"), unquote(t, jira.Quote(text)))
	})
}
