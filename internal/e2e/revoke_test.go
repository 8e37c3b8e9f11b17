package e2e_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// usher runs a command of the command line as somebody.
func (o *office) usher(ctx context.Context, as access.PersonID, args ...string) (string, error) {
	usher := exec.CommandContext(ctx, filepath.Join(o.stack.BinDir(), "usher"), args...)
	usher.Env = []string{"USHER_URL=" + o.stack.URLs().API, "USHER_AS=" + string(as)}
	out, err := usher.CombinedOutput()
	return string(out), err
}

// TestRevoke: the help desk takes back what somebody holds, by the command line, and the worker is killed at once; the directory shows that it is gone.
// What was asked for before is not granted any more, and what is asked for later is.
func TestRevoke(t *testing.T) {
	t.Parallel()
	o := newOffice(t, settings{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	o.follows(ctx, t)
	for id, who := range map[access.RequestID]access.PersonID{"held": "ben", "other": "ana"} {
		o.asks(ctx, t, id, who, "wiki/editor", "mia")
		o.approves(ctx, t, "mia", id)
		o.ends(ctx, t, id, access.OutcomeGranted)
	}
	o.asks(ctx, t, "waits", "ben", "wiki/admin", "mia")
	members, err := o.Members(ctx, "wiki-editors")
	require.NoError(t, err)
	require.ElementsMatch(t, []access.PersonID{"ana", "ben"}, members)

	out, err := o.usher(ctx, "ana", "revoke", "--person", "ben", "--reason", "I want to")
	require.Error(t, err)
	require.Contains(t, out, "only the help desk and administrators")
	out, err = o.usher(ctx, stack.HelpDesk, "revoke", "--person", "ben", "--application", "wiki", "--reason", "The laptop was stolen", "--id", "stolen")
	require.NoError(t, err, out)
	require.Contains(t, out, "lease held:1  wiki/editor")
	pid, err := o.stack.KillWorker()
	require.NoError(t, err)
	_, err = o.stack.AwaitWorker(ctx, pid)
	require.NoError(t, err)
	o.lost(ctx, t, "ben", "wiki-editors")
	members, err = o.Members(ctx, "wiki-editors")
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{"ana"}, members, "nobody else loses anything")
	out, err = o.usher(ctx, "ben", "revocations", "ben")
	require.NoError(t, err, out)
	require.Contains(t, out, "All leases that it covered have ended: 1.")
	events := 0
	detail, err := o.Show(ctx, stack.Auditor, "held")
	require.NoError(t, err)
	for _, e := range detail.Timeline {
		if e.Type == access.EventRevocationRequested {
			require.Equal(t, stack.HelpDesk, e.Actor)
			events++
		}
	}
	require.Equal(t, 1, events)

	o.approves(ctx, t, "mia", "waits")
	o.waits(ctx, t, "waits", "omar")
	o.approves(ctx, t, "omar", "waits")
	o.ends(ctx, t, "waits", access.OutcomeDenied)
	o.asks(ctx, t, "later", "ben", "wiki/editor", "mia")
	o.approves(ctx, t, "mia", "later")
	o.ends(ctx, t, "later", access.OutcomeGranted)
	out, err = o.usher(ctx, "mia", "revoke", "later:1", "--reason", "I was wrong")
	require.NoError(t, err, out)
	o.lost(ctx, t, "ben", "wiki-editors")
	out, err = o.usher(ctx, stack.HelpDesk, "revoke", "--person", "omar", "--reason", "To be sure")
	require.NoError(t, err, out)
	require.Contains(t, out, "Nothing is held of it.")
	members, err = o.Members(ctx, "wiki-admins")
	require.NoError(t, err)
	require.Empty(t, members)
}
