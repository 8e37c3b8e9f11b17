package desk_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

func TestCheck_compares_with_the_desk(t *testing.T) {
	s := newScript()
	s.schema = &desk.Schema{
		Fields: map[string]desk.Field{
			"a": {ID: "a", Name: "Reason", TakesText: true, Required: true}, "b": {ID: "b", Type: "date"},
			"c": {ID: "c", Name: "Cost centre", Required: true}, "d": {ID: "d", Required: true, Provided: true},
		},
		Statuses: []desk.Status{{ID: "1", Name: "new"}, {ID: "2", Name: "Resolved", Phase: access.TicketDone}},
	}
	s.findings = []access.Finding{{Key: "desks.d.own", Problem: "mine"}}
	c := desk.Config{
		Fields:   map[string]access.TicketField{"a": access.FieldReason, "b": access.FieldItems, "x": access.FieldSubject},
		Statuses: map[access.TicketPhase][]string{access.TicketDone: {"resolved"}, access.TicketDenied: {"rejected"}},
	}
	d := s.desk(c)
	want := []access.Finding{
		{Key: "desks.d.fields.b", Problem: `the field is of type "date", which takes no text`},
		{Key: "desks.d.fields.x", Problem: "the field is not on the create screen; there are: Reason (a), b, Cost centre (c), d"},
		{Key: "desks.d.own", Problem: "mine"},
		{Key: "desks.d.fields.c", Problem: "Cost centre (c) is required to create a ticket, and nothing is mapped to it; opening_fields may have a value for it"},
		{Key: "desks.d.statuses.denied", Problem: `the workflow has no status "rejected"; there are: "new" (1), "Resolved" (2)`},
	}
	got, err := d.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, []string{"self", "schema"}, s.asked())
	_, err = d.CreateTicket(t.Context(), access.NewTicket{Marker: "m"})
	requireKind(t, access.Invalid, err)
	for _, one := range want {
		require.ErrorContains(t, err, one.Key+": "+one.Problem)
	}

	s.schema, s.findings = &desk.Schema{}, nil
	d = s.desk(desk.Config{})
	s.more = []access.Finding{{Key: "desks.d.webhook"}}
	s.asked()
	got, err = d.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, s.more, got)
	require.Equal(t, []string{"self", "schema", "check"}, s.asked())
	for range 2 {
		_, err = d.CreateTicket(t.Context(), access.NewTicket{Marker: "m"})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"schema", "create", "create"}, s.asked(), "what fits is not compared again")
}

// A desk that does not list its statuses has none that could be missing.
func TestSchema_without_statuses(t *testing.T) {
	s := newScript()
	s.schema = &desk.Schema{}
	d := s.desk(desk.Config{Statuses: map[access.TicketPhase][]string{access.TicketDenied: {"rejected"}}})
	got, err := d.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, got)
	s.schema.Statuses = []desk.Status{}
	got, err = d.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 1)
}

func TestSchema_missing_place(t *testing.T) {
	s := newScript()
	s.schema, s.schemaErr = nil, access.Errorf(access.NotFound, "schema", "no such queue")
	s.findings = []access.Finding{{Key: "desks.d.queue", Problem: "there is none"}}
	d := s.desk(desk.Config{})
	got, err := d.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, s.findings, got)
	_, err = d.CreateTicket(t.Context(), access.NewTicket{Marker: "m"})
	requireKind(t, access.Invalid, err)
	s.self = bad
	_, err = d.CreateTicket(t.Context(), access.NewTicket{Marker: "m"})
	requireKind(t, access.Forbidden, err)
	s.findings = nil
	_, err = d.CreateTicket(t.Context(), access.NewTicket{Marker: "m"})
	requireKind(t, access.Invalid, err)
}

func TestFindAccount_beyond_doubt(t *testing.T) {
	ada := access.Person{ID: "p", Email: "Ada@example.test"}
	for _, tt := range []struct {
		name  string
		users []desk.User
		want  access.AccountID
	}{
		{"nobody", nil, ""},
		{"another case", []desk.User{{ID: "a", Email: "ada@example.test", Usable: true}, {ID: "b", Email: "ada@example.test.org", Usable: true}}, "a"},
		{"two", []desk.User{{ID: "a", Email: "ada@example.test", Usable: true}, {ID: "b", Email: "ada@example.test", Usable: true}}, ""},
		{"one that is off", []desk.User{{ID: "a", Email: "ada@example.test"}}, ""},
		{"a hidden address alone", []desk.User{{ID: "a", Usable: true, MatchAlone: true}}, "a"},
		{"a hidden address among others", []desk.User{{ID: "a", Usable: true, MatchAlone: true}, {ID: "b"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			now := minute(0)
			s.traits.Now = func() time.Time { return now }
			s.users = tt.users
			d := s.desk(desk.Config{Accounts: map[access.PersonID]access.AccountID{"q": "mapped"}})
			for range 2 {
				got, err := d.FindAccount(t.Context(), ada)
				require.NoError(t, err)
				require.Equal(t, tt.want, got.ID)
			}
			got, err := d.FindAccount(t.Context(), access.Person{ID: "q", Email: "q@example.test"})
			require.NoError(t, err)
			require.Equal(t, access.Account{Person: "q", ID: "mapped", How: "map"}, got)
			require.Contains(t, s.asked(), "users")
			now = minute(10)
			_, err = d.FindAccount(t.Context(), ada)
			require.NoError(t, err)
			require.Contains(t, s.asked(), "users", "the memory ends")
		})
	}
}

func TestConfig_wrong_keys(t *testing.T) {
	err := desk.Config{
		Statuses:      map[access.TicketPhase][]string{"closed": {""}, access.TicketDone: {"Closed"}, access.TicketWontDo: {"closed"}},
		ClosingFields: map[access.TicketPhase]map[string]any{"x": nil},
		Fields:        map[string]access.TicketField{"summary": access.FieldReason, "f": "colour"},
		Rate:          -1, RequestTimeout: -1,
	}.Validate("summary")
	for _, want := range []string{
		"statuses.closed: unknown phase; expected one of waiting, approved", "statuses.closed: expected names",
		`statuses.wont_do: status "closed" is in statuses.done already`, "closing_fields.x: unknown phase",
		"fields.summary: usher fills this field itself", `fields.f: unknown value "colour"`, "rate: expected", "request_timeout: expected",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, desk.Config{}.Validate())
}

// TestConfig_files_for: accounts that file for others go with a field that says for whom.
func TestConfig_files_for(t *testing.T) {
	requester := map[string]access.AskedField{"f": access.AskedRequester}
	for name, row := range map[string]struct {
		intake desk.Intake
		wrong  string
	}{
		"nothing of it":       {desk.Intake{Kind: "k"}, ""},
		"both":                {desk.Intake{Kind: "k", Fields: requester, FilesFor: []access.AccountID{"portal"}}, ""},
		"accounts only":       {desk.Intake{Kind: "k", FilesFor: []access.AccountID{"portal"}}, "intake.files_for: expected a field that intake.fields maps to requester"},
		"a field only":        {desk.Intake{Kind: "k", Fields: requester}, "intake.files_for: expected accounts"},
		"an account of no id": {desk.Intake{Kind: "k", Fields: requester, FilesFor: []access.AccountID{""}}, "found an empty one"},
	} {
		t.Run(name, func(t *testing.T) {
			err := desk.Config{Intake: &row.intake}.Validate()
			if row.wrong == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.wrong)
		})
	}
}
