package main

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/telemetry"
)

// lastRuns are the last runs over sources or desks, by their names. They are read from the ledger, so every worker that serves workflows shows
// the same.
type lastRuns[K ~string, R any] struct {
	last  func(context.Context, K) (R, error)
	names []K
	now   func() time.Time

	mu      sync.Mutex
	askedAt time.Time
	runs    map[K]R
}

// read returns what reads a value of each run. One that there is none of is not shown.
func (l *lastRuns[K, R]) read(ctx context.Context, value func(R) float64) func() map[string]float64 {
	return func() map[string]float64 {
		values := map[string]float64{}
		for name, run := range l.current(ctx) {
			values[string(name)] = value(run)
		}
		return values
	}
}

// current returns the runs, of a short while ago at most where the ledger answers.
func (l *lastRuns[K, R]) current(ctx context.Context) map[K]R {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.askedAt.IsZero() || l.now().Sub(l.askedAt) >= ageCounts {
		l.ask(ctx)
	}
	return maps.Clone(l.runs)
}

// ask reads the last runs. While the ledger is away, those from before count.
func (l *lastRuns[K, R]) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ageWithin)
	defer cancel()
	l.askedAt = l.now()
	for _, name := range l.names {
		if run, err := l.last(ctx, name); err == nil {
			l.runs[name] = run
		}
	}
}

// lastRunsOf are the last runs over those whom a section of the configuration names.
func lastRunsOf[K ~string, R, S any](section map[K]S, last func(context.Context, K) (R, error)) *lastRuns[K, R] {
	return &lastRuns[K, R]{last: last, names: slices.Sorted(maps.Keys(section)), now: time.Now, runs: map[K]R{}}
}

type peopleRuns = lastRuns[access.SourceName, access.PeopleRun]

// peopleGauges show how the last run over the people of each source stands that did not fail.
func peopleGauges(ctx context.Context, l *peopleRuns) []telemetry.Gauge {
	return []telemetry.Gauge{
		{
			Name: "usher_people_age_seconds", Label: "source",
			Help: "How long ago the last run over the people of a source ended that did not fail.",
			Read: l.read(ctx, func(r access.PeopleRun) float64 { return l.now().Sub(r.EndedAt).Seconds() }),
		},
		{
			Name: "usher_people_held", Label: "source",
			Help: "How many changes the last run over the people of a source that did not fail held back.",
			Read: l.read(ctx, func(r access.PeopleRun) float64 { return float64(r.Held) }),
		},
	}
}

// pendingGauge shows what of the followed source requests and leases have not been notified of.
func pendingGauge(ctx context.Context, l *lastRuns[access.SourceName, int]) telemetry.Gauge {
	return telemetry.Gauge{
		Name: "usher_people_notices_pending", Label: "source",
		Help: "Of how many people a change was applied that requests and leases have not been notified of.",
		Read: l.read(ctx, func(n int) float64 { return float64(n) }),
	}
}

type syncRuns = lastRuns[access.DeskName, access.SyncRun]

// syncGauges show how the last run over all users of each desk stands that did not fail.
func syncGauges(ctx context.Context, l *syncRuns) []telemetry.Gauge {
	return []telemetry.Gauge{
		{
			Name: "usher_sync_age_seconds", Label: "desk",
			Help: "How long ago the last run over all users of a desk ended that did not fail.",
			Read: l.read(ctx, func(r access.SyncRun) float64 { return l.now().Sub(r.EndedAt).Seconds() }),
		},
		{
			Name: "usher_sync_held", Label: "desk",
			Help: "How many rows, and leavers who own something, the last run over all users of a desk that did not fail held back.",
			Read: l.read(ctx, func(r access.SyncRun) float64 { return float64(r.Held()) }),
		},
		{
			Name: "usher_sync_failed", Label: "desk",
			Help: "How many rows of the last run over all users of a desk that did not fail the desk refused.",
			Read: l.read(ctx, func(r access.SyncRun) float64 { return float64(r.States[access.SyncFailed]) }),
		},
	}
}

