package workflows_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// The small ones.
func TestDefect19(t *testing.T) {
	smallOnesOfOthers(t)
	t.Run("a lease's answer is recorded once", func(t *testing.T) { repeatedAnswers(t, false) })
	t.Run("a lease's answer is not recorded after the end", func(t *testing.T) { repeatedAnswers(t, true) })
	t.Run("a denial is answered although the desk hangs", func(t *testing.T) {
		hangingDesk(t, func(r *runs) *answer { return r.decide("mia", access.Deny) })
	})
	t.Run("a withdrawal is answered although the desk hangs", func(t *testing.T) {
		hangingDesk(t, func(r *runs) *answer {
			return r.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: "ana"})
		})
	})
	t.Run("a request that is withdrawn before policy has answered says that it ended", func(t *testing.T) { lastWord(t, false) })
	t.Run("a request that is cancelled before policy has answered says that it ended", func(t *testing.T) { lastWord(t, true) })
	t.Run("a ticket that was deleted shows no outcome", func(t *testing.T) { deletedTicket(t, time.Hour) })
	t.Run("a ticket that is deleted with the last decision shows no outcome", func(t *testing.T) { deletedTicket(t, 5*time.Hour) })
	t.Run("each reminder of approvers says something else", func(t *testing.T) {
		t.Parallel()
		r := requestRuns(t, nil)
		r.mustEndBy(10 * day)
		require.Equal(t, access.OutcomeExpired, r.outcomeOf(r.request("wiki/editor")).Outcome)
		differ(t, r.desk.Comments(r.ticket().Ref.ID), 6)
	})
	t.Run("each reminder of the ticket's assignee says something else", func(t *testing.T) {
		t.Parallel()
		r := requestRuns(t, nil)
		r.approves(time.Hour, "omar")
		r.at(4*day+2*time.Hour, func() { r.move("ben", access.TicketDone) })
		r.mustEndBy(10 * day)
		require.Equal(t, access.OutcomeGranted, r.outcomeOf(r.request("badge/lab")).Outcome)
		differ(t, r.desk.Comments(r.ticket().Ref.ID), 4)
	})
}

// differ checks that so many comments are reminders, and that no two are the same.
func differ(t *testing.T, comments []string, count int) {
	t.Helper()
	reminders := slices.DeleteFunc(comments, func(text string) bool { return !strings.Contains(text, "Reminder") })
	require.Len(t, reminders, count)
	slices.Sort(reminders)
	require.Len(t, slices.Compact(slices.Clone(reminders)), count, "reminders: %q", reminders)
}

// repeatedAnswers has the subject's workflow answer twice: while another item is still granted, or after the end.
func repeatedAnswers(t *testing.T, ended bool) {
	t.Parallel()
	r := toldRuns(t)
	request, _ := crowd{items: 2, owners: 1, id: func(int) access.PersonID { return "mia" }}.asks(r.world)
	r.mute()
	answer := func(after time.Duration, lease access.LeaseID) {
		r.at(after, func() {
			at := r.begun.Add(2 * time.Hour).UTC()
			r.signal(workflows.SignalLeaseStatus, access.LeaseStatus{Lease: lease, Revision: anyRevision, State: access.LeaseActive, GrantedAt: &at})
		})
	}
	r.approves(time.Hour, "mia")
	answer(2*time.Hour, "r1:1")
	if ended {
		// The desk is away: the request goes on until its ticket shows the outcome.
		r.at(3*time.Hour, func() { r.desk.Down(true) })
		answer(4*time.Hour, "r1:2")
		answer(5*time.Hour, "r1:1")
		r.at(6*time.Hour, func() {
			require.Equal(t, access.OutcomeGranted, r.view().State)
			r.desk.Down(false)
		})
	} else {
		answer(3*time.Hour, "r1:1")
		answer(4*time.Hour, "r1:1")
		answer(5*time.Hour, "r1:2")
	}
	r.mustEndBy(2 * day)
	require.Equal(t, access.OutcomeGranted, r.outcomeOf(request).Outcome)
	events := r.events("r1")
	end := index(events, access.EventEnded)
	require.Positive(t, end)
	require.Zero(t, has(events[end:], access.EventFulfilment), "after the end: %q", texts(events[end:], access.EventFulfilment))
	said := texts(events, access.EventFulfilment)
	slices.Sort(said)
	require.Equal(t, slices.Compact(slices.Clone(said)), said, "the same is said once")
}

// hangingDesk decides a request whose desk does not answer: the caller is answered all the same.
func hangingDesk(t *testing.T, say func(*runs) *answer) {
	t.Parallel()
	r := toldRuns(t)
	var got *answer
	r.at(time.Hour, func() {
		r.server.removeWorker(workflows.DeskQueue("jira"))
		got = say(r)
	})
	r.at(time.Hour+10*time.Second, func() {
		require.True(t, got.done, "the answer waits for the desk")
		require.NoError(t, got.accepted)
	})
	r.at(2*time.Hour, func() { r.server.addWorker(workflows.DeskQueue("jira")) })
	r.mustEndBy(2 * day)
	r.outcomeOf(r.request("wiki/editor"))
	require.Equal(t, access.TicketWontDo, r.ticket().Phase)
}

// lastWord ends a request for which policy cannot be asked.
func lastWord(t *testing.T, cancelled bool) {
	t.Parallel()
	r := requestRuns(t, nil)
	r.source.Down(true)
	r.at(time.Hour, func() { require.Contains(t, r.view().StatusText, "Policy cannot be asked") })
	if cancelled {
		r.at(2*time.Hour, func() { r.env.CancelWorkflow() })
	} else {
		r.withdraws(2 * time.Hour)
	}
	// The end cannot be recorded at once, so that there is time to look.
	r.at(90*time.Minute, func() { r.ledger.setAway(true) })
	r.at(3*time.Hour, func() {
		require.True(t, r.view().State.Ended())
		require.NotContains(t, r.view().StatusText, "Policy", "the last word is how it ended")
		r.ledger.setAway(false)
	})
	r.mustEndBy(day)
	err := r.toEnd(workflows.AccessRequestParams{Request: r.request("wiki/editor")})
	require.Equal(t, cancelled, err != nil)
	view, err := r.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.True(t, view.State.Ended())
	require.Contains(t, view.StatusText, "Ended")
}

// deletedTicket deletes the ticket of a request that goes on without one. It is denied at five hours.
func deletedTicket(t *testing.T, when time.Duration) {
	t.Parallel()
	r := requestRuns(t, func(settings *access.RequestSettings) {
		settings.TicketActions = access.TicketActions{access.EventDeleted: access.ActionRecordOnly}
	})
	r.at(when, func() { require.NoError(t, r.desk.Delete(r.ticket().Ref.ID)) })
	r.at(5*time.Hour, func() { r.decide("mia", access.Deny) })
	r.mustEndBy(2 * day)
	require.Equal(t, access.OutcomeDenied, r.outcomeOf(r.request("wiki/editor")).Outcome)
	require.Equal(t, 1, r.desk.Calls(memory.OpCreateTicket))
	require.Empty(t, texts(r.events("r1"), access.EventTicketClosed), "there is no ticket that could show it")
}
