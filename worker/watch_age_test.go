package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/telemetry"
)

// rounds is a ledger that knows when the last rounds were.
type rounds struct {
	activities.WatchStore
	at    map[access.DeskName]time.Time
	err   error
	asked int
}

func (r *rounds) Watch(_ context.Context, desk access.DeskName) (access.WatchPosition, error) {
	r.asked++
	return access.WatchPosition{Desk: desk, LastPollAt: r.at[desk]}, r.err
}

func TestWatchAge_from_the_ledger(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	ledger := &rounds{at: map[access.DeskName]time.Time{"jira": now.Add(-40 * time.Second), "never": time.UnixMicro(0)}}
	age := &watchAge{
		ledger: ledger, desks: []access.DeskName{"jira", "never"}, now: func() time.Time { return now },
		lookedAt: map[access.DeskName]time.Time{},
	}
	require.Equal(t, map[string]float64{"jira": 40}, age.read(t.Context()))
	now = now.Add(time.Second)
	require.Equal(t, map[string]float64{"jira": 41}, age.read(t.Context()))
	require.Equal(t, 2, ledger.asked, "an answer counts for a while")

	ledger.at["jira"], now = now, now.Add(ageCounts)
	require.Equal(t, map[string]float64{"jira": 5}, age.read(t.Context()))
	ledger.err, now = errors.New("away"), now.Add(time.Hour)
	require.Equal(t, map[string]float64{"jira": 3605}, age.read(t.Context()), "while the ledger is away the age grows")
}

func TestWatchAge_watched_desks(t *testing.T) {
	c, err := load(t)
	require.NoError(t, err)
	require.Equal(t, []access.DeskName{"jira"}, workerParts{Config: &c}.watchAge().desks)
	jira := c.Desks["jira"]
	jira.Changes.ChangeDetection = access.DetectByPoll
	c.Desks["jira"] = jira
	require.Empty(t, workerParts{Config: &c}.watchAge().desks)

	m := telemetry.NewMetrics()
	age := &watchAge{
		ledger: &rounds{at: map[access.DeskName]time.Time{"jira": time.Now()}}, desks: []access.DeskName{"jira"}, now: time.Now,
		lookedAt: map[access.DeskName]time.Time{},
	}
	require.NoError(t, m.AddGauge(age.gauge(t.Context())))
	require.Contains(t, metricsOf(t, m), `usher_watch_age_seconds{desk="jira"} `)
}
