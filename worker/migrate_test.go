package main

import (
	"bytes"
	"log/slog"
	neturl "net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
	"usher/internal/telemetry"
)

func migrateFile(t *testing.T, url string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "migrate.yaml")
	require.NoError(t, os.WriteFile(path, []byte("ledger: {url: \""+url+"\"}\n"), 0o600))
	return path
}

func TestMigrate_command(t *testing.T) {
	var out bytes.Buffer
	path := migrateFile(t, "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"))
	require.Zero(t, migrate(t.Context(), []string{"-config", path}, &out), out.String())
	require.Equal(t, exitFatal, migrate(t.Context(), []string{"-config", path, "-worker-role", "usher_worker"}, &out))
	require.Contains(t, out.String(), "SQLite has no roles")
	require.Equal(t, exitUsage, migrate(t.Context(), []string{"-config", migrateFile(t, "")}, &out))
	require.Contains(t, out.String(), "ledger.url")
}

func TestMigrate_grants_the_roles(t *testing.T) {
	url := ledgertest.CreateDatabase(t, ledgertest.StartPostgres(t))
	super, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, super.Close(t.Context())) }()
	for _, statement := range []string{`CREATE ROLE "Worker of usher"`, `CREATE ROLE usher_api`} {
		_, err := super.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	var out bytes.Buffer
	for range 2 {
		require.Zero(t, migrate(t.Context(), []string{"-config", migrateFile(t, url), "-worker-role", "Worker of usher", "-api-role", "usher_api"}, &out), out.String())
	}
	var may, mayNot bool
	require.NoError(t, super.QueryRow(t.Context(),
		`SELECT has_table_privilege('Worker of usher', 'events', 'INSERT'), has_table_privilege('usher_api', 'events', 'INSERT')`).Scan(&may, &mayNot))
	require.True(t, may)
	require.False(t, mayNot)
	store, err := ledger.Open(t.Context(), ledger.Config{URL: url})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.NoError(t, store.Ping(t.Context()))

	// This role reads alone, as the worker's did after an update whose owner granted it nothing.
	_, err = super.Exec(t.Context(), `ALTER ROLE usher_api LOGIN PASSWORD 'a-password'`)
	require.NoError(t, err)
	as, err := neturl.Parse(url)
	require.NoError(t, err)
	as.User = neturl.UserPassword("usher_api", "a-password")
	reader, err := ledger.Open(t.Context(), ledger.Config{URL: as.String()})
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	refused := (&runner{parts: runnerParams{Store: reader}}).checkLedgerRole(t.Context())
	require.True(t, access.IsKind(refused, access.Forbidden))
	require.ErrorContains(t, refused, "INSERT on pauses")
	require.ErrorContains(t, refused, "usher-worker migrate -worker-role")

	// This role is a superuser's, whom nothing binds.
	var log bytes.Buffer
	metrics := telemetry.NewMetrics()
	run := &runner{parts: runnerParams{Store: store, Metrics: metrics}, log: slog.New(slog.NewTextHandler(&log, nil))}
	require.NoError(t, run.checkLedgerRole(t.Context()))
	require.Contains(t, log.String(), "level=WARN")
	require.Contains(t, log.String(), "usher-worker migrate")
	require.Contains(t, metricsOf(t, metrics), "usher_ledger_owned 1")
}
