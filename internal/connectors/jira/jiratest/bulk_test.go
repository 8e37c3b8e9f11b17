package jiratest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

const (
	bulkFetch     = "/rest/api/3/issue/bulkfetch"
	bulkChangelog = "/rest/api/3/changelog/bulkfetch"
)

func keysOf(t *testing.T, issues any) []string {
	t.Helper()
	keys := []string{}
	for _, i := range issues.([]any) {
		keys = append(keys, at(t, i, "key").(string))
	}
	return keys
}

func TestBulkFetch_each_once(t *testing.T) {
	d := newDesk(t, nil)
	one, two, three := d.create(object{"labels": []string{"usher", "usher-1"}}), d.create(nil), d.create(nil)
	moved, err := d.MoveToProject(two, "OTHER")
	require.NoError(t, err)
	require.NoError(t, d.Delete(three))
	i, _ := d.Ticket(one)
	d.want(http.StatusCreated, http.MethodPut, "/rest/api/3/issue/"+one+"/properties/usher", object{"marker": "usher-1"})
	r := d.want(http.StatusOK, http.MethodPost, bulkFetch, object{
		"issueIdsOrKeys": []string{two, i.ID, "access-1", three, "NO-1"}, "fields": []string{"status", "labels"}, "properties": []string{"usher"},
	})
	require.Equal(t, []string{one, moved}, keysOf(t, r.json["issues"]), "a former key leads to the present one")
	require.Equal(t, []any{}, r.json["issueErrors"], "what is not there is left out without a word")
	require.Equal(t, []any{"usher", "usher-1"}, at(t, r.json, "issues", 0, "fields", "labels"))
	require.Equal(t, "usher-1", at(t, r.json, "issues", 0, "properties", "usher", "marker"))
	require.NotContains(t, at(t, r.json, "issues", 0, "fields"), "summary")

	d.SetFaults(jiratest.Faults{BulkIssueErrors: 1})
	r = d.want(http.StatusOK, http.MethodPost, bulkFetch, object{"issueIdsOrKeys": []string{one, two}})
	require.Equal(t, i.ID, at(t, r.json, "issueErrors", 0, "id"))
	require.Equal(t, []string{moved}, keysOf(t, r.json["issues"]))
}

func TestBulk_bounds(t *testing.T) {
	d := newDesk(t, nil)
	many := make([]string, 1001)
	for n := range many {
		many[n] = strconv.Itoa(n)
	}
	for name, tt := range map[string]struct {
		path string
		body object
	}{
		"no issues":                    {bulkFetch, object{"issueIdsOrKeys": []string{}}},
		"101 issues":                   {bulkFetch, object{"issueIdsOrKeys": many[:101]}},
		"an unknown member":            {bulkFetch, object{"issueIdsOrKeys": many[:1], "maxResults": 1}},
		"numbers for ids":              {bulkFetch, object{"issueIdsOrKeys": []int{1}}},
		"six properties":               {bulkFetch, object{"issueIdsOrKeys": many[:1], "properties": many[:6]}},
		"histories of no issues":       {bulkChangelog, object{}},
		"histories of 1001 issues":     {bulkChangelog, object{"issueIdsOrKeys": many}},
		"histories, an unknown member": {bulkChangelog, object{"issueIdsOrKeys": many[:1], "startAt": 0}},
		"histories of eleven fields":   {bulkChangelog, object{"issueIdsOrKeys": many[:1], "fieldIds": many[:11]}},
		"histories of one field twice": {bulkChangelog, object{"issueIdsOrKeys": many[:1], "fieldIds": []string{"status", "status"}}},
		"histories, an empty page":     {bulkChangelog, object{"issueIdsOrKeys": many[:1], "maxResults": 0}},
		"histories, a made-up token":   {bulkChangelog, object{"issueIdsOrKeys": many[:1], "nextPageToken": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, http.StatusBadRequest, d.call(http.MethodPost, tt.path, tt.body).status)
		})
	}
	d.want(http.StatusOK, http.MethodPost, bulkChangelog, object{"issueIdsOrKeys": many[:1000]})
}

