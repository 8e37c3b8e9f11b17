package accesstest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// mostPages is more pages than any walk of a test has; a feed that has more never ends.
const mostPages = 300

// WalkChanges reads all pages of a feed's changes from a query on, and returns the tickets' ids in the order in which they
// came, repeated ones included. It calls between with the number of each page, from 0, before it asks for the next; nil
// for nothing. A page that is longer than the query's limit, that leads to itself, or a feed without an end fails the test.
func WalkChanges(t *testing.T, feed access.TicketFeed, q access.ChangesQuery, between func(page int)) []string {
	t.Helper()
	var ids []string
	for n := range mostPages {
		page, err := feed.ChangedTickets(t.Context(), q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Tickets), q.Limit)
		for _, s := range page.Tickets {
			ids = append(ids, string(s.Ref.ID))
		}
		if page.Next == "" {
			return ids
		}
		require.NotEqual(t, q.Page, page.Next)
		q.Page = page.Next
		if between != nil {
			between(n)
		}
	}
	require.FailNow(t, "the feed does not end")
	return nil
}
