package desk_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// deaf loses the answer to every approval that it opens, and whoever is asked answers at once. With late it hangs until it is given up.
type deaf struct {
	*store
	late bool
}

func (d deaf) RequestApproval(
	ctx context.Context, op string, ticket access.TicketID, approver access.AccountID, what desk.Question,
) (desk.Approval, error) {
	if _, err := d.store.RequestApproval(ctx, op, ticket, approver, what); err != nil {
		return desk.Approval{}, err
	}
	d.answer(d.find(ticket), approver, approver, 1, access.ApprovalApproved)
	if d.late {
		<-ctx.Done()
	}
	return desk.Approval{}, access.Errorf(access.Transient, op, "the answer is lost")
}

// An approval that is answered before usher knows its id is still the question's.
func TestSetApprovals_answered_before_its_id_is_known(t *testing.T) {
	for _, late := range []bool{false, true} {
		s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
		d := desk.New(deaf{s, late}, desk.Config{Approvals: true}, "queue")
		ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
		require.NoError(t, err)
		wanted := access.DeskApprovals{All: []access.DeskApproval{
			{Key: "1", Approver: "mia", State: access.ApprovalRequested}, {Key: "2", Approver: "omar", State: access.ApprovalRequested},
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		ids, err := d.SetApprovals(ctx, ref.ID, wanted)
		cancel()
		require.NoError(t, err)
		require.Len(t, s.find(ref.ID).approvals, 2)
		for n, key := range []string{"1", "2"} {
			require.Equal(t, s.find(ref.ID).approvals[n].ID, ids[key])
		}
	}
}
