package jiratest_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

const notThere = "Issue does not exist or you do not have permission to see it."

func TestCreateIssue_refusals(t *testing.T) {
	offScreen := "Field 'customfield_10049' cannot be set. It is not on the appropriate screen, or unknown."
	for name, tt := range map[string]struct {
		version, field string
		body           object
		want           string
	}{
		"no project":                            {"2", "project", newIssue(object{"project": nil}), "Specify a valid project ID or key"},
		"an unknown project":                    {"2", "project", newIssue(object{"project": object{"key": "NO"}}), "Specify a valid project ID or key"},
		"no issue type":                         {"2", "issuetype", newIssue(object{"issuetype": nil}), "issue type is required"},
		"an unknown issue type":                 {"2", "issuetype", newIssue(object{"issuetype": object{"name": "Bug"}}), "Specify a valid issue type"},
		"no summary":                            {"2", "summary", newIssue(object{"summary": nil}), "You must specify a summary of the issue."},
		"a summary of two lines":                {"2", "summary", newIssue(object{"summary": "a\nb"}), "The summary is invalid because it contains newline characters."},
		"a summary of 256 letters":              {"2", "summary", newIssue(object{"summary": strings.Repeat("x", 256)}), "Summary must be less than 255 characters."},
		"a summary of 128 two-unit characters":  {"2", "summary", newIssue(object{"summary": strings.Repeat("😀", 128)}), "Summary must be less than 255 characters."},
		"a field that is off the screen":        {"2", "customfield_10049", newIssue(object{"customfield_10049": "x"}), offScreen},
		"a field that nobody knows":             {"2", "severity", newIssue(object{"severity": "x"}), "Field 'severity' cannot be set. It is not on the appropriate screen, or unknown."},
		"a label with a space":                  {"2", "labels", newIssue(object{"labels": []string{"a b"}}), "The label 'a b' contains spaces which is invalid."},
		"wiki text as description in version 3": {"3", "description", newIssue(object{"description": "x"}), "Operation value must be an Atlassian Document (see the Atlassian Document Format)"},
		"a document as description in 2":        {"2", "description", newIssue(object{"description": doc("x")}), "Operation value must be a string"},
		"a document with an empty text":         {"3", "description", newIssue(object{"description": doc("")}), "Operation value must be an Atlassian Document (see the Atlassian Document Format)"},
		"a description that is too long":        {"2", "description", newIssue(object{"description": strings.Repeat("x", 32768)}), "The entered text is too long. It exceeds the allowed limit of 32,767 characters."},
		"a document in a line of text":          {"3", "customfield_10041", newIssue(object{"customfield_10041": doc("x")}), "Operation value must be a string"},
		"an unknown option":                     {"2", "customfield_10048", newIssue(object{"customfield_10048": object{"value": "Huge"}}), "Option value 'Huge' is not valid"},
		"a link that is none":                   {"2", "customfield_10042", newIssue(object{"customfield_10042": "here"}), "Not a valid URL"},
		"an unknown reporter":                   {"2", "reporter", newIssue(object{"reporter": object{"accountId": "nobody"}}), "The reporter specified is not a user."},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			r := d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/"+tt.version+"/issue", tt.body)
			require.Equal(t, object{"errorMessages": []any{}, "errors": object{tt.field: tt.want}}, r.json)
			require.Empty(t, d.Tickets())
		})
	}
}

func TestCreateIssue_atomic(t *testing.T) {
	d := newDesk(t, nil)
	body := newIssue(object{
		"labels": []string{"usher-1", "access"}, "reporter": object{"accountId": "acc-ana"}, "description": doc("Please."),
		"customfield_10041": "r-1", "customfield_10047": doc("Because."), "customfield_10048": object{"value": "High"},
	})
	body["properties"] = []any{object{"key": "usher", "value": object{"request": "r-1"}}}
	r := d.want(http.StatusCreated, http.MethodPost, "/rest/api/3/issue", body)
	require.Equal(t, "ACCESS-1", r.json["key"])
	require.Equal(t, d.url+"/rest/api/3/issue/"+r.json["id"].(string), r.json["self"])
	require.Len(t, r.json, 3)

	i, exists := d.Ticket("ACCESS-1")
	require.True(t, exists)
	require.Equal(t, "acc-ana", i.Reporter)
	require.Equal(t, jiratest.DefaultAccountID, i.Creator)
	require.Equal(t, []string{"usher-1", "access"}, i.Labels)
	require.Equal(t, "Please.", i.Description)
	require.Equal(t, map[string]string{"customfield_10041": "r-1", "customfield_10047": "Because.", "customfield_10048": "High"}, i.Fields)
	require.JSONEq(t, `{"request":"r-1"}`, string(i.Properties["usher"]))
	require.Equal(t, desktest.StatusWaiting, i.Status)
	require.Equal(t, 1, d.CountLabel("usher-1"))
	require.Equal(t, 0, d.CountLabel("USHER-1"))

	got := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/issue/ACCESS-1?properties=usher", nil)
	require.Equal(t, "Please.", at(t, got.json, "fields", "description"))
	require.Equal(t, "r-1", at(t, got.json, "properties", "usher", "request"))
	require.Equal(t, "2026-03-04T05:30:15.123-0700", at(t, got.json, "fields", "created"))
	require.Equal(t, "new", at(t, got.json, "fields", "status", "statusCategory", "key"))
	require.Nil(t, at(t, got.json, "fields", "resolution"))
	three := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/ACCESS-1?fields=description", nil)
	require.Equal(t, object{"description": doc("Please.")}, three.json["fields"])
}

