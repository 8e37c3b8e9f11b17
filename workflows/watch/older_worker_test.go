package watch_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows/watch"
)

// TestWatch_older_worker: a desk is added to the configuration, and the workers are replaced one by one. The first of the new ones
// starts the watch, and one of the old ones, which does not know the desk, is asked for the settings.
func TestWatch_older_worker(t *testing.T) {
	w := newWorld(t)
	other := w.settings
	other.Desk = "tracker"
	older := &activities.Policy{Desk: "tracker", Settings: map[access.DeskName]access.RequestSettings{"tracker": other}}
	newer := &activities.Policy{Desk: "tracker", Settings: map[access.DeskName]access.RequestSettings{"tracker": other, "jira": w.settings}}
	until := w.begun.Add(5 * time.Minute)
	w.env.RegisterActivityWithOptions(func(ctx context.Context, desk access.DeskName) (access.RequestSettings, error) {
		if w.env.Now().Before(until) {
			return older.CurrentSettings(ctx, desk)
		}
		return newer.CurrentSettings(ctx, desk)
	}, activity.RegisterOptions{Name: "CurrentSettings", DisableAlreadyRegisteredCheck: true})
	w.run(t, 24*time.Hour, watch.Params{})
	require.NotEmpty(t, w.calls(), "the desk is watched as soon as all workers know it")
}
