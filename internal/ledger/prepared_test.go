package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

// counted counts what its connections prepare, and what of that is closed again.
type counted struct {
	driver.Connector
	prepared, closed int
}

func (c *counted) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &countedConn{opened.(connection), c}, nil
}

type countedConn struct {
	connection
	by *counted
}

func (c *countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	statement, err := c.connection.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.by.prepared++
	return &countedStatement{statement.(execution), c.by}, nil
}

type countedStatement struct {
	execution
	by *counted
}

func (s *countedStatement) Close() error {
	s.by.closed++
	return s.execution.Close()
}

func preparingPool(t *testing.T) (*counted, *sql.DB) {
	t.Helper()
	file, err := sqlite.NewConnector("file:" + filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, err)
	c := &counted{Connector: file}
	pool := sql.OpenDB(preparing{c})
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	execute(t, pool, `CREATE TABLE n (n INTEGER UNIQUE); CREATE TABLE other (n INTEGER)`)
	return c, pool
}

func execute(t *testing.T, pool *sql.DB, query string, args ...any) {
	t.Helper()
	_, err := pool.ExecContext(t.Context(), query, args...)
	require.NoError(t, err)
}

func rows(t *testing.T, pool *sql.DB) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRowContext(t.Context(), `SELECT count(*) FROM n`).Scan(&n))
	return n
}

const insert = `INSERT INTO n VALUES ($1)`

func TestStatements_prepared_once(t *testing.T) {
	c, pool := preparingPool(t)
	for n := range 5 {
		execute(t, pool, insert, n)
	}
	require.Equal(t, 5, rows(t, pool))
	require.Equal(t, 1, c.prepared)
	require.Zero(t, c.closed)
	require.NoError(t, pool.Close())
	require.Equal(t, 1, c.closed, "with its connection")
}

func TestStatements_outlive_failures(t *testing.T) {
	c, pool := preparingPool(t)
	execute(t, pool, insert, 1)
	_, err := pool.ExecContext(t.Context(), insert, 1)
	require.ErrorContains(t, err, "UNIQUE")
	tx, err := pool.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), insert, 2)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	execute(t, pool, `ALTER TABLE n ADD COLUMN more TEXT; DROP TABLE other`)
	execute(t, pool, `INSERT INTO n (n) VALUES ($1)`, 3)
	_, err = pool.ExecContext(t.Context(), insert, 4)
	require.ErrorContains(t, err, "2 columns", "it means what it says today")
	require.Equal(t, 2, rows(t, pool))
	require.Equal(t, 2, c.prepared)
}

func TestStatements_long(t *testing.T) {
	c, pool := preparingPool(t)
	args, given := make([]any, maxArguments+1), make([]string, maxArguments+1)
	for n := range args {
		args[n], given[n] = n, fmt.Sprintf("($%d)", n+1)
	}
	execute(t, pool, `INSERT INTO n VALUES `+strings.Join(given, ", "), args...)
	require.Equal(t, maxArguments+1, rows(t, pool))
	require.Zero(t, c.prepared)
}

func TestStatements_are_bounded(t *testing.T) {
	c, pool := preparingPool(t)
	for n := range 3 * maxPrepared {
		execute(t, pool, fmt.Sprintf(`INSERT INTO n VALUES ($1 + %d)`, n), 0)
	}
	require.Equal(t, 3*maxPrepared, rows(t, pool))
	require.LessOrEqual(t, c.prepared-c.closed, maxPrepared)
}
