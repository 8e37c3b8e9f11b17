package scim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
)

// losing is a directory whose group loses members at each PATCH: those whom take returns.
func (d directory) losing(t *testing.T, group string, take func() []access.PersonID) string {
	target, err := url.Parse(d.base)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(w, r)
		if r.Method == http.MethodPatch {
			for _, id := range take() {
				d.patch(t, "/Groups/"+group, map[string]any{"op": "remove", "path": fmt.Sprintf(`members[value eq %q]`, id)})
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// noticeLostMembers grants and revokes in a group that loses its other members meanwhile.
func noticeLostMembers(t *testing.T, d directory) {
	t.Run("a group that loses others", func(t *testing.T) {
		var people []access.PersonID
		for range 5 {
			people = append(people, d.createUser(t, access.Person{UserName: fmt.Sprintf("lost.%d@example.com", d.made.Add(1)), Active: true}, ""))
		}
		group := d.createGroup(t, fmt.Sprintf("Loses others #%d", d.made.Add(1)))
		for _, id := range people[:4] {
			d.patch(t, "/Groups/"+group, map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": string(id)}}})
		}
		lose := people[:2]
		target, err := scim.NewTarget(scim.Config{BaseURL: d.losing(t, group, func() []access.PersonID { return lose }), Token: token, RolesBy: scim.RolesByID})
		require.NoError(t, err)
		last := access.Assignment{Role: group, Subject: access.Person{ID: people[4]}}
		granted, err := target.Grant(t.Context(), last)
		require.NoError(t, err, "the grant itself is there")
		require.True(t, granted.Present)
		require.Equal(t, 2, granted.OthersLost)
		require.Contains(t, granted.Evidence, "2 other members who were listed before the change are not listed after it: ")
		require.Contains(t, granted.Evidence, string(people[0]))
		again, err := target.Grant(t.Context(), last)
		require.NoError(t, err)
		require.Zero(t, again.OthersLost, "nothing was changed")

		lose = people[2:3]
		gone, err := target.Revoke(t.Context(), last)
		require.NoError(t, err)
		require.False(t, gone.Present)
		require.Equal(t, 1, gone.OthersLost)
		lose = nil
		kept, err := target.Grant(t.Context(), last)
		require.NoError(t, err)
		require.Zero(t, kept.OthersLost)
		require.Len(t, d.members(t, group), 2)
	})
}

// checkEachWay checks the directory in each way to name accounts and groups: a server of the suite can be asked by all of them.
func checkEachWay(t *testing.T, d directory) {
	t.Run("check", func(t *testing.T) {
		for _, match := range []scim.Match{scim.MatchID, scim.MatchExternalID, scim.MatchUserName} {
			target, err := scim.NewTarget(scim.Config{BaseURL: d.base, Token: token, Match: match})
			require.NoError(t, err)
			findings, err := target.Check(t.Context())
			require.NoError(t, err, match)
			require.Empty(t, findings, match)
		}
	})
}

func TestLost_members(t *testing.T) {
	five := func() *scimtest.Server {
		c := crowded(5, scimtest.Quirks{})
		return scimtest.New(c)
	}
	replacing := func(keep ...string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
			server, _ := directory.(*scimtest.Server)
			if r.Method == http.MethodPatch {
				_, _ = server.PutGroup(scimtest.Group{ID: "g-edit", DisplayName: "Wiki editor", Members: keep})
				w.WriteHeader(http.StatusNoContent)
				return
			}
			directory.ServeHTTP(w, r)
		}
	}
	t.Run("a directory that takes an addition for a new list", func(t *testing.T) {
		d := &rewired{directory: five()}
		d.put(replacing("u-ada"))
		granted, err := serve(t, d, rolesByID).Grant(t.Context(), editor("u-ada"))
		require.NoError(t, err)
		require.Equal(t, 5, granted.OthersLost)
	})
	t.Run("a directory that takes a removal for all", func(t *testing.T) {
		server := five()
		d := &rewired{directory: server}
		target := serve(t, d, rolesByID)
		_, err := target.Grant(t.Context(), editor("u-ada"))
		require.NoError(t, err)
		d.put(replacing())
		gone, err := target.Revoke(t.Context(), editor("u-ada"))
		require.NoError(t, err)
		require.False(t, gone.Present)
		require.Equal(t, 5, gone.OthersLost)
	})
	t.Run("a long list that became short", func(t *testing.T) {
		d := &rewired{directory: scimtest.New(crowded(150, scimtest.Quirks{MemberFilter: scimtest.NoMemberFilter}))}
		d.put(replacing("u-ada", "other-7"))
		granted, err := serve(t, d, rolesByID).Grant(t.Context(), editor("u-ada"))
		require.NoError(t, err)
		require.Equal(t, 149, granted.OthersLost)
		require.Less(t, len(granted.Evidence), 1000)
	})
	t.Run("members whom usher took away itself meanwhile", func(t *testing.T) {
		d := &rewired{directory: scimtest.New(crowded(5, scimtest.Quirks{}))}
		target := serve(t, d, rolesByID)
		_, err := target.Grant(t.Context(), editor("u-bob"))
		require.NoError(t, err)
		d.put(func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
			if r.Method == http.MethodPatch {
				d.put(untouched)
				_, err := target.Revoke(t.Context(), editor("u-bob"))
				if err != nil {
					w.WriteHeader(http.StatusBadGateway)
					return
				}
			}
			directory.ServeHTTP(w, r)
		})
		granted, err := target.Grant(t.Context(), editor("u-ada"))
		require.NoError(t, err)
		require.Zero(t, granted.OthersLost)
	})
	t.Run("a copy that lags once", func(t *testing.T) {
		d := &rewired{directory: five()}
		reads := 0
		d.put(func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
			if what(r) == "list" {
				reads++
			}
			if reads == 2 && what(r) == "list" {
				_, _ = w.Write([]byte(`{"id":"g-edit","members":[{"value":"u-ada"}]}`))
				return
			}
			directory.ServeHTTP(w, r)
		})
		granted, err := serve(t, d, rolesByID).Grant(t.Context(), editor("u-ada"))
		require.NoError(t, err)
		require.Zero(t, granted.OthersLost)
		require.Equal(t, 3, reads)
	})
}

func TestCheck_filter_refused(t *testing.T) {
	refusing := func(path, attribute string, status int) http.Handler {
		directory := scimtest.New(wiki(scimtest.Quirks{}))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, path) && strings.Contains(r.URL.Query().Get("filter"), attribute) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"scimType":"invalidFilter","detail":"not by this"}`))
				return
			}
			directory.ServeHTTP(w, r)
		})
	}
	byExternalID := func(c *scim.Config) { c.Match = scim.MatchExternalID }
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotImplemented} {
		findings, err := serve(t, refusing("/Users", "externalId", status), byExternalID).Check(t.Context())
		require.NoError(t, err)
		require.Len(t, findings, 1)
		require.Equal(t, "match", findings[0].Key)
		require.Contains(t, findings[0].Problem, "externalId")
		require.Contains(t, findings[0].Problem, "not by this")
	}
	_, err := serve(t, refusing("/Users", "externalId", http.StatusInternalServerError), byExternalID).Check(t.Context())
	require.ErrorContains(t, err, "match: externalId")
	findings, err := serve(t, refusing("/Groups", "displayName", http.StatusBadRequest), byExternalID).Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"roles_by"}, keysOf(findings))
	findings, err = serve(t, refusing("/Users", "externalId", http.StatusBadRequest), nil).Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings, "a filter that is not configured is not asked")
}

func keysOf(findings []access.Finding) []string {
	var keys []string
	for _, f := range findings {
		keys = append(keys, f.Key)
	}
	return slices.Clip(keys)
}
