package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// TestSubmit_ids_that_the_ledger_refuses: a request that begins with such an id could never be recorded, and never end.
func TestSubmit_ids_that_the_ledger_refuses(t *testing.T) {
	long := strings.Repeat("🔑", 200) // 200 characters, 800 bytes
	for name, row := range map[string]struct {
		method, path, body string
		location, message  string
		status             int
	}{
		"a subject of many bytes":           {"POST", "/v1/requests", submit(long, "wiki/editor"), "body.subject", "expected at most 512 bytes of UTF-8, found 800", 422},
		"an entitlement of many bytes":      {"POST", "/v1/requests", submit("sub", long), "body.items[0].entitlement", "expected at most 512 bytes of UTF-8, found 800", 422},
		"a subject with a NUL":              {"POST", "/v1/requests", submit("a\\u0000b", "wiki/editor"), "body.subject", "control characters", 400},
		"a subject that is not UTF-8":       {"POST", "/v1/requests", submit("a\xffb", "wiki/editor"), "body.subject", "expected UTF-8", 400},
		"a subject of half a character":     {"POST", "/v1/requests", submit(`a\ud83d`, "wiki/editor"), "body.subject", "expected UTF-8", 400},
		"an entitlement that is not UTF-8":  {"POST", "/v1/requests", submit("sub", "wiki/\xff"), "body.items[0].entitlement", "expected UTF-8", 400},
		"an item of many bytes":             {"POST", "/v1/requests/r1/decisions", `{"verdict":"deny","items":["1","` + strings.Repeat("x", 513) + `"]}`, "body.items[1]", "expected at most 512 bytes of UTF-8, found 513", 422},
		"an item with a NUL":                {"POST", "/v1/requests/r1/decisions", `{"verdict":"deny","items":["1\u0000"]}`, "body.items[0]", "control characters", 400},
		"an item that is not UTF-8":         {"POST", "/v1/requests/r1/decisions", `{"verdict":"deny","items":["` + "\xff" + `"]}`, "body.items[0]", "expected UTF-8", 400},
		"a filter by subject of many bytes": {"GET", "/v1/requests?subject=" + url.QueryEscape(long), "", "query.subject", "expected at most 512 bytes of UTF-8, found 800", 422},
		"a filter by requester with a NUL":  {"GET", "/v1/requests?requester=a%00", "", "query.requester", "control characters", 422},
		"a filter by who is awaited":        {"GET", "/v1/requests?waiting_on=%ff", "", "query.waiting_on", "expected UTF-8", 422},
		"a filter by what is asked for":     {"GET", "/v1/requests?entitlement=%ff", "", "query.entitlement", "expected UTF-8", 422},
		"the leases of nobody":              {"GET", "/v1/subjects/a%00/leases", "", "path.id", "control characters", 422},
		"the leases of many bytes":          {"GET", "/v1/subjects/" + url.PathEscape(long) + "/leases", "", "path.id", "expected at most 512 bytes of UTF-8, found 800", 422},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := w.call("audra", row.method, row.path, row.body)
			require.Equal(t, row.status, got.status, got.body)
			require.Len(t, got.problem.Errors, 1, got.body)
			require.Equal(t, row.location, got.problem.Errors[0].Location)
			require.Contains(t, got.problem.Errors[0].Message, row.message)
			require.Empty(t, w.gateway.submitted)
			require.Empty(t, w.gateway.decided)
		})
	}
	for name, id := range map[string]string{"with a NUL": "r%00", "not UTF-8": "%ff", "with a slash": "a%2Fb"} {
		for path, body := range map[string]string{"/decisions": `{"verdict":"deny"}`, "/withdraw": `{}`} {
			t.Run("a request that cannot be, "+name+path, func(t *testing.T) {
				w := newWorld(t)
				got := w.call("ana", "POST", "/v1/requests/"+id+path, body)
				require.Equal(t, http.StatusNotFound, got.status, got.body)
				require.Empty(t, w.gateway.decided)
				require.Empty(t, w.gateway.withdrawn)
			})
		}
	}
	t.Run("a caller who is not UTF-8", func(t *testing.T) {
		got := newWorld(t).call("a\xff", "POST", "/v1/requests", wiki)
		require.Equal(t, http.StatusUnauthorized, got.status, got.body)
	})
}