func TestBody_no_json(t *testing.T) {
	d := newDesk(t, nil)
	for _, body := range []string{`{"fields":`, `{"fields":[]}`, ``} {
		r := d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/issue", body)
		require.Len(t, r.json, 1)
		require.Contains(t, r.json, "errorMessages")
	}
}

func TestFields_required(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) {
		c.Projects = jiratest.DefaultProjects()
		c.Projects[0].Fields[6].Required = true
	})
	d.SetFaults(jiratest.Faults{ReporterRefused: true})
	r := d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/2/issue", newIssue(object{"reporter": object{"accountId": "acc-ana"}}))
	require.Equal(t, object{
		"reporter":          "Field 'reporter' cannot be set. It is not on the appropriate screen, or unknown.",
		"customfield_10041": "Request id is required.",
	}, r.json["errors"])
	d.create(object{"customfield_10041": "r-1"})
}

func TestGetIssue_ids_and_keys(t *testing.T) {
	d := newDesk(t, nil)
	d.create(nil)
	before, _ := d.Ticket("ACCESS-1")
	key, err := d.MoveToProject("ACCESS-1", "OTHER")
	require.NoError(t, err)
	require.Equal(t, "OTHER-1", key)
	for _, name := range []string{before.ID, "OTHER-1", "other-1", "ACCESS-1", "access-1"} {
		r := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+name+"?fields=project", nil)
		require.Equal(t, before.ID, r.json["id"])
		require.Equal(t, "OTHER-1", r.json["key"])
		require.Equal(t, "OTHER", at(t, r.json, "fields", "project", "key"))
	}
	require.Equal(t, "ACCESS-2", d.create(nil), "a number is never used twice")
}

func TestGetIssue_gone(t *testing.T) {
	d := newDesk(t, nil)
	deleted, hidden := d.create(nil), d.create(nil)
	d.want(http.StatusNoContent, http.MethodDelete, "/rest/api/3/issue/"+deleted, nil)
	require.NoError(t, d.Hide(hidden, true))
	for _, key := range []string{deleted, hidden, "ACCESS-99", "99999", "nonsense"} {
		for _, path := range []string{"", "/transitions", "/comment", "/changelog", "/properties/x"} {
			r := d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/issue/"+key+path, nil)
			require.Equal(t, object{"errorMessages": []any{notThere}, "errors": object{}}, r.json)
		}
	}
	require.NoError(t, d.Hide(hidden, false))
	d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+hidden, nil)
}

func TestBulkFetch_order(t *testing.T) {
	d := newDesk(t, nil)
	first, second := d.create(nil), d.create(nil)
	_, err := d.MoveToProject(first, "OTHER")
	require.NoError(t, err)
	r := d.want(http.StatusOK, http.MethodPost, "/rest/api/3/issue/bulkfetch", object{
		"issueIdsOrKeys": []string{second, "ACCESS-77", first, "OTHER-1"}, "fields": []string{"summary"},
	})
	issues := r.json["issues"].([]any)
	require.Len(t, issues, 2)
	require.Equal(t, "OTHER-1", at(t, issues, 0, "key"))
	require.Equal(t, second, at(t, issues, 1, "key"))
	require.Equal(t, object{"summary": "Wiki for Ana"}, at(t, issues, 0, "fields"))
	for _, ids := range [][]string{{}, slices.Repeat([]string{second}, 101)} {
		d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/issue/bulkfetch", object{"issueIdsOrKeys": ids})
	}
}

