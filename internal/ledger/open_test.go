package ledger_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// crowd fills a ledger with requests, a hundred of which have ended for each that is open, and their tickets.
// The ids are in order, so that every index only grows at its end: that is many times faster.
func crowd(t testing.TB, raw *sql.DB, open int) {
	t.Helper()
	numbers := fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)`, 101*open)
	for _, statement := range []string{
		`INSERT INTO requests (id, version, state, ended, requester_id, subject_id, submitted_us, body) ` + numbers +
			` SELECT 'r-' || (10000000 + i), 1, 'granted', i % 101 <> 0, 'p-ada', 'p-bo', i, '{}' FROM n`,
		`INSERT INTO tickets (desk, id, request_id, lease_id, ended, body) ` + numbers +
			` SELECT 'jira', cast(10000000 + i AS TEXT), 'r-' || (10000000 + i), '', i % 101 <> 0, '{}' FROM n`,
	} {
		_, err := raw.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}

func testOpenTicketsPlan(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	raw := d.raw(t, url)
	crowd(t, raw, 300)
	for _, statistics := range []string{"without statistics", "with statistics"} {
		t.Run(statistics, func(t *testing.T) {
			for page, after := range map[string]string{"the first page": "", "a later page": "10005000"} {
				plan := d.explain(t, raw, ledger.OpenTicketsQuery+"10", "jira", after)
				require.Contains(t, plan, "tickets_open", page)
				for _, costly := range []string{"Seq Scan", "SCAN ", "Sort", "TEMP B-TREE", "Bitmap"} {
					require.NotContains(t, plan, costly, page)
				}
			}
		})
		_, err := raw.ExecContext(t.Context(), `ANALYZE`)
		require.NoError(t, err)
	}
	require.Len(t, openTickets(t, s, 70), 300)
}

func testSaveMarksPlan(t *testing.T, d databases) {
	_, url := d.openWithURL(t)
	raw := d.raw(t, url)
	crowd(t, raw, 300)
	const tickets = 100
	args := []any{"jira"}
	for n := range tickets {
		args = append(args, fmt.Sprintf("%d", 10_000_001+n), "{}")
	}
	for _, statistics := range []string{"without statistics", "with statistics"} {
		t.Run(statistics, func(t *testing.T) {
			plan := d.explain(t, raw, ledger.SaveFingerprintsQuery(tickets), args...)
			require.Regexp(t, `tickets .*\(desk=\? AND id=\?\)|Index Cond: .*\(id = .*column1`, plan, "each ticket is looked up")
		})
		_, err := raw.ExecContext(t.Context(), `ANALYZE`)
		require.NoError(t, err)
	}
}

// explain is how the database would run a query.
func (d databases) explain(t *testing.T, raw *sql.DB, query string, args ...any) string {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), d.explained+query, args...)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var plan strings.Builder
	for rows.Next() {
		// The text of a step stands in the last column.
		row, ignored := make([]any, len(columns)), new(any)
		for i := range row {
			row[i] = ignored
		}
		var step string
		row[len(row)-1] = &step
		require.NoError(t, rows.Scan(row...))
		plan.WriteString(step + "\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}

// migrateTo brings an empty database to the schema of an earlier build.
func (d databases) migrateTo(t *testing.T, url string, version int64) {
	t.Helper()
	names, err := fs.Glob(os.DirFS("migrations"), "*"+d.foreign)
	require.NoError(t, err)
	provider, err := goose.NewProvider(d.dialect, d.raw(t, url), os.DirFS("migrations"), goose.WithTableName("ledger_schema"),
		goose.WithExcludeNames(names), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), version)
	require.NoError(t, err)
}

func testMigrateFromTwo(t *testing.T, d databases) {
	url := d.newURL(t)
	s := openAt(t, url)
	d.migrateTo(t, url, 2)
	for _, statement := range []string{
		`INSERT INTO requests (id, version, state, ended, requester_id, subject_id, submitted_us, body)
			VALUES ('r-open', 1, 'closing', FALSE, '', '', 0, '{}'), ('r-ended', 1, 'denied', TRUE, '', '', 0, '{}')`,
		`INSERT INTO tickets (desk, id, request_id, lease_id, body)
			VALUES ('jira', '1', 'r-open', '', '{}'), ('jira', '2', 'r-ended', '', '{}'), ('jira', '3', 'r-none', '', '{}')`,
	} {
		require.NoError(t, d.exec(t, url, statement))
	}
	require.NoError(t, s.Migrate(t.Context()))
	require.Equal(t, []access.TicketID{"1", "3"}, openTickets(t, s, 10))
	var ended int
	require.NoError(t, d.raw(t, url).QueryRowContext(t.Context(), `SELECT count(*) FROM tickets WHERE ended`).Scan(&ended))
	require.Equal(t, 1, ended)
	found := watchedTickets(t, s, "1")
	require.Equal(t, []access.WatchedTicket{{}}, found, "a ticket of then has the zero mark")
}
