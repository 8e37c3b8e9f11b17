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

// oneDone is a project whose workflow closes everything by one status, with the resolution on its screen or not.
func oneDone(screen ...desktest.ScreenField) []jiratest.Project {
	projects := jiratest.DefaultProjects()
	projects[0].Statuses = []desktest.Status{
		{ID: "1", Name: "Open", Category: desktest.CategoryNew},
		{ID: "2", Name: "Doing", Category: desktest.CategoryIndeterminate},
		{ID: "3", Name: "Closed", Category: desktest.CategoryDone},
	}
	projects[0].Transitions = []desktest.Transition{
		{ID: "11", Name: "Go", From: []string{"Open"}, To: "Doing"},
		{ID: "21", Name: "Finish", To: "Closed", Screen: screen},
		{ID: "31", Name: "Again", From: []string{"Closed", "Doing"}, To: "Open"},
	}
	return projects
}

func byCategory(c *jira.Config) { c.Statuses, c.Fields = nil, nil }

func TestTransition_by_category(t *testing.T) {
	s := newSite(t, jiratest.Config{Projects: oneDone(desktest.ScreenField{ID: "resolution", Required: true})})
	desk := s.desk(t, byCategory)
	ref := open(t, desk)
	for _, tt := range []struct {
		to                 access.TicketPhase
		status, resolution string
	}{
		{access.TicketWorking, "Doing", ""},
		{access.TicketDone, "Closed", "Done"},
		{access.TicketWontDo, "Closed", "Won't Do"},
		{access.TicketWaiting, "Open", ""},
		{access.TicketWontDo, "Closed", "Won't Do"},
	} {
		require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, tt.to), "%s", tt.to)
		i, there := s.Ticket(string(ref.ID))
		require.True(t, there)
		require.Equal(t, tt.status, i.Status)
		if tt.resolution != "" {
			require.Equal(t, tt.resolution, i.Resolution)
		}
	}
	requireKind(t, access.Conflict, desk.TransitionTicket(t.Context(), ref.ID, access.TicketApproved))
}

func TestWontDoNeedsAWayToSaySo(t *testing.T) {
	s := newSite(t, jiratest.Config{Projects: oneDone()})
	desk := s.desk(t, byCategory)
	ref := open(t, desk)
	err := desk.TransitionTicket(t.Context(), ref.ID, access.TicketWontDo)
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, `"Finish" to "Closed"`)
	require.ErrorContains(t, err, "desks.jira.statuses.wont_do")
	require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	require.NotContains(t, s.last(t, "POST /transitions"), "fields", "a field that is on no screen is not sent")
}

func TestTransition_empty_screen(t *testing.T) {
	projects := oneDone(desktest.ScreenField{ID: "reporter", Required: true})
	projects[0].Transitions[2].Screen = []desktest.ScreenField{{ID: "resolution"}}
	s := newSite(t, jiratest.Config{Projects: projects})
	desk := s.desk(t, byCategory)
	ref := open(t, desk)
	require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone), "Jira has a default for the reporter")
	require.NotContains(t, s.last(t, "POST /transitions"), "fields")
	require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, access.TicketWaiting), "an open ticket has no resolution")
	require.NotContains(t, s.last(t, "POST /transitions"), "fields")
}

func TestTransition_first_listed_status(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, func(c *jira.Config) {
		c.Statuses = map[access.TicketPhase][]string{access.TicketWorking: {desktest.StatusApproved, desktest.StatusInProgress}}
	})
	ref := open(t, desk)
	require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, access.TicketWorking))
	i, _ := s.Ticket(string(ref.ID))
	require.Equal(t, desktest.StatusApproved, i.Status)
}

