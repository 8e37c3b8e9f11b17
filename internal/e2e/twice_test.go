package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// until runs a command of the command line until it says something.
func (o *office) until(ctx context.Context, t *testing.T, as access.PersonID, says string, args ...string) string {
	t.Helper()
	var out string
	require.NoError(t, awaited(ctx, func(ctx context.Context) error {
		var err error
		if out, err = o.usher(ctx, as, args...); err != nil || !strings.Contains(out, says) {
			return fmt.Errorf("expected %q: %w: %s", says, err, out)
		}
		return nil
	}))
	return out
}

// TestAskingTwice: somebody looks up what there is to ask for, asks, and asks again. Who may know of the first request joins it; who may not gets one of
// their own. Once the access is there without an end, it is refused.
func TestAskingTwice(t *testing.T) {
	t.Parallel()
	o := newOffice(t, settings{starterEnv: []string{"USHER_DUPLICATES=join", "USHER_OPEN_READS=false"}})
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	defer cancel()
	o.follows(ctx, t)
	out := o.until(ctx, t, "ana", "wiki/editor", "catalog", "wiki")
	require.NotContains(t, out, "badge/lab")
	require.NotContains(t, out, "wiki-editors", "nothing of the targets")
	out, err := o.usher(ctx, "omar", "whoami")
	require.NoError(t, err, out)
	require.Contains(t, out, "Wiki (wiki)")

	o.asks(ctx, t, "first", "ana", "wiki/editor", "mia")
	o.until(ctx, t, "mia", "first", "inbox")
	o.until(ctx, t, "ana", "first", "list", "--mine", "--open")
	out, err = o.usher(ctx, "ana", "request", "wiki/editor", "--reason", "I have forgotten that I asked", "--id", "second")
	require.NoError(t, err, out)
	require.Contains(t, out, "This is asked for already")
	require.Contains(t, out, "Request  first")
	out, err = o.usher(ctx, "ben", "request", "wiki/editor", "--for", "ana", "--reason", "Ana needs it", "--id", "of-ben")
	require.NoError(t, err, out)
	require.Contains(t, out, "Request  of-ben")
	require.NotContains(t, out, "first")
	out, err = o.usher(ctx, "ben", "withdraw", "of-ben")
	require.NoError(t, err, out)

	o.approves(ctx, t, "mia", "first")
	o.ends(ctx, t, "first", access.OutcomeGranted)
	o.until(ctx, t, "mia", "Nothing awaits your decision", "inbox")
	out, err = o.usher(ctx, "ana", "request", "wiki/editor", "--reason", "Once more", "--id", "third")
	require.Error(t, err)
	require.Contains(t, out, "the lease first:1 holds it without an end")
	out, err = o.usher(ctx, "ana", "revoke", "first:1", "--reason", "I want it anew")
	require.NoError(t, err, out)
	o.asks(ctx, t, "fourth", "ana", "wiki/editor", "mia")
}
