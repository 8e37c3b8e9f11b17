package servicenow_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// staged are the columns of sys_user that the import set of the tests carries.
var staged = append([]string{"user_name", "email", "manager", "active", "locked_out", "u_person"}, ownFields...)

// importSet is an import set as usher needs it, with what change does to it and its transform map.
func importSet(change func(*servicenowtest.ImportSet, *servicenowtest.TransformMap)) servicenowtest.ImportSet {
	set := servicenowtest.UserImportSet(staged...)
	if change != nil {
		change(&set, &set.Maps[0])
	}
	return set
}

// importing is the users of a fresh fake that are written by an import set, with what change does to that of the fake.
func importing(t *testing.T, change func(*servicenowtest.ImportSet, *servicenowtest.TransformMap)) (*site, *servicenow.Users) {
	t.Helper()
	s := newSite(t, incidents, servicenowtest.Config{})
	s.SetImportSet(importSet(change))
	return s, s.users(t, byImportSet(nil), ownFields...)
}

// byImportSet configures the import set of the tests, with what change does to it.
func byImportSet(change func(*servicenow.ImportSetConfig)) func(*servicenow.Config) {
	return func(c *servicenow.Config) {
		c.Users.ImportSet = &servicenow.ImportSetConfig{Table: "u_usher_users"}
		if change != nil {
			change(c.Users.ImportSet)
		}
	}
}

// coalescing is importing for a transform map that finds users by a column, which is also what is configured.
func coalescing(t *testing.T, column string) (*site, *servicenow.Users) {
	t.Helper()
	s, _ := importing(t, func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.Coalesce = []string{column} })
	return s, s.users(t, byImportSet(func(c *servicenow.ImportSetConfig) { c.Coalesce = column }), ownFields...)
}

// unreadable keeps usher's account from what it could check the transform map by.
func unreadable(f *servicenowtest.Faults) {
	f.ForbiddenTables = append(f.ForbiddenTables, "sys_transform_map", "sys_dictionary")
}

// sent are the rows that reached the staging table.
func (s *site) sent(t *testing.T) (rows []map[string]string) {
	t.Helper()
	for _, call := range s.tap.Calls("POST /import/u_usher_users") {
		var row map[string]string
		require.NoError(t, json.Unmarshal([]byte(call.Body), &row))
		rows = append(rows, row)
	}
	return rows
}

// user is a user as the fake has it.
func (s *site) user(t *testing.T, id access.UserID) access.DeskUser {
	t.Helper()
	u, err := s.users(t, nil, ownFields...).ReadUser(t.Context(), id)
	require.NoError(t, err)
	return u
}

func titled(title string) access.UserChange {
	return access.UserChange{Values: map[string]string{"title": title}}
}

func newcomer() access.NewUser {
	return access.NewUser{Person: "p-new", Values: map[string]string{
		access.UserFieldName: "new", access.UserFieldEmail: "new@example.test", "title": "Clerk",
	}}
}

// TestImportSet runs every promise of the port over import sets, with each kind of transform map for which all of them hold.
func TestImportSet(t *testing.T) {
	for name, row := range map[string]struct {
		person, coalesce string
		change           func(*servicenowtest.TransformMap)
	}{
		"by sys_id":                           {"u_person", "sys_id", func(*servicenowtest.TransformMap) {}},
		"by sys_id, without a person":         {"", "sys_id", func(*servicenowtest.TransformMap) {}},
		"by sys_id, and what is empty counts": {"u_person", "sys_id", func(m *servicenowtest.TransformMap) { m.CopyEmpty = true }},
		"by sys_id, guarded by a script":      {"u_person", "sys_id", func(m *servicenowtest.TransformMap) { m.Guard = "u_sys_id" }},
		"by user_name":                        {"u_person", "user_name", func(*servicenowtest.TransformMap) {}},
	} {
		t.Run(name, func(t *testing.T) {
			accesstest.RunUserDirectory(t, func(t *testing.T) accesstest.UserDirectoryHarness {
				s := newSite(t, incidents, servicenowtest.Config{PageLimit: 20})
				s.SetImportSet(importSet(func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) {
					m.Coalesce = []string{row.coalesce}
					row.change(m)
				}))
				users := s.users(t, func(c *servicenow.Config) {
					byImportSet(func(i *servicenow.ImportSetConfig) { i.Coalesce = row.coalesce })(c)
					c.Users.PersonField = row.person
				}, ownFields...)
				t.Cleanup(func() {
					require.Empty(t, s.tap.Calls("POST /table/sys_user"))
					require.Empty(t, s.tap.Calls("PATCH "), "nothing is written by the Table API")
				})
				h := s.harness(t, users, row.person)
				h.Pages = 25
				return h
			})
		})
	}
}

