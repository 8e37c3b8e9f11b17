package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
	"usher/internal/telemetry"
)

func TestPeopleGauges(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	runs := map[access.SourceName]access.PeopleRun{"hr": {EndedAt: now.Add(-time.Hour), Held: 7}}
	var away error
	asked := 0
	g := &peopleRuns{
		last: func(_ context.Context, source access.SourceName) (access.PeopleRun, error) {
			asked++
			if run, found := runs[source]; found {
				return run, away
			}
			return access.PeopleRun{}, access.Errorf(access.NotFound, "read", "none")
		},
		names: []access.SourceName{"crm", "hr"}, now: func() time.Time { return now }, runs: map[access.SourceName]access.PeopleRun{},
	}
	all := peopleGauges(t.Context(), g)
	require.Equal(t, map[string]float64{"hr": 3600}, all[0].Read())
	require.Equal(t, map[string]float64{"hr": 7}, all[1].Read())
	require.Equal(t, 2, asked, "an answer counts for a while, for both")
	now, away = now.Add(time.Hour), errors.New("away")
	require.Equal(t, map[string]float64{"hr": 7200}, all[0].Read(), "while the ledger is away the age grows")

	m := telemetry.NewMetrics()
	for _, gauge := range all {
		require.NoError(t, m.AddGauge(gauge))
	}
	require.Contains(t, metricsOf(t, m), `usher_people_held{source="hr"} 7`)
	require.Contains(t, metricsOf(t, m), `usher_people_age_seconds{source="hr"} 7200`)
}

func TestRunGauges_of_the_configuration(t *testing.T) {
	c, err := loadPeople(t, `{every: 1h}`)
	require.NoError(t, err)
	require.Equal(t, []access.SourceName{"directory"}, lastRunsOf(c.peopleSettings(), (*ledger.Store)(nil).LastPeopleRun).names)
}

func TestPendingGauge(t *testing.T) {
	pending := map[access.SourceName]int{"hr": 3}
	gauge := pendingGauge(t.Context(), lastRunsOf(pending, func(_ context.Context, source access.SourceName) (int, error) { return pending[source], nil }))
	require.Equal(t, map[string]float64{"hr": 3}, gauge.Read())
	m := telemetry.NewMetrics()
	require.NoError(t, m.AddGauge(gauge))
	require.Contains(t, metricsOf(t, m), `usher_people_notices_pending{source="hr"} 3`)
}

// Of a desk the last run counts that was over everybody and wrote: a preview in between says nothing about the others.
func TestSyncGauges(t *testing.T) {
	store := ledgertest.SQLite(t)
	began := time.Now().Add(-2 * time.Hour)
	for i, run := range []access.SyncRun{
		{States: map[access.SyncState]int{access.SyncHeld: 7, access.SyncFailed: 2}}, {Dry: true}, {Scope: access.SyncScope{Person: "p"}}, {Problem: "the desk is down"},
	} {
		run.Desk, run.ID, run.BeganAt = "it", fmt.Sprint("run-", i), began.Add(time.Duration(i)*time.Minute)
		require.NoError(t, store.BeginSyncRun(t.Context(), run))
		run.EndedAt = run.BeganAt.Add(time.Second)
		require.NoError(t, store.SaveSyncRun(t.Context(), run))
	}
	_, err := lastSync(t.Context(), store, "other")
	require.True(t, access.IsKind(err, access.NotFound))
	all := syncGauges(t.Context(), lastRunsOf(map[access.DeskName]bool{"it": true, "other": true}, func(ctx context.Context, desk access.DeskName) (access.SyncRun, error) {
		return lastSync(ctx, store, desk)
	}))
	require.InDelta(t, 7199, all[0].Read()["it"], 60)
	require.Equal(t, map[string]float64{"it": 7}, all[1].Read())
	require.Equal(t, map[string]float64{"it": 2}, all[2].Read())
}

func TestIncidentGauges(t *testing.T) {
	store := ledgertest.SQLite(t)
	for i, v := range []access.IncidentView{
		{State: access.IncidentOpen, Assignee: &access.IncidentAssignee{User: "u1"}}, {State: access.IncidentOpen}, {State: access.IncidentClosed},
	} {
		v.Incident.ID, v.Desk, v.Version = access.IncidentID(fmt.Sprint("i", i)), "it", 1
		require.NoError(t, store.SaveIncident(t.Context(), v))
	}
	for i, flagged := range []string{"", "off", "off"} {
		require.NoError(t, store.SaveIntegrationUser(t.Context(), access.IntegrationUser{Desk: "it", ID: access.UserID(fmt.Sprint("u", i)), Flagged: flagged},
			access.DeskEvent{ID: fmt.Sprint("e", i), Type: access.DeskUserAdded}))
	}
	var shown []float64
	for _, gauge := range incidentGauges(t.Context(), lastRunsOf(map[access.DeskName]bool{"it": true}, store.CountIncidents)) {
		shown = append(shown, gauge.Read()["it"])
	}
	require.Equal(t, []float64{2, 2, 2}, shown, "one incident is with nobody, and one with a user who is switched off")
}

func TestPausedGauges(t *testing.T) {
	store := ledgertest.SQLite(t)
	save := func(id access.PauseID, what access.PausedWork, target access.TargetName, paused bool) {
		_, err := store.SavePause(t.Context(), access.Pause{
			ID: id, What: what, Target: target, Paused: paused, By: "adam", Reason: "repair", At: time.Now(),
		})
		require.NoError(t, err)
	}
	now := time.Now()
	l := workerParts{Store: store}.lastPauses()
	l.now = func() time.Time { return now }
	gauges := pausedGauges(t.Context(), l, []access.TargetName{"crm", "wiki"})
	m := telemetry.NewMetrics()
	for _, gauge := range gauges {
		require.NoError(t, m.AddGauge(gauge))
	}
	require.Equal(t, map[string]float64{"crm": 0, "wiki": 0}, gauges[0].Read())
	save("p-1", access.PausedGrants, "wiki", true)
	save("p-2", access.PausedRevokes, "", true)
	save("p-3", access.PausedRevokes, "wiki", false)
	now = now.Add(time.Minute)
	require.Equal(t, map[string]float64{"crm": 0, "wiki": 1}, gauges[0].Read())
	require.Equal(t, map[string]float64{"crm": 1, "wiki": 1}, gauges[1].Read(), "a resume of one target does not end the pause of all")
	require.Contains(t, metricsOf(t, m), `usher_paused{target="crm",what="grants"} 0`)
	require.Contains(t, metricsOf(t, m), `usher_paused{target="crm",what="revokes"} 1`)
	require.NoError(t, store.Close())
	now = now.Add(time.Minute)
	require.Equal(t, map[string]float64{"crm": 0, "wiki": 1}, gauges[0].Read(), "while the ledger is away, what was known counts")
}
