package requesttracker_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// TestHistory_longer_than_is_read: a ticket with a very long history is read all the same, so that it holds up no other; what
// usher has not read may have changed its text.
func TestHistory_longer_than_is_read(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 10*time.Second)
	var pages atomic.Int32
	comments := strings.Repeat(`,{"id":"40","Type":"Comment","ObjectId":"7","Creator":{"id":"ada"},"Created":"2026-11-27T18:00:00Z"}`, 99)
	s.answer("GET /ticket/7/history", func(w http.ResponseWriter, _ *http.Request) {
		pages.Add(1)
		_, _ = io.WriteString(w, `{"pages":null,"items":[{"id":"41","Type":"Status","Field":"Status","NewValue":"new","ObjectId":"7",
			"Creator":{"id":"ada"},"Created":"2026-11-27T18:01:00Z"}`+comments+`]}`)
	})
	got, err := d.ReadTicket(t.Context(), "7")
	require.NoError(t, err)
	require.EqualValues(t, desk.MaxPages, pages.Load())
	require.Equal(t, access.AccountID("ada"), got.StatusChangedBy, "the newest part counts")
	require.Equal(t, access.AccountID("(unread older changes)"), got.TextChangedBy)
}
