package servicenow_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// ownedTickets are open incidents by their callers.
func ownedTickets() map[string]servicenow.OwnedConfig {
	return map[string]servicenow.OwnedConfig{
		"tickets": {Table: "incident", Field: "caller_id", Where: map[string]string{"active": "true"}, Title: "short_description"},
	}
}

// calls opens an incident of a caller as a person who works on the desk does, and returns its id.
func (s *site) calls(t *testing.T, title string, owner access.UserID) string {
	t.Helper()
	by := s.person(access.Person{ID: "agent", DisplayName: "Agent"})
	return string(s.ask(t, by, map[string]any{"short_description": title, "caller_id": string(owner)}))
}

// close closes an incident as a person who works on the desk does.
func (s *site) close(t *testing.T, id string) {
	t.Helper()
	require.NoError(t, s.Edit(servicenowtest.DefaultUser, id, map[string]any{"close_code": "Solution provided", "close_notes": "done"}))
	require.NoError(t, s.MoveAs(servicenowtest.DefaultUser, id, "Closed"))
}

// adopt makes an incident that a person has opened the ticket of a request.
func (s *site) adopt(t *testing.T, id string) {
	t.Helper()
	d := s.desk(t, s.takesIn)
	asked, err := d.ReadAsked(t.Context(), access.TicketID(id))
	require.NoError(t, err)
	_, err = d.BindTicket(t.Context(), access.TicketID(id), asked.Creator.ID, access.NewMarker(access.AskedRequestID("now", access.TicketID(id)), "run-1"))
	require.NoError(t, err)
}

func (s *site) ownedColumn(id string) access.UserID {
	for _, one := range s.Tickets() {
		if one.ID == id {
			return access.UserID(one.Reporter)
		}
	}
	return ""
}

func TestUserBelongings(t *testing.T) {
	accesstest.RunUserBelongings(t, func(t *testing.T) accesstest.UserBelongingsHarness {
		s, users := directory(t, servicenowtest.Config{PageLimit: 2}, func(c *servicenow.Config) { c.Users.Owned = ownedTickets() })
		off := someone("was")
		off.Active = false
		s.put(off)
		return accesstest.UserBelongingsHarness{
			Belongings: users, Kind: "tickets", PutUser: s.put, Unknown: servicenowtest.AccountID("nobody"),
			PutOwned: func(title string, owner access.DeskUser) string { return s.calls(t, title, owner.ID) },
			SetOwner: func(id string, owner access.DeskUser) {
				s.send(t, servicenowtest.DefaultUser, http.MethodPatch, "/api/now/table/incident/"+id+"?sysparm_display_value=false", `{"caller_id":"`+string(owner.ID)+`"}`)
			},
			Owner: s.ownedColumn,
			PutOther: func(owner access.DeskUser) string {
				body, err := json.Marshal(map[string]string{"short_description": "usher's own", "caller_id": string(owner.ID)})
				require.NoError(t, err)
				return s.send(t, servicenowtest.DefaultUser, http.MethodPost, "/api/now/table/incident?sysparm_display_value=false", string(body))["sys_id"].(string)
			},
			Close:             func(id string) { s.close(t, id) },
			Adopt:             func(id string) { s.adopt(t, id) },
			RefuseCredentials: func() { s.faults(func(f *servicenowtest.Faults) { f.RefuseCredentials = true }) },
			CutShort: func() {
				s.faults(func(f *servicenowtest.Faults) {
					f.Rules = []fakewire.Rule{{Times: 1, Only: []fakewire.Operation{servicenowtest.OpList}, Of: []fakewire.Fault{{Kind: fakewire.Cut}}}}
				})
			},
			LoseAnswer: func() {
				s.faults(func(f *servicenowtest.Faults) {
					f.Faults = fakewire.Rules(fakewire.Rule{
						Times: 1, Only: []fakewire.Operation{servicenowtest.OpUpdate}, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}},
					})
				})
			},
			IgnoreWrites: func() { s.faults(func(f *servicenowtest.Faults) { f.ReadOnlyFields = []string{"caller_id"} }) },
			Writes:       func() int { return len(s.tap.Calls("PATCH ")) },
		}
	})
}

