package scim_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
	"usher/internal/rest"
)

// wiki is a directory of two groups and two accounts.
func wiki(quirks scimtest.Quirks) scimtest.Config {
	return scimtest.Config{
		Token: token, Quirks: quirks,
		Users: []scimtest.User{
			{ID: "u-ada", UserName: "Ada@Example.com", ExternalID: "E1"},
			{ID: "u-bob", UserName: "bob@example.com", ExternalID: "E2"},
		},
		Groups: []scimtest.Group{{ID: "g-edit", DisplayName: "Wiki editor"}, {ID: "g-read", DisplayName: "Wiki reader"}},
	}
}

func ada() access.Assignment {
	return access.Assignment{Role: "Wiki editor", Subject: access.Person{ID: "u-ada", UserName: "Ada@Example.com"}}
}

// serve serves a handler and gives a target over it; change may edit the configuration.
func serve(t *testing.T, h http.Handler, change func(*scim.Config)) *scim.Target {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := scim.Config{BaseURL: server.URL + scimtest.BasePath, Token: token}
	if change != nil {
		change(&c)
	}
	target, err := scim.NewTarget(c)
	require.NoError(t, err)
	return target
}

func TestVerify_hidden_attributes(t *testing.T) {
	for _, row := range []struct {
		name   string
		quirks scimtest.Quirks
		method string
	}{
		{"members are listed", scimtest.Quirks{}, "scim group member list"},
		{"members are listed and a filter cannot ask for them", scimtest.Quirks{MemberFilter: scimtest.NoMemberFilter}, "scim group member list"},
		{"a PATCH is answered without a body", scimtest.Quirks{SilentPatch: true}, "scim group member list"},
		{"names are compared with regard to case", scimtest.Quirks{ExactNames: true}, "scim group member list"},
		{"members are hidden", scimtest.Quirks{HideMembers: true}, "scim group member filter"},
		{"members are hidden and the filter says member", scimtest.Quirks{HideMembers: true, MemberFilter: "member"}, "scim group member filter"},
	} {
		t.Run(row.name, func(t *testing.T) {
			directory := scimtest.New(wiki(row.quirks))
			target := serve(t, directory, nil)
			granted, err := target.Grant(t.Context(), ada())
			require.NoError(t, err)
			require.True(t, granted.Present)
			require.Equal(t, row.method, granted.Method)
			require.Contains(t, granted.Evidence, "g-edit")
			again, err := target.Grant(t.Context(), ada())
			require.NoError(t, err)
			require.True(t, again.Unchanged)
			require.Equal(t, []string{"u-ada"}, directory.Members("g-edit"))
			require.Equal(t, 1, directory.Count(http.MethodPatch))
			revoked, err := target.Revoke(t.Context(), ada())
			require.NoError(t, err)
			require.False(t, revoked.Present)
			require.False(t, revoked.Unchanged)
			require.Empty(t, directory.Members("g-edit"))
		})
	}
}

func TestLongGroup_member_behind_the_cut(t *testing.T) {
	config := wiki(scimtest.Quirks{CutMembers: 100})
	for i := range 100 {
		config.Groups[0].Members = append(config.Groups[0].Members, fmt.Sprintf("other-%d", i))
	}
	config.Groups[0].Members = append(config.Groups[0].Members, "u-ada")
	directory := scimtest.New(config)
	target := serve(t, directory, nil)

	verification, err := target.Verify(t.Context(), ada())
	require.NoError(t, err)
	require.True(t, verification.Present)
	verification, err = target.Revoke(t.Context(), ada())
	require.NoError(t, err)
	require.False(t, verification.Unchanged)
	require.Len(t, directory.Members("g-edit"), 100)

	listed := access.Assignment{Role: "Wiki editor", Subject: access.Person{ID: "u-bob"}}
	config.Groups[0].Members[0] = "u-bob"
	verification, err = serve(t, scimtest.New(config), nil).Verify(t.Context(), listed)
	require.NoError(t, err)
	require.Equal(t, "scim group member list", verification.Method, "who is listed needs no filter")
}

func TestLongGroup_is_filtered(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"the directory refuses": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) },
		"the answer is too long": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte(" "), rest.DefaultMaxBody+1))
		},
	} {
		// The group can be found, but not read.
		unreadable := func(directory http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/scim/v2/Groups/") {
					answer(w, r)
					return
				}
				directory.ServeHTTP(w, r)
			})
		}
		t.Run(name, func(t *testing.T) {
			directory := scimtest.New(wiki(scimtest.Quirks{}))
			verification, err := serve(t, unreadable(directory), nil).Grant(t.Context(), ada())
			require.NoError(t, err)
			require.True(t, verification.Present)
			require.Equal(t, "scim group member filter", verification.Method)

			unfiltered := scimtest.New(wiki(scimtest.Quirks{MemberFilter: scimtest.NoMemberFilter}))
			_, err = serve(t, unreadable(unfiltered), nil).Revoke(t.Context(), ada())
			require.Equal(t, access.Invalid, access.KindOf(err), "what cannot be read is not taken for gone: %v", err)
		})
	}
}

