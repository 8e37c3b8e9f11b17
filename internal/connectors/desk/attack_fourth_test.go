package desk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// What a user loses: the truth of the desk (docs/connectors.md: "somebody has an approval of usher's ask somebody else: what they answer does not count. usher
// sets it to not required"). Only one that still waits is. Mia's approval was handed to Eve, and Eve has answered it before usher's next call. The
// request has found that this does not count, and names the answer to be taken out; but the approval is not the question's any more, and what is
// nobody's is left alone once it is answered. ServiceNow rolls Eve's word up to the ticket, and it stands there for good: at the end too.
func TestAttackFourth_answer_to_a_reassigned_approval_stands(t *testing.T) {
	for _, answer := range []access.ApprovalState{access.ApprovalApproved, access.ApprovalDenied} {
		for _, void := range []string{"this answer", access.AnyAnswer} {
			t.Run(string(answer)+" "+void, func(t *testing.T) {
				s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
				d := desk.New(s, desk.Config{Approvals: true}, "queue")
				ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
				require.NoError(t, err)
				wanted := access.DeskApprovals{All: []access.DeskApproval{{Key: "1", Approver: "mia", State: access.ApprovalRequested}}}
				ids, err := d.SetApprovals(t.Context(), ref.ID, wanted)
				require.NoError(t, err)
				s.find(ref.ID).approvals[0].Approver = "eve"
				s.answer(s.find(ref.ID), "eve", "eve", 1, answer)
				now, err := d.ReadTicket(t.Context(), ref.ID)
				require.NoError(t, err)
				require.Len(t, now.DecisionMoves, 1)
				if void != access.AnyAnswer {
					void = now.DecisionMoves[0].Name()
				}
				wanted.All = []access.DeskApproval{
					{Key: "1", ID: ids["1"], Approver: "mia", State: access.ApprovalNotRequired, Void: void},
					{Key: "2", Approver: "mia", State: access.ApprovalRequested},
				}
				_, err = d.SetApprovals(t.Context(), ref.ID, wanted)
				require.NoError(t, err)
				require.Len(t, s.find(ref.ID).approvals, 2)
				require.Equal(t, access.ApprovalNotRequired, s.find(ref.ID).approvals[0].State, "what Eve answered was to be taken out")
			})
		}
	}
}

// What a user loses: a denial, see TestAttackFourth_two_questions_with_one_id for what becomes of it. Mia hands the approval that asks her to Omar, and then decides with
// usher. Her question is answered, and nothing opens another approval for it, so it keeps its id. Omar is awaited next: the open approval asks
// him, is no question's any more, and is taken for his. Two questions have one id by now.
func TestAttackFourth_reassigned_approval_is_of_two_questions(t *testing.T) {
	s := &store{names: map[access.AccountID]string{}, unfit: map[access.AccountID]bool{}}
	d := desk.New(s, desk.Config{Approvals: true}, "queue")
	ref, err := d.CreateTicket(t.Context(), access.NewTicket{Marker: "m", Summary: "Wiki"})
	require.NoError(t, err)
	wanted := access.DeskApprovals{All: []access.DeskApproval{{Key: "1", Approver: "mia", State: access.ApprovalRequested}}}
	ids, err := d.SetApprovals(t.Context(), ref.ID, wanted)
	require.NoError(t, err)
	s.find(ref.ID).approvals[0].Approver = "omar"
	wanted.All = []access.DeskApproval{
		{Key: "1", ID: ids["1"], Approver: "mia", State: access.ApprovalApproved},
		{Key: "2", Approver: "omar", State: access.ApprovalRequested},
	}
	again, err := d.SetApprovals(t.Context(), ref.ID, wanted)
	require.NoError(t, err)
	require.NotEqual(t, ids["1"], again["2"], "the first question has this id, and keeps it")
}
