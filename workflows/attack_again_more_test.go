package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// What a user loses: a denial. Of moves a snapshot keeps each account's last denial (ADR 23); of answers only the last four of an account, whatever they say. Omar
// denies usher's question, and then answers four approvals of a flow on the same ticket for absent colleagues (he is their delegate) before usher looks. His denial is
// never seen, though it stands on the desk, and the other owner's approval grants the access.
func TestAttackAgain_own_answers_hide_a_denial(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.useCatalog(strings.ReplaceAll(approvalCatalog, "[owner, manager]", "[owner]"))
	w.newRun()
	w.at(61*time.Minute, func() {
		w.answers("omar", "omar", 1, no)
		for n := range 4 {
			// He answers as a delegate: the approver is another.
			require.NoError(t, w.desk.ApproveAs(w.accounts["omar"], w.ticket().Ref.ID, access.AccountID(fmt.Sprint("account-of-colleague-", n))))
		}
	})
	w.at(2*time.Hour, func() {
		if !w.env.IsWorkflowCompleted() {
			require.Equal(t, []access.ApprovalState{no}, w.asked("omar"))
			w.answers("mia", "mia", 1, yes)
		}
	})
	require.Equal(t, access.OutcomeDenied, w.run(w.request("wiki/editor")).Outcome)
}

// What a user loses: the truth of the desk. Mia approves before the deadline (or while the request is withdrawn or denied), and usher reads it after. It does not
// count, and nothing says so: neither the ticket nor the trail, and "approved" stays in usher's approval, which ServiceNow rolls up to the ticket and
// flows go by (ADR 28: what does not count is said, and that very answer is taken out).
func TestAttackAgain_late_approval_stands(t *testing.T) {
	rows := map[string]func(*world){
		"expired": func(w *world) {
			w.at(7*day-4*time.Minute, func() { w.answers("mia", "mia", 1, yes) })
		},
		"withdrawn": func(w *world) {
			w.at(5*time.Hour+time.Minute, func() { w.answers("mia", "mia", 1, yes) })
			w.at(5*time.Hour+2*time.Minute, func() { w.withdraw("ana") })
		},
	}
	for name, do := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.newRun()
			do(w)
			result := w.run(w.request("wiki/editor"))
			require.Empty(t, result.View.Decisions)
			said := has(w.events("r1"), access.EventDecisionRefused)
			require.False(t, said == 0 && w.asked("mia")[0] == yes, "%s: the approval of the desk says approved, and nothing says that it does not count", result.Outcome)
		})
	}
}
