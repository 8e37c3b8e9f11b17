package jira_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

func TestCheck_webhook(t *testing.T) {
	const (
		old, present = "GET /rest/webhooks/1.0/webhook", "GET /rest/jira-webhook/1.0/webhooks"
		address      = "https://usher.example.test/hooks/jira/sesame"
		whole        = `"events":["jira:issue_updated","jira:issue_deleted","comment_created"]`
	)
	for _, tt := range []struct {
		name    string
		call    string
		answer  http.HandlerFunc
		finding string
	}{
		{"none at all", old, okay(`[]`), "no webhook calls this URL"},
		{"another one", old, okay(`[{"url":"https://usher.example.test/hooks/jira",` + whole + `,"enabled":true}]`), "no webhook calls this URL"},
		{"the right one", old, okay(`[{"url":"` + address + `",` + whole + `,"enabled":true}]`), ""},
		{"the right one on Jira 10", present, okay(`[{"url":"` + address + `/",` + whole + `,"active":true}]`), ""},
		{"one that is disabled", old, okay(`[{"url":"` + address + `",` + whole + `,"enabled":false}]`), "is disabled"},
		{"one that is not active", present, okay(`[{"url":"` + address + `",` + whole + `,"active":false}]`), "is disabled"},
		{"a disabled one beside the right one", old, okay(`[{"url":"` + address + `",` + whole + `,"enabled":false},{"url":"` + address + `",` + whole + `}]`), ""},
		{
			"one without an event", old, okay(`[{"url":"` + address + `","events":["jira:issue_updated"],"enabled":true}]`),
			"lacks the events jira:issue_deleted;",
		},
		{"an account without the right", old, status(403, ``), ""},
		{"an account that is refused", old, status(401, ``), ""},
		{"no such list", old, status(404, ``), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := dataCenterScript(t)
			s.on(tt.call, tt.answer)
			findings, err := s.desk(t, func(c *jira.Config) { c.Webhook.URL = address }).Check(t.Context())
			require.NoError(t, err)
			if tt.finding == "" {
				require.Empty(t, findings)
				return
			}
			require.Len(t, findings, 1)
			require.Equal(t, "desks.jira.webhook.url", findings[0].Key)
			require.Contains(t, findings[0].Problem, tt.finding)
			for _, part := range []string{"jira:issue_updated and jira:issue_deleted", `labels = "usher"`, "secret"} {
				require.Contains(t, findings[0].Problem, part)
			}
			require.NotContains(t, findings[0].Problem, "sesame", "the URL may hold a secret")
		})
	}
}

func TestCheck_webhooks_unavailable(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	s.tap.AnswerInstead("GET /rest/webhooks/1.0/webhook", status(502, ``))
	_, err := s.desk(t, func(c *jira.Config) { c.Webhook.URL = "https://usher.example.test/x" }).Check(t.Context())
	require.Error(t, err)
	_, err = s.desk(t, nil).Check(t.Context())
	require.NoError(t, err, "without a URL nobody asks")
}