// TestImportSet_rows is about what is sent: all that usher writes of a user, as texts, so that a map that copies what is empty empties nothing.
func TestImportSet_rows(t *testing.T) {
	for _, copies := range []bool{false, true} {
		s, users := importing(t, func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.CopyEmpty = copies })
		ana := s.put(someone("ana"))
		got, err := users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{"first_name": "Ana", "title": ""}})
		require.NoError(t, err)
		require.Equal(t, map[string]string{
			access.UserFieldName: "ana", access.UserFieldEmail: "ana@example.test", access.UserFieldDisplayName: "Ana", "first_name": "Ana",
		}, got.Values)
		_, err = users.SetUserActive(t.Context(), ana.ID, false)
		require.NoError(t, err)
		made, err := users.CreateUser(t.Context(), newcomer())
		require.NoError(t, err)
		require.Equal(t, access.PersonID("p-new"), made.Person)
		known := map[string]string{
			"u_sys_id": string(ana.ID), "u_user_name": "ana", "u_email": "ana@example.test", "u_person": "p-ana", "u_first_name": "Ana",
		}
		with := func(more map[string]string) map[string]string {
			for name, value := range known {
				more[name] = value
			}
			return more
		}
		require.Equal(t, []map[string]string{
			with(map[string]string{"u_title": "NULL", "u_active": "true", "u_locked_out": "false"}),
			with(map[string]string{"u_active": "false", "u_locked_out": "true"}),
			{"u_user_name": "new", "u_email": "new@example.test", "u_title": "Clerk", "u_person": "p-new", "u_active": "true"},
		}, s.sent(t))
	}
}

// TestImportSet_columns has each column somewhere else than usual.
func TestImportSet_columns(t *testing.T) {
	s := newSite(t, incidents, servicenowtest.Config{})
	set := servicenowtest.UserImportSet(staged...)
	set.Table, set.Columns["u_key"], set.Columns["u_mail"] = "imp_people", 32, 100
	set.Maps[0].Fields = map[string]string{"u_key": "sys_id", "u_mail": "email", "u_user_name": "user_name", "u_active": "active", "u_locked_out": "locked_out", "u_person": "u_person"}
	s.SetImportSet(set)
	users := s.users(t, func(c *servicenow.Config) {
		c.Users.ImportSet = &servicenow.ImportSetConfig{Table: "imp_people", User: "u_key", Fields: map[string]string{"email": "u_mail"}}
	})
	ana := s.put(someone("ana"))
	got, err := users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldEmail: "a@example.test"}})
	require.NoError(t, err)
	require.Equal(t, "a@example.test", got.Values[access.UserFieldEmail])
	require.Contains(t, s.tap.Calls("POST /import/imp_people")[0].Body, `"u_mail":"a@example.test"`)
}

// TestImportSet_answer_of_the_row: an answer has the sys_id of the row, and that of the user beside it.
func TestImportSet_answer_of_the_row(t *testing.T) {
	s, users := importing(t, nil)
	s.faults(func(f *servicenowtest.Faults) { f.ImportRowIDs = true })
	ana := s.put(someone("ana"))
	_, err := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
	require.NoError(t, err)
	made, err := users.CreateUser(t.Context(), newcomer())
	require.NoError(t, err)
	require.Equal(t, "new", made.Values[access.UserFieldName])
}

