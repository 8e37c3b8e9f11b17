package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/starter/httpapi"
)

// bodies are the routes that take a JSON body which usher defines, as the document lists them.
func (w *world) bodies() []string {
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string
			RequestBody *struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
	}
	require.NoError(w.t, json.Unmarshal(w.api.OpenAPI(), &document))
	var paths []string
	for path, methods := range document.Paths {
		for method, operation := range methods {
			if operation.RequestBody == nil || operation.OperationID == "desk-webhook" {
				continue
			}
			require.Equal(w.t, "post", method, path)
			require.NotEmpty(w.t, operation.RequestBody.Content["application/json"].Schema.Ref, path)
			paths = append(paths, strings.NewReplacer("{id}", "r1", "{desk}", "jira", "{source}", "hr", "{person}", "p", "{user}", "u").Replace(path))
		}
	}
	slices.Sort(paths)
	return paths
}

// TestBody_strict holds that no route reads a body in another way than it is written.
func TestBody_strict(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) {
		c.Quotas.Burst, c.TicketCallers = 1e6, c.Administrators
	})
	paths := w.bodies()
	require.GreaterOrEqual(t, len(paths), 13)
	for _, path := range paths {
		for name, row := range map[string]struct{ body, location, pointer, message string }{
			"an unknown field":      {`{"colour":1}`, "body.colour", "/colour", "expected none but the fields "},
			"a name in other case":  {`{"ID":"x"}`, "body.ID", "/ID", ""},
			"a duplicate field":     {`{"id":"x","id":"y"}`, "body.id", "/id", ""},
			"a name with a control": {`{"\u202e":1}`, "body", "", "the name of a field: expected text without control characters"},
			"no UTF-8":              {"{\"\xff\":1}", "body", "", "expected UTF-8"},
			"more behind it":        {`{} {}`, "body", "", "expected one JSON value and nothing after it"},
			"many levels":           {strings.Repeat("[", 20_000), "body" + strings.Repeat("[0]", 16), strings.Repeat("/0", 16), "expected at most 16 levels"},
		} {
			got := w.call("adam", "POST", path, row.body)
			require.Equal(t, http.StatusBadRequest, got.status, "%s: %s: %s", path, name, got.body)
			require.Equal(t, "urn:usher:problem:bad-request", got.problem.Type)
			require.Len(t, got.problem.Errors, 1, got.body)
			require.Equal(t, row.location, got.problem.Errors[0].Location, path)
			require.Equal(t, row.pointer, got.problem.Errors[0].Pointer, path)
			require.Contains(t, got.problem.Errors[0].Message, row.message, path)
		}
	}
}

// TestBody_strict_fields plays what a decoder would forgive, on what people read.
func TestBody_strict_fields(t *testing.T) {
	for name, row := range map[string]struct{ path, body, pointer string }{
		"another subject by case":   {"/v1/requests", `{"subject":"ana","SUBJECT":"eve","items":[{"entitlement":"wiki/editor"}],"reason":"docs"}`, "/SUBJECT"},
		"a reason by folding":       {"/v1/requests", `{"items":[{"entitlement":"wiki/editor"}],"reaſon":"docs"}`, "/reaſon"},
		"items that are merged":     {"/v1/requests", `{"items":[{"entitlement":"wiki/editor","duration":"9d"}],"items":[{"entitlement":"crm/admin"}],"reason":"docs"}`, "/items"},
		"a duration by case":        {"/v1/requests", `{"items":[{"entitlement":"wiki/editor"},{"entitlement":"wiki/editor","Duration":"9d"}],"reason":"docs"}`, "/items/1/Duration"},
		"a reason read backwards":   {"/v1/requests", `{"items":[{"entitlement":"wiki/editor"}],"reason":"a\u202eb"}`, "/reason"},
		"a decision read backwards": {"/v1/requests/r1/decisions", `{"verdict":"deny","reason":"a\u2066b"}`, "/reason"},
		"a release in a release":    {"/v1/people/hr/runs", `{"release":{"run":"r","reason":"x","Brakes":["a"]}}`, "/release/Brakes"},
		"a scope by case":           {"/v1/desks/jira/syncs", `{"scope":{"Person":"p"}}`, "/scope/Person"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := w.call("adam", "POST", row.path, row.body)
			require.Equal(t, http.StatusBadRequest, got.status, got.body)
			require.Equal(t, row.pointer, got.problem.Errors[0].Pointer)
			require.NotEmpty(t, got.problem.Errors[0].Message)
			require.Empty(t, w.gateway.submitted)
			require.Empty(t, w.gateway.decided)
			require.Empty(t, w.gateway.started)
		})
	}
}

