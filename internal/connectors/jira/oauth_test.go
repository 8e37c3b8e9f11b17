package jira_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// tokens is a token server that knows one client, and gives it the token that the fake knows.
type tokens struct {
	url   string
	given atomic.Int32
}

const clientSecret = "the client's hunter22"

func newTokens(t *testing.T) *tokens {
	t.Helper()
	s := &tokens{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("client_id") != "usher" || r.PostFormValue("client_secret") != clientSecret {
		w.WriteHeader(http.StatusUnauthorized)
		// What it is told it says back.
		fmt.Fprintf(w, `{"error":"access_denied","error_description":%q}`, "Unauthorized: "+r.PostFormValue("client_secret"))
		return
	}
	s.given.Add(1)
	fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600,"scope":"read:jira-work"}`, jiratest.DefaultToken)
}

// oauth makes usher a service account.
func oauth(change func(*jira.Config)) func(*jira.Config) {
	return func(c *jira.Config) {
		c.Auth, c.Email, c.User, c.Token = jira.AuthOAuth, "", "", ""
		c.ClientID, c.ClientSecret = "usher", clientSecret
		change(c)
	}
}

func TestServiceAccount_yaml(t *testing.T) {
	var got jira.Config
	decoder := yaml.NewDecoder(strings.NewReader(`{base_url: "https://jira.example.test", client_id: usher, client_secret: secret,
		token_url: "https://sso.example.test/token", scopes: [READ, WRITE], project: ACCESS, issue_type: Task}`))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&got))
	require.NoError(t, got.Validate())
	require.Equal(t, jira.Config{
		BaseURL: "https://jira.example.test", ClientID: "usher", ClientSecret: "secret",
		TokenURL: "https://sso.example.test/token", Scopes: []string{"READ", "WRITE"}, Project: "ACCESS", IssueType: "Task",
	}, got)
}

func TestServiceAccount_logs_in_once(t *testing.T) {
	s, given := newSite(t, jiratest.Config{}), newTokens(t)
	desk := s.desk(t, oauth(func(c *jira.Config) {
		c.TokenURL, c.Auth = given.url, "" // the client id says it
		c.BaseURL += "/ex/jira/" + jiratest.DefaultCloudID
	}))
	for range 3 {
		_, err := desk.FindAccount(t.Context(), access.Person{ID: "p-ada", Email: "ada@example.test"})
		require.NoError(t, err)
	}
	_, err := desk.Check(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, given.given.Load())
}

func TestServiceAccount_refused(t *testing.T) {
	s, given := newSite(t, jiratest.Config{}), newTokens(t)
	desk := s.desk(t, oauth(func(c *jira.Config) {
		c.TokenURL, c.ClientSecret = given.url, "the other's hunter22"
		c.BaseURL += "/ex/jira/" + jiratest.DefaultCloudID
	}))
	_, err := desk.ReadTickets(t.Context(), []access.TicketID{"1"})
	require.Equal(t, access.Forbidden, access.KindOf(err))
	require.ErrorContains(t, err, "client_id and client_secret at "+given.url+": 401 Unauthorized: access_denied, Unauthorized: [redacted]")
	require.NotContains(t, err.Error(), "hunter22")
	require.Empty(t, s.Requests(), "nothing is asked without a token")
}

func TestServiceAccount_token_url(t *testing.T) {
	for _, row := range []struct {
		config jira.Config
		want   string
	}{
		{jira.Config{BaseURL: "https://api.atlassian.com/ex/jira/1"}, "https://auth.atlassian.com/oauth/token"},
		{jira.Config{BaseURL: "https://proxy.example.test/jira", Edition: jira.Cloud}, "https://auth.atlassian.com/oauth/token"},
		{jira.Config{BaseURL: "https://jira.example.test/context/"}, "https://jira.example.test/context/rest/oauth2/latest/token"},
		{jira.Config{BaseURL: "https://jira.example.test", TokenURL: "https://sso.example.test/token"}, "https://sso.example.test/token"},
	} {
		require.Equal(t, row.want, jira.TokenURL(row.config))
	}
}
