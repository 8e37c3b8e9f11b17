package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// FuzzPlace: a cursor that is taken names a request, and is written again as one that names the same.
func FuzzPlace(f *testing.F) {
	for _, cursor := range []string{"", "MSBy", "LTEgcg", "MDAxIHIx", "!!", cursorAfter(access.Request{ID: "r1", SubmittedAt: time.Unix(1, 0)})} {
		f.Add(cursor)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		at, id, ok := readCursor(cursor)
		if !ok {
			return
		}
		againAt, againID, ok := readCursor(cursorAfter(access.Request{ID: access.RequestID(id), SubmittedAt: time.UnixMicro(at)}))
		require.True(t, ok)
		require.Equal(t, id, againID)
		require.Equal(t, at, againAt)
	})
}
