package servicenow_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// ownFields are columns that the tests' mapping writes.
var ownFields = []string{"first_name", "last_name", "title", "department"}

// directory is the users of a fresh fake, with what change does to the configuration.
func directory(t *testing.T, c servicenowtest.Config, change func(*servicenow.Config)) (*site, *servicenow.Users) {
	t.Helper()
	s := newSite(t, incidents, c)
	return s, s.users(t, change, ownFields...)
}

func (s *site) users(t *testing.T, change func(*servicenow.Config), fields ...string) *servicenow.Users {
	t.Helper()
	config := s.config()
	config.Users = servicenow.UsersConfig{PersonField: "u_person", Lock: true}
	if change != nil {
		change(&config)
	}
	u, err := servicenow.NewUsers(config, "now", fields)
	require.NoError(t, err)
	return u
}

// put adds a user as an administrator does.
func (s *site) put(u access.DeskUser) access.DeskUser {
	columns := maps.Clone(u.Values)
	columns["u_person"] = string(u.Person)
	name := u.Values[access.UserFieldName]
	s.AddUser(desktest.Account{
		ID: servicenowtest.AccountID(name), Name: name, Email: u.Values[access.UserFieldEmail], DisplayName: u.Values[access.UserFieldDisplayName], Inactive: !u.Active,
	}, columns)
	u.ID, u.Account = access.UserID(servicenowtest.AccountID(name)), access.AccountID(name)
	return u
}

// someone is a user with a user name, an address and a title.
func someone(name string) access.DeskUser {
	return access.DeskUser{Person: access.PersonID("p-" + name), Active: true, Values: map[string]string{
		access.UserFieldName: name, access.UserFieldEmail: name + "@example.test", access.UserFieldDisplayName: "The person " + name, "title": "Clerk",
	}}
}

func listed(t *testing.T, u *servicenow.Users) (all []access.DeskUser, err error) {
	t.Helper()
	n, err := u.ListUsers(t.Context(), func(page []access.DeskUser) error {
		all = append(all, page...)
		return nil
	})
	if err == nil {
		require.Len(t, all, n)
	}
	return all, err
}

func TestUsers(t *testing.T) {
	for name, person := range map[string]string{"with a column of the person": "u_person", "without": ""} {
		t.Run(name, func(t *testing.T) {
			accesstest.RunUserDirectory(t, func(t *testing.T) accesstest.UserDirectoryHarness {
				s, users := directory(t, servicenowtest.Config{PageLimit: 2}, func(c *servicenow.Config) { c.Users.PersonField = person })
				return s.harness(t, users, person)
			})
		})
	}
}

// harness is the users of a site for the suite.
func (s *site) harness(t *testing.T, users *servicenow.Users, person string) accesstest.UserDirectoryHarness {
	t.Helper()
	return accesstest.UserDirectoryHarness{
		Directory: users,
		Put: func(u access.DeskUser) access.DeskUser {
			if person == "" {
				u.Person = ""
			}
			return s.put(u)
		},
		RefuseCredentials: func() { s.faults(func(f *servicenowtest.Faults) { f.RefuseCredentials = true }) },
		CutShort: func() {
			_, err := users.UserSchema(t.Context())
			require.NoError(t, err)
			s.faults(func(f *servicenowtest.Faults) {
				f.Rules = []fakewire.Rule{{Every: 2, Times: 1, Only: []fakewire.Operation{servicenowtest.OpList}, Of: []fakewire.Fault{{Kind: fakewire.Cut}}}}
			})
		},
		HideSome: func() { s.faults(func(f *servicenowtest.Faults) { f.HiddenUsers = []string{"bob", "mia"} }) },
		LoseAnswer: func() {
			s.faults(func(f *servicenowtest.Faults) {
				f.Faults = fakewire.Rules(fakewire.Rule{
					Times: 1, Only: []fakewire.Operation{servicenowtest.OpInsert, servicenowtest.OpImport}, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}},
				})
			})
		},
		IgnoreWrites: func() {
			s.faults(func(f *servicenowtest.Faults) { f.ReadOnlyFields = []string{"active", "locked_out", "title"} })
		},
		New: map[string]string{
			access.UserFieldName: "new", access.UserFieldEmail: "new@example.com", access.UserFieldManager: servicenowtest.AccountID(servicenowtest.DefaultUser),
			"first_name": "Somebody", "last_name": "New", "title": "Clerk", "department": servicenowtest.DepartmentID("Sales"),
		},
		Own: "title", Pages: 7,
	}
}

