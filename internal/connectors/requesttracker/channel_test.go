package requesttracker_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/requesttracker"
)

// What people do on a ticket of the real server counts by ADR 23; here is what usher must know of it for that.

func TestChannel_creator(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	d, human := one.desk(t, nil), one.addAccount(t, eve())
	marker := access.NewMarker("r1", "run-1")
	planted := one.openAs(t, human)
	one.setFieldAs(t, human, planted, "External Id", string(marker))
	var usher struct{ ID int64 }
	one.do(t, "root", http.MethodGet, "user/"+one.self, nil, &usher)
	one.do(t, string(human), http.MethodPost, "ticket", map[string]any{
		"Queue": one.queue, "Subject": "in usher's name", "Creator": usher.ID, "CustomFields": map[string]string{"External Id": string(marker)},
	}, nil)
	require.Equal(t, 2, one.count(t, marker))
	_, err := d.FindTicket(t.Context(), marker)
	requireKind(t, access.NotFound, err)
	n := newTicket()
	n.Marker = marker
	ref, err := d.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	found, err := d.FindTicket(t.Context(), marker)
	require.NoError(t, err)
	require.Equal(t, ref, found)
}

func TestChannel_subject(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	human := one.addAccount(t, eve())
	bot := one.addAccount(t, access.Person{ID: "p-bot", DisplayName: "Bot", Email: "bot@example.test"})
	d := one.desk(t, func(c *requesttracker.Config) { c.TextEditors = []access.AccountID{bot} })
	id := open(t, d)
	s.put(t, string(bot), path(id), map[string]any{"Subject": "[routed] one"})
	require.Empty(t, read(t, d, id).TextChangedBy)
	s.put(t, string(human), path(id), map[string]any{"Subject": "viewer"})
	require.Equal(t, human, read(t, d, id).TextChangedBy)
	s.put(t, string(bot), path(id), map[string]any{"Subject": "one"})
	require.Equal(t, human, read(t, d, id).TextChangedBy, "a text that reads as before is not usher's again")
}

func TestChannel_custom_field(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	withRole := func(c *requesttracker.Config) { c.Fields = map[string]access.TicketField{"Role": access.FieldItems} }
	d, human := one.desk(t, withRole), one.addAccount(t, eve())
	n := newTicket()
	n.Fields = map[access.TicketField]string{access.FieldItems: "viewer"}
	ref, err := d.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	one.setFieldAs(t, human, ref.ID, "Cost centre", "1")
	one.setFieldAs(t, human, ref.ID, "Owner", "Eve")
	got := read(t, d, ref.ID)
	require.Empty(t, got.TextChangedBy)
	require.True(t, got.AssignedByUsher, "a custom field that is called Owner is not the owner")
	one.setFieldAs(t, human, ref.ID, "Role", "administrator")
	s.put(t, "root", path(ref.ID), map[string]any{"Queue": one.other})
	require.Equal(t, human, read(t, d, ref.ID).TextChangedBy)
	require.Equal(t, human, read(t, one.desk(t, withRole), ref.ID).TextChangedBy, "a new process knows the field's name as well")
}

func TestChannel_fulfiller(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	human := one.addAccount(t, eve())
	helpdesk := one.addAccount(t, access.Person{ID: "p-hal", DisplayName: "Hal", Email: "hal@example.test"})
	d := one.desk(t, func(c *requesttracker.Config) { c.FulfilledBy = []access.AccountID{helpdesk} })
	for by, counts := range map[access.AccountID]bool{human: false, helpdesk: true} {
		id := open(t, d)
		one.moveAs(t, by, id, access.TicketDone)
		got := read(t, d, id)
		require.Equal(t, access.TicketDone, got.Phase)
		require.Equal(t, by, got.StatusChangedBy)
		require.Equal(t, counts, got.StatusChangedByFulfiller)
	}
}

// TestChannel_mover has the approver do everything to a ticket but the move that approves it.
func TestChannel_mover(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, nil), one.addAccount(t, eve())
	approver := one.addAccount(t, access.Person{ID: "p-ada", DisplayName: "Ada", Email: "ada@example.test"})
	id := open(t, d)
	one.moveAs(t, approver, id, access.TicketApproved)
	one.moveAs(t, approver, id, access.TicketWaiting)
	one.moveAs(t, human, id, access.TicketApproved)
	one.commentAs(t, approver, id, "approved")
	s.put(t, string(approver), path(id), map[string]any{"Owner": string(approver)})
	got := read(t, d, id)
	require.Equal(t, access.TicketApproved, got.Phase)
	require.Equal(t, human, got.StatusChangedBy)
	require.Equal(t, approver, got.Assignee)
}

// TestChannel_scrip has RT itself open a closed ticket, because somebody has answered.
func TestChannel_scrip(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, nil), one.addAccount(t, eve())
	id := open(t, d)
	require.NoError(t, d.TransitionTicket(t.Context(), id, access.TicketDone))
	s.do(t, string(human), http.MethodPost, path(id)+"/correspond", map[string]any{"Content": "thanks", "ContentType": "text/plain"}, nil)
	got := read(t, d, id)
	require.Equal(t, access.TicketWorking, got.Phase)
	require.Equal(t, access.AccountID("RT_System"), got.StatusChangedBy)
	require.False(t, got.StatusChangedByUsher)
}