// TestImportSet_wrong_user: a transform map that finds users by something else than usher was told writes to somebody else. That is an error that
// names who, and nothing more is written.
func TestImportSet_wrong_user(t *testing.T) {
	update := func(t *testing.T, users *servicenow.Users, of access.UserID) error {
		t.Helper()
		_, err := users.UpdateUser(t.Context(), of, titled("Chief"))
		return err
	}
	create := func(t *testing.T, users *servicenow.Users, _ access.UserID) error {
		t.Helper()
		_, err := users.CreateUser(t.Context(), newcomer())
		return err
	}
	other := servicenowtest.AccountID("zoe")
	for name, row := range map[string]struct {
		coalesce []string
		run      func(*testing.T, *servicenow.Users, access.UserID) error
		kind     access.Kind
		want     string
	}{
		"an update makes a new user":             {nil, update, access.Invalid, "was not changed: the transform map has made a new user"},
		"an update writes to another user":       {[]string{"title"}, update, access.Invalid, `was written to another user: "` + other + `"`},
		"a create is written over another user":  {[]string{"title"}, create, access.Invalid, `the row was written over the user "` + other + `", who was there`},
		"one map makes the user, another writes": {[]string{"sys_id", "title"}, create, access.Unknown, "the row was written to other users too: [\"" + other + `"]`},
	} {
		t.Run(name, func(t *testing.T) {
			s, users := importing(t, func(set *servicenowtest.ImportSet, m *servicenowtest.TransformMap) {
				m.Coalesce = row.coalesce
				if len(row.coalesce) == 2 {
					second := *m
					m.Coalesce, second.Coalesce = row.coalesce[:1], row.coalesce[1:]
					set.Maps = append(set.Maps, second)
				}
			})
			s.faults(unreadable)
			s.faults(func(f *servicenowtest.Faults) { f.TwinNames = true })
			ana, zoe := s.put(someone("ana")), someone("zoe")
			zoe.Values["title"] = map[access.Kind]string{access.Invalid: "Chief"}[row.kind]
			if strings.Contains(row.want, "over") || row.kind == access.Unknown {
				zoe.Values["title"] = "Clerk"
				ana = s.put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "ana"}})
			}
			zoe.Values["last_name"] = "before"
			s.put(zoe)
			err := row.run(t, users, ana.ID)
			requireKind(t, row.kind, err)
			require.ErrorContains(t, err, row.want)
			require.ErrorContains(t, err, "desks.now.users.import_set.coalesce: expected a transform map that finds users by sys_id alone")
			require.ErrorContains(t, err, "ISET0010001")
			require.Len(t, s.sent(t), 1)

			_, err = users.SetUserActive(t.Context(), ana.ID, false)
			requireKind(t, access.Forbidden, err)
			require.ErrorContains(t, err, row.want)
			_, err = users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldName: "mia"}})
			requireKind(t, access.Forbidden, err)
			_, err = users.UserSchema(t.Context())
			requireKind(t, access.Forbidden, err)
			require.Len(t, s.sent(t), 1, "nobody else is written over")
		})
	}
}

// TestImportSet_index: the row has the user's own name, so the unique index keeps a transform map from making somebody else of it.
func TestImportSet_index(t *testing.T) {
	s, users := importing(t, func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.Coalesce = nil })
	s.faults(unreadable)
	ana := s.put(someone("ana"))
	_, err := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "the transform map has not found the user (ISET0010001")
	require.ErrorContains(t, err, "expected a transform map that finds users by sys_id alone")
	_, err = users.UserSchema(t.Context())
	requireKind(t, access.Forbidden, err)
	require.Equal(t, ana, s.user(t, ana.ID))
}

// TestImportSet_first_alone: of many writes at once, one reaches a transform map of which nothing is known yet.
func TestImportSet_first_alone(t *testing.T) {
	s, users := importing(t, func(_ *servicenowtest.ImportSet, m *servicenowtest.TransformMap) { m.Coalesce = nil })
	s.faults(unreadable)
	s.faults(func(f *servicenowtest.Faults) {
		f.TwinNames = true
		f.Faults = fakewire.Rules(fakewire.Rule{Only: []fakewire.Operation{servicenowtest.OpImport}, Of: []fakewire.Fault{{Kind: fakewire.Slow, DelayMS: 50}}})
	})
	var all []access.DeskUser
	for _, name := range []string{"ana", "bob", "eve", "mia"} {
		all = append(all, s.put(someone(name)))
	}
	_, err := users.UserSchema(t.Context())
	require.NoError(t, err)
	done := make(chan error)
	for _, one := range all {
		go func() {
			_, err := users.UpdateUser(t.Context(), one.ID, titled("Chief"))
			done <- err
		}()
	}
	var kinds []access.Kind
	for range all {
		kinds = append(kinds, access.KindOf(<-done))
	}
	slices.Sort(kinds)
	require.Equal(t, []access.Kind{access.Forbidden, access.Forbidden, access.Forbidden, access.Invalid}, kinds)
	require.Len(t, s.sent(t), 1)
}

