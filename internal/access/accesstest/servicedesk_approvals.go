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

// questions are usher's to people about one ticket, with the ids that the desk has told.
type questions struct {
	h      ServiceDeskHarness
	ticket access.TicketID
	all    []access.DeskApproval
}

// ask adds a question to an account, by its key.
func (q *questions) ask(key string, account access.AccountID) {
	q.all = append(q.all, access.DeskApproval{Key: key, Approver: account, State: access.ApprovalRequested})
}

// of is a question.
func (q *questions) of(key string) *access.DeskApproval {
	for i := range q.all {
		if q.all[i].Key == key {
			return &q.all[i]
		}
	}
	return nil
}

// set brings the desk to the questions.
func (q *questions) set(t *testing.T) error {
	t.Helper()
	ids, err := q.h.Desk.SetApprovals(t.Context(), q.ticket, access.DeskApprovals{
		Summary: "Access request: Wiki editor for Sam", Body: "Requested by Rosa.\n\nAccess:\nWiki editor", All: q.all,
	})
	for i := range q.all {
		if id, told := ids[q.all[i].Key]; told {
			q.all[i].ID = id
		}
	}
	return err
}

// requireAsked asserts what the desk has of usher's questions to an account, in the order in which they were opened.
func (q *questions) requireAsked(t *testing.T, account access.AccountID, states ...access.ApprovalState) {
	t.Helper()
	require.Equal(t, states, q.h.Approvals(q.ticket, account))
}

const (
	waits    = access.ApprovalRequested
	said     = access.ApprovalApproved
	denied   = access.ApprovalDenied
	released = access.ApprovalNotRequired
)

func askOnce(t *testing.T, h ServiceDeskHarness) {
	if hasNoApprovals(t, h) {
		return
	}
	mia, olga := h.AddAccount(asked("mia")), h.AddAccount(asked("olga"))
	q := questions{h: h, ticket: deskOpen(t, h, "r1").ID}
	q.ask("1", mia)
	q.ask("2", olga)
	for range 2 {
		require.NoError(t, q.set(t))
		q.requireAsked(t, mia, waits)
		q.requireAsked(t, olga, waits)
		require.NotEqual(t, q.of("1").ID, q.of("2").ID)
	}
	q.of("1").State, q.of("2").State = released, said
	q.ask("3", mia)
	q.all = append(q.all, access.DeskApproval{Key: "4", Approver: olga, State: released})
	for range 2 {
		require.NoError(t, q.set(t))
		q.requireAsked(t, mia, released, waits)
		q.requireAsked(t, olga, said)
	}
	require.Empty(t, q.of("4").ID, "what needs no answer any more is not opened for that")
	seen, err := h.Desk.ReadTicket(t.Context(), q.ticket)
	require.NoError(t, err)
	require.Empty(t, seen.DecisionMoves, "what usher writes into an approval is no decision")
	require.Equal(t, access.TicketWaiting, seen.Phase)

	q.all = nil
	require.NoError(t, q.set(t))
	q.requireAsked(t, mia, released, released)
}

func answerIsDecision(t *testing.T, h ServiceDeskHarness) {
	if hasNoApprovals(t, h) {
		return
	}
	mia, olga, eve := h.AddAccount(asked("mia")), h.AddAccount(asked("olga")), h.AddAccount(asked("eve"))
	q := questions{h: h, ticket: deskOpen(t, h, "r1").ID}
	q.ask("1", mia)
	q.ask("2", olga)
	require.NoError(t, q.set(t))
	since := deskNow(t, h)
	h.AnswerAs(mia, q.ticket, mia, 1, said)
	h.AnswerAs(eve, q.ticket, olga, 1, denied)
	q.ask("3", mia)
	require.NoError(t, q.set(t))
	h.AnswerAs(mia, q.ticket, mia, 2, denied)

	type answer struct {
		by, asked access.AccountID
		approval  string
		phase     access.TicketPhase
	}
	want := []answer{
		{mia, mia, q.of("1").ID, access.TicketApproved}, {eve, olga, q.of("2").ID, access.TicketDenied}, {mia, mia, q.of("3").ID, access.TicketDenied},
	}
	answers := func(s access.TicketSnapshot) []answer {
		var got []answer
		for _, m := range s.DecisionMoves {
			require.NotEmpty(t, m.ID)
			require.False(t, m.At.IsZero())
			require.False(t, s.Present(m), "an answer is no move of the ticket")
			got = append(got, answer{m.By, m.Asked, m.Approval, m.Phase})
		}
		return got
	}
	read, err := h.Desk.ReadTicket(t.Context(), q.ticket)
	require.NoError(t, err)
	require.ElementsMatch(t, want, answers(read))
	many, err := h.Desk.ReadTickets(t.Context(), []access.TicketID{q.ticket})
	require.NoError(t, err)
	require.Equal(t, read.DecisionMoves, many.Tickets[0].DecisionMoves, "the same answers have the same names each time")
	found := false
	page, err := h.Desk.ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: 100})
	require.NoError(t, err)
	for _, one := range page.Tickets {
		if one.Ref.ID == q.ticket {
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
	q := questions{h: h, ticket: deskOpen(t, h, "r1").ID}
	q.ask("1", mia)
	require.NoError(t, q.set(t))
	h.AnswerAs(mia, q.ticket, mia, 1, denied)
	q.of("1").State, q.of("1").Void = released, "another answer"
	require.NoError(t, q.set(t))
	q.requireAsked(t, mia, denied)
	seen, err := h.Desk.ReadTicket(t.Context(), q.ticket)
	require.NoError(t, err)
	require.Len(t, seen.DecisionMoves, 1)
	q.of("1").Void = seen.DecisionMoves[0].Name()
	q.ask("2", mia)
	require.NoError(t, q.set(t))
	q.requireAsked(t, mia, released, waits)
}

func askAfterLostAnswer(t *testing.T, h ServiceDeskHarness) {
	if hasNoApprovals(t, h) {
		return
	}
	mia, olga := h.AddAccount(asked("mia")), h.AddAccount(asked("olga"))
	q := questions{h: h, ticket: deskOpen(t, h, "r1").ID}
	q.ask("1", mia)
	q.ask("2", olga)
	h.DropAnswerOnce("SetApprovals")
	if err := q.set(t); err == nil {
		require.NotEmpty(t, q.of("1").ID, "what was opened is told, or that it is not known")
	}
	q.of("1").ID, q.of("2").ID = "", ""
	require.NoError(t, q.set(t))
	q.requireAsked(t, mia, waits)
	q.requireAsked(t, olga, waits)
}

func askWhoCan(t *testing.T, h ServiceDeskHarness) {
	if hasNoApprovals(t, h) {
		return
	}
	mia, olga := h.AddAccount(asked("mia")), h.AddAccount(asked("olga"))
	h.MakeUnassignable(mia)
	q := questions{h: h, ticket: deskOpen(t, h, "r1").ID}
	q.ask("1", mia)
	q.ask("2", olga)
	err := q.set(t)
	requireFailure(t, access.Conflict, err)
	require.ErrorContains(t, err, string(mia))
	require.Empty(t, h.Approvals(q.ticket, mia))
	q.requireAsked(t, olga, waits)
	require.NotEmpty(t, q.of("2").ID, "what there is is told")
}

func askRefused(t *testing.T, h ServiceDeskHarness) {
	q := questions{h: h, ticket: deskOpen(t, h, "r1").ID}
	q.ask("1", h.AddAccount(asked("mia")))
	requireFailure(t, access.Invalid, q.set(t))
}
