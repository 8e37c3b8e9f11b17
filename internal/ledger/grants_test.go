package ledger_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
)

// The roles of these tests.
const (
	ownerRole, workerRole, apiRole = "usher_owner", "usher_worker", "usher_api"
	rolePassword                   = "role-password"
)

// asRole is a database's URL for another role.
func asRole(t testing.TB, address, role string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.User = url.UserPassword(role, rolePassword)
	return u.String()
}

// withRoles makes the roles, and returns what makes a ledger that the owner has migrated and granted; it returns the superuser's URL.
func withRoles(t *testing.T) func(testing.TB) string {
	server := ledgertest.StartPostgres(t)
	super := rawDatabase(t, "pgx", server)
	for _, role := range []string{ownerRole, workerRole, apiRole} {
		_, err := super.ExecContext(t.Context(), fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD '%s'`, role, rolePassword))
		require.NoError(t, err)
	}
	first := ledgertest.CreateDatabase(t, server)
	u, err := url.Parse(first)
	require.NoError(t, err)
	_, err = super.ExecContext(t.Context(), "ALTER DATABASE "+strings.TrimPrefix(u.Path, "/")+" OWNER TO "+ownerRole)
	require.NoError(t, err)
	owner, err := ledger.Open(t.Context(), ledger.Config{URL: asRole(t, first, ownerRole)})
	require.NoError(t, err)
	require.NoError(t, owner.Migrate(t.Context()))
	for range 2 {
		require.NoError(t, owner.GrantRoles(t.Context(), ledger.Roles{Worker: workerRole, API: apiRole}))
	}
	require.NoError(t, owner.Close())
	return func(t testing.TB) string { return ledgertest.CopyDatabase(t, server, first, ownerRole) }
}

// TestRoles: the ledger does all of its work as the worker's role, and the database refuses that role, and the API's, everything else.
func TestRoles(t *testing.T) {
	made := withRoles(t)
	t.Run("the worker's role is enough", func(t *testing.T) {
		d := onPostgres("")
		var super *url.Userinfo
		d.migrated = nil
		d.newURL = func(t testing.TB) string {
			address := made(t)
			u, err := url.Parse(address)
			require.NoError(t, err)
			super = u.User
			return asRole(t, address, workerRole)
		}
		d.raw = func(t testing.TB, address string) *sql.DB {
			u, err := url.Parse(address)
			require.NoError(t, err)
			u.User = super
			return rawDatabase(t, "pgx", u.String())
		}
		own := []suiteCase{
			{"what was recorded is read back", testRoundTrip},
			{"an older view never overwrites, and its events are kept", testLateViews},
			{"a ticket follows its last link, but never to another request", testTickets},
			{"a change that leaves persons and items as they are is found by both", testRelations},
			{"a watch is kept as it was saved", testWatch},
			{"marks are kept with their tickets", testMarks},
		}
		for _, c := range slices.Concat(own, peopleCases(), standingCases(), syncCases(), integrationUserCases(), assignCases(), incidentCases(),
			deskEventCases(), runEventCases(), forgetCases(), revocationCases(), catalogCases(), pauseCases()) {
			// Only the owner migrates an older ledger, and what is many rows for the owner is no more for the worker.
			if !strings.Contains(c.name, "before there was") && !strings.Contains(c.name, "so many rows") {
				t.Run(c.name, func(t *testing.T) { c.run(t, d) })
			}
		}
	})
	address := made(t)
	worker, api := openAt(t, asRole(t, address, workerRole)), openAt(t, asRole(t, address, apiRole))
	ended := view("r-1", 1)
	ended.State = access.OutcomeGranted
	record(t, worker, access.Entry{View: &ended, Events: []access.Event{event("r-1", 1)}})
	t.Run("the API's role reads", func(t *testing.T) {
		got, err := api.View(t.Context(), "r-1")
		require.NoError(t, err)
		require.Equal(t, ended, got)
		require.NoError(t, api.Ping(t.Context()))
		requireKind(t, access.Forbidden, api.Record(t.Context(), access.Entry{Events: []access.Event{event("r-1", 2)}}))
	})
	forbidden := []string{
		`UPDATE events SET body = '{}'`, `DELETE FROM events`, `TRUNCATE events`, `DROP TABLE events`, `ALTER TABLE events DISABLE TRIGGER ALL`,
		`DROP TRIGGER events_append_only ON events`, `CREATE OR REPLACE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$`,
		`DROP TRIGGER requests_keep_outcome ON requests`, `SET session_replication_role = replica`, `SET ROLE ` + ownerRole, `SET SESSION AUTHORIZATION ` + ownerRole,
		`ALTER TABLE events OWNER TO ` + workerRole, `CREATE TABLE mine (id INTEGER)`,
		`DELETE FROM requests`, `DELETE FROM leases`, `TRUNCATE requests`, `DELETE FROM revocations`, `UPDATE revocations SET body = ''`, `UPDATE desk_events SET body = ''`,
		`UPDATE request_entitlements SET entitlement_id = 'x'`, `DELETE FROM request_entitlements`, `DELETE FROM people_runs`,
		`INSERT INTO ledger_schema (version_id, is_applied) VALUES (9999, TRUE)`, `DELETE FROM ledger_schema`,
		`SELECT setval(pg_get_serial_sequence('events', 'position'), 1)`, `CREATE SCHEMA mine`,
	}
	refused := func(t *testing.T, role string, statements ...string) {
		raw := rawDatabase(t, "pgx", asRole(t, address, role))
		for _, statement := range statements {
			_, err := raw.ExecContext(t.Context(), statement)
			require.Error(t, err, "%s: %s", role, statement)
			require.ErrorContains(t, err, "SQLSTATE 42501", "%s: %s", role, statement)
		}
	}
	t.Run("the worker's role is refused everything else", func(t *testing.T) {
		refused(t, workerRole, forbidden...)
		_, err := rawDatabase(t, "pgx", asRole(t, address, workerRole)).ExecContext(t.Context(), `UPDATE requests SET state = 'denied'`)
		require.ErrorContains(t, err, "the outcome of request r-1 is recorded as granted and never changes, found denied")
	})
	t.Run("the API's role is refused every write", func(t *testing.T) {
		refused(t, apiRole, forbidden...)
		refused(t, apiRole, `UPDATE requests SET state = 'denied'`, `DELETE FROM request_waiting`, `INSERT INTO watches (desk, cursor_us, polled_us, scanned_us) VALUES ('d', 0, 0, 0)`)
	})
	t.Run("who is bound", func(t *testing.T) {
		for role, want := range map[string]bool{workerRole: false, apiRole: false, ownerRole: true} {
			unbound, err := openAt(t, asRole(t, address, role)).Unbound(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, unbound, role)
		}
	})
	t.Run("what the worker lacks", func(t *testing.T) {
		missing, err := worker.Ungranted(t.Context())
		require.NoError(t, err)
		require.Empty(t, missing)
		late := openAt(t, asRole(t, made(t), apiRole))
		missing, err = late.Ungranted(t.Context())
		require.NoError(t, err)
		require.Contains(t, missing, "INSERT on pauses")
		require.Contains(t, missing, "DELETE on catalog_owners")
		require.NotContains(t, missing, "SELECT on pauses")
	})
	t.Run("roles that no grant binds are refused", func(t *testing.T) {
		owner := openAt(t, asRole(t, address, ownerRole))
		requireKind(t, access.Invalid, owner.GrantRoles(t.Context(), ledger.Roles{Worker: ownerRole}))
		requireKind(t, access.Invalid, owner.GrantRoles(t.Context(), ledger.Roles{Worker: "usher"}))
		requireKind(t, access.NotFound, owner.GrantRoles(t.Context(), ledger.Roles{API: "nobody"}))
		requireKind(t, access.Invalid, onSQLite().open(t).GrantRoles(t.Context(), ledger.Roles{Worker: workerRole}))
	})
	t.Run("every table has its row, and no role more than that", func(t *testing.T) { everyTableIsGranted(t, rawDatabase(t, "pgx", address)) })
}

// everyTableIsGranted compares what the database says that the roles may do with the table of grants.
func everyTableIsGranted(t *testing.T, super *sql.DB) {
	wanted := map[string][2]string{}
	for table, worker := range ledger.TableGrants() {
		may := append([]string{"SELECT"}, strings.FieldsFunc(worker, func(r rune) bool { return r == ',' || r == ' ' })...)
		slices.Sort(may)
		wanted[table] = [2]string{strings.Join(may, ","), "SELECT"}
	}
	rows, err := super.QueryContext(t.Context(), `SELECT c.relname,
			(SELECT coalesce(string_agg(p, ',' ORDER BY p), '') FROM unnest(ARRAY['DELETE', 'INSERT', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE']) AS p WHERE has_table_privilege($1, c.oid, p)),
			(SELECT coalesce(string_agg(p, ',' ORDER BY p), '') FROM unnest(ARRAY['DELETE', 'INSERT', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE']) AS p WHERE has_table_privilege($2, c.oid, p))
		FROM pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`, workerRole, apiRole)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	found := map[string][2]string{}
	for rows.Next() {
		var table, worker, api string
		require.NoError(t, rows.Scan(&table, &worker, &api))
		found[table] = [2]string{worker, api}
	}
	require.NoError(t, rows.Err())
	require.Equal(t, wanted, found, "a table that a migration makes needs a row in tableGrants")
}
