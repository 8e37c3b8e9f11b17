package apispec

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sample is an exchange that a patch is for: one that Jira has where the document refuses it, or, for a patch that
// tightens, one that Jira never has where the document allows it.
type sample struct {
	call, sent string
	status     int
	answered   string
}

// samples are those of each patch. The values are those of the documents' own examples, where they have any.
func samples() map[string][]sample {
	const (
		issue3 = "GET /rest/api/3/issue/10001"
		issue2 = "GET /rest/api/2/issue/10001"
		person = `{"name":"fred","key":"JIRAUSER10100","displayName":"Fred F. User","active":true}`
	)
	moment := func(format string) string { return fmt.Sprintf(format, "2021-01-17T12:34:00.000+0000") }
	return map[string][]sample{
		"cloud: no body at 204":                      {{"POST /rest/api/3/issue/10001/transitions", `{"transition":{"id":"5"}}`, 204, ""}},
		"cloud: what has no type may be null":        {{issue3, "", 200, `{"id":"10001","fields":{"resolution":null}}`}},
		"cloud: times as Jira writes them":           {{"GET /rest/api/3/issue/10001/comment/10000", "", 200, moment(`{"id":"10000","created":"%s"}`)}},
		"cloud: nobody can be assigned":              {{"PUT /rest/api/3/issue/10001/assignee", `{"accountId":null}`, 204, ""}},
		"cloud: nobody can be assigned in version 2": {{"PUT /rest/api/2/issue/10001/assignee", `{"accountId":null}`, 204, ""}},
		"cloud: the bulk of histories has times as numbers, and a last page": {
			{"POST /rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":["10001"]}`, 200, `{"issueChangeLogs":[{"issueId":"10001","changeHistories":[{"id":"1","created":1492070429}]}]}`},
			{"POST /rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":["10001"]}`, 200, `{"issueChangeLogs":[],"nextPageToken":null}`},
		},
		"cloud: search results of version 2 have isLast": {{"GET /rest/api/2/search/jql?jql=project%3DEX", "", 200, `{"issues":[],"isLast":true}`}},

		"data center: times as Jira writes them": {{
			issue2 + "?expand=changelog", "", 200, moment(`{"id":"10001","changelog":{"histories":[{"id":"1","created":"%s"}]}}`),
		}},
		"data center: fields take every value": {
			{issue2, "", 200, `{"id":"10001","fields":{"description":"example bug report","labels":["usher"],"resolution":null}}`},
			{"POST /rest/api/2/issue", `{"fields":{"summary":"something's wrong","labels":["bugfix"]}}`, 201, `{"id":"10000","key":"TST-24"}`},
		},
		"data center: properties take every value": {
			{issue2 + "/properties/usher", "", 200, `{"key":"usher","value":{"marker":"usher-r1"}}`},
			{"PUT /rest/api/2/issue/10001/properties/usher", `{"marker":"usher-r1"}`, 201, ""},
		},
		"data center: a group is named in the query": {{
			"GET /rest/api/2/group/member?groupname=jira-administrators&includeInactiveUsers=true", "", 200, `{"values":[` + person + `],"total":1}`,
		}},
		"data center: a change may have no old or new value": {{
			issue2 + "?expand=changelog", "", 200,
			`{"id":"10001","changelog":{"histories":[{"id":"1","items":[{"field":"assignee","from":null,"fromString":null,"to":"fred","toString":"Fred"}]}]}}`,
		}},
		"data center: nobody can be assigned": {{"PUT /rest/api/2/issue/10001/assignee", `{"name":null}`, 204, ""}},
		"data center: lists are lists": {
			{"GET /rest/api/2/user/search?username=fred", "", 200, "[" + person + "]"},
			{"GET /rest/api/2/user/assignable/search?username=fred&issueKey=EX-1", "", 200, "[" + person + "]"},
			{"GET /rest/api/2/project/EX/statuses", "", 200, `[{"id":"3","name":"Task","statuses":[{"id":"10000","name":"Open"}]}]`},
		},
		"data center: remote links are a list, or one": {{"GET /rest/api/2/issue/10001/remotelink", "", 200, `[{"id":10000}]`}},
		"data center: a search names fields by their names": {{
			"GET /rest/api/2/search?jql=project%3DEX&fields=summary,status&expand=changelog", "", 200, `{"issues":[],"total":0}`,
		}},
		"data center: transitions can be expanded": {{issue2 + "/transitions?expand=transitions.fields", "", 200, `{"transitions":[]}`}},
		"data center: all users are listed": {{
			"GET /rest/api/2/user/list?cursor=50&maxResults=50", "", 200, `{"values":[` + person + `],"isLast":false,"nextCursor":"100","maxResults":50}`,
		}},
		"data center: pages are pages": {
			{"GET /rest/api/2/issue/createmeta/EX/issuetypes", "", 200, `{"id":"3","name":"Task"}`},
			{"GET /rest/api/2/issue/createmeta/EX/issuetypes/3", "", 200, `{"values":{"summary":{}}}`},
		},
		"servicenow: all values of a record are texts": {{
			"GET /api/now/table/incident", "", 200, `{"result":[{"sys_mod_count":"0","sys_updated_on":"2026-06-01 09:00:00"}]}`,
		}},
		"servicenow: a list of a table that does not exist": {{
			"GET /api/now/table/nothing", "", 400, `{"error":{"message":"Invalid table nothing","detail":"x"},"status":"failure"}`,
		}},
		"servicenow: a row that was skipped, or waits": {
			{"POST /api/now/import/u_users", `{"u_user_name":"ana"}`, 201, `{"result":[{"transform_map":"users","status":"skipped"}]}`},
			{"POST /api/now/import/u_users", `{"u_user_name":"ana"}`, 201, `{"result":[{"transform_map":"","status":"pending"}]}`},
		},
		"data center: requests have no other members": {{"PUT /rest/api/2/issue/10001/assignee", `{"accountId":"5b10a2844c20165700ede21g"}`, 204, ""}},
	}
}

