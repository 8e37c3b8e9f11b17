package jira_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// TestDeskWire holds both editions to what every connector promises about its calls.
func TestDeskWire(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		accesstest.RunDeskWire(t, func(t *testing.T) accesstest.DeskWireHarness { return wireHarness(t, edition) })
	})
}

func wireHarness(t *testing.T, edition jiratest.Edition) accesstest.DeskWireHarness {
	t.Helper()
	s := newSite(t, jiratest.Config{Edition: edition})
	setup := s.desk(t, nil)
	ref, err := setup.CreateTicket(t.Context(), ticket())
	require.NoError(t, err)
	ada := s.addAccount(access.Person{ID: "ada", Email: "ada@example.test", DisplayName: "Ada"})
	s.addAccount(access.Person{ID: "p-bob", Email: "bob@example.test", DisplayName: "Bob O'Neil"})
	asked := s.askAs(t, ada, "Wiki", "Access: wiki/editor")
	return accesstest.DeskWireHarness{
		Desk: s.tap,
		New: func(url string, timeout time.Duration) access.ServiceDesk {
			return s.desk(t, func(c *jira.Config) { c.BaseURL, c.RequestTimeout, c.Reporter = url, access.Duration(timeout), false })
		},
		Secrets: []string{jiratest.DefaultToken},
		Refusal: func(text string) string { return fmt.Sprintf(`{"errorMessages":[%q],"errors":{"x":%q}}`, text, text) },
		Hollow:  `{"issues":[{}],"comments":[{}],"total":1}`,
		Ticket:  ref.ID, Asked: asked, Asker: ada, Account: ada,
		Calls:   wireCalls(edition, ref.ID, asked),
		Without: map[string]string{"SetApprovals": "Jira has no approvals of its own that usher can open"},
		Kind:    wireKind,
		Answers: []accesstest.DeskWireAnswer{
			{Name: "an anonymous call", Answer: with(status(http.StatusNotFound, ""), "X-Seraph-LoginReason", "AUTHENTICATED_FAILED"), Kind: access.Forbidden},
			{Name: "a log-in that is locked", Answer: with(status(http.StatusForbidden, ""), "X-Seraph-LoginReason", "AUTHENTICATION_DENIED"), Kind: access.Forbidden},
		},
	}
}

func wireCalls(edition jiratest.Edition, id, asked access.TicketID) []accesstest.DeskWireCall {
	const read, write = accesstest.DeskRead, accesstest.DeskWrite
	find, many := "POST /search/jql", "POST /issue/bulkfetch"
	if edition == jiratest.DataCenter {
		find, many = "POST /search", "POST /search"
	}
	return []accesstest.DeskWireCall{
		{Method: "FindTicket", Wire: find, Mode: read},
		{Method: "CreateTicket", Wire: "POST /issue", Mode: accesstest.DeskCreate},
		{Method: "ReadTicket", Wire: "GET /issue/" + string(id), Mode: read},
		{Method: "ReadTickets", Wire: many, Mode: read},
		{Method: "ReadComments", Wire: "GET /comment", Mode: read},
		{Method: "ChangedTickets", Wire: find, Mode: read},
		{Method: "ChangedTickets", Wire: "GET /myself", Mode: read},
		{Method: "AddComments", Wire: "GET /comment", Mode: read},
		{Method: "AddComments", Wire: "POST /comment", Mode: write},
		{Method: "TransitionTicket", Wire: "GET /transitions", Mode: read},
		{Method: "TransitionTicket", Wire: "POST /transitions", Mode: write, NoAnswer: true},
		{Method: "AssignTicket", Wire: "PUT /assignee", Mode: write, NoAnswer: true},
		{Method: "FindAccount", Wire: "GET /user/search", Mode: read},
		{Method: "AskedTickets", Wire: find, Mode: read},
		{Method: "ReadAsked", Wire: "GET /issue/" + string(asked), Mode: read},
		{Method: "BindTicket", Wire: "PUT /issue/" + string(asked), Mode: write, NoAnswer: true},
		{Method: "Check", Wire: "GET /myself", Mode: read},
		{Method: "Inspect", Wire: "GET /myself", Mode: read},
	}
}

// wireKind is what Jira's statuses mean where HTTP would mislead.
func wireKind(_ accesstest.DeskWireCall, status int, usual access.Kind) access.Kind {
	switch status {
	case http.StatusConflict:
		return access.Transient
	case http.StatusGone:
		return access.Invalid
	}
	return usual
}
