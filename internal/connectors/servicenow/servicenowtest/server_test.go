package servicenowtest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/servicenow/servicenowtest"
)

// call makes a call as the default account and returns the status, the headers and the body.
func call(t *testing.T, s *servicenowtest.Server, method, target, body string) (int, http.Header, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.SetBasicAuth(servicenowtest.DefaultUser, servicenowtest.DefaultToken)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Header(), w.Body.String()
}

// numbers are those of the records that a query finds.
func numbers(t *testing.T, s *servicenowtest.Server, query string, more ...string) []string {
	t.Helper()
	target := "/api/now/table/incident?sysparm_fields=number&sysparm_query=" + url.QueryEscape(query) + strings.Join(more, "")
	status, _, body := call(t, s, http.MethodGet, target, "")
	require.Equal(t, http.StatusOK, status, body)
	var got struct{ Result []struct{ Number string } }
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	out := []string{}
	for _, r := range got.Result {
		out = append(out, r.Number)
	}
	return out
}

// withIncidents is a server with the incidents INC0000001 to 3, about a, b and c.
func withIncidents(t *testing.T, c servicenowtest.Config) *servicenowtest.Server {
	t.Helper()
	s := servicenowtest.New(c)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Restore())
	for _, about := range []string{"a", "b", "c"} {
		status, header, _ := call(t, s, http.MethodPost, "/api/now/table/incident", `{"short_description":"`+about+`","u_nothing":"x"}`)
		require.Equal(t, http.StatusCreated, status)
		require.Contains(t, header.Get("Location"), "/api/now/table/incident/")
	}
	return s
}

func TestQuery_operators(t *testing.T) {
	s := withIncidents(t, servicenowtest.Config{})
	const one, two, three = "INC0000001", "INC0000002", "INC0000003"
	for query, want := range map[string][]string{
		"ORDERBYnumber":                        {one, two, three},
		"short_description=B^ORDERBYnumber":    {two},
		"short_description!=b^ORDERBYnumber":   {one, three},
		"short_descriptionINa,c^ORDERBYnumber": {one, three},
		"short_description>=b^ORDERBYnumber":   {two, three},
		"short_description<b":                  {one},
		"numberSTARTSWITHINC^ORDERBYnumber":    {one, two, three},
		"numberLIKE0003":                       {three},
		"correlation_idISEMPTY^ORDERBYnumber":  {one, two, three},
		"correlation_idISNOTEMPTY":             {},
		// OR binds closer than AND, and NQ less.
		"short_description>=b^short_description=a^ORshort_description=c": {three},
		"short_description=a^NQshort_description=c^ORDERBYnumber":        {one, three},
		// What nobody understands is left out.
		"short_description=a^u_nothing=x": {one},
		"u_nothing=x^ORDERBYnumber":       {one, two, three},
		"nothing at all^ORDERBYnumber":    {one, two, three},
	} {
		require.Equal(t, want, numbers(t, s, query), query)
	}
	s.SetFaults(servicenowtest.Faults{InvalidQueryReturnsNothing: true})
	require.Empty(t, numbers(t, s, "short_description=a^u_nothing=x"))
}

func TestPage_limit_before_rights(t *testing.T) {
	s := withIncidents(t, servicenowtest.Config{PageLimit: 2})
	f := servicenowtest.Faults{}
	f.HiddenIssues = []string{"INC0000001"}
	s.SetFaults(f)
	require.Equal(t, []string{"INC0000002"}, numbers(t, s, "ORDERBYnumber", "&sysparm_limit=2"))
	require.Equal(t, []string{"INC0000003"}, numbers(t, s, "ORDERBYnumber", "&sysparm_limit=2", "&sysparm_offset=2"))
	_, header, _ := call(t, s, http.MethodGet, "/api/now/table/incident?sysparm_limit=2", "")
	require.Equal(t, "3", header.Get("X-Total-Count"))
	require.Contains(t, header.Get("Link"), `sysparm_offset=2>;rel="next"`)
}

func TestRefusals(t *testing.T) {
	s := withIncidents(t, servicenowtest.Config{})
	incident, _ := s.Ticket("INC0000001")
	for name, row := range map[string]struct {
		method, target, body string
		status               int
		says                 string
	}{
		"a table that does not exist":  {http.MethodGet, "/api/now/table/nothing", "", 400, "Invalid table nothing"},
		"a record that does not exist": {http.MethodGet, "/api/now/table/incident/" + servicenowtest.ItemID(), "", 404, "No Record found"},
		"a record of another table":    {http.MethodGet, "/api/now/table/sc_task/" + incident.ID, "", 404, "ACL restricts"},
		"closing without a code":       {http.MethodPatch, "/api/now/table/incident/" + incident.ID, `{"state":"6"}`, 403, "mandatory: close_code, close_notes"},
		"no JSON":                      {http.MethodPost, "/api/now/table/incident", `{`, 400, "Cannot decode"},
		"an order of nothing":          {http.MethodPost, "/api/sn_sc/servicecatalog/items/x/order_now", `{"sysparm_quantity":1}`, 400, "Invalid Request"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, body := call(t, s, row.method, row.target, row.body)
			require.Equal(t, row.status, status)
			require.Contains(t, body, row.says)
		})
	}
}

func TestState_kept_over_restart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "now.jsonl")
	first := withIncidents(t, servicenowtest.Config{StateFile: file})
	_, _, ordered := call(t, first, http.MethodPost, "/api/sn_sc/servicecatalog/items/"+servicenowtest.ItemID()+"/order_now",
		`{"sysparm_quantity":1,"variables":{"usher_marker":"m"}}`)
	require.Contains(t, ordered, "REQ0000001")
	before, err := json.Marshal(first.Tickets())
	require.NoError(t, err)
	require.NoError(t, first.Close())

	second := servicenowtest.New(servicenowtest.Config{StateFile: file})
	require.NoError(t, second.Restore())
	after, err := json.Marshal(second.Tickets())
	require.NoError(t, err)
	require.JSONEq(t, string(before), string(after))
	item, there := second.Ticket("RITM0000001")
	require.True(t, there)
	require.Equal(t, "m", item.Fields["variables.usher_marker"])
	require.NoError(t, second.Close())
}
