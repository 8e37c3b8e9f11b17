package servicenow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

func TestValidate(t *testing.T) {
	good := servicenow.Config{BaseURL: "https://x.service-now.test", User: "usher", Password: "secret"}
	require.NoError(t, good.Validate())
	for name, row := range map[string]struct {
		change func(*servicenow.Config)
		want   string
	}{
		"no address":             {func(c *servicenow.Config) { c.BaseURL = "" }, "base_url: expected an absolute http or https URL"},
		"the address of the API": {func(c *servicenow.Config) { c.BaseURL += "/api/now" }, "base_url: expected the address of the instance, without /api/now"},
		"no password":            {func(c *servicenow.Config) { c.Password = "" }, "password: expected a value, because auth is basic"},
		"an unknown way":         {func(c *servicenow.Config) { c.Auth = "kerberos" }, `auth: unknown value "kerberos"; expected basic, oauth or api_key`},
		"two ways":               {func(c *servicenow.Config) { c.Auth, c.APIKey = servicenow.AuthBasic, "k" }, "api_key: expected none, because auth is basic"},
		"half of OAuth":          {func(c *servicenow.Config) { c.User, c.Password, c.ClientID = "", "", "x" }, "client_secret: expected a value, because auth is oauth"},
		"a token for basic":      {func(c *servicenow.Config) { c.RefreshToken = "x" }, "refresh_token: expected none, because auth is basic"},
		"no table":               {func(c *servicenow.Config) { c.Table = "../x" }, "table: expected the name of a table, such as incident"},
		"items without a catalog item": {
			func(c *servicenow.Config) { c.Table = "sc_req_item" },
			"catalog_item: expected the sys_id of a catalog item: requested items come from orders only",
		},
		"a name for an id": {func(c *servicenow.Config) { c.CatalogItem = "Access" }, "catalog_item: expected a sys_id: 32 characters of 0-9 and a-f"},
		"a table beside an item": {
			func(c *servicenow.Config) { c.CatalogItem, c.Table = servicenowtest.ItemID(), "incident" },
			"table: expected none beside catalog_item: what is ordered is in sc_req_item",
		},
		"a variable without an item": {func(c *servicenow.Config) { c.MarkerVariable = "x" }, "marker_variable: expected none without catalog_item"},
		"a field of usher's own": {
			func(c *servicenow.Config) {
				c.Fields = map[string]access.TicketField{"correlation_id": access.FieldReason}
			},
			"fields.correlation_id: usher fills this field itself; expected another one",
		},
		"an unknown journal": {func(c *servicenow.Config) { c.Journal = "notes" }, `journal: unknown value "notes"; expected comments or work_notes`},
		"an unknown history": {func(c *servicenow.Config) { c.History = "none" }, `history: unknown value "none"; expected audit or last_updater`},
		"no category":        {takesIn(desk.Intake{Kind: "a,b"}), "intake.kind: expected a value of the column category, without commas and without ^"},
		"a name for an item": {
			func(c *servicenow.Config) {
				takesIn(desk.Intake{Kind: "Access"})(c)
				c.CatalogItem = servicenowtest.ItemID()
			},
			"intake.kind: expected the sys_id of the catalog item that people order: 32 characters of 0-9 and a-f",
		},
		"usher's own item": {
			func(c *servicenow.Config) {
				takesIn(desk.Intake{Kind: servicenowtest.ItemID()})(c)
				c.CatalogItem = servicenowtest.ItemID()
			},
			"intake.kind: expected another catalog item than catalog_item, which usher orders itself",
		},
		"no history beside intake": {
			func(c *servicenow.Config) {
				takesIn(desk.Intake{Kind: "access"})(c)
				c.History = servicenow.HistoryLastUpdater
			},
			"history: expected audit beside intake: who changed what a ticket asks for is not known otherwise",
		},
		"a column that moves by itself": {
			takesIn(desk.Intake{Kind: "access", Fields: map[string]access.AskedField{"state": access.AskedAccess}}),
			"intake.fields.state: usher or ServiceNow itself uses this name; expected another field",
		},
		"the variable of the marker": {
			func(c *servicenow.Config) {
				takesIn(desk.Intake{Kind: servicenowtest.AskItemID(), Fields: map[string]access.AskedField{"marker": access.AskedAccess}})(c)
				c.CatalogItem, c.MarkerVariable = servicenowtest.ItemID(), "marker"
			},
			"intake.fields.marker: usher or ServiceNow itself uses this name; expected another field",
		},
		"no way": {
			takesIn(desk.Intake{Kind: "access", Channels: []string{"an unknown way"}}),
			"intake.channels: expected values of contact_type, such as email; self-service is always taken, and none at all never is",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			row.change(&c)
			require.EqualError(t, c.Validate(), row.want)
			_, err := servicenow.New(c, "now")
			require.EqualError(t, err, row.want)
		})
	}
}

