package jira_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/jira"
)

func TestCreateTicket_data_center_body(t *testing.T) {
	s := dataCenterScript(t)
	desk := s.desk(t, func(c *jira.Config) {
		c.Email, c.User = "", "bot"
		c.Reporter, c.Accounts = true, map[access.PersonID]access.AccountID{"p-ada": "ada"}
		c.Fields = map[string]access.TicketField{"customfield_10047": access.FieldReason}
	})
	n := ticket()
	n.Body, n.Assignee = "*One*\r\n\r\n{noFormat:x}two", "bob"
	ref, err := desk.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, access.TicketRef{Desk: "jira", ID: "10001", Key: "ACCESS-1", URL: s.url + "/browse/ACCESS-1"}, ref)
	require.Equal(t, map[string]any{"fields": map[string]any{
		"project": map[string]any{"key": "ACCESS"}, "issuetype": map[string]any{"id": "10010"}, "summary": n.Summary,
		"description": "{noformat}\n*One*\n\n{ noFormat:x}two\n{noformat}", "labels": []any{"usher-r1", "usher"},
		"reporter": map[string]any{"name": "ada"}, "assignee": map[string]any{"name": "bob"},
		"customfield_10047": "{noformat}\nbecause\n{noformat}",
	}}, jsonOf(t, s.body(t, "POST /rest/api/2/issue")))
	require.JSONEq(t, `"usher-r1"`, s.body(t, "PUT /rest/api/2/issue/10001/properties/usher"))
}

func TestCreateTicket_property_fails(t *testing.T) {
	for _, code := range []int{400, 403, 404, 500} {
		s := dataCenterScript(t)
		s.on("PUT /rest/api/2/issue/10001/properties/usher", status(code, ``))
		_, err := s.desk(t, nil).CreateTicket(t.Context(), newTicket(""))
		require.NoError(t, err)
	}
}

func TestWikiText_cut(t *testing.T) {
	s := dataCenterScript(t)
	n := newTicket("")
	n.Body = strings.Repeat("{noformat}🎉", 9000)
	_, err := s.desk(t, nil).CreateTicket(t.Context(), n)
	require.NoError(t, err)
	fields, ok := jsonOf(t, s.body(t, "POST /rest/api/2/issue"))["fields"].(map[string]any)
	require.True(t, ok)
	text, ok := fields["description"].(string)
	require.True(t, ok)
	require.LessOrEqual(t, len(utf16.Encode([]rune(text))), 32767)
	inside, framed := strings.CutPrefix(text, "{noformat}\n")
	require.True(t, framed)
	inside, framed = strings.CutSuffix(inside, " [cut]\n{noformat}")
	require.True(t, framed)
	require.NotContains(t, inside, "{noformat")
}

func TestDataCenter_find(t *testing.T) {
	s := dataCenterScript(t)
	hit := func(id string) string {
		return `{"id":"` + id + `","key":"A-` + id + `","fields":{"labels":["usher-r1"],"creator":{"name":"bot"}}}`
	}
	s.on("POST /rest/api/2/search", inTurn(
		okay(`{"startAt":0,"maxResults":2,"total":3,"issues":[`+hit("12")+`,`+hit("9")+`]}`),
		okay(`{"startAt":2,"maxResults":2,"total":3,"issues":[`+hit("10")+`]}`),
	))
	s.on("GET /rest/api/2/issue/9/properties/usher", okay(`{"key":"usher","value":"usher-older"}`))
	s.on("GET /rest/api/2/issue/12/properties/usher", okay(`{"key":"usher","value":"usher-r1"}`))
	got, err := s.desk(t, nil).FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	require.Equal(t, access.TicketID("12"), got.ID, "the copies have no property of their own")
	require.JSONEq(t, `{"jql":"project = \"ACCESS\" AND labels = \"usher-r1\"","startAt":2,"maxResults":100,"fields":["labels","creator"]}`,
		s.body(t, "POST /rest/api/2/search"))

	s.on("GET /rest/api/2/issue/12/properties/usher", status(404, ``))
	s.on("POST /rest/api/2/search", okay(`{"total":2,"issues":[`+hit("12")+`,`+hit("9")+`]}`))
	got, err = s.desk(t, nil).FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err)
	require.Equal(t, access.TicketID("9"), got.ID, "without properties the oldest counts")

	s.on("GET /rest/api/2/issue/12/properties/usher", status(500, ``))
	_, err = s.desk(t, nil).FindTicket(t.Context(), "usher-r1")
	requireKind(t, access.Transient, err)

	s.on("POST /rest/api/2/search", okay(`{"total":1,"issues":[`+hit("12")+`]}`))
	_, err = s.desk(t, nil).FindTicket(t.Context(), "usher-r1")
	require.NoError(t, err, "one alone is not looked at")
}

