package requesttracker_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func replyTexts(comments []access.TicketComment) []string {
	var out []string
	for _, c := range comments {
		out = append(out, c.Text)
	}
	return out
}

func TestReadComments_html(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, nil), one.addAccount(t, eve())
	id := open(t, d)
	s.do(t, string(human), http.MethodPost, path(id)+"/correspond", map[string]any{
		"Content": "<p>For <b>how long</b>?</p><p>Eve</p>", "ContentType": "text/html",
	}, nil)
	got, err := d.ReadComments(t.Context(), id, time.Time{})
	require.NoError(t, err)
	require.Equal(t, []string{"For how long?\n\nEve"}, replyTexts(got))
}

// TestReadComments_merged: what was answered on another ticket before it was merged into usher's was no answer on usher's.
func TestReadComments_merged(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, nil), one.addAccount(t, eve())
	id, other := open(t, d), one.openAs(t, human)
	one.replyAs(t, human, other, "about a printer")
	s.put(t, "root", path(other), map[string]any{"MergeInto": string(id)})
	one.replyAs(t, human, id, "about access")
	got, err := d.ReadComments(t.Context(), id, time.Time{})
	require.NoError(t, err)
	require.Equal(t, []string{"about access"}, replyTexts(got))
}

// TestReadComments_calls: only what was said since then is read, with two calls for each.
func TestReadComments_calls(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	got, err := d.ReadComments(t.Context(), "7", time.Time{})
	require.NoError(t, err)
	require.Equal(t, []access.TicketComment{
		{ID: "40", By: "eve", At: time.Date(2026, 11, 27, 18, 2, 17, 0, time.UTC), Text: "Duration: 30d"},
	}, got)
	s.says("GET /transaction/40/attachments", http.StatusInternalServerError, "")
	got, err = d.ReadComments(t.Context(), "7", time.Date(2026, 11, 27, 18, 2, 18, 0, time.UTC))
	require.NoError(t, err)
	require.Empty(t, got)
}
