package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// stuck is a desk on which the comments of one ticket take longer than there is time.
type stuck struct {
	access.TicketReader
	id access.TicketID
}

func (s stuck) ReadComments(ctx context.Context, id access.TicketID, since time.Time) ([]access.TicketComment, error) {
	if id == s.id {
		<-ctx.Done()
		return nil, access.Errorf(access.Transient, "read comments", "%w", ctx.Err())
	}
	return s.TicketReader.ReadComments(ctx, id, since)
}

// What a user loses: what people wrote on other tickets. The comments of one ticket cannot be read in time (many of them, a slow table). It keeps its
// time, is looked at first each time, and takes all of the ten seconds; no other ticket of that page has its comments recorded, in any
// poll and in any full scan, until that one is dealt with. What is written last on a ticket that then closes is in no full scan, and lost.
func TestAttackAgain_one_slow_ticket_hides_all_comments(t *testing.T) {
	l := newLookout(t, 3)
	l.watch.Comments = &activities.Comments{Port: stuck{l.port, l.refs[0].ID}, Ledger: l.store, Within: 2 * time.Second, OfOneWithin: 200 * time.Millisecond}
	for n := range 3 {
		l.says(t, n+1, "one")
	}
	l.judged(t)
	require.Equal(t, []string{"one"}, l.said(t, "r2"))
	require.Equal(t, []string{"one"}, l.said(t, "r3"))
}

// What a user loses: time, and with it the rest of the ticket (its writes wait for the next attempt of the approvals). The approvals have twelve seconds of their own, and a
// step is repeated only while twenty are left: no stumble of the desk is ever repeated at once there, as it is in every other step.
func TestAttackAgain_approvals_are_never_repeated_at_once(t *testing.T) {
	port := memory.NewDesk("jira")
	port.UseApprovals()
	mia := port.AddAccount(access.Person{ID: "mia", Email: "mia@example.test"})
	ref, err := port.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "s"})
	require.NoError(t, err)
	desk := &activities.Desk{Port: port, Pause: func(context.Context, time.Duration) error { return nil }}
	port.FailNext(memory.OpSetApprovals, access.Errorf(access.Transient, "set approvals", "a stumble"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done, err := desk.UpdateTicket(ctx, activities.UpdateTicketInput{Ticket: ref.ID, Approvals: &access.DeskApprovals{
		All: []access.DeskApproval{{Key: "1", Approver: mia, State: access.ApprovalRequested}},
	}})
	require.NoError(t, err)
	require.Empty(t, done.ApprovalsFailed)
	require.Len(t, port.Approvals(ref.ID, mia), 1)
}