func TestDataCenter_many_tickets(t *testing.T) {
	s := dataCenterScript(t)
	s.on("POST /rest/api/2/search", inTurn(
		okay(`{"startAt":0,"maxResults":1,"total":2,"issues":[`+dcIssue("5", "1")+`]}`),
		okay(`{"startAt":1,"maxResults":1,"total":2,"issues":[`+dcIssue("3", "1")+`]}`),
	))
	got, err := s.desk(t, nil).ReadTickets(t.Context(), []access.TicketID{"3", "4", "5"})
	require.NoError(t, err)
	require.Equal(t, []access.TicketID{"4"}, got.Missing)
	require.Len(t, got.Tickets, 2)
	at := time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)
	require.Equal(t, access.TicketSnapshot{
		Ref:     access.TicketRef{Desk: "jira", ID: "3", Key: "ACCESS-3", URL: s.url + "/browse/ACCESS-3"},
		Project: "ACCESS", Phase: access.TicketWaiting, Status: "Open", Assignee: "ada",
		StatusChangedBy: "bot", StatusChangedByName: "Bot", StatusChangedAt: at, StatusChangedByUsher: true, UpdatedAt: at,
	}, got.Tickets[0])
	require.JSONEq(t, `{"jql":"id in (3, 4, 5) ORDER BY key ASC","startAt":1,"maxResults":3,"validateQuery":false,"expand":["changelog"],
		"fields":["status","assignee","resolution","updated","project"]}`, s.body(t, "POST /rest/api/2/search"))
	require.Equal(t, 2, s.count("GET /rest/api/2/myself"))
}

func TestDataCenter_changes(t *testing.T) {
	s := dataCenterScript(t)
	s.on("POST /rest/api/2/search", with(okay(`{"startAt":0,"maxResults":1,"total":2,"issues":[`+dcIssue("5", "1")+`]}`),
		"Date", jiraTime(59, 0).Format(http.TimeFormat)))
	page, err := s.desk(t, nil).ChangedTickets(t.Context(), access.ChangesQuery{Since: jiraTime(0, 0), Limit: 1})
	require.NoError(t, err)
	require.Len(t, page.Tickets, 1)
	require.NotEmpty(t, page.Next)
	require.Equal(t, []string{"POST /rest/api/2/search"}, s.calls())
	require.JSONEq(t, `{"jql":"labels = \"usher\" AND updated >= 1767322800000 ORDER BY updated ASC, key ASC","startAt":0,"maxResults":1,
		"expand":["changelog"],"fields":["status","assignee","resolution","updated","project"]}`, s.body(t, "POST /rest/api/2/search"))
}

