package jira_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// Only a later Jira can list its users; the search cannot.
func TestDataCenterUsers_no_list(t *testing.T) {
	s := newSite(t, jiratest.Config{Edition: jiratest.DataCenter, Version: "9.12.0"})
	// The vendor's documents of that version are not here.
	s.guarded = s.Server
	users, err := jira.NewUsers(s.config(), "jira", nil)
	require.NoError(t, err)
	_, err = users.ListUsers(t.Context(), func([]access.DeskUser) error { return nil })
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "10.3")
}

func TestDataCenterUsers_list_cut(t *testing.T) {
	const one, other = `{"key":"K1","name":"ana"}`, `{"key":"K2","name":"bob"}`
	for name, row := range map[string]struct {
		pages []string
		kind  access.Kind
	}{
		"no end is told":                 {[]string{`{"values":[` + one + `]}`}, access.Transient},
		"no list":                        {[]string{`{"isLast":true}`}, access.Transient},
		"nothing leads on":               {[]string{`{"values":[` + one + `],"isLast":false}`}, access.Transient},
		"a cursor comes back":            {[]string{`{"values":[` + one + `],"isLast":false,"nextCursor":"7"}`, `{"values":[` + other + `],"isLast":false,"nextCursor":"7"}`}, access.Transient},
		"a user comes twice":             {[]string{`{"values":[` + one + `],"isLast":false,"nextCursor":7}`, `{"values":[` + one + `],"isLast":true}`}, access.Transient},
		"a user has no key":              {[]string{`{"values":[{"name":"ana"}],"isLast":true}`}, access.Transient},
		"nobody":                         {[]string{`{"values":[],"isLast":true}`}, access.Forbidden},
		"a number leads on, and it ends": {[]string{`{"values":[` + one + `],"isLast":false,"nextCursor":7}`, `{"values":[` + other + `],"isLast":true}`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			var answers []http.HandlerFunc
			for _, page := range row.pages {
				answers = append(answers, okay(page))
			}
			s.on("GET /rest/api/2/user/list", inTurn(answers...))
			users := s.users(t, jira.DataCenter)
			if row.kind == "" {
				require.Equal(t, []string{"K1", "K2"}, listedIDs(t, users))
				return
			}
			_, err := users.ListUsers(t.Context(), func([]access.DeskUser) error { return nil })
			requireKind(t, row.kind, err)
		})
	}
}

// A site that has its users from elsewhere refuses an administrator; that is no lack of rights.
func TestDataCenterUsers_read_only(t *testing.T) {
	s, users := newUsers(t, jiratest.DataCenter, nil)
	ana := s.putUser(person("ana"))
	s.faults(func(f *jiratest.Faults) { f.ReadOnlyDirectory = true })
	_, err := users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldDisplayName: "Other"}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "display_name")
	require.ErrorContains(t, err, "directory is read-only")
	_, err = users.SetUserActive(t.Context(), ana.ID, false)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "active")
	_, err = users.CreateUser(t.Context(), access.NewUser{Values: person("new").Values})
	requireKind(t, access.Invalid, err)
}

func TestDataCenterUsers_no_administrator(t *testing.T) {
	s, users := newUsers(t, jiratest.DataCenter, nil)
	ana := s.putUser(person("ana"))
	for _, a := range s.Accounts() {
		if a.ID == jiratest.DefaultAccountID {
			a.NoAdmin = true
			s.AddAccount(a)
		}
	}
	_, err := users.UpdateUser(t.Context(), ana.ID, access.UserChange{Values: map[string]string{access.UserFieldDisplayName: "Other"}})
	requireKind(t, access.Forbidden, err)
}

// What Jira refuses has Jira's names for the fields.
func TestDataCenterUsers_refused_fields(t *testing.T) {
	s := newScript(t)
	s.on("PUT /rest/api/2/user", status(http.StatusBadRequest, `{"errorMessages":[],"errors":{"email":"no","fullname":"no"}}`))
	users := s.users(t, jira.DataCenter)
	_, err := users.UpdateUser(t.Context(), "K1", access.UserChange{Values: map[string]string{access.UserFieldEmail: "x"}})
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "display_name, email")
}

func TestDataCenterUsers_create(t *testing.T) {
	s, users := newUsers(t, jiratest.DataCenter, func(c *jira.Config) {
		c.Users = jira.UsersConfig{Products: []string{"jira-software"}, Notify: true}
	})
	_, err := users.CreateUser(t.Context(), access.NewUser{Values: person("new").Values})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"name": "new", "emailAddress": "new@example.com", "displayName": "The person new",
		"applicationKeys": []any{"jira-software"}, "notification": "true",
	}, s.last(t, "POST /user"))

	s.faults(func(f *jiratest.Faults) { f.IgnoreUserWrites = true })
	_, err = users.CreateUser(t.Context(), access.NewUser{Values: person("other").Values})
	requireKind(t, access.Unknown, err)
}

// The address is looked for by its beginning, and two users may have one.
func TestDataCenterUsers_addresses(t *testing.T) {
	s, users := newUsers(t, jiratest.DataCenter, nil)
	for _, name := range []string{"ana", "ana2"} {
		u := person(name)
		u.Values[access.UserFieldEmail] = "ana@example.com"
		s.putUser(u)
	}
	longer := person("longer")
	longer.Values[access.UserFieldEmail] = "ana@example.com.test"
	s.putUser(longer)
	found, err := users.FindUsers(t.Context(), access.UserQuery{Email: "ANA@example.com"})
	require.NoError(t, err)
	require.Len(t, found, 2)
	_, err = users.FindUsers(t.Context(), access.UserQuery{Person: "p-ana"})
	requireKind(t, access.Invalid, err)
}

// What an anonymous caller does not see is there all the same.
func TestDataCenterUsers_nobody_unproven(t *testing.T) {
	s := newScript(t)
	s.on("GET /rest/api/2/user", status(http.StatusNotFound, `{"errorMessages":["no user"],"errors":{}}`))
	s.on("GET /rest/api/2/user/search", okay(`[]`))
	s.on("GET /rest/api/2/myself", status(http.StatusUnauthorized, `{}`))
	users := s.users(t, jira.DataCenter)
	_, err := users.ReadUser(t.Context(), "K1")
	requireKind(t, access.Forbidden, err)
	_, err = users.ReadUser(t.Context(), "")
	requireKind(t, access.Forbidden, err)
	for _, q := range []access.UserQuery{{UserName: "ana"}, {Email: "ana@example.com"}} {
		_, err = users.FindUsers(t.Context(), q)
		requireKind(t, access.Forbidden, err)
	}
}
