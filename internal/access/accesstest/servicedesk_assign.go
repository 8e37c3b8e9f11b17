package accesstest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func createAssigned(t *testing.T, h ServiceDeskHarness) {
	reporter, account := h.AddAccount(deskAda()), h.AddAccount(deskBob())
	ref := deskOpenFor(t, h, "r1", account)
	require.Equal(t, account, h.Seen(ref.ID).Assignee)
	require.Equal(t, reporter, h.Seen(ref.ID).Reporter)
	got := deskRead(t, h, ref.ID)
	require.Equal(t, account, got.Assignee)
	require.Equal(t, access.TicketWaiting, got.Phase)
	require.Empty(t, got.StatusChangedBy)
}

func createWithRefusedAssignee(t *testing.T, h ServiceDeskHarness) {
	reporter, unfit := h.AddAccount(deskAda()), h.AddAccount(deskBob())
	h.MakeUnassignable(unfit)
	for request, account := range map[access.RequestID]access.AccountID{"unfit": unfit, "nobody": "no-such-account"} {
		ref := deskOpenFor(t, h, request, account)
		require.Equal(t, 1, h.Count(access.MarkerOf(request)), request)
		seen := h.Seen(ref.ID)
		require.Empty(t, seen.Assignee, request)
		require.Equal(t, reporter, seen.Reporter, "nothing else is left out")
		require.Equal(t, deskTicketOf(request).Body, seen.Body)
		require.Equal(t, ref, deskEventuallyFound(t, h, access.MarkerOf(request)))
	}
}

// readAssignedOwn asks the same of each way to read a ticket.
func readAssignedOwn(t *testing.T, h ServiceDeskHarness) {
	require.NotNil(t, h.AssignAs, "the harness has no AssignAs")
	ada, bob := h.AddAccount(deskAda()), h.AddAccount(deskBob())
	assign := func(id access.TicketID, to access.AccountID) {
		require.NoError(t, h.Desk.AssignTicket(t.Context(), id, to))
	}
	for _, row := range []struct {
		name     string
		atCreate access.AccountID
		then     func(access.TicketID)
		assignee access.AccountID
		own      bool
	}{
		{"never assigned", "", func(access.TicketID) {}, "", true},
		{"assigned when it was opened", ada, func(access.TicketID) {}, ada, true},
		{"assigned by usher", "", func(id access.TicketID) { assign(id, ada) }, ada, true},
		{"assigned by a human", "", func(id access.TicketID) { h.AssignAs(bob, id, bob) }, bob, false},
		{"assigned by a human to whom usher would have", "", func(id access.TicketID) {
			h.AssignAs(bob, id, ada)
			assign(id, ada)
		}, ada, false},
		{"unassigned by a human", ada, func(id access.TicketID) { h.AssignAs(bob, id, "") }, "", false},
		{"unassigned by usher", ada, func(id access.TicketID) { assign(id, "") }, "", true},
		{"assigned by a human, then by usher", "", func(id access.TicketID) {
			h.AssignAs(bob, id, bob)
			assign(id, ada)
		}, ada, true},
		{"assigned by usher, then by a human, then moved by usher", ada, func(id access.TicketID) {
			h.AssignAs(bob, id, bob)
			require.NoError(t, h.Desk.TransitionTicket(t.Context(), id, access.TicketWorking))
		}, bob, false},
		{"assigned by usher, then moved by a human", "", func(id access.TicketID) {
			assign(id, ada)
			h.MoveAs(bob, id, access.TicketDone)
		}, ada, true},
	} {
		ref := deskOpenFor(t, h, "r1", row.atCreate)
		row.then(ref.ID)
		alone := deskRead(t, h, ref.ID)
		together := deskReadMany(t, h, ref.ID).Tickets
		require.Len(t, together, 1)
		fed := deskEventuallyChanged(t, h, alone)
		for way, got := range map[string]access.TicketSnapshot{
			"ReadTicket": alone, "ReadTickets": together[0], "ChangedTickets": fed,
		} {
			require.Equal(t, row.assignee, got.Assignee, "%s, by %s", row.name, way)
			require.Equal(t, row.own, got.AssignedByUsher, "%s, by %s", row.name, way)
		}
	}
}

// deskOpenFor opens a ticket with an assignee; "" for none.
func deskOpenFor(t *testing.T, h ServiceDeskHarness, request access.RequestID, to access.AccountID) access.TicketRef {
	t.Helper()
	n := deskTicketOf(request)
	n.Assignee = to
	ref, err := h.Desk.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	return ref
}
