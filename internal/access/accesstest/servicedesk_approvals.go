package accesstest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func deskApprovalCases() []deskCase {
	on := ServiceDeskSetup{Approvals: true}
	return []deskCase{
		{name: "who is asked by a desk approval is asked once for each round, however often it is said", setup: on, run: askOnce},
		{name: "an answer to a desk approval is a decision of whoever gave it, and is among the changes", setup: on, run: answerIsDecision},
		{name: "an answer that a person gave stays, unless it is void", setup: on, run: answerStays},
		{name: "desk approvals whose answer was lost are not opened twice", setup: on, run: askAfterLostAnswer},
		{name: "who cannot be asked keeps nobody else from being asked", setup: on, run: askWhoCan},
		{name: "a desk that uses no approvals of its own refuses them", run: askRefused},
	}
}

// hasNoApprovals asserts what a desk does whose driver has no approvals, and reports whether it is one.
func hasNoApprovals(t *testing.T, h ServiceDeskHarness) bool {
	if h.AnswerAs != nil {
		return false
	}
	t.Helper()
	t.Log("fallback: " + h.NoApprovals + "; approvers decide by moving the ticket, and the desk refuses approvals of its own")
	askRefused(t, h)
	return true
}

// asked is a person who can be asked.
func asked(name string) access.Person {
	return access.Person{ID: access.PersonID("p-" + name), DisplayName: name, Email: name + "@example.test", Active: true}
}

func wanted(all ...access.DeskApproval) access.DeskApprovals {
	return access.DeskApprovals{Summary: "Access request: Wiki editor for Sam", Body: "Requested by Rosa.\n\nAccess:\nWiki editor", All: all}
}

func requested(account access.AccountID, round int) access.DeskApproval {
	return access.DeskApproval{Approver: account, Round: round, State: access.ApprovalRequested}
}

func askOnce(t *testing.T, h ServiceDeskHarness) {
	if hasNoApprovals(t, h) {
		return
	}
	mia, olga := h.AddAccount(asked("mia")), h.AddAccount(asked("olga"))
	ref := deskOpen(t, h, "r1")
	for range 2 {
		require.NoError(t, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(requested(mia, 1), requested(olga, 1))))
		require.Equal(t, []access.ApprovalState{access.ApprovalRequested}, h.Approvals(ref.ID, mia))
		require.Equal(t, []access.ApprovalState{access.ApprovalRequested}, h.Approvals(ref.ID, olga))
	}
	over := access.DeskApproval{Approver: mia, Round: 1, State: access.ApprovalNotRequired}
	decided := access.DeskApproval{Approver: olga, Round: 1, State: access.ApprovalApproved}
	for range 2 {
		require.NoError(t, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(over, decided, requested(mia, 2))))
		require.Equal(t, []access.ApprovalState{access.ApprovalNotRequired, access.ApprovalRequested}, h.Approvals(ref.ID, mia))
		require.Equal(t, []access.ApprovalState{access.ApprovalApproved}, h.Approvals(ref.ID, olga))
	}
	seen, err := h.Desk.ReadTicket(t.Context(), ref.ID)
	require.NoError(t, err)
	require.Empty(t, seen.DecisionMoves, "what usher writes into an approval is no decision")
	require.Equal(t, access.TicketWaiting, seen.Phase)
}

