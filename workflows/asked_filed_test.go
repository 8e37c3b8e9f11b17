package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestAsked_filed: an account that files for others asks in the name of whom the field says, and of nobody else.
func TestAsked_filed(t *testing.T) {
	t.Run("the field names who asks, and both are recorded", func(t *testing.T) {
		a := newAsking(t)
		a.desk.SetFilesFor(a.accounts["omar"])
		ticket := a.desk.FileAs(a.accounts["omar"], "Access: wiki/editor\nFor: ben\nRequester: mia", "ana@example.test")
		a.look(ticket)
		asked := a.only()
		require.Equal(t, access.PersonID("ana"), asked.Requester)
		require.Equal(t, access.PersonID("ben"), asked.Subject)
		require.Equal(t, &access.Origin{
			Desk: "jira", Ticket: ticket.ID, Key: ticket.Key, Account: a.accounts["omar"], Filed: true, Filer: "omar",
		}, asked.Origin)
		require.Contains(t, asked.Evidence, "for the requester")
	})
	t.Run("an account that is nobody's", func(t *testing.T) {
		a := newAsking(t)
		portal := a.desk.AddAccount(access.Person{ID: "portal", DisplayName: "Portal"})
		a.desk.SetFilesFor(portal)
		a.look(a.desk.FileAs(portal, "Access: wiki/editor", "ana"))
		require.Equal(t, access.PersonID("ana"), a.only().Requester)
		require.True(t, a.only().Origin.Filed)
		require.Empty(t, a.only().Origin.Filer)
	})
	t.Run("who does not file for others asks in no other name", func(t *testing.T) {
		a := newAsking(t)
		a.look(a.desk.FileAs(a.accounts["ben"], "Access: wiki/editor", "ana"))
		require.Equal(t, access.PersonID("ben"), a.only().Requester)
		require.False(t, a.only().Origin.Filed)
	})
	for name, row := range map[string]struct{ requester, says string }{
		"nobody is named":        {"", "Requester: Missing. This ticket was filed for somebody"},
		"nobody known is named":  {"nobody@example.test", "Requester: Nobody is known as nobody@example.test"},
		"the filer is no answer": {"Ana and Ben", "Requester: Nobody is known as Ana and Ben"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsking(t)
			a.desk.SetFilesFor(a.accounts["omar"])
			ticket := a.desk.FileAs(a.accounts["omar"], "Access: wiki/editor", row.requester)
			a.look(ticket)
			require.Empty(t, a.requests)
			require.Len(t, a.desk.Comments(ticket.ID), 1)
			require.Contains(t, a.desk.Comments(ticket.ID)[0], row.says)
		})
	}
}

// filedBy has the binding's ticket be filed by somebody for ana.
func (b *binding) filedBy(by access.PersonID, entitlement access.EntitlementID, filer access.PersonID) access.Request {
	b.desk.SetFilesFor(b.accounts[by])
	b.asked = b.desk.FileAs(b.accounts[by], "Access: "+string(entitlement), "ana")
	r := b.request(entitlement)
	r.ID = access.AskedRequestID("jira", b.asked.ID)
	r.Origin = &access.Origin{Desk: "jira", Ticket: b.asked.ID, Key: b.asked.Key, Account: b.accounts[by], Filed: true, Filer: filer}
	return r
}

// phaseOf is where the binding's ticket stands.
func (b *binding) phaseOf() access.TicketPhase {
	b.t.Helper()
	now, err := b.desk.ReadTicket(b.t.Context(), b.asked.ID)
	require.NoError(b.t, err)
	return now.Phase
}

// TestBound_filer: who files for others neither approves nor grants what they have filed.
func TestBound_filer(t *testing.T) {
	t.Run("no approval on the ticket by the account that filed it", func(t *testing.T) {
		b := newBinding(t)
		r := b.filedBy("mia", "wiki/editor", "")
		b.at(time.Hour, func() { b.moves("mia", access.TicketApproved) })
		b.at(2*time.Hour, func() {
			require.Equal(t, access.StateAwaitingApproval, b.view().State)
			require.Equal(t, access.TicketWaiting, b.phaseOf())
		})
		require.Equal(t, access.OutcomeExpired, b.run(r).Outcome)
		require.Empty(t, b.ensures)
	})
	t.Run("nor one that was moved on before it was read", func(t *testing.T) {
		b := newBinding(t)
		r := b.filedBy("mia", "wiki/editor", "")
		b.at(time.Hour, func() {
			b.moves("mia", access.TicketApproved)
			b.moves("ben", access.TicketWaiting)
		})
		b.at(2*time.Hour, func() {
			require.Empty(t, b.view().Decisions)
		})
		require.Equal(t, access.OutcomeExpired, b.run(r).Outcome)
		require.Empty(t, b.ensures)
	})
	t.Run("no approval by the person with usher", func(t *testing.T) {
		b := newBinding(t)
		r := b.filedBy("omar", "badge/lab", "omar")
		require.Equal(t, access.OutcomeRefused, b.run(r).Outcome, "omar is the only owner")
	})
	t.Run("no grant by hand", func(t *testing.T) {
		b := newBinding(t)
		b.desk.SetFulfillers(b.accounts["ben"], b.accounts["olga"])
		r := b.filedBy("olga", "badge/lab", "olga")
		b.at(time.Hour, func() { b.decide("omar", access.Approve) })
		b.at(2*time.Hour, func() { b.moves("olga", access.TicketDone) })
		b.at(3*time.Hour, func() {
			require.Equal(t, access.StateFulfilling, b.view().State)
			require.Equal(t, access.TicketWorking, b.phaseOf())
			b.moves("ben", access.TicketDone)
		})
		require.Equal(t, access.OutcomeGranted, b.run(r).Outcome)
	})
}
