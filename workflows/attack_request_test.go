package workflows_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/workflows"
)

// spins makes the test fail when more activities are started than that: a loop that costs no time never ends here.
func (r *runs) spins(most int) *int {
	count := new(int)
	r.each(func() {
		r.env.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) {
			if *count++; *count > most {
				panic(fmt.Sprintf("%d activities were started", *count))
			}
		})
	})
	return count
}

// A ticket that was opened again and cannot be closed again is left alone.
func TestReopened_cannot_be_closed(t *testing.T) {
	rows := map[string]func(l *lookout, ref access.TicketRef){
		"no transition closes it": func(l *lookout, _ access.TicketRef) { l.desk.CloseOff(access.TicketDone) },
		"its closing demands a field": func(l *lookout, _ access.TicketRef) {
			l.desk.DemandField(access.TicketDone, "resolution")
		},
	}
	for name, trouble := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLookout(t)
			r := newRuns(l.world, workflows.ReopenedTicketType)
			r.spins(50)
			ref := l.opens(1)[0]
			require.NoError(t, l.desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
			view, err := l.ledger.View(t.Context(), "r1")
			require.NoError(t, err)
			view.State, view.Version = access.OutcomeGranted, 2
			require.NoError(t, l.ledger.Record(t.Context(), access.Entry{View: &view}))
			require.NoError(t, l.desk.MoveAs(l.accounts["ben"], ref.ID, access.TicketWaiting))
			trouble(l, ref)
			r.mustEndBy(day)
			require.NoError(t, r.toEnd(workflows.ReopenedTicketParams{Request: "r1"}))
		})
	}
}

// A message that access must go is sent until it arrives, however long Temporal refuses it, and not without a wait.
func TestWithdraw_message_is_refused(t *testing.T) {
	t.Parallel()
	r := requestRuns(t, quietTerms)
	count := r.spins(500)
	r.silent()
	r.undeliverable = func(e access.LeaseSpec) error {
		if e.DesiredState == access.Absent && r.passed() < 5*time.Hour {
			return serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events")
		}
		return nil
	}
	r.approves(time.Hour, "mia")
	r.withdraws(2 * time.Hour)
	r.mustEndBy(2 * day)
	require.Equal(t, access.OutcomeWithdrawn, r.outcomeOf(r.request("wiki/editor")).Outcome)
	require.Less(t, *count, 200)
}

// A status that nobody can have sent does not make the request forget that it waits for one.
func TestLeaseStatus_of_another_revision(t *testing.T) {
	forged := map[string]access.LeaseStatus{
		"with a revision that was never sent": {Revision: 1 << 62, State: access.LeaseGranting, Problem: ""},
		"with a version of the far future":    {Revision: 1 << 62, State: access.LeaseGranting, Problem: "wait", Version: 1 << 62},
	}
	for name, status := range forged {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := requestRuns(t, quietTerms)
			r.silent()
			lost := 0
			r.undeliverable = func(e access.LeaseSpec) error {
				if e.DesiredState == access.Absent && r.passed() < 5*time.Hour {
					lost++
					return serviceerror.NewUnavailable("Temporal is away")
				}
				return nil
			}
			r.approves(time.Hour, "mia")
			r.at(90*time.Minute, func() {
				status.Lease = "r1:1"
				r.signal(workflows.SignalLeaseStatus, status)
			})
			r.withdraws(2 * time.Hour)
			r.mustEndBy(4 * day)
			require.Equal(t, access.OutcomeWithdrawn, r.outcomeOf(r.request("wiki/editor")).Outcome)
			require.Positive(t, lost)
			last := r.ensures[len(r.ensures)-1]
			require.Equal(t, access.Absent, last.DesiredState, "the subject's workflow is told that the access must go")
		})
	}
}