func takesIn(in desk.Intake) func(*servicenow.Config) {
	return func(c *servicenow.Config) { c.Intake = &in }
}

// TestCheck_findings changes the configuration, or the instance, so that they do not fit.
func TestCheck_findings(t *testing.T) {
	for name, row := range map[string]struct {
		kind     kindOfTicket
		change   func(*servicenow.Config)
		fault    servicenowtest.Faults
		key      string
		problems []string
	}{
		"a status that does not exist": {
			kind: incidents, change: func(c *servicenow.Config) {
				c.Statuses = map[access.TicketPhase][]string{access.TicketDenied: {"Refused"}}
			},
			key: "statuses.denied", problems: []string{`"Refused"; there are: "New" (1), "In Progress" (2)`},
		},
		"a close code that does not exist": {
			kind: incidents, change: func(c *servicenow.Config) {
				c.ClosingFields = map[access.TicketPhase]map[string]any{access.TicketDone: {"close_code": "Solved", "close_notes": "x"}}
			},
			key: "closing_fields.done.close_code", problems: []string{`no close code "Solved"; there are: Resolved by request, `},
		},
		"no close notes": {
			kind: incidents, change: func(c *servicenow.Config) {
				c.ClosingFields = map[access.TicketPhase]map[string]any{access.TicketDone: {"close_code": "Resolved by request"}}
			},
			key: "closing_fields.done.close_notes", problems: []string{"demands one of a resolved incident"},
		},
		"a column that does not exist": {
			kind: incidents, change: func(c *servicenow.Config) { c.Fields = map[string]access.TicketField{"u_nothing": access.FieldReason} },
			key: "fields.u_nothing", problems: []string{"not on the create screen", "u_reason"},
		},
		"a table that does not exist": {
			kind: incidents, change: func(c *servicenow.Config) { c.Table = "u_nothing" },
			key: "table", problems: []string{`no table "u_nothing"`},
		},
		"a table that is refused": {
			kind: incidents, fault: servicenowtest.Faults{ForbiddenTables: []string{"incident"}},
			key: "table", problems: []string{`no table "incident"`},
		},
		"no choices": {
			kind: incidents, fault: servicenowtest.Faults{HiddenTables: []string{"sys_choice"}},
			change: func(c *servicenow.Config) { c.Statuses = nil },
			key:    "table", problems: []string{"no states in sys_choice"},
		},
		"a variable that does not exist": {
			kind: items, change: func(c *servicenow.Config) { c.MarkerVariable = "marker" },
			key: "marker_variable", problems: []string{`no variable "marker"; there are: `, "Reference (usher_marker)"},
		},
		"an item that does not exist": {
			kind: items, change: func(c *servicenow.Config) { c.CatalogItem = servicenowtest.AccountID("x") },
			key: "catalog_item", problems: []string{"no catalog item"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, row.kind, servicenowtest.Config{})
			open(t, s.desk(t, nil))
			s.SetFaults(row.fault)
			d := s.desk(t, row.change)
			findings, err := d.Check(t.Context())
			require.NoError(t, err)
			require.Len(t, findings, 1)
			require.Equal(t, "desks.now."+row.key, findings[0].Key)
			for _, part := range row.problems {
				require.Contains(t, findings[0].Problem, part)
			}
			before := len(s.Tickets())
			_, err = d.CreateTicket(t.Context(), ticket())
			requireKind(t, access.Invalid, err)
			require.Len(t, s.Tickets(), before)
		})
	}
}

