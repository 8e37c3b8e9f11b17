package jiratest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/jira/jiratest"
)

func TestAuth_wrong_credentials(t *testing.T) {
	for name, tt := range map[string]struct {
		email, token, reason string
		faults               jiratest.Faults
	}{
		"no credentials":               {"", "", "", jiratest.Faults{}},
		"a wrong token":                {jiratest.DefaultEmail, "wrong", "AUTHENTICATED_FAILED", jiratest.Faults{}},
		"an account without a token":   {"ana@example.test", "", "AUTHENTICATED_FAILED", jiratest.Faults{}},
		"an account that nobody knows": {"who@example.test", jiratest.DefaultToken, "AUTHENTICATED_FAILED", jiratest.Faults{}},
		"credentials that went bad":    {jiratest.DefaultEmail, jiratest.DefaultToken, "AUTHENTICATED_FAILED", jiratest.Faults{Anonymous: true}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			key := d.create(nil)
			d.SetFaults(tt.faults)
			d.email, d.token = tt.email, tt.token
			me := d.want(http.StatusUnauthorized, http.MethodGet, "/rest/api/3/myself", nil)
			require.Equal(t, tt.reason, me.header.Get("X-Seraph-LoginReason"))
			require.Empty(t, d.keys(`project = ACCESS`))
			d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/issue/"+key, nil)
			d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/issue/"+key+"/transitions", nil)
			d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/project/ACCESS", nil)
			d.want(http.StatusNotFound, http.MethodPost, "/rest/api/2/issue/"+key+"/comment", object{"body": "x"})
			d.want(http.StatusOK, http.MethodGet, "/rest/api/3/serverInfo", nil)
			bulk := d.want(http.StatusOK, http.MethodPost, "/rest/api/3/issue/bulkfetch", object{"issueIdsOrKeys": []string{key}})
			require.Empty(t, bulk.json["issues"])
			users := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/user/search?query=ana", nil)
			require.Equal(t, "[]", users.raw)
			types := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/createmeta/ACCESS/issuetypes", nil)
			require.Empty(t, types.json["issueTypes"])
			refused := d.want(http.StatusBadRequest, http.MethodPost, "/rest/api/2/issue", newIssue(nil))
			require.Contains(t, at(t, refused.json, "errors", "project"), "Anonymous users do not have permission")
			require.Len(t, d.Tickets(), 1)
		})
	}
}

func TestAuth_account(t *testing.T) {
	d := newDesk(t, nil)
	d.email = "USHER-BOT@example.test"
	me := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/myself", nil)
	require.Equal(t, jiratest.DefaultAccountID, me.json["accountId"])
	require.Equal(t, "OK", me.header.Get("X-Seraph-LoginReason"))
	info := d.want(http.StatusOK, http.MethodGet, "/rest/api/2/serverInfo", nil)
	require.Equal(t, "Cloud", info.json["deploymentType"])

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/rest/api/3/myself", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+jiratest.DefaultToken)
	bearer, err := d.roundTrip(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, bearer.status)
}

func TestFindUsers_beginnings(t *testing.T) {
	d := newDesk(t, nil)
	for query, want := range map[string][]string{
		"query=ana%40example.test": {"acc-ana"},
		"query=ANA":                {"acc-ana", "acc-app"},
		"query=mor":                {"acc-mia"},
		"query=mia%40example.test": {"acc-mia"},
		"query=lea":                {},
		"query=alve%20s":           {},
		"accountId=acc-ana":        {"acc-ana"},
		"query=a&maxResults=1":     {"acc-ana"},
	} {
		require.Equal(t, want, d.users("/rest/api/3/user/search?"+query), query)
	}
	require.Equal(t, []string{"acc-ana"}, d.users("/rest/api/3/user/assignable/search?project=ACCESS&query=ana"))
	mia := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/user?accountId=acc-mia", nil)
	require.NotContains(t, mia.json, "emailAddress")
	d.SetFaults(jiratest.Faults{HideEmails: true})
	ana := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/user?accountId=acc-ana", nil)
	require.NotContains(t, ana.json, "emailAddress")
	for path, message := range map[string]string{
		"/rest/api/3/user/search?username=ana":                     "The query parameter 'username' is not supported in GDPR strict mode.",
		"/rest/api/3/user/search":                                  "Either 'query', 'accountId' or 'property' must be specified.",
		"/rest/api/3/user/search?query=a&accountId=acc-ana":        "'accountId' must be the only user identifying query parameter in GDPR strict mode.",
		"/rest/api/3/user/assignable/search?query=ana":             "Either 'project', 'issueKey' or 'issueId' must be specified.",
		"/rest/api/2/issue/createmeta/ACCESS/issuetypes?startAt=x": "The parameters startAt and maxResults must be numbers that are not negative.",
	} {
		r := d.want(http.StatusBadRequest, http.MethodGet, path, nil)
		require.Equal(t, []any{message}, r.json["errorMessages"])
	}
}

