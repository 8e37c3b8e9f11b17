package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/telemetry"
)

func TestPeopleGauges(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	runs := map[access.SourceName]access.PeopleRun{"hr": {EndedAt: now.Add(-time.Hour), Held: 7}}
	var away error
	asked := 0
	g := &peopleGauges{
		last: func(_ context.Context, source access.SourceName) (access.PeopleRun, error) {
			asked++
			if run, found := runs[source]; found {
				return run, away
			}
			return access.PeopleRun{}, access.Errorf(access.NotFound, "read", "none")
		},
		sources: []access.SourceName{"crm", "hr"}, now: func() time.Time { return now }, runs: map[access.SourceName]access.PeopleRun{},
	}
	all := g.gauges(t.Context())
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

func TestPeopleGauges_of_the_configuration(t *testing.T) {
	c, err := loadPeople(t, `{every: 1h}`)
	require.NoError(t, err)
	require.Equal(t, []access.SourceName{"directory"}, workerParts{Config: &c}.peopleGauges().sources)
}
