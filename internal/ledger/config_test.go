package ledger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

func TestConfigThatCanBeUsed(t *testing.T) {
	for name, url := range map[string]string{
		"an absolute path":               "sqlite:/var/lib/usher/ledger.db",
		"an absolute path after slashes": "sqlite:///var/lib/usher/ledger.db",
		"a relative path":                "sqlite:ledger.db",
		"a server":                       "postgres://usher:p%40ss@db.example:5432/usher?sslmode=verify-full",
		"the longer scheme":              "postgresql://usher@db.example/usher",
		"several servers":                "postgres://usher:pass@one.example:5432,two.example:5433/usher?target_session_attrs=read-write",
	} {
		t.Run(name, func(t *testing.T) { require.NoError(t, ledger.Config{URL: url}.Validate()) })
	}
}

func TestConfig_refused_shows_no_secret(t *testing.T) {
	const secret = "hunter"
	for name, c := range map[string]struct{ url, problem string }{
		"nothing":                           {"", "is empty"},
		"another database":                  {"mysql://u:hunter@h/db", "found something else"},
		"a bare path":                       {"/hunter/ledger.db", "found something else"},
		"no path":                           {"sqlite:", "no path"},
		"memory":                            {"sqlite::memory:", "no path"},
		"a folder":                          {"sqlite:/var/hunter/", "no path"},
		"a relative path after slashes":     {"sqlite://hunter/x.db", "relative path"},
		"a path with parameters":            {"sqlite:/x.db?key=hunter", "parameters"},
		"a server without slashes":          {"postgres:u:hunter@h/db", "without //"},
		"a raw @ in the password":           {"postgres://u:hunter@2@h/db", "%40"},
		"a raw / in the password":           {"postgres://u:hunter/2@h/db", "%2F"},
		"a raw ? in the password":           {"postgres://u:hunter?2@h/db", "%3F"},
		"a raw # in the password":           {"postgres://u:hunter#2@h/db", "%23"},
		"a raw % in the password":           {"postgres://u:hunter%zz@h/db", "cannot be used"},
		"no host behind the password":       {"postgres://u:hunter", "cannot be used"},
		"a port that is none":               {"postgres://u:hunter@h:port/db", "cannot be used"},
		"an unknown mode":                   {"postgres://u:hunter@h/db?sslmode=hunter", "cannot be used"},
		"a certificate that does not exist": {"postgres://u:hunter@h/db?sslmode=verify-full&sslrootcert=/hunter/ca.pem", "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			err := ledger.Config{URL: c.url}.Validate()
			require.ErrorContains(t, err, "ledger.url: ")
			require.ErrorContains(t, err, c.problem)
			require.NotContains(t, err.Error(), secret)

			_, err = ledger.Open(t.Context(), ledger.Config{URL: c.url})
			requireKind(t, access.Invalid, err)
			require.ErrorContains(t, err, "ledger.url: ")
			require.NotContains(t, err.Error(), secret)
		})
	}
}

func TestPostgreSQL_unavailable(t *testing.T) {
	// The password is also the user's name, which the driver shows.
	s := openAt(t, "postgres://hunter:hunter@127.0.0.1:1/usher?sslmode=disable")
	for name, err := range everyCall(t.Context(), s) {
		t.Run(name, func(t *testing.T) {
			requireKind(t, access.Transient, err)
			requireShownNowhere(t, "hunter", err)
		})
	}
}

// requireShownNowhere looks at the text of every error in the chain.
func requireShownNowhere(t *testing.T, secret string, err error) {
	t.Helper()
	switch wrapped := err.(type) { //nolint:errorlint // walks the whole tree
	case interface{ Unwrap() error }:
		if inner := wrapped.Unwrap(); inner != nil {
			requireShownNowhere(t, secret, inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range wrapped.Unwrap() {
			requireShownNowhere(t, secret, inner)
		}
	}
	require.NotContains(t, err.Error(), secret)
}

func TestSQLite_file_mode(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	path := filepath.Join(folder, "ledger #1 %41 ü&=.db")
	s := openAt(t, "sqlite:"+path)
	require.NoError(t, s.Migrate(t.Context()))
	record(t, s, access.Entry{View: pointer(view("r-1", 1))})

	info, err := os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file.Name())
		names = append(names, file.Name())
	}
	require.Contains(t, names, filepath.Base(path))
	require.Contains(t, names, filepath.Base(path)+"-wal")
}

func TestSQLite_cannot_be_opened(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "text.db"), []byte("this has never been a database, it is text"), 0o600))
	for name, c := range map[string]struct {
		path string
		kind access.Kind
	}{
		"a file that is no database":    {"text.db", access.Invalid},
		"a folder":                      {".", access.Transient},
		"a file in the place of folder": {"text.db/ledger.db", access.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ledger.Open(t.Context(), ledger.Config{URL: "sqlite:" + folder + "/" + c.path})
			requireKind(t, c.kind, err)
		})
	}
}

func TestSQLite_keeps_the_first_event(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openAt(t, "sqlite:"+path)
	require.NoError(t, s.Migrate(t.Context()))
	record(t, s, access.Entry{Events: []access.Event{event("r-1", 1)}})
	raw := rawDatabase(t, "sqlite", path)
	for _, key := range []string{`1, 'another'`, `7, 'request/r-1#1'`} {
		_, err := raw.ExecContext(t.Context(), `INSERT OR REPLACE INTO events
			(position, id, request_id, lease_id, type, at_us, actor_id, channel, body) VALUES (`+key+`, 'r-1', '', 'x', 0, '', '', '{}')`)
		require.NoError(t, err)
	}
	events, err := s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, []access.Event{event("r-1", 1)}, events)
}
