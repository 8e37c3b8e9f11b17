package jiratest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/jira/jiratest"
)

// dataCenter is a desk of that edition, whose calls carry the personal access token of the default account.
func dataCenter(t *testing.T, change func(*jiratest.Config)) *desk {
	t.Helper()
	d := newDesk(t, func(c *jiratest.Config) {
		c.Edition = jiratest.DataCenter
		c.Accounts[0].Name, c.Accounts[0].Password = "usher-bot", "secret"
		c.Accounts[1].Name, c.Accounts[1].Key = "ana", "JIRAUSER77"
		if change != nil {
			change(c)
		}
	})
	d.authorization = "Bearer " + jiratest.DefaultToken
	return d
}

func (d *desk) classicKeys(query url.Values) ([]string, object) {
	d.t.Helper()
	r := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/search?"+query.Encode(), nil)
	return keysOf(d.t, r.json["issues"]), r.json
}

func TestDataCenter_server_info(t *testing.T) {
	d := dataCenter(t, nil)
	info := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/serverInfo", nil)
	require.Equal(t, "Server", info.json["deploymentType"])
	require.Equal(t, "10.0.0", info.json["version"])
	key := d.create(nil)
	for path, method := range map[string]string{
		"/rest/api/3/myself":                      http.MethodGet,
		"/rest/api/3/issue":                       http.MethodPost,
		"/rest/api/2/search/jql":                  http.MethodGet,
		"/rest/api/2/webhook":                     http.MethodGet,
		"/rest/api/2/issue/bulkfetch":             http.MethodPost,
		"/rest/api/2/changelog/bulkfetch":         http.MethodPost,
		"/rest/api/2/issue/createmeta":            http.MethodGet,
		"/rest/api/2/issue/" + key + "/changelog": http.MethodGet,
		"/rest/webhooks/1.0/webhook":              http.MethodGet,
	} {
		status := d.call(method, path, nil).status
		require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, status, path)
	}
	require.Equal(t, http.StatusNotFound, d.call(http.MethodGet, "/_edge/tenant_info", nil).status)
	d.want(http.StatusOK, http.MethodGet, "/rest/api/latest/myself", nil)
}

func TestDataCenter_name_and_key(t *testing.T) {
	d := dataCenter(t, nil)
	me := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/myself", nil)
	require.Equal(t, "usher-bot", me.json["name"])
	require.Equal(t, "JIRAUSER10100", me.json["key"])
	require.NotContains(t, me.json, "accountId")
	require.Equal(t, "usher-bot", me.header.Get("X-AUSERNAME"))
	key := d.create(object{"reporter": object{"name": "ana"}, "description": "*wiki*"})
	i := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/issue/"+key, nil)
	require.Equal(t, "JIRAUSER77", at(t, i.json, "fields", "reporter", "key"))
	require.Equal(t, "*wiki*", at(t, i.json, "fields", "description"))
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/2/issue", newIssue(object{"reporter": object{"accountId": "acc-ana"}}))
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/2/issue", newIssue(object{"description": doc("hi")}))

	d.want(http.StatusNoContent, http.MethodPut, "/rest/api/2/issue/"+key+"/assignee", object{"name": "ana"})
	for _, body := range []object{{"accountId": "acc-ana"}, {"name": "nobody"}, {"name": "acc-lea"}} {
		d.want(http.StatusBadRequest, http.MethodPut, "/rest/api/2/issue/"+key+"/assignee", body)
	}
	moved := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/issue/"+key+"?expand=changelog", nil)
	item := at(t, moved.json, "changelog", "histories", 0, "items", 0)
	require.Equal(t, "JIRAUSER77", at(t, item, "to"))
	require.NotContains(t, item, "fieldId")
	d.want(http.StatusNoContent, http.MethodPut, "/rest/api/2/issue/"+key+"/assignee", object{"name": nil})

	names := func(path string) []string {
		out := []string{}
		for _, u := range d.list(path) {
			out = append(out, at(t, u, "name").(string))
		}
		return out
	}
	require.Equal(t, []string{"ana"}, names("/rest/api/2/user/search?username=ana%40example.test"))
	require.Empty(t, names("/rest/api/2/user/search?username=lea"))
	require.Equal(t, []string{"acc-lea"}, names("/rest/api/2/user/search?username=lea&includeInactive=true"))
	require.Equal(t, []string{"ana"}, names("/rest/api/2/user/assignable/search?project=ACCESS&username=ana"))
	d.want(http.StatusBadRequest, http.MethodGet, "/rest/api/2/user/search?query=ana", nil)
	require.Equal(t, "ana", d.want(http.StatusOK, http.MethodGet, "/rest/api/2/user?key=JIRAUSER77", nil).json["name"])
	d.want(http.StatusNotFound, http.MethodGet, "/rest/api/2/user?username=nobody", nil)
	d.want(http.StatusBadRequest, http.MethodGet, "/rest/api/2/user?accountId=acc-ana", nil)
}

