package access_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func TestTextLimit(t *testing.T) {
	const wide = "🔑" // four bytes
	both := access.TextLimit{Bytes: 512, Runes: 256}
	for name, row := range map[string]struct {
		limit access.TextLimit
		text  string
		want  string
	}{
		"nothing":                      {both, "", ""},
		"as many characters as it may": {both, strings.Repeat("a", 256), ""},
		"one character too many":       {both, strings.Repeat("a", 257), "expected at most 256 characters, found 257"},
		"as many bytes as it may":      {both, strings.Repeat(wide, 128), ""},
		"few characters of many bytes": {both, strings.Repeat(wide, 200), "expected at most 512 bytes of UTF-8, found 800"},
		"no limit of bytes":            {access.TextLimit{Runes: 200}, strings.Repeat(wide, 200), ""},
		"no limit of characters":       {access.TextLimit{Bytes: 800}, strings.Repeat(wide, 200), ""},
		"no text at all":               {both, "a\xff", "expected UTF-8"},
		"half a character":             {both, wide[:2], "expected UTF-8"},
		"a NUL":                        {both, "a\x00b", "expected text without a NUL"},
		"no limits, and a NUL":         {access.TextLimit{}, "\x00", "expected text without a NUL"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, row.want, row.limit.Problem(row.text))
			require.Equal(t, row.want == "", row.limit.Fits(row.text))
		})
	}
}

func TestLimitsFitTogether(t *testing.T) {
	limits := access.Limits()
	require.True(t, access.ValidRequestID(strings.Repeat("r", limits.Request.Bytes)))
	require.False(t, access.ValidRequestID(strings.Repeat("r", limits.Request.Bytes+1)))
	for name, one := range map[string]access.TextLimit{
		"request": limits.Request, "person": limits.Person, "entitlement": limits.Entitlement, "item": limits.Item,
		"caller": limits.Caller, "decision": limits.Decision,
	} {
		require.Positive(t, one.Bytes, name)
		require.LessOrEqual(t, one.Bytes, limits.ID.Bytes, "%s: what the API takes the ledger keeps", name)
	}
	// The API makes a decision's id of its caller and of what the client chose, which is as long as a request's id.
	longest := limits.Caller.Bytes + len(":") + limits.Request.Bytes
	require.LessOrEqual(t, longest, limits.Decision.Bytes)
	// The id of its event: "request/<id>#", a few words, and the decision's id.
	require.LessOrEqual(t, len("request/#decided/")+limits.Request.Bytes+limits.Decision.Bytes, limits.ID.Bytes)
	require.LessOrEqual(t, limits.Items, limits.KeptItems)
	require.LessOrEqual(t, limits.Reason.Runes, limits.KeptReason.Runes)
}