// TestStatus_of_value lists states by their values, as some configurations do.
func TestStatus_of_value(t *testing.T) {
	tables := servicenowtest.DefaultTables()
	tables[0].Statuses = append(tables[0].Statuses, desktest.Status{ID: "20", Name: "Geliefert", Category: desktest.CategoryIndeterminate})
	s := newSite(t, incidents, servicenowtest.Config{Tables: tables})
	d := s.desk(t, func(c *servicenow.Config) {
		c.Statuses = map[access.TicketPhase][]string{access.TicketDone: {"20"}, access.TicketWorking: {"on hold"}}
		c.Match = desk.MatchMap
	})
	id := open(t, d).ID
	for _, phase := range []access.TicketPhase{access.TicketWorking, access.TicketDone} {
		require.NoError(t, d.TransitionTicket(t.Context(), id, phase))
	}
	got, err := d.ReadTicket(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, access.TicketDone, got.Phase)
	require.Equal(t, "Geliefert", got.Status)
}

func TestValidate_users(t *testing.T) {
	c := servicenow.Config{BaseURL: "https://x.service-now.test", User: "usher", Password: "secret"}
	c.Users = servicenow.UsersConfig{PersonField: "employee_number", Lock: true}
	require.NoError(t, c.Validate())
	for _, name := range []string{"user_name", "active", "sys_id", "manager.user_name", "a^b", "E-mail"} {
		c.Users.PersonField = name
		require.EqualError(t, c.Validate(), "users.person_field: expected the name of a column of sys_user, such as employee_number, that usher does"+
			" not write anyway", name)
		_, err := servicenow.NewUsers(c, "now", nil)
		require.Error(t, err)
	}
}

func TestValidate_import_set(t *testing.T) {
	for name, row := range map[string]struct {
		set  servicenow.ImportSetConfig
		want string
	}{
		"the least":        {servicenow.ImportSetConfig{Table: "u_users"}, ""},
		"everything":       {servicenow.ImportSetConfig{Table: "u_users", User: "u_key", Coalesce: "employee_number", Fields: map[string]string{"email": "u_mail"}}, ""},
		"by the user name": {servicenow.ImportSetConfig{Table: "u_users", Coalesce: "user_name"}, ""},
		"no table":         {servicenow.ImportSetConfig{}, "users.import_set.table: expected the name of a staging table, such as u_usher_users"},
		"a path":           {servicenow.ImportSetConfig{Table: "u_users/insertMultiple"}, "users.import_set.table: expected the name of a staging table, such as u_usher_users"},
		"a column of ServiceNow's": {
			servicenow.ImportSetConfig{Table: "u_users", User: "sys_id"},
			"users.import_set.user: expected the name of a column of the staging table, such as u_sys_id",
		},
		"by the address": {
			servicenow.ImportSetConfig{Table: "u_users", Coalesce: "email"},
			`users.import_set.coalesce: unknown value "email"; expected one of sys_id, user_name, employee_number`,
		},
		"the name that ServiceNow makes": {
			servicenow.ImportSetConfig{Table: "u_users", Fields: map[string]string{"name": "u_name"}},
			"users.import_set.fields.name: expected a column of sys_user that usher writes; the sys_id is in users.import_set.user",
		},
		"a wrong column": {
			servicenow.ImportSetConfig{Table: "u_users", Fields: map[string]string{"email": "E-mail"}},
			"users.import_set.fields.email: expected the name of a column of the staging table, such as u_email",
		},
		"one column for two": {
			servicenow.ImportSetConfig{Table: "u_users", Fields: map[string]string{"email": "u_user_name"}},
			"users.import_set.fields: the column u_user_name carries email and user_name; expected one column for each",
		},
		"the column of the sys_id": {
			servicenow.ImportSetConfig{Table: "u_users", User: "u_active"},
			"users.import_set.fields: the column u_active carries sys_id and active; expected one column for each",
		},
	} {
		c := servicenow.Config{BaseURL: "https://x.service-now.test", User: "usher", Password: "secret"}
		c.Users = servicenow.UsersConfig{PersonField: "employee_number", ImportSet: &row.set}
		err := c.Validate()
		if row.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.EqualError(t, err, row.want, name)
		_, err = servicenow.NewUsers(c, "now", nil)
		require.EqualError(t, err, row.want, name)
	}
	c := servicenow.Config{BaseURL: "https://x.service-now.test", User: "usher", Password: "secret"}
	c.Users.ImportSet = &servicenow.ImportSetConfig{Table: "u_users", Coalesce: "u_person"}
	require.EqualError(t, c.Validate(), `users.import_set.coalesce: unknown value "u_person"; expected one of sys_id, user_name`)
}
