package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"usher/internal/access"
)

func testMigrateTwice(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	record(t, s, access.Entry{View: pointer(view("r-1", 1))})
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, openAt(t, url).Migrate(t.Context()))
	_, err := s.View(t.Context(), "r-1")
	require.NoError(t, err)
}

func testMigrateAtOnce(t *testing.T, d databases) {
	url := d.newURL(t)
	var waits []func() (string, error)
	for range 3 {
		waits = append(waits, startMigration(t, url))
	}
	var group errgroup.Group
	one, other := openAt(t, url), openAt(t, url)
	for range 12 { // more than a Store has connections
		group.Go(func() error { return one.Migrate(t.Context()) })
		group.Go(func() error { return other.Migrate(t.Context()) })
	}
	require.NoError(t, group.Wait())
	for _, wait := range waits {
		output, err := wait()
		require.NoError(t, err, output)
	}
	require.NoError(t, one.Ping(t.Context()))
	var applied, distinct int
	require.NoError(t, d.raw(t, url).QueryRowContext(t.Context(),
		`SELECT count(*), count(DISTINCT version_id) FROM ledger_schema`).Scan(&applied, &distinct))
	require.Equal(t, distinct, applied, "each migration ran once")
}

func testPingSchema(t *testing.T, d databases) {
	url := d.newURL(t)
	s := openAt(t, url)
	err := s.Ping(t.Context())
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, "outdated: its version is 0")
	requireKind(t, access.Transient, s.Record(t.Context(), access.Entry{View: pointer(view("r-1", 1))}))

	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.Ping(t.Context()))

	require.NoError(t, d.exec(t, url, `INSERT INTO ledger_schema (version_id, is_applied) VALUES (9999, TRUE)`))
	err = s.Ping(t.Context())
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, "too new: its version is 9999")
	err = s.Migrate(t.Context())
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, "too new: its version is 9999")

	require.NoError(t, d.exec(t, url, `DELETE FROM ledger_schema WHERE version_id > 1`))
	err = s.Ping(t.Context())
	requireKind(t, access.Conflict, err)
	require.ErrorContains(t, err, "outdated: its version is 1")
}
