package ledger_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
)

// databases is one kind of database that the suite runs on.
type databases struct {
	// newURL makes an empty database.
	newURL func(testing.TB) string
	// migrated makes one as Migrate leaves it, in less time than Migrate takes; nil where it takes as long.
	migrated func(testing.TB) string
	// raw opens it without the ledger.
	raw func(t testing.TB, url string) *sql.DB
	// block takes a lock, in a transaction of raw, that no writer gets past.
	block string
	// explained goes before a query to ask how it would be run; foreign is the ending of the other database's migrations.
	explained, foreign string
	dialect            goose.Dialect
	// tidy is what the database does by itself sooner or later.
	tidy []string
}

func TestLedgerOnSQLite(t *testing.T) {
	runSuite(t, onSQLite())
}

func TestLedgerOnPostgreSQL(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	runSuite(t, onPostgres(server))
	t.Run("only on PostgreSQL", func(t *testing.T) { runPostgresOnly(t, server) })
}

// runBenchmarks runs the same benchmarks on every database.
func runBenchmarks(b *testing.B, run func(*testing.B, databases)) {
	b.Run("SQLite", func(b *testing.B) { run(b, onSQLite()) })
	b.Run("PostgreSQL", func(b *testing.B) { run(b, onPostgres(ledgertest.StartPostgres(b))) })
}

func onSQLite() databases {
	return databases{
		newURL: func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "ledger.db") },
		raw: func(t testing.TB, url string) *sql.DB {
			return rawDatabase(t, "sqlite", strings.TrimPrefix(url, "sqlite:")+"?_busy_timeout=5000&_txlock=immediate")
		},
		block:     `SELECT 1`,
		explained: `EXPLAIN QUERY PLAN `, foreign: "_postgres.sql", dialect: goose.DialectSQLite3,
		tidy: []string{`PRAGMA wal_checkpoint(TRUNCATE)`},
	}
}

func onPostgres(server string) databases {
	var once sync.Once
	var first string
	return databases{
		newURL: func(t testing.TB) string { return ledgertest.CreateDatabase(t, server) },
		migrated: func(t testing.TB) string {
			once.Do(func() { first = migratedAs(t, ledgertest.CreateDatabase(t, server)) })
			return ledgertest.CopyDatabase(t, server, first, "")
		},
		raw:       func(t testing.TB, url string) *sql.DB { return rawDatabase(t, "pgx", url) },
		block:     `LOCK TABLE events IN ACCESS EXCLUSIVE MODE`,
		explained: `EXPLAIN `, foreign: "_sqlite.sql", dialect: goose.DialectPostgres,
		tidy: []string{`VACUUM ANALYZE`},
	}
}

func rawDatabase(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// open returns a new, migrated ledger.
func (d databases) open(t testing.TB) *ledger.Store {
	t.Helper()
	s, _ := d.openWithURL(t)
	return s
}

func (d databases) openWithURL(t testing.TB) (*ledger.Store, string) {
	t.Helper()
	newURL := d.newURL
	if d.migrated != nil {
		newURL = d.migrated
	}
	url := newURL(t)
	s := openAt(t, url)
	require.NoError(t, s.Migrate(t.Context()))
	return s, url
}

// migratedAs migrates a database by its URL, which it returns, and leaves nobody connected.
func migratedAs(t testing.TB, url string) string {
	t.Helper()
	s, err := ledger.Open(t.Context(), ledger.Config{URL: url})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.Close())
	return url
}