func TestBulkChangelog_pages(t *testing.T) {
	d := newDesk(t, nil)
	one, two, quiet := d.create(nil), d.create(nil), d.create(nil)
	var times []int64
	change := func(key, status string) {
		d.clock.move(time.Minute)
		require.NoError(t, d.MoveAs("acc-ana", key, status))
		times = append(times, d.clock.now().UnixMilli())
	}
	change(two, "Approved")
	change(one, "Denied")
	change(two, "In progress")
	require.NoError(t, d.Edit("acc-ana", one, map[string]any{"summary": "Another"}))
	ask := object{"issueIdsOrKeys": []string{one, two, quiet, "NO-1"}, "fieldIds": []string{"status"}, "maxResults": 2}
	first := d.want(http.StatusOK, http.MethodPost, bulkChangelog, ask).json
	i, _ := d.Ticket(one)
	ii, _ := d.Ticket(two)
	require.Len(t, first["issueChangeLogs"], 2, "two changes are a page, whosever they are")
	require.Equal(t, ii.ID, at(t, first, "issueChangeLogs", 0, "issueId"))
	require.Equal(t, i.ID, at(t, first, "issueChangeLogs", 1, "issueId"))
	require.Equal(t, json.Number(strconv.FormatInt(times[0], 10)), at(t, first, "issueChangeLogs", 0, "changeHistories", 0, "created"))
	require.Equal(t, "acc-ana", at(t, first, "issueChangeLogs", 0, "changeHistories", 0, "author", "accountId"))
	require.Equal(t, "10102", at(t, first, "issueChangeLogs", 0, "changeHistories", 0, "items", 0, "to"))
	ask["nextPageToken"] = first["nextPageToken"]
	last := d.want(http.StatusOK, http.MethodPost, bulkChangelog, ask).json
	require.NotContains(t, last, "nextPageToken")
	require.Len(t, last["issueChangeLogs"], 1)
	require.Len(t, at(t, last, "issueChangeLogs", 0, "changeHistories"), 1)

	ask["issueIdsOrKeys"] = []string{one}
	d.want(http.StatusBadRequest, http.MethodPost, bulkChangelog, ask)
	d.SetFaults(jiratest.Faults{ChangelogTextTimes: true})
	text := d.want(http.StatusOK, http.MethodPost, bulkChangelog, object{"issueIdsOrKeys": []string{one}}).json
	require.Len(t, at(t, text, "issueChangeLogs", 0, "changeHistories"), 2)
	require.IsType(t, "", at(t, text, "issueChangeLogs", 0, "changeHistories", 0, "created"))
}

func TestSearch_part_of_a_long_history(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	for n := range 45 {
		require.NoError(t, d.Edit("acc-ana", key, map[string]any{"summary": fmt.Sprintf("Number %d", n)}))
	}
	r := d.want(http.StatusOK, http.MethodPost, bulkFetch, object{"issueIdsOrKeys": []string{key}, "expand": []string{"changelog"}})
	require.Equal(t, json.Number("45"), at(t, r.json, "issues", 0, "changelog", "total"))
	require.Len(t, at(t, r.json, "issues", 0, "changelog", "histories"), 40)
	require.Equal(t, "Number 44", at(t, r.json, "issues", 0, "changelog", "histories", 0, "items", 0, "toString"))
}

func TestSearch_page_size(t *testing.T) {
	d := newDesk(t, nil)
	_, err := d.Seed(desktest.Seed{Count: 130})
	require.NoError(t, err)
	size := func(fields ...string) int {
		r := d.want(http.StatusOK, http.MethodPost, "/rest/api/3/search/jql", object{"jql": "labels = usher", "fields": fields, "maxResults": 5000})
		return len(r.json["issues"].([]any))
	}
	require.Equal(t, 100, size("key", "status"))
	require.Equal(t, 130, size("key"))
}

func TestArchive(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	require.NoError(t, d.Archive(key, true))
	require.Empty(t, d.keys("project = ACCESS"))
	d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+key, nil)
	for path, body := range map[string]object{
		"/transitions": {"transition": object{"id": "11"}}, "/comment": {"body": doc("hi")},
	} {
		d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/issue/"+key+path, body)
	}
	require.Empty(t, d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+key+"/transitions", nil).json["transitions"])
	d.want(http.StatusBadRequest, http.MethodPut, "/rest/api/3/issue/"+key+"/assignee", object{"accountId": nil})
	require.Error(t, d.MoveAs("acc-ana", key, "Done"))
	d.want(http.StatusOK, http.MethodPost, "/_sim/issues/"+key+"/restore", nil)
	require.Equal(t, []string{key}, d.keys("project = ACCESS"))
	d.want(http.StatusOK, http.MethodPost, "/_sim/issues/"+key+"/archive", nil)
	i, _ := d.Ticket(key)
	require.True(t, i.Archived)
	d.want(http.StatusNotFound, http.MethodPost, "/_sim/issues/NO-1/archive", nil)
}