// TestBody_media: a body says what it is, and is not compressed.
func TestBody_media(t *testing.T) {
	const media, encoding = "header.Content-Type", "header.Content-Encoding"
	for name, row := range map[string]struct {
		path, body string
		headers    []string
		location   string
	}{
		"JSON":                       {"/v1/requests", wiki, []string{"Content-Type", "application/json"}, ""},
		"JSON in UTF-8":              {"/v1/requests", wiki, []string{"Content-Type", "Application/JSON; charset=UTF-8"}, ""},
		"not compressed":             {"/v1/requests", wiki, []string{"Content-Encoding", "Identity"}, ""},
		"no body":                    {"/v1/requests/r1/withdraw", "", []string{"Content-Type", "text/plain"}, ""},
		"no type":                    {"/v1/requests", wiki, []string{"Content-Type", ""}, media},
		"a type that is none":        {"/v1/requests", wiki, []string{"Content-Type", ";"}, media},
		"JSON for people":            {"/v1/requests", wiki, []string{"Content-Type", "text/json"}, media},
		"a kind of JSON":             {"/v1/requests", wiki, []string{"Content-Type", "application/problem+json"}, media},
		"JSON in UTF-16":             {"/v1/requests", wiki, []string{"Content-Type", "application/json; charset=utf-16"}, media},
		"a parameter":                {"/v1/requests", wiki, []string{"Content-Type", "application/json; profile=x"}, media},
		"what a page can send":       {"/v1/requests", wiki, []string{"Content-Type", "text/plain"}, media},
		"a form":                     {"/v1/requests/r1/withdraw", "reason=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, media},
		"compressed":                 {"/v1/requests", wiki, []string{"Content-Encoding", "gzip"}, encoding},
		"compressed twice":           {"/v1/requests", wiki, []string{"Content-Encoding", "identity, gzip"}, encoding},
		"a compressed webhook":       {"/v1/desks/header/webhook", "{}", []string{"Content-Encoding", "gzip", "X-Secret", hookSecret}, encoding},
		"a webhook that is no JSON":  {"/v1/desks/header/webhook", "a=b", []string{"Content-Type", "text/plain", "X-Secret", hookSecret}, ""},
		"compressed, and no type":    {"/v1/requests", wiki, []string{"Content-Encoding", "br", "Content-Type", ""}, encoding},
		"a compressed body not read": {"/v1/requests/r1/withdraw", strings.Repeat("x", 100), []string{"Content-Encoding", "zstd"}, encoding},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.gateway.submission.Created = true
			w.recorded("r1")
			got := w.call("ana", "POST", row.path, row.body, row.headers...)
			if row.location == "" {
				require.Less(t, got.status, http.StatusBadRequest, got.body)
				return
			}
			require.Equal(t, http.StatusUnsupportedMediaType, got.status, got.body)
			require.Equal(t, "urn:usher:problem:unsupported-media-type", got.problem.Type)
			require.Equal(t, row.location, got.problem.Errors[0].Location)
			if row.location == media {
				require.Equal(t, "application/json", got.header.Get("Accept"))
			} else {
				require.Equal(t, "identity", got.header.Get("Accept-Encoding"))
			}
			require.Empty(t, w.gateway.submitted)
		})
	}
	t.Run("two types", func(t *testing.T) {
		w := newWorld(t)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/requests", strings.NewReader(wiki))
		r.Header = http.Header{"X-Usher-Person": {"ana"}, "Content-Type": {"application/json", "text/plain"}}
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		require.Equal(t, http.StatusUnsupportedMediaType, readAnswer(t, rec.Result()).status)
	})
}

// TestProblem_pointer: what the route itself refuses has the pointer too.
func TestProblem_pointer(t *testing.T) {
	w := newWorld(t)
	for name, row := range map[string]struct{ method, path, body, location, pointer string }{
		"by the schema":     {"POST", "/v1/requests", `{"items":[{"entitlement":"a"},{"entitlement":""}],"reason":"docs"}`, "body.items[1].entitlement", "/items/1/entitlement"},
		"by the route":      {"POST", "/v1/requests", `{"items":[{"entitlement":"a","duration":"x"}],"reason":"docs"}`, "body.items[0].duration", "/items/0/duration"},
		"not in the body":   {"GET", "/v1/requests?limit=0", "", "query.limit", ""},
		"the body as whole": {"POST", "/v1/requests", `[]`, "body", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.call("audra", row.method, row.path, row.body)
			require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
			require.Equal(t, row.location, got.problem.Errors[0].Location)
			require.Equal(t, row.pointer, got.problem.Errors[0].Pointer)
		})
	}
}
