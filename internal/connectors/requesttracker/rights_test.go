package requesttracker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/requesttracker"
)

// TestHistory_rights_in_one_queue: usher's account has its rights in its own queue only. It finds nothing wrong, until somebody sets a
// custom field of a ticket: from then on that ticket cannot be read, nor any list of changes in which it is.
func TestHistory_rights_in_one_queue(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, func(c *requesttracker.Config) {
		c.Token, c.Queue, c.Reporter = s.Tokens["narrow"], "Narrow", false
	}), one.addAccount(t, eve())
	id, other := open(t, d), access.TicketID("")
	n := newTicket()
	n.Marker = "usher-r2"
	ref, err := d.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	other = ref.ID
	since := read(t, d, id).UpdatedAt
	one.moveAs(t, human, other, access.TicketApproved)
	one.setFieldAs(t, human, id, "Cost centre", "1")
	page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: 100})
	require.NoError(t, err, "the feed")
	require.Len(t, page.Tickets, 2)
	_, err = d.ReadTicket(t.Context(), id)
	require.NoError(t, err)
}
