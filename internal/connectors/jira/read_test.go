package jira_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

func TestStatusesBecomePhases(t *testing.T) {
	none := map[access.TicketPhase][]string{}
	own := map[access.TicketPhase][]string{
		access.TicketWaiting: {"In Progress"}, access.TicketApproved: {"approved"}, access.TicketWontDo: {"Won't do"},
	}
	for _, tt := range []struct {
		name                         string
		statuses                     map[access.TicketPhase][]string
		status, category, resolution string
		moved                        bool
		want                         access.TicketPhase
	}{
		{"to do is waiting", none, "Open", "new", "", true, access.TicketWaiting},
		{"no category is waiting", none, "Open", "undefined", "", true, access.TicketWaiting},
		{"in progress is working", none, "In Progress", "indeterminate", "", true, access.TicketWorking},
		{"in progress is waiting on a ticket that nobody moved", none, "Triage", "indeterminate", "", false, access.TicketWaiting},
		{"done is done", none, "Closed", "done", "", true, access.TicketDone},
		{"done with a resolution is done", none, "Closed", "done", "Fixed", true, access.TicketDone},
		{"done and declined is won't do", none, "Closed", "done", "declined", true, access.TicketWontDo},
		{"a first status may be a closed one", none, "Closed", "done", "", false, access.TicketDone},
		{"an unknown category is other", none, "Limbo", "purgatory", "", true, access.TicketOther},
		{"a listed status wins over its category", own, "in progress", "indeterminate", "", true, access.TicketWaiting},
		{"names compare without case", own, "APPROVED", "indeterminate", "", true, access.TicketApproved},
		{"a listed status wins on a ticket that nobody moved", own, "Approved", "indeterminate", "", false, access.TicketApproved},
		{"a status listed as won't do needs no resolution", own, "Won't do", "done", "", true, access.TicketWontDo},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, jiratest.Config{})
			desk := s.desk(t, func(c *jira.Config) { c.Statuses = tt.statuses })
			s.tap.AnswerInstead("GET /issue/7", func(w http.ResponseWriter, _ *http.Request) {
				writeIssue(w, tt.status, tt.category, tt.resolution, tt.moved)
			})
			got, err := desk.ReadTicket(t.Context(), "7")
			require.NoError(t, err)
			require.Equal(t, tt.want, got.Phase)
			require.Equal(t, tt.status, got.Status)
		})
	}
}

// writeIssue answers with an issue 7 in a status.
func writeIssue(w http.ResponseWriter, status, category, resolution string, moved bool) {
	fields := map[string]any{
		"status":  map[string]any{"id": "3", "name": status, "statusCategory": map[string]any{"key": category}},
		"project": map[string]any{"key": "ACCESS"}, "updated": "2026-01-02T03:04:05.678-0700", "assignee": nil, "resolution": nil,
	}
	if resolution != "" {
		fields["resolution"] = map[string]any{"name": resolution}
	}
	histories := []any{}
	if moved {
		histories = append(histories, map[string]any{
			"id": "1", "author": map[string]any{"accountId": "a", "displayName": "A"}, "created": "2026-01-02T03:04:05.000+0000",
			"items": []any{map[string]any{"field": "status", "fieldId": "status", "from": "1", "to": "3"}},
		})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": "7", "key": "ACCESS-7", "fields": fields,
		"changelog": map[string]any{"startAt": 0, "maxResults": 100, "total": len(histories), "histories": histories},
	})
}

func TestWontDoResolutions(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, func(c *jira.Config) {
		c.Statuses, c.WontDoResolutions = nil, []string{"Rejected"}
		c.Resolutions = map[access.TicketPhase]string{access.TicketWontDo: "Refused"}
	})
	for resolution, want := range map[string]access.TicketPhase{
		"Rejected": access.TicketWontDo, "refused": access.TicketWontDo, "Declined": access.TicketDone,
	} {
		s.tap.AnswerInstead("GET /issue/7", func(w http.ResponseWriter, _ *http.Request) { writeIssue(w, "Closed", "done", resolution, true) })
		got, err := desk.ReadTicket(t.Context(), "7")
		require.NoError(t, err)
		require.Equal(t, want, got.Phase, resolution)
	}
}

