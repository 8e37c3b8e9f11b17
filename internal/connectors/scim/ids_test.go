package scim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/scim/scimtest"
)

// byIDs is what a verification knows of ada.
func byIDs() access.Assignment {
	a := ada()
	a.RoleID, a.Account = "g-edit", "u-ada"
	return a
}

// TestCalls_of_verify_and_grant counts what a request costs where a verify looks up the ids and the grant has them.
func TestCalls_of_verify_and_grant(t *testing.T) {
	const most = 8
	names := []string{"GET /scim/v2/Groups", "account"}
	for _, row := range []struct {
		name    string
		members int
		quirks  scimtest.Quirks
		// first and then are the calls for one person and for the next one, behind the names.
		first, then []string
	}{
		{
			name: "a group without members", first: []string{"list", byValue, "list", byValue, "change", "list"},
			then: []string{"list", "list", "change", "list"},
		},
		{
			name: "a group of a few", members: 5, first: []string{"list", "list", "change", "list"},
			then: []string{"list", "list", "change", "list"},
		},
		{
			// The first grant learns by what such a group can be asked.
			name: "a group that hides its members", members: 5, quirks: scimtest.Quirks{HideMembers: true},
			first: []string{"list", byValue, "list", byValue, "change", "list", byValue, valueOfNobody},
			then:  []string{"list", byValue, byValue, "change", byValue},
		},
		{
			name: "a long group", members: 500, first: []string{"list", byValue, "list", byValue, "change", byValue, valueOfNobody},
			then: []string{"list", byValue, byValue, "change", byValue},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := &meter{directory: scimtest.New(crowded(row.members, row.quirks))}
			target := serve(t, m, func(c *scim.Config) { c.Match = scim.MatchUserName })
			var counts []int
			for _, person := range []struct {
				userName string
				calls    []string
			}{{"Ada@Example.com", row.first}, {"bob@example.com", row.then}} {
				read, err := target.Verify(t.Context(), access.Assignment{Role: "Wiki editor", Subject: access.Person{UserName: person.userName}})
				require.NoError(t, err)
				verification, err := target.Grant(t.Context(), access.Assignment{RoleID: read.RoleID, Account: read.Account})
				require.NoError(t, err)
				require.True(t, verification.Present)
				require.False(t, verification.Unchanged)
				calls := m.taken()
				require.Equal(t, append(slices.Clone(names), person.calls...), calls)
				counts = append(counts, len(calls))
			}
			t.Logf("verify by names, then grant by ids: %d calls for the first person, %d for the next", counts[0], counts[1])
			require.LessOrEqual(t, counts[1], most)
		})
	}
}

// TestKnownIDsAskForNoName: neither a search nor a user is asked for, save that what is held is held by a user who exists.
func TestKnownIDsAskForNoName(t *testing.T) {
	m := &meter{directory: scimtest.New(crowded(5, scimtest.Quirks{}))}
	target := serve(t, m, func(c *scim.Config) { c.Match = scim.MatchUserName })
	asked := access.Assignment{RoleID: "g-edit", Account: "u-ada"}
	for _, step := range []struct {
		call  func() (access.Verification, error)
		calls []string
		holds bool
	}{
		{func() (access.Verification, error) { return target.Verify(t.Context(), asked) }, []string{"list"}, false},
		{func() (access.Verification, error) { return target.Revoke(t.Context(), asked) }, []string{"list"}, false},
		{func() (access.Verification, error) { return target.Grant(t.Context(), asked) }, []string{"list", "change", "list"}, true},
		{func() (access.Verification, error) { return target.Verify(t.Context(), asked) }, []string{"list", "account"}, true},
		{func() (access.Verification, error) { return target.Revoke(t.Context(), asked) }, []string{"list", "change", "list"}, false},
	} {
		verification, err := step.call()
		require.NoError(t, err)
		require.Equal(t, step.holds, verification.Present)
		require.Equal(t, step.calls, m.taken())
		require.Equal(t, "g-edit", verification.RoleID)
		require.Equal(t, "u-ada", verification.Account)
	}
}

// TestVerify_user_gone: some directories list a member whom they have deleted.
func TestVerify_user_gone(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		// gone is true when the directory takes the membership away all the same.
		gone bool
	}{
		{"and is taken out of the group", 0, true},
		{"and the directory refuses to take the user out", http.StatusBadRequest, false},
		{"and the directory finds no such member to take out", http.StatusNotFound, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			config := crowded(5, scimtest.Quirks{})
			config.Groups[0].Members = append(config.Groups[0].Members, "u-ada")
			directory := scimtest.New(config)
			wires := &rewired{directory: directory}
			wires.put(func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/Users/u-ada"):
					w.WriteHeader(http.StatusNotFound)
				case r.Method == http.MethodPatch && row.status != 0:
					w.WriteHeader(row.status)
				default:
					directory.ServeHTTP(w, r)
				}
			})
			target := serve(t, wires, nil)
			verification, err := target.Verify(t.Context(), byIDs())
			require.NoError(t, err)
			require.False(t, verification.Present)
			require.Contains(t, verification.Evidence, `no user has the id "u-ada"`)
			verification, err = target.Revoke(t.Context(), byIDs())
			require.NoError(t, err)
			require.False(t, verification.Present)
			require.Equal(t, !row.gone, verification.Unchanged)
			require.Equal(t, row.gone, len(directory.Members("g-edit")) == 5)
		})
	}
}

// TestRevoke_refused: the user is there, and so is the membership.
func TestRevoke_refused(t *testing.T) {
	config := crowded(5, scimtest.Quirks{})
	config.Groups[0].Members = append(config.Groups[0].Members, "u-ada")
	wires := &rewired{directory: scimtest.New(config)}
	target := serve(t, wires, nil)
	for status, kind := range map[int]access.Kind{
		http.StatusBadRequest: access.Invalid, http.StatusNotFound: access.Transient, http.StatusForbidden: access.Forbidden,
	} {
		wires.put(func(w http.ResponseWriter, r *http.Request, directory http.Handler) {
			if r.Method == http.MethodPatch {
				w.WriteHeader(status)
				return
			}
			directory.ServeHTTP(w, r)
		})
		verification, err := target.Revoke(t.Context(), byIDs())
		require.Equal(t, kind, access.KindOf(err), "%v", err)
		require.Zero(t, verification)
	}
}