func TestDataCenter_search(t *testing.T) {
	d := dataCenter(t, nil)
	one, two, three := d.create(nil), d.create(object{"reporter": object{"name": "ana"}}), d.create(nil)
	found, page := d.classicKeys(url.Values{"jql": {"project = ACCESS ORDER BY key"}, "maxResults": {"2"}})
	require.Equal(t, []string{one, two}, found)
	require.Equal(t, json.Number("3"), page["total"])
	require.Equal(t, json.Number("2"), page["maxResults"])
	require.Contains(t, at(t, page, "issues", 0, "fields"), "summary", "without a list of fields the navigable ones come")
	found, page = d.classicKeys(url.Values{"jql": {"project = ACCESS ORDER BY key"}, "startAt": {"2"}})
	require.Equal(t, []string{three}, found)
	require.Equal(t, json.Number("2"), page["startAt"])
	found, _ = d.classicKeys(url.Values{"jql": {"reporter = ana"}})
	require.Equal(t, []string{two}, found)
	found, _ = d.classicKeys(url.Values{"jql": {`updated >= "2026/03/04 07:30" order by updated asc`}})
	require.Len(t, found, 3)

	d.want(http.StatusBadRequest, http.MethodGet, "/rest/api/2/search?jql=key+in+("+one+",NO-1)", nil)
	d.want(http.StatusBadRequest, http.MethodGet, "/rest/api/2/search?jql=id+%3E+99999", nil)
	found, page = d.classicKeys(url.Values{"jql": {"key in (" + one + ",NO-1)"}, "validateQuery": {"warn"}})
	require.Equal(t, []string{one}, found)
	require.Equal(t, []any{"An issue with key 'NO-1' does not exist for field 'key'."}, page["warningMessages"])
	posted := d.want(http.StatusOK, http.MethodPost, "/rest/api/2/search", object{
		"jql": "project = NO OR key = " + two, "validateQuery": false, "fields": []string{"status"}, "expand": []string{"changelog"},
	})
	require.Equal(t, []string{two}, keysOf(t, posted.json["issues"]))
	require.Contains(t, at(t, posted.json, "issues", 0), "changelog")
	d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/2/search", object{"jql": "project = ACCESS", "nextPageToken": "x"})
	d.want(http.StatusBadRequest, http.MethodGet, "/rest/api/2/search?startAt=-1", nil)
	d.want(http.StatusBadRequest, http.MethodGet, "/rest/api/2/search?validateQuery=perhaps", nil)
	found, _ = d.classicKeys(url.Values{})
	require.Len(t, found, 3, "a query without a restriction finds everything")
}

