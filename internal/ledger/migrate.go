package ledger

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// A migration runs on both databases, unless its name ends in _sqlite.sql or _postgres.sql; then it runs there only, and
// the other database has one of the same number. A migration that has been released is never edited.
//
//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is where the database says which migrations it has.
const versionTable = "ledger_schema"

// Migrate brings the schema to the version of this build; nothing happens when it is there already. Safe to repeat and
// safe for several processes at once: one migrates, the others wait. Each migration is one transaction, so an
// interrupted Migrate is continued by the next. Conflict when the schema is newer than this build knows.
func (s *Store) Migrate(ctx context.Context) error {
	const op = "migrate the ledger"
	select {
	case s.migrating <- struct{}{}:
		defer func() { <-s.migrating }()
	case <-ctx.Done():
		return s.fail(op, ctx.Err())
	}
	release, err := s.lock(ctx)
	if err != nil {
		return s.fail(op, err)
	}
	return s.fail(op, errors.Join(s.migrate(ctx, op), release()))
}

func (s *Store) migrate(ctx context.Context, op string) error {
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	if version > s.expected {
		return s.tooNew(op, version)
	}
	if version == s.expected {
		// A role that owns nothing comes here.
		return nil
	}
	provider, err := s.provider()
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// provider knows the migrations of this database. It serves one Migrate: it remembers a first attempt that did not
// reach the database.
func (s *Store) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*"+s.foreign)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(s.dialect, s.write, files,
		goose.WithTableName(versionTable),
		goose.WithExcludeNames(names),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
	)
}

// newest is the version that the migrations of this build lead to.
func (s *Store) newest() (int64, error) {
	provider, err := s.provider()
	if err != nil {
		return 0, err
	}
	sources := provider.ListSources()
	return sources[len(sources)-1].Version, nil
}

// version is the version that the database has; 0 before the first migration.
func (s *Store) version(ctx context.Context) (int64, error) {
	var tables int
	if err := s.read.QueryRowContext(ctx, s.hasTable, versionTable).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	var version int64
	query := fmt.Sprintf(`SELECT coalesce(max(version_id), 0) FROM %s WHERE is_applied`, versionTable)
	err := s.read.QueryRowContext(ctx, query).Scan(&version)
	return version, err
}