func TestFilter_ignored(t *testing.T) {
	directory := scimtest.New(wiki(scimtest.Quirks{IgnoreFilters: true}))
	target := serve(t, directory, func(c *scim.Config) { c.RolesBy = scim.RolesByID })
	a := ada()
	a.Role = "g-edit"
	verification, err := target.Verify(t.Context(), a)
	require.NoError(t, err)
	require.False(t, verification.Present)
	require.Equal(t, "scim group member list", verification.Method)
}

func TestPatch_not_read_back(t *testing.T) {
	t.Run("because members are hidden and no filter can ask", func(t *testing.T) {
		directory := scimtest.New(wiki(scimtest.Quirks{HideMembers: true, MemberFilter: scimtest.NoMemberFilter}))
		_, err := serve(t, directory, nil).Grant(t.Context(), ada())
		require.Equal(t, access.Transient, access.KindOf(err), "%v", err)
		require.Equal(t, []string{"u-ada"}, directory.Members("g-edit"))
	})
	t.Run("because reads lag behind, until they do not", func(t *testing.T) {
		directory := scimtest.New(wiki(scimtest.Quirks{MemberFilter: scimtest.NoMemberFilter}))
		directory.SetFaults(scimtest.Faults{StaleReads: 1})
		target := serve(t, directory, nil)
		for _, call := range []func() (access.Verification, error){
			func() (access.Verification, error) { return target.Grant(t.Context(), ada()) },
			func() (access.Verification, error) { return target.Revoke(t.Context(), ada()) },
		} {
			_, err := call()
			require.Equal(t, access.Transient, access.KindOf(err), "%v", err)
			verification, err := call()
			require.NoError(t, err)
			require.True(t, verification.Unchanged)
		}
		require.Equal(t, []scimtest.ChangeKind{scimtest.Added, scimtest.Removed}, kinds(directory.Changes()))
	})
}

func kinds(changes []scimtest.Change) []scimtest.ChangeKind {
	var all []scimtest.ChangeKind
	for _, c := range changes {
		all = append(all, c.Kind)
	}
	return all
}

func TestFindAccount_as_configured(t *testing.T) {
	for _, row := range []struct {
		name    string
		match   scim.Match
		quirks  scimtest.Quirks
		subject access.Person
		account string
		kind    access.Kind
	}{
		{"by id", scim.MatchID, scimtest.Quirks{}, access.Person{ID: "u-ada"}, "u-ada", ""},
		{"by an id in another case: nobody", scim.MatchID, scimtest.Quirks{}, access.Person{ID: "U-ADA"}, "", access.NotFound},
		{"by external id", scim.MatchExternalID, scimtest.Quirks{}, access.Person{ID: "E1"}, "u-ada", ""},
		{"by an external id in another case: nobody", scim.MatchExternalID, scimtest.Quirks{}, access.Person{ID: "e1"}, "", access.NotFound},
		{"by an external id that nobody has", scim.MatchExternalID, scimtest.Quirks{}, access.Person{ID: "E9"}, "", access.NotFound},
		{"by an empty external id: nobody", scim.MatchExternalID, scimtest.Quirks{}, access.Person{}, "", access.NotFound},
		{"by user name, whatever the case", scim.MatchUserName, scimtest.Quirks{}, access.Person{UserName: "ADA@example.com"}, "u-ada", ""},
		{"by the exact user name where case matters", scim.MatchUserName, scimtest.Quirks{ExactNames: true}, access.Person{UserName: "Ada@Example.com"}, "u-ada", ""},
		{"by the lower-case user name where case matters", scim.MatchUserName, scimtest.Quirks{ExactNames: true}, access.Person{UserName: "Bob@Example.com"}, "u-bob", ""},
		{"by no user name", scim.MatchUserName, scimtest.Quirks{}, access.Person{ID: "u-ada"}, "", access.Invalid},
		{"in a directory that ignores filters", scim.MatchExternalID, scimtest.Quirks{IgnoreFilters: true}, access.Person{ID: "E2"}, "u-bob", ""},
		{"by a name that needs escaping", scim.MatchUserName, scimtest.Quirks{}, access.Person{UserName: `a"\ or "" eq "`}, "", access.NotFound},
	} {
		t.Run(row.name, func(t *testing.T) {
			target := serve(t, scimtest.New(wiki(row.quirks)), func(c *scim.Config) {
				c.Match, c.RolesBy = row.match, scim.RolesByID
			})
			verification, err := target.Grant(t.Context(), access.Assignment{Role: "g-edit", Subject: row.subject})
			require.Equal(t, row.kind, access.KindOf(err), "%v", err)
			require.Equal(t, row.account, verification.Account)
		})
	}
}

