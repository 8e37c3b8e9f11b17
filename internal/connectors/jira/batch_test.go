package jira_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/jira/jiratest"
)

const (
	fetch   = "POST /rest/api/3/issue/bulkfetch"
	changes = "POST /rest/api/3/changelog/bulkfetch"
)

// cloudIssue is an issue in status 3 as the bulk call gives it: without a history.
func cloudIssue(id, assignee string) string {
	return fmt.Sprintf(`{"id":"%s","key":"ACCESS-%s","fields":{"status":{"id":"3","name":"In Progress","statusCategory":{"key":"indeterminate"}},
		"assignee":{"accountId":"%s"},"project":{"key":"ACCESS"},"updated":"2026-01-02T03:04:05.678-0700"}}`, id, id, assignee)
}

// history is one change, by somebody, of a field to a value.
func history(id int, by, field, to, created string) string {
	return fmt.Sprintf(`{"id":"%d","author":{"accountId":"%s","displayName":"%s"},"created":%s,"items":[{"field":"%s","fieldId":"%s","to":"%s"}]}`,
		id, by, strings.ToUpper(by), created, field, field, to)
}

func changeLogs(next string, perIssue map[string][]string) string {
	var logs []string
	for id, list := range perIssue {
		logs = append(logs, `{"issueId":"`+id+`","changeHistories":[`+strings.Join(list, ",")+`]}`)
	}
	token := "null"
	if next != "" {
		token = `"` + next + `"`
	}
	return `{"issueChangeLogs":[` + strings.Join(logs, ",") + `],"nextPageToken":` + token + `}`
}

func TestReadTickets_two_calls(t *testing.T) {
	s := cloudScript(t)
	s.on(fetch, okay(`{"issues":[`+cloudIssue("9", "ada")+`,`+cloudIssue("10", "bob")+`],"issueErrors":[]}`))
	s.on(changes, okay(changeLogs("", map[string][]string{
		"10": {
			history(7, "bot", "assignee", "bob", "1767323045000"),
			history(8, "ada", "status", "3", "1767323045"), history(9, "ada", "status", "4", "1767323050"),
		},
		"9": {history(11, "ada", "assignee", "ada", `"2026-01-02T03:04:05.000+0000"`), history(10, "bot", "assignee", "bob", "1767323000")},
	})))
	got, err := s.desk(t, nil).ReadTickets(t.Context(), []access.TicketID{"10", "9", "10"})
	require.NoError(t, err)
	require.Equal(t, []string{fetch, changes}, s.calls())
	require.JSONEq(t, `{"issueIdsOrKeys":["10","9"],"fields":["status","assignee","resolution","updated","project"]}`, s.body(t, fetch))
	require.JSONEq(t, `{"issueIdsOrKeys":["9","10"],"fieldIds":["status","assignee","summary","description"],"maxResults":1000}`, s.body(t, changes))
	require.Empty(t, got.Missing)
	at := time.Unix(1767323045, 0).UTC()
	updated := time.Date(2026, 1, 2, 10, 4, 5, 678_000_000, time.UTC)
	require.Equal(t, []access.TicketSnapshot{
		{
			Ref:     access.TicketRef{Desk: "jira", ID: "10", Key: "ACCESS-10", URL: s.url + "/browse/ACCESS-10"},
			Project: "ACCESS", Phase: access.TicketWorking, Status: "In Progress", Assignee: "bob", AssignedByUsher: true,
			StatusChangedBy: "ada", StatusChangedByName: "ADA", StatusChangedAt: at, UpdatedAt: updated,
		},
		{
			Ref:     access.TicketRef{Desk: "jira", ID: "9", Key: "ACCESS-9", URL: s.url + "/browse/ACCESS-9"},
			Project: "ACCESS", Phase: access.TicketWaiting, Status: "In Progress", Assignee: "ada", UpdatedAt: updated,
		},
	}, got.Tickets)
}

func TestHistory_all_pages(t *testing.T) {
	s := cloudScript(t)
	s.on(fetch, okay(`{"issues":[`+cloudIssue("1", "ada")+`]}`))
	s.on(changes, inTurn(
		okay(changeLogs("p2", map[string][]string{"1": {history(1, "ada", "status", "3", "1767323045")}})),
		okay(changeLogs("p3", map[string][]string{})),
		okay(changeLogs("", map[string][]string{"1": {history(2, "bot", "status", "3", "1767323046")}})),
	))
	got, err := s.desk(t, nil).ReadTickets(t.Context(), []access.TicketID{"1"})
	require.NoError(t, err)
	require.True(t, got.Tickets[0].StatusChangedByUsher, "the last page counts")
	require.Equal(t, "p3", jsonOf(t, s.body(t, changes))["nextPageToken"])
	require.Equal(t, 3, s.count(changes))

	s.on(changes, okay(changeLogs("again", map[string][]string{"1": {history(1, "ada", "status", "3", "1767323045")}})))
	_, err = s.desk(t, nil).ReadTickets(t.Context(), []access.TicketID{"1"})
	require.NoError(t, err)
	require.Equal(t, 5, s.count(changes), "a page that comes back is the end")
}

