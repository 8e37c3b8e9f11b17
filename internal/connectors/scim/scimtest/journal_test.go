package scimtest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/scim/scimtest"
)

// ticking are the seeds with a clock that moves on with every change.
func ticking() scimtest.Config {
	c := seeds()
	at := c.Now()
	c.Now = func() time.Time {
		at = at.Add(time.Second)
		return at
	}
	return c
}

// keptIn is a directory with the seeds that is kept in the file.
func keptIn(t *testing.T, file string) *scimtest.Server {
	t.Helper()
	s := scimtest.New(ticking())
	require.NoError(t, s.KeepIn(file))
	return s
}

// requireSame wants everything that a restart keeps to be the same.
func requireSame(t *testing.T, want, got *scimtest.Server) {
	t.Helper()
	require.Equal(t, want.Users(), got.Users())
	require.Equal(t, want.Groups(), got.Groups())
	require.Equal(t, want.Changes(), got.Changes())
}

// live makes one change of every kind.
func live(t *testing.T, s *scimtest.Server) {
	t.Helper()
	for _, call := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/Users", `{"userName":"new","externalId":"E3","emails":[{"value":"new@example.com"}]}`, 201},
		{"POST", "/Users", `{"userName":"newer"}`, 201},
		{"PATCH", "/Users/user-1", patch(`{"op":"replace","path":"active","value":false}`), 200},
		{"DELETE", "/Users/user-2", "", 204},
		{"POST", "/Groups", `{"displayName":"Made","members":[{"value":"user-1"},{"value":"u1"}]}`, 201},
		{"PATCH", "/Groups/g1", patch(`{"op":"add","path":"members","value":[{"value":"user-1"},{"value":"u1"}]}`), 200},
		{"PATCH", "/Groups/g1", patch(`{"op":"replace","path":"displayName","value":"Wiki author"}`), 200},
		{"PATCH", "/Groups/g1", patch(`{"op":"remove","path":"members[value eq \"u2\"]"},
			{"op":"add","path":"members","value":[{"value":"u2"}]}`), 204},
		{"PATCH", "/Groups/g1", patch(`{"op":"remove","path":"members[value eq \"u1\"]"}`), 200},
		{"PATCH", "/Groups/g2", patch(`{"op":"add","path":"members","value":[{"value":"u1"}]}`), 200},
		{"DELETE", "/Groups/g2", "", 204},
	} {
		require.Equal(t, call.status, ask(t, s, call.method, "/scim/v2"+call.path, call.body).Code, call)
	}
	_, err := s.Put(scimtest.User{ID: "u1", UserName: "ada@example.org"})
	require.NoError(t, err)
	_, err = s.PutGroup(scimtest.Group{ID: "g4", DisplayName: "Put", Members: []string{"u2", "u1", "u2"}})
	require.NoError(t, err)
	require.NoError(t, s.Deactivate("u2"))
	require.NoError(t, s.Remove("nobody"))
	require.NoError(t, s.RemoveGroup("group-3"))
}

func TestJournal_every_kind_of_change(t *testing.T) {
	file := filepath.Join(t.TempDir(), "directory.json")
	first := keptIn(t, file)
	live(t, first)
	require.Equal(t, []string{"user-1", "u2"}, first.Members("g1"), "who is removed and added at once has moved")
	require.Equal(t, []string{"u2", "u1"}, first.Members("g4"), "nobody is a member twice")

	// The seeds of the first start are those of the second, but for g2: it was deleted, and a file cannot tell that from
	// a seed that is new.
	again := ticking()
	again.Groups = again.Groups[:1]
	second := scimtest.New(again)
	require.NoError(t, second.KeepIn(file))
	requireSame(t, first, second)
	made := ask(t, second, "POST", "/scim/v2/Users", `{"userName":"newest"}`)
	require.Contains(t, made.Body.String(), `"id":"user-4"`, "a made up id is not used again")

	third := scimtest.New(again)
	require.NoError(t, third.KeepIn(file))
	requireSame(t, second, third)
}

func TestJournal_cut_line(t *testing.T) {
	file := filepath.Join(t.TempDir(), "directory.json")
	first := keptIn(t, file)
	add(t, first, "g2", "u1")
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	add(t, first, "g2", "u2")
	longer, err := os.ReadFile(file)
	require.NoError(t, err)
	// The last line may be whole but for its end: then the change is there, told or not.
	for length := len(whole); length < len(longer)-1; length++ {
		require.NoError(t, os.WriteFile(file, longer[:length], 0o600))
		second := keptIn(t, file)
		require.Equal(t, []string{"u1"}, second.Members("g2"), length)
		add(t, second, "g2", "u2")
		require.Equal(t, []string{"u1", "u2"}, keptIn(t, file).Members("g2"), "the half line is not in the way")
	}
}

