package accesstest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// over is a context whose time for writes is over.
func over(t *testing.T) context.Context {
	return access.WithWriteDeadline(t.Context(), time.Now().Add(-time.Hour))
}

// requireNotSent wants the error of a write that was not made. It is Transient for every call, so that nobody looks for
// what a create may have left.
func requireNotSent(t *testing.T, err error) {
	t.Helper()
	requireFailure(t, access.Transient, err)
	require.ErrorIs(t, err, access.ErrTooLate)
	require.ErrorContains(t, err, "not sent: the time for this write is over")
}

func writeAfterItsTime(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	before := h.Seen(ref.ID)
	late := over(t)
	for name, write := range map[string]func() error{
		"CreateTicket": func() error { _, err := h.Desk.CreateTicket(late, deskTicketOf("r2")); return err },
		"AddComments": func() error {
			return h.Desk.AddComments(late, ref.ID, access.Comment{Marker: "c1", Text: "late"}, access.Comment{Marker: "c2", Text: "later"})
		},
		"TransitionTicket": func() error { return h.Desk.TransitionTicket(late, ref.ID, access.TicketDone) },
		"AssignTicket":     func() error { return h.Desk.AssignTicket(late, ref.ID, account) },
	} {
		t.Run(name, func(t *testing.T) { requireNotSent(t, write()) })
	}
	require.Equal(t, before, h.Seen(ref.ID))
	require.Zero(t, h.Count(access.MarkerOf("r2")))

	read, err := h.Desk.ReadTicket(late, ref.ID)
	require.NoError(t, err, "reading is not a write")
	require.Equal(t, ref, read.Ref)
	found, err := h.Desk.FindAccount(late, deskAda())
	require.NoError(t, err)
	require.Equal(t, account, found.ID)
}

func writeInItsTime(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	inTime := access.WithWriteDeadline(t.Context(), time.Now().Add(time.Hour))
	ref, err := h.Desk.CreateTicket(inTime, deskTicketOf("r1"))
	require.NoError(t, err)
	require.NoError(t, h.Desk.AddComments(inTime, ref.ID, access.Comment{Marker: "c1", Text: "in time"}))
	require.NoError(t, h.Desk.AssignTicket(inTime, ref.ID, account))
	require.NoError(t, h.Desk.TransitionTicket(inTime, ref.ID, access.TicketDone))
	require.Equal(t, access.TicketDone, h.Seen(ref.ID).Phase)
}

func provisionAfterItsTime(t *testing.T, h ProvisionerHarness) {
	ids := h.grant(t, h.Role, h.Other)
	before := h.Members(h.Role)
	late := over(t)
	byIDs := access.Assignment{RoleID: ids.RoleID, Account: ids.Account}
	for name, write := range map[string]func() error{
		"Grant":         func() error { _, err := h.Provisioner.Grant(late, h.hold(h.Role, h.Subject)); return err },
		"Revoke":        func() error { _, err := h.Provisioner.Revoke(late, h.hold(h.Role, h.Other)); return err },
		"Revoke by ids": func() error { _, err := h.Provisioner.Revoke(late, byIDs); return err },
	} {
		t.Run(name, func(t *testing.T) { requireNotSent(t, write()) })
	}
	require.Equal(t, before, h.Members(h.Role))

	verification, err := h.Provisioner.Verify(late, h.hold(h.Role, h.Other))
	require.NoError(t, err, "reading is not a write")
	require.True(t, verification.Present)
	verification, err = h.Provisioner.Grant(late, h.hold(h.Role, h.Other))
	require.NoError(t, err, "what is so already needs no write")
	require.True(t, verification.Unchanged)
}
