package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/workflows"
)

// lastMessage is a message that comes in one workflow task with the timer that leads to the next run.
type lastMessage struct {
	name   string
	asked  access.EntitlementID
	before func(*runs)
	// send must not begin a workflow task.
	send    func(*runs)
	outcome access.RequestState
}

// newsWithoutTask is what the desk's watch tells when a human has moved the ticket.
func (r *runs) newsWithoutTask(by access.PersonID, to access.TicketPhase) {
	r.move(by, to)
	now, err := r.desk.ReadTicket(r.t.Context(), r.ticket().Ref.ID)
	require.NoError(r.t, err)
	r.signalWithoutTask(workflows.SignalTicketChanged, access.TicketChange{Snapshot: now})
}

// hintWithoutTask is a webhook's hint that a human has moved the ticket.
func (r *runs) hintWithoutTask(by access.PersonID, to access.TicketPhase) {
	r.move(by, to)
	r.signalWithoutTask(workflows.SignalHint, workflows.Hint{})
}

// answerWithoutTask is the answer to the last ensure.
func (r *runs) answerWithoutTask(state access.LeaseState) {
	r.mu.Lock()
	last := r.ensures[len(r.ensures)-1]
	r.mu.Unlock()
	now := r.env.Now().UTC()
	answer := access.LeaseStatus{Lease: last.Lease.ID, Revision: last.Revision, State: state}
	if state == access.LeaseActive {
		answer.GrantedAt, answer.Verification = &now, &access.Verification{Present: true, Method: "memory", At: now}
	}
	r.signalWithoutTask(workflows.SignalLeaseStatus, answer)
}

func byOperator(v access.Verdict) func(*runs) {
	return func(r *runs) {
		r.signalWithoutTask(workflows.SignalDecision, access.Decision{By: "mia", Verdict: v, Reason: "by signal"})
	}
}

func whileItIsDecided() []lastMessage {
	return []lastMessage{
		{"an operator's approval", "wiki/editor", nothing, byOperator(access.Approve), access.OutcomeGranted},
		{"an operator's denial", "wiki/editor", nothing, byOperator(access.Deny), access.OutcomeDenied},
		{
			"an operator's approval, the second of two", "wiki/admin", func(r *runs) { r.approves(time.Hour, "mia") },
			byOperator(access.Approve), access.OutcomeGranted,
		},
		{
			"two operators' approvals", "wiki/admin", nothing,
			func(r *runs) { byOperator(access.Approve)(r); byOperator(access.Approve)(r) }, access.OutcomeGranted,
		},
		{
			"news of a ticket that was approved", "wiki/editor", nothing,
			func(r *runs) { r.newsWithoutTask("mia", access.TicketApproved) }, access.OutcomeGranted,
		},
		{
			"news of a ticket that was denied", "wiki/editor", nothing,
			func(r *runs) { r.newsWithoutTask("mia", access.TicketDenied) }, access.OutcomeDenied,
		},
		{
			"news of a ticket that was closed", "wiki/editor", nothing,
			func(r *runs) { r.newsWithoutTask("ben", access.TicketWontDo) }, access.OutcomeCancelled,
		},
		{
			"a hint at a ticket that was denied", "wiki/editor", nothing,
			func(r *runs) { r.hintWithoutTask("mia", access.TicketDenied) }, access.OutcomeDenied,
		},
	}
}

func whileItIsFulfilled() []lastMessage {
	byHand := func(r *runs) { r.approves(time.Hour, "omar") }
	granting := func(r *runs) {
		r.mute()
		r.approves(time.Hour, "mia")
	}
	return []lastMessage{
		{
			"news of a ticket that was closed as done", "badge/lab", byHand,
			func(r *runs) { r.newsWithoutTask("ben", access.TicketDone) }, access.OutcomeGranted,
		},
		{
			"news of a ticket that was closed as won't do", "badge/lab", byHand,
			func(r *runs) { r.newsWithoutTask("ben", access.TicketWontDo) }, access.OutcomeDenied,
		},
		{
			"a hint at a ticket that was closed as done", "badge/lab", byHand,
			func(r *runs) { r.hintWithoutTask("ben", access.TicketDone) }, access.OutcomeGranted,
		},
		{
			"the answer that a lease is held", "wiki/editor", granting,
			func(r *runs) { r.answerWithoutTask(access.LeaseActive) }, access.OutcomeGranted,
		},
		{
			"the answer that a lease has ended", "wiki/editor",
			func(r *runs) {
				granting(r)
				r.withdraws(90 * time.Minute)
			},
			func(r *runs) { r.answerWithoutTask(access.LeaseEnded) }, access.OutcomeWithdrawn,
		},
	}
}