func TestResolutions_are_sent(t *testing.T) {
	screen := []desktest.ScreenField{
		{ID: "resolution", Required: true}, {ID: "customfield_10048", Required: true}, {ID: "customfield_10047"},
	}
	s := newSite(t, jiratest.Config{Projects: oneDone(screen...)})
	desk := s.desk(t, func(c *jira.Config) {
		byCategory(c)
		c.Resolutions = map[access.TicketPhase]string{access.TicketDone: "Duplicate"}
		c.ClosingFields = map[access.TicketPhase]map[string]any{access.TicketDone: {
			"customfield_10048": "Low", "customfield_10047": "all is well", "customfield_10041": "not on the screen",
		}}
		c.WontDoResolutions = []string{}
	})
	ref := open(t, desk)
	require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	require.Equal(t, map[string]any{
		"transition": map[string]any{"id": "21"},
		"fields": map[string]any{
			"resolution":        map[string]any{"name": "Duplicate"},
			"customfield_10048": map[string]any{"value": "Low"},
			"customfield_10047": map[string]any{"type": "doc", "version": 1.0, "content": []any{map[string]any{
				"type": "paragraph", "content": []any{map[string]any{"type": "text", "text": "all is well"}},
			}}},
		},
	}, s.last(t, "POST /transitions"))

	again, err := desk.CreateTicket(t.Context(), access.NewTicket{Marker: "usher-r2"})
	require.NoError(t, err)
	err = desk.TransitionTicket(t.Context(), again.ID, access.TicketWontDo)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "Risk (customfield_10048)")
	require.ErrorContains(t, err, "desks.jira.closing_fields.wont_do")
}

func TestClosingFields_not_text(t *testing.T) {
	s := newSite(t, jiratest.Config{Projects: oneDone(desktest.ScreenField{ID: "customfield_10048", Required: true})})
	desk := s.desk(t, func(c *jira.Config) {
		byCategory(c)
		c.ClosingFields = map[access.TicketPhase]map[string]any{
			access.TicketDone: {"customfield_10048": map[string]any{"value": "High"}},
		}
	})
	ref := open(t, desk)
	require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	fields, ok := s.last(t, "POST /transitions")["fields"].(map[string]any)
	require.True(t, ok)
	require.Equal(t, map[string]any{"value": "High"}, fields["customfield_10048"])
}

func TestCheck_unknown_resolution(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, func(c *jira.Config) {
		c.Resolutions = map[access.TicketPhase]string{access.TicketDone: "Granted"}
	})
	ref := open(t, desk)
	err := desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone)
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.jira.resolutions.done")
	require.ErrorContains(t, err, "Done, Won't Do, Duplicate")
}

func TestTransition_at_the_same_time(t *testing.T) {
	s := newSite(t, jiratest.Config{Faults: jiratest.Faults{TransitionConflicts: 1}})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	requireKind(t, access.Transient, desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
	require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
}

func TestTransition_refused_reads_the_ticket(t *testing.T) {
	for _, tt := range []struct {
		name, movedTo string
		want          access.Kind
	}{
		{"at the target by somebody else: success", desktest.StatusDone, ""},
		{"somewhere else: try again", desktest.StatusWontDo, access.Transient},
		{"where it was: the refusal stands", "", access.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, jiratest.Config{})
			human := s.addAccount(access.Person{ID: "h", DisplayName: "H", Email: "h@example.test"})
			desk := s.desk(t, nil)
			ref := open(t, desk)
			s.tap.AnswerInstead("POST /transitions", func(w http.ResponseWriter, _ *http.Request) {
				if tt.movedTo != "" {
					_ = s.MoveAs(string(human), string(ref.ID), tt.movedTo)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"errorMessages":["not valid for the current state"],"errors":{}}`))
			})
			err := desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone)
			require.Equal(t, tt.want, access.KindOf(err), "%v", err)
		})
	}
}

func TestPhase_nobody_moved(t *testing.T) {
	projects := oneDone()
	projects[0].Statuses[0].Category = desktest.CategoryIndeterminate
	s := newSite(t, jiratest.Config{Projects: projects})
	desk := s.desk(t, byCategory)
	ref := open(t, desk)
	require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, access.TicketWaiting))
	require.Empty(t, s.tap.Calls("POST /transitions"))
	require.NoError(t, desk.TransitionTicket(t.Context(), ref.ID, access.TicketWorking))
	require.Len(t, s.tap.Calls("POST /transitions"), 1)
}
