package desk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// FuzzCursor: a page's name that is taken is written again as one that means the same.
func FuzzCursor(f *testing.F) {
	for _, page := range []string{"", "1767324645000;", "1767324645000;10001-250,10002-1000", "0;1--1", "-5;3-4", "1;%2D-7", "9223372036854775807;1-9223372036854775807"} {
		f.Add(page)
	}
	f.Fuzz(func(t *testing.T, page string) {
		taken, err := parseCursor(page, func(id access.TicketID) bool { return id != "" })
		if err != nil {
			require.ErrorIs(t, err, errUnknownPage)
			return
		}
		again, err := parseCursor(taken.String(), func(id access.TicketID) bool { return id != "" })
		require.NoError(t, err)
		require.Equal(t, taken.String(), again.String())
	})
}