// incidentGauges show how the incidents and the integration users of each desk stand.
func incidentGauges(ctx context.Context, l *lastRuns[access.DeskName, access.IncidentCounts]) []telemetry.Gauge {
	return []telemetry.Gauge{
		{
			Name: "usher_incidents_open", Label: "desk", Help: "How many incidents of other systems have not ended.",
			Read: l.read(ctx, func(n access.IncidentCounts) float64 { return float64(n.Open) }),
		},
		{
			Name: "usher_incidents_unassigned", Label: "desk", Help: "How many of them are with nobody who works on them: with nobody, or with an integration user who is flagged or was removed.",
			Read: l.read(ctx, func(n access.IncidentCounts) float64 { return float64(n.Unassigned) }),
		},
		{
			Name: "usher_integration_users_flagged", Label: "desk", Help: "How many integration users get no ticket, because they are switched off or gone.",
			Read: l.read(ctx, func(n access.IncidentCounts) float64 { return float64(n.Flagged) }),
		},
	}
}

// pausedGauges show what of usher's work is paused on each target, whether by a pause of the target or of all.
func pausedGauges(ctx context.Context, l *lastRuns[string, []access.Pause], targets []access.TargetName) []telemetry.Gauge {
	var gauges []telemetry.Gauge
	for _, what := range []access.PausedWork{access.PausedGrants, access.PausedRevokes} {
		gauges = append(gauges, telemetry.Gauge{
			Name: "usher_paused", Label: "target", Fixed: map[string]string{"what": string(what)},
			Help: "Whether grants, or revokes, on a target are paused: 1 or 0.",
			Read: func() map[string]float64 {
				values := map[string]float64{}
				for _, pauses := range l.current(ctx) {
					for _, target := range targets {
						values[string(target)] = 0
						if slices.ContainsFunc(pauses, func(p access.Pause) bool { return p.Holds(what, target) }) {
							values[string(target)] = 1
						}
					}
				}
				return values
			},
		})
	}
	return gauges
}

// lastPauses reads what is paused: of all of usher at once, so under one name.
func (p workerParts) lastPauses() *lastRuns[string, []access.Pause] {
	return lastRunsOf(map[string]bool{"": true}, func(ctx context.Context, _ string) ([]access.Pause, error) { return p.Store.Pauses(ctx) })
}

// syncRunsBack is among how many runs the last one over all users is looked for: previews and dry runs come between.
const syncRunsBack = 200

// lastSync returns the last run over all users of a desk that applied its plan and did not fail. NotFound: there is none.
func lastSync(ctx context.Context, store *ledger.Store, desk access.DeskName) (access.SyncRun, error) {
	runs, err := store.SyncRuns(ctx, desk, time.Time{}, syncRunsBack)
	for _, r := range runs {
		if r.Ended() && r.Problem == "" && !r.Dry && r.Scope.Everybody() {
			return r, nil
		}
	}
	if err == nil {
		err = access.Errorf(access.NotFound, "read the last sync", "there is none of %s", desk)
	}
	return access.SyncRun{}, err
}

// runGauges are those of the sources that list people, of the desks whose users follow, and of the targets that may be paused.
func (p workerParts) runGauges(ctx context.Context) []telemetry.Gauge {
	synced := map[access.DeskName]*syncConfig{}
	for name, d := range p.Config.Desks {
		if d.Sync != nil {
			synced[name] = d.Sync
		}
	}
	followed := map[access.SourceName]bool{}
	if source, _ := p.Config.followed(); source != "" {
		followed[source] = true
	}
	all := append(peopleGauges(ctx, lastRunsOf(p.Config.peopleSettings(), p.Store.LastPeopleRun)),
		pendingGauge(ctx, lastRunsOf(followed, p.Store.CountPendingNotices)))
	all = append(all, pausedGauges(ctx, p.lastPauses(), p.Config.connectors().Targets)...)
	all = append(all, incidentGauges(ctx, lastRunsOf(p.Config.incidentSettings(), p.Store.CountIncidents))...)
	return append(all, syncGauges(ctx, lastRunsOf(synced, func(ctx context.Context, desk access.DeskName) (access.SyncRun, error) {
		return lastSync(ctx, p.Store, desk)
	}))...)
}
