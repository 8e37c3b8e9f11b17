package scim_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"usher/internal/access"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
)

func TestConfigReadsYAML(t *testing.T) {
	var c scim.Config
	require.NoError(t, yaml.Unmarshal([]byte(`
base_url: https://directory.example.com/scim/v2
token: abc
match: userName
roles_by: id
request_timeout: 1m30s
rate: 2.5
`), &c))
	require.Equal(t, scim.Config{
		BaseURL: "https://directory.example.com/scim/v2", Token: "abc", Match: scim.MatchUserName, RolesBy: scim.RolesByID,
		RequestTimeout: access.Duration(90 * time.Second), Rate: 2.5,
	}, c)
	require.NoError(t, c.Validate())
}

func TestConfig_names_the_key(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*scim.Config)
		says   string
	}{
		{"no base URL", func(c *scim.Config) { c.BaseURL = "" }, "base_url: expected"},
		{"a base URL with a query", func(c *scim.Config) { c.BaseURL += "?a=b" }, "base_url: expected"},
		{"no token", func(c *scim.Config) { c.Token = "" }, "token: expected"},
		{"a token with a line break", func(c *scim.Config) { c.Token = "a\nb" }, "token: expected"},
		{"an unknown match", func(c *scim.Config) { c.Match = "email" }, "match: expected id, externalId or userName"},
		{"an unknown way to name roles", func(c *scim.Config) { c.RolesBy = "name" }, "roles_by: expected id or displayName"},
		{"a negative time-out", func(c *scim.Config) { c.RequestTimeout = -1 }, "request_timeout: expected"},
		{"a negative rate", func(c *scim.Config) { c.Rate = -1 }, "rate: expected"},
		{"a rate that is no number", func(c *scim.Config) { c.Rate = math.NaN() }, "rate: expected"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := scim.Config{BaseURL: "https://directory.example.com/scim/v2", Token: "abc"}
			row.change(&c)
			require.ErrorContains(t, c.Validate(), row.says)
			_, err := scim.NewTarget(c)
			require.ErrorContains(t, err, row.says)
			_, err = scim.NewSource(c)
			require.ErrorContains(t, err, row.says)
		})
	}
	err := scim.Config{Match: "x", RolesBy: "y"}.Validate()
	for _, key := range []string{"base_url", "token", "match", "roles_by"} {
		require.ErrorContains(t, err, key, "all that is wrong is said at once")
	}
}

