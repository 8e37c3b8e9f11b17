package jira_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

func TestCreateTicket_body(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	account := s.addAccount(ticket().Requester)
	ref := open(t, s.desk(t, func(c *jira.Config) {
		c.Fields = map[string]access.TicketField{
			"customfield_10041": access.FieldRequestID, "customfield_10042": access.FieldRequestURL, "customfield_10045": access.FieldItems,
		}
	}))
	require.Equal(t, access.TicketRef{Desk: "jira", ID: "10001", Key: "ACCESS-1", URL: s.url + "/browse/ACCESS-1"}, ref)
	paragraph := func(nodes ...any) map[string]any {
		return map[string]any{"type": "doc", "version": 1.0, "content": []any{map[string]any{"type": "paragraph", "content": nodes}}}
	}
	text := func(s string) map[string]any { return map[string]any{"type": "text", "text": s} }
	require.Equal(t, map[string]any{
		"fields": map[string]any{
			"project": map[string]any{"key": "ACCESS"}, "issuetype": map[string]any{"id": "10010"},
			"summary": "Wiki editor for Ada", "description": paragraph(text("Please.")), "labels": []any{"usher-r1", "usher"},
			"reporter":          map[string]any{"accountId": string(account)},
			"customfield_10041": "r1", "customfield_10042": "https://usher.test/requests/r1?tab=1",
			"customfield_10045": paragraph(text("Wiki editor"), map[string]any{"type": "hardBreak"}, text("Wiki reader")),
		},
		"properties": []any{map[string]any{"key": "usher", "value": map[string]any{"marker": "usher-r1"}}},
	}, s.last(t, "POST /issue"))
}

func TestFields_by_type(t *testing.T) {
	for _, tt := range []struct {
		name, id string
		value    access.TicketField
		text     string
		want     any
	}{
		{"a select takes an option", "customfield_10048", access.FieldReason, "Low", map[string]any{"value": "Low"}},
		{"a text takes one line", "customfield_10046", access.FieldReason, "a\nb", "a b"},
		{"a number takes a number", "customfield_10060", access.FieldDuration, "42.5", 42.5},
		{"labels take a word", "customfield_10061", access.FieldReason, "two words", []any{"two_words"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			projects := jiratest.DefaultProjects()
			projects[0].Fields = append(projects[0].Fields,
				desktest.Field{ID: "customfield_10060", Name: "Days", Type: desktest.NumberField},
				desktest.Field{ID: "customfield_10061", Name: "Tags", Type: desktest.LabelsField})
			s := newSite(t, jiratest.Config{Projects: projects})
			s.tap.AnswerInstead("POST /issue", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, `{"id":"10001","key":"ACCESS-1"}`)
			})
			n := ticket()
			n.Fields[tt.value] = tt.text
			_, err := s.desk(t, func(c *jira.Config) {
				c.Fields = map[string]access.TicketField{tt.id: tt.value}
			}).CreateTicket(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, tt.want, s.fields(t)[tt.id])
		})
	}
}

func TestFields_empty(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	_, err := s.desk(t, nil).CreateTicket(t.Context(), access.NewTicket{Marker: "usher-r1"})
	require.NoError(t, err)
	fields := s.fields(t)
	require.Equal(t, "usher-r1", fields["summary"], "Jira refuses an empty summary")
	for _, id := range []string{"description", "reporter", "customfield_10041", "customfield_10047"} {
		require.NotContains(t, fields, id)
	}
}

func TestReporter(t *testing.T) {
	for _, tt := range []struct {
		name             string
		wanted, refused  bool
		posts            int
		reporterIsPerson bool
	}{
		{"wanted and allowed", true, false, 1, true},
		{"not wanted", false, false, 1, false},
		{"wanted and refused: the ticket is created without", true, true, 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, jiratest.Config{Faults: jiratest.Faults{ReporterRefused: tt.refused}})
			account := s.addAccount(ticket().Requester)
			ref := open(t, s.desk(t, func(c *jira.Config) { c.Reporter = tt.wanted }))
			require.Len(t, s.tap.Calls("POST /issue"), tt.posts)
			i, there := s.Ticket(string(ref.ID))
			require.True(t, there)
			require.Equal(t, tt.reporterIsPerson, i.Reporter == string(account))
			require.Len(t, s.Tickets(), 1)
		})
	}
}