// TestUsers_written is about what the suite asks of display names only, which ServiceNow makes itself.
func TestUsers_written(t *testing.T) {
	s, users := directory(t, servicenowtest.Config{}, nil)
	ana, bob := s.put(someone("ana")), s.put(someone("bob"))
	change := access.UserChange{Person: "p-1", Values: map[string]string{"first_name": "Ana", "last_name": "Löwe-Šimić", "title": ""}}
	for range 2 {
		got, err := users.UpdateUser(t.Context(), ana.ID, change)
		require.NoError(t, err)
		require.Equal(t, access.DeskUser{ID: ana.ID, Account: "ana", Person: "p-1", Active: true, Values: map[string]string{
			access.UserFieldName: "ana", access.UserFieldEmail: "ana@example.test", access.UserFieldDisplayName: "Ana Löwe-Šimić",
			"first_name": "Ana", "last_name": "Löwe-Šimić",
		}}, got)
	}
	require.Len(t, s.tap.Calls("PATCH "), 1, "what is there is not written again")
	got, err := users.ReadUser(t.Context(), bob.ID)
	require.NoError(t, err)
	require.Equal(t, bob, got)
	_, err = users.UpdateUser(t.Context(), access.UserID(servicenowtest.ItemID()), change)
	requireKind(t, access.NotFound, err)
	_, err = users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{
		access.UserFieldDisplayName: "x", "department": "Sales", access.UserFieldName: "a,b", "title": "Clerk",
	}})
	requireKind(t, access.Invalid, err)
	for _, name := range []string{access.UserFieldDisplayName, "department", access.UserFieldName} {
		require.ErrorContains(t, err, name)
	}
	require.NotContains(t, err.Error(), "title")
}

// TestUsers_not_kept: ServiceNow answers with success, and a column has another value than was written.
func TestUsers_not_kept(t *testing.T) {
	s, users := directory(t, servicenowtest.Config{}, nil)
	ana := s.put(someone("ana"))
	nowhere := servicenowtest.DepartmentID("Nowhere")
	_, err := users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{"title": "Chief"}})
	require.NoError(t, err)
	s.faults(func(f *servicenowtest.Faults) { f.ReadOnlyFields = []string{"title", "u_person"} })
	_, err = users.UpdateUser(t.Context(), ana.ID, access.UserChange{Person: "p-2", Values: map[string]string{"title": "Clerk", "department": nowhere, "last_name": "A"}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "department, title, u_person: ServiceNow took what was written and did not keep it")

	values := map[string]string{access.UserFieldName: "new", "department": nowhere}
	_, err = users.CreateUser(t.Context(), access.NewUser{Person: "p-new", Values: values})
	requireKind(t, access.Unknown, err)
	require.ErrorContains(t, err, "department, u_person: ServiceNow took")
	found, err := users.FindUsers(t.Context(), access.UserQuery{UserName: "new"})
	require.NoError(t, err)
	require.Len(t, found, 1, "the user is there")

	s.faults(func(f *servicenowtest.Faults) { f.ReadOnlyFields, f.HiddenTables = nil, []string{"sys_dictionary"} })
	blind := s.users(t, nil, ownFields...)
	_, err = blind.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{"title": strings.Repeat("x", 61)}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "title: ServiceNow took", "it was cut")
}

