package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// shows waits until a text stands in what the command line shows of a request.
func (o *office) shows(ctx context.Context, t *testing.T, as access.PersonID, id access.RequestID, text string) {
	t.Helper()
	_, err := o.Await(ctx, id, func(stack.Detail) error {
		out, err := o.usher(ctx, as, "show", string(id))
		if err == nil && !strings.Contains(out, text) {
			return fmt.Errorf("expected %q, found: %s", text, out)
		}
		return err
	})
	require.NoError(t, err)
}

// TestPause: an administrator pauses grants on the directory by the command line, and the worker is killed at once. What is approved waits, and says why;
// after the resume the directory is changed again.
func TestPause(t *testing.T) {
	t.Parallel()
	o := newOffice(t, settings{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	o.follows(ctx, t)
	const admin = stack.Auditor
	out, err := o.usher(ctx, stack.HelpDesk, "pause", "grants", "--reason", "I want to")
	require.Error(t, err)
	require.Contains(t, out, "Only administrators")
	out, err = o.usher(ctx, admin, "pause", "grants", "dierctory", "--reason", "repair")
	require.Error(t, err)
	require.Contains(t, out, `there is no target "dierctory"; there are: directory`)
	out, err = o.usher(ctx, admin, "pause", "grants", "directory", "--reason", "the directory is repaired", "--id", "repair")
	require.NoError(t, err, out)
	require.Contains(t, out, "Grants on directory are paused.")
	pid, err := o.stack.KillWorker()
	require.NoError(t, err)
	_, err = o.stack.AwaitWorker(ctx, pid)
	require.NoError(t, err)

	o.asks(ctx, t, "paused", "ben", "wiki/editor", "mia")
	o.approves(ctx, t, "mia", "paused")
	o.shows(ctx, t, "ben", "paused", "grants on directory are paused by "+string(admin))
	members, err := o.Members(ctx, "wiki-editors")
	require.NoError(t, err)
	require.Empty(t, members)
	out, err = o.usher(ctx, admin, "doctor")
	require.NoError(t, err, out)
	require.Contains(t, out, "paused grants (directory): warning\n    grants on directory are paused by "+string(admin))

	// A request that is taken back while it waits ends at once.
	_, err = o.Withdraw(ctx, "ben", "paused", "it takes too long")
	require.NoError(t, err)
	o.ends(ctx, t, "paused", access.OutcomeWithdrawn)

	out, err = o.usher(ctx, admin, "resume", "grants")
	require.NoError(t, err, out)
	require.Contains(t, out, "Still, grants on directory are paused by "+string(admin), "that of one target stays")
	out, err = o.usher(ctx, admin, "resume", "grants", "directory")
	require.NoError(t, err, out)
	out, err = o.usher(ctx, stack.HelpDesk, "pauses")
	require.NoError(t, err, out)
	require.Equal(t, "Nothing is paused.\n", out)
	o.asks(ctx, t, "later", "ana", "wiki/editor", "mia")
	o.approves(ctx, t, "mia", "later")
	o.ends(ctx, t, "later", access.OutcomeGranted)
	members, err = o.Members(ctx, "wiki-editors")
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{"ana"}, members)
}