func TestEdit_history(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(object{"labels": []string{"a"}})
	path := "/rest/api/2/issue/" + key
	d.clock.move(time.Hour)
	d.want(http.StatusNoContent, http.MethodPut, path, object{"fields": object{"summary": "VPN for Ana"}})
	d.want(http.StatusNoContent, http.MethodPut, path, object{"update": object{"labels": []any{object{"add": "b"}, object{"remove": "a"}}}})
	d.want(http.StatusNoContent, http.MethodPut, path, object{"fields": object{"summary": "VPN for Ana"}, "transition": object{"id": "11"}})
	r := d.want(http.StatusBadRequest, http.MethodPut, path, object{"fields": object{"status": object{"name": "Done"}}})
	require.Contains(t, at(t, r.json, "errors", "status"), "Field 'status' cannot be set.")
	r = d.want(http.StatusBadRequest, http.MethodPut, path, object{
		"fields": object{"labels": []string{"c"}}, "update": object{"labels": []any{object{"add": "d"}}},
	})
	require.Equal(t, "Field 'labels' cannot appear in both 'fields' and 'update'", at(t, r.json, "errors", "labels"))

	log := d.want(http.StatusOK, http.MethodGet, path+"/changelog", nil).json
	require.Equal(t, json.Number("2"), log["total"])
	require.Equal(t, object{"field": "summary", "fieldtype": "jira", "fieldId": "summary", "fromString": "Wiki for Ana", "toString": "VPN for Ana"},
		at(t, log, "values", 0, "items", 0))
	require.Equal(t, jiratest.DefaultAccountID, at(t, log, "values", 0, "author", "accountId"))
	require.Equal(t, "2026-03-04T06:30:15.123-0700", at(t, log, "values", 0, "created"))
	i, _ := d.Ticket(key)
	require.Equal(t, []string{"b"}, i.Labels)
	require.Equal(t, desktest.StatusWaiting, i.Status)
}

func TestChangelog_order(t *testing.T) {
	d := newDesk(t, func(c *jiratest.Config) { c.PageLimit = 2 })
	key := d.create(nil)
	for _, summary := range []string{"one", "two", "three"} {
		require.NoError(t, d.Edit("acc-ana", key, map[string]any{"summary": summary}))
	}
	path := "/rest/api/3/issue/" + key + "/changelog"
	first := d.want(http.StatusOK, http.MethodGet, path, nil).json
	require.Len(t, first["values"], 2)
	require.Equal(t, false, first["isLast"])
	require.Equal(t, "one", at(t, first, "values", 0, "items", 0, "toString"))
	last := d.want(http.StatusOK, http.MethodGet, path+"?startAt=2", nil).json
	require.Equal(t, true, last["isLast"])
	require.Equal(t, "three", at(t, last, "values", 0, "items", 0, "toString"))
	whole := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+key+"?expand=changelog", nil).json
	require.Equal(t, "three", at(t, whole, "changelog", "histories", 0, "items", 0, "toString"))
}

func TestAssigning(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	path := "/rest/api/3/issue/" + key + "/assignee"
	d.want(http.StatusNoContent, http.MethodPut, path, object{"accountId": "acc-ana"})
	i, _ := d.Ticket(key)
	require.Equal(t, "acc-ana", i.Assignee)
	d.want(http.StatusNoContent, http.MethodPut, path, object{"accountId": nil})
	i, _ = d.Ticket(key)
	require.Empty(t, i.Assignee)
	for body, want := range map[string]string{
		`{"accountId":"acc-lea"}`: "User 'Lea Lindt' cannot be assigned issues.",
		`{"accountId":"acc-app"}`: "User 'Ana's app' cannot be assigned issues.",
		`{"accountId":"nobody"}`:  "Specify a valid value for assignee",
	} {
		r := d.want(http.StatusBadRequest, http.MethodPut, path, body)
		require.Equal(t, want, at(t, r.json, "errors", "assignee"))
	}
	for _, body := range []string{`{}`, `{"name":"ana"}`, `null`} {
		d.want(http.StatusBadRequest, http.MethodPut, path, body)
	}
}

func TestPropertiesAreUpserts(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	property := "/rest/api/3/issue/" + key + "/properties/usher.request"
	d.want(http.StatusNotFound, http.MethodGet, property, nil)
	d.want(http.StatusCreated, http.MethodPut, property, object{"id": 1})
	d.want(http.StatusOK, http.MethodPut, property, object{"id": 2})
	require.Equal(t, object{"key": "usher.request", "value": object{"id": json.Number("2")}}, d.want(http.StatusOK, http.MethodGet, property, nil).json)
	d.want(http.StatusBadRequest, http.MethodPut, property, "no json")
}

func TestCreateIssue_at_the_same_time(t *testing.T) {
	d := newDesk(t, kept(filepath.Join(t.TempDir(), "state.jsonl")))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				r, err := d.send(http.MethodPost, "/rest/api/2/issue", newIssue(object{"labels": []string{"many"}}))
				if err != nil || r.status != http.StatusCreated {
					t.Errorf("create: %d %v", r.status, err)
				}
			}
		})
	}
	wg.Wait()
	keys := map[string]bool{}
	for _, i := range d.Tickets() {
		keys[i.Key] = true
	}
	require.Len(t, keys, 40)
}