func TestLookup_not_unique(t *testing.T) {
	config := wiki(scimtest.Quirks{})
	config.Groups = append(config.Groups, scimtest.Group{ID: "g-3", DisplayName: "Wiki editor"})
	_, err := serve(t, scimtest.New(config), nil).Grant(t.Context(), ada())
	require.Equal(t, access.Conflict, access.KindOf(err))
	require.ErrorContains(t, err, "roles_by")

	config = wiki(scimtest.Quirks{})
	config.Users = append(config.Users, scimtest.User{ID: "u-3", UserName: "x", ExternalID: "E1"})
	target := serve(t, scimtest.New(config), func(c *scim.Config) { c.Match = scim.MatchExternalID })
	_, err = target.Revoke(t.Context(), access.Assignment{Role: "Wiki editor", Subject: access.Person{ID: "E1"}})
	require.Equal(t, access.Conflict, access.KindOf(err))
	require.ErrorContains(t, err, "externalId")
}

func TestGroup_exact_name(t *testing.T) {
	config := wiki(scimtest.Quirks{})
	config.Groups = append(config.Groups, scimtest.Group{ID: "g-other", DisplayName: "WIKI EDITOR"})
	directory := scimtest.New(config)
	target := serve(t, directory, nil)
	_, err := target.Grant(t.Context(), ada())
	require.NoError(t, err)
	require.Equal(t, []string{"u-ada"}, directory.Members("g-edit"))
	require.Empty(t, directory.Members("g-other"))
	a := ada()
	a.Role = "wiki READER"
	_, err = target.Grant(t.Context(), a)
	require.NoError(t, err, "a name in another case is found where it is the only one")
	require.Equal(t, []string{"u-ada"}, directory.Members("g-read"))
}

func TestSearch_pages(t *testing.T) {
	crowd := func(quirks scimtest.Quirks) scimtest.Config {
		config := wiki(quirks)
		config.PageSize = 3
		for i := range 10 {
			config.Groups = slices.Insert(config.Groups, 0, scimtest.Group{ID: fmt.Sprintf("g-%d", i), DisplayName: "Other"})
		}
		return config
	}
	t.Run("a group on the last page is found", func(t *testing.T) {
		directory := scimtest.New(crowd(scimtest.Quirks{IgnoreFilters: true, MemberFilter: scimtest.NoMemberFilter}))
		_, err := serve(t, directory, nil).Grant(t.Context(), ada())
		require.NoError(t, err)
		require.Equal(t, []string{"u-ada"}, directory.Members("g-edit"))
		starts := []string{}
		for _, call := range directory.Requests() {
			if call.Path == scimtest.BasePath+"/Groups" && !strings.Contains(call.Query.Get("filter"), "member") {
				starts = append(starts, call.Query.Get("startIndex"))
			}
		}
		require.Equal(t, []string{"", "4", "7", "10"}, starts)
	})
	t.Run("a first page that repeats is an error, not an absence", func(t *testing.T) {
		directory := scimtest.New(crowd(scimtest.Quirks{IgnoreFilters: true, IgnoreStartIndex: true}))
		_, err := serve(t, directory, nil).Revoke(t.Context(), ada())
		require.Equal(t, access.Invalid, access.KindOf(err))
		require.ErrorContains(t, err, "startIndex")
	})
	t.Run("a listing without end is given up", func(t *testing.T) {
		var pages atomic.Int64
		endless := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"totalResults":1,"Resources":[{"id":"g%d","displayName":"Other"}]}`, pages.Add(1))
		})
		_, err := serve(t, endless, nil).Revoke(t.Context(), ada())
		require.Equal(t, access.Invalid, access.KindOf(err))
		require.LessOrEqual(t, pages.Load(), int64(100))
	})
}

func TestCheckNamesWhatToMend(t *testing.T) {
	t.Run("PATCH is not supported", func(t *testing.T) {
		findings, err := serve(t, scimtest.New(wiki(scimtest.Quirks{NoPatch: true})), nil).Check(t.Context())
		require.NoError(t, err)
		require.Len(t, findings, 1)
		require.Equal(t, "base_url", findings[0].Key)
		require.Contains(t, findings[0].Problem, "PATCH")
	})
	t.Run("the base URL leads elsewhere", func(t *testing.T) {
		for name, h := range map[string]http.Handler{
			"nothing": http.NotFoundHandler(),
			"a page":  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }),
			"no SCIM": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }),
		} {
			findings, err := serve(t, h, nil).Check(t.Context())
			require.NoError(t, err, name)
			require.Len(t, findings, 1, name)
			require.Equal(t, "base_url", findings[0].Key, name)
		}
	})
	t.Run("filters are needed and not supported", func(t *testing.T) {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"patch":{"supported":true},"filter":{"supported":false},"totalResults":0}`))
		})
		findings, err := serve(t, h, func(c *scim.Config) { c.Match = scim.MatchUserName }).Check(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"match", "roles_by"}, []string{findings[0].Key, findings[1].Key})
	})
	t.Run("the token is refused", func(t *testing.T) {
		_, err := serve(t, scimtest.New(wiki(scimtest.Quirks{})), func(c *scim.Config) { c.Token = "wrong" }).Check(t.Context())
		require.Equal(t, access.Forbidden, access.KindOf(err))
	})
}
