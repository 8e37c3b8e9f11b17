package accesstest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func findNothing(t *testing.T, h ServiceDeskHarness) {
	_, err := h.Desk.FindTicket(t.Context(), access.MarkerOf("never"))
	deskRequireKind(t, access.NotFound, err)
}

func findAfterCreate(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	require.NotEmpty(t, ref.Desk)
	require.NotEmpty(t, ref.ID)
	require.NotEmpty(t, ref.Key)
	require.Equal(t, 1, h.Count(access.MarkerOf("r1")), "the ticket carries its marker from the first moment")
	require.Equal(t, ref, deskEventuallyFound(t, h, access.MarkerOf("r1")))
}

func findAfterLag(t *testing.T, h ServiceDeskHarness) {
	h.SearchLags(true)
	ref := deskOpen(t, h, "r1")
	_, err := h.Desk.FindTicket(t.Context(), access.MarkerOf("r1"))
	deskRequireKind(t, access.NotFound, err)
	require.Equal(t, 1, h.Count(access.MarkerOf("r1")))
	h.SearchLags(false)
	require.Equal(t, ref, deskEventuallyFound(t, h, access.MarkerOf("r1")))
}

func findOldest(t *testing.T, h ServiceDeskHarness) {
	first := deskOpen(t, h, "r1")
	for range 12 {
		// A number that grows by a digit must not become the smaller one.
		deskOpen(t, h, "r1")
	}
	require.Equal(t, first, deskEventuallyFound(t, h, access.MarkerOf("r1")))
}

func findOnlyOwn(t *testing.T, h ServiceDeskHarness) {
	by := h.AddAccount(access.Person{ID: "eve", DisplayName: "Eve", Email: "eve@example.test"})
	planted := h.OpenAs(by)
	h.PlantMarker(by, planted, access.MarkerOf("r1"))
	require.Equal(t, 1, h.Count(access.MarkerOf("r1")))
	_, err := h.Desk.FindTicket(t.Context(), access.MarkerOf("r1"))
	deskRequireKind(t, access.NotFound, err)
	ref := deskOpen(t, h, "r1")
	require.Equal(t, ref, deskEventuallyFound(t, h, access.MarkerOf("r1")), "the older one is somebody else's")
}

func findExactMarker(t *testing.T, h ServiceDeskHarness) {
	deskOpen(t, h, "r1-a")
	deskOpen(t, h, "R1")
	ref := deskOpen(t, h, "r1.b_c-d")
	require.Equal(t, ref, deskEventuallyFound(t, h, access.MarkerOf("r1.b_c-d")))
	_, err := h.Desk.FindTicket(t.Context(), access.MarkerOf("r1-"))
	deskRequireKind(t, access.NotFound, err)
	_, err = h.Desk.FindTicket(t.Context(), access.Marker(`x" OR labels is not EMPTY OR labels = "\`))
	deskRequireKind(t, access.NotFound, err)
}

func createWithLostAnswer(t *testing.T, h ServiceDeskHarness) {
	h.DropAnswerOnce("CreateTicket")
	_, err := h.Desk.CreateTicket(t.Context(), deskTicketOf("r1"))
	deskRequireKind(t, access.Unknown, err)
	ref := deskEventuallyFound(t, h, access.MarkerOf("r1"))
	require.Equal(t, access.TicketWaiting, deskRead(t, h, ref.ID).Phase)
	require.Equal(t, 1, h.Count(access.MarkerOf("r1")))
}

func createConcurrently(t *testing.T, h ServiceDeskHarness) {
	const n = 8
	refs, errs := make([]access.TicketRef, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			refs[i], errs[i] = h.Desk.CreateTicket(t.Context(), deskTicketOf(access.RequestID(fmt.Sprintf("r%d", i))))
		})
	}
	all.Wait()
	seen := map[access.TicketID]bool{}
	for i := range n {
		require.NoError(t, errs[i])
		require.False(t, seen[refs[i].ID])
		seen[refs[i].ID] = true
		require.Equal(t, 1, h.Count(access.MarkerOf(access.RequestID(fmt.Sprintf("r%d", i)))))
	}
}

func createOneLineSummary(t *testing.T, h ServiceDeskHarness) {
	n := deskTicketOf("r1")
	n.Summary = "first line\r\nsecond\tline"
	ref, err := h.Desk.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, "first line second line", h.Seen(ref.ID).Summary)
}

func createAtLimit(t *testing.T, h ServiceDeskHarness) {
	n := deskTicketOf("r1")
	n.Summary = strings.Repeat("界", h.SummaryLimit)
	n.Body = strings.Repeat("é", h.BodyLimit)
	ref, err := h.Desk.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, n.Summary, h.Seen(ref.ID).Summary)
	require.Equal(t, n.Body, h.Seen(ref.ID).Body)
}

func createBeyondLimit(t *testing.T, h ServiceDeskHarness) {
	n := deskTicketOf("r1")
	n.Summary = strings.Repeat("👩🏽‍💻", h.SummaryLimit)
	n.Body = strings.Repeat("日本語 ", h.BodyLimit)
	ref, err := h.Desk.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	seen := h.Seen(ref.ID)
	deskRequireCut(t, n.Summary, seen.Summary, h.SummaryLimit)
	deskRequireCut(t, n.Body, seen.Body, h.BodyLimit)
}

// deskRequireCut wants a beginning of the whole text, no broken character, and a note after it.
func deskRequireCut(t *testing.T, whole, stored string, limit int) {
	t.Helper()
	require.True(t, utf8.ValidString(stored))
	require.NotContains(t, stored, string(utf8.RuneError))
	require.LessOrEqual(t, utf8.RuneCountInString(stored), limit)
	common := 0
	for common < len(stored) && stored[common] == whole[common] {
		common++
	}
	require.Greater(t, common, limit/4, "most of the text is kept")
	require.Greater(t, len(strings.TrimSpace(stored[common:])), 2, "a note says that the text was cut")
}

func createPlainText(t *testing.T, h ServiceDeskHarness) {
	n := deskTicketOf("r1")
	n.Body = deskTrickyText()
	ref, err := h.Desk.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, n.Body, h.Seen(ref.ID).Body)
}

func createWithReporter(t *testing.T, h ServiceDeskHarness) {
	account := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	require.Equal(t, account, h.Seen(ref.ID).Reporter)
	n := deskTicketOf("r2")
	n.Requester = deskBob()
	other, err := h.Desk.CreateTicket(t.Context(), n)
	require.NoError(t, err, "a requester without an account hinders nothing")
	require.NotEqual(t, account, h.Seen(other.ID).Reporter)
}

func createWithoutMarker(t *testing.T, h ServiceDeskHarness) {
	ref := deskOpen(t, h, "r1")
	n := deskTicketOf("r2")
	n.Marker = ""
	_, err := h.Desk.CreateTicket(t.Context(), n)
	deskRequireKind(t, access.Invalid, err)
	deskRequireKind(t, access.Invalid, h.Desk.AddComments(t.Context(), ref.ID, access.Comment{Text: "cannot be repeated"}))
	require.Empty(t, h.Seen(ref.ID).Comments)
}
