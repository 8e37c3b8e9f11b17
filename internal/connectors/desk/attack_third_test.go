package desk_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// closedQueue is a store that opens no approval while shut: the right is missing, or the driver waits after an approval that it did not see.
type closedQueue struct {
	*store
	shut bool
}

func (c *closedQueue) RequestApproval(ctx context.Context, op string, ticket access.TicketID, approver access.AccountID, what desk.Question) (desk.Approval, error) {
	if c.shut {
		return desk.Approval{}, access.Errorf(access.Forbidden, op, "not asked again before 12:00:00 UTC")
	}
	return c.store.RequestApproval(ctx, op, ticket, approver, what)
}

// What a user loses: the second stage. Mia has approved, and now the owners are to be asked. The desk opens no approval just now (RT: "it opens no other for 15
// minutes"; a right that is being mended). That is Forbidden, and tried again, at the first stage. At the second one it is Conflict, because there is
// an approval that gave no trouble: Mia's, for which nothing was done. A Conflict is never tried again, so nobody asks the owners, and where the desk
// alone decides the request expires.
func TestAttackThird_forbidden_at_the_second_stage(t *testing.T) {
	for _, state := range []access.ApprovalState{access.ApprovalApproved, access.ApprovalNotRequired} {
		t.Run(string(state), func(t *testing.T) {
			s := &closedQueue{store: &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}}
			d := desk.New(s, desk.Config{Approvals: true}, "queue")
			ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
			require.NoError(t, err)
			wanted := access.DeskApprovals{Summary: "Wiki", All: []access.DeskApproval{{Key: "1", Approver: "mia", State: access.ApprovalRequested}}}
			s.shut = true
			_, err = d.SetApprovals(t.Context(), ref.ID, wanted)
			require.True(t, access.IsKind(err, access.Forbidden), "at the first stage: %v", err)
			s.shut = false
			ids, err := d.SetApprovals(t.Context(), ref.ID, wanted)
			require.NoError(t, err)
			s.answer(s.find(ref.ID), "mia", "mia", 1, access.ApprovalApproved)
			s.shut = true
			wanted.All = []access.DeskApproval{
				{Key: "1", ID: ids["1"], Approver: "mia", State: state},
				{Key: "2", Approver: "omar", State: access.ApprovalRequested},
				{Key: "3", Approver: "olga", State: access.ApprovalRequested},
			}
			_, err = d.SetApprovals(t.Context(), ref.ID, wanted)
			require.Len(t, slices.Clone(s.find(ref.ID).approvals), 1)
			require.True(t, access.IsKind(err, access.Forbidden), "a Conflict is dropped, and never tried again: %v", err)
		})
	}
}

// What people answered to an approval of usher's that is nobody's question any more is taken out once everything is over, and stands before.
func TestSetApprovals_over(t *testing.T) {
	s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
	d := desk.New(s, desk.Config{Approvals: true}, "queue")
	ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
	require.NoError(t, err)
	_, err = d.SetApprovals(t.Context(), ref.ID, access.DeskApprovals{All: []access.DeskApproval{{Key: "1", Approver: "mia", State: access.ApprovalRequested}}})
	require.NoError(t, err)
	s.answer(s.find(ref.ID), "mia", "mia", 1, access.ApprovalApproved)
	for _, over := range []bool{false, true} {
		_, err = d.SetApprovals(t.Context(), ref.ID, access.DeskApprovals{Over: over})
		require.NoError(t, err)
		want := map[bool]access.ApprovalState{false: access.ApprovalApproved, true: access.ApprovalNotRequired}[over]
		require.Equal(t, want, s.find(ref.ID).approvals[0].State)
	}
}

// An approval that asks somebody else by now is not the question's any more: who was asked is asked again.
func TestSetApprovals_reassigned(t *testing.T) {
	s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
	d := desk.New(s, desk.Config{Approvals: true}, "queue")
	ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
	require.NoError(t, err)
	wanted := access.DeskApprovals{All: []access.DeskApproval{{Key: "1", Approver: "mia", State: access.ApprovalRequested}}}
	ids, err := d.SetApprovals(t.Context(), ref.ID, wanted)
	require.NoError(t, err)
	s.find(ref.ID).approvals[0].Approver = "eve"
	wanted.All[0].ID = ids["1"]
	again, err := d.SetApprovals(t.Context(), ref.ID, wanted)
	require.NoError(t, err)
	require.NotEqual(t, ids["1"], again["1"])
	require.Len(t, s.find(ref.ID).approvals, 2)
	require.Equal(t, access.ApprovalNotRequired, s.find(ref.ID).approvals[0].State)
	require.Equal(t, access.AccountID("mia"), s.find(ref.ID).approvals[1].Approver)
}