func TestDataCenterCredentials(t *testing.T) {
	for name, tt := range map[string]struct {
		authorization, user, password string
		faults                        jiratest.Faults
		status                        int
		reason                        string
	}{
		"a personal access token":       {"Bearer " + jiratest.DefaultToken, "", "", jiratest.Faults{}, http.StatusOK, "OK"},
		"a wrong token":                 {"Bearer wrong", "", "", jiratest.Faults{}, http.StatusUnauthorized, "AUTHENTICATED_FAILED"},
		"an expired token":              {"Bearer " + jiratest.DefaultToken, "", "", jiratest.Faults{StoreFaults: desktest.StoreFaults{ExpireTokens: true}}, http.StatusUnauthorized, "AUTHENTICATED_FAILED"},
		"a name and a password":         {"", "usher-bot", "secret", jiratest.Faults{}, http.StatusOK, "OK"},
		"a name and a wrong password":   {"", "usher-bot", "wrong", jiratest.Faults{}, http.StatusUnauthorized, "AUTHENTICATED_FAILED"},
		"an e-mail address":             {"", jiratest.DefaultEmail, "secret", jiratest.Faults{}, http.StatusUnauthorized, "AUTHENTICATED_FAILED"},
		"basic authentication is off":   {"", "usher-bot", "secret", jiratest.Faults{BasicOff: true}, http.StatusForbidden, ""},
		"a puzzle must be solved first": {"", "usher-bot", "secret", jiratest.Faults{Captcha: true}, http.StatusForbidden, "AUTHENTICATION_DENIED"},
		"nobody":                        {"", "", "", jiratest.Faults{}, http.StatusUnauthorized, ""},
		"an inactive account":           {"", "usher-bot", "secret", jiratest.Faults{StoreFaults: desktest.StoreFaults{InactiveAccounts: []string{jiratest.DefaultAccountID}}}, http.StatusUnauthorized, "AUTHENTICATED_FAILED"},
		"all credentials are anonymous": {"Bearer " + jiratest.DefaultToken, "", "", jiratest.Faults{Anonymous: true}, http.StatusUnauthorized, "AUTHENTICATED_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			d := dataCenter(t, nil)
			d.SetFaults(tt.faults)
			d.authorization, d.email, d.token = tt.authorization, tt.user, tt.password
			r := d.want(tt.status, http.MethodGet, "/rest/api/2/myself", nil)
			require.Equal(t, tt.reason, r.header.Get("X-Seraph-LoginReason"))
		})
	}
}

func TestAuth_wrong_passwords(t *testing.T) {
	d := dataCenter(t, nil)
	d.SetFaults(jiratest.Faults{CaptchaAfter: 2})
	d.authorization, d.email, d.token = "", "usher-bot", "wrong"
	for range 2 {
		d.want(http.StatusUnauthorized, http.MethodGet, "/rest/api/2/myself", nil)
	}
	d.token = "secret"
	r := d.want(http.StatusForbidden, http.MethodGet, "/rest/api/2/myself", nil)
	require.Contains(t, r.header.Get("X-Authentication-Denied-Reason"), "CAPTCHA_CHALLENGE; login-url=")
	d.authorization = "Bearer " + jiratest.DefaultToken
	d.want(http.StatusOK, http.MethodGet, "/rest/api/2/myself", nil)
	d.authorization = ""
	d.SetFaults(jiratest.Faults{CaptchaAfter: 2})
	d.want(http.StatusOK, http.MethodGet, "/rest/api/2/myself", nil)
}

func TestDataCenter_limit_headers(t *testing.T) {
	d := dataCenter(t, nil)
	for _, path := range []string{"/rest/api/2/myself", "/rest/api/2/issue/NO-1"} {
		r := d.call(http.MethodGet, path, nil)
		require.Equal(t, "0", r.header.Get("Retry-After"))
		for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Interval-Seconds", "X-RateLimit-FillRate"} {
			require.NotEmpty(t, r.header.Get(name), name)
		}
	}
	d.SetFaults(jiratest.Faults{Limits: &jiratest.Limits{UserPerSecond: 2}})
	for range 2 {
		d.want(http.StatusOK, http.MethodGet, "/rest/api/2/myself", nil)
	}
	require.Equal(t, "1", d.want(http.StatusTooManyRequests, http.MethodGet, "/rest/api/2/myself", nil).header.Get("Retry-After"))
	d.clock.move(time.Second)
	d.want(http.StatusOK, http.MethodGet, "/rest/api/2/myself", nil)
}

