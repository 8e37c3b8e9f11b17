package scimtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/scim/scimtest"
)

const token = "t0ken"

func seeds() scimtest.Config {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	return scimtest.Config{
		Token: token, Now: func() time.Time { return at },
		Users: []scimtest.User{
			{ID: "u1", UserName: "Ada@example.com", DisplayName: "Ada <b>L</b>", Email: "ada@example.com", Manager: "u2"},
			{ID: "u2", UserName: "mia@example.com", ExternalID: "E2"},
		},
		Groups: []scimtest.Group{{ID: "g1", DisplayName: "Wiki editor", Members: []string{"u2"}}, {ID: "g2", DisplayName: "Empty"}},
	}
}

// ask makes one SCIM call with the token.
func ask(t testing.TB, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func patch(operations string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
}

func TestPatch_forms(t *testing.T) {
	both := []string{"u2", "u1"}
	for _, row := range []struct {
		name, body string
		status     int
		members    []string
	}{
		{"add", patch(`{"op":"add","path":"members","value":[{"value":"u1"}]}`), 200, both},
		{"add with a capital", patch(`{"op":"Add","path":"members","value":[{"value":"u1"}]}`), 200, both},
		{"add without a path", patch(`{"op":"add","value":{"members":[{"value":"u1"}]}}`), 200, both},
		{"add who is a member", patch(`{"op":"add","path":"members","value":[{"value":"u2"}]}`), 204, []string{"u2"}},
		{"add an object", patch(`{"op":"add","path":"members","value":{"value":"u1"}}`), 400, []string{"u2"}},
		{"add an unknown member", patch(`{"op":"add","path":"members","value":[{"value":"u9"}]}`), 400, []string{"u2"}},
		{"remove by filtered path", patch(`{"op":"remove","path":"members[value eq \"u2\"]"}`), 200, nil},
		{"remove by value", patch(`{"op":"Remove","path":"members","value":[{"value":"u2"}]}`), 200, nil},
		{"remove who is no member", patch(`{"op":"remove","path":"members[value eq \"u1\"]"}`), 204, []string{"u2"}},
		{"remove everybody", patch(`{"op":"remove","path":"members"}`), 400, []string{"u2"}},
		{"replace everybody", patch(`{"op":"replace","path":"members","value":[{"value":"u1"}]}`), 400, []string{"u2"}},
		{"an unknown path", patch(`{"op":"add","path":"owners","value":[{"value":"u1"}]}`), 400, []string{"u2"}},
		{"an unknown op", patch(`{"op":"put","path":"members","value":[{"value":"u1"}]}`), 400, []string{"u2"}},
		{"no operations", patch(``), 400, []string{"u2"}},
		{"no schema", `{"Operations":[{"op":"add","path":"members","value":[{"value":"u1"}]}]}`, 400, []string{"u2"}},
		{"all or nothing", patch(`{"op":"add","path":"members","value":[{"value":"u1"}]},{"op":"add","path":"x","value":1}`), 400, []string{"u2"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := scimtest.New(seeds())
			require.Equal(t, row.status, ask(t, s, "PATCH", "/scim/v2/Groups/g1", row.body).Code)
			require.Equal(t, row.members, s.Members("g1"))
		})
	}
}

func TestFiltersAreEqualsAndAnd(t *testing.T) {
	for _, row := range []struct {
		path, filter string
		status       int
		found        string
	}{
		{"Users", `userName eq "ADA@example.com"`, 200, "u1"},
		{"Users", `userName eq "nobody"`, 200, ""},
		{"Users", `externalId eq "E2" AND active eq true`, 200, "u2"},
		{"Users", `externalId eq "e2"`, 200, ""},
		{"Users", `userName sw "ada"`, 400, ""},
		{"Users", `userName eq "ada" or id eq "u1"`, 400, ""},
		{"Users", `userName eq "ada" and `, 400, ""},
		{"Users", `password eq "x"`, 400, ""},
		{"Groups", `displayName eq "wiki editor"`, 200, "g1"},
		{"Groups", `id eq "g1" and members.value eq "u2"`, 200, "g1"},
		{"Groups", `id eq "g1" and members.value eq "u1"`, 200, ""},
		{"Groups", `member eq "u2"`, 400, ""},
	} {
		t.Run(row.filter, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/scim/v2/"+row.path, nil)
			r.URL.RawQuery = "filter=" + strings.NewReplacer(" ", "+", `"`, "%22").Replace(row.filter)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			scimtest.New(seeds()).ServeHTTP(w, r)
			require.Equal(t, row.status, w.Code, w.Body)
			var list struct{ Resources []struct{ ID string } }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
			ids := ""
			for _, r := range list.Resources {
				ids += r.ID
			}
			require.Equal(t, row.found, ids)
		})
	}
}

