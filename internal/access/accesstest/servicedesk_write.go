package accesstest

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func commentTwice(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	one := access.Comment{Marker: "usher-r1-c1", Text: "approved by Ada"}
	other := access.Comment{Marker: "usher-r1-c2", Text: one.Text}
	for range 2 {
		require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, one))
		require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, other))
	}
	require.Equal(t, []string{one.Text, one.Text}, h.Seen(ref.ID).Comments)
}

func commentWithLostAnswer(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	c := access.Comment{Marker: "usher-r1-c1", Text: "approved by Ada"}
	h.DropAnswerOnce("AddComments")
	deskRequireKind(t, access.Transient, h.Desk.AddComments(t.Context(), ref.ID, c))
	require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, c))
	require.Equal(t, []string{c.Text}, h.Seen(ref.ID).Comments)
}

func commentBehindOthers(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	const n = 8
	for range 2 {
		for i := range n {
			c := access.Comment{Marker: access.Marker(fmt.Sprintf("usher-r1-c%d", i)), Text: fmt.Sprintf("comment %d", i)}
			require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, c))
		}
	}
	require.Len(t, h.Seen(ref.ID).Comments, n)
}

func commentsTogether(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	all := []access.Comment{{Marker: "c1", Text: "first"}, {Marker: "c2", Text: "second"}, {Marker: "c3", Text: "third"}}
	require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID))
	require.Empty(t, h.Seen(ref.ID).Comments)
	require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, all[1]))
	for range 2 {
		require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, all...))
	}
	require.Equal(t, "second first third", deskSaid(h, ref.ID))
}

func commentsWithLostAnswer(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	all := []access.Comment{{Marker: "c1", Text: "first"}, {Marker: "c2", Text: "second"}}
	h.DropAnswerOnce("AddComments")
	deskRequireKind(t, access.Transient, h.Desk.AddComments(t.Context(), ref.ID, all...))
	for _, c := range all {
		require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, c))
	}
	require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, all[1], access.Comment{Marker: "c3", Text: "third"}))
	require.Equal(t, "first second third", deskSaid(h, ref.ID))
}

// deskSaid is all that the comments say, one word for each paragraph here.
func deskSaid(h ServiceDeskHarness, id access.TicketID) string {
	return strings.Join(strings.Fields(strings.Join(h.Seen(id).Comments, "\n")), " ")
}

func commentPlainText(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: deskTrickyText()}))
	require.Equal(t, []string{deskTrickyText()}, h.Seen(ref.ID).Comments)
}

func moveThrough(t *testing.T, h ServiceDeskHarness) {
	for name, path := range map[access.RequestID][]access.TicketPhase{
		"granted":  {access.TicketWorking, access.TicketDone},
		"at-once":  {access.TicketDone, access.TicketWaiting, access.TicketDone},
		"refused":  {access.TicketWontDo},
		"approved": {access.TicketApproved},
		"reverted": {access.TicketDenied, access.TicketWaiting, access.TicketWontDo},
	} {
		ref := deskOpen(t, h, name)
		for _, phase := range path {
			require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, phase))
			require.Equal(t, phase, h.Seen(ref.ID).Phase)
			require.Equal(t, phase, deskRead(t, h, ref.ID).Phase)
		}
	}
}

func moveTwice(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketWaiting), "a new ticket waits already")
	h.MoveAs(account, ref.ID, access.TicketDone)
	for range 2 {
		require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	}
	require.Equal(t, account, deskRead(t, h, ref.ID).StatusChangedBy, "nothing was moved again")
}

func moveWithLostAnswer(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	h.DropAnswerOnce("TransitionTicket")
	deskRequireKind(t, access.Transient, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	require.Equal(t, access.TicketDone, h.Seen(ref.ID).Phase)
}

func moveWithoutWay(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	err := h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketWorking)
	deskRequireKind(t, access.Conflict, err)
	status := strings.ToLower(cmp.Or(h.ClosingStatus, "done"))
	require.Contains(t, strings.ToLower(err.Error()), status, "the transitions that exist are listed")
	require.Equal(t, access.TicketWaiting, h.Seen(ref.ID).Phase)
}

func moveDemandsField(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	err := h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone)
	deskRequireKind(t, access.Invalid, err)
	require.NotEmpty(t, h.DemandedField)
	require.ErrorContains(t, err, h.DemandedField)
	require.Equal(t, access.TicketWaiting, h.Seen(ref.ID).Phase)
}

func deskAssign(t *testing.T, h ServiceDeskHarness) {
	first, second := h.AddAccount(deskAda()), h.AddAccount(deskBob())
	ref := deskOpen(t, h, "r1")
	for _, to := range []access.AccountID{"", first, first, second, "", ""} {
		require.NoError(t, h.Desk.AssignTicket(t.Context(), ref.ID, to))
		require.Equal(t, to, h.Seen(ref.ID).Assignee)
		require.Equal(t, to, deskRead(t, h, ref.ID).Assignee)
	}
}

func assignWithLostAnswer(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	h.DropAnswerOnce("AssignTicket")
	deskRequireKind(t, access.Transient, h.Desk.AssignTicket(t.Context(), ref.ID, account))
	require.NoError(t, h.Desk.AssignTicket(t.Context(), ref.ID, account))
	require.Equal(t, account, h.Seen(ref.ID).Assignee)
}

func assignUnassignable(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	h.MakeUnassignable(account)
	ref := deskOpen(t, h, "r1")
	deskRequireKind(t, access.Invalid, h.Desk.AssignTicket(t.Context(), ref.ID, account))
	deskRequireKind(t, access.Invalid, h.Desk.AssignTicket(t.Context(), ref.ID, "no-such-account"))
	require.Empty(t, h.Seen(ref.ID).Assignee)
}

func writeDeleted(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	h.Delete(ref.ID)
	deskRequireKind(t, access.NotFound, h.Desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: "text"}))
	deskRequireKind(t, access.NotFound, h.Desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	deskRequireKind(t, access.NotFound, h.Desk.AssignTicket(t.Context(), ref.ID, account))
	deskRequireKind(t, access.NotFound, h.Desk.AssignTicket(t.Context(), ref.ID, ""))
}