func TestDataCenter_people(t *testing.T) {
	s := dataCenterScript(t)
	s.on("GET /rest/api/2/user/search", inTurn(okay(`[{"key":"JIRAUSER1","name":"ada","active":true,"emailAddress":"Ada@example.test"},
		{"key":"JIRAUSER2","name":"adb","active":true,"emailAddress":"ada@example.test.org"},
		{"key":"JIRAUSER3","name":"adc","active":false,"emailAddress":"ada@example.test"}]`), okay(`[]`)))
	s.on("GET /rest/api/2/user/assignable/search", okay(`[{"name":"eva"},{"name":"eve"}]`))
	s.on("PUT /rest/api/2/issue/10001/assignee", status(http.StatusNoContent, ``))
	desk := s.desk(t, func(c *jira.Config) { c.Match = "email" })
	account, err := desk.FindAccount(t.Context(), ticket().Requester)
	require.NoError(t, err)
	require.Equal(t, access.AccountID("ada"), account.ID)
	require.NoError(t, desk.AssignTicket(t.Context(), "10001", "eve"))
	require.JSONEq(t, `{"name":"eve"}`, s.body(t, "PUT /rest/api/2/issue/10001/assignee"))
	require.NoError(t, desk.AssignTicket(t.Context(), "10001", ""))
	require.JSONEq(t, `{"name":null}`, s.body(t, "PUT /rest/api/2/issue/10001/assignee"))
	require.NoError(t, desk.AssignTicket(t.Context(), "10001", "ada"), "who has it already")
	require.Equal(t, 2, s.count("PUT /rest/api/2/issue/10001/assignee"))
	for _, c := range s.all() {
		switch c.Path {
		case "/rest/api/2/user/search":
			require.Equal(t, "ada@example.test", c.Query.Get("username"))
			require.False(t, c.Query.Has("query"))
		case "/rest/api/2/user/assignable/search":
			require.Equal(t, []string{"eve"}, c.Query["username"])
			require.Equal(t, "ACCESS-10001", c.Query.Get("issueKey"))
		}
	}
	s.on("PUT /rest/api/2/issue/10001/assignee", status(http.StatusUnauthorized, ``))
	requireKind(t, access.Forbidden, desk.AssignTicket(t.Context(), "10001", "eve"))
}

func TestDataCenter_comment_marker(t *testing.T) {
	const comments = "/rest/api/2/issue/10001/comment"
	s := dataCenterScript(t)
	kept := `"{noformat}\nthe reference c1 is not this\n{noformat}"`
	s.on("GET "+comments, func(w http.ResponseWriter, r *http.Request) {
		okay(`{"total":1,"comments":[{"id":"1","author":{"name":"bot"},"body":`+kept+`}]}`)(w, r)
	})
	s.on("POST "+comments, func(w http.ResponseWriter, r *http.Request) {
		var c struct{ Body json.RawMessage }
		_ = json.NewDecoder(r.Body).Decode(&c)
		kept = string(c.Body)
		status(http.StatusCreated, `{"id":"1"}`)(w, r)
	})
	desk := s.desk(t, nil)
	for _, marker := range []access.Marker{"c1", "c1", "c11", "c11"} {
		require.NoError(t, desk.AddComments(t.Context(), "10001", access.Comment{Marker: marker, Text: "{*}approved"}))
	}
	require.Equal(t, 2, s.count("POST "+comments), "each was added once")
	require.JSONEq(t, `{"body":"{noformat}\n{*}approved\n\n(reference c11)\n{noformat}"}`, s.body(t, "POST "+comments))
	kept = strings.ReplaceAll(kept, `\n`, `\r\n`)
	require.NoError(t, desk.AddComments(t.Context(), "10001", access.Comment{Marker: "c11", Text: "x"}))
	require.Equal(t, 2, s.count("POST "+comments), "line ends of browsers are understood")
	require.Len(t, s.calls(), 7, "nothing is read back")
}

func TestTransition_gone(t *testing.T) {
	const transitions = "/rest/api/2/issue/10001/transitions"
	for _, tt := range []struct {
		name, after string
		want        access.Kind
	}{
		{"at the target by an earlier try: success", "6", ""},
		{"somewhere else: try again", "7", access.Transient},
		{"where it was: try again", "1", access.Transient},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := dataCenterScript(t)
			issue := func(id, key string) http.HandlerFunc {
				return okay(`{"id":"10001","key":"ACCESS-1","fields":{"status":{"id":"` + id + `","name":"S","statusCategory":{"key":"` + key + `"}}}}`)
			}
			category := map[string]string{"1": "new", "6": "done", "7": "indeterminate"}
			s.on("GET /rest/api/2/issue/10001", inTurn(issue("1", "new"), issue(tt.after, category[tt.after])))
			s.on("GET "+transitions, okay(`{"transitions":[{"id":"5","name":"Close","to":{"id":"6","name":"Done","statusCategory":{"key":"done"}}}]}`))
			s.on("POST "+transitions, status(http.StatusInternalServerError, `{"errorMessages":["Internal server error"]}`))
			err := s.desk(t, nil).TransitionTicket(t.Context(), "10001", access.TicketDone)
			require.Equal(t, tt.want, access.KindOf(err), "%v", err)
		})
	}
}
