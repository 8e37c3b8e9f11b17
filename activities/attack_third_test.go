package activities_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
)

// jammed is a desk on which the comments of some tickets take longer than there is time.
type jammed struct {
	access.TicketReader
	ids []access.TicketID
}

func (j jammed) ReadComments(ctx context.Context, id access.TicketID, since time.Time) ([]access.TicketComment, error) {
	if slices.Contains(j.ids, id) {
		<-ctx.Done()
		return nil, access.Errorf(access.Transient, "read comments", "%w", ctx.Err())
	}
	return j.TicketReader.ReadComments(ctx, id, since)
}

// What a user loses: what people wrote on other tickets, still. One ticket may take four seconds of the ten ("so that it hides no other"); three of
// them take all, in every poll and in every full scan, as they come first each time.
func TestAttackThird_three_slow_tickets_hide_all_comments(t *testing.T) {
	l := newLookout(t, 5)
	l.watch.Comments = &activities.Comments{Port: jammed{l.port, []access.TicketID{l.refs[0].ID, l.refs[1].ID, l.refs[2].ID}}, Ledger: l.store, Within: time.Second, OfOneWithin: 400 * time.Millisecond}
	for n := range 5 {
		l.says(t, n+1, "one")
	}
	for range 2 {
		l.judged(t)
	}
	require.Equal(t, []string{"one"}, l.said(t, "r4"))
	require.Equal(t, []string{"one"}, l.said(t, "r5"))
}
