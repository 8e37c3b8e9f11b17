package jira_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

const everyKey = `
base_url: https://api.atlassian.com/ex/jira/123
site_url: https://example.atlassian.net/
edition: cloud
auth: basic
email: usher@example.test
token: secret-token
project: ACCESS
issue_type: Access request
statuses:
  waiting: [Waiting for approval]
  approved: [Approved]
wont_do_resolutions: [Won't Do, Declined]
resolutions: {done: Fixed, wont_do: Declined}
closing_fields:
  done: {customfield_10048: Low, customfield_1: {value: a, child: {value: b}}}
fields: {customfield_10041: request_id}
marker_field: customfield_10050
labels: true
label: usher-test
webhook: {url: https://usher.example.test/hooks/jira/a-secret-path}
accounts: {p-ada: "557058:1"}
reporter: true
match_hidden_email: true
request_timeout: 20s
rate: 5.5
`

func TestConfig_yaml(t *testing.T) {
	var got jira.Config
	decoder := yaml.NewDecoder(bytes.NewBufferString(everyKey))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&got))
	require.NoError(t, got.Validate())
	want := jira.Config{
		BaseURL: "https://api.atlassian.com/ex/jira/123", SiteURL: "https://example.atlassian.net/",
		Edition: jira.Cloud, Auth: jira.AuthBasic, Email: "usher@example.test", Token: "secret-token", Project: "ACCESS", IssueType: "Access request",
		WontDoResolutions: []string{"Won't Do", "Declined"},
		Resolutions:       map[access.TicketPhase]string{access.TicketDone: "Fixed", access.TicketWontDo: "Declined"},
		MarkerField:       "customfield_10050", Labels: true, Label: "usher-test",
		Webhook:          jira.WebhookConfig{URL: "https://usher.example.test/hooks/jira/a-secret-path"},
		MatchHiddenEmail: true,
	}
	want.Config = desk.Config{
		Statuses: map[access.TicketPhase][]string{
			access.TicketWaiting: {"Waiting for approval"}, access.TicketApproved: {"Approved"},
		},
		ClosingFields: map[access.TicketPhase]map[string]any{access.TicketDone: {
			"customfield_10048": "Low",
			"customfield_1":     map[string]any{"value": "a", "child": map[string]any{"value": "b"}},
		}},
		Fields:   map[string]access.TicketField{"customfield_10041": access.FieldRequestID},
		Accounts: map[access.PersonID]access.AccountID{"p-ada": "557058:1"},
		Reporter: true, RequestTimeout: access.Duration(20 * time.Second), Rate: 5.5,
	}
	require.Equal(t, want, got)
}