func TestReporter_hidden_users(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	s.tap.AnswerInstead("GET /user/search", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	open(t, s.desk(t, nil))
	s.tap.AnswerInstead("GET /user/search", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	_, err := s.desk(t, nil).CreateTicket(t.Context(), ticket())
	requireKind(t, access.Transient, err)
	require.Len(t, s.Tickets(), 1)
}

func TestMarkerField_without_labels(t *testing.T) {
	projects := jiratest.DefaultProjects()
	for n := range projects[0].Fields {
		if projects[0].Fields[n].ID == "labels" {
			projects[0].Fields[n].OffScreen = true
		}
	}
	s := newSite(t, jiratest.Config{Projects: projects})
	_, err := s.desk(t, nil).CreateTicket(t.Context(), ticket())
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.jira.labels: labels are not on the create screen")

	desk := s.desk(t, func(c *jira.Config) { c.MarkerField = "customfield_10044" })
	ref := open(t, desk)
	require.Equal(t, "usher-r1", s.fields(t)["customfield_10044"])
	require.NotContains(t, s.fields(t), "labels")
	// A text search is coarse: the longer marker can match too, and must not be taken. This one gives everything.
	s.tap.AnswerInstead("POST /search/jql", func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		body["jql"] = "project = ACCESS"
		raw, _ := json.Marshal(body)
		r.Body = io.NopCloser(bytes.NewReader(raw))
		s.Server.ServeHTTP(w, r)
	})
	other := ticket()
	other.Marker = "usher-r1-longer"
	_, err = desk.CreateTicket(t.Context(), other)
	require.NoError(t, err)
	got, err := desk.FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	require.Equal(t, ref, got)
	_, err = desk.FindTicket(t.Context(), "usher-r")
	requireKind(t, access.NotFound, err)
	_, err = desk.FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	require.Equal(t, `project = "ACCESS" AND cf[10044] ~ "\"usher-r1\""`, s.last(t, "POST /search/jql")["jql"])
}

func TestMarkerField_with_labels(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	open(t, s.desk(t, func(c *jira.Config) { c.MarkerField, c.Labels = "customfield_10044", true }))
	require.Equal(t, "usher-r1", s.fields(t)["customfield_10044"])
	require.Equal(t, []any{"usher-r1", "usher"}, s.fields(t)["labels"])
}

func TestFindTicket_copy_with_the_label(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	other := ticket()
	other.Marker = "usher-older"
	older, err := desk.CreateTicket(t.Context(), other)
	require.NoError(t, err)
	ref := open(t, desk)
	require.NoError(t, s.Edit(jiratest.DefaultEmail, string(older.ID), map[string]any{"labels": []string{"usher-older", "usher-r1"}}))
	got, err := desk.FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	require.Equal(t, ref, got)
}

func TestFindTicket_oldest(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	s.tap.AnswerInstead("POST /search/jql", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issues":[{"id":"10000","key":"A-3","fields":{"labels":["usher-r1"],"creator":{"accountId":"acc-usher-bot"}}},
			{"id":"9999","key":"A-2","fields":{"labels":["usher-r1"],"creator":{"accountId":"acc-usher-bot"}}},{"id":"10","key":"A-1","fields":{"labels":["USHER-R1"],"creator":{"accountId":"acc-usher-bot"}}}]}`)
	})
	got, err := s.desk(t, nil).FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	require.Equal(t, access.TicketID("9999"), got.ID)
}

func TestFindTicket_empty_is_proved(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	s.tap.AnswerInstead("GET /myself", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	_, err := s.desk(t, nil).FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.Forbidden, err)
	_, err = s.desk(t, nil).FindAccount(t.Context(), access.Person{ID: "p", Email: "nobody@example.test"})
	requireKind(t, access.Forbidden, err)
}

func TestSearch_endless_tokens(t *testing.T) {
	s := newSite(t, jiratest.Config{PageLimit: 1})
	desk := s.desk(t, nil)
	first := open(t, desk)
	open(t, desk)
	s.faults(func(f *jiratest.Faults) { f.RepeatPageToken, f.OmitIsLast = true, true })
	got, err := desk.FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	require.Equal(t, first, got)
	require.LessOrEqual(t, len(s.tap.Calls("POST /search/jql")), 3)
}

func TestJQL_marker(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	for marker, want := range map[access.Marker]string{
		"usher-r1":        `project = "ACCESS" AND labels = "usher-r1"`,
		`a"b`:             `project = "ACCESS" AND labels = "a\"b"`,
		`a\`:              `project = "ACCESS" AND labels = "a\\"`,
		"a\nb":            `project = "ACCESS" AND labels = "a\nb"`,
		"a\x00\t\r b":     `project = "ACCESS" AND labels = "a\u0000\t\r b"`,
		`" OR key != "\"`: `project = "ACCESS" AND labels = "\" OR key != \"\\\""`,
		"a&b=c+d#e@f":     `project = "ACCESS" AND labels = "a&b=c+d#e@f"`,
	} {
		_, err := desk.FindTicket(t.Context(), marker)
		requireKind(t, access.NotFound, err)
		require.Equal(t, want, s.last(t, "POST /search/jql")["jql"])
	}
}

func TestShorten_utf16(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	n := ticket()
	n.Summary = strings.Repeat("👩🏽‍💻", 100)
	n.Body = "x" + strings.Repeat("🎉", 40000)
	_, err := s.desk(t, nil).CreateTicket(t.Context(), n)
	require.NoError(t, err)
	summary, ok := s.fields(t)["summary"].(string)
	require.True(t, ok)
	require.LessOrEqual(t, len(utf16.Encode([]rune(summary))), 255)
	kept, cut := strings.CutSuffix(summary, " [cut]")
	require.True(t, cut)
	require.Empty(t, strings.ReplaceAll(kept, "👩🏽‍💻", ""), "no character was split")
	require.NotEmpty(t, kept)
	body := s.Tickets()[0].Description
	require.LessOrEqual(t, len(utf16.Encode([]rune(body))), 32767)
	require.True(t, strings.HasSuffix(body, "🎉 [cut]"))
}

func TestTicketURL(t *testing.T) {
	for _, tt := range []struct{ name, base, site, want string }{
		{"the base URL", "", "", "<site>/browse/ACCESS-1"},
		{"a base URL with a path", "/jira/", "", "<site>/jira/browse/ACCESS-1"},
		{"a site of its own", "", "https://people.example.test/", "https://people.example.test/browse/ACCESS-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, jiratest.Config{})
			fake := s.Server
			s.tap.Instead(func(w http.ResponseWriter, r *http.Request) bool {
				http.StripPrefix(strings.TrimRight(tt.base, "/"), fake).ServeHTTP(w, r)
				return true
			})
			ref := open(t, s.desk(t, func(c *jira.Config) { c.BaseURL += tt.base; c.SiteURL = tt.site }))
			require.Equal(t, strings.ReplaceAll(tt.want, "<site>", s.url), ref.URL)
		})
	}
}

func TestCreateTicket_answer_without_issue(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	s.tap.AnswerInstead("POST /issue", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{}`)
	})
	_, err := s.desk(t, nil).CreateTicket(t.Context(), ticket())
	requireKind(t, access.Unknown, err)
	_, err = s.desk(t, nil).CreateTicket(t.Context(), access.NewTicket{})
	requireKind(t, access.Invalid, err)
}
