package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// What a user loses: the outcome on the ticket, and the request never ends. usher's account has no right to write approvals (ADR 28: a right
// that is missing is none to leave the ticket open). What else was said meanwhile, such as daily reminders, waits behind them, and with
// more than ten writes the first call closes nothing: it fails by that right for ever.
func TestAttackApprovals_missing_right_and_many_writes(t *testing.T) {
	for _, days := range []int{2, 12} {
		t.Run(map[int]string{2: "few", 12: "many"}[days], func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.settings.ApprovalTimeout = access.Duration(20 * day)
			w.newRun()
			w.desk.FailNext(memory.OpSetApprovals, manyOf(100_000, access.Errorf(access.Forbidden, "set approvals", "no right"))...)
			w.at(time.Duration(days)*day+time.Hour, func() { w.decide("mia", access.Approve) })
			w.at(time.Duration(days)*day+5*day, func() {
				phase := w.ticket().Phase
				w.desk.UseApprovals()
				require.Equal(t, access.TicketDone, phase, "days after the outcome the ticket does not show it")
			})
			w.env.SetTestTimeout(20 * time.Second)
			require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
		})
	}
}

// What a user loses: peace. Nobody could be asked while the desk was away, and the request has been decided with usher since. usher opens
// approvals all the same, which the desk sends mails about, only to say in the next call that they are not required.
func TestAttackApprovals_asks_for_what_is_over(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.desk.FailNext(memory.OpSetApprovals, manyOf(12, access.Errorf(access.Transient, "set approvals", "away"))...)
	w.at(0, func() {})
	w.at(10*time.Second, func() { w.decide("mia", access.Approve) })
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
	require.Empty(t, w.asked("mia"), "an approval was opened for a decision that had been taken")
}

// What a user loses: the work itself. A rule of the desk forbids to open an approval. That shall hold nothing back (ADR 28), but while the
// request runs, the ticket never moves to whoever grants by hand, though everything is approved.
func TestAttackApprovals_missing_right_holds_the_work_back(t *testing.T) {
	w := newWorldWithApprovals(t)
	w.newRun()
	w.desk.FailNext(memory.OpSetApprovals, manyOf(5_000, access.Errorf(access.Forbidden, "set approvals", "a business rule aborted the insert"))...)
	w.at(time.Hour, func() { w.decide("omar", access.Approve) })
	w.at(9*time.Hour, func() {
		phase := w.ticket().Phase
		w.withdraw("ana")
		require.Equal(t, access.TicketWorking, phase)
	})
	w.run(w.request("badge/lab"))
}

// What a user loses: the outcome on the ticket, and the request never ends, where approvals alone fail and all else on the desk works: for
// every kind of error. ADR 28 promises it of refusals and of a missing right; a row that cannot be written is Transient for the connectors
// ("the approval is gone"), and so is an account that answers 500.
func TestAttackApprovals_every_error_for_ever(t *testing.T) {
	for _, kind := range []access.Kind{access.Invalid, access.Conflict, access.Forbidden, access.NotFound, access.Transient, access.RateLimited, access.Unknown} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorldWithApprovals(t)
			w.newRun()
			w.desk.FailNext(memory.OpSetApprovals, manyOf(20_000, access.Errorf(kind, "set approvals", "for ever"))...)
			w.at(time.Hour, func() { w.decide("mia", access.Approve) })
			ended := false
			w.at(2*day, func() {
				ended = w.env.IsWorkflowCompleted()
				if !ended {
					require.Equal(t, 1, w.ticketsOf("r1"))
					require.Equal(t, access.TicketDone, w.ticket().Phase, "the access was granted two days ago")
				}
			})
			w.env.SetTestTimeout(20 * time.Second)
			w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: w.request("wiki/editor")})
		})
	}
}