func TestHistory_by_field(t *testing.T) {
	s := cloudScript(t)
	s.on("GET /rest/api/3/issue/1", okay(strings.TrimSuffix(cloudIssue("1", "ada"), "}")+
		`,"changelog":{"total":101,"histories":[`+history(5, "late", "status", "3", `"2026-01-02T03:04:05.000+0000"`)+`]}}`))
	s.on(changes, okay(changeLogs("", map[string][]string{"1": {
		history(1, "ada", "assignee", "ada", "1767323045"), history(9, "bob", "status", "3", "1767323045"),
	}})))
	got, err := s.desk(t, nil).ReadTicket(t.Context(), "1")
	require.NoError(t, err)
	require.Equal(t, access.AccountID("bob"), got.StatusChangedBy)
	require.False(t, got.AssignedByUsher)
}

func TestReadTickets_missing(t *testing.T) {
	s := cloudScript(t)
	s.on("GET /rest/api/3/myself", inTurn(okay(`{"accountId":"bot"}`), okay(`{"accountId":"bot"}`), status(401, ``)))
	s.on(fetch, okay(`{"issues":[`+cloudIssue("1", "ada")+`,`+cloudIssue("77", "ada")+`]}`))
	s.on(changes, okay(`{}`))
	desk := s.desk(t, nil)
	got, err := desk.ReadTickets(t.Context(), []access.TicketID{"2", "1", "KEY-3"})
	require.NoError(t, err)
	require.Equal(t, []access.TicketID{"2", "KEY-3"}, got.Missing)
	require.Len(t, got.Tickets, 1, "what was not asked for is left out")
	require.Equal(t, 2, s.count("GET /rest/api/3/myself"))
	require.JSONEq(t, `["2","1"]`, jsonArray(t, s.body(t, fetch), "issueIdsOrKeys"))
	_, err = desk.ReadTickets(t.Context(), []access.TicketID{"2"})
	requireKind(t, access.Forbidden, err)
}

func jsonArray(t *testing.T, body, member string) string {
	t.Helper()
	return strings.ReplaceAll(fmt.Sprintf("%q", jsonOf(t, body)[member]), " ", ",")
}

func TestReadTickets_one_by_one(t *testing.T) {
	s := cloudScript(t)
	s.on(fetch, okay(`{"issues":[],"issueErrors":[{"id":"1","errorMessage":"try again"},{"id":"2","errorMessage":"try again"}]}`))
	s.on("GET /rest/api/3/issue/1", okay(strings.TrimSuffix(cloudIssue("1", "ada"), "}")+`,"changelog":{}}`))
	desk := s.desk(t, nil)
	got, err := desk.ReadTickets(t.Context(), []access.TicketID{"1", "2"})
	require.NoError(t, err)
	require.Len(t, got.Tickets, 1)
	require.Equal(t, []access.TicketID{"2"}, got.Missing, "a 404 of its own is one that counts")
	s.on("GET /rest/api/3/issue/2", status(http.StatusBadGateway, ``))
	_, err = desk.ReadTickets(t.Context(), []access.TicketID{"1", "2"})
	requireKind(t, access.Transient, err)
}

func TestReadTickets_too_many(t *testing.T) {
	s := cloudScript(t)
	var ids []access.TicketID
	for n := range 101 {
		ids = append(ids, access.TicketID(fmt.Sprint(n)))
	}
	_, err := s.desk(t, nil).ReadTickets(t.Context(), ids)
	requireKind(t, access.Invalid, err)
	got, err := s.desk(t, nil).ReadTickets(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, got)
	require.Empty(t, s.all())
}

func TestAnswer_no_list(t *testing.T) {
	s := cloudScript(t)
	s.on(fetch, okay(`{"issues":[{"id":"1","key":"A-1"}]}`))
	s.on(changes, okay(`{}`))
	_, err := s.desk(t, nil).ReadTickets(t.Context(), []access.TicketID{"1"})
	requireKind(t, access.Transient, err)
}