func TestEachPatchIsNeeded(t *testing.T) {
	for edition := range sources() {
		if err := Available(os.Getenv(EnvSpecs(edition)), edition); err != nil {
			t.Skip(err)
		}
	}
	all := samples()
	for _, p := range Patches() {
		t.Run(p.Name, func(t *testing.T) {
			require.NotEmpty(t, all[p.Name], "a patch has at least one exchange that shows why")
			require.NotEmpty(t, p.Reason)
			for _, s := range all[p.Name] {
				require.True(t, slices.ContainsFunc(p.Files, func(file string) bool { return strings.HasPrefix(target(s), wireOf(file)) }),
					"%s is described by a document of the patch", s.call)
				with, without := judgeBy(t, p, s, patchesFor), judgeBy(t, p, s, func(edition Edition, file string) []Patch {
					return slices.DeleteFunc(patchesFor(edition, file), func(one Patch) bool { return one.Name == p.Name })
				})
				if p.Tightens {
					with, without = without, with
				}
				require.Empty(t, with, "%s, with the patch (without, if it tightens)", s.call)
				require.NotEmpty(t, without, "%s, without the patch (with it, if it tightens)", s.call)
			}
		})
		delete(all, p.Name)
	}
	require.Empty(t, all, "exchanges of patches that there are not")
}

func target(s sample) string {
	_, target, _ := strings.Cut(s.call, " ")
	return target
}

func wireOf(file string) string {
	for _, s := range slices.Concat(sources()[Cloud], sources()[DataCenter], sources()[ServiceNow]) {
		if s.file == file {
			return s.wire
		}
	}
	return "none"
}

// judgeBy judges a sample by its document with some of its patches.
func judgeBy(t *testing.T, p Patch, s sample, patches func(Edition, string) []Patch) []finding {
	t.Helper()
	method, _, _ := strings.Cut(s.call, " ")
	request, err := http.NewRequestWithContext(t.Context(), method, "http://jira.test"+target(s), nil)
	require.NoError(t, err)
	header := http.Header{}
	for _, one := range []struct {
		header http.Header
		body   string
	}{{request.Header, s.sent}, {header, s.answered}} {
		if one.body != "" {
			one.header.Set("Content-Type", "application/json;charset=UTF-8")
		}
	}
	from := slices.IndexFunc(sources()[p.Edition], func(one source) bool {
		return slices.Contains(p.Files, one.file) && strings.HasPrefix(target(s), one.wire)
	})
	require.GreaterOrEqual(t, from, 0)
	document := document{source: sources()[p.Edition][from]}
	document.described, err = describe(slim(t, p.Edition, document.file), document.source, patches(p.Edition, document.file))
	require.NoError(t, err)
	c := newContract(p.Edition)
	c.documents = append(c.documents, document)
	routes := c.routesOf(request)
	if len(routes) == 0 {
		return []finding{{SideRequest, "the documents have no such operation"}}
	}
	require.Len(t, routes, 1, s.call)
	return validate(routes[0], exchange{
		request: request, sent: []byte(s.sent), status: s.status, header: header, answered: []byte(s.answered),
	})
}

// kept are the paths that samples and patches need; reading a document whole again for each sample takes too long.
var kept = regexp.MustCompile(`^(/rest/api/[23]|/api/2)/(issue(/\{issueIdOrKey\}(/(transitions|comment/\{id\}|assignee|remotelink|properties/\{propertyKey\}))?|` +
	`/createmeta/.*)?|changelog/bulkfetch|search(/jql)?|user|user/search|user/assignable/search|group/member|project|project/\{projectIdOrKey\}/statuses|field|issuetype|priority|status)$`)

var reference = regexp.MustCompile(`"#/components/schemas/([^"]+)"`)

// slim is a document with the paths that are kept, and the schemas that they need. Those of ServiceNow are small.
func slim(t *testing.T, edition Edition, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(os.Getenv(EnvSpecs(edition)), file))
	require.NoError(t, err)
	if edition == ServiceNow {
		return raw
	}
	var doc struct {
		OpenAPI    string                     `json:"openapi"`
		Info       json.RawMessage            `json:"info"`
		Paths      map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(raw, &doc))
	needed := map[string]json.RawMessage{}
	var need func(json.RawMessage)
	need = func(text json.RawMessage) {
		for _, match := range reference.FindAllSubmatch(text, -1) {
			if name := string(match[1]); needed[name] == nil {
				needed[name] = doc.Components.Schemas[name]
				need(needed[name])
			}
		}
	}
	for path, item := range doc.Paths {
		if !kept.MatchString(path) {
			delete(doc.Paths, path)
			continue
		}
		need(item)
	}
	doc.Components.Schemas = needed
	raw, err = json.Marshal(doc)
	require.NoError(t, err)
	return raw
}
