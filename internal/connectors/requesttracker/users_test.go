package requesttracker_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/requesttracker"
)

func TestUserDirectory(t *testing.T) {
	s := realServer(t)
	accesstest.RunUserDirectory(t, func(t *testing.T) accesstest.UserDirectoryHarness {
		one := newUsersSite(t, s, "directory")
		return accesstest.UserDirectoryHarness{
			Directory: one.users(t, usersKept(), costCentre), Put: func(u access.DeskUser) access.DeskUser { return one.putUser(t, u) },
			Remove:            func(id access.UserID) { s.execute(t, `DELETE FROM Users WHERE id = ?`, string(id)) },
			RefuseCredentials: func() { one.faults(func() { one.spoilt = true }) },
			CutShort:          func() { one.edits(cutOnce()) },
			HideSome:          func() { one.edits(hide(func(*http.Request) bool { return true })) },
			LoseAnswer:        func() { one.faults(func() { one.drop = "CreateUser" }) },
			IgnoreWrites:      func() { one.faults(func() { one.deaf = true }) },
			New: map[string]string{
				access.UserFieldName: "new", access.UserFieldEmail: "new@example.com", access.UserFieldDisplayName: "Somebody New",
				access.UserFieldManager: one.userNumber(t, "root"), costCentre: "4711",
			},
			Own: costCentre, Pages: 120,
		}
	})
}

const costCentre = "CF.Cost centre"

// usersKept is a configuration by which RT keeps all that it can.
func usersKept() requesttracker.UsersConfig {
	return requesttracker.UsersConfig{PersonField: "CF.Person", ManagerField: "CF.Manager"}
}

// newUsersSite is a proxy before the server for an account. The users who come while the test runs are gone afterwards.
func newUsersSite(t *testing.T, s *server, account string) *site {
	t.Helper()
	one := &site{server: s, self: account, token: s.Tokens[account], queue: "Access"}
	one.listen(t)
	var before int
	require.NoError(t, s.db.QueryRow(`SELECT max(id) FROM Users`).Scan(&before))
	t.Cleanup(func() { s.execute(t, `DELETE FROM Users WHERE id > ?`, before) })
	return one
}

func (s *site) users(t *testing.T, users requesttracker.UsersConfig, fields ...string) *requesttracker.Users {
	t.Helper()
	c := s.config()
	c.Users = users
	d, err := requesttracker.NewUsers(c, "rt", fields)
	require.NoError(t, err)
	return d
}

// userNumber is the number of a user of that name.
func (s *site) userNumber(t *testing.T, name string) string {
	t.Helper()
	var id string
	require.NoError(t, s.db.QueryRow(`SELECT id FROM Users WHERE Name = ?`, name).Scan(&id))
	return id
}

// putUser adds a user as RT's administrator does.
func (s *site) putUser(t *testing.T, u access.DeskUser) access.DeskUser {
	t.Helper()
	name := u.Values[access.UserFieldName]
	custom := map[string]string{}
	for field, value := range map[string]string{
		"Person": string(u.Person), "Cost centre": u.Values[costCentre], "Manager": u.Values[access.UserFieldManager],
	} {
		if value != "" {
			custom[field] = value
		}
	}
	s.do(t, "root", http.MethodPost, "user", map[string]any{
		"Name": name, "EmailAddress": u.Values[access.UserFieldEmail], "RealName": u.Values[access.UserFieldDisplayName], "CustomFields": custom,
	}, nil)
	u.ID, u.Account = access.UserID(s.userNumber(t, name)), access.AccountID(name)
	if !u.Active {
		s.put(t, "root", "user/"+string(u.ID), map[string]any{"Disabled": 1})
	}
	return u
}

// ana is a user of a name.
func ana(name string) access.DeskUser {
	return access.DeskUser{Person: access.PersonID("p-" + name), Active: true, Values: map[string]string{
		access.UserFieldName: name, access.UserFieldEmail: name + "@example.com", access.UserFieldDisplayName: "Ana",
	}}
}

func (s *site) edits(edit func(*http.Request, []byte) []byte) { s.faults(func() { s.edit = edit }) }

// listing reports whether a call reads a page of a listing.
func listing(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/users") && r.URL.Query().Has("page")
}

// cutOnce ends the next listing before its second page: RT's page is empty, and it has said how many there are.
func cutOnce() func(*http.Request, []byte) []byte {
	cut := false
	return func(r *http.Request, answer []byte) []byte {
		if cut || !listing(r) || r.URL.Query().Get("page") == "1" {
			return answer
		}
		cut = true
		return onlyRows(answer, func(int) bool { return false })
	}
}

// hide leaves out a user in three from the pages of listings.
func hide(from func(*http.Request) bool) func(*http.Request, []byte) []byte {
	return func(r *http.Request, answer []byte) []byte {
		if !listing(r) || !from(r) {
			return answer
		}
		return onlyRows(answer, func(n int) bool { return n%3 != 1 })
	}
}

