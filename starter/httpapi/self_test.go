package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/starter/httpapi"
)

func TestMe(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) {
		c.Auditors = append(c.Auditors, "max")
		c.Administrators = append(c.Administrators, "max")
		c.HelpDesk, c.TicketCallers = append(c.HelpDesk, "max"), []access.PersonID{"max"}
	})
	for person, roles := range map[string][]string{
		"olga": {}, "audra": {"auditor"}, "adam": {"administrator"}, "hal": {"help_desk"},
		"max": {"auditor", "administrator", "help_desk", "ticket_caller"},
	} {
		got := decode[httpapi.Me](t, w.call(person, "GET", "/v1/me", ""))
		require.Equal(t, httpapi.Me{
			Person: access.PersonID(person), Roles: roles, Applications: []access.PublishedApplication{}, Development: true, Evidence: "development header",
		}, got)
	}
	c := w.published()
	require.Equal(t, c.Applications[1:], decode[httpapi.Me](t, w.call("olga", "GET", "/v1/me", "")).Applications)
	require.Empty(t, decode[httpapi.Me](t, w.call("ana", "GET", "/v1/me", "")).Applications)
	require.Equal(t, http.StatusUnauthorized, w.call("", "GET", "/v1/me", "").status)
}

// checked is an authenticator that has checked who calls.
type checked struct {
	httpapi.Authenticator
	caller httpapi.Caller
}

func (c checked) Authenticate(*http.Request) (httpapi.Caller, error) { return c.caller, nil }
func (checked) Warning() string                                      { return "" }

func TestMe_of_a_token(t *testing.T) {
	caller := httpapi.Caller{Person: "p-1", Name: "Olga O.", Auditor: true, Evidence: "oidc https://id.example sub=1"}
	w := newWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Ledger = away{}
		d.Authenticator = checked{d.Authenticator, caller}
	})
	require.Equal(t, httpapi.Me{
		Person: "p-1", Name: "Olga O.", Roles: []string{"auditor"}, Applications: []access.PublishedApplication{},
		ApplicationsProblem: "the ledger is unavailable", Evidence: "oidc https://id.example sub=1",
	}, decode[httpapi.Me](t, w.call("", "GET", "/v1/me", "")), "who calls is known without the ledger")
}

func TestInbox(t *testing.T) {
	w := newWorld(t)
	until := time.Date(2026, 6, 8, 9, 0, 0, 0, time.UTC)
	view := w.recorded("r1", func(v *access.RequestView) {
		v.ApprovalDeadline, v.RequesterName, v.SubjectName = &until, "Ana", "Sub"
		v.Request.Items = append(v.Request.Items, access.Item{ID: "2", Entitlement: "crm/user"}, access.Item{ID: "3", Entitlement: "crm/admin"})
		v.Items = append(v.Items,
			access.ItemView{Item: access.Item{ID: "2", Entitlement: "crm/user", Duration: access.Duration(time.Hour)}, Title: "User", State: access.ItemPending},
			access.ItemView{Item: access.Item{ID: "3", Entitlement: "crm/admin"}, State: access.ItemDenied})
		v.WaitingOn = append(v.WaitingOn,
			access.Waiting{Person: "boss", Stage: "owner", Since: v.Since.Add(-time.Minute), Items: []access.ItemID{"2"}},
			access.Waiting{Person: "olga", Stage: "owner", Since: v.Since, Items: []access.ItemID{"2"}})
	})
	w.recorded("old", ended, func(v *access.RequestView) { v.Ticket.ID = "10002" })
	got := decode[httpapi.InboxPage](t, w.call("boss", "GET", "/v1/inbox", ""))
	require.Equal(t, httpapi.InboxPage{Entries: []httpapi.InboxEntry{{
		Request: "r1", Requester: "ana", RequesterName: "Ana", Subject: "sub", SubjectName: "Sub", Reason: "docs",
		SubmittedAt: view.Request.SubmittedAt, Since: view.Since.Add(-time.Minute), Until: &until, Ticket: view.Ticket,
		Items: []httpapi.InboxItem{
			{ID: "1", Entitlement: "wiki/editor", Stage: "manager"},
			{ID: "2", Entitlement: "crm/user", Title: "User", Duration: access.Duration(time.Hour), Stage: "owner"},
		},
	}}}, got)
	require.Len(t, decode[httpapi.InboxPage](t, w.call("olga", "GET", "/v1/inbox", "")).Entries[0].Items, 1)
	for _, person := range []string{"ana", "sub", "audra", "adam"} {
		require.JSONEq(t, `{"entries":[]}`, w.call(person, "GET", "/v1/inbox", "").body, person)
	}
	require.Equal(t, http.StatusUnauthorized, w.call("", "GET", "/v1/inbox", "").status)
}

func TestInbox_pages(t *testing.T) {
	w := newWorld(t)
	w.recorded("r1")
	w.recorded("r2", func(v *access.RequestView) { v.Ticket.ID = "10002" })
	first := decode[httpapi.InboxPage](t, w.call("boss", "GET", "/v1/inbox?limit=1", ""))
	require.Equal(t, access.RequestID("r2"), first.Entries[0].Request)
	second := decode[httpapi.InboxPage](t, w.call("boss", "GET", "/v1/inbox?limit=1&cursor="+first.Next, ""))
	require.Equal(t, access.RequestID("r1"), second.Entries[0].Request)
	require.Empty(t, second.Next)
}