// TestHandOver_changed_meanwhile: what becomes of a record while the new owner is read counts.
func TestHandOver_changed_meanwhile(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *site, string){
		"closed":      func(t *testing.T, s *site, id string) { s.close(t, id) },
		"a request's": func(t *testing.T, s *site, id string) { s.adopt(t, id) },
		"in another category": func(t *testing.T, s *site, id string) {
			require.NoError(t, s.Edit(servicenowtest.DefaultUser, id, map[string]any{"category": "inquiry"}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, users := directory(t, servicenowtest.Config{}, func(c *servicenow.Config) {
				c.Users.Owned = ownedTickets()
				c.Users.Owned["tickets"].Where["category"] = "access"
			})
			ana, bob := s.put(someone("ana")), s.put(someone("bob"))
			id, done := s.calls(t, "first", ana.ID), false
			s.tap.Instead(func(_ http.ResponseWriter, r *http.Request) bool {
				if !done && strings.Contains(r.URL.Query().Get("sysparm_query"), "sys_id="+string(bob.ID)) {
					done = true
					change(t, s, id)
				}
				return false
			})
			err := users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, ana, bob)
			require.True(t, done)
			requireKind(t, access.Conflict, err)
			require.Equal(t, ana.ID, s.ownedColumn(id))
			for _, call := range s.tap.Calls("PATCH /" + id) {
				require.NotContains(t, call.Body, "caller_id")
			}
		})
	}
}

// TestHandOver_hidden: a record that usher's account does not see any more is not one that is gone, or of another kind.
func TestHandOver_hidden(t *testing.T) {
	for name, hide := range map[string]func(*servicenowtest.Faults){
		"the row":                 func(f *servicenowtest.Faults) { f.HiddenTables = []string{"incident"} },
		"the owner":               func(f *servicenowtest.Faults) { f.HiddenFields = []string{"caller_id"} },
		"who created it":          func(f *servicenowtest.Faults) { f.HiddenFields = []string{"sys_created_by"} },
		"what makes it of a kind": func(f *servicenowtest.Faults) { f.HiddenFields = []string{"active"} },
		"a condition is left out": func(f *servicenowtest.Faults) { f.IgnoredConditions = []string{"active"} },
	} {
		t.Run(name, func(t *testing.T) {
			s, users := directory(t, servicenowtest.Config{}, func(c *servicenow.Config) { c.Users.Owned = ownedTickets() })
			ana, bob := s.put(someone("ana")), s.put(someone("bob"))
			id := s.calls(t, "first", ana.ID)
			if name == "a condition is left out" {
				s.close(t, id)
			}
			_, err := users.UserSchema(t.Context())
			require.NoError(t, err)
			done := false
			s.tap.Instead(func(_ http.ResponseWriter, r *http.Request) bool {
				if !done && strings.Contains(r.URL.Query().Get("sysparm_query"), "sys_id="+string(bob.ID)) {
					done = true
					s.faults(hide)
				}
				return false
			})
			requireKind(t, access.Forbidden, users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, ana, bob))
			require.True(t, done)
			require.Equal(t, ana.ID, s.ownedColumn(id))
			require.Empty(t, s.tap.Calls("PATCH "))
		})
	}
}

// TestListOwned_marked: what carries usher's marker is kept by its request, and the key of another integration is none.
func TestListOwned_marked(t *testing.T) {
	s, users := directory(t, servicenowtest.Config{}, func(c *servicenow.Config) { c.Users.Owned = ownedTickets() })
	ana, bob := s.put(someone("ana")), s.put(someone("bob"))
	for name, row := range map[string]struct {
		columns map[string]any
		kept    bool
	}{
		"its marker":                {map[string]any{"correlation_id": "usher-now.1:0123", "correlation_display": "usher"}, true},
		"its marker alone":          {map[string]any{"correlation_id": "Usher-now.1:0123"}, true},
		"its marker written over":   {map[string]any{"correlation_id": "x-7", "correlation_display": "Usher"}, true},
		"nothing":                   {nil, false},
		"another integration's key": {map[string]any{"correlation_id": "usher7", "correlation_display": "monitoring"}, false},
	} {
		id := s.calls(t, name, ana.ID)
		if row.columns != nil {
			require.NoError(t, s.Edit(servicenowtest.DefaultUser, id, row.columns))
		}
		got, err := users.ListOwned(t.Context(), access.OwnedQuery{Kind: "tickets", Owner: ana, Limit: 10})
		require.NoError(t, err)
		err = users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, ana, bob)
		if !row.kept {
			require.Len(t, got, 1, name)
			require.NoError(t, err, name)
			continue
		}
		require.Empty(t, got, name)
		requireKind(t, access.Conflict, err)
		require.ErrorContains(t, err, "belongs to a request", name)
		require.Equal(t, ana.ID, s.ownedColumn(id), name)
	}
}