// A message that comes in one workflow task with the timer that leads to the next run is not lost.
func TestDefect03(t *testing.T) {
	for _, message := range append(whileItIsDecided(), whileItIsFulfilled()...) {
		for _, long := range []bool{true, false} {
			t.Run(message.name+map[bool]string{true: ", in a long run", false: ", in a short run"}[long], func(t *testing.T) {
				t.Parallel()
				r := toldRuns(t)
				message.before(r)
				r.withTheNextTimer(3*time.Hour, long, func() { message.send(r) })
				r.mustEndBy(3 * day)
				result := r.outcomeOf(r.request(message.asked))
				require.Equal(t, message.outcome, result.Outcome)
			})
		}
	}
	t.Run("a cancellation while it is decided", func(t *testing.T) { cancelledWithATimer(t, "wiki/editor", nothing) })
	t.Run("a cancellation while a human grants", func(t *testing.T) {
		cancelledWithATimer(t, "badge/lab", func(r *runs) { r.approves(time.Hour, "omar") })
	})
	t.Run("a cancellation during the grant", func(t *testing.T) {
		cancelledWithATimer(t, "wiki/editor", func(r *runs) {
			r.silent()
			r.approves(time.Hour, "mia")
		})
	})
	t.Run("what the last messages write on the ticket", whatTheLastMessagesWrite)
	t.Run("an ensure of a new lease", func(t *testing.T) {
		ensuredWithATimer(t, func(r *holderRuns) access.LeaseSpec { return lease("r2:1", "wiki-admins", 0) })
	})
	t.Run("an ensure that a lease shall end", func(t *testing.T) {
		ensuredWithATimer(t, func(r *holderRuns) access.LeaseSpec { return absent(lease("r3:1", "vault", 0)) })
	})
}

// toldRuns are the runs of a request that is told of every change of its ticket, and wakes up by itself for reminders only.
func toldRuns(t *testing.T) *runs {
	t.Helper()
	return requestRuns(t, func(settings *access.RequestSettings) {
		watchSettings(settings)
		settings.Watch.StalenessCheckInterval = access.Duration(30 * day)
		settings.OperatorDecisions = true
	})
}

func cancelledWithATimer(t *testing.T, asked access.EntitlementID, before func(*runs)) {
	t.Parallel()
	r := toldRuns(t)
	before(r)
	r.withTheNextTimer(3*time.Hour, true, r.cancelWithoutTask)
	r.mustEndBy(3 * day)
	err := r.toEnd(workflows.AccessRequestParams{Request: r.request(asked)})
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	view, err := r.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, access.OutcomeCancelled, view.State)
}

func whatTheLastMessagesWrite(t *testing.T) {
	t.Parallel()
	r := toldRuns(t)
	r.withTheNextTimer(3*time.Hour, true, func() {
		// The first counts for nothing, whatever becomes of it.
		byOperator("maybe")(r)
		byOperator(access.Approve)(r)
	})
	r.approves(2*day, "omar")
	r.mustEndBy(3 * day)
	result := r.outcomeOf(r.request("wiki/admin"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.Len(t, result.View.Decisions, 2)
	require.Equal(t, 1, r.commented("an operator approved"), "comments: %q", r.desk.Comments(r.ticket().Ref.ID))
}

func ensuredWithATimer(t *testing.T, message func(*holderRuns) access.LeaseSpec) {
	t.Parallel()
	r := newHolderRuns(t)
	r.asks(0, lease("r1:1", "wiki-editors", 2*time.Hour))
	r.asks(0, lease("r3:1", "vault", 20*time.Hour))
	e := message(r)
	r.withTheNextTimer(90*time.Minute, true, func() {
		if e.DesiredState == access.Present {
			r.holder.approved(e.Lease.Request, e)
		}
		r.signalWithoutTask(workflows.SignalApplyLease, e)
	})
	r.at(3*time.Hour, func() {
		answer := r.holder.last(e.Lease.ID)
		require.Equal(t, e.Revision, answer.Revision)
		require.Equal(t, e.DesiredState == access.Present, answer.State == access.LeaseActive)
		if e.DesiredState == access.Present {
			r.signal(workflows.SignalApplyLease, absent(e))
		}
	})
	r.members(4*time.Hour, "wiki-editors")
	r.mustEndBy(2 * day)
	r.run()
	require.Greater(t, r.count, 1, "the run continues as new")
}
