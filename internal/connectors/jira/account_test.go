package jira_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

func TestAccountsAreMatched(t *testing.T) {
	ada := access.Person{ID: "p-ada", DisplayName: "Ada", Email: "Ada+x@example.test"}
	account := func(id, email string, change func(*jiratest.Account)) jiratest.Account {
		a := jiratest.Account{ID: id, Email: email, DisplayName: "Ada"}
		if change != nil {
			change(&a)
		}
		return a
	}
	hide := func(a *jiratest.Account) { a.HideEmail = true }
	for _, tt := range []struct {
		name     string
		accounts []jiratest.Account
		change   func(*jira.Config)
		want     access.Account
	}{
		{
			"the configured map goes first",
			[]jiratest.Account{account("a1", "ada+x@example.test", nil)},
			func(c *jira.Config) { c.Accounts = map[access.PersonID]access.AccountID{"p-ada": "mapped"} },
			access.Account{Person: "p-ada", ID: "mapped", How: "map"},
		},
		{
			"the whole address in another case",
			[]jiratest.Account{account("a1", "ada+x@example.test", nil)},
			nil,
			access.Account{Person: "p-ada", ID: "a1", How: "search"},
		},
		{
			"an address that only begins like it",
			[]jiratest.Account{account("a1", "ada+x@example.test.org", nil)},
			nil,
			access.Account{Person: "p-ada"},
		},
		{
			"an inactive account",
			[]jiratest.Account{account("a1", "ada+x@example.test", func(a *jiratest.Account) { a.Inactive = true })},
			nil,
			access.Account{Person: "p-ada"},
		},
		{
			"an app",
			[]jiratest.Account{account("a1", "ada+x@example.test", func(a *jiratest.Account) { a.AccountType = "app" })},
			nil,
			access.Account{Person: "p-ada"},
		},
		{"a hidden address is nobody", []jiratest.Account{account("a1", "ada+x@example.test", hide)}, nil, access.Account{Person: "p-ada"}},
		{
			"a hidden address counts where configured",
			[]jiratest.Account{account("a1", "ada+x@example.test", hide)},
			func(c *jira.Config) { c.MatchHiddenEmail = true },
			access.Account{Person: "p-ada", ID: "a1", How: "search"},
		},
		{"two hidden addresses are nobody", []jiratest.Account{
			account("a1", "ada+x@example.test", hide), account("a2", "ada+x@example.test", hide),
		}, func(c *jira.Config) { c.MatchHiddenEmail = true }, access.Account{Person: "p-ada"}},
		{"a hidden customer is nobody", []jiratest.Account{account("a1", "ada+x@example.test", func(a *jiratest.Account) {
			a.HideEmail, a.AccountType = true, "customer"
		})}, func(c *jira.Config) { c.MatchHiddenEmail = true }, access.Account{Person: "p-ada"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, jiratest.Config{})
			for _, a := range tt.accounts {
				s.AddAccount(a)
			}
			got, err := s.desk(t, tt.change).FindAccount(t.Context(), ada)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			for _, c := range s.tap.Calls("GET /user/search") {
				require.Equal(t, ada.Email, c.Query.Get("query"), "the address is escaped")
			}
		})
	}
}