// TestPatch_strictest_form pins every request of a grant and a revoke.
func TestPatch_strictest_form(t *testing.T) {
	directory := scimtest.New(wiki(scimtest.Quirks{}))
	target := serve(t, directory, nil)
	_, err := target.Grant(t.Context(), ada())
	require.NoError(t, err)
	_, err = target.Revoke(t.Context(), ada())
	require.NoError(t, err)

	var lines []string
	for _, call := range directory.Requests() {
		require.Equal(t, "Bearer "+token, call.Header.Get("Authorization"))
		require.Equal(t, "application/scim+json", call.Header.Get("Accept"))
		require.Contains(t, call.Header.Get("User-Agent"), "usher")
		if call.Body != "" {
			require.Equal(t, "application/scim+json", call.Header.Get("Content-Type"))
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s", call.Method, strings.TrimPrefix(call.Path, scimtest.BasePath), call.Query.Get("filter"), call.Body))
	}
	const patch = `PATCH /Groups/g-edit  {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[%s]}`
	require.Equal(t, []string{
		`GET /Groups displayName eq "Wiki editor" `,
		`GET /Users/u-ada  `,
		`GET /Groups/g-edit  `,
		`GET /Groups id eq "g-edit" and members.value eq "u-ada" `,
		fmt.Sprintf(patch, `{"op":"add","path":"members","value":[{"value":"u-ada"}]}`),
		`GET /Groups/g-edit  `,
		`GET /Groups displayName eq "Wiki editor" `,
		`GET /Users/u-ada  `,
		`GET /Groups/g-edit  `,
		fmt.Sprintf(patch, `{"op":"remove","path":"members[value eq \"u-ada\"]"}`),
		`GET /Groups/g-edit  `,
		`GET /Groups id eq "g-edit" and members.value eq "u-ada" `,
	}, lines)
}

func TestIdsAreEscapedOnTheWire(t *testing.T) {
	const user, group = `a/b?c#d "e" ü日本%41`, `g/../"\ 日本`
	directory := scimtest.New(scimtest.Config{
		Token: token, Users: []scimtest.User{{ID: user, UserName: "x"}}, Groups: []scimtest.Group{{ID: group, DisplayName: "x"}},
	})
	target := serve(t, directory, func(c *scim.Config) { c.RolesBy = scim.RolesByID })
	a := access.Assignment{Role: group, Subject: access.Person{ID: user}}
	verification, err := target.Grant(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, user, verification.Account)
	require.Equal(t, []string{user}, directory.Members(group))
	_, err = target.Revoke(t.Context(), a)
	require.NoError(t, err)
	require.Empty(t, directory.Members(group))
}

func TestFilter_quotes_the_name(t *testing.T) {
	directory := scimtest.New(wiki(scimtest.Quirks{}))
	_, err := serve(t, directory, nil).Grant(t.Context(), access.Assignment{Role: `R&D <x> "ü" \`, Subject: ada().Subject})
	require.Equal(t, access.NotFound, access.KindOf(err))
	require.Equal(t, `displayName eq "R&D <x> \"ü\" \\"`, directory.Requests()[0].Query.Get("filter"))
}

func TestRateAndTimeoutAreKept(t *testing.T) {
	directory := scimtest.New(wiki(scimtest.Quirks{}))
	target := serve(t, directory, func(c *scim.Config) {
		c.Rate, c.RequestTimeout = 0.001, access.Duration(time.Second)
	})
	_, err := target.Verify(t.Context(), ada())
	require.Equal(t, access.RateLimited, access.KindOf(err), "one call is this worker's share: %v", err)
	require.Equal(t, 1, directory.Calls().Total)
}

func TestLookup_directories(t *testing.T) {
	const enterprise = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
	for _, row := range []struct {
		name, user string
		want       access.Person
		kind       access.Kind
	}{
		{"an active person without saying so", `{"id":"p","userName":"n"}`, access.Person{ID: "p", UserName: "n", Active: true}, ""},
		{"active as null", `{"id":"p","active":null}`, access.Person{ID: "p", Active: true}, ""},
		{"active as a text", `{"id":"p","active":"False"}`, access.Person{ID: "p"}, ""},
		{"active as something else", `{"id":"p","active":"maybe"}`, access.Person{}, access.Transient},
		{"a formatted name", `{"id":"p","name":{"formatted":"Ada L"}}`, access.Person{ID: "p", DisplayName: "Ada L", Active: true}, ""},
		{"a name in parts", `{"id":"p","name":{"givenName":"Ada","familyName":"L"}}`, access.Person{ID: "p", DisplayName: "Ada L", Active: true}, ""},
		{"a display name before others", `{"id":"p","displayName":"Ada","name":{"formatted":"A L"}}`, access.Person{ID: "p", DisplayName: "Ada", Active: true}, ""},
		{"the primary e-mail", `{"id":"p","emails":[{"value":"w","type":"work"},{"value":"p","primary":true}]}`, access.Person{ID: "p", Email: "p", Active: true}, ""},
		{"the e-mail for work", `{"id":"p","emails":[{"value":"h","type":"home"},{"value":"w","type":"Work"}]}`, access.Person{ID: "p", Email: "w", Active: true}, ""},
		{"the only e-mail", `{"id":"p","emails":[{"value":"h","type":"home"}]}`, access.Person{ID: "p", Email: "h", Active: true}, ""},
		{"a manager", `{"id":"p",` + enterprise + `:{"manager":{"value":"m","displayName":"Mia"}}}`, access.Person{ID: "p", Manager: "m", Active: true}, ""},
		{"a manager as a text", `{"id":"p",` + enterprise + `:{"manager":"m"}}`, access.Person{ID: "p", Manager: "m", Active: true}, ""},
		{"no manager, as null", `{"id":"p",` + enterprise + `:{"manager":null}}`, access.Person{ID: "p", Active: true}, ""},
		{"another person", `{"id":"P"}`, access.Person{}, access.NotFound},
		{"no person at all", `{"detail":"welcome"}`, access.Person{}, access.Transient},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != "/v2/Users/p" {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				_, _ = w.Write([]byte(row.user))
			}))
			t.Cleanup(server.Close)
			source, err := scim.NewSource(scim.Config{BaseURL: server.URL + "/v2/", Token: token})
			require.NoError(t, err)
			got, err := source.Lookup(t.Context(), "p")
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			require.Equal(t, row.want, got)
		})
	}
}
