package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"usher/internal/access"
)

const opGrant = "grant the ledger's roles"

// Roles are the roles of PostgreSQL by which usher uses the ledger while it runs; "" for one that is not used. Neither owns the
// tables, nor is a member of the role that does: an owner may drop the triggers by which the ledger keeps its events.
type Roles struct{ Worker, API string }

// tableGrant is what the worker's role may do with a table besides reading it. The API's role reads all of them.
type tableGrant struct{ table, worker string }

// What the worker may do. Whatever has no UPDATE and no DELETE keeps its rows for good; DELETE stands where rows are a working copy, or are
// kept for a time only.
const (
	mayAppend = "INSERT"
	mayKeep   = "INSERT, UPDATE"
	mayRelate = "INSERT, DELETE"
	mayForget = "INSERT, UPDATE, DELETE"
)

// tableGrants has a row for every table: a migration that makes one adds its row.
func tableGrants() []tableGrant {
	return []tableGrant{
		{versionTable, ""},
		// The audit trail.
		{"events", mayAppend},
		{"desk_events", mayAppend},
		{"revocations", mayAppend},
		{"pauses", mayAppend},
		// The last state.
		{"requests", mayKeep},
		{"request_entitlements", mayAppend},
		{"request_waiting", mayRelate},
		{"request_approvers", mayRelate},
		{"leases", mayKeep},
		{"tickets", mayKeep},
		{"ticket_fingerprints", mayKeep},
		{"watches", mayKeep},
		{"incidents", mayKeep},
		{"integration_users", mayForget},
		{"integration_turns", mayKeep},
		{"people", mayKeep},
		{"people_standing", mayKeep},
		{"people_runs", mayKeep},
		{"desk_links", mayForget},
		{"hand_over_leavers", mayKeep},
		// The catalog, which is published as a whole.
		{"catalog", mayKeep},
		{"catalog_applications", mayRelate},
		{"catalog_entitlements", mayRelate},
		{"catalog_owners", mayRelate},
		// Working copies of a run, and what is kept for 90 days. A run over users has its row removed where it was only a placeholder.
		{"people_listed", mayForget},
		{"people_problems", mayForget},
		{"people_changes", mayForget},
		{"desk_users_listed", mayForget},
		{"sync_runs", mayForget},
		{"sync_rows", mayForget},
		{"sync_appliers", mayForget},
	}
}

// GrantRoles has the roles do what they need and nothing else, in one transaction: what they could do with the ledger's schema before is taken
// away first. It is for the role that owns the tables, after Migrate, and safe to repeat. Invalid where a role is no role that binds: the owner,
// a member of the owner, a superuser; and on SQLite, which has no roles. NotFound for a role that does not exist.
func (s *Store) GrantRoles(ctx context.Context, roles Roles) error {
	if s.dialect != goose.DialectPostgres {
		return access.Errorf(access.Invalid, opGrant, "SQLite has no roles: whoever may write the file may change everything in it")
	}
	return s.fail(opGrant, s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var schema string
		if err := tx.QueryRowContext(ctx, `SELECT quote_ident(current_schema())`).Scan(&schema); err != nil {
			return err
		}
		for _, role := range []string{roles.Worker, roles.API} {
			if role == "" {
				continue
			}
			if err := bound(ctx, tx, role); err != nil {
				return err
			}
			for _, statement := range grantStatements(schema, pgx.Identifier{role}.Sanitize(), role == roles.Worker) {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// grantStatements are those for one role. schema and role are quoted.
func grantStatements(schema, role string, worker bool) []string {
	statements := []string{
		"REVOKE CREATE ON SCHEMA " + schema + " FROM PUBLIC",
		"REVOKE ALL ON ALL TABLES IN SCHEMA " + schema + " FROM PUBLIC, " + role,
		"REVOKE ALL ON ALL SEQUENCES IN SCHEMA " + schema + " FROM PUBLIC, " + role,
		"REVOKE ALL ON SCHEMA " + schema + " FROM " + role,
		"GRANT USAGE ON SCHEMA " + schema + " TO " + role,
	}
	for _, g := range tableGrants() {
		may := []string{"SELECT"}
		if worker && g.worker != "" {
			may = append(may, g.worker)
		}
		statements = append(statements, fmt.Sprintf("GRANT %s ON %s.%s TO %s", strings.Join(may, ", "), schema, g.table, role))
	}
	return statements
}

// bound is nil for a role that what it is granted binds.
func bound(ctx context.Context, tx *sql.Tx, role string) error {
	var exists, owns bool
	err := tx.QueryRowContext(ctx, `SELECT count(*) > 0, coalesce(bool_or(rolsuper OR pg_has_role(rolname, current_user, 'MEMBER')), FALSE)
		FROM pg_roles WHERE rolname = $1`, role).Scan(&exists, &owns)
	switch {
	case err != nil:
		return err
	case !exists:
		return access.Errorf(access.NotFound, opGrant, "found no role %q in the database; create it first", role)
	case owns:
		return access.Errorf(access.Invalid, opGrant, "the role %q is the owner's, or a superuser's, whom no grant binds; expected another role", role)
	}
	return nil
}

// Unbound reports whether this Store's role can do anything with the ledger's events: it owns the table, or may become the role that does. It
// is always so on SQLite, and then false is returned, for there is no role to mend.
func (s *Store) Unbound(ctx context.Context) (bool, error) {
	if s.dialect != goose.DialectPostgres {
		return false, nil
	}
	var unbound bool
	err := s.read.QueryRowContext(ctx, `SELECT coalesce(bool_or(pg_has_role(current_user, relowner, 'MEMBER')), FALSE)
		FROM pg_class WHERE oid = to_regclass('events')`).Scan(&unbound)
	return unbound, s.fail("ask who owns the ledger", err)
}

// Ungranted returns what the worker needs and this Store's role may not do, as "INSERT on pauses", in the order of tableGrants: the tables of a migration
// after which nobody has granted the role anew. Empty for nothing, and on SQLite.
func (s *Store) Ungranted(ctx context.Context) ([]string, error) {
	if s.dialect != goose.DialectPostgres {
		return nil, nil
	}
	var missing []string
	for _, g := range tableGrants() {
		for _, privilege := range append([]string{"SELECT"}, strings.FieldsFunc(g.worker, func(r rune) bool { return r == ',' || r == ' ' })...) {
			var may bool
			if err := s.read.QueryRowContext(ctx, `SELECT has_table_privilege($1, $2)`, g.table, privilege).Scan(&may); err != nil {
				return nil, s.fail("ask what the ledger's role may do", err)
			}
			if !may {
				missing = append(missing, privilege+" on "+g.table)
			}
		}
	}
	return missing, nil
}