// onlyRows keeps rows of a page.
func onlyRows(answer []byte, keep func(n int) bool) []byte {
	var page map[string]any
	if json.Unmarshal(answer, &page) != nil {
		return answer
	}
	rows, _ := page["items"].([]any)
	kept := []any{}
	for n, row := range rows {
		if keep(n) {
			kept = append(kept, row)
		}
	}
	page["items"] = kept
	text, err := json.Marshal(page)
	if err != nil {
		return answer
	}
	return text
}

func everybody(t *testing.T, d *requesttracker.Users) (map[access.AccountID]access.DeskUser, error) {
	t.Helper()
	all := map[access.AccountID]access.DeskUser{}
	n, err := d.ListUsers(t.Context(), func(page []access.DeskUser) error {
		for _, u := range page {
			all[u.Account] = u
		}
		return nil
	})
	if err == nil {
		require.Len(t, all, n)
	}
	return all, err
}

// TestDirectory_hidden has RT leave users out of one of the two lists.
func TestDirectory_hidden(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	d := one.users(t, usersKept())
	for _, disabled := range []bool{false, true} {
		one.edits(hide(func(r *http.Request) bool { return r.URL.Query().Has("find_disabled_rows") == disabled }))
		_, err := everybody(t, d)
		requireKind(t, access.Transient, err)
	}
	one.edits(func(r *http.Request, answer []byte) []byte {
		if !strings.HasSuffix(r.URL.Path, "/users") {
			return answer
		}
		var page map[string]any
		require.NoError(t, json.Unmarshal(answer, &page))
		page["total"] = nil
		text, err := json.Marshal(page)
		require.NoError(t, err)
		return text
	})
	_, err := everybody(t, d)
	requireKind(t, access.Forbidden, err)
}

// TestDirectory_changing has users come, go and be disabled between two pages.
func TestDirectory_changing(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	d := one.users(t, usersKept())
	old := one.putUser(t, ana("old"))
	t.Cleanup(func() {
		one.execute(t, `UPDATE Users SET id = id - 100000 WHERE id > 100000`)
		one.execute(t, `UPDATE Principals SET Disabled = 0 WHERE id IN (SELECT id FROM Users WHERE Name = 'usher-1')`)
	})
	for n, change := range []struct {
		wrong bool
		do    func()
	}{
		{false, func() { one.putUser(t, ana("late")) }},
		{true, func() { one.put(t, "root", "user/usher-1", map[string]any{"Disabled": 1}) }},
		{true, func() { one.execute(t, `DELETE FROM Users WHERE id = ?`, string(old.ID)) }},
		{true, func() {
			// As many as before, and somebody is missing.
			one.putUser(t, ana("instead"))
			one.execute(t, `UPDATE Users SET id = id + 100000 WHERE Name = 'usher-2'`)
		}},
	} {
		changed := false
		one.edits(func(r *http.Request, answer []byte) []byte {
			if listing(r) && r.URL.Query().Has("find_disabled_rows") == (n != 1) && !changed {
				changed = true
				change.do()
			}
			return answer
		})
		all, err := everybody(t, d)
		require.True(t, changed)
		if change.wrong {
			requireKind(t, access.Transient, err)
			continue
		}
		require.NoError(t, err)
		require.Contains(t, all, access.AccountID("root"))
		require.NotContains(t, all, access.AccountID("late"))
		require.NotContains(t, all, access.AccountID("Nobody"))
		require.NotContains(t, all, access.AccountID("RT_System"))
	}
}

// TestDirectory_rights has an account that may not administer users, to whom RT shows a summary of others, and no other fields.
func TestDirectory_rights(t *testing.T) {
	one := newUsersSite(t, realServer(t), "usher-3")
	d := one.users(t, usersKept())
	there := one.putUser(t, ana("there"))
	_, err := d.UserSchema(t.Context())
	requireKind(t, access.Forbidden, err)
	_, err = everybody(t, d)
	requireKind(t, access.Forbidden, err)
	_, err = d.ReadUser(t.Context(), there.ID)
	requireKind(t, access.Forbidden, err)
	_, err = d.FindUsers(t.Context(), access.UserQuery{UserName: "there"})
	requireKind(t, access.Forbidden, err)
	_, err = d.CreateUser(t.Context(), access.NewUser{Person: "p-x", Values: ana("x").Values})
	requireKind(t, access.Forbidden, err)
	_, err = d.UpdateUser(t.Context(), there.ID, access.UserChange{Person: "p-x"})
	requireKind(t, access.Forbidden, err)
	_, err = one.users(t, requesttracker.UsersConfig{}).FindUsers(t.Context(), access.UserQuery{Person: "p-x"})
	requireKind(t, access.Invalid, err)
	status, err := one.try(t, "root", http.MethodGet, "user/x", nil, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, status)
}

