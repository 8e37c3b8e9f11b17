package servicenow_test

import (
	"cmp"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

func eve() access.Person {
	return access.Person{ID: "eve", DisplayName: "Eve", Email: "eve@example.test"}
}

// intakeSite is a site on which people ask, usher's desk there, and an account that asks.
func intakeSite(t *testing.T, kind kindOfTicket) (*site, *servicenow.Desk, access.AccountID) {
	t.Helper()
	s := newSite(t, kind, servicenowtest.Config{PageLimit: 3})
	return s, s.desk(t, s.takesIn), s.person(eve())
}

// plea is what is written into the ticket that most tests ask by.
func plea() map[string]any {
	return map[string]any{"short_description": "Wiki", "description": "Access: wiki/editor"}
}

// hourAgo is where most tests begin to look for changes.
func hourAgo() access.ChangesQuery {
	return access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10}
}

func TestAsked_query(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s, d, account := intakeSite(t, kind)
		id, wire, condition := s.ask(t, account, plea()), "GET /incident", "category=Access"
		if kind == items {
			wire, condition = "GET /sc_req_item", "cat_item="+servicenowtest.AskItemID()
		}
		q := hourAgo()
		page, err := d.AskedTickets(t.Context(), q)
		require.NoError(t, err)
		require.Len(t, page.Tickets, 1)
		require.Equal(t, id, page.Tickets[0].Ref.ID)
		calls := s.tap.Calls(wire)
		require.Equal(t, condition+"^correlation_idISEMPTY^sys_updated_on>="+q.Since.UTC().Format(time.DateTime)+"^ORDERBYsys_updated_on^ORDERBYsys_id",
			calls[len(calls)-1].Query.Get("sysparm_query"))
		require.NotContains(t, calls[len(calls)-1].Query.Get("sysparm_fields"), "description", "no more than is needed")
	})
}

// TestAsked_query_ignored: ServiceNow leaves a condition out of the search, and finds tickets of which nobody asks.
func TestAsked_query_ignored(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s, d, account := intakeSite(t, kind)
		fields := map[string]access.ChangesQuery{
			"correlation_id": hourAgo(), "sys_updated_on": {Since: time.Now().Add(time.Hour), Limit: 10}, "category": hourAgo(),
		}
		harnessOf(t, s).OpenAs(account)
		s.ask(t, account, plea())
		marked := s.ask(t, account, plea())
		require.NoError(t, s.Edit(string(account), string(marked), map[string]any{"correlation_id": "usher-x"}))
		if kind == items {
			delete(fields, "category")
			fields["cat_item"] = hourAgo()
		}
		for field, q := range fields {
			s.faults(func(f *servicenowtest.Faults) { f.IgnoredConditions = []string{field} })
			_, err := d.AskedTickets(t.Context(), q)
			require.Error(t, err, field)
			requireKind(t, access.Forbidden, err)
			require.ErrorContains(t, err, "the condition on the field "+field)
		}
	})
}

// TestAsked_times: a time of the search must not be taken for one of another zone.
func TestAsked_times(t *testing.T) {
	account := servicenowtest.DefaultAccount()
	account.Zone = time.FixedZone("there", 3600)
	s := newSite(t, incidents, servicenowtest.Config{Accounts: []desktest.Account{account}})
	s.faults(func(f *servicenowtest.Faults) { f.ZonedQueries = true })
	_, err := s.desk(t, s.takesIn).AskedTickets(t.Context(), hourAgo())
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "in the time zone of account")
}

func TestAskedTicket_read(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s, d, account := intakeSite(t, kind)
		columns := map[string]any{"short_description": "Wiki", "description": "<b>Please</b>\r\nReason: I write & read"}
		if kind == incidents {
			columns["u_role"] = "wiki/editor"
		}
		id := s.ask(t, account, columns)
		if kind == items {
			require.NoError(t, s.Edit(string(account), string(id), map[string]any{"variables.role": "wiki/editor", "variables.reason": "Access: wiki/admin"}))
		}
		got, err := d.ReadAsked(t.Context(), id)
		require.NoError(t, err)
		ref, err := d.ReadTicket(t.Context(), id)
		require.NoError(t, err)
		got.TextChange = ""
		require.Equal(t, access.AskedTicket{
			Ref: ref.Ref, Creator: access.DeskAccount{ID: account, Name: "Eve", Email: "eve@example.test"},
			Summary: "Wiki", Text: "<b>Please</b>\r\nReason: I write & read", Values: map[access.AskedField]string{access.AskedAccess: "wiki/editor"},
		}, got)
	})
}