func TestConfig_bad_key(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	for _, tt := range []struct {
		name   string
		change func(*jira.Config)
		want   string
	}{
		{"no base URL", func(c *jira.Config) { c.BaseURL = "" }, "base_url: expected a value"},
		{"a base URL with a password", func(c *jira.Config) { c.BaseURL = "https://u:hunter22@x" }, "base_url: expected a URL without"},
		{"a site URL that is none", func(c *jira.Config) { c.SiteURL = "example" }, "site_url: expected an absolute"},
		{"no e-mail", func(c *jira.Config) { c.Email = " " }, "email: expected a value"},
		{"an unknown match", func(c *jira.Config) { c.Match = "phone" }, `match: unknown value "phone"; expected one of email, user_name, map`},
		{"an account of two persons", func(c *jira.Config) {
			c.Accounts = map[access.PersonID]access.AccountID{"p-ada": "557058:1", "p-bob": "557058:1"}
		}, `accounts.p-bob: the account "557058:1" is that of p-ada already; expected one of their own`},
		{"no kind of intake", func(c *jira.Config) { c.Intake = &desk.Intake{} }, "intake.kind: expected the kind of tickets"},
		{"a value that nobody can ask for", func(c *jira.Config) {
			c.Intake = &desk.Intake{Kind: "Task", Fields: map[string]access.AskedField{"customfield_1": "who"}}
		}, `intake.fields.customfield_1: unknown value "who"; expected one of access, subject, duration, reason, give_back, requester`},
		{"user names in Cloud", func(c *jira.Config) { c.Edition, c.Match = jira.Cloud, "user_name" }, "match: accounts of Jira Cloud have no user names; expected email or map"},
		{"an unknown edition", func(c *jira.Config) { c.Edition = "server" }, `edition: unknown value "server"; expected one of cloud, data_center`},
		{"an unknown way to log in", func(c *jira.Config) { c.Auth = "cookie" }, `auth: unknown value "cookie"; expected one of basic, bearer, oauth, pat`},
		{"basic without a name", func(c *jira.Config) { c.Auth, c.Email = jira.AuthBasic, "" }, "email: expected a value, or user"},
		{"a bearer with an e-mail", func(c *jira.Config) { c.Auth = jira.AuthBearer }, "email: expected none, because auth is bearer"},
		{"a token with a user", func(c *jira.Config) { c.Auth, c.Email, c.User = jira.AuthPAT, "", "bot" }, "user: expected none, because auth is pat"},
		{"two names", func(c *jira.Config) { c.User = "bot" }, "user: expected none beside email"},
		{"a user name on Cloud", func(c *jira.Config) { c.Edition, c.Email, c.User = jira.Cloud, "", "bot" }, "user: expected none, because Jira Cloud"},
		{"Data Center's token on Cloud", func(c *jira.Config) {
			c.Edition, c.Auth, c.Email = jira.Cloud, jira.AuthPAT, ""
		}, "auth: found pat, which is Data Center's"},
		{"a service account with a token", oauth(func(c *jira.Config) { c.Token = "t0ken" }), "token: expected none, because auth is oauth"},
		{"a service account without a secret", oauth(func(c *jira.Config) { c.ClientSecret = "" }), "client_secret: expected a value"},
		{"a service account without an id", oauth(func(c *jira.Config) { c.ClientID = "" }), "client_id: expected a value"},
		{"a service account with an e-mail", oauth(func(c *jira.Config) { c.Email = "a@b" }), "email: expected none, because auth is oauth"},
		{"a token server that is none", oauth(func(c *jira.Config) { c.TokenURL = "tokens" }), "token_url: expected an absolute"},
		{"a client id with a token", func(c *jira.Config) { c.ClientID = "usher" }, "client_id: expected none, because auth is basic"},
		{"a client secret with a token", func(c *jira.Config) { c.ClientSecret = "hunter22" }, "client_secret: expected none, because auth is basic"},
		{"a token server for a token", func(c *jira.Config) { c.TokenURL = "https://x" }, "token_url: expected none, because auth is basic"},
		{"scopes for a token", func(c *jira.Config) { c.Scopes = []string{"WRITE"} }, "scopes: expected none, because auth is basic"},
		{"a label of two words", func(c *jira.Config) { c.Label = "two words" }, "label: expected a word"},
		{"a webhook that is no address", func(c *jira.Config) { c.Webhook.URL = "hunter22/hook" }, "webhook.url: expected an absolute URL"},
		{"no token", func(c *jira.Config) { c.Token = "" }, "token: expected a value"},
		{"no project", func(c *jira.Config) { c.Project = "" }, "project: expected a value"},
		{"a project's name", func(c *jira.Config) { c.Project = "Access requests" }, "project: expected a project's key"},
		{"no issue type", func(c *jira.Config) { c.IssueType = "" }, "issue_type: expected a value"},
		{"an unknown phase", func(c *jira.Config) {
			c.Statuses = map[access.TicketPhase][]string{"closed": {"Done"}}
		}, "statuses.closed: unknown phase; expected one of waiting, approved"},
		{"a phase that cannot be mapped", func(c *jira.Config) {
			c.Statuses = map[access.TicketPhase][]string{access.TicketOther: {"Limbo"}}
		}, "statuses.other: unknown phase"},
		{"an empty status", func(c *jira.Config) {
			c.Statuses = map[access.TicketPhase][]string{access.TicketDone: {""}}
		}, "statuses.done: expected names"},
		{"a status in two phases", func(c *jira.Config) {
			c.Statuses = map[access.TicketPhase][]string{access.TicketDone: {"Closed"}, access.TicketWontDo: {"closed"}}
		}, `statuses.wont_do: status "closed" is in statuses.done already`},
		{"a resolution of an open phase", func(c *jira.Config) {
			c.Resolutions = map[access.TicketPhase]string{access.TicketWorking: "Done"}
		}, "resolutions.working: expected done or wont_do"},
		{"closing fields of an unknown phase", func(c *jira.Config) {
			c.ClosingFields = map[access.TicketPhase]map[string]any{"x": nil}
		}, "closing_fields.x: unknown phase"},
		{"an unknown value", func(c *jira.Config) {
			c.Fields = map[string]access.TicketField{"customfield_1": "colour"}
		}, `fields.customfield_1: unknown value "colour"; expected one of request_id`},
		{"a field that usher fills", func(c *jira.Config) {
			c.Fields = map[string]access.TicketField{"summary": access.FieldReason}
		}, "fields.summary: usher fills this field itself"},
		{"a marker field that is none", func(c *jira.Config) { c.MarkerField = "Marker" }, "marker_field: expected the id"},
		{"a marker field that is mapped", func(c *jira.Config) { c.MarkerField = "customfield_10041" }, "fields.customfield_10041: the same"},
		{"a negative timeout", func(c *jira.Config) { c.RequestTimeout = -1 }, "request_timeout: expected"},
		{"a negative rate", func(c *jira.Config) { c.Rate = -1 }, "rate: expected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.config()
			tt.change(&c)
			_, err := jira.New(c, "jira")
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "hunter22")
			require.NotContains(t, err.Error(), jiratest.DefaultToken)
		})
	}
	require.Empty(t, s.Requests(), "nobody is asked")
}

func TestConfig_every_wrong_key(t *testing.T) {
	err := jira.Config{}.Validate()
	for _, key := range []string{"base_url", "token", "project", "issue_type"} {
		require.ErrorContains(t, err, key+":")
	}
}
