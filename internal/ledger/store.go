package ledger

import (
	"context"
	"database/sql"
	"errors"

	"github.com/pressly/goose/v3"

	"usher/internal/access"
)

// Store is the ledger. All methods are safe concurrently, by many goroutines and many processes on one database, and
// all errors are *access.Error: Transient when the database is away, busy or slow (repeating is harmless for every
// method), Conflict for a constraint that was broken, Forbidden for refused credentials.
type Store struct {
	database
	// expected is the schema version of this build.
	expected int64
	// group commits transactions together where a commit is dear and writers wait for each other; nil where they do not.
	group *group
	// migrating has one place: one Migrate at a time per Store, so that those who wait hold no connection.
	migrating chan struct{}
}

// database is an opened database and what differs between the two.
type database struct {
	// write and read may be the same pool.
	write, read *sql.DB
	dialect     goose.Dialect
	// foreign is the ending of the migrations that are the other database's.
	foreign string
	// hasTable is a query for the number of tables named $1.
	hasTable string
	// lock waits until no other process migrates, and gives what ends the lock.
	lock func(context.Context) (release func() error, err error)
	// password must not be shown; "" for none.
	password string
}

// Open opens the ledger and does not migrate it. A SQLite file that is missing is created, readable and writable by
// this user only, with its folder; an existing file keeps its mode. A PostgreSQL server is not contacted: a worker
// starts while the database is away, and Ping tells. Invalid when cfg is wrong. The Store must be closed.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	const op = "open the ledger"
	where, err := cfg.location()
	if err != nil {
		return nil, &access.Error{Kind: access.Invalid, Op: op, Err: err}
	}
	s := &Store{migrating: make(chan struct{}, 1)}
	if where.server != nil {
		s.database = openPostgres(where.server)
	} else if s.database, err = openSQLite(ctx, where.file); err != nil {
		return nil, s.fail(op, err)
	}
	if where.server == nil {
		s.group = newGroup(ctx, s.write)
	}
	if s.expected, err = s.newest(); err != nil {
		return nil, errors.Join(s.fail(op, err), s.Close())
	}
	return s, nil
}

// Close closes the ledger; what is under way ends first. Every later call on the Store is Transient. Safe to repeat.
func (s *Store) Close() error {
	if s.group != nil {
		s.group.close()
	}
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	return s.fail("close the ledger", err)
}

// Ping reports whether the ledger can be used: nil, or Transient when the database does not answer, or Conflict when
// the schema is older than this build expects (migrate) or newer (run the build that migrated it).
func (s *Store) Ping(ctx context.Context) error {
	const op = "check the ledger"
	version, err := s.version(ctx)
	switch {
	case err != nil:
		return s.fail(op, err)
	case version < s.expected:
		return access.Errorf(access.Conflict, op, "the schema is outdated: its version is %d, this build expects %d; migrate the ledger",
			version, s.expected)
	case version > s.expected:
		return s.tooNew(op, version)
	}
	return nil
}

func (s *Store) tooNew(op string, version int64) error {
	return access.Errorf(access.Conflict, op, "the schema is too new: its version is %d, this build knows %d; use the newer build",
		version, s.expected)
}

// inTransaction commits what do does, or rolls it back when do gives an error. do uses the context that it gets.
func (s *Store) inTransaction(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	if s.group != nil {
		return s.group.commit(ctx, do)
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(ctx, tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// ignoreDone: a transaction whose context ended has been rolled back already.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