func TestHistory_long(t *testing.T) {
	for _, limit := range []int{0, 7, 3} {
		t.Run(fmt.Sprintf("pages of %d", limit), func(t *testing.T) {
			s := newSite(t, jiratest.Config{PageLimit: limit})
			ada := s.addAccount(access.Person{ID: "ada", DisplayName: "Ada", Email: "ada@example.test"})
			bob := s.addAccount(access.Person{ID: "bob", DisplayName: "Bob", Email: "bob@example.test"})
			desk := s.desk(t, nil)
			id := string(open(t, desk).ID)
			move := func(by access.AccountID, to string) { require.NoError(t, s.MoveAs(string(by), id, to)) }
			rename := func(n int) {
				for i := range n {
					require.NoError(t, s.Edit(string(ada), id, map[string]any{"summary": fmt.Sprintf("%s %d", t.Name(), i)}))
				}
			}
			move(ada, desktest.StatusDenied)
			rename(120)
			move(ada, desktest.StatusWaiting)
			move(bob, desktest.StatusDenied)
			// Exactly one page of other changes follows, so the move is the last one of the page before.
			rename(100)
			got, err := desk.ReadTicket(t.Context(), access.TicketID(id))
			require.NoError(t, err)
			require.Equal(t, bob, got.StatusChangedBy)
			require.Equal(t, "Bob", got.StatusChangedByName)
			require.Equal(t, access.TicketDenied, got.Phase)
		})
	}
}

func TestTextChangedBy(t *testing.T) {
	for _, edition := range []jiratest.Edition{jiratest.Cloud, jiratest.DataCenter} {
		for name, row := range map[string]struct {
			may    bool
			field  string
			value  any
			counts bool
		}{
			"the summary":                         {false, "summary", "Wiki viewer for Ana", true},
			"the description":                     {false, "description", "It is only about the viewer.", true},
			"a field that usher fills":            {false, "customfield_10047", "only to read", true},
			"a field that usher does not fill":    {false, "customfield_10046", "4711", false},
			"the labels":                          {false, "labels", []string{"usher", "urgent"}, false},
			"the summary, by an account that may": {true, "summary", "Wiki editor for Ana [IT]", false},
		} {
			t.Run(string(edition)+", "+name, func(t *testing.T) {
				s := newSite(t, jiratest.Config{Edition: edition})
				robot := s.addAccount(access.Person{ID: "robot", DisplayName: "Robot", Email: "robot@example.test"})
				desk := s.desk(t, func(c *jira.Config) {
					if row.may {
						c.TextEditors = []access.AccountID{robot}
					}
				})
				id := open(t, desk).ID
				require.NoError(t, s.Edit(string(robot), string(id), map[string]any{row.field: row.value}))
				got, err := desk.ReadTicket(t.Context(), id)
				require.NoError(t, err)
				want := access.AccountID("")
				if row.counts {
					want = robot
				}
				require.Equal(t, want, got.TextChangedBy)
			})
		}
	}
	t.Run("a worker that does not know the fields' names yet takes any custom field for one of usher's", func(t *testing.T) {
		s := newSite(t, jiratest.Config{Edition: jiratest.DataCenter})
		ada := s.addAccount(access.Person{ID: "ada", DisplayName: "Ada", Email: "ada@example.test"})
		id := open(t, s.desk(t, nil)).ID
		require.NoError(t, s.Edit(string(ada), string(id), map[string]any{"customfield_10046": "4711"}))
		got, err := s.desk(t, nil).ReadTicket(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, ada, got.TextChangedBy)
	})
}

