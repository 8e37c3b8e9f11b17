package desk_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// An answer does not change its ticket: the ticket is among the changes all the same.
func TestChangedTickets_answered(t *testing.T) {
	s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
	d := desk.New(s, desk.Config{Approvals: true}, "queue")
	ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
	require.NoError(t, err)
	wanted := access.DeskApprovals{Summary: "Wiki", All: []access.DeskApproval{{Key: "1", Approver: "mia", State: access.ApprovalRequested}}}
	_, err = d.SetApprovals(t.Context(), ref.ID, wanted)
	require.NoError(t, err)
	one := s.find(ref.ID)
	one.Updated = now().Add(-time.Hour)
	s.list()
	s.answer(one, "mia", "mia", 1, access.ApprovalApproved)
	page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: now().Add(-time.Minute), Limit: 10})
	require.NoError(t, err)
	require.Len(t, page.Tickets, 1)
	require.Equal(t, ref.ID, page.Tickets[0].Ref.ID)
	require.Equal(t, access.AccountID("mia"), page.Tickets[0].DecisionMoves[0].By)

	one.Updated = now()
	s.list()
	page, err = d.ChangedTickets(t.Context(), access.ChangesQuery{Since: now().Add(-time.Minute), Limit: 10})
	require.NoError(t, err)
	require.Len(t, page.Tickets, 1, "once, though the search shows it as well")
	require.Empty(t, page.Next)
}