func add(t *testing.T, s *scimtest.Server, group, user string) {
	t.Helper()
	body := patch(`{"op":"add","path":"members","value":[{"value":"` + user + `"}]}`)
	require.Equal(t, http.StatusOK, ask(t, s, http.MethodPatch, "/scim/v2/Groups/"+group, body).Code)
}

func TestJournal_compaction(t *testing.T) {
	file := filepath.Join(t.TempDir(), "directory.json")
	s := keptIn(t, file)
	live(t, s)
	longest, shorter := int64(0), 0
	for before, n := int64(0), 0; n < 2000; n++ {
		require.NoError(t, s.Deactivate("u1"))
		now, err := os.Stat(file)
		require.NoError(t, err)
		if now.Size() < before {
			shorter++
		}
		before, longest = now.Size(), max(longest, now.Size())
	}
	require.GreaterOrEqual(t, shorter, 2)
	require.Less(t, longest, int64(100<<10))
	again := ticking()
	again.Groups = again.Groups[:1]
	second := scimtest.New(again)
	require.NoError(t, second.KeepIn(file))
	requireSame(t, s, second)
}

func TestState_failed_write(t *testing.T) {
	file := filepath.Join(t.TempDir(), "directory.json")
	s := keptIn(t, file)
	// Without its folder the file takes lines until it has become too long.
	require.NoError(t, os.RemoveAll(filepath.Dir(file)))
	var err error
	for n := 0; err == nil && n < 5000; n++ {
		err = s.Deactivate("u1")
	}
	require.ErrorContains(t, err, "write the directory's state")
	r := ask(t, s, "POST", "/scim/v2/Users", `{"userName":"new"}`)
	require.Equal(t, http.StatusInternalServerError, r.Code)
	require.Contains(t, r.Body.String(), "write the directory's state")
	require.NoError(t, os.Mkdir(filepath.Dir(file), 0o700))
	add(t, s, "g2", "u1")
	requireSame(t, s, keptIn(t, file))
}

// formerly is the state as it was before it was a journal: the same object, with line breaks.
const formerly = `{
  "users": [
    {
      "id": "u1",
      "user_name": "former@example.com"
    }
  ],
  "groups": [
    {
      "id": "g2",
      "display_name": "Former",
      "members": [
        {
          "id": "u1",
          "since": "2025-03-01T09:00:00Z"
        }
      ]
    }
  ],
  "changes": [
    {
      "kind": "added",
      "group": "g2",
      "user": "u1",
      "at": "2025-03-01T09:00:00Z"
    }
  ],
  "made": 7
}`

func TestState_line_breaks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "directory.json")
	require.NoError(t, os.WriteFile(file, []byte(formerly), 0o600))
	s := keptIn(t, file)
	at := time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC)
	require.Equal(t, []scimtest.Change{{Kind: scimtest.Added, Group: "g2", User: "u1", At: at}}, s.Changes())
	require.Equal(t, at, s.Groups()[0].Members[0].Since)
	require.Equal(t, "former@example.com", s.Users()[0].UserName)
	require.Contains(t, ask(t, s, "POST", "/scim/v2/Users", `{"userName":"new"}`).Body.String(), `"id":"user-8"`)
	add(t, s, "g2", "u2")
	requireSame(t, s, keptIn(t, file))
}

func TestJournal_bad_file(t *testing.T) {
	for name, row := range map[string]struct{ text, refusal string }{
		"empty":                {"", "it begins with no state of a directory"},
		"text":                 {"hello\n", "it begins with no state of a directory"},
		"half a state":         {`{"users":[{"id":"u1"}`, "it begins with no state of a directory"},
		"changes of no state":  {`{"at":"2026-03-01T09:00:00Z","drop_user":"u1"}` + "\n", "it begins with no state of a directory"},
		"text among changes":   {"{}\n" + `{"drop_user":"u1"}` + "\nhello\n", "change 2 after the state"},
		"an unknown change":    {"{}\n" + `{"paint_user":"u1"}` + "\n", "change 1 after the state"},
		"an edit of no group":  {"{}\n" + `{"edit":{"group":"g9"}}` + "\n", `change 1 after the state: no group "g9"`},
		"a line cut, then one": {"{}\n" + `{"drop_user":"u` + "\n" + `{"drop_user":"u2"}` + "\n", "change 1 after the state"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "directory.json")
			require.NoError(t, os.WriteFile(file, []byte(row.text), 0o600))
			err := scimtest.New(seeds()).KeepIn(file)
			require.ErrorContains(t, err, row.refusal)
			require.ErrorContains(t, err, file)
			left, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, row.text, string(left), "it stays as it is")
		})
	}
}
