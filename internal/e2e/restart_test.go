package e2e_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// TestStopAndStartAgain stops the whole system while a request is open and a lease is held, and starts it again on what
// was left on disk.
func TestStopAndStartAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startIn(t, dir, settings{})
	ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
	defer cancel()
	waiting := &row{name: "stopped and started again: waiting for a decision", ask: "wiki/admin", want: granted}
	held := &row{name: "stopped and started again: lease held", ask: "wiki/editor", lasts: "25s", want: gone}
	rows := []*row{waiting, held}
	require.NoError(t, waiting.on(ctx, s, "restart-1"))
	require.NoError(t, held.on(ctx, s, "restart-2"))
	require.NoError(t, each(rows, func(r *row) error { return r.open(ctx) }))
	require.NoError(t, waiting.decide(ctx, "mia", access.Approve))
	require.NoError(t, errors.Join(held.approve(ctx), held.state(ctx, access.OutcomeGranted)))

	pids, urls := s.stack.Pids(), s.stack.URLs()
	require.NoError(t, s.stack.Stop(ctx))
	for part, pid := range map[string]int{
		"temporal": pids.Temporal, "simulator": pids.Simulator, "worker": pids.Worker, "starter": pids.Starter,
	} {
		require.NotZero(t, pid, part)
		require.True(t, isGone(pid), "%s (pid %d) is left behind", part, pid)
	}
	for _, address := range []string{urls.API, urls.Desk, urls.DirectoryAPI, urls.WorkerHealth, "http://" + urls.TemporalAddress} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		conn, err := net.Dial("tcp", u.Host)
		if err == nil {
			require.NoError(t, conn.Close())
		}
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "somebody still listens at %s", address)
	}
	require.False(t, stack.Running(dir))

	again := startIn(t, dir, settings{})
	for _, r := range rows {
		r.system = again
	}
	require.NoError(t, waiting.decide(ctx, "omar", access.Approve))
	require.NoError(t, each(rows, func(r *row) error { return r.ends(ctx) }))
	table(ctx, t, rows)
}

// isGone reports that there is no process of that id, or only what its parent has not collected yet.
func isGone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(status), ") Z ")
}
