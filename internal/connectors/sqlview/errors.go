package sqlview

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"usher/internal/access"
	"usher/internal/connectors/people"
)

// wrong is an error that a human can mend at a key of the configuration, or at what it names.
func wrong(kind access.Kind, op, key, format string, args ...any) error {
	finding := access.Finding{Key: key, Problem: fmt.Sprintf(format, args...)}
	return &access.Error{Kind: kind, Op: op, Err: &people.KeyError{Finding: finding}}
}

// failed classifies what the database said. nil stays nil, and what is classified stays as it is.
//
// Source: "PostgreSQL Error Codes", appendix A of the PostgreSQL manual.
func (s *Source) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*access.Error](err); ok {
		return own
	}
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return &access.Error{Kind: access.Transient, Op: op, Err: end}
		}
	}
	server, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		// A lost connection. The cause is cut off: whoever prints a chain of causes would print it.
		return access.Errorf(access.Transient, op, "%s", s.redacted(err))
	}
	const (
		insufficientPrivilege, undefinedTable, undefinedColumn = "42501", "42P01", "42703"
		noSuchDatabase, noSuchSchema, canceled                 = "3D000", "3F000", "57014"
	)
	switch code := server.Code; {
	case strings.HasPrefix(code, "28"), code == insufficientPrivilege:
		// The messages name roles, tables and policies.
		return access.Errorf(access.Forbidden, op, "%s (SQLSTATE %s)", s.redacted(server), code)
	case code == noSuchDatabase:
		return wrong(access.Invalid, op, "dsn", "the server has no such database")
	case code == undefinedTable, code == noSuchSchema:
		return wrong(access.Invalid, op, "view", "the database has no such view")
	case code == undefinedColumn:
		return wrong(access.Invalid, op, "fields", "the view has no such column")
	case code == canceled:
		return access.Errorf(access.Transient, op, "the server took longer than request_timeout")
	case strings.HasPrefix(code, "42"), strings.HasPrefix(code, "22"):
		// Their messages may quote a row.
		return wrong(access.Invalid, op, "view", "the server cannot give the rows of the view (SQLSTATE %s)", code)
	}
	return access.Errorf(access.Transient, op, "the server cannot answer now (SQLSTATE %s)", server.Code)
}

// refusesValue reports whether the server says that a text is no value of a type.
func refusesValue(err error) bool {
	server, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(server.Code, "22") || strings.HasPrefix(server.Code, "23"))
}

// redacted returns the text of an error without the password.
func (s *Source) redacted(err error) string {
	text := err.Error()
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		text = server.Message
	}
	if s.password == "" {
		return text
	}
	for _, form := range []string{s.password, url.QueryEscape(s.password), url.PathEscape(s.password)} {
		text = strings.ReplaceAll(text, form, "***")
	}
	return text
}