// TestUsers_lock: whoever is switched off is locked out as well where that is wanted.
func TestUsers_lock(t *testing.T) {
	for _, lock := range []bool{true, false} {
		s, users := directory(t, servicenowtest.Config{}, func(c *servicenow.Config) { c.Users.Lock = lock })
		ana := s.put(someone("ana"))
		for _, active := range []bool{false, true} {
			got, err := users.SetUserActive(t.Context(), ana.ID, active)
			require.NoError(t, err)
			require.Equal(t, active, got.Active)
			calls := s.tap.Calls("PATCH ")
			want := map[bool]map[bool]string{
				true:  {false: `{"active":"false","locked_out":"true"}`, true: `{"active":"true","locked_out":"false"}`},
				false: {false: `{"active":"false"}`, true: `{"active":"true"}`},
			}[lock][active]
			require.JSONEq(t, want, calls[len(calls)-1].Body)
		}
		_, err := users.SetUserActive(t.Context(), access.UserID(servicenowtest.AccountID(servicenowtest.DefaultUser)), false)
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, "usher's own account")
		require.Empty(t, s.tap.Calls("DELETE "))
	}
}

// TestUsers_inactive_hidden: the rule that ServiceNow brings leaves out those who are switched off, and does not count them.
func TestUsers_inactive_hidden(t *testing.T) {
	account := servicenowtest.DefaultAccount()
	account.NoAdmin = true
	s, users := directory(t, servicenowtest.Config{Accounts: []desktest.Account{account}}, nil)
	ana, off := s.put(someone("ana")), someone("off")
	off.Active = false
	off = s.put(off)
	forbidden := func(err error) {
		t.Helper()
		requireKind(t, access.Forbidden, err)
		require.ErrorContains(t, err, "it sees nobody who is switched off")
	}
	_, err := listed(t, users)
	forbidden(err)
	_, err = users.ReadUser(t.Context(), off.ID)
	forbidden(err)
	_, err = users.FindUsers(t.Context(), access.UserQuery{UserName: "off"})
	forbidden(err)
	_, err = users.CreateUser(t.Context(), access.NewUser{Person: "p-off", Values: map[string]string{access.UserFieldName: "OFF"}})
	requireKind(t, access.Conflict, err)
	_, err = users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldName: "off"}})
	requireKind(t, access.Conflict, err)
	_, err = users.SetUserActive(t.Context(), ana.ID, false)
	forbidden(err)
}

// TestUsers_hidden: a row that is counted and not shown is not nobody.
func TestUsers_hidden(t *testing.T) {
	s, users := directory(t, servicenowtest.Config{}, nil)
	ana := s.put(someone("ana"))
	all, err := listed(t, users)
	require.NoError(t, err)
	s.faults(func(f *servicenowtest.Faults) { f.HiddenUsers = []string{"ana"} })
	_, err = users.ReadUser(t.Context(), ana.ID)
	requireKind(t, access.Forbidden, err)
	_, err = users.FindUsers(t.Context(), access.UserQuery{Email: "ana@example.test"})
	requireKind(t, access.Forbidden, err)
	_, err = users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldName: "ana"}})
	requireKind(t, access.Conflict, err)
	require.Empty(t, s.tap.Calls("POST "))
	_, err = listed(t, users)
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "1 of 4 users are hidden")

	s.faults(func(f *servicenowtest.Faults) { f.HiddenUsers, f.NoTotalCount = nil, true })
	_, err = listed(t, users)
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "X-Total-Count")
	s.faults(func(f *servicenowtest.Faults) { f.NoTotalCount, f.HiddenFields = false, []string{"manager"} })
	_, err = listed(t, users)
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "may not read the column manager")
	s.SetFaults(servicenowtest.Faults{})
	again, err := listed(t, users)
	require.NoError(t, err)
	require.Equal(t, all, again)
}

// TestUsers_changed_meanwhile: a user who is added while the others are listed may be missing, or stand for one who is hidden.
func TestUsers_changed_meanwhile(t *testing.T) {
	s, users := directory(t, servicenowtest.Config{PageLimit: 1}, nil)
	added := false
	_, err := users.ListUsers(t.Context(), func([]access.DeskUser) error {
		if !added {
			added = true
			s.put(someone("ana"))
		}
		return nil
	})
	requireKind(t, access.Transient, err)
	_, err = listed(t, users)
	require.NoError(t, err)
}