// TestSearch_follows_changes looks for users by what the directory finds without looking at all of them.
func TestSearch_follows_changes(t *testing.T) {
	s := scimtest.New(seeds())
	found := func(resources, filter string) string {
		w := ask(t, s, http.MethodGet, filtered(resources, filter), "")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		var list struct{ Resources []struct{ ID string } }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
		ids := ""
		for _, r := range list.Resources {
			ids += r.ID + " "
		}
		return ids
	}
	put := func(u scimtest.User) {
		_, err := s.Put(u)
		require.NoError(t, err)
	}
	put(scimtest.User{ID: "u3", UserName: "\u212Aelvin@example.com", ExternalID: "E2"})
	require.Equal(t, "u3 ", found("Users", `userName eq "kelvin@EXAMPLE.com"`), "as strings.EqualFold compares")
	require.Equal(t, "u2 u3 ", found("Users", `externalId eq "E2"`))
	require.Equal(t, "u1 ", found("Users", `externalId eq ""`), "who has none")
	require.Empty(t, found("Users", `id eq "u3" and externalId eq "E3"`))
	put(scimtest.User{ID: "u2", UserName: "mia@example.org", ExternalID: "E4"})
	put(scimtest.User{ID: "u1", UserName: "ada@example.org", ExternalID: "E2"})
	require.Equal(t, "u1 u3 ", found("Users", `externalId eq "E2"`), "in the order in which they came")
	require.Empty(t, found("Users", `userName eq "mia@example.com"`))
	require.Equal(t, "u2 ", found("Users", `active eq true and userName eq "mia@example.org"`))
	require.NoError(t, s.Remove("u3"))
	require.Equal(t, "u1 ", found("Users", `externalId eq "E2"`))
	ask(t, s, http.MethodPatch, "/scim/v2/Groups/g1", patch(`{"op":"replace","path":"displayName","value":"empty"}`))
	require.Equal(t, "g1 g2 ", found("Groups", `displayName eq "EMPTY"`))
	require.Empty(t, found("Groups", `displayName eq "Wiki editor"`))
}

func TestStaleReads(t *testing.T) {
	s := scimtest.New(seeds())
	s.SetFaults(scimtest.Faults{StaleReads: 2})
	ask(t, s, http.MethodPatch, "/scim/v2/Groups/g1", patch(`{"op":"remove","path":"members[value eq \"u2\"]"}`))
	require.Empty(t, s.Members("g1"))
	require.NotContains(t, ask(t, s, http.MethodGet, "/scim/v2/Groups/g1?excludedAttributes=members", "").Body.String(), "u2")
	asked := filtered("Groups", `id eq "g1" and members.value eq "u2"`)
	require.Contains(t, ask(t, s, http.MethodGet, "/scim/v2/Groups/g1", "").Body.String(), "../Users/u2")
	require.Contains(t, ask(t, s, http.MethodGet, asked, "").Body.String(), `"totalResults":1`)
	require.Contains(t, ask(t, s, http.MethodGet, asked, "").Body.String(), `"totalResults":0`)
}

func TestAuth_everything_of_scim(t *testing.T) {
	s := scimtest.New(seeds())
	for _, path := range []string{"/Users", "/Users/u1", "/Groups", "/Groups/g1", "/ServiceProviderConfig", "/Bulk"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/scim/v2"+path, nil))
		require.Equal(t, http.StatusUnauthorized, w.Code, path)
	}
}