// TestAskedTicket_fields: a reference to an account is its user name, and any other is no text, nor is a field out of sight.
func TestAskedTicket_fields(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s, d, account := intakeSite(t, kind)
		field := map[kindOfTicket]string{incidents: "u_role", items: "variables.role"}[kind]
		id := s.ask(t, account, plea())
		for value, want := range map[string]access.AskedTicket{
			"":                         {Values: map[access.AskedField]string{}},
			"wiki/editor, wiki/reader": {Values: map[access.AskedField]string{access.AskedAccess: "wiki/editor, wiki/reader"}},
			servicenowtest.AccountID(string(account)): {Values: map[access.AskedField]string{access.AskedAccess: string(account)}},
			servicenowtest.ItemID():                   {Values: map[access.AskedField]string{}, Unreadable: []access.AskedField{access.AskedAccess}},
		} {
			require.NoError(t, s.Edit(string(account), string(id), map[string]any{field: value}))
			got, err := d.ReadAsked(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, want, access.AskedTicket{Values: got.Values, Unreadable: got.Unreadable}, value)
		}
		if kind == items {
			// A variable is no column that could be hidden.
			return
		}
		require.NoError(t, s.Edit(string(account), string(id), map[string]any{field: "wiki/editor"}))
		s.faults(func(f *servicenowtest.Faults) { f.HiddenFields = []string{field} })
		got, err := d.ReadAsked(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, got.Unreadable, 1)
	})
}

// TestAskedTicket_hidden: what decides whether a ticket is taken in must be in sight.
func TestAskedTicket_hidden(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s, d, account := intakeSite(t, kind)
		id := s.ask(t, account, plea())
		fields, tables := []string{"sys_created_by", "correlation_id", "correlation_display", "contact_type", "description"}, []string{"sys_audit"}
		if kind == items {
			fields, tables = append(fields, "cat_item"), append(tables, "sc_item_option_mtom")
			require.NoError(t, s.Edit(string(account), string(id), map[string]any{"variables.role": "wiki/editor"}))
		}
		require.NoError(t, s.Edit(string(account), string(id), map[string]any{"contact_type": "phone"}))
		for _, field := range fields {
			s.SetFaults(servicenowtest.Faults{HiddenFields: []string{field}})
			_, err := d.ReadAsked(t.Context(), id)
			requireKind(t, access.Forbidden, err)
			require.ErrorContains(t, err, "may not read the field "+field)
		}
		for _, table := range tables {
			s.SetFaults(servicenowtest.Faults{HiddenTables: []string{table}})
			_, err := d.ReadAsked(t.Context(), id)
			requireKind(t, access.Forbidden, err)
			require.ErrorContains(t, err, table)
		}
	})
}

// TestAskedTicket_spoilt has ServiceNow answer with something else than the ticket.
func TestAskedTicket_spoilt(t *testing.T) {
	s, d, account := intakeSite(t, incidents)
	id := s.ask(t, account, plea())
	for _, answer := range []string{`{"result":{"sys_id":"x"}}`, `{"result":null}`, `{"result":[]}`, `<html></html>`, `{"result":{"sys_id":"` + string(id) + `"`} {
		s.tap.AnswerInstead("GET /"+string(id), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, answer)
		})
		_, err := d.ReadAsked(t.Context(), id)
		requireKind(t, access.Transient, err)
	}
}

// TestMark_not_kept: ServiceNow says 200 and drops the marker.
func TestMark_not_kept(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s, d, account := intakeSite(t, kind)
		id := s.ask(t, account, plea())
		s.faults(func(f *servicenowtest.Faults) { f.ReadOnlyFields = []string{"correlation_id"} })
		_, err := d.BindTicket(t.Context(), id, account, "usher-now.1:0123456789abcdef")
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "ServiceNow did not keep the marker")
	})
}

// TestMark_other_key: another integration keeps its own key on the ticket, from the beginning or since usher looked at it.
func TestMark_other_key(t *testing.T) {
	s, d, account := intakeSite(t, incidents)
	id := s.ask(t, account, map[string]any{"correlation_id": "monitoring-7"})
	_, err := d.BindTicket(t.Context(), id, account, "usher-now.1:0123456789abcdef")
	requireKind(t, access.Invalid, err)
	page, err := d.AskedTickets(t.Context(), hourAgo())
	require.NoError(t, err)
	require.Empty(t, page.Tickets)
	require.Equal(t, 1, s.count("monitoring-7"))
}