func (d *desk) users(path string) []string {
	d.t.Helper()
	ids := []string{}
	for _, u := range d.list(path) {
		ids = append(ids, at(d.t, u, "accountId").(string))
	}
	return ids
}

func TestCreateMetadata(t *testing.T) {
	d := newDesk(t, nil)
	types := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/issue/createmeta/ACCESS/issuetypes", nil).json
	require.Equal(t, "Access request", at(t, types, "issueTypes", 0, "name"))
	path := "/rest/api/3/issue/createmeta/ACCESS/issuetypes/" + at(t, types, "issueTypes", 0, "id").(string)
	required := map[string]bool{}
	for _, f := range d.want(http.StatusOK, http.MethodGet, path, nil).json["fields"].([]any) {
		required[at(t, f, "fieldId").(string)] = at(t, f, "required").(bool)
	}
	require.True(t, required["summary"])
	require.Contains(t, required, "labels")
	require.Contains(t, required, "reporter")
	require.NotContains(t, required, "customfield_10049")
	d.SetFaults(jiratest.Faults{ReporterRefused: true})
	require.NotContains(t, d.want(http.StatusOK, http.MethodGet, path, nil).raw, `"reporter"`)

	project := d.want(http.StatusOK, http.MethodGet, "/rest/api/3/project/ACCESS", nil)
	require.Equal(t, "Access requests", project.json["name"])
	d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/project/NO", nil)
	statuses := d.list("/rest/api/3/project/ACCESS/statuses")
	require.Len(t, at(t, statuses, 0, "statuses"), 6)
}

func TestSearch_removed(t *testing.T) {
	d := newDesk(t, nil)
	r := d.want(http.StatusGone, http.MethodGet, "/rest/api/2/search?jql=x", nil)
	require.Equal(t, object{"errors": object{}, "errorMessages": []any{"The requested API has been removed. Please migrate to the" +
		" /rest/api/3/search/jql API. A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"}}, r.json)
	d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/nothing", nil)
}

func TestLog_counts(t *testing.T) {
	d := newDesk(t, nil)
	d.create(nil)
	d.want(http.StatusNotFound, http.MethodGet, "/rest/api/3/issue/NO-1?fields=summary", nil)
	require.Equal(t, 1, d.Count(jiratest.OpCreateIssue))
	require.Equal(t, 1, d.Count(jiratest.OpGetIssue))
	log := d.Requests()
	require.Len(t, log, 2)
	require.NotEmpty(t, log[1].Header.Get("Authorization"))
	log[1].Header = nil
	require.Equal(t, fakewire.Request{
		Operation: jiratest.OpGetIssue, Method: http.MethodGet, URI: "/rest/api/3/issue/NO-1?fields=summary",
		Path: "/rest/api/3/issue/NO-1", Query: url.Values{"fields": {"summary"}},
		Account: jiratest.DefaultAccountID, Status: http.StatusNotFound, At: d.clock.now(),
	}, log[1])
	require.Contains(t, log[0].Body, "Wiki for Ana")
	require.Equal(t, json.Number("1"), d.want(http.StatusOK, http.MethodGet, "/_sim/requests", nil).json["create_issue"])
	d.ResetRequests()
	require.Empty(t, d.Requests())
	require.Zero(t, d.Count(jiratest.OpCreateIssue))
}
