package servicenow_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/apispec"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// kindOfTicket is what tickets are on a desk.
type kindOfTicket string

const (
	incidents kindOfTicket = "incidents"
	items     kindOfTicket = "requested items"
)

// onEachKind runs a test once for each kind of ticket.
func onEachKind(t *testing.T, run func(*testing.T, kindOfTicket)) {
	t.Helper()
	for _, kind := range []kindOfTicket{incidents, items} {
		t.Run(string(kind), func(t *testing.T) { run(t, kind) })
	}
}

// site is a fake ServiceNow that listens, remembers what reached it, and lets a test answer in its place.
type site struct {
	*servicenowtest.Server
	url  string
	kind kindOfTicket
	tap  *fakewire.Tap
}

func newSite(t *testing.T, kind kindOfTicket, c servicenowtest.Config) *site {
	t.Helper()
	s := &site{Server: servicenowtest.New(c), kind: kind}
	s.tap = fakewire.NewTap(apispec.Guard(t, apispec.ServiceNow, s.Server))
	server := httptest.NewServer(s.tap)
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, s.Close())
	})
	return s
}

func (s *site) faults(change func(*servicenowtest.Faults)) {
	f := s.Faults()
	change(&f)
	s.SetFaults(f)
}

// config is a configuration that fits the fake. A state goes by its label or by its value.
func (s *site) config() servicenow.Config {
	c := servicenow.Config{BaseURL: s.url, User: servicenowtest.DefaultUser, Password: servicenowtest.DefaultToken}
	c.Reporter, c.Rate, c.Match = true, 10_000, desk.MatchEmail
	c.Statuses = map[access.TicketPhase][]string{access.TicketApproved: {"approved"}, access.TicketDenied: {"11"}}
	c.Fields = map[string]access.TicketField{"u_request_id": access.FieldRequestID, "u_reason": access.FieldReason}
	c.ClosingFields = map[access.TicketPhase]map[string]any{
		access.TicketDone: {"close_code": "Resolved by request", "close_notes": "done"},
	}
	if s.kind == items {
		c.CatalogItem, c.MarkerVariable = servicenowtest.ItemID(), "usher_marker"
		c.Fields = map[string]access.TicketField{"request_id": access.FieldRequestID, "reason": access.FieldReason}
	}
	return c
}

// desk is a desk over the fake, with what change does to the configuration; nil changes nothing.
func (s *site) desk(t *testing.T, change func(*servicenow.Config)) *servicenow.Desk {
	t.Helper()
	c := s.config()
	if change != nil {
		change(&c)
	}
	d, err := servicenow.New(c, "now")
	require.NoError(t, err)
	return d
}

// takesIn makes tickets of people requests.
func (s *site) takesIn(c *servicenow.Config) {
	c.Intake = &desk.Intake{Kind: "Access", Fields: map[string]access.AskedField{"u_role": access.AskedAccess}}
	if s.kind == items {
		c.Intake = &desk.Intake{Kind: servicenowtest.AskItemID(), Fields: map[string]access.AskedField{"role": access.AskedAccess}}
	}
}

// ask opens a ticket by which an account's human asks for access: an incident, or a requested item whose texts are written then.
func (s *site) ask(t *testing.T, by access.AccountID, columns map[string]any) access.TicketID {
	t.Helper()
	body := map[string]any{"category": "access", "contact_type": "self-service"}
	if s.kind == items {
		body = map[string]any{}
	}
	maps.Copy(body, columns)
	written, err := json.Marshal(body)
	require.NoError(t, err)
	if s.kind == incidents {
		made := s.send(t, string(by), "POST", "/api/now/table/incident?sysparm_display_value=false", string(written))
		return access.TicketID(made["sys_id"].(string))
	}
	made := s.send(t, string(by), "POST", "/api/sn_sc/servicecatalog/items/"+servicenowtest.AskItemID()+"/order_now", `{"sysparm_quantity":1}`)
	item := s.item(t, made["request_id"].(string)).ID
	s.send(t, string(by), "PATCH", "/api/now/table/sc_req_item/"+item+"?sysparm_display_value=false", string(written))
	return access.TicketID(item)
}

// person adds an active account for a person and returns its id, which is its user name.
func (s *site) person(p access.Person) access.AccountID {
	name := string(p.ID) + "." + string(rune('a'+len(s.Accounts())))
	s.AddAccount(desktest.Account{
		ID: servicenowtest.AccountID(name), Name: name, Email: p.Email, DisplayName: p.DisplayName, Token: "token-of-" + name,
	})
	return access.AccountID(name)
}

// send makes a call as an account's human would, and returns the result.
func (s *site) send(t *testing.T, by, method, path, body string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	for _, a := range s.Accounts() {
		if a.Name == by {
			r.SetBasicAuth(a.Name, a.Password)
		}
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	var got struct{ Result map[string]any }
	require.Less(t, resp.StatusCode, 300)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
	return got.Result
}

// item is the requested item of a request.
func (s *site) item(t *testing.T, request string) desktest.Snapshot {
	t.Helper()
	for _, one := range s.Tickets() {
		if one.Parent == request && one.Project == "sc_req_item" {
			return one
		}
	}
	require.FailNow(t, "the request has no item")
	return desktest.Snapshot{}
}

// tasks are the tasks of a requested item.
func (s *site) tasks(item access.TicketID) []desktest.Snapshot {
	var out []desktest.Snapshot
	for _, one := range s.Tickets() {
		if one.Parent == string(item) && one.Project == "sc_task" {
			out = append(out, one)
		}
	}
	return out
}

func ticket() access.NewTicket {
	return access.NewTicket{
		Marker: "usher-r1", Summary: "Wiki editor for Ada", Body: "Please.",
		Fields:    map[access.TicketField]string{access.FieldRequestID: "r1", access.FieldReason: "because"},
		Requester: access.Person{ID: "p-ada", DisplayName: "Ada", Email: "ada@example.test"},
	}
}

func open(t *testing.T, d *servicenow.Desk) access.TicketRef {
	t.Helper()
	ref, err := d.CreateTicket(t.Context(), ticket())
	require.NoError(t, err)
	return ref
}

func requireKind(t *testing.T, want access.Kind, err error) {
	t.Helper()
	var e *access.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Kind, "%v", err)
	require.NotEmpty(t, e.Op)
}
