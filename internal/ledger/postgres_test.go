package ledger_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
)

// runPostgresOnly tests what SQLite has no counterpart of.
func runPostgresOnly(t *testing.T, server string) {
	t.Run("a wrong password is forbidden and not shown", func(t *testing.T) {
		u, err := url.Parse(server)
		require.NoError(t, err)
		u.User = url.UserPassword(u.User.Username(), "hunter 2")
		s := openAt(t, u.String())
		for name, err := range everyCall(t.Context(), s) {
			requireKind(t, access.Forbidden, err)
			requireShownNowhere(t, "hunter", err)
			require.ErrorContains(t, err, "password authentication failed", name)
		}
	})
	t.Run("a database that does not exist is not found", func(t *testing.T) {
		u, err := url.Parse(server)
		require.NoError(t, err)
		u.Path = "/nowhere"
		requireKind(t, access.NotFound, openAt(t, u.String()).Ping(t.Context()))
	})
	t.Run("events cannot be truncated or given a position", func(t *testing.T) {
		address := ledgertest.CreateDatabase(t, server)
		s := openAt(t, address)
		require.NoError(t, s.Migrate(t.Context()))
		raw := rawDatabase(t, "pgx", address)
		_, err := raw.ExecContext(t.Context(), `TRUNCATE events`)
		require.ErrorContains(t, err, "events are append-only")
		_, err = raw.ExecContext(t.Context(), `INSERT INTO events (position, id, request_id, lease_id, type, at_us, actor_id, channel, body)
			VALUES (1, 'x', 'r-1', '', 'x', 0, '', '', '{}')`)
		require.ErrorContains(t, err, "position")
		_, err = raw.ExecContext(t.Context(), `TRUNCATE desk_events`)
		require.ErrorContains(t, err, "desk events are append-only")
		_, err = raw.ExecContext(t.Context(), `INSERT INTO desk_events (position, id, desk, incident_id, user_id, type, at_us, actor_id, body)
			VALUES (1, 'x', '', '', '', 'x', 0, '', '{}')`)
		require.ErrorContains(t, err, "position")
	})
	t.Run("whoever changes the register of a desk waits for whoever picks from it", func(t *testing.T) { testTurns(t, onPostgres(server)) })
	t.Run("connections that the server ended are replaced", func(t *testing.T) {
		address := ledgertest.CreateDatabase(t, server)
		s := openAt(t, address)
		require.NoError(t, s.Migrate(t.Context()))
		record(t, s, access.Entry{View: pointer(view("r-1", 1))})
		_, err := rawDatabase(t, "pgx", server).ExecContext(t.Context(),
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'usher'`)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			_, err := s.Views(t.Context(), ledger.Filter{})
			return err == nil
		}, eventually, tick, "the pool finds that its connections are gone")
	})
}

// TestServer_hangs: every call ends with its context, and the ledger is whole when the server goes on.
func TestServer_hangs(t *testing.T) {
	server := ledgertest.StartServer(t)
	s := openAt(t, ledgertest.CreateDatabase(t, server.URL()))
	require.NoError(t, s.Migrate(t.Context()))
	record(t, s, access.Entry{View: pointer(view("r-1", 1))})
	require.NoError(t, server.Freeze())
	const patience, slack = 200 * time.Millisecond, 10 * time.Second
	// In this order: the first call ends the one connection that is open.
	for _, row := range []struct {
		name string
		call func(context.Context) error
	}{
		{"writing on a connection that is open", func(ctx context.Context) error {
			return s.Record(ctx, access.Entry{View: pointer(view("r-2", 1)), Events: []access.Event{event("r-2", 1)}})
		}},
		{"on a new connection", func(ctx context.Context) error { _, err := s.View(ctx, "r-1"); return err }},
		{"asking whether it is there", s.Ping},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		began := time.Now()
		err := row.call(ctx)
		cancel()
		requireKind(t, access.Transient, err)
		require.Less(t, time.Since(began), slack, row.name)
	}
	require.NoError(t, server.Thaw())
	record(t, s, access.Entry{View: pointer(view("r-2", 1)), Events: []access.Event{event("r-2", 1)}})
	for _, id := range []access.RequestID{"r-1", "r-2"} {
		got, err := s.View(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, view(id, 1), got)
	}
	events, err := s.Events(t.Context(), "r-2")
	require.NoError(t, err)
	require.Len(t, events, 1)
}
