package requesttracker_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

// TestDeskWire holds the driver to what every connector promises about its calls.
func TestDeskWire(t *testing.T) {
	accesstest.RunDeskWire(t, wireHarness)
}

func wireHarness(t *testing.T) accesstest.DeskWireHarness {
	t.Helper()
	return accesstest.DeskWireHarness{
		Desk: newLiving(t),
		New: func(url string, timeout time.Duration) access.ServiceDesk {
			d, err := requesttracker.New(requesttracker.Config{
				BaseURL: url, Token: secretToken, Queue: "Access", MarkerField: "External Id",
				Config: desk.Config{
					Rate: 100_000, RequestTimeout: access.Duration(timeout), Match: desk.MatchEmail, Approvals: true,
					Intake: &desk.Intake{Kind: "Help", Fields: map[string]access.AskedField{"Role": access.AskedAccess}},
				},
			}, "rt")
			require.NoError(t, err)
			return d
		},
		Secrets: []string{secretToken},
		Refusal: func(text string) string { return fmt.Sprintf(`{"message":%q}`, text) },
		Hollow:  `{"items":[{}],"pages":1}`,
		Ticket:  "7", Asked: "8", Asker: "eve", Account: "ada",
		Calls: wireCalls(), Kind: wireKind,
	}
}

func wireCalls() []accesstest.DeskWireCall {
	const read, write = accesstest.DeskRead, accesstest.DeskWrite
	return []accesstest.DeskWireCall{
		{Method: "FindTicket", Wire: "GET /tickets", Mode: read},
		{Method: "CreateTicket", Wire: "POST /ticket", Mode: accesstest.DeskCreate},
		{Method: "CreateTicket", Wire: "GET /ticket/7", Mode: accesstest.DeskCreated},
		{Method: "ReadTicket", Wire: "GET /ticket/7", Mode: read},
		{Method: "ReadTicket", Wire: "GET /ticket/7/history", Mode: read},
		{Method: "ReadTickets", Wire: "GET /tickets", Mode: read},
		{Method: "ReadComments", Wire: "GET /ticket/7/history", Mode: read},
		{Method: "ReadComments", Wire: "GET /transaction/40/attachments", Mode: read},
		{Method: "ReadComments", Wire: "GET /attachment/60", Mode: read},
		{Method: "ChangedTickets", Wire: "GET /tickets", Mode: read},
		{Method: "ChangedTickets", Wire: "GET /user/31", Mode: read},
		{Method: "AddComments", Wire: "GET /ticket/7/attachments", Mode: read},
		{Method: "AddComments", Wire: "POST /ticket/7/comment", Mode: write},
		{Method: "TransitionTicket", Wire: "PUT /ticket/7", Mode: write},
		{Method: "AssignTicket", Wire: "PUT /ticket/7", Mode: write},
		{Method: "SetApprovals", Wire: "GET /ticket/7", Mode: read},
		{Method: "SetApprovals", Wire: "GET /user/ada", Mode: read},
		{Method: "SetApprovals", Wire: "GET /tickets", Mode: read},
		{Method: "SetApprovals", Wire: "POST /ticket", Mode: accesstest.DeskCreate},
		{Method: "FindAccount", Wire: "GET /users", Mode: read},
		{Method: "AskedTickets", Wire: "GET /tickets", Mode: read},
		{Method: "ReadAsked", Wire: "GET /ticket/8", Mode: read},
		{Method: "ReadAsked", Wire: "GET /ticket/8/history", Mode: read},
		{Method: "ReadAsked", Wire: "GET /transaction/50/attachments", Mode: read},
		{Method: "ReadAsked", Wire: "GET /attachment/60", Mode: read},
		{Method: "BindTicket", Wire: "PUT /ticket/8", Mode: write},
		{Method: "Check", Wire: "GET /user/31", Mode: read},
		{Method: "Inspect", Wire: "GET /user/31", Mode: read},
	}
}

// wireKind is what statuses mean where HTTP would mislead: a ticket that may not be seen is missing, and what is refused when an approval
// is opened is the right to do so.
func wireKind(c accesstest.DeskWireCall, status int, usual access.Kind) access.Kind {
	switch {
	case status == http.StatusPreconditionFailed:
		return access.Transient
	case status == http.StatusForbidden && (c.Wire == "GET /ticket/7" || c.Wire == "GET /ticket/8"):
		return access.NotFound
	case c.Wire == "GET /user/ada" && usual == access.NotFound:
		return access.Conflict // The account cannot be asked.
	case c.Method == "SetApprovals" && c.Wire != "GET /ticket/7" && (usual == access.NotFound || usual == access.Invalid):
		return access.Forbidden
	}
	return usual
}
