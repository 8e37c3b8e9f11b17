package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/policy"
	"usher/workflows"
)

// approvalCatalog has an entitlement whose owners decide before the manager, and Mia is one of the owners.
const approvalCatalog = `
applications:
  - id: wiki
    name: Wiki
    owners: [omar, mia]
    entitlements:
      - {role: editor, title: Wiki editor, fulfilment: scim, target: directory, target_role: wiki-editors, max_duration: 30d, stages: [owner, manager]}
`

func (w *world) useCatalog(text string) {
	w.t.Helper()
	catalog, err := policy.Parse([]byte(text))
	require.NoError(w.t, err)
	w.catalog = catalog
}

// What a user loses: the second pair of eyes of the second stage. Mia answers as one of the owners; before usher reads it Omar decides that
// stage, and the request waits for Mia as the manager, which is another question with an approval of its own. Her answer to the first
// question, from before the last decision, is taken for the answer to the second, though she never gave one: the access is granted.
func TestAttackApprovals_answer_to_a_stage_that_passed_counts_for_the_next(t *testing.T) {
	for _, watch := range []bool{false, true} {
		t.Run(map[bool]string{false: "poll", true: "watch"}[watch], func(t *testing.T) {
			w := newWorldWithApprovals(t)
			if watch {
				watchSettings(&w.settings)
			}
			w.useCatalog(approvalCatalog)
			w.newRun()
			w.at(61*time.Minute, func() {
				require.Equal(t, []access.ApprovalState{open}, w.asked("mia"))
				w.answers("mia", "mia", 1, yes)
			})
			w.at(62*time.Minute, func() {
				require.Empty(t, w.view().Decisions, "not read yet")
				w.decide("omar", access.Approve)
			})
			w.at(63*time.Minute, func() {
				require.Equal(t, []access.ApprovalState{yes, open}, w.asked("mia"), "the manager is asked by an approval of its own")
				if watch {
					w.tellChange()
				}
			})
			w.at(3*time.Hour, func() {
				require.Equal(t, access.StateAwaitingApproval, w.view().State, "Mia has not answered the question to the manager")
				w.withdraw("ana")
			})
			result := w.run(w.request("wiki/editor"))
			require.Equal(t, access.OutcomeWithdrawn, result.Outcome)
			require.Len(t, result.View.Decisions, 1)
		})
	}
}

// What a user loses: the same, after Omar's approval of one thing is taken for another. An operator resets the request. Before, Omar was
// asked about the badge only and approved it (round 1), was then asked about the wiki's administrator as well (round 2), and has not
// answered that. The run after the reset asks him once for both, counts that as round 1, and finds the approval of the badge there. If the
// run before had not read it yet, the administrator is granted. If it had, the same decision has another content now: the ledger refuses
// it, and the request fails for both.
func TestAttackApprovals_reset_shifts_rounds(t *testing.T) {
	for _, read := range []bool{false, true} {
		t.Run(map[bool]string{false: "answer not read before", true: "answer read before"}[read], func(t *testing.T) {
			w := newWorldWithApprovals(t)
			if !read {
				w.settings.PollInitialInterval, w.settings.PollMaxInterval = access.Duration(day), access.Duration(day)
			}
			w.newRun()
			request := w.request("wiki/admin", "badge/lab")
			w.at(61*time.Minute, func() {
				require.Equal(t, []access.ApprovalState{open}, w.asked("omar"))
				w.answers("omar", "omar", 1, yes)
			})
			w.at(2*time.Hour, func() { w.decide("mia", access.Approve, "1") })
			w.at(3*time.Hour, func() {
				require.Equal(t, access.ItemPending, w.view().Items[0].State)
				require.Equal(t, []access.ApprovalState{yes, open}, w.asked("omar"), "the administrator is a question of its own")
				// The operator resets the run to its beginning: nothing of it is tidied up.
				w.env.SetContinueAsNewSuggested(true)
				w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
			})
			w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: request})
			continued[workflows.AccessRequestParams](t, w)

			// After the reset Mia's call, which the server applies again, comes before the ticket is there.
			w.newRun()
			w.at(0, func() { w.decide("mia", access.Approve, "1") })
			w.at(36*time.Hour, func() {
				if w.env.IsWorkflowCompleted() {
					return
				}
				w.withdraw("ana")
				require.NotContains(t, w.target.Members("wiki-admins"), access.PersonID("ana"), "Omar has approved the badge only")
			})
			result := w.run(request)
			if read {
				require.NotEqual(t, access.OutcomeFailed, result.Outcome, result.View.Items[1].Detail)
			}
			require.NotEqual(t, access.ItemGranted, result.View.Items[0].State, "Omar has approved the badge only")
			require.NotContains(t, w.target.Members("wiki-admins"), access.PersonID("ana"))
		})
	}
}

// What a user loses: as above, without an operator. Two looks at the ticket find nothing (a right that is missing for a minute), usher
// lets go of it, finds it again by its marker, and begins to count its questions anew, though the approvals of before are there.
func TestAttackApprovals_ticket_found_again_shifts_rounds(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	missing := access.Errorf(access.NotFound, "read ticket", "hidden")
	w.at(61*time.Minute, func() {
		require.Equal(t, []access.ApprovalState{open}, w.asked("omar"))
		w.answers("omar", "omar", 1, yes) // the badge, which is all he was asked
		w.decide("mia", access.Approve, "1")
		w.desk.FailNext(memory.OpReadTicket, missing, missing)
	})
	w.at(3*time.Hour, func() {
		require.Equal(t, 1, w.ticketsOf("r1"), "it is the same ticket")
		view := w.view()
		require.Equal(t, access.ItemPending, view.Items[0].State, "nobody asked Omar about the administrator when he answered")
		w.withdraw("ana")
	})
	result := w.run(w.request("wiki/admin", "badge/lab"))
	require.Equal(t, access.OutcomeWithdrawn, result.Outcome)
}

// What a user loses: approvals of a request that has ended stay open among "My approvals" for ever. Mia was asked, the ticket was out of
// sight for a minute and found again, and she has decided with usher meanwhile: nobody remembers the approval that asks her.
func TestAttackApprovals_ticket_found_again_leaves_approvals_open(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	missing := access.Errorf(access.NotFound, "read ticket", "hidden")
	w.at(time.Hour, func() {
		w.desk.FailNext(memory.OpReadTicket, missing, missing)
		w.desk.FailNext(memory.OpFindTicket, manyOf(40, access.Errorf(access.Transient, "find ticket", "away"))...)
	})
	w.at(80*time.Minute, func() { w.decide("mia", access.Approve) })
	w.at(5*time.Hour, func() { w.decide("omar", access.Approve) })
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/admin")).Outcome)
	require.Equal(t, 1, w.ticketsOf("r1"))
	for _, person := range []access.PersonID{"mia", "omar", "olga"} {
		require.NotContains(t, w.asked(person), open, "%s is still asked on a closed ticket", person)
	}
}