func TestRestart_members(t *testing.T) {
	file := filepath.Join(t.TempDir(), "directory.json")
	first := scimtest.New(seeds())
	require.NoError(t, first.KeepIn(file))
	require.Equal(t, 200, ask(t, first, "PATCH", "/scim/v2/Groups/g2", patch(`{"op":"add","path":"members","value":[{"value":"u1"}]}`)).Code)
	made := ask(t, first, "POST", "/scim/v2/Users", `{"userName":"new"}`)
	require.Equal(t, 201, made.Code)
	require.NoError(t, first.Deactivate("u2"))

	more := seeds()
	more.Groups = append(more.Groups, scimtest.Group{ID: "g3", DisplayName: "Added later"})
	second := scimtest.New(more)
	require.NoError(t, second.KeepIn(file))
	require.Equal(t, []string{"u1"}, second.Members("g2"))
	require.Equal(t, first.Changes(), second.Changes())
	require.Len(t, second.Users(), 3)
	require.True(t, second.Users()[1].Inactive)
	require.Equal(t, "Added later", second.Groups()[2].DisplayName)
	left, err := filepath.Glob(file + "*")
	require.NoError(t, err)
	require.Equal(t, []string{file}, left, "no half-written file stays behind")

	require.NoError(t, os.WriteFile(file, []byte(`{"users":`), 0o600))
	require.Error(t, scimtest.New(seeds()).KeepIn(file))
}

func TestChanges_once(t *testing.T) {
	s := scimtest.New(seeds())
	add := patch(`{"op":"add","path":"members","value":[{"value":"u1"}]}`)
	for range 2 {
		ask(t, s, "PATCH", "/scim/v2/Groups/g2", add)
	}
	require.NoError(t, s.Remove("u1"))
	require.NoError(t, s.RemoveGroup("g1"))
	at := seeds().Now()
	require.Equal(t, []scimtest.Change{
		{Kind: scimtest.Added, Group: "g2", User: "u1", At: at},
		{Kind: scimtest.Removed, Group: "g2", User: "u1", At: at},
		{Kind: scimtest.Removed, Group: "g1", User: "u2", At: at},
	}, s.Changes())
	require.Equal(t, 2, s.Count(http.MethodPatch))
	require.Equal(t, 2, s.Calls().Total)
}

func TestInspect(t *testing.T) {
	server := httptest.NewServer(scimtest.New(seeds()))
	t.Cleanup(server.Close)
	get := func(path string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		return send(t, r, http.StatusOK)
	}
	put := func(body string, want int) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/_sim/faults", strings.NewReader(body))
		require.NoError(t, err)
		send(t, r, want)
	}
	require.JSONEq(t, `[{"id":"g1","display_name":"Wiki editor","members":[{"id":"u2","user_name":"mia@example.com",
		"display_name":"","active":true,"since":"2026-03-01T09:00:00Z"}]},{"id":"g2","display_name":"Empty","members":[]}]`,
		get("/_sim/groups"))
	require.JSONEq(t, `[]`, get("/_sim/changes"))
	page := get("/directory")
	require.Contains(t, page, "Wiki editor")
	require.Contains(t, page, `http-equiv="refresh"`)
	require.Contains(t, page, "Ada &lt;b&gt;L&lt;/b&gt;")
	require.NotContains(t, page, "<b>")

	put(`{"down":true}`, http.StatusOK)
	require.JSONEq(t, `{"down":true}`, get("/_sim/faults"))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/scim/v2/Users", nil)
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(r) //nolint:bodyclose // There is no answer.
	require.Error(t, err)
	put(`{"dwon":true}`, http.StatusBadRequest)
	put(`{"rules":[{"of":[{"kind":"explode"}]}]}`, http.StatusBadRequest)
	put(`{}`, http.StatusOK)
	require.JSONEq(t, `{}`, get("/_sim/faults"))
}

func send(t *testing.T, r *http.Request, want int) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, want, resp.StatusCode, string(body))
	return string(body)
}
