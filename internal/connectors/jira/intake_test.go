package jira_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

// TestIntake_nothing_asked: what is of another kind, or came by a way that proves nobody, asks for nothing.
func TestIntake_nothing_asked(t *testing.T) {
	for name, row := range map[string]struct {
		intake  desk.Intake
		channel string
		why     string
	}{
		"another kind":                        {intake: desk.Intake{Kind: "Bug"}, why: "another kind"},
		"by mail":                             {intake: desk.Intake{Kind: "access request"}, channel: "email", why: "came by email"},
		"from a portal without a login":       {intake: desk.Intake{Kind: "Access request"}, channel: "anonymousportal", why: "came by anonymousportal"},
		"by a way that nobody has heard of":   {intake: desk.Intake{Kind: "Access request"}, channel: "Fax", why: "came by fax"},
		"by mail, where that is declared":     {intake: desk.Intake{Kind: "Access request", Channels: []string{"email"}}, channel: "email"},
		"from the portal":                     {intake: desk.Intake{Kind: "Access request"}, channel: "portal"},
		"in Jira itself, in another spelling": {intake: desk.Intake{Kind: "ACCESS REQUEST"}},
	} {
		t.Run(name, func(t *testing.T) {
			site := newSite(t, jiratest.Config{Edition: jiratest.Cloud})
			ada := site.addAccount(access.Person{ID: "ada", Email: "ada@example.test", DisplayName: "Ada"})
			id := site.askAs(t, ada, "Wiki", "Access: wiki/editor")
			if row.channel != "" {
				site.setProperty(t, id, "request.channel.type", map[string]string{"value": row.channel})
			}
			d := site.desk(t, func(c *jira.Config) { c.Intake = &row.intake })
			asked, err := d.ReadAsked(t.Context(), id)
			if row.why == "" {
				require.NoError(t, err)
				require.Equal(t, "ada@example.test", asked.Creator.Email)
				return
			}
			require.True(t, access.IsKind(err, access.Invalid), "%v", err)
			require.ErrorContains(t, err, row.why)
		})
	}
}

// TestIntake_check: a kind of which no ticket would ever be found is a finding, in the configuration's spelling.
func TestIntake_check(t *testing.T) {
	for kind, want := range map[string][]access.Finding{
		"Acces request": {{
			Key: "desks.jira.intake.kind", Problem: `project ACCESS has no issue type "Acces request"; there are: "Access request"`,
		}},
		"ACCESS request": nil,
	} {
		t.Run(kind, func(t *testing.T) {
			onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
				site := newSite(t, jiratest.Config{Edition: edition})
				findings, err := site.desk(t, func(c *jira.Config) { c.Intake = &desk.Intake{Kind: kind} }).Check(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, findings)
			})
		})
	}
}

// TestIntake_text: a document is read as people see it, and fields come before it.
func TestIntake_text(t *testing.T) {
	site := newSite(t, jiratest.Config{Edition: jiratest.Cloud})
	ada := site.addAccount(access.Person{ID: "ada", Email: "ada@example.test", DisplayName: "Ada"})
	id := site.createAs(t, ada, `"summary":"Wiki","description":{"type":"doc","version":1,"content":[
		{"type":"paragraph","content":[{"type":"text","text":"Access:","marks":[{"type":"strong"}]},{"type":"text","text":" wiki/editor"},
			{"type":"hardBreak"},{"type":"text","text":"For: ben"}]},
		{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"Duration: 30d"}]}]}]}]}`)
	require.NoError(t, site.Edit(string(ada), string(id), map[string]any{"customfield_10047": "the notes"}))
	d := site.desk(t, func(c *jira.Config) {
		c.Intake = &desk.Intake{Kind: "Access request", Fields: map[string]access.AskedField{"customfield_10047": access.AskedReason}}
	})
	asked, err := d.ReadAsked(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "Access: wiki/editor\nFor: ben\n\nDuration: 30d", asked.Text)
	require.Equal(t, map[access.AskedField]string{access.AskedReason: "the notes"}, asked.Values)
}

// TestIntake_marker_field: where the marker is a field, that says which tickets are usher's.
func TestIntake_marker_field(t *testing.T) {
	const field = "customfield_10041"
	site := newSite(t, jiratest.Config{Edition: jiratest.DataCenter})
	ada := site.addAccount(access.Person{ID: "ada", Email: "ada@example.test", DisplayName: "Ada"})
	id := site.askAs(t, ada, "Wiki", "Access: wiki/editor")
	d := site.desk(t, func(c *jira.Config) {
		c.MarkerField, c.Fields = field, nil
	})
	since := access.ChangesQuery{Since: time.Now().Add(-time.Hour), Limit: 10}
	page, err := d.AskedTickets(t.Context(), since)
	require.NoError(t, err)
	require.Len(t, page.Tickets, 1)
	_, err = d.BindTicket(t.Context(), id, ada, "usher-jira.1:0123456789abcdef")
	require.NoError(t, err)
	page, err = d.AskedTickets(t.Context(), since)
	require.NoError(t, err)
	require.Empty(t, page.Tickets)
	_, err = d.ReadAsked(t.Context(), id)
	require.ErrorContains(t, err, "belongs to a request")
}

// setProperty sets an issue property, as another program does.
func (s *site) setProperty(t *testing.T, id access.TicketID, key string, value any) {
	t.Helper()
	body, err := json.Marshal(value)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.api()+"issue/"+string(id)+"/properties/"+key, bytes.NewReader(body))
	require.NoError(t, err)
	r.SetBasicAuth(jiratest.DefaultEmail, jiratest.DefaultToken)
	r.Header.Set("Content-Type", "application/json")
	s.do(t, r, http.StatusCreated, &struct{}{})
}