func TestFulfilledBy(t *testing.T) {
	for _, edition := range []jiratest.Edition{jiratest.Cloud, jiratest.DataCenter} {
		s := newSite(t, jiratest.Config{Edition: edition})
		ada := s.addAccount(access.Person{ID: "ada", DisplayName: "Ada", Email: "ada@example.test"})
		bob := s.addAccount(access.Person{ID: "bob", DisplayName: "Bob", Email: "bob@example.test"})
		desk := s.desk(t, func(c *jira.Config) { c.FulfilledBy = []access.AccountID{ada} })
		for _, by := range []access.AccountID{ada, bob} {
			id := open(t, desk).ID
			require.NoError(t, s.MoveAs(string(by), string(id), desktest.StatusDenied))
			got, err := desk.ReadTicket(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, by == ada, got.StatusChangedByFulfiller, "%s, by %s", edition, by)
		}
	}
}

func TestReadTicket_hidden(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	require.NoError(t, s.Hide(string(ref.ID), true))
	proofs := len(s.tap.Calls("GET /myself"))
	_, err := desk.ReadTicket(t.Context(), ref.ID)
	requireKind(t, access.NotFound, err)
	require.Greater(t, len(s.tap.Calls("GET /myself")), proofs, "the credentials were proved in the same call")
	require.NoError(t, s.Hide(string(ref.ID), false))
	_, err = desk.ReadTicket(t.Context(), ref.ID)
	require.NoError(t, err)
}

func TestHistory_later_move(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	s.tap.AnswerInstead("GET /issue/7", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":"7","key":"ACCESS-7","fields":{"status":{"id":"3","name":"S","statusCategory":{"key":"new"}}},
			"changelog":{"total":2,"histories":[
				{"id":"10","author":{"accountId":"late"},"items":[{"fieldId":"status","from":"3","to":"4"}]},
				{"id":"9","author":{"accountId":"mover"},"items":[{"field":"status","from":"1","to":"3"}]}]}}`))
	})
	got, err := s.desk(t, nil).ReadTicket(t.Context(), "7")
	require.NoError(t, err)
	require.Equal(t, access.AccountID("mover"), got.StatusChangedBy)
}

func TestReadTicket_missing_without_proof(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, nil)
	ref := open(t, desk)
	_, err := desk.ReadTicket(t.Context(), ref.ID)
	require.NoError(t, err)
	require.NoError(t, s.Delete(string(ref.ID)))
	s.tap.AnswerInstead("GET /myself", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	_, err = desk.ReadTicket(t.Context(), ref.ID)
	requireKind(t, access.Transient, err)
}

func TestTimesAreUTC(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	s.tap.AnswerInstead("GET /issue/7", func(w http.ResponseWriter, _ *http.Request) { writeIssue(w, "Closed", "done", "", true) })
	got, err := s.desk(t, nil).ReadTicket(t.Context(), "7")
	require.NoError(t, err)
	require.Equal(t, "2026-01-02 10:04:05.678 +0000 UTC", got.UpdatedAt.String())
	require.Equal(t, "2026-01-02 03:04:05 +0000 UTC", got.StatusChangedAt.String())
}

func TestAnswer_no_issue(t *testing.T) {
	s := newSite(t, jiratest.Config{})
	s.tap.AnswerInstead("GET /issue/7", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) })
	_, err := s.desk(t, nil).ReadTicket(t.Context(), "7")
	requireKind(t, access.Transient, err)
	s.tap.AnswerInstead("GET /myself", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) })
	_, err = s.desk(t, nil).ReadTicket(t.Context(), "7")
	requireKind(t, access.Transient, err)
}

func TestBaseURL_without_api(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	s := newSite(t, jiratest.Config{})
	desk := s.desk(t, func(c *jira.Config) { c.BaseURL = server.URL })
	_, err := desk.ReadTicket(t.Context(), "7")
	requireKind(t, access.Invalid, err)
	require.ErrorContains(t, err, "desks.jira.base_url")
}
