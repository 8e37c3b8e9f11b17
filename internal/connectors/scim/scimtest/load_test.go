package scimtest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/scim/scimtest"
)

// spare is a user of a crowd who is a member of nothing.
const spare = "spare"

// crowd is a directory of n users and the spare one, kept in a file. The n are the members of the group "crowd".
func crowd(tb testing.TB, n int) (directory *scimtest.Server, file string) {
	tb.Helper()
	c := scimtest.Config{Token: token}
	everybody := scimtest.Group{ID: "crowd", DisplayName: "Crowd"}
	for i := range n {
		id := fmt.Sprintf("u%d", i)
		c.Users = append(c.Users, scimtest.User{ID: id, UserName: id + "@example.com", ExternalID: "E" + id})
		everybody.Members = append(everybody.Members, id)
	}
	c.Users = append(c.Users, scimtest.User{ID: spare, UserName: "spare@example.com"})
	c.Groups = []scimtest.Group{everybody}
	directory, file = scimtest.New(c), filepath.Join(tb.TempDir(), "directory.json")
	require.NoError(tb, directory.KeepIn(file))
	return directory, file
}

func filtered(resources, filter string) string {
	return "/scim/v2/" + resources + "?" + url.Values{"filter": {filter}, "excludedAttributes": {"members"}}.Encode()
}

func TestJournal_cost_of_a_change(t *testing.T) {
	for _, n := range []int{10, 5000} {
		s, file := crowd(t, n)
		size := func() int64 {
			now, err := os.Stat(file)
			require.NoError(t, err)
			return now.Size()
		}
		for _, row := range []struct {
			method, path, body string
		}{
			{http.MethodPatch, "/Groups/crowd", patch(`{"op":"add","path":"members","value":[{"value":"spare"}]}`)},
			{http.MethodPatch, "/Groups/crowd", patch(`{"op":"remove","path":"members[value eq \"u7\"]"}`)},
			{http.MethodPatch, "/Groups/crowd", patch(`{"op":"replace","path":"displayName","value":"Throng"}`)},
			{http.MethodPatch, "/Users/u3", patch(`{"op":"replace","path":"active","value":false}`)},
			{http.MethodPost, "/Users", `{"userName":"new"}`},
			{http.MethodDelete, "/Users/u4", ""},
			{http.MethodDelete, "/Groups/crowd", ""},
		} {
			before := size()
			require.Less(t, ask(t, s, row.method, "/scim/v2"+row.path, row.body).Code, 300)
			appended := size() - before
			require.Positive(t, appended, row)
			require.Less(t, appended, int64(200), row)
		}
		before := size()
		require.Equal(t, http.StatusNotFound, ask(t, s, http.MethodDelete, "/scim/v2/Groups/crowd", "").Code)
		require.Equal(t, before, size(), "what changes nothing appends nothing")
	}
}

// BenchmarkAccess is what one grant and its end cost the directory, by its size: with N users, N of them members of the
// group. The sizes should not differ where the answers do not: "whole answers" hold all members.
func BenchmarkAccess(b *testing.B) {
	for name, group := range map[string]string{
		"short answers": "/scim/v2/Groups/crowd?excludedAttributes=members",
		"whole answers": "/scim/v2/Groups/crowd",
	} {
		for _, n := range []int{100, 10_000} {
			b.Run(fmt.Sprintf("%s/N=%d", name, n), func(b *testing.B) {
				s, _ := crowd(b, n)
				call := func(method, path, body string) {
					if status := ask(b, s, method, path, body).Code; status != http.StatusOK {
						b.Fatal(method, path, status)
					}
				}
				for b.Loop() {
					call(http.MethodGet, filtered("Users", `userName eq "spare@example.com"`), "")
					call(http.MethodPatch, group, patch(`{"op":"add","path":"members","value":[{"value":"spare"}]}`))
					call(http.MethodGet, filtered("Groups", `id eq "crowd" and members.value eq "spare"`), "")
					call(http.MethodPatch, group, patch(`{"op":"remove","path":"members[value eq \"spare\"]"}`))
				}
			})
		}
	}
}
