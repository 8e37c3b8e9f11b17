package requesttracker_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

// site is a queue of the server with an account of usher's own, behind a proxy that can lose answers, hide tickets from
// searches and spoil credentials.
type site struct {
	*server
	url, token, self string
	queue, other     string
	// asking is the queue in which people ask, where intake is on.
	asking string

	mu      sync.Mutex
	drop    string
	spoilt  bool
	visible map[string]string
	// between is called once, before the next change reaches the server.
	between func()
	// deaf: changes are answered and not made. edit changes answers.
	deaf bool
	edit func(r *http.Request, answer []byte) []byte
	// short: RT puts two rows on a page.
	short bool
}

func newSite(t *testing.T, s *server, lifecycle string) *site {
	t.Helper()
	n := s.next()
	one := &site{server: s, queue: fmt.Sprintf("Access %d", n), other: fmt.Sprintf("Other %d", n), asking: fmt.Sprintf("Ask %d", n)}
	one.self, one.token = s.account(t)
	for _, name := range []string{one.queue, one.other, one.asking} {
		s.do(t, "root", http.MethodPost, "queue", map[string]any{"Name": name, "Lifecycle": lifecycle}, nil)
	}
	one.listen(t)
	return one
}

// listen starts the proxy.
func (s *site) listen(t *testing.T) {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(s.forward))
	t.Cleanup(proxy.Close)
	s.url = proxy.URL
}

func (s *site) config() requesttracker.Config {
	return requesttracker.Config{
		BaseURL: s.url, Token: s.token, Queue: s.queue, MarkerField: "External Id",
		Config: desk.Config{
			Reporter: true, Match: desk.MatchEmail, Rate: 1000, RequestTimeout: access.Duration(30 * time.Second),
			Statuses: map[access.TicketPhase][]string{access.TicketApproved: {"approved"}, access.TicketDenied: {"denied"}},
		},
	}
}

func (s *site) desk(t *testing.T, change func(*requesttracker.Config)) *desk.Desk {
	t.Helper()
	c := s.config()
	if change != nil {
		change(&c)
	}
	d, err := requesttracker.New(c, "rt")
	require.NoError(t, err)
	return d
}

// takesIn is a change of the configuration: people ask in the queue asking.
func (s *site) takesIn(c *requesttracker.Config) { c.Intake = &desk.Intake{Kind: s.asking} }

// found is a ticket in a list.
type found struct {
	ID           string
	LastUpdated  string
	CustomFields []struct {
		Name   string   `json:"name"`
		Values []string `json:"values"`
	}
}

// search lists tickets as RT's administrator sees them.
func (s *site) search(t *testing.T, ticketSQL string) []found {
	t.Helper()
	var page struct{ Items []found }
	s.do(t, "root", http.MethodGet, "tickets"+query("query", ticketSQL, "fields", "LastUpdated,CustomFields", "per_page", "100"), nil, &page)
	return page.Items
}

func (s *site) lag(t *testing.T, lags bool) {
	t.Helper()
	var visible map[string]string
	if lags {
		visible = map[string]string{}
		for _, one := range s.search(t, fmt.Sprintf("Queue = '%s' OR Queue = '%s'", s.queue, s.asking)) {
			visible[one.ID] = one.LastUpdated
		}
	}
	s.faults(func() { s.visible = visible })
}

func (s *site) count(t *testing.T, marker access.Marker) int {
	t.Helper()
	n := 0
	for _, one := range s.search(t, fmt.Sprintf("(Queue = '%s' OR Queue = '%s') AND CF.{External Id} = '%s'", s.queue, s.asking, marker)) {
		for _, f := range one.CustomFields {
			if f.Name == "External Id" && len(f.Values) == 1 && f.Values[0] == string(marker) {
				n++
			}
		}
	}
	return n
}

// seen is a ticket as RT's administrator sees it, without the lines that carry markers.
func (s *site) seen(t *testing.T, id access.TicketID) accesstest.SeenTicket {
	t.Helper()
	var ticket struct {
		Subject, Status string
		Owner           struct{ ID access.AccountID }
		Requestor       []struct{ ID access.AccountID }
	}
	s.do(t, "root", http.MethodGet, "ticket/"+string(id), nil, &ticket)
	out := accesstest.SeenTicket{Summary: ticket.Subject, Assignee: ticket.Owner.ID, Phase: phaseOf(ticket.Status)}
	if out.Assignee == "Nobody" {
		out.Assignee = ""
	}
	if len(ticket.Requestor) > 0 {
		out.Reporter = ticket.Requestor[0].ID
	}
	var texts struct {
		Items []struct{ TransactionID, Content string }
	}
	s.do(t, "root", http.MethodGet, "ticket/"+string(id)+"/attachments"+
		query("fields", "TransactionId,Content", "orderby", "id", "per_page", "100"), nil, &texts)
	for n, one := range texts.Items {
		if n == 0 {
			out.Body = one.Content
			continue
		}
		text, _, _ := strings.Cut(one.Content, "\n\n(reference ")
		out.Comments = append(out.Comments, text)
	}
	return out
}
