package accesstest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func readManyInOrder(t *testing.T, h ServiceDeskHarness) {
	first, second, third := deskOpen(t, h, "r1"), deskOpen(t, h, "r2"), deskOpen(t, h, "r3")
	ids := []access.TicketID{third.ID, first.ID, third.ID, second.ID, first.ID}
	read := deskReadMany(t, h, ids...)
	require.Empty(t, read.Missing)
	require.Equal(t, []access.TicketID{third.ID, first.ID, second.ID}, deskIDs(read.Tickets))
	require.Equal(t, third, read.Tickets[0].Ref)
}

func readManyMissing(t *testing.T, h ServiceDeskHarness) {
	first, deleted, last := deskOpen(t, h, "r1"), deskOpen(t, h, "r2"), deskOpen(t, h, "r3")
	h.Delete(deleted.ID)
	missing := []access.TicketID{"999999999", deleted.ID, "../../x?y=z#", `1" OR id > 0 OR id = "2`, ""}
	read := deskReadMany(t, h, slices.Concat([]access.TicketID{last.ID}, missing, []access.TicketID{first.ID}, missing)...)
	require.Equal(t, []access.TicketID{last.ID, first.ID}, deskIDs(read.Tickets))
	require.ElementsMatch(t, missing, read.Missing)

	read = deskReadMany(t, h, deleted.ID)
	require.Empty(t, read.Tickets)
	require.Equal(t, []access.TicketID{deleted.ID}, read.Missing)
}

// readManyAlike has one ticket of each kind of past, and reads them together and alone.
func readManyAlike(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	untouched, own, foreign, rekeyed, assigned := deskOpen(t, h, "r1"), deskOpen(t, h, "r2"), deskOpen(t, h, "r3"),
		deskOpen(t, h, "r4"), deskOpen(t, h, "r5")
	h.MoveAs(account, own.ID, access.TicketDenied)
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), own.ID, access.TicketWaiting))
	require.NoError(t, h.Desk.TransitionTicket(t.Context(), foreign.ID, access.TicketWorking))
	h.MoveAs(account, foreign.ID, access.TicketDone)
	key := h.Rekey(rekeyed.ID)
	require.NoError(t, h.Desk.AssignTicket(t.Context(), assigned.ID, account))

	ids := []access.TicketID{foreign.ID, rekeyed.ID, untouched.ID, assigned.ID, own.ID}
	read := deskReadMany(t, h, ids...)
	require.Empty(t, read.Missing)
	require.Equal(t, ids, deskIDs(read.Tickets))
	for _, got := range read.Tickets {
		require.Equal(t, deskInUTC(deskRead(t, h, got.Ref.ID)), deskInUTC(got))
	}
	require.Equal(t, access.TicketDone, read.Tickets[0].Phase)
	require.Equal(t, account, read.Tickets[0].StatusChangedBy)
	require.False(t, read.Tickets[0].StatusChangedByUsher)
	require.Equal(t, key, read.Tickets[1].Ref.Key)
	require.Empty(t, read.Tickets[2].StatusChangedBy)
	require.True(t, read.Tickets[2].StatusChangedAt.IsZero())
	require.Equal(t, account, read.Tickets[3].Assignee)
	require.Equal(t, access.TicketWaiting, read.Tickets[4].Phase)
	require.True(t, read.Tickets[4].StatusChangedByUsher)
	require.NotEmpty(t, read.Tickets[4].StatusChangedBy)
}

func readManyLongHistory(t *testing.T, h ServiceDeskHarness) {
	first, second := h.AddAccount(deskAda()), h.AddAccount(deskBob())
	ref, other := deskOpen(t, h, "r1"), deskOpen(t, h, "r2")
	h.MoveAs(first, ref.ID, access.TicketDone)
	for range 15 {
		require.NoError(t, h.Desk.AssignTicket(t.Context(), ref.ID, first))
		require.NoError(t, h.Desk.AssignTicket(t.Context(), ref.ID, second))
	}
	read := deskReadMany(t, h, other.ID, ref.ID)
	require.Equal(t, []access.TicketID{other.ID, ref.ID}, deskIDs(read.Tickets))
	require.Empty(t, read.Tickets[0].StatusChangedBy)
	require.Equal(t, first, read.Tickets[1].StatusChangedBy)
	require.False(t, read.Tickets[1].StatusChangedByUsher)
	require.Equal(t, second, read.Tickets[1].Assignee)
	require.True(t, read.Tickets[1].AssignedByUsher)
}

func readHundred(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	var ids []access.TicketID
	for i := range 100 {
		ids = append(ids, deskOpen(t, h, access.RequestID(fmt.Sprintf("r%d", i))).ID)
	}
	slices.Reverse(ids)
	h.MoveAs(account, ids[0], access.TicketApproved)
	h.Delete(ids[50])
	read := deskReadMany(t, h, ids...)
	require.Equal(t, []access.TicketID{ids[50]}, read.Missing)
	require.Equal(t, slices.Delete(slices.Clone(ids), 50, 51), deskIDs(read.Tickets))
	require.Equal(t, account, read.Tickets[0].StatusChangedBy)
	require.Empty(t, read.Tickets[98].StatusChangedBy)
}

func readNone(t *testing.T, h ServiceDeskHarness) {
	h.RefuseCredentials()
	for _, none := range [][]access.TicketID{nil, {}} {
		read, err := h.Desk.ReadTickets(t.Context(), none)
		require.NoError(t, err, "nobody was asked, so nobody refused")
		require.Empty(t, read.Tickets)
		require.Empty(t, read.Missing)
	}
}

func readManyRefused(t *testing.T, h ServiceDeskHarness) {
	h.RefuseCredentials()
	read, err := h.Desk.ReadTickets(t.Context(), []access.TicketID{"999999998", "999999999"})
	deskRequireKind(t, access.Forbidden, err)
	require.Empty(t, read.Missing)
}

func deskReadMany(t *testing.T, h ServiceDeskHarness, ids ...access.TicketID) access.TicketsRead {
	t.Helper()
	read, err := h.Desk.ReadTickets(t.Context(), ids)
	require.NoError(t, err)
	return read
}

func deskIDs(tickets []access.TicketSnapshot) []access.TicketID {
	var ids []access.TicketID
	for _, s := range tickets {
		ids = append(ids, s.Ref.ID)
	}
	return ids
}

// deskInUTC is the snapshot with its times in one zone, so that equal times compare as equal.
func deskInUTC(s access.TicketSnapshot) access.TicketSnapshot {
	s.StatusChangedAt, s.UpdatedAt = s.StatusChangedAt.UTC(), s.UpdatedAt.UTC()
	return s
}
