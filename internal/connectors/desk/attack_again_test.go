package desk_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// between is a store on which something happens after a ticket and its history were read, and before its approvals are.
type between struct {
	*store
	happens func()
}

func (b *between) Approvals(ctx context.Context, op string, tickets []access.TicketID) (map[access.TicketID][]desk.Approval, error) {
	if happens := b.happens; happens != nil {
		b.happens = nil
		happens()
	}
	return b.store.Approvals(ctx, op, tickets)
}

// What a user loses: ADR 23. An approval counts only while nobody has changed the text. The approvals are read after the ticket and its history (several
// calls, up to a hundred tickets, under a rate): Eve changes the text, Mia approves what she reads then, and the snapshot shows Mia's answer with the text
// as it was before. It counts, and nothing looks at it again.
func TestAttackAgain_text_changed_while_a_ticket_is_read(t *testing.T) {
	reads := map[string]func(*desk.Desk, access.TicketID) (access.TicketSnapshot, error){
		"one": func(d *desk.Desk, id access.TicketID) (access.TicketSnapshot, error) {
			return d.ReadTicket(t.Context(), id)
		},
		"many": func(d *desk.Desk, id access.TicketID) (access.TicketSnapshot, error) {
			read, err := d.ReadTickets(t.Context(), []access.TicketID{id})
			return read.Tickets[0], err
		},
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			s := &between{store: &store{names: map[access.AccountID]string{"mia": "Mia", "eve": "Eve"}, unfit: map[access.AccountID]bool{}}}
			d := desk.New(s, desk.Config{Approvals: true}, "queue")
			ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
			require.NoError(t, err)
			askMia(t, d, ref.ID)
			one := s.find(ref.ID)
			s.happens = func() {
				s.changed(one, "eve", "Content", "only the viewer")
				s.answer(one, "mia", "mia", 1, access.ApprovalApproved)
			}
			got, err := read(d, ref.ID)
			require.NoError(t, err)
			if len(got.DecisionMoves) > 0 {
				require.Equal(t, access.AccountID("eve"), got.TextChangedBy, "Mia's approval is shown with a text that she has not read")
			}
		})
	}
}

// What a user loses: peace. An approval of usher's was deleted on the desk, so the question's id names nothing. Each call that is repeated (another
// approval cannot be set just now) opens one more for the same person, who gets a mail for each: the question has an id, so what the call before
// opened is not adopted, though it waits for the same account.
func TestAttackAgain_deleted_approval_is_asked_each_time(t *testing.T) {
	s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
	d := desk.New(s, desk.Config{Approvals: true}, "queue")
	ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
	require.NoError(t, err)
	askMia(t, d, ref.ID)
	one := s.find(ref.ID)
	const gone = "the one that was deleted"
	one.approvals = nil
	for range 4 {
		// The same call again: its answer was lost, or retryStep repeats it.
		_, err = d.SetApprovals(t.Context(), ref.ID, access.DeskApprovals{Summary: "Wiki", All: []access.DeskApproval{
			{Key: "1", ID: gone, Approver: "mia", State: access.ApprovalRequested},
		}})
		require.NoError(t, err)
	}
	require.Len(t, one.approvals, 1, "Mia was asked %d times", len(one.approvals))
}
