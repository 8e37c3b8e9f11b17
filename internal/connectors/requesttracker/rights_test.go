package requesttracker_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

// TestHistory_rights_in_one_queue: usher's account has its rights in its own queue only. It finds nothing wrong, until somebody sets a
// custom field of a ticket: from then on that ticket cannot be read, nor any list of changes in which it is.
func TestHistory_rights_in_one_queue(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, human := one.desk(t, func(c *requesttracker.Config) {
		c.Token, c.Queue, c.Reporter = s.Tokens["narrow"], "Narrow", false
	}), one.addAccount(t, eve())
	id, other := open(t, d), access.TicketID("")
	n := newTicket()
	n.Marker = "usher-r2"
	ref, err := d.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	other = ref.ID
	since := read(t, d, id).UpdatedAt
	one.moveAs(t, human, other, access.TicketApproved)
	one.setFieldAs(t, human, id, "Cost centre", "1")
	page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: 100})
	require.NoError(t, err, "the feed")
	require.Len(t, page.Tickets, 2)
	_, err = d.ReadTicket(t.Context(), id)
	require.NoError(t, err)
}

// TestAttack3_page_in_time: a page of a hundred changed tickets costs a call for each, one after the other. The watch gives it a minute
// (workflows.ChangesPage), and begins again at the same place when that is not enough. usher's share of RT's limit is set to 1.5
// calls a second, as its configuration allows.
func TestAttack3_page_in_time(t *testing.T) {
	s := newSmall(t)
	var all []string
	for n := 1; n <= 100; n++ {
		id := strconv.Itoa(n)
		all = append(all, strings.ReplaceAll(ticketBody, `"id":7`, `"id":`+id))
		s.table["GET /ticket/"+id+"/history"] = `{"items":[{"id":"39","Type":"Create","ObjectId":"` + id + `"}],"pages":null}`
	}
	s.table["GET /tickets"] = `{"items":[` + strings.Join(all, ",") + `],"pages":1}`
	d, err := requesttracker.New(requesttracker.Config{
		BaseURL: s.url, Token: secretToken, Queue: "Access", MarkerField: "External Id", Config: desk.Config{Rate: 1.5},
	}, "rt")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	page, err := d.ChangedTickets(ctx, access.ChangesQuery{Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Limit: 100})
	require.NoError(t, err)
	require.NotEmpty(t, page.Tickets)
}

// TestAttack3_long_history: somebody has written ten thousand comments on one ticket. The other tickets are none the worse for it.
func TestAttack3_long_history(t *testing.T) {
	s := newSmall(t)
	d := s.desk(t, 5*time.Second)
	s.table["GET /tickets"] = `{"items":[` + ticketBody + `,` + strings.ReplaceAll(ticketBody, `"id":7`, `"id":8`) + `],"pages":1}`
	s.table["GET /ticket/8/history"] = `{"items":[{"id":"60","Type":"Create","ObjectId":"8"}],"pages":null}`
	s.answer("GET /ticket/7/history", func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		_, _ = io.WriteString(w, fmt.Sprintf(`{"items":[{"id":"%d","Type":"Comment","ObjectId":"7","Creator":{"id":"eve"}}],"pages":null}`, 90000-page))
	})
	page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Limit: 100})
	require.NoError(t, err)
	require.NotEmpty(t, page.Tickets)
}