// TestImportSet_taken: what a transform map could find another user by is looked for before a row is sent.
func TestImportSet_taken(t *testing.T) {
	s, users := importing(t, nil)
	ana, zoe := s.put(someone("ana")), s.put(someone("zoe"))
	for name, n := range map[string]access.NewUser{
		"user_name": {Person: "p-1", Values: map[string]string{access.UserFieldName: "ANA"}},
		"email":     {Person: "p-1", Values: map[string]string{access.UserFieldName: "new", access.UserFieldEmail: "Ana@example.test"}},
		"u_person":  {Person: "p-ana", Values: map[string]string{access.UserFieldName: "new"}},
	} {
		_, err := users.CreateUser(t.Context(), n)
		requireKind(t, access.Conflict, err)
		require.ErrorContains(t, err, name)
	}
	for name, change := range map[string]access.UserChange{
		"user_name": {Values: map[string]string{access.UserFieldName: "ana"}},
		"email":     {Values: map[string]string{access.UserFieldEmail: "ana@example.test"}},
		"u_person":  {Person: "p-ana"},
	} {
		_, err := users.UpdateUser(t.Context(), zoe.ID, change)
		requireKind(t, access.Conflict, err)
		require.ErrorContains(t, err, name)
	}
	for _, change := range []access.UserChange{{Values: map[string]string{access.UserFieldEmail: "a^b@example.test"}}, titled("NULL"), {Person: "NULL"}} {
		_, err := users.UpdateUser(t.Context(), zoe.ID, change)
		requireKind(t, access.Invalid, err)
	}
	s.faults(func(f *servicenowtest.Faults) { f.HiddenUsers = []string{"ana"} })
	_, err := users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldName: "new", access.UserFieldEmail: "ana@example.test"}})
	requireKind(t, access.Forbidden, err)
	require.Empty(t, s.sent(t))
	s.SetFaults(servicenowtest.Faults{ImportError: "Unique Key violation detected by database (Duplicate entry 'a@example.test' for key 'email')"})
	_, err = users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldEmail: "a@example.test"}})
	requireKind(t, access.Conflict, err)
	_, err = users.UserSchema(t.Context())
	require.NoError(t, err, "an index that people have set up is no wrong transform map")
}

// TestImportSet_by_person: the transform map finds users by the person's id.
func TestImportSet_by_person(t *testing.T) {
	s, users := coalescing(t, "u_person")
	ana, none := s.put(someone("ana")), someone("none")
	none.Person = ""
	none = s.put(none)
	got, err := users.UpdateUser(t.Context(), ana.ID, access.UserChange{Person: "p-ana", Values: map[string]string{access.UserFieldName: "ana.new", "title": ""}})
	require.NoError(t, err)
	require.Equal(t, access.AccountID("ana.new"), got.Account)
	require.NotContains(t, got.Values, "title")
	made, err := users.CreateUser(t.Context(), newcomer())
	require.NoError(t, err)
	require.Equal(t, access.PersonID("p-new"), made.Person)
	_, err = users.SetUserActive(t.Context(), made.ID, false)
	require.NoError(t, err)
	rows := len(s.sent(t))
	refused := func(want string, err error) {
		t.Helper()
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, want)
		require.Len(t, s.sent(t), rows)
	}
	_, err = users.UpdateUser(t.Context(), ana.ID, access.UserChange{Person: "p-other"})
	refused("u_person: the transform map finds users by it, so an import set cannot change it", err)
	_, err = users.UpdateUser(t.Context(), none.ID, access.UserChange{Person: "p-none"})
	refused(`u_person: found ""; the transform map finds users by it, and cannot find the user`, err)
	_, err = users.CreateUser(t.Context(), access.NewUser{Values: map[string]string{access.UserFieldName: "x"}})
	refused("u_person: expected a value, because the transform map finds users by it", err)
	twin := someone("twin")
	twin.Person = "p-ana"
	s.put(twin)
	_, err = users.SetUserActive(t.Context(), ana.ID, false)
	refused("u_person: 2 users have \"p-ana\", and the transform map writes to the first", err)
}

