package requesttracker_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// askedTicket is an approval as RT's administrator sees it.
type askedTicket struct {
	ID              access.TicketID
	Status, Subject string
	Owner           struct{ ID access.AccountID }
}

// state is the state of an approval that nobody has tampered with.
func (a askedTicket) state() access.ApprovalState {
	switch {
	case a.Status == "resolved":
		return access.ApprovalApproved
	case a.Status == "rejected" && strings.HasPrefix(a.Subject, "Not needed: "):
		return access.ApprovalNotRequired
	case a.Status == "rejected":
		return access.ApprovalDenied
	}
	return access.ApprovalRequested
}

// approvals are those that a search finds, the oldest first.
func (s *site) approvals(t *testing.T, ticketSQL string) []askedTicket {
	t.Helper()
	var page struct{ Items []askedTicket }
	s.do(t, "root", http.MethodGet, "tickets"+query("query", "Type = 'approval' AND "+ticketSQL, "fields", "Status,Subject,Owner",
		"orderby", "id", "per_page", "100"), nil, &page)
	return page.Items
}

// asked are the approvals of a ticket that an account owns, the oldest first.
func (s *site) asked(t *testing.T, id access.TicketID, account access.AccountID) []askedTicket {
	t.Helper()
	var own []askedTicket
	for _, a := range s.approvals(t, "RefersTo = "+string(id)) {
		if a.Owner.ID == account {
			own = append(own, a)
		}
	}
	return own
}

// history are the numbers of the transactions of a ticket.
func (s *site) history(t *testing.T, id access.TicketID) []string {
	t.Helper()
	var page struct{ Items []struct{ ID string } }
	s.do(t, "root", http.MethodGet, path(id)+"/history"+query("per_page", "100"), nil, &page)
	var all []string
	for _, one := range page.Items {
		all = append(all, one.ID)
	}
	return all
}

// answerAs answers an approval as that account's human does.
func (s *site) answerAs(t *testing.T, by access.AccountID, approval access.TicketID, state access.ApprovalState) {
	t.Helper()
	status := map[access.ApprovalState]string{access.ApprovalApproved: "resolved", access.ApprovalDenied: "rejected"}[state]
	s.put(t, string(by), path(approval), map[string]any{"Status": status})
}

// browser returns what opens RT's pages as that account's human does; with a form it sends that.
func (s *site) browser(t *testing.T, by access.AccountID) func(page string, form url.Values) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	visit := func(page string, form url.Values) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+page, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Referer", s.URL+"/")
		response, err := (&http.Client{Jar: jar}).Do(r)
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return string(text)
	}
	visit("/NoAuth/Login.html", url.Values{"user": {string(by)}, "pass": {password(string(by))}})
	return visit
}