func TestUsers_schema(t *testing.T) {
	s, users := directory(t, servicenowtest.Config{}, nil)
	schema, err := users.UserSchema(t.Context())
	require.NoError(t, err)
	limited := func(n int) access.UserField { return access.UserField{Runes: n, Clears: true} }
	require.Equal(t, access.UserSchema{KeepsPerson: true, Fields: map[string]access.UserField{
		access.UserFieldName: {Runes: 40, Required: true}, access.UserFieldEmail: limited(100), access.UserFieldDisplayName: {Runes: 151, ReadOnly: true},
		access.UserFieldManager: limited(0), "first_name": limited(50), "last_name": limited(50), "title": limited(60), "department": limited(0),
	}}, schema)

	for _, fields := range [][]string{{"shoe_size"}, {"title", "department.name"}, {"active"}, {"sys_id"}, {"u_person"}, {"a^b"}} {
		_, err := s.users(t, nil, fields...).UserSchema(t.Context())
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, fields[len(fields)-1])
	}
	_, err = s.users(t, func(c *servicenow.Config) { c.Users.PersonField = "u_nobody" }).UserSchema(t.Context())
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.now.users.person_field")

	for name, fault := range map[string]servicenowtest.Faults{
		"forbidden": {ForbiddenTables: []string{"sys_dictionary"}}, "hidden": {HiddenTables: []string{"sys_dictionary"}},
		"not searchable": {IgnoredConditions: []string{"name"}, HiddenFields: []string{"reference"}},
	} {
		s.SetFaults(fault)
		schema, err := s.users(t, nil, "title").UserSchema(t.Context())
		require.NoError(t, err, name)
		if name != "not searchable" {
			require.Equal(t, limited(0), schema.Fields["title"], name)
		}
	}
	s.SetFaults(servicenowtest.Faults{HiddenFields: []string{"manager"}})
	_, err = s.users(t, nil).UserSchema(t.Context())
	requireKind(t, access.Forbidden, err)
}

func TestUsers_refused(t *testing.T) {
	s, users := directory(t, servicenowtest.Config{}, nil)
	ana := s.put(someone("ana"))
	_, err := users.UserSchema(t.Context())
	require.NoError(t, err)
	before := len(s.tap.Calls("GET "))
	for _, q := range []access.UserQuery{{UserName: "x^ORsys_idISNOTEMPTY"}, {Email: "javascript:gs.getUserID()"}, {Person: "a\nb"}, {}} {
		_, err := users.FindUsers(t.Context(), q)
		requireKind(t, access.Invalid, err)
	}
	require.Len(t, s.tap.Calls("GET "), before, "nobody was asked")
	_, err = s.users(t, func(c *servicenow.Config) { c.Users.PersonField = "" }).FindUsers(t.Context(), access.UserQuery{Person: "p-ana"})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.now.users.person_field")

	s.faults(func(f *servicenowtest.Faults) { f.IgnoredConditions = []string{"email"} })
	_, err = users.FindUsers(t.Context(), access.UserQuery{Email: "ana@example.test"})
	requireKind(t, access.Forbidden, err)
	// A condition that nobody may search by ends the query without rows there.
	s.faults(func(f *servicenowtest.Faults) { f.InvalidQueryReturnsNothing = true })
	_, err = s.users(t, nil).FindUsers(t.Context(), access.UserQuery{Email: "ana@example.test"})
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "search by the column email")
	f := servicenowtest.Faults{}
	f.ReadOnlyProjects = []string{"sys_user"}
	s.SetFaults(f)
	_, err = users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{"title": "Chief", "last_name": "A"}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "last_name, title: usher's account may not write them")
	_, err = users.SetUserActive(t.Context(), ana.ID, false)
	requireKind(t, access.Invalid, err)
	_, err = users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldName: "new"}})
	requireKind(t, access.Forbidden, err)
	s.SetFaults(servicenowtest.Faults{AbortedUpdates: true})
	_, err = users.SetUserActive(t.Context(), ana.ID, false)
	requireKind(t, access.Invalid, err)
	_, err = users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldName: "new"}})
	requireKind(t, access.Invalid, err)

	s.SetFaults(servicenowtest.Faults{Hibernating: true})
	_, err = listed(t, users)
	requireKind(t, access.Transient, err)
	s.SetFaults(servicenowtest.Faults{})
	s.tap.AnswerInstead("POST /sys_user", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Your instance is hibernating</html>"))
	})
	_, err = users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldName: "new"}})
	requireKind(t, access.Unknown, err)
}
