package ledgertest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"usher/internal/ledger"
)

// migrated is an empty ledger with all its tables, as a file: to make one anew for each test takes longer than most tests.
var migrated struct {
	once sync.Once
	file []byte
	err  error
}

// SQLite returns a new, migrated ledger in a file of its own, which is closed when the test ends.
func SQLite(t testing.TB) *ledger.Store {
	t.Helper()
	migrated.once.Do(func() { migrated.file, migrated.err = migrate(t) })
	if migrated.err != nil {
		t.Fatal(migrated.err)
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, migrated.file, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := ledger.Open(t.Context(), ledger.Config{URL: "sqlite:" + path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// migrate returns the file of a ledger that was migrated and closed, so that nothing of it is elsewhere.
func migrate(t testing.TB) ([]byte, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	store, err := ledger.Open(t.Context(), ledger.Config{URL: "sqlite:" + path})
	if err != nil {
		return nil, err
	}
	err = store.Migrate(t.Context())
	if closed := store.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
