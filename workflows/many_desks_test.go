package workflows_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// settingsByDesk answers as activities.Policy does, for two desks that are asked at different intervals.
func settingsByDesk(_ context.Context, desk access.DeskName) (access.RequestSettings, error) {
	every := map[access.DeskName]time.Duration{"jira": time.Minute, "tracker": time.Hour}[desk]
	return access.RequestSettings{
		Desk: desk, SearchIndexDelay: access.Duration(time.Minute), PollInitialInterval: access.Duration(every), PollMaxInterval: access.Duration(every),
	}, nil
}

// TestRemoval_settings_of_each_desk: one person's removal tickets on two desks, each read as often as its desk's settings say.
func TestRemoval_settings_of_each_desk(t *testing.T) {
	h := newHolder(t)
	h.replace("CurrentSettings", settingsByDesk)
	reads := map[string]int{}
	h.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if info.ActivityType.Name == "ReadTicket" {
			reads[info.TaskQueue]++
		}
	})
	until := h.env.Now().Add(time.Hour)
	for i, desk := range []access.DeskName{"tracker", "jira"} {
		e := lease(access.LeaseID([]string{"r1:1", "r2:1"}[i]), []string{"vault", "wiki-editors"}[i], 0)
		e.Lease.Fulfilment, e.Lease.Desk, e.Window = access.FulfilmentManual, desk, access.Window{Until: &until}
		e.Granted = &access.Verification{Present: true, Method: "a human's word", At: h.env.Now()}
		h.target.Put(e.Lease.Binding.Role, "ana")
		h.ensureAt(0, e)
	}
	h.at(11*time.Hour, func() {
		tickets := h.desk.Tickets()
		require.Len(t, tickets, 2)
		for _, ticket := range tickets {
			require.NoError(t, h.desk.MoveAs(h.accounts["ben"], ticket.Ref.ID, access.TicketDone))
		}
		h.target.Take("vault", "ana")
		h.target.Take("wiki-editors", "ana")
	})
	h.hold()
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Greater(t, reads[workflows.DeskQueue("jira")], 500)
	require.Less(t, reads[workflows.DeskQueue("tracker")], 15)
	require.Positive(t, reads[workflows.DeskQueue("tracker")])
}

// TestDoctor_watch_of_each_desk: each watched desk has a line, and its watch is started if it does not run.
func TestDoctor_watch_of_each_desk(t *testing.T) {
	w := newWorld(t)
	w.replace("ListConnectors", func(context.Context) (activities.Connectors, error) {
		return activities.Connectors{
			Desks:   []access.DeskName{"jira", "paper", "tracker"},
			Watched: map[access.DeskName]access.Duration{"jira": access.Duration(time.Minute), "tracker": access.Duration(2 * time.Minute)},
		}, nil
	})
	w.replace("CheckWatch", func(_ context.Context, in activities.CheckWatchInput) (activities.CheckResult, error) {
		if in.Desk == "jira" {
			return activities.CheckResult{Problem: "late"}, nil
		}
		return activities.CheckResult{}, nil
	})
	var ensured []access.DeskName
	w.replace("EnsureWatch", func(_ context.Context, in activities.EnsureWatchInput) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		ensured = append(ensured, in.Desk)
		return nil
	})
	report := diagnose(t, w, workflows.DoctorParams{})
	lines := map[string]workflows.DoctorLine{}
	for _, line := range report.Lines {
		lines[line.Connector] = line
	}
	require.Equal(t, "late; it was started again if it did not run, so ask again in a minute", lines["watch/jira"].Problem)
	require.Equal(t, "its last poll was less than 2m ago", lines["watch/tracker"].Note)
	require.NotContains(t, lines, "watch/paper")
	slices.Sort(ensured)
	require.Equal(t, []access.DeskName{"jira", "tracker"}, ensured)
}
