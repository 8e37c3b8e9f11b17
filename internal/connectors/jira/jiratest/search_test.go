package jiratest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

func TestJQLFindsWhatItAsksFor(t *testing.T) {
	d := newDesk(t, nil)
	one := d.create(object{"labels": []string{"usher-1"}})
	d.clock.move(10 * time.Minute)
	two := d.create(object{"labels": []string{`quo"te\back`, "x"}, "reporter": object{"accountId": "acc-ana"}})
	d.clock.move(10 * time.Minute)
	other := d.create(object{"project": object{"key": "OTHER"}, "labels": []string{"usher-1"}})
	d.clock.move(time.Second)
	require.NoError(t, d.MoveAs("acc-ana", one, "Done"))
	first, _ := d.Ticket(one)
	for jql, want := range map[string][]string{
		`project = ACCESS`:                                   {two, one},
		`project = "access" ORDER BY created ASC`:            {one, two},
		`project in (ACCESS, OTHER) order by key`:            {one, two, other},
		`labels = "usher-1"`:                                 {other, one},
		`labels = "USHER-1" AND project = ACCESS`:            {one},
		`labels = "quo\"te\\back"`:                           {two},
		`labels = 'x'`:                                       {two},
		`labels = "\u0078"`:                                  {two},
		`labels = "no such label"`:                           {},
		`labels in (x, "usher-1") AND NOT project=OTHER`:     {two, one},
		`key in (` + one + `, "` + other + `")`:              {other, one},
		`id = ` + first.ID:                                   {one},
		`status = "Done"`:                                    {one},
		`status != Done AND project = ACCESS`:                {two},
		`statusCategory = "To Do"`:                           {other, two},
		`project = ACCESS AND (status = Done OR labels = x)`: {two, one},
		`resolution is EMPTY and project = ACCESS`:           {two},
		`resolution != "Won't Do"`:                           {one},
		`assignee is not empty`:                              {},
		`reporter = "acc-ana"`:                               {two},
		`reporter = currentUser()`:                           {other, one},
		`issuetype = "Access request" and summary ~ "VPN"`:   {},
		`updated >= "2026-03-04 07:50" ORDER BY updated ASC`: {other, one},
		`updated >= "2026/03/04 07:51"`:                      {},
		`updated >= -5m`:                                     {other, one},
		`created >= "2026-03-04 07:40" AND created > "-10m"`: {other},
		`created > "2026-03-04 07:40" AND created <= "-10m"`: {two},
		`"project" = "ACCESS" and labels not in ("usher-1")`: {two},
		`created >= 2026-03-04 AND project = OTHER`:          {other},
	} {
		require.Equal(t, want, d.keys(jql), jql)
	}
}

// TestJQL_behind: keys and ids compare within one project, by the numbers of keys.
func TestJQL_behind(t *testing.T) {
	d := newDesk(t, nil)
	one, two := d.create(nil), d.create(nil)
	other := d.create(object{"project": object{"key": "OTHER"}})
	three := d.create(nil)
	first, _ := d.Ticket(one)
	gone, _ := d.Ticket(two)
	for jql, want := range map[string][]string{
		`id > ` + first.ID + ` ORDER BY key ASC`: {two, three},
		`key > ` + two:                           {three},
		`key >= ` + two + ` ORDER BY key ASC`:    {two, three},
		`issuekey < ` + two:                      {one},
		`project = OTHER AND id > ` + first.ID:   {},
		`project = OTHER AND id <= ` + gone.ID:   {},
		`project = OTHER AND key <= ` + other:    {other},
		`key > NO-1`:                             {},
	} {
		require.Equal(t, want, d.keys(jql), jql)
	}
	require.NoError(t, d.Delete(two))
	require.Empty(t, d.keys(`id > `+gone.ID))
}

func TestJQL_refusals(t *testing.T) {
	d := newDesk(t, nil)
	for jql, want := range map[string]string{
		``:                                   "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
		`ORDER BY created`:                   "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
		`reporter = ana@example.test`:        `Error in the JQL Query: The character '@' is a reserved JQL character. You must enclose it in a string or use the escape '\u0040' instead. (line 1, character 15)`,
		`labels = "open`:                     "Error in the JQL Query: The quoted string 'open' has not been completed. (line 1, character 10)",
		`labels = "a\qb"`:                    `Error in the JQL Query: '\q' is an illegal JQL escape sequence. The valid escape sequences are \', \", \t, \n, \r, \\, '\ ' and \uXXXX. (line 1, character 12)`,
		`labels`:                             "Error in the JQL Query: Expecting operator but got ''. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'. (line 1, character 7)",
		`labels = and`:                       "Error in the JQL Query: 'and' is a reserved JQL word. You must surround it in quotation marks to use it in a query. (line 1, character 10)",
		`labels = a b`:                       "Error in the JQL Query: Expecting either 'OR' or 'AND' but got 'b'. (line 1, character 12)",
		`key in (`:                           "Error in the JQL Query: Expecting either a value, list or function but got ''. You must surround '' in quotation marks to use it as a value. (line 1, character 9)",
		`(project = ACCESS`:                  "Error in the JQL Query: Expecting ')' before the end of the query. (line 1, character 18)",
		`severity = high`:                    "Field 'severity' does not exist or you do not have permission to view it.",
		`project = NO`:                       "The value 'NO' does not exist for the field 'project'.",
		`status = Open`:                      "The value 'Open' does not exist for the field 'status'.",
		`key = NO-1`:                         "An issue with key 'NO-1' does not exist for field 'key'.",
		`labels > x`:                         "The operator '>' is not supported by the 'labels' field.",
		`updated >= "2026-03-04T05:50:00Z"`:  "Date value '2026-03-04T05:50:00Z' for field 'updated' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.",
		`project = ACCESS ORDER BY severity`: "Field 'severity' does not exist or you do not have permission to view it.",
		`project = ACCESS ORDER BY id,id,id,id,id,id,id,id`: "The maximum number of fields in ORDER BY is 7.",
	} {
		r := d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/search/jql", object{"jql": jql})
		require.Equal(t, object{"errorMessages": []any{want}, "errors": object{}}, r.json, jql)
	}
}