// openAt opens a ledger as it is.
func openAt(t testing.TB, url string) *ledger.Store {
	t.Helper()
	s, err := ledger.Open(t.Context(), ledger.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// exec runs a statement behind the ledger's back.
func (d databases) exec(t testing.TB, url, statement string) error {
	t.Helper()
	_, err := d.raw(t, url).ExecContext(t.Context(), statement)
	return err
}

// suiteCase is one promise of the ledger.
type suiteCase struct {
	name string
	run  func(*testing.T, databases)
}

// runSuite holds the ledger's contract, which is the same on every database.
func runSuite(t *testing.T, d databases) {
	cases := []suiteCase{
		{"what was recorded is read back", testRoundTrip},
		{"an empty entry is nothing to do", testEmptyEntry},
		{"several entries are recorded in order", testManyEntries},
		{"one entry that is refused keeps the others out", testRefusedEntry},
		{"with nothing to record the database is not asked", testNothingToRecord},
		{"recording again changes nothing", testReplay},
		{"an event with another content is refused, and nothing of its entry is kept", testConflictingEvent},
		{"an event that is recorded again at another time stays as it was first", testSameEventLater},
		{"an older view never overwrites, and its events are kept", testLateViews},
		{"a ticket follows its last link, but never to another request", testTickets},
		{"what is not there is not found", testNotFound},
		{"an id that cannot be kept is refused by field", testBadIDs},
		{"letters of all scripts survive", testUnicode},
		{"the database refuses to change events", testAppendOnly},
		{"fifty writers at once lose no event", testManyWriters},
		{"the highest of versions that race is kept", testRacingVersions},
		{"a version may be a time in microseconds", testLargeVersions},
		{"filters select", testFilters},
		{"a filter that cannot be used is refused by field", testBadFilters},
		{"pages have no gap and no repetition while requests are recorded", testPaging},
		{"a change that leaves persons and items as they are is found by both", testRelations},
		{"an entry of many events is appended whole and in order", testManyEvents},
		{"a watch is kept as it was saved", testWatch},
		{"a watch never goes back", testWatchNeverGoesBack},
		{"the latest of watches that race is kept", testRacingWatches},
		{"a desk that cannot be kept is refused, and nothing is known of it", testBadDesks},
		{"marks are kept with their tickets", testMarks},
		{"a call may name a thousand tickets and no more", testManyMarks},
		{"marks are saved together or not at all", testMarksAllOrNone},
		{"marks and links that race are both kept", testRacingMarks},
		{"open tickets are listed in pages", testOpenTickets},
		{"a ticket whose request has ended is not open, whatever its own row says", testOpenTicketsDespiteTheirColumn},
		{"a page that cannot be asked for is refused by field", testBadPages},
		{"open tickets are found by their index", testOpenTicketsPlan},
		{"marks are saved without reading other tickets", testSaveMarksPlan},
		{"a ledger of version two knows its open tickets", testMigrateFromTwo},
		{"leases that have not ended are listed in pages, and so are their subjects", testLiveLeases},
		{"open requests by somebody for somebody are found, the oldest first", testOpenRequests},
		{"a page of leases that cannot be asked for is refused by field", testBadLivePages},
		{"leases that have not ended are found by their index", testLivePlans},
		{"a ledger of version three knows its live leases", testMigrateFromThree},
		{"the leases that hold a role are found by subject and binding", testHolders},
		{"a lease that is recorded without a verification keeps the last one", testKeptProof},
		{"a ledger of version four knows which leases hold a role", testMigrateFromFour},
		{"an outcome never changes", testOutcomeStays},
		{"migrating again does nothing", testMigrateTwice},
		{"processes and goroutines migrate at once", testMigrateAtOnce},
		{"ping tells a schema that is outdated or too new", testPingSchema},
		{"a busy database is transient", testBusy},
		{"a closed ledger is transient", testClosed},
		{"a call whose context has ended is transient and records nothing", testEndedContext},
	}
	for _, c := range slices.Concat(cases, peopleCases(), standingCases(), syncCases(), integrationUserCases(), assignCases(), incidentCases(), deskEventCases(),
		runEventCases(), forgetCases(), revocationCases(), catalogCases(), pauseCases()) {
		t.Run(c.name, func(t *testing.T) { c.run(t, d) })
	}
}

// ended is a context that is over.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
