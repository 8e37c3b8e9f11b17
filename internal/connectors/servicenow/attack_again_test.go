package servicenow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// What a user loses: the approver's say. On an instance that is not hardened Eve opens an approval that was "approved by Mia" when it was opened. What
// was answered when it was opened is believed without its audit, and without the question whether accounts can be forged: no other answer
// is on the ticket, so nobody asks. It counts as Mia's decision about all that waits for her (answers.go: an approval that usher does not know).
func TestAttackAgain_forged_when_opened(t *testing.T) {
	for _, kind := range []kindOfTicket{incidents, items} {
		t.Run(string(kind), func(t *testing.T) {
			a := newAsked(t, kind)
			eve := a.person(access.Person{ID: "eve"})
			a.faults(func(f *servicenowtest.Faults) { f.WritableCreators = true })
			a.send(t, string(eve), "POST", "/api/now/table/sysapproval_approver?sysparm_display_value=false", `{"sysapproval":"`+string(a.id)+
				`","approver":"`+servicenowtest.AccountID(string(a.mia))+`","state":"approved","sys_created_by":"`+string(a.mia)+`","sys_updated_by":"`+string(a.mia)+`"}`)
			got, err := a.desk.ReadTicket(t.Context(), a.id)
			if err != nil {
				requireKind(t, access.Forbidden, err)
				return
			}
			for _, move := range got.DecisionMoves {
				require.NotEqual(t, a.mia, move.By, "Eve wrote it: %+v", move)
			}
		})
	}
}

// What a user loses: their answer, and they are asked twice. sys_audit may lag behind the record (history_known.go waits a quarter of an hour for it).
// Mia's answer is read before its audit is there: it is one of nobody then, which does not count, is said on the ticket, and is taken out of
// the approval. A moment later the audit says that it was Mia.
func TestAttackAgain_answer_before_its_audit(t *testing.T) {
	a := newAsked(t, incidents)
	a.answer(t, a.mia, a.row(a.mia), access.ApprovalApproved)
	a.faults(func(f *servicenowtest.Faults) { f.UnauditedTables = []string{"sysapproval_approver"} })
	got, err := a.desk.ReadTicket(t.Context(), a.id)
	require.NoError(t, err)
	for _, move := range got.DecisionMoves {
		// usher refuses what nobody gave, and has the desk take it out.
		_, err = a.desk.SetApprovals(t.Context(), a.id, access.DeskApprovals{All: []access.DeskApproval{
			{Key: "mia 1", ID: a.row(a.mia), Approver: a.mia, State: access.ApprovalNotRequired, Void: move.Name()},
			{Key: "mia 2", Approver: a.mia, State: access.ApprovalRequested},
			{Key: "olga", ID: a.row(a.olga), Approver: a.olga, State: access.ApprovalRequested},
		}})
		require.NoError(t, err)
	}
	a.faults(func(f *servicenowtest.Faults) { f.UnauditedTables = nil })
	got, err = a.desk.ReadTicket(t.Context(), a.id)
	require.NoError(t, err)
	require.Len(t, a.approvals(a.id, a.mia), 1, "Mia is asked again about what she has answered")
	require.Len(t, got.DecisionMoves, 1, "her answer is gone")
	require.Equal(t, a.mia, got.DecisionMoves[0].By)
}
