package accesstest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func deskIntakeCases() []deskCase {
	return []deskCase{
		{name: "a ticket that asks for access is listed with where it is and when it changed", run: listAsked},
		{name: "a ticket that asks for access is read as it is now, with who opened it", run: readAsked},
		{name: "a ticket that is usher's, marked, closed, or of another kind asks for nothing", run: readNothingAsked},
		{name: "a bound ticket is among the changes and asks for nothing, and binding again changes nothing", run: bindAsked},
		{name: "a ticket of another account, or of another request, is not bound", run: bindRefused},
	}
}

// takesNothingIn asserts what a desk does whose driver takes no tickets in yet, and reports whether it is one.
func takesNothingIn(t *testing.T, h ServiceDeskHarness) bool {
	if h.AskAs != nil {
		return false
	}
	t.Helper()
	t.Log("fallback: usher's driver takes no tickets in yet (ADR 27); the desk says so, and refuses")
	page, err := h.Desk.AskedTickets(t.Context(), access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10})
	require.NoError(t, err)
	require.Equal(t, access.ChangesPage{None: true}, page)
	ref := deskOpen(t, h, "r1")
	_, err = h.Desk.ReadAsked(t.Context(), ref.ID)
	requireFailure(t, access.Invalid, err)
	_, err = h.Desk.BindTicket(t.Context(), ref.ID, "account", "usher-r1")
	requireFailure(t, access.Invalid, err)
	return true
}

const askedText = "Access: wiki/editor\nReason: I write the notes."

// askedIDs walks over all tickets that ask for access.
func askedIDs(t *testing.T, h ServiceDeskHarness, since time.Time) []access.TicketID {
	t.Helper()
	var ids []access.TicketID
	q := access.ChangesQuery{Since: since, Limit: 2}
	for {
		page, err := h.Desk.AskedTickets(t.Context(), q)
		require.NoError(t, err)
		for _, one := range page.Tickets {
			require.Equal(t, access.TicketSnapshot{Ref: one.Ref, UpdatedAt: one.UpdatedAt}, one, "nothing but where it is and when it changed")
			require.False(t, one.UpdatedAt.Before(since.Truncate(time.Minute)))
			ids = append(ids, one.Ref.ID)
		}
		if page.Next == "" {
			return ids
		}
		q.Page = page.Next
	}
}

func listAsked(t *testing.T, h ServiceDeskHarness) {
	if takesNothingIn(t, h) {
		return
	}
	account := h.AddAccount(deskAda())
	first := h.AskAs(account, "Wiki", askedText)
	since := deskRead(t, h, first).UpdatedAt
	deskOpen(t, h, "r1")
	want := []access.TicketID{first}
	for range 4 {
		want = append(want, h.AskAs(account, "Wiki", askedText))
	}
	require.Equal(t, want, askedIDs(t, h, since))
	page, err := h.Desk.AskedTickets(t.Context(), access.ChangesQuery{Limit: 2})
	require.NoError(t, err)
	require.Empty(t, page.Tickets, "without a time nothing is listed")
}

func readAsked(t *testing.T, h ServiceDeskHarness) {
	if takesNothingIn(t, h) {
		return
	}
	account := h.AddAccount(deskAda())
	id := h.AskAs(account, "Wiki, please", askedText)
	for _, text := range []string{askedText + " Really.", "Access: wiki/reader"} {
		h.EditTextAs(account, id, text)
		got, err := h.Desk.ReadAsked(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, deskRead(t, h, id).Ref, got.Ref)
		require.Equal(t, account, got.Creator.ID)
		require.Equal(t, deskAda().DisplayName, got.Creator.Name)
		require.NotEmpty(t, got.Creator.Email+got.Creator.UserName, "what people are matched by")
		if h.FixedText {
			require.Equal(t, strings.Fields(text), strings.Fields(got.Summary))
			require.Contains(t, got.Text, askedText)
		} else {
			require.Equal(t, "Wiki, please", got.Summary)
			require.Contains(t, got.Text, text)
		}
		require.Equal(t, deskRead(t, h, id).TextChange, got.TextChange, "the text that was read is named")
		require.NotEmpty(t, got.TextChange)
	}
	h.Delete(id)
	_, err := h.Desk.ReadAsked(t.Context(), id)
	requireFailure(t, access.NotFound, err)
}

func readNothingAsked(t *testing.T, h ServiceDeskHarness) {
	if takesNothingIn(t, h) {
		return
	}
	account := h.AddAccount(deskAda())
	marked, closed := h.AskAs(account, "Wiki", askedText), h.AskAs(account, "Wiki", askedText)
	h.PlantMarker(account, marked, "usher-r9:0123456789abcdef")
	h.MoveAs(account, closed, access.TicketDone)
	stripped := deskOpen(t, h, "r2").ID
	h.PlantMarker(account, stripped, "nothing-of-the-kind")
	for name, id := range map[string]access.TicketID{
		"usher's": deskOpen(t, h, "r1").ID, "usher's, stripped of its marks": stripped, "marked": marked, "closed": closed,
		"of another kind": h.OpenAs(account),
	} {
		_, err := h.Desk.ReadAsked(t.Context(), id)
		require.Error(t, err, name)
		requireFailure(t, access.Invalid, err)
	}
}

func bindAsked(t *testing.T, h ServiceDeskHarness) {
	if takesNothingIn(t, h) {
		return
	}
	account := h.AddAccount(deskAda())
	id := h.AskAs(account, "Wiki", askedText)
	before := deskRead(t, h, id)
	since, marker := before.UpdatedAt, access.NewMarker(access.AskedRequestID(before.Ref.Desk, id), "run-1")
	h.EditTextAs(account, id, askedText+" Really.")
	bound, err := h.Desk.BindTicket(t.Context(), id, account, marker)
	require.NoError(t, err)
	require.Equal(t, account, bound.TextChangedBy)
	require.NotEmpty(t, bound.TextChange)
	again, err := h.Desk.BindTicket(t.Context(), id, account, marker)
	require.NoError(t, err)
	require.Equal(t, bound, again)
	_, err = h.Desk.ReadAsked(t.Context(), id)
	requireFailure(t, access.Invalid, err)
	require.NotContains(t, askedIDs(t, h, since), id)
	require.Contains(t, WalkChanges(t, h.Desk, access.ChangesQuery{Since: since, Limit: 2}, nil), string(id), "it is among the changes")
	require.Equal(t, bound.TextChange, deskRead(t, h, id).TextChange)
	h.EditTextAs(account, id, "Access: wiki/admin")
	require.NotEqual(t, bound.TextChange, deskRead(t, h, id).TextChange, "another change has another name")
}

func bindRefused(t *testing.T, h ServiceDeskHarness) {
	if takesNothingIn(t, h) {
		return
	}
	account, other := h.AddAccount(deskAda()), h.AddAccount(deskBob())
	id := h.AskAs(account, "Wiki", askedText)
	_, err := h.Desk.BindTicket(t.Context(), id, other, "usher-desk.1:0123456789abcdef")
	requireFailure(t, access.Invalid, err)
	_, err = h.Desk.BindTicket(t.Context(), id, account, "usher-desk.1:0123456789abcdef")
	require.NoError(t, err)
	_, err = h.Desk.BindTicket(t.Context(), id, account, "usher-desk.2:0123456789abcdef")
	requireFailure(t, access.Invalid, err)
	require.Equal(t, 1, h.Count("usher-desk.1:0123456789abcdef"))
	require.Zero(t, h.Count("usher-desk.2:0123456789abcdef"))
}
