package ledger

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

const (
	// maxReaders is the most connections of one process that read the file at once.
	maxReaders = 4
	// busyMillis is how long a call waits for another process that writes.
	busyMillis = "10000"
	// lockSuffix names the file beside the database that is locked while migrating. It stays there, empty.
	lockSuffix = ".migrating"
	// privateFolder keeps other users of the host away: the ledger is personal data.
	privateFolder = 0o700
)

// openSQLite opens one connection that writes and a few that read. SQLite allows one writer at a time, and waiting in
// this process's queue is fair, where waiting for the file is not.
func openSQLite(ctx context.Context, path string) (database, error) {
	if err := os.MkdirAll(filepath.Dir(path), privateFolder); err != nil {
		return database{}, err
	}
	if err := create(path); err != nil {
		return database{}, err
	}
	// Synchronous FULL: a grant is asked for only after its decision is recorded, so a commit must survive a power cut.
	write, err := openFile(path, url.Values{"_txlock": {"immediate"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"}})
	if err != nil {
		return database{}, err
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		return database{}, errors.Join(err, write.Close())
	}
	read, err := openFile(path, url.Values{"_query_only": {"1"}})
	if err != nil {
		return database{}, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(maxReaders)
	read.SetMaxIdleConns(maxReaders)
	return database{
		write: write, read: read,
		dialect:  goose.DialectSQLite3,
		foreign:  "_postgres.sql",
		hasTable: `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1`,
		lock: func(ctx context.Context) (func() error, error) {
			return lockSQLite(ctx, path+lockSuffix)
		},
	}, nil
}

// create makes the file, empty and private, when it is missing. SQLite gives the mode of the database to its -wal and
// -shm files. The file itself is never opened here: closing it would end every lock that this process holds on it for
// other connections (sqlite.org/howtocorrupt.html, section 2.2), so a finished file is linked into place.
func create(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// os.CreateTemp gives the mode 0600.
	file, err := os.CreateTemp(filepath.Dir(path), ".ledger-*")
	if err != nil {
		return err
	}
	err = errors.Join(file.Close(), os.Link(file.Name(), path))
	if errors.Is(err, fs.ErrExist) { // another process was faster
		err = nil
	}
	return errors.Join(err, os.Remove(file.Name()))
}

// openFile returns a pool on an existing file. The path is percent-encoded, because SQLite reads it as a URI.
func openFile(path string, parameters url.Values) (*sql.DB, error) {
	parameters.Set("mode", "rw")
	parameters.Set("_busy_timeout", busyMillis)
	segments := strings.Split(filepath.ToSlash(path), "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	connector, err := sqlite.NewConnector("file:" + strings.Join(segments, "/") + "?" + parameters.Encode())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(preparing{connector}), nil
}

// lockSQLite locks a database of its own, because a lock on the ledger itself would keep the migration out as well. The
// system releases it when this process dies.
func lockSQLite(ctx context.Context, path string) (func() error, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	pool, err := openFile(path, url.Values{"_txlock": {"exclusive"}})
	if err != nil {
		return nil, err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return func() error { return errors.Join(ignoreDone(tx.Rollback()), pool.Close()) }, nil
}