// TestListOwned_marker_hidden: where usher cannot see whether a ticket is a request's, nothing of that table is handed over. Other tables may have no
// such column.
func TestListOwned_marker_hidden(t *testing.T) {
	s, users := directory(t, servicenowtest.Config{}, func(c *servicenow.Config) {
		c.Users.Owned = ownedTickets()
		c.Users.Owned["orders"] = servicenow.OwnedConfig{Table: "sc_req_item", Field: "requested_for"}
	})
	ana, bob := s.put(someone("ana")), s.put(someone("bob"))
	id := s.calls(t, "first", ana.ID)
	s.kind = items
	s.ask(t, s.person(eve()), map[string]any{"requested_for": string(ana.ID)})
	s.faults(func(f *servicenowtest.Faults) { f.HiddenFields = []string{"correlation_id"} })
	_, err := users.OwnedKinds(t.Context())
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.now.users.owned.tickets: usher's account may not read the column correlation_id of the table incident")
	require.NotContains(t, err.Error(), "orders")
	_, err = users.ListOwned(t.Context(), access.OwnedQuery{Kind: "tickets", Owner: ana, Limit: 10})
	requireKind(t, access.Forbidden, err)
	requireKind(t, access.Forbidden, users.HandOver(t.Context(), access.Owned{Kind: "tickets", ID: id}, ana, bob))
	require.Equal(t, ana.ID, s.ownedColumn(id))
	got, err := users.ListOwned(t.Context(), access.OwnedQuery{Kind: "orders", Owner: ana, Limit: 10})
	require.NoError(t, err)
	require.Len(t, got, 1)
}

// TestListOwned_hidden: rows that usher's account does not see are no empty list.
func TestListOwned_hidden(t *testing.T) {
	for name, hide := range map[string]func(*servicenowtest.Faults){
		"rows are hidden":         func(f *servicenowtest.Faults) { f.HiddenTables = []string{"incident"} },
		"the table is refused":    func(f *servicenowtest.Faults) { f.ForbiddenTables = []string{"incident"} },
		"nobody counts":           func(f *servicenowtest.Faults) { f.NoTotalCount = true },
		"the column is hidden":    func(f *servicenowtest.Faults) { f.HiddenFields = []string{"caller_id"} },
		"a condition is left out": func(f *servicenowtest.Faults) { f.IgnoredConditions = []string{"active"} },
		"a condition finds nothing": func(f *servicenowtest.Faults) {
			f.IgnoredConditions, f.InvalidQueryReturnsNothing = []string{"caller_id"}, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, users := directory(t, servicenowtest.Config{}, func(c *servicenow.Config) { c.Users.Owned = ownedTickets() })
			ana := s.put(someone("ana"))
			s.calls(t, "first", ana.ID)
			closed := s.calls(t, "closed", ana.ID)
			s.send(t, servicenowtest.DefaultUser, http.MethodPatch, "/api/now/table/incident/"+closed+"?sysparm_display_value=false",
				`{"state":"7","close_code":"Solution provided","close_notes":"done"}`)
			got, err := users.ListOwned(t.Context(), access.OwnedQuery{Kind: "tickets", Owner: ana, Limit: 10})
			require.NoError(t, err)
			require.Len(t, got, 1)
			s.faults(hide)
			_, err = users.ListOwned(t.Context(), access.OwnedQuery{Kind: "tickets", Owner: ana, Limit: 10})
			requireKind(t, access.Forbidden, err)
		})
	}
}

// TestOwnedKinds_wrong: a kind that the instance does not have is named.
func TestOwnedKinds_wrong(t *testing.T) {
	s, users := directory(t, servicenowtest.Config{}, func(c *servicenow.Config) {
		c.Users.Owned = map[string]servicenow.OwnedConfig{"tickets": {Table: "incident", Field: "u_nothing"}}
	})
	s.calls(t, "first", s.put(someone("ana")).ID)
	_, err := users.OwnedKinds(t.Context())
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.now.users.owned.tickets")
	require.ErrorContains(t, err, "u_nothing")
}

// TestOwnedConfig names every key that is wrong.
func TestOwnedConfig(t *testing.T) {
	c := newSite(t, incidents, servicenowtest.Config{}).config()
	c.Users.Owned = map[string]servicenow.OwnedConfig{
		"users": {Table: "sys_user", Field: "sys_id", Title: "Number", Where: map[string]string{"active": "true^ORactive=false", "a b": "x"}},
	}
	err := c.Validate()
	for _, key := range []string{"table", "field", "title", "where.active", "where.a b"} {
		require.ErrorContains(t, err, "users.owned.users."+key+":")
	}
	c.Users.Owned = ownedTickets()
	require.NoError(t, c.Validate())
}
