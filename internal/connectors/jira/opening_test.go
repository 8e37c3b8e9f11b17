package jira_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// What is the same for each ticket goes into the call that opens it: a text in the form of its field, anything else as it stands.
func TestCreateTicket_opening_fields(t *testing.T) {
	projects := jiratest.DefaultProjects()
	projects[0].Fields = append(projects[0].Fields, desktest.Field{ID: "customfield_10060", Name: "Days", Type: desktest.NumberField})
	s := newSite(t, jiratest.Config{Projects: projects})
	open(t, s.desk(t, func(c *jira.Config) {
		c.OpeningFields = map[string]any{"customfield_10048": "Low", "customfield_10060": 3}
	}))
	body, is := s.last(t, "POST /issue")["fields"].(map[string]any)
	require.True(t, is)
	require.Equal(t, map[string]any{"value": "Low"}, body["customfield_10048"])
	require.InEpsilon(t, 3.0, body["customfield_10060"], 0.001)
}