// TestImportSet_not_kept: the map says that it wrote, and a column has another value.
func TestImportSet_not_kept(t *testing.T) {
	s, users := importing(t, nil)
	ana := s.put(someone("ana"))
	_, err := users.UserSchema(t.Context())
	require.NoError(t, err)
	s.faults(func(f *servicenowtest.Faults) { f.ReadOnlyFields = []string{"title", "u_person"} })
	_, err = users.UpdateUser(t.Context(), ana.ID, access.UserChange{Person: "p-2", Values: map[string]string{"title": "Chief", "last_name": "A"}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "title, u_person: ServiceNow took what was written and did not keep it")
	_, err = users.CreateUser(t.Context(), newcomer())
	requireKind(t, access.Unknown, err)
	require.ErrorContains(t, err, "title, u_person: ServiceNow took")

	// The staging table cuts: the account may not read how long its columns are.
	s, users = importing(t, func(set *servicenowtest.ImportSet, _ *servicenowtest.TransformMap) { set.Columns["u_title"] = 5 })
	s.faults(unreadable)
	ana = s.put(someone("ana"))
	_, err = users.UpdateUser(t.Context(), ana.ID, titled("Chief of all"))
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "title: ServiceNow took")
}

// TestImportSet_ignored: somebody else has written the same meanwhile.
func TestImportSet_ignored(t *testing.T) {
	s, users := importing(t, nil)
	ana := s.put(someone("ana"))
	s.tap.Instead(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			now := ana
			now.Values["title"] = "Chief"
			s.put(now)
		}
		return false
	})
	got, err := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
	require.NoError(t, err)
	require.Equal(t, "Chief", got.Values["title"])
	require.Len(t, s.sent(t), 1)
}

// TestImportSet_unclear: without an answer nobody knows what became of a row.
func TestImportSet_unclear(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing": `{}`, "no list": `{"result":null}`, "an error beside": `{"result":[],"error":{"message":"Transaction cancelled","detail":"x"}}`, "no JSON": `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			s, users := importing(t, nil)
			ana := s.put(someone("ana"))
			s.tap.AnswerInstead("POST /import/u_usher_users", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				_, _ = w.Write([]byte(answer))
			})
			_, err := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
			requireKind(t, access.Transient, err)
			_, err = users.CreateUser(t.Context(), newcomer())
			requireKind(t, access.Unknown, err)
		})
	}
	t.Run("a lost answer of a change", func(t *testing.T) {
		s, users := importing(t, nil)
		ana := s.put(someone("ana"))
		s.faults(func(f *servicenowtest.Faults) {
			f.Faults = fakewire.Rules(fakewire.Rule{Times: 1, Only: []fakewire.Operation{servicenowtest.OpImport}, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}}})
		})
		_, err := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
		requireKind(t, access.Transient, err)
		got, err := users.UpdateUser(t.Context(), ana.ID, titled("Chief"))
		require.NoError(t, err)
		require.Equal(t, "Chief", got.Values["title"])
		require.Len(t, s.sent(t), 1)
	})
}

// TestImportSet_late: nothing is sent whose answer could come after the time for writes.
func TestImportSet_late(t *testing.T) {
	s, users := importing(t, nil)
	ana := s.put(someone("ana"))
	late := access.WithWriteDeadline(t.Context(), time.Now().Add(-time.Hour))
	_, err := users.UpdateUser(late, ana.ID, titled("Chief"))
	requireKind(t, access.Transient, err)
	require.ErrorIs(t, err, access.ErrTooLate)
	_, err = users.SetUserActive(late, ana.ID, false)
	require.ErrorIs(t, err, access.ErrTooLate)
	_, err = users.CreateUser(late, newcomer())
	requireKind(t, access.Transient, err)
	require.Empty(t, s.sent(t))
	require.Equal(t, ana, s.user(t, ana.ID))
}

// TestImportSet_own_account: import sets run as the system, and usher does not switch itself off all the same.
func TestImportSet_own_account(t *testing.T) {
	s, users := importing(t, nil)
	_, err := users.SetUserActive(t.Context(), access.UserID(servicenowtest.AccountID(servicenowtest.DefaultUser)), false)
	requireKind(t, access.Invalid, err)
	require.Empty(t, s.sent(t))
	require.True(t, slices.ContainsFunc(s.Accounts(), func(a desktest.Account) bool { return a.Name == servicenowtest.DefaultUser && !a.Inactive }))
}