func TestDirectory_unknown_fields(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	d := one.users(t, requesttracker.UsersConfig{PersonField: "CF.Badge"}, "CF.Person", "Password", "CF.12", "CF.Shoe size", "CF.Badge", "WorkPhone")
	_, err := d.UserSchema(t.Context())
	requireKind(t, access.Invalid, err)
	for _, name := range []string{"Password: ", "CF.12: ", "CF.Shoe size: ", "CF.Badge: "} {
		require.ErrorContains(t, err, name)
	}
	require.NotContains(t, err.Error(), "CF.Person: ")
	require.NotContains(t, err.Error(), "WorkPhone: ")
	_, err = everybody(t, d)
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "Badge, Shoe size")
	// RT leaves out of a search what it does not know, and finds everybody.
	_, err = d.FindUsers(t.Context(), access.UserQuery{Person: "p-there"})
	requireKind(t, access.Forbidden, err)
}

// TestDirectory_search_ignored has RT leave out what it is asked for, and so find everybody: of a small RT all, of others the first ten.
func TestDirectory_search_ignored(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	d := one.users(t, requesttracker.UsersConfig{})
	for _, many := range []string{"5", "10"} {
		one.edits(func(r *http.Request, answer []byte) []byte {
			if !r.URL.Query().Has("query") {
				return answer
			}
			var raw json.RawMessage
			one.do(t, "root", http.MethodGet, "users"+query("fields", "id", "per_page", many), nil, &raw)
			return raw
		})
		found, err := d.FindUsers(t.Context(), access.UserQuery{UserName: "ana"})
		require.Empty(t, found)
		if many == "10" {
			requireKind(t, access.Forbidden, err)
			continue
		}
		require.NoError(t, err)
	}
}

// TestDirectory_core has RT's own fields, the person among them.
func TestDirectory_core(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	d := one.users(t, requesttracker.UsersConfig{PersonField: "Organization", Privileged: true}, "WorkPhone", "City")
	values := maps.Clone(ana("core").Values)
	values["WorkPhone"], values["City"] = "+49 30 1", "Köln"
	made, err := d.CreateUser(t.Context(), access.NewUser{Person: "p-core", Values: values})
	require.NoError(t, err)
	require.Equal(t, values, made.Values)
	require.Equal(t, access.PersonID("p-core"), made.Person)
	all, err := everybody(t, d)
	require.NoError(t, err)
	require.Equal(t, made, all["core"])
	found, err := d.FindUsers(t.Context(), access.UserQuery{Person: "P-CORE"})
	require.NoError(t, err)
	require.Equal(t, []access.DeskUser{made}, found)
	var shown struct{ Privileged int }
	one.do(t, "root", http.MethodGet, "user/core", nil, &shown)
	require.Equal(t, 1, shown.Privileged)
	_, err = d.UpdateUser(t.Context(), made.ID, access.UserChange{Person: access.PersonID(strings.Repeat("p", 201))})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "person")
}

// TestDirectory_refused has what RT refuses, and says in the language of the account.
func TestDirectory_refused(t *testing.T) {
	s := realServer(t)
	one := newUsersSite(t, s, "directory")
	s.put(t, "root", "user/directory", map[string]any{"Lang": "de"})
	t.Cleanup(func() { s.execute(t, `UPDATE Users SET Lang = '' WHERE Name = 'directory'`) })
	d := one.users(t, usersKept())
	first, second := one.putUser(t, ana("first")), one.putUser(t, ana("second"))
	change := func(values map[string]string) error {
		_, err := d.UpdateUser(t.Context(), second.ID, access.UserChange{Values: values})
		return err
	}
	requireKind(t, access.Conflict, change(map[string]string{access.UserFieldEmail: "First@example.com"}))
	requireKind(t, access.Conflict, change(map[string]string{access.UserFieldName: "nobody"}))
	err := change(map[string]string{access.UserFieldEmail: "no address"})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, access.UserFieldEmail)
	requireKind(t, access.Invalid, change(map[string]string{access.UserFieldName: "12"}))

	values := ana("third").Values
	values[access.UserFieldEmail] = first.Values[access.UserFieldEmail]
	_, err = d.CreateUser(t.Context(), access.NewUser{Values: values})
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, access.UserFieldEmail)
	values[access.UserFieldEmail] = "no address"
	_, err = d.CreateUser(t.Context(), access.NewUser{Values: values})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, access.UserFieldEmail)
}

// TestDirectory_created_otherwise has RT make a user and keep another value. The caller finds the user then, and makes no second one.
func TestDirectory_created_otherwise(t *testing.T) {
	s := realServer(t)
	one := newUsersSite(t, s, "directory")
	one.edits(func(r *http.Request, answer []byte) []byte {
		if r.Method == http.MethodPost {
			s.execute(t, `UPDATE Users SET RealName = 'Other' WHERE Name = 'new'`)
		}
		return answer
	})
	_, err := one.users(t, usersKept()).CreateUser(t.Context(), access.NewUser{Person: "p-new", Values: ana("new").Values})
	requireKind(t, access.Unknown, err)
	require.ErrorContains(t, err, access.UserFieldDisplayName)
}

// TestDirectory_own has usher asked to lock itself out.
func TestDirectory_own(t *testing.T) {
	one := newUsersSite(t, realServer(t), "directory")
	_, err := one.users(t, usersKept()).SetUserActive(t.Context(), access.UserID(one.userNumber(t, "directory")), false)
	requireKind(t, access.Invalid, err)
}
