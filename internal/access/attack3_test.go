package access_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestAttack3_one_moment: an account approves, takes that back and approves again within the grain of a desk that gives changes no
// ids. What has been seen once is no news when it is seen again.
func TestAttack3_one_moment(t *testing.T) {
	now := seen()
	move := access.TicketMove{At: time.Unix(100, 0).UTC(), By: "mia", Status: "Approved", Phase: access.TicketApproved}
	now.DecisionMoves = []access.TicketMove{move, move}
	mark, news := known().After(now)
	require.True(t, news)
	_, again := mark.After(now)
	require.False(t, again)
	require.Empty(t, mark.Decided(now))
}