// TestChanged_bound walks over tickets of usher's and tickets that it took in, in short pages: each is told, and nobody else's.
func TestChanged_bound(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		s, d, account := intakeSite(t, kind)
		want := map[access.TicketID]bool{}
		for _, id := range openMany(t, d, 7) {
			want[id] = true
		}
		for range 7 {
			id := s.ask(t, account, plea())
			_, err := d.BindTicket(t.Context(), id, account, access.NewMarker(access.AskedRequestID("now", id), "run-1"))
			require.NoError(t, err)
			want[id] = true
			s.ask(t, account, plea())
		}
		require.Equal(t, want, changed(t, d, 2))
	})
}

// TestChanged_query_ignored: a row that meets the one condition does not show that ServiceNow left out the other.
func TestChanged_query_ignored(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		for _, field := range []string{"sys_created_by", "correlation_id"} {
			s, d, account := intakeSite(t, kind)
			open(t, d)
			_, err := d.ChangedTickets(t.Context(), hourAgo())
			require.NoError(t, err)
			s.faults(func(f *servicenowtest.Faults) { f.IgnoredConditions = []string{field} })
			id := s.ask(t, account, plea())
			_, err = d.BindTicket(t.Context(), id, account, "usher-now.1:0123456789abcdef")
			require.NoError(t, err)
			_, err = d.ChangedTickets(t.Context(), hourAgo())
			requireKind(t, access.Forbidden, err)
			require.ErrorContains(t, err, "the condition on the field "+field)
		}
	})
}

// TestFind_bound: a ticket that a person opened is never taken for one that usher opened and lost sight of.
func TestFind_bound(t *testing.T) {
	s, d, account := intakeSite(t, incidents)
	id := s.ask(t, account, plea())
	_, err := d.BindTicket(t.Context(), id, account, "usher-now.1:0123456789abcdef")
	require.NoError(t, err)
	_, err = d.FindTicket(t.Context(), "usher-now.1:0123456789abcdef")
	requireKind(t, access.NotFound, err)
}

// TestIntake_check: a kind, a field or a right that is not there is a finding, so that nobody waits for tickets that nothing finds.
func TestIntake_check(t *testing.T) {
	kinds := map[kindOfTicket]string{incidents: "access", items: servicenowtest.AskItemID()}
	fields := map[kindOfTicket]string{incidents: "u_role", items: "role"}
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		for name, row := range map[string]struct {
			kind, field string
			fault       servicenowtest.Faults
			key, says   string
		}{
			"all is well":        {},
			"no such kind":       {kind: strings.Repeat("0", 32), key: "intake.kind", says: "there "},
			"no such field":      {field: "u_rolle", key: "intake.fields.u_rolle", says: "role"},
			"forged creators":    {fault: servicenowtest.Faults{WritableCreators: true}, key: "intake", says: "admin_only_sys_fields"},
			"no sight of that":   {fault: servicenowtest.Faults{HiddenTables: []string{"sys_properties"}}, key: "intake", says: "admin_only_sys_fields"},
			"a search for usher": {fault: servicenowtest.Faults{IgnoredConditions: []string{"sys_created_by"}}, key: "intake", says: "sys_created_by"},
		} {
			t.Run(name, func(t *testing.T) {
				s, d, account := intakeSite(t, kind)
				open(t, d)
				s.ask(t, account, plea())
				s.SetFaults(row.fault)
				findings, err := s.desk(t, func(c *servicenow.Config) {
					c.Intake = &desk.Intake{
						Kind:   cmp.Or(row.kind, kinds[kind]),
						Fields: map[string]access.AskedField{cmp.Or(row.field, fields[kind]): access.AskedAccess},
					}
				}).Check(t.Context())
				require.NoError(t, err)
				if row.key == "" {
					require.Empty(t, findings)
					return
				}
				require.Len(t, findings, 1)
				require.Equal(t, "desks.now."+row.key, findings[0].Key)
				require.Contains(t, findings[0].Problem, row.says)
			})
		}
	})
}

// TestIntake_check_fields: what decides whether a ticket is taken in must be in sight.
func TestIntake_check_fields(t *testing.T) {
	s, d, account := intakeSite(t, incidents)
	s.ask(t, account, plea())
	for _, field := range []string{"category", "contact_type"} {
		s.SetFaults(servicenowtest.Faults{HiddenFields: []string{field}})
		findings, err := d.Check(t.Context())
		require.NoError(t, err)
		require.Len(t, findings, 1)
		require.Contains(t, findings[0].Problem, "does not see the field "+field)
	}
}

// TestIntake_check_empty: a table without records shows no fields, and then they are taken for there.
func TestIntake_check_empty(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) {
		_, d, _ := intakeSite(t, kind)
		findings, err := d.Check(t.Context())
		require.NoError(t, err)
		require.Empty(t, findings)
	})
}