// What a person takes back on the ticket, after he has said that it was granted, leaves no lease behind.
func TestConfirmGrant_taken_back(t *testing.T) {
	for _, deskDown := range []bool{false, true} {
		t.Run(fmt.Sprintf("the desk is down at the end: %t", deskDown), func(t *testing.T) {
			t.Parallel()
			r := requestRuns(t, nil)
			// The subject's workflow takes the grant, and its answer comes late.
			var held []access.LeaseSpec
			r.entity = func(e access.LeaseSpec) {
				held = append(held, e)
				state := access.LeaseActive
				if e.DesiredState == access.Absent {
					state = access.LeaseRevoking
				}
				now := r.env.Now()
				r.at(r.passed()+40*time.Minute, func() {
					r.signal(workflows.SignalLeaseStatus, access.LeaseStatus{Lease: e.Lease.ID, Revision: e.Revision, State: state, GrantedAt: &now})
				})
			}
			r.approves(time.Hour, "omar")
			r.at(2*time.Hour, func() { r.move("ben", access.TicketDone); r.hint() })
			r.at(2*time.Hour+20*time.Minute, func() {
				r.move("ben", access.TicketWontDo)
				r.hint()
			})
			r.at(2*time.Hour+20*time.Minute+time.Second, func() { r.desk.Down(deskDown) })
			r.at(6*time.Hour, func() { r.desk.Down(false) })
			r.mustEndBy(4 * day)
			outcome := r.outcomeOf(r.request("badge/lab")).Outcome
			last := held[len(held)-1]
			require.Equal(t, outcome.KeepsAccess(), last.DesiredState == access.Present, "outcome %s, last wish %s", outcome, last.DesiredState)
		})
	}
}

// A source whose worker is down keeps nobody from reading the request, and from withdrawing it.
func TestSourceWithoutWorker(t *testing.T) {
	t.Run("the request is in the ledger", func(t *testing.T) {
		t.Parallel()
		r := requestRuns(t, nil)
		r.edge = true
		r.newRun()
		r.server.removeWorker(workflows.SourceQueue("directory"))
		r.at(time.Hour, func() {
			_, err := r.ledger.View(t.Context(), "r1")
			require.NoError(t, err, "people can read the request")
			r.server.addWorker(workflows.SourceQueue("directory"))
		})
		r.approves(2*time.Hour, "mia")
		r.mustEndBy(4 * day)
		require.Equal(t, access.OutcomeGranted, r.outcomeOf(r.request("wiki/editor")).Outcome)
	})
	t.Run("the request can be withdrawn", func(t *testing.T) {
		t.Parallel()
		r := requestRuns(t, nil)
		r.edge = true
		r.newRun()
		r.server.removeWorker(workflows.SourceQueue("directory"))
		r.withdraws(time.Hour)
		r.mustEndBy(2 * time.Hour)
		require.Equal(t, access.OutcomeWithdrawn, r.outcomeOf(r.request("wiki/editor")).Outcome)
	})
}

// An operator's signal of any size does not end the run.
func TestSignal_large(t *testing.T) {
	large := strings.Repeat("x", 1200*1024)
	rows := map[string]struct {
		counts bool
		d      access.Decision
	}{
		"that names somebody":    {false, access.Decision{ID: "o1", By: access.PersonID(large), Verdict: access.Approve}},
		"with a reason":          {true, access.Decision{ID: "o1", Verdict: access.Approve, Reason: large}},
		"with an id":             {true, access.Decision{ID: large, Verdict: access.Approve}},
		"that is nothing at all": {false, access.Decision{Verdict: access.Verdict(large)}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := requestRuns(t, func(t *access.RequestSettings) { t.OperatorDecisions = row.counts })
			largest := r.largestInputs()
			r.at(time.Hour, func() {
				r.ledger.setAway(true)
				r.signal(workflows.SignalDecision, row.d)
			})
			r.at(2*time.Hour, r.growsLong)
			r.at(2*time.Hour+time.Second, r.hint)
			r.at(3*time.Hour, func() { r.ledger.setAway(false) })
			r.approves(4*time.Hour, "mia")
			r.mustEndBy(4 * day)
			result := r.outcomeOf(r.request("wiki/editor"))
			require.Equal(t, access.OutcomeGranted, result.Outcome)
			for name, size := range largest {
				require.Less(t, size, maxPayload, "input of %s", name)
			}
			for _, carried := range r.carried {
				require.Less(t, carried, maxPayload)
			}
		})
	}
}

