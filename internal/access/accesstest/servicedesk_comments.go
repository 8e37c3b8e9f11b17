package accesstest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func deskCommentCases() []deskCase {
	return []deskCase{
		{name: "comments of people are read once each, oldest first, and none of usher's own", run: commentsRead},
		{name: "comments are read from a time on, in any time zone", run: commentsReadSince},
		{name: "a comment that only those who work on the ticket may read is not read", run: commentsReadPublic},
		{name: "comments of what is no ticket are not found, and with bad credentials they are forbidden", run: commentsReadNever},
	}
}

// deskReply adds a comment that whoever asked for access may read.
func deskReply(h ServiceDeskHarness, by access.AccountID, id access.TicketID, text string) {
	if h.ReplyAs != nil {
		h.ReplyAs(by, id, text)
		return
	}
	h.CommentAs(by, id, text)
}

func deskReadComments(t *testing.T, h ServiceDeskHarness, id access.TicketID, since time.Time) []access.TicketComment {
	t.Helper()
	comments, err := h.Desk.ReadComments(t.Context(), id, since)
	require.NoError(t, err)
	return comments
}

func commentsRead(t *testing.T, h ServiceDeskHarness) {
	ada, bob := h.AddAccount(deskAda()), h.AddAccount(deskBob())
	ref, other := deskOpen(t, h, "r1"), deskOpen(t, h, "r2")
	require.Empty(t, deskReadComments(t, h, ref.ID, time.Time{}))
	deskReply(h, ada, ref.ID, "Who needs this?\n\nAnd for how long?")
	require.NoError(t, h.Desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c1", Text: "reminder"}))
	deskReply(h, bob, ref.ID, "I do.")
	deskReply(h, bob, other.ID, "somewhere else")
	// More than any page of the suite has.
	for _, text := range []string{"one", "two", "three"} {
		deskReply(h, ada, ref.ID, text)
	}
	want := []access.TicketComment{
		{By: ada, ByName: deskAda().DisplayName, Text: "Who needs this?\n\nAnd for how long?"},
		{By: bob, ByName: deskBob().DisplayName, Text: "I do."},
		{By: ada, ByName: deskAda().DisplayName, Text: "one"},
		{By: ada, ByName: deskAda().DisplayName, Text: "two"},
		{By: ada, ByName: deskAda().DisplayName, Text: "three"},
	}
	first := deskReadComments(t, h, ref.ID, time.Time{})
	require.Len(t, first, len(want))
	ids := map[string]bool{}
	for n, c := range first {
		require.NotEmpty(t, c.ID)
		require.False(t, c.At.IsZero())
		require.False(t, n > 0 && c.At.Before(first[n-1].At))
		ids[c.ID] = true
		c.ID, c.At = "", time.Time{}
		require.Equal(t, want[n], c)
	}
	require.Len(t, ids, len(want))
	require.Equal(t, first, deskReadComments(t, h, ref.ID, time.Time{}), "a comment is told the same each time")
}

func commentsReadSince(t *testing.T, h ServiceDeskHarness) {
	ada := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	deskReply(h, ada, ref.ID, "first")
	deskReply(h, ada, ref.ID, "second")
	all := deskReadComments(t, h, ref.ID, time.Time{})
	require.Len(t, all, 2)
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("east", 5*3600+1800), time.FixedZone("west", -11*3600)} {
		require.Contains(t, deskReadComments(t, h, ref.ID, all[1].At.In(zone)), all[1], "%s: at the very moment", zone)
		require.Equal(t, all, deskReadComments(t, h, ref.ID, all[0].At.Add(-time.Minute).In(zone)), zone.String())
		require.Empty(t, deskReadComments(t, h, ref.ID, all[1].At.Add(time.Hour).In(zone)), zone.String())
	}
	require.False(t, deskRead(t, h, ref.ID).UpdatedAt.Before(all[1].At), "a comment is a change of the ticket")
}

func commentsReadPublic(t *testing.T, h ServiceDeskHarness) {
	ada := h.AddAccount(deskAda())
	ref := deskOpen(t, h, "r1")
	if h.NoteAs == nil {
		t.Log("fallback: everybody who may see a ticket of this desk may read all of its comments; all are read")
	} else {
		h.NoteAs(ada, ref.ID, "He was fired, do not tell him.")
	}
	deskReply(h, ada, ref.ID, "I will look into it.")
	comments := deskReadComments(t, h, ref.ID, time.Time{})
	require.Len(t, comments, 1)
	require.Equal(t, "I will look into it.", comments[0].Text)
}

func commentsReadNever(t *testing.T, h ServiceDeskHarness) {
	_, err := h.Desk.ReadComments(t.Context(), "../../x?y=z#", time.Time{})
	deskRequireKind(t, access.NotFound, err)
	ref := deskOpen(t, h, "r1")
	h.RefuseCredentials()
	_, err = h.Desk.ReadComments(t.Context(), ref.ID, time.Time{})
	deskRequireKind(t, access.Forbidden, err)
}