// Eve has written Ada's address into her own profile, as people may in Data Center.
func TestMatch(t *testing.T) {
	ada := access.Person{ID: "p-ada", UserName: "ADA", Email: "ada@example.test"}
	for _, row := range []struct {
		edition jiratest.Edition
		match   desk.Match
		person  access.Person
		adaToo  bool
		want    access.AccountID
	}{
		{jiratest.Cloud, "", ada, true, "ada"},
		{jiratest.Cloud, desk.MatchEmail, ada, true, "ada"},
		{jiratest.Cloud, desk.MatchMap, ada, true, ""},
		{jiratest.DataCenter, "", ada, true, "ada"},
		{jiratest.DataCenter, "", ada, false, ""},
		{jiratest.DataCenter, desk.MatchUserName, ada, false, ""},
		{jiratest.DataCenter, desk.MatchUserName, access.Person{ID: "p-ada", UserName: "ad", Email: ada.Email}, true, ""},
		{jiratest.DataCenter, "", access.Person{ID: "p-ada", Email: ada.Email}, true, ""},
		{jiratest.DataCenter, desk.MatchMap, ada, true, ""},
		// The administrators of this one say that nobody can do what Eve did.
		{jiratest.DataCenter, desk.MatchEmail, ada, false, "eve"},
	} {
		t.Run(fmt.Sprintf("%s, match %q, user name %q, Ada has an account %t", row.edition, row.match, row.person.UserName, row.adaToo), func(t *testing.T) {
			s := newSite(t, jiratest.Config{Edition: row.edition})
			if row.adaToo {
				s.AddAccount(jiratest.Account{ID: "ada", Name: "ada", Email: ada.Email, DisplayName: "Ada"})
			}
			if row.edition == jiratest.DataCenter && !row.adaToo {
				s.AddAccount(jiratest.Account{ID: "eve", Name: "eve", Email: ada.Email, DisplayName: "Eve"})
			}
			got, err := s.desk(t, func(c *jira.Config) { c.Match = row.match }).FindAccount(t.Context(), row.person)
			require.NoError(t, err)
			require.Equal(t, row.want, got.ID)
		})
	}
}

func TestFindAccount_all_pages(t *testing.T) {
	s := newSite(t, jiratest.Config{PageLimit: 2})
	for _, id := range []string{"a1", "a2", "a3", "a4"} {
		s.AddAccount(jiratest.Account{ID: id, Email: "ada@example.test." + id, DisplayName: id})
	}
	s.AddAccount(jiratest.Account{ID: "a5", Email: "ada@example.test", DisplayName: "Ada"})
	p := access.Person{ID: "p-ada", Email: "ada@example.test"}
	got, err := s.desk(t, nil).FindAccount(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, access.AccountID("a5"), got.ID)
	s.AddAccount(jiratest.Account{ID: "a6", Email: "ADA@example.test", DisplayName: "Ada"})
	got, err = s.desk(t, nil).FindAccount(t.Context(), p)
	require.NoError(t, err)
	require.Empty(t, got.ID, "two accounts on two pages are none")
}

func TestSearchUsers_repeated_page(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	s.tap.AnswerInstead("GET /user/search", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`[{"accountId":"a1","accountType":"atlassian","active":true,"emailAddress":"ada@example.test"}]`))
	})
	got, err := s.desk(t, nil).FindAccount(t.Context(), access.Person{ID: "p", Email: "ada@example.test"})
	require.NoError(t, err)
	require.Equal(t, access.AccountID("a1"), got.ID)
	require.Len(t, s.tap.Calls("GET /user/search"), 2)
}

func TestAssign_other_account(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	s.tap.AnswerInstead("GET /user/assignable/search", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`[{"accountId":"somebody-else"}]`))
	})
	requireKind(t, access.Invalid, desk.AssignTicket(t.Context(), ref.ID, jiratest.DefaultAccountID))
	require.Empty(t, s.tap.Calls("PUT /assignee"))
}

func TestUnassigningSendsNull(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	require.NoError(t, desk.AssignTicket(t.Context(), ref.ID, jiratest.DefaultAccountID))
	require.Equal(t, map[string]any{"accountId": jiratest.DefaultAccountID}, s.last(t, "PUT /assignee"))
	require.NoError(t, desk.AssignTicket(t.Context(), ref.ID, ""))
	require.Equal(t, map[string]any{"accountId": nil}, s.last(t, "PUT /assignee"))
	require.Len(t, s.tap.Calls("PUT /assignee"), 2)
	require.Equal(t, "ACCESS-1", s.tap.Calls("GET /user/assignable/search")[0].Query.Get("issueKey"))
}
