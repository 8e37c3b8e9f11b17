package servicenow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// What a user loses: "the answer to a row that others have opened counts as a move of the ticket does, if the row's approver gave it". A row without an approver (a flow that
// found no manager) is told as a move of the ticket itself: in a snapshot an answer is what has somebody who was asked. Mia approves it for whoever
// it may concern, and has decided what waits for her with usher.
func TestAttackThird_row_without_an_approver(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		a := newAsked(t, kind)
		a.send(t, string(a.mia), "POST", "/api/now/table/sysapproval_approver?sysparm_display_value=false",
			`{"sysapproval":"`+string(a.id)+`","approver":"","state":"approved"}`)
		got, err := a.desk.ReadTicket(t.Context(), a.id)
		require.NoError(t, err)
		for _, move := range got.DecisionMoves {
			require.NotEqual(t, access.AccountID(""), move.Asked, "an answer is shown as a move of the ticket by %s: %+v", move.By, move)
		}
	})
}
