package jira_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

func TestCheck_names_the_key(t *testing.T) {
	for _, tt := range []struct {
		name      string
		projects  func([]jiratest.Project)
		change    func(*jira.Config)
		key, want string
	}{
		{"an unknown project", nil, func(c *jira.Config) { c.Project = "NOPE" }, "desks.jira.project", `"NOPE" does not exist`},
		{"an unknown issue type", nil, func(c *jira.Config) { c.IssueType = "Bug" }, "desks.jira.issue_type", `there are: "Access request"`},
		{"an unknown field", nil, func(c *jira.Config) {
			c.Fields = map[string]access.TicketField{"customfield_1": access.FieldReason}
		}, "desks.jira.fields.customfield_1", "Request id (customfield_10041)"},
		{"a field that is on no screen", nil, func(c *jira.Config) {
			c.Fields = map[string]access.TicketField{"customfield_10049": access.FieldReason}
		}, "desks.jira.fields.customfield_10049", "not on the create screen"},
		{"a field that takes no text", nil, func(c *jira.Config) {
			c.Fields = map[string]access.TicketField{"duedate": access.FieldDuration}
		}, "desks.jira.fields.duedate", `type "date"`},
		{"a required field that nothing fills", func(p []jiratest.Project) {
			p[0].Fields = append(p[0].Fields, desktest.Field{ID: "customfield_7", Name: "Budget", Type: desktest.TextField, Required: true})
		}, nil, "desks.jira.fields.customfield_7", "Budget (customfield_7) is required"},
		{"a status that the workflow has not", nil, func(c *jira.Config) {
			c.Statuses = map[access.TicketPhase][]string{access.TicketDone: {"Finished"}}
		}, "desks.jira.statuses.done", `no status "Finished"; there are: "Waiting for approval" (10101), "Approved" (10102)`},
		{
			"a marker field that is on no screen", nil, func(c *jira.Config) { c.MarkerField = "customfield_10049" },
			"desks.jira.marker_field", "no text field on the create screen",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			projects := jiratest.DefaultProjects()
			if tt.projects != nil {
				tt.projects(projects)
			}
			s := newSite(t, jiratest.Config{Projects: projects})
			desk := s.desk(t, tt.change)
			findings, err := desk.Check(t.Context())
			require.NoError(t, err)
			require.Len(t, findings, 1)
			require.Equal(t, tt.key, findings[0].Key)
			require.Contains(t, findings[0].Problem, tt.want)

			_, err = desk.CreateTicket(t.Context(), ticket())
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, tt.key+": "+findings[0].Problem)
			require.Empty(t, s.tap.Calls("POST /issue"), "no ticket is tried with wrong keys")
		})
	}
}

func TestConfig_several_wrong_keys(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	_, err := s.desk(t, func(c *jira.Config) {
		c.Fields = map[string]access.TicketField{"customfield_1": access.FieldReason, "customfield_2": access.FieldItems}
		c.Statuses = map[access.TicketPhase][]string{access.TicketDone: {"Finished"}}
	}).CreateTicket(t.Context(), ticket())
	requireKind(t, access.Invalid, err)
	for _, key := range []string{"fields.customfield_1", "fields.customfield_2", "statuses.done"} {
		require.ErrorContains(t, err, "desks.jira."+key)
	}
}

func TestReporter_off_the_screen(t *testing.T) {
	s := newSite(t, jiratest.Config{Faults: jiratest.Faults{ReporterRefused: true}})
	desk := s.desk(t, nil)
	findings, err := desk.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, "desks.jira.reporter", findings[0].Key)
	open(t, desk)
}

func TestFirstContact(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	require.Empty(t, s.Requests(), "New asks nobody")
	s.tap.AnswerInstead("GET /statuses", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	_, err := desk.CreateTicket(t.Context(), ticket())
	requireKind(t, access.Transient, err)
	require.Empty(t, s.tap.Calls("POST /issue"))
	s.tap.AnswerInstead("", nil)
	open(t, desk)
	open(t, desk)
	require.Len(t, s.tap.Calls("GET /statuses"), 2)
	require.Len(t, s.tap.Calls("GET /project/ACCESS"), 2)
}

func TestCreateTicket_refused_reads_the_schema(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	open(t, desk)
	s.tap.AnswerInstead("POST /issue", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"errorMessages":[],"errors":{"customfield_10041":"Field 'customfield_10041' cannot be set."}}`))
	})
	_, err := desk.CreateTicket(t.Context(), ticket())
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "customfield_10041")
	s.tap.AnswerInstead("", nil)
	open(t, desk)
	require.Len(t, s.tap.Calls("GET /project/ACCESS"), 2)
}

func TestCheckChangesNothing(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	_, err := s.desk(t, nil).Check(t.Context())
	require.NoError(t, err)
	for _, r := range s.Requests() {
		require.Equal(t, http.MethodGet, r.Method)
	}
}