func answerIsDecision(t *testing.T, h ServiceDeskHarness) {
	if hasNoApprovals(t, h) {
		return
	}
	mia, olga, eve := h.AddAccount(asked("mia")), h.AddAccount(asked("olga")), h.AddAccount(asked("eve"))
	ref := deskOpen(t, h, "r1")
	require.NoError(t, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(requested(mia, 1), requested(olga, 1))))
	since := deskNow(t, h)
	h.AnswerAs(mia, ref.ID, mia, 1, access.ApprovalApproved)
	h.AnswerAs(eve, ref.ID, olga, 1, access.ApprovalDenied)
	require.NoError(t, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(requested(mia, 1), requested(olga, 1), requested(mia, 2))))
	h.AnswerAs(mia, ref.ID, mia, 2, access.ApprovalDenied)

	type answer struct {
		by, asked access.AccountID
		round     int
		phase     access.TicketPhase
	}
	want := []answer{{mia, mia, 1, access.TicketApproved}, {eve, olga, 1, access.TicketDenied}, {mia, mia, 2, access.TicketDenied}}
	answers := func(s access.TicketSnapshot) []answer {
		var got []answer
		for _, m := range s.DecisionMoves {
			require.NotEmpty(t, m.ID)
			require.False(t, m.At.IsZero())
			require.False(t, s.Present(m), "an answer is no move of the ticket")
			got = append(got, answer{m.By, m.Asked, m.Round, m.Phase})
		}
		return got
	}
	read, err := h.Desk.ReadTicket(t.Context(), ref.ID)
	require.NoError(t, err)
	require.ElementsMatch(t, want, answers(read))
	many, err := h.Desk.ReadTickets(t.Context(), []access.TicketID{ref.ID})
	require.NoError(t, err)
	require.Equal(t, read.DecisionMoves, many.Tickets[0].DecisionMoves, "the same answers have the same names each time")
	found := false
	page, err := h.Desk.ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: 100})
	require.NoError(t, err)
	for _, one := range page.Tickets {
		if one.Ref.ID == ref.ID {
			found = true
			require.ElementsMatch(t, want, answers(one))
		}
	}
	require.True(t, found, "a ticket of which an approval was answered is among the changes")
}

// deskNow is the desk's time; usher's where it does not tell.
func deskNow(t *testing.T, h ServiceDeskHarness) time.Time {
	t.Helper()
	page, err := h.Desk.ChangedTickets(t.Context(), access.ChangesQuery{Limit: 1})
	require.NoError(t, err)
	if page.Now.IsZero() {
		return time.Now()
	}
	return page.Now
}

func answerStays(t *testing.T, h ServiceDeskHarness) {
	if hasNoApprovals(t, h) {
		return
	}
	mia := h.AddAccount(asked("mia"))
	ref := deskOpen(t, h, "r1")
	require.NoError(t, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(requested(mia, 1))))
	h.AnswerAs(mia, ref.ID, mia, 1, access.ApprovalDenied)
	over := access.DeskApproval{Approver: mia, Round: 1, State: access.ApprovalNotRequired}
	require.NoError(t, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(over)))
	require.Equal(t, []access.ApprovalState{access.ApprovalDenied}, h.Approvals(ref.ID, mia))
	over.Void = true
	require.NoError(t, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(over, requested(mia, 2))))
	require.Equal(t, []access.ApprovalState{access.ApprovalNotRequired, access.ApprovalRequested}, h.Approvals(ref.ID, mia))
}

func askAfterLostAnswer(t *testing.T, h ServiceDeskHarness) {
	if hasNoApprovals(t, h) {
		return
	}
	mia, olga := h.AddAccount(asked("mia")), h.AddAccount(asked("olga"))
	ref := deskOpen(t, h, "r1")
	h.DropAnswerOnce("SetApprovals")
	require.Error(t, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(requested(mia, 1), requested(olga, 1))))
	require.NoError(t, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(requested(mia, 1), requested(olga, 1))))
	require.Equal(t, []access.ApprovalState{access.ApprovalRequested}, h.Approvals(ref.ID, mia))
	require.Equal(t, []access.ApprovalState{access.ApprovalRequested}, h.Approvals(ref.ID, olga))
}

func askWhoCan(t *testing.T, h ServiceDeskHarness) {
	if hasNoApprovals(t, h) {
		return
	}
	mia, olga := h.AddAccount(asked("mia")), h.AddAccount(asked("olga"))
	h.MakeUnassignable(mia)
	ref := deskOpen(t, h, "r1")
	err := h.Desk.SetApprovals(t.Context(), ref.ID, wanted(requested(mia, 1), requested(olga, 1)))
	requireFailure(t, access.Conflict, err)
	require.ErrorContains(t, err, string(mia))
	require.Empty(t, h.Approvals(ref.ID, mia))
	require.Equal(t, []access.ApprovalState{access.ApprovalRequested}, h.Approvals(ref.ID, olga))
}

func askRefused(t *testing.T, h ServiceDeskHarness) {
	mia := h.AddAccount(asked("mia"))
	ref := deskOpen(t, h, "r1")
	requireFailure(t, access.Invalid, h.Desk.SetApprovals(t.Context(), ref.ID, wanted(requested(mia, 1))))
}