func TestSearchPagesByToken(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) { c.PageLimit = 2 })
	for range 5 {
		d.create(nil)
	}
	jql := "project = ACCESS ORDER BY key ASC"
	var found []any
	token, pages := "", 0
	for more := true; more; pages++ {
		path := "/rest/api/3/search/jql?maxResults=3&fields=key&jql=" + url.QueryEscape(jql) + "&nextPageToken=" + token
		page := d.want(http.StatusOK, http.MethodGet, path, nil).json
		found = append(found, page["issues"].([]any)...)
		token, more = page["nextPageToken"].(string)
		require.Equal(t, !more, page["isLast"])
		require.NotContains(t, page, "total")
	}
	require.Equal(t, 3, pages)
	require.Len(t, found, 5)
	require.Equal(t, "ACCESS-5", at(t, found, 4, "key"))

	first := d.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql", object{"jql": jql}).json
	require.Equal(t, object{"id": at(t, first, "issues", 0, "id")}, at(t, first, "issues", 0), "without fields there are only ids")
	token = first["nextPageToken"].(string)
	for _, body := range []object{
		{"jql": jql, "nextPageToken": "made up"},
		{"jql": "project = OTHER", "nextPageToken": token},
		{"jql": jql, "maxResults": 0},
		{"jql": jql, "maxResults": 5001},
		{"jql": jql, "startAt": 0},
		{"jql": jql, "properties": []string{"1", "2", "3", "4", "5", "6"}},
	} {
		d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/search/jql", body)
	}
	d.clock.move(8 * 24 * time.Hour)
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/search/jql", object{"jql": jql, "nextPageToken": token})
}

func TestBrokenPaging(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) { c.Faults = jiratest.Faults{RepeatPageToken: true, OmitIsLast: true} })
	d.create(nil)
	body := object{"jql": "project = ACCESS"}
	first := d.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql", body).json
	require.NotContains(t, first, "isLast")
	body["nextPageToken"] = first["nextPageToken"]
	again := d.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql", body).json
	require.Equal(t, first["nextPageToken"], again["nextPageToken"])
}

func TestSearch_lags(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) { c.Faults.IndexLagSeconds = 120 })
	jql := `project = ACCESS AND status = "Waiting for approval"`
	key := d.create(nil)
	i, _ := d.Ticket(key)
	require.Empty(t, d.keys(jql), "a new issue is not found yet")
	d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+key, nil)
	bulk := d.want(http.StatusOK, http.MethodPost, "/rest/api/3/issue/bulkfetch", object{"issueIdsOrKeys": []string{key}})
	require.Len(t, bulk.json["issues"], 1)
	id := jsonNumber(t, i.ID)
	reconciled := d.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql", object{"jql": jql, "reconcileIssues": []any{id}})
	require.Len(t, reconciled.json["issues"], 1)

	d.clock.move(2 * time.Minute)
	require.Equal(t, []string{key}, d.keys(jql))
	require.NoError(t, d.MoveAs("acc-ana", key, "Done"))
	require.Equal(t, []string{key}, d.keys(jql), "an old status is still found")
	reconciled = d.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql", object{"jql": jql, "reconcileIssues": []any{id}})
	require.Empty(t, reconciled.json["issues"])
	d.clock.move(2 * time.Minute)
	require.Empty(t, d.keys(jql))
	require.NoError(t, d.Delete(key))
	require.Equal(t, []string{key}, d.keys("status = Done"), "a deleted issue is still found")
	d.SetFaults(jiratest.Faults{})
	require.Empty(t, d.keys("status = Done"), "without a lag the index is up to date at once")
}

func TestLag_that_comes_later(t *testing.T) {
	d := newDesk(t, nil)
	old := d.create(nil)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{IndexLagSeconds: 60}})
	d.create(nil)
	require.Equal(t, []string{old}, d.keys("project = ACCESS"))
}
