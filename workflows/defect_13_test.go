package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// Of two messages that are read in one workflow task, the second has nothing of the first.
// anyRevision is higher than every revision that a request asks with: those are made from the time.
const anyRevision = 1 << 60

func TestDefect13(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	held := access.LeaseStatus{Lease: "r1:2", Revision: anyRevision, State: access.LeaseActive, GrantedAt: &at}
	firsts := map[string]access.LeaseStatus{
		"refused":    {State: access.LeaseEnded, Refused: "the first was refused"},
		"in trouble": {State: access.LeaseGranting, Problem: "the first is in trouble"},
		"that ends":  {State: access.LeaseActive, GrantedAt: &at, EndsAt: &at, Verification: &access.Verification{Present: true, Evidence: "of the first", At: at}},
	}
	for name, first := range firsts {
		t.Run("the answer about a lease after one "+name, func(t *testing.T) {
			t.Parallel()
			r := toldRuns(t)
			request, _ := crowd{items: 3, owners: 1, id: func(int) access.PersonID { return "mia" }}.asks(r.world)
			r.mute()
			r.approves(time.Hour, "mia")
			r.withTheNextTimer(90*time.Minute, true, func() {
				// The first of all counts for nothing, whatever becomes of it.
				r.signalWithoutTask(workflows.SignalLeaseStatus, access.LeaseStatus{Lease: "nobody's", Revision: anyRevision, State: access.LeaseActive})
				first.Lease, first.Revision = "r1:1", anyRevision
				r.signalWithoutTask(workflows.SignalLeaseStatus, first)
				r.signalWithoutTask(workflows.SignalLeaseStatus, held)
			})
			looked := false
			r.at(12*time.Hour, func() {
				looked = true
				second := r.view().Items[1]
				require.Equal(t, access.ItemGranted, second.State)
				require.NotNil(t, second.Lease)
				require.Empty(t, second.Detail)
				require.Empty(t, second.Lease.Problem)
				require.Nil(t, second.Lease.EndsAt)
				require.Nil(t, second.Lease.Verification)
			})
			r.at(13*time.Hour, func() {
				for n := range 3 {
					r.signal(workflows.SignalLeaseStatus, access.LeaseStatus{
						Lease: access.LeaseID(fmt.Sprint("r1:", n+1)), Revision: anyRevision, State: access.LeaseActive, GrantedAt: &at,
					})
				}
			})
			r.mustEndBy(2 * day)
			r.outcomeOf(request)
			require.True(t, looked)
		})
	}
	t.Run("an operator's decision after another", func(t *testing.T) {
		t.Parallel()
		r := toldRuns(t)
		r.withTheNextTimer(90*time.Minute, true, func() {
			byOperator("maybe")(r)
			r.signalWithoutTask(workflows.SignalDecision, access.Decision{
				By: "olga", Verdict: access.Deny, Items: []access.ItemID{"1"}, Reason: "of the first",
			})
			r.signalWithoutTask(workflows.SignalDecision, access.Decision{Verdict: access.Approve})
		})
		r.at(30*time.Hour, func() { require.Len(t, r.view().Decisions, 2, "the second is about another item") })
		r.mustEndBy(2 * day)
		result := r.outcomeOf(r.request("badge/lab", "wiki/editor"))
		require.Len(t, result.View.Decisions, 2)
		second := result.View.Decisions[1]
		require.Empty(t, second.Reason)
		require.Equal(t, []access.ItemID{"2"}, second.Items)
		require.NotContains(t, second.Evidence, "olga")
		require.Equal(t, access.OutcomePartlyGranted, result.Outcome)
	})
}