// A request that begins anew over what an earlier run has left says nothing that the ledger refuses.
func TestAccessRequest_begins_anew(t *testing.T) {
	t.Parallel()
	r := requestRuns(t, nil)
	request := r.request("wiki/admin")
	r.approves(time.Hour, "mia")
	r.at(2*time.Hour, func() {
		r.env.SetContinueAsNewSuggested(true)
		r.hint()
	})
	require.NotNil(t, continuesAsNew(r.oneRun([]any{workflows.AccessRequestParams{Request: request}})))
	// Nothing is carried: the run was reset to its beginning. The decision is applied again.
	r.sent = nil
	r.resumes = 3 * time.Hour
	r.approves(3*time.Hour, "mia")
	r.at(4*time.Hour, func() { require.NotContains(t, r.details(), "refuses") })
	r.approves(5*time.Hour, "omar")
	r.mustEndBy(4 * day)
	require.Equal(t, access.OutcomeGranted, r.outcomeOf(request).Outcome)
	require.Len(t, r.desk.Tickets(), 1)
	require.Equal(t, 1, r.commented("Mia approved"))
	opened := texts(r.events("r1"), access.EventTicketOpened)
	require.Len(t, opened, 1, "a ticket that is found again is the same fact")
	require.Contains(t, opened[0], "was opened")
}

// A decision without an id is refused: of two that came before policy has answered, nobody would know which answer is whose.
func TestDecide_without_id(t *testing.T) {
	t.Parallel()
	r := requestRuns(t, quietTerms)
	r.source.Down(true)
	say := func(by access.PersonID, id string) *answer {
		return r.update(workflows.UpdateDecide, id, access.Decision{By: by, Verdict: access.Approve, Evidence: "test"})
	}
	var early, late *answer
	r.at(time.Minute, func() { early = say("mia", "u1") })
	r.at(time.Hour, func() { r.source.Down(false) })
	r.at(2*time.Hour, func() { late = say("mia", "u2") })
	r.approves(3*time.Hour, "mia")
	r.mustEndBy(2 * day)
	require.Equal(t, access.OutcomeGranted, r.outcomeOf(r.request("wiki/editor")).Outcome)
	require.ErrorContains(t, early.rejected, "id")
	require.ErrorContains(t, late.rejected, "id")
}

// The worst request that the API takes gives no activity more than the server takes, also when the ledger has been away.
func TestSize_worst_request(t *testing.T) {
	t.Parallel()
	r := requestRuns(t, quietTerms)
	largest := r.largestInputs()
	request, people := crowd{items: 20, owners: 1, id: uuidOf, manager: true, first: true}.asks(r.world)
	// JSON writes this character in six bytes.
	reason := func(runes, n int) string { return fmt.Sprintf("%04d", n) + strings.Repeat("<", runes-4) }
	request.Reason = reason(access.Limits().Reason.Runes, 0)
	r.at(59*time.Minute, func() { r.ledger.setAway(true) })
	said := 0
	say := func(by access.PersonID, item access.ItemID) {
		said++
		id := fmt.Sprint("d", said)
		r.update(workflows.UpdateDecide, id, access.Decision{
			ID: id, By: by, Verdict: access.Approve, Items: []access.ItemID{item}, Evidence: "test",
			Reason: reason(access.Limits().KeptReason.Runes, said),
		})
	}
	for i, item := range request.Items {
		r.at(time.Hour+time.Duration(i)*time.Second, func() { say("mia", item.ID) })
		r.at(time.Hour+time.Duration(30+i)*time.Second, func() { say(people[i], item.ID) })
	}
	r.at(62*time.Minute, r.growsLong)
	r.at(62*time.Minute+time.Second, r.hint)
	r.at(64*time.Minute, func() { r.ledger.setAway(false) })
	r.mustEndBy(2 * day)
	require.Equal(t, access.OutcomeGranted, r.outcomeOf(request).Outcome)
	t.Logf("largest inputs: %v, carried: %v", largest, r.carried)
	for name, size := range largest {
		require.Less(t, size, maxPayload, "input of %s", name)
	}
	for _, carried := range r.carried {
		require.Less(t, carried, maxPayload)
	}
}
