package jiratest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

func TestPermissions_project(t *testing.T) {
	d := newDesk(t, nil)
	lost, kept := d.create(nil), d.create(object{"project": object{"key": "OTHER"}})
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{HiddenProjects: []string{"ACCESS"}}})
	d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/issue/"+lost, nil)
	d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/project/ACCESS", nil)
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/search/jql", object{"jql": "project = ACCESS"})
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
	require.Equal(t, []string{kept}, d.keys(`created >= "-1d"`))
	r := d.want(http.StatusOK, http.MethodPost, bulkFetch, object{"issueIdsOrKeys": []string{lost, kept}})
	require.Equal(t, []string{kept}, keysOf(t, r.json["issues"]))
	require.Empty(t, d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/createmeta/ACCESS/issuetypes", nil).json["issueTypes"])
	d.want(http.StatusOK, http.MethodGet, "/rest/api/3/myself", nil)
	d.SetFaults(jiratest.Faults{})
	d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/"+lost, nil)
}

func TestPermissions_issue(t *testing.T) {
	d := newDesk(t, nil)
	lost, kept := d.create(nil), d.create(nil)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{HiddenIssues: []string{lost}}})
	d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/issue/"+lost, nil)
	require.Equal(t, []string{kept}, d.keys("project = ACCESS"))
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/3/search/jql", object{"jql": "key = " + lost})
	i, _ := d.Ticket(lost)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{HiddenIssues: []string{i.ID}}})
	d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/issue/"+lost+"/transitions", nil)
}

func TestPermissions_read_only(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{ReadOnlyProjects: []string{"ACCESS"}}})
	issue := "/rest/api/2/issue/" + key
	d.want(http.StatusOK, http.MethodGet, issue, nil)
	require.Empty(t, d.want(http.StatusOK, http.MethodGet, issue+"/transitions", nil).json["transitions"])
	d.want(http.StatusBadRequest, http.MethodPost, issue+"/transitions", move("11", nil))
	d.want(http.StatusForbidden, http.MethodPost, issue+"/comment", object{"body": "x"})
	d.want(http.StatusForbidden, http.MethodPut, issue+"/assignee", object{"accountId": nil})
	d.want(http.StatusForbidden, http.MethodPut, issue+"/properties/usher", object{})
}

func TestAccount_inactive(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{InactiveAccounts: []string{"acc-ana"}}})
	r := d.want(http.StatusBadRequest, http.MethodPut, "/rest/api/3/issue/"+key+"/assignee", object{"accountId": "acc-ana"})
	require.Equal(t, "User 'Ana Alves' cannot be assigned issues.", at(t, r.json, "errors", "assignee"))
	require.Empty(t, d.list("/rest/api/3/user/search?query=ana%40"))
	require.Error(t, d.MoveAs("acc-ana", key, "Done"))
	require.Equal(t, false, d.want(http.StatusOK, http.MethodGet, "/rest/api/3/user?accountId=acc-ana", nil).json["active"])
}

func TestPermissions_mine(t *testing.T) {
	const mine = "/rest/api/3/mypermissions"
	d := newDesk(t, nil)
	has := func(query string) object {
		out := object{}
		for key, one := range d.want(http.StatusOK, http.MethodGet, mine+query, nil).json["permissions"].(map[string]any) {
			out[key] = at(t, one.(map[string]any), "havePermission")
		}
		return out
	}
	d.want(http.StatusBadRequest, http.MethodGet, mine+"?projectKey=ACCESS", nil)
	d.want(http.StatusNotFound, http.MethodGet, mine+"?projectKey=NO&permissions=EDIT_ISSUES", nil)
	const asked = "?projectKey=ACCESS&permissions=ASSIGN_ISSUES,MODIFY_REPORTER"
	require.Equal(t, object{"ASSIGN_ISSUES": true, "MODIFY_REPORTER": true}, has(asked))
	d.SetFaults(jiratest.Faults{ReporterRefused: true})
	require.Equal(t, object{"ASSIGN_ISSUES": true, "MODIFY_REPORTER": false}, has(asked))
	d.SetFaults(jiratest.Faults{StoreFaults: desktest.StoreFaults{ReadOnlyProjects: []string{"ACCESS"}}})
	require.Equal(t, object{"ASSIGN_ISSUES": false, "MODIFY_REPORTER": false}, has(asked))
	classic := dataCenter(t, nil)
	all := classic.want(http.StatusOK, http.MethodGet, "/rest/api/2/mypermissions?projectKey=ACCESS", nil).json["permissions"]
	require.Contains(t, all, "ADMINISTER")
	require.Contains(t, all, "ASSIGN_ISSUES")
}

func TestFaults_ignored_owners(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	d.SetFaults(jiratest.Faults{IgnoreOwnerWrites: true})
	d.want(http.StatusNoContent, http.MethodPut, "/rest/api/3/issue/"+key+"/assignee", object{"accountId": "acc-ana"})
	d.want(http.StatusNoContent, http.MethodPut, "/rest/api/3/issue/"+key, object{"fields": object{"reporter": object{"accountId": "acc-ana"}}})
	i, _ := d.Ticket(key)
	require.Empty(t, i.Assignee)
	require.Equal(t, jiratest.DefaultAccountID, i.Reporter)
}

func TestCaptcha_on_cloud(t *testing.T) {
	d := newDesk(t, nil)
	d.SetFaults(jiratest.Faults{Captcha: true})
	r := d.want(http.StatusForbidden, http.MethodGet, "/rest/api/3/myself", nil)
	require.Equal(t, "AUTHENTICATION_DENIED", r.header.Get("X-Seraph-LoginReason"))
}

func TestComments_hidden_properties(t *testing.T) {
	d := newDesk(t, nil)
	key := d.create(nil)
	d.SetFaults(jiratest.Faults{HideCommentProperties: true})
	body := object{"body": doc("x"), "properties": []any{object{"key": "usher", "value": "m"}}}
	made := d.want(http.StatusCreated, http.MethodPost, "/rest/api/3/issue/"+key+"/comment", body)
	path := "/rest/api/3/issue/" + key + "/comment?expand=properties"
	require.NotContains(t, at(t, d.want(http.StatusOK, http.MethodGet, path, nil).json, "comments", 0), "properties")
	d.clock.move(1e9)
	edited := d.want(http.StatusOK, http.MethodPut, "/rest/api/3/issue/"+key+"/comment/"+made.json["id"].(string), object{"body": doc("y")})
	require.NotEqual(t, edited.json["created"], edited.json["updated"])
	d.SetFaults(jiratest.Faults{})
	shown := at(t, d.want(http.StatusOK, http.MethodGet, path, nil).json, "comments", 0, "properties", 0, "value")
	require.Equal(t, "m", shown, "an edit leaves the properties that it does not give")
	require.Equal(t, "y", d.Comments(key)[0].Body)
}
