package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	// maxConnections is the most connections of one process to PostgreSQL.
	maxConnections = 10
	// maxConnectionAge lets connections move to another server after a failover behind one name.
	maxConnectionAge = 30 * time.Minute
	// migrationLock is the advisory lock that is held while migrating: "usher" in ASCII.
	migrationLock = 0x7573686572
)

func openPostgres(server *pgx.ConnConfig) database {
	pool := stdlib.OpenDB(*server)
	pool.SetMaxOpenConns(maxConnections)
	pool.SetMaxIdleConns(maxConnections)
	pool.SetConnMaxLifetime(maxConnectionAge)
	return database{
		write: pool, read: pool,
		dialect:  goose.DialectPostgres,
		foreign:  "_sqlite.sql",
		hasTable: `SELECT count(*) FROM pg_class WHERE oid = to_regclass($1)`,
		lock: func(ctx context.Context) (func() error, error) {
			return lockPostgres(ctx, pool)
		},
		password: server.Password,
	}
}

// lockPostgres holds the lock in a transaction of its own: the server releases it when this process dies, and a pooler
// between usher and the server cannot split it from its connection.
func lockPostgres(ctx context.Context, pool *sql.DB) (func() error, error) {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	release := func() error { return ignoreDone(tx.Rollback()) }
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}
