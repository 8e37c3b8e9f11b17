package ledger

import (
	"errors"
	"io/fs"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"usher/internal/access"
)

// fail returns err as an *access.Error without secrets; nil stays nil, and what is classified stays as it is.
func (s *Store) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*access.Error](err); ok {
		return own
	}
	return &access.Error{Kind: kindOf(err), Op: op, Err: s.redacted(err)}
}

// redacted is err, or a copy of its text alone when the text holds the database's password. The cause is then cut off,
// because whoever prints a chain of causes would print it.
func (s *Store) redacted(err error) error {
	if s.password == "" {
		return err
	}
	text := err.Error()
	for _, form := range []string{s.password, url.QueryEscape(s.password), url.PathEscape(s.password)} {
		text = strings.ReplaceAll(text, form, "***")
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// kindOf classifies what a database said. Everything else is Transient: a lost connection, a full pool, a context's
// end, and a schema that Migrate has yet to bring up to date. Repeating is harmless for all of the ledger's calls.
//
// Sources: "PostgreSQL Error Codes" (appendix A of the PostgreSQL 15 manual) and "Result and Error Codes"
// (sqlite.org/rescode.html).
func kindOf(err error) access.Kind {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresKind(server.Code)
	}
	if file, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteKind(file.Code())
	}
	if errors.Is(err, fs.ErrPermission) {
		return access.Forbidden
	}
	return access.Transient
}

func postgresKind(code string) access.Kind {
	const insufficientPrivilege, noSuchDatabase = "42501", "3D000"
	switch {
	case strings.HasPrefix(code, "23"): // integrity constraint violation
		return access.Conflict
	case strings.HasPrefix(code, "22"): // data exception
		return access.Invalid
	case strings.HasPrefix(code, "28"), code == insufficientPrivilege: // invalid authorization
		return access.Forbidden
	case code == noSuchDatabase:
		return access.NotFound
	}
	return access.Transient
}

func sqliteKind(code int) access.Kind {
	const primary = 0xff // the lowest byte of an extended code
	switch code & primary {
	case sqlite3.SQLITE_CONSTRAINT:
		return access.Conflict
	case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_NOTADB:
		return access.Invalid
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return access.Forbidden
	}
	return access.Transient
}