func TestDataCenter_create_metadata(t *testing.T) {
	d := dataCenter(t, nil)
	types := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/issue/createmeta/ACCESS/issuetypes", nil)
	require.Equal(t, "10010", at(t, types.json, "values", 0, "id"))
	require.Equal(t, true, types.json["isLast"])
	fields := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/issue/createmeta/ACCESS/issuetypes/10010?maxResults=2", nil)
	require.Equal(t, false, fields.json["isLast"])
	require.Equal(t, "project", at(t, fields.json, "values", 0, "fieldId"))
	require.NotContains(t, at(t, fields.json, "values", 0), "key")
	d.want(http.StatusBadRequest, http.MethodGet, "/rest/api/2/issue/createmeta/NO/issuetypes", nil)
}

func TestDataCenter_issues(t *testing.T) {
	d := dataCenter(t, nil)
	key := d.create(nil)
	issue := "/rest/api/2/issue/" + key
	list := d.want(http.StatusOK, http.MethodGet, issue+"/transitions?expand=transitions.fields", nil)
	require.NotContains(t, at(t, list.json, "transitions", 0), "isAvailable")
	d.want(http.StatusInternalServerError, http.MethodPost, issue+"/transitions", move("999", nil))
	d.want(http.StatusBadRequest, http.MethodPost, issue+"/transitions", move("71", nil))
	d.want(http.StatusNoContent, http.MethodPost, issue+"/transitions", move("41", object{"fields": object{"resolution": object{"name": "Done"}}}))
	all := d.want(http.StatusOK, http.MethodGet, issue+"?expand=changelog", nil)
	require.Equal(t, json.Number("1"), at(t, all.json, "changelog", "total"))

	comment := d.want(http.StatusCreated, http.MethodPost, issue+"/comment", object{
		"body": "h1. hello", "properties": []any{object{"key": "usher", "value": object{"marker": "m"}}},
	})
	require.NotContains(t, comment.json, "jsdPublic")
	read := d.want(http.StatusOK, http.MethodGet, issue+"/comment?expand=properties", nil)
	require.NotContains(t, at(t, read.json, "comments", 0), "properties", "its document knows no such expansion")
	id := comment.json["id"].(string)
	edited := d.want(http.StatusOK, http.MethodPut, issue+"/comment/"+id, object{"body": "hello again"})
	require.Equal(t, "hello again", edited.json["body"])
	d.want(http.StatusNotFound, http.MethodPut, issue+"/comment/1", object{"body": "x"})
	d.want(http.StatusCreated, http.MethodPut, issue+"/properties/usher", object{"marker": "m"})
	d.want(http.StatusOK, http.MethodPut, issue+"/properties/usher", object{"marker": "n"})
	require.Equal(t, "n", at(t, d.want(http.StatusOK, http.MethodGet, issue+"/properties/usher", nil).json, "value", "marker"))
	found, page := d.classicKeys(url.Values{"jql": {"project = ACCESS"}, "properties": {"usher"}})
	require.Len(t, found, 1)
	require.Equal(t, "n", at(t, page, "issues", 0, "properties", "usher", "marker"))

	require.NoError(t, d.Archive(key, true))
	found, _ = d.classicKeys(url.Values{"jql": {"project = ACCESS"}})
	require.Empty(t, found)
	require.NoError(t, d.Archive(key, false))
	gone := d.want(http.StatusNotFound, http.MethodGet, "/rest/api/2/issue/NO-1", nil)
	require.Equal(t, []any{"Issue Does Not Exist"}, gone.json["errorMessages"])
}

func TestPages_data_center(t *testing.T) {
	d := dataCenter(t, nil)
	key := d.create(nil)
	form := url.Values{"key": {key}, "to": {"Approved"}, "as": {"ana"}}
	require.Equal(t, http.StatusSeeOther, d.form("/board/move", form).status)
	require.Contains(t, d.want(http.StatusOK, http.MethodGet, "/browse/"+key, nil).raw, "status: Waiting for approval → Approved")
	form = url.Values{"key": {key}, "to": {"acc-ana"}, "as": {"ana"}}
	require.Equal(t, http.StatusSeeOther, d.form("/board/assign", form).status)
	require.Contains(t, d.want(http.StatusOK, http.MethodGet, "/board", nil).raw, "Ana Alves")
}
