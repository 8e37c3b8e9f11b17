package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// lateUpdate is an update that arrives in a run that has grown long.
type lateUpdate struct {
	name string
	// asked is what the request asks for; before is what happened before.
	asked   []access.EntitlementID
	before  func(*runs)
	send    func(*runs) *answer
	outcome access.RequestState
	// after is what must happen after the update for the request to end.
	after func(*runs)
}

func lateUpdates() []lateUpdate {
	editor := []access.EntitlementID{"wiki/editor"}
	approve := func(by access.PersonID) func(*runs) *answer {
		return func(r *runs) *answer { return r.decide(by, access.Approve) }
	}
	deny := func(by access.PersonID) func(*runs) *answer {
		return func(r *runs) *answer { return r.decide(by, access.Deny) }
	}
	withdraw := func(r *runs) *answer {
		return r.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: "ana"})
	}
	granting := func(r *runs) {
		r.silent()
		r.approves(30*time.Minute, "mia")
	}
	return []lateUpdate{
		{"the only approval", editor, nothing, approve("mia"), access.OutcomeGranted, nothing},
		{"the only denial", editor, nothing, deny("mia"), access.OutcomeDenied, nothing},
		{
			"the first approval of two",
			[]access.EntitlementID{"wiki/admin"},
			nothing, approve("mia"), access.OutcomeGranted,
			func(r *runs) { r.approves(5*time.Hour, "omar") },
		},
		{
			"the second approval of two",
			[]access.EntitlementID{"wiki/admin"},
			func(r *runs) { r.approves(30*time.Minute, "mia") },
			approve("omar"), access.OutcomeGranted, nothing,
		},
		{"a withdrawal before a decision", editor, nothing, withdraw, access.OutcomeWithdrawn, nothing},
		{"a withdrawal during the grant", editor, granting, withdraw, access.OutcomeWithdrawn, nothing},
		{
			"an approval of what a human grants",
			[]access.EntitlementID{"badge/lab"},
			nothing, approve("omar"), access.OutcomeGranted,
			func(r *runs) {
				r.at(5*time.Hour, func() {
					r.move("ben", access.TicketDone)
					r.hint()
				})
			},
		},
	}
}

// ledgers are what the ledger does while the update is there.
func ledgers() map[string]func(*runs) {
	return map[string]func(*runs){
		"that answers": nothing,
		"that is slow": func(r *runs) { r.server.slowDown(workflows.TaskQueue, 2*time.Second) },
		"that is away": func(r *runs) {
			r.ledger.setAway(true)
			r.at(3*time.Hour, func() { r.ledger.setAway(false) })
		},
		"that goes away a moment later": func(r *runs) {
			r.server.slowDown(workflows.TaskQueue, 2*time.Second)
			r.at(time.Hour+time.Second, func() { r.ledger.setAway(true) })
			r.at(3*time.Hour, func() { r.ledger.setAway(false) })
		},
	}
}

// moments are when the run learns that it has grown long.
func moments() map[string]func(*runs) {
	return map[string]func(*runs){
		"before the update": func(r *runs) { r.at(time.Hour-time.Millisecond, r.growsLong) },
		"while another fact is recorded": func(r *runs) {
			r.at(time.Hour-time.Second, func() {
				r.server.slowDown(workflows.TaskQueue, 2*time.Second)
				r.signal(workflows.SignalDecision, access.Decision{Verdict: "maybe"})
			})
			r.at(time.Hour-time.Millisecond, r.growsLong)
			r.at(time.Hour+time.Minute, func() { r.server.slowDown(workflows.TaskQueue, 0) })
		},
		"while it is recorded": func(r *runs) {
			r.at(time.Hour+time.Second, func() {
				r.env.SetContinueAsNewSuggested(true)
				r.hint()
			})
		},
	}
}

// An update that arrives in a run that has grown long is answered, the run continues or ends, and what was decided counts.
func TestDefect02(t *testing.T) {
	for _, update := range lateUpdates() {
		for about, ledger := range ledgers() {
			for when, grows := range moments() {
				t.Run(update.name+", a ledger "+about+", long "+when, func(t *testing.T) {
					t.Parallel()
					r := requestRuns(t, quietTerms)
					update.before(r)
					grows(r)
					var got *answer
					r.at(time.Hour, func() {
						ledger(r)
						got = update.send(r)
					})
					r.at(time.Hour+15*time.Second, func() { require.True(t, got.done, "the caller is answered") })
					update.after(r)
					r.mustEndBy(6 * day)
					result := r.outcomeOf(r.request(update.asked...))
					require.NoError(t, got.rejected)
					require.NoError(t, got.accepted)
					require.Equal(t, update.outcome, result.Outcome)
				})
			}
		}
	}
}