func submit(subject, entitlement string) string {
	return fmt.Sprintf(`{"subject":"%s","items":[{"entitlement":"%s"}],"reason":"docs"}`, subject, entitlement)
}

// TestIDsAtTheLimitAreTaken holds that nothing which fits is refused.
func TestIDsAtTheLimitAreTaken(t *testing.T) {
	limits := access.Limits()
	wide := strings.Repeat("🔑", limits.Person.Bytes/4)
	long := strings.Repeat("a", limits.Person.Runes)
	for _, subject := range []string{wide, long} {
		w := newWorld(t)
		w.gateway.submission.Created = true
		got := w.call("ana", "POST", "/v1/requests", submit(subject, subject))
		require.Equal(t, http.StatusCreated, got.status, got.body)
		request := w.gateway.submitted[0]
		require.Equal(t, access.PersonID(subject), request.Subject)
		// What the API takes the ledger keeps.
		require.NoError(t, w.store.Record(t.Context(), access.Entry{View: &access.RequestView{Request: request, State: access.StateEvaluating}}))
	}
	w := newWorld(t)
	w.recorded("r1")
	item := strings.Repeat("x", limits.Item.Bytes)
	require.Equal(t, http.StatusOK, w.call("boss", "POST", "/v1/requests/r1/decisions", `{"verdict":"deny","items":["`+item+`"]}`).status)
}

// TestDocument_limits compares what the schemas say with the one table.
func TestDocument_limits(t *testing.T) {
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					MaxLength, MaxItems int
				}
			}
		}
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name   string
				Schema struct{ MaxLength int }
			}
		}
	}
	require.NoError(t, json.Unmarshal(newWorld(t).api.OpenAPI(), &document))
	limits := access.Limits()
	submit, item := document.Components.Schemas["SubmitBody"].Properties, document.Components.Schemas["SubmitItem"].Properties
	decision := document.Components.Schemas["DecisionBody"].Properties
	for name, one := range map[string][2]int{
		"subject":                {limits.Person.Runes, submit["subject"].MaxLength},
		"reason":                 {limits.Reason.Runes, submit["reason"].MaxLength},
		"items":                  {limits.Items, submit["items"].MaxItems},
		"entitlement":            {limits.Entitlement.Runes, item["entitlement"].MaxLength},
		"reason of a decision":   {limits.Reason.Runes, decision["reason"].MaxLength},
		"items of a decision":    {limits.Items, decision["items"].MaxItems},
		"reason of a withdrawal": {limits.Reason.Runes, document.Components.Schemas["WithdrawBody"].Properties["reason"].MaxLength},
	} {
		require.Equal(t, one[0], one[1], name)
	}
	// Whatever a caller gives reasons for, they may be as long, and a call names as many items as a request has.
	for schema, one := range document.Components.Schemas {
		if !strings.HasSuffix(schema, "Body") {
			continue
		}
		if reason, has := one.Properties["reason"]; has {
			require.Equal(t, limits.Reason.Runes, reason.MaxLength, schema)
		}
		if items, has := one.Properties["items"]; has {
			require.Equal(t, limits.Items, items.MaxItems, schema)
		}
	}
	parameters := map[string]int{
		"Idempotency-Key": limits.Key.Runes, "subject": limits.Person.Runes, "requester": limits.Person.Runes,
		"waiting_on": limits.Person.Runes, "entitlement": limits.Entitlement.Runes,
	}
	seen := map[string]bool{}
	for path, operations := range document.Paths {
		for _, operation := range operations {
			for _, parameter := range operation.Parameters {
				if want, limited := parameters[parameter.Name]; limited {
					require.Equal(t, want, parameter.Schema.MaxLength, "%s %s", path, parameter.Name)
					seen[parameter.Name] = true
				}
			}
		}
	}
	require.Len(t, seen, len(parameters))
}
