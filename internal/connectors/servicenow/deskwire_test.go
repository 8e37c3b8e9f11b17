package servicenow_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// TestDeskWire holds both kinds of tickets to what every connector promises about its calls.
func TestDeskWire(t *testing.T) {
	accesstest.RunDeskWire(t, wireHarness)
}

func wireHarness(t *testing.T) accesstest.DeskWireHarness {
	t.Helper()
	s := newSite(t, incidents, servicenowtest.Config{})
	ref := open(t, s.desk(t, s.asks))
	account := s.person(eve())
	s.person(access.Person{ID: "bob", DisplayName: "Bob O'Neil", Email: "bob@example.test"})
	asked := s.ask(t, account, plea())
	return accesstest.DeskWireHarness{
		Desk: s.tap,
		New: func(url string, timeout time.Duration) access.ServiceDesk {
			return s.desk(t, func(c *servicenow.Config) {
				s.asks(c)
				c.BaseURL, c.RequestTimeout, c.Reporter = url, access.Duration(timeout), false
			})
		},
		Secrets: []string{servicenowtest.DefaultToken},
		Refusal: func(text string) string {
			return fmt.Sprintf(`{"error":{"message":%q,"detail":%q},"status":"failure"}`, text, text)
		},
		Hollow: `{"result":[{}]}`,
		Ticket: ref.ID, Asked: asked, Asker: account, Account: account,
		Calls: wireCalls(ref.ID, asked), Kind: wireKind,
		Answers: []accesstest.DeskWireAnswer{{
			Name: "an error beside a part of the result",
			Answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"result":[],"error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":"x"},"status":"failure"}`)
			},
		}},
	}
}

func wireCalls(id, asked access.TicketID) []accesstest.DeskWireCall {
	const read, write, table = accesstest.DeskRead, accesstest.DeskWrite, "GET /table/incident"
	return []accesstest.DeskWireCall{
		{Method: "FindTicket", Wire: table, Mode: read},
		{Method: "CreateTicket", Wire: "POST /table/incident", Mode: accesstest.DeskCreate},
		{Method: "ReadTicket", Wire: "GET /" + string(id), Mode: read},
		{Method: "ReadTicket", Wire: "GET /sysapproval_approver", Mode: read},
		{Method: "ReadTicket", Wire: "GET /sys_audit", Mode: read},
		{Method: "ReadTickets", Wire: table, Mode: read},
		{Method: "ReadComments", Wire: "GET /sys_journal_field", Mode: read},
		{Method: "ReadComments", Wire: "GET /sys_user", Mode: read},
		{Method: "ChangedTickets", Wire: table, Mode: read},
		{Method: "ChangedTickets", Wire: "GET /sysapproval_approver", Mode: read},
		{Method: "ChangedTickets", Wire: "GET /sys_user", Mode: read},
		{Method: "AddComments", Wire: "PATCH /" + string(id), Mode: write},
		{Method: "TransitionTicket", Wire: "PATCH /" + string(id), Mode: write},
		{Method: "AssignTicket", Wire: "PATCH /" + string(id), Mode: write},
		{Method: "SetApprovals", Wire: "GET /sysapproval_approver", Mode: read},
		{Method: "SetApprovals", Wire: "POST /sysapproval_approver", Mode: write},
		{Method: "FindAccount", Wire: "GET /sys_user", Mode: read},
		{Method: "AskedTickets", Wire: table, Mode: read},
		{Method: "ReadAsked", Wire: "GET /" + string(asked), Mode: read},
		{Method: "ReadAsked", Wire: "GET /sys_properties", Mode: read},
		{Method: "BindTicket", Wire: "PATCH /" + string(asked), Mode: write},
		{Method: "Check", Wire: "GET /sys_user", Mode: read},
		{Method: "Inspect", Wire: "GET /sys_user", Mode: read},
	}
}

// wireKind is what statuses mean where HTTP would mislead: one 401 is believed once the credentials prove to be bad, and what is
// missing may be a table.
func wireKind(c accesstest.DeskWireCall, status int, usual access.Kind) access.Kind {
	switch {
	case status == http.StatusUnauthorized && c.Wire != "GET /sys_user":
		return access.Transient
	case usual == access.NotFound && strings.HasPrefix(c.Wire, "GET /sys"):
		return access.Invalid
	case (usual == access.Invalid || usual == access.NotFound) && c.Wire == "POST /sysapproval_approver":
		return access.Conflict // The account cannot be asked.
	}
	return usual
}