func TestAssignee_where_allowed(t *testing.T) {
	refusal := func(fields ...string) http.HandlerFunc {
		var list []string
		for _, f := range fields {
			list = append(list, `"`+f+`":"no"`)
		}
		return status(http.StatusBadRequest, `{"errorMessages":[],"errors":{`+strings.Join(list, ",")+`}}`)
	}
	created := status(http.StatusCreated, `{"id":"10001","key":"ACCESS-1"}`)
	for _, tt := range []struct {
		name    string
		answers []http.HandlerFunc
		posts   int
		left    []string
		kind    access.Kind
	}{
		{"allowed", []http.HandlerFunc{created}, 1, []string{"assignee", "reporter"}, ""},
		{"an assignee refused", []http.HandlerFunc{refusal("assignee"), created}, 2, []string{"reporter"}, ""},
		{"both refused at once", []http.HandlerFunc{refusal("assignee", "reporter"), created}, 2, nil, ""},
		{"refused one after the other", []http.HandlerFunc{refusal("reporter"), refusal("assignee"), created}, 3, nil, ""},
		{"refused with another field", []http.HandlerFunc{refusal("assignee", "summary"), refusal("summary")}, 2, []string{"reporter"}, access.Invalid},
		{"refused although it is gone", []http.HandlerFunc{refusal("assignee")}, 2, []string{"reporter"}, access.Invalid},
		{"a failure is no refusal", []http.HandlerFunc{status(502, `{"errors":{"assignee":"no"}}`)}, 1, []string{"assignee", "reporter"}, access.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := dataCenterScript(t)
			s.on("POST /rest/api/2/issue", inTurn(tt.answers...))
			desk := s.desk(t, func(c *jira.Config) {
				c.Reporter, c.Accounts = true, map[access.PersonID]access.AccountID{"p-ada": "ada"}
			})
			n := newTicket("bob")
			n.Requester = ticket().Requester
			_, err := desk.CreateTicket(t.Context(), n)
			require.Equal(t, tt.kind, access.KindOf(err), "%v", err)
			require.Equal(t, tt.posts, s.count("POST /rest/api/2/issue"))
			fields, _ := jsonOf(t, s.body(t, "POST /rest/api/2/issue"))["fields"].(map[string]any)
			var left []string
			for _, id := range []string{"assignee", "reporter"} {
				if _, there := fields[id]; there {
					left = append(left, id)
				}
			}
			require.Equal(t, tt.left, left)
		})
	}
}

func TestArchived_is_a_conflict(t *testing.T) {
	s := dataCenterScript(t)
	s.on("GET /rest/api/2/issue/10001/comment", okay(`{"comments":[],"total":0}`))
	s.on("GET /rest/api/2/issue/10001/transitions", okay(`{"transitions":[{"id":"5","name":"Close","to":{"id":"6","name":"Done","statusCategory":{"key":"done"}}}]}`))
	s.on("GET /rest/api/2/user/assignable/search", okay(`[{"name":"eve"}]`))
	for _, call := range []string{"POST /rest/api/2/issue/10001/comment", "POST /rest/api/2/issue/10001/transitions", "PUT /rest/api/2/issue/10001/assignee"} {
		s.on(call, status(http.StatusBadRequest, `{"errorMessages":["The issue ACCESS-1 is ARCHIVED and cannot be modified."],"errors":{}}`))
	}
	desk := s.desk(t, nil)
	_, err := desk.ReadTicket(t.Context(), "10001")
	require.NoError(t, err, "it can be read")
	for name, err := range map[string]error{
		"comment": desk.AddComments(t.Context(), "10001", access.Comment{Marker: "c", Text: "x"}),
		"move":    desk.TransitionTicket(t.Context(), "10001", access.TicketDone),
		"assign":  desk.AssignTicket(t.Context(), "10001", "eve"),
	} {
		requireKind(t, access.Conflict, err)
		require.ErrorContains(t, err, "the ticket is archived", name)
	}
}

func TestArchived_editions(t *testing.T) {
	onEachEdition(t, func(t *testing.T, edition jiratest.Edition) {
		s := newSite(t, jiratest.Config{Edition: edition})
		desk := s.desk(t, nil)
		ref := open(t, desk)
		require.NoError(t, s.Archive(string(ref.ID), true))
		_, err := desk.ReadTicket(t.Context(), ref.ID)
		require.NoError(t, err)
		requireKind(t, access.Conflict, desk.AddComments(t.Context(), ref.ID, access.Comment{Marker: "c", Text: "x"}))
		requireKind(t, access.Conflict, desk.TransitionTicket(t.Context(), ref.ID, access.TicketDone))
		requireKind(t, access.Conflict, desk.AssignTicket(t.Context(), ref.ID, jiratest.DefaultAccountID))
	})
}
