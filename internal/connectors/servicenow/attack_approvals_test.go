package servicenow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// What a user loses: the approval that usher asks for, and an approval of something else counts in its place. ServiceNow's approval rules and
// flows that run as whoever began them open rows in the name of usher's account, for it is usher that opened the ticket. Such a row passes
// for usher's own question of round 1: Mia is not asked, and her answer to the rule's question is her answer to the request's.
func TestAttackApprovals_row_of_a_rule_in_the_name_of_usher(t *testing.T) {
	a := newUnasked(t, incidents)
	a.send(t, servicenowtest.DefaultUser, "POST", "/api/now/table/sysapproval_approver?sysparm_display_value=false",
		`{"sysapproval":"`+string(a.id)+`","approver":"`+servicenowtest.AccountID(string(a.mia))+`","state":"not_required"}`)
	require.Len(t, a.approvals(a.id, a.mia), 1)
	later(a.site)
	require.NoError(t, a.ask(t, 1))
	rows := a.approvals(a.id, a.mia)
	require.Len(t, rows, 2, "the rule's row is not usher's question: usher changes nothing of it and asks by one of its own")
	require.Equal(t, "not_required", rows[0].Status)
}

// What a user loses: the proof that it was Mia. Where approvals are not audited, an administrator or a delegate approves for Mia, and she
// changes something else of the row (its comments, to protest) before usher looks: the approval counts as hers. docs/connectors.md says of
// such a change only that it takes an answer away.
func TestAttackApprovals_not_audited(t *testing.T) {
	a := newAsked(t, incidents)
	a.faults(func(f *servicenowtest.Faults) { f.UnauditedTables = []string{"sysapproval_approver"} })
	eve := a.person(access.Person{ID: "eve"})
	row := "/api/now/table/sysapproval_approver/" + a.row(a.mia) + "?sysparm_display_value=false"
	a.send(t, string(eve), "PATCH", row, `{"state":"approved"}`)
	a.send(t, string(a.mia), "PATCH", row, `{"source_table":"incident2"}`)
	got, err := a.desk.ReadTicket(t.Context(), a.id)
	require.NoError(t, err)
	for _, move := range got.DecisionMoves {
		require.NotEqual(t, a.mia, move.By, "it was Eve who approved")
	}
}
