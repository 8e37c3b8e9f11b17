package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"usher/internal/access"
	"usher/internal/telemetry"
)

// peopleGauges show how the last run over the people of each source stands. They ask the ledger, so every worker that serves workflows
// reports the same.
type peopleGauges struct {
	last    func(context.Context, access.SourceName) (access.PeopleRun, error)
	sources []access.SourceName
	now     func() time.Time

	mu      sync.Mutex
	askedAt time.Time
	runs    map[access.SourceName]access.PeopleRun
}

// gauges are the metrics. A source of which no run has ended well is not shown.
func (p *peopleGauges) gauges(ctx context.Context) []telemetry.Gauge {
	return []telemetry.Gauge{
		{
			Name: "usher_people_age_seconds", Label: "source",
			Help: "How long ago the last run over the people of a source ended that did not fail.",
			Read: p.read(ctx, func(r access.PeopleRun) float64 { return p.now().Sub(r.EndedAt).Seconds() }),
		},
		{
			Name: "usher_people_held", Label: "source",
			Help: "How many changes the last run over the people of a source that did not fail held back.",
			Read: p.read(ctx, func(r access.PeopleRun) float64 { return float64(r.Held) }),
		},
	}
}

func (p *peopleGauges) read(ctx context.Context, value func(access.PeopleRun) float64) func() map[string]float64 {
	return func() map[string]float64 {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.askedAt.IsZero() || p.now().Sub(p.askedAt) >= ageCounts {
			p.ask(ctx)
		}
		values := map[string]float64{}
		for source, run := range p.runs {
			values[string(source)] = value(run)
		}
		return values
	}
}

// ask reads the last runs. While the ledger is away, those from before count.
func (p *peopleGauges) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ageWithin)
	defer cancel()
	p.askedAt = p.now()
	for _, source := range p.sources {
		if run, err := p.last(ctx, source); err == nil {
			p.runs[source] = run
		}
	}
}

// peopleGauges are those of the sources that list people.
func (p workerParts) peopleGauges() *peopleGauges {
	all := &peopleGauges{last: p.Store.LastPeopleRun, now: time.Now, runs: map[access.SourceName]access.PeopleRun{}}
	for source := range p.Config.peopleSettings() {
		all.sources = append(all.sources, source)
	}
	slices.Sort(all.sources)
	return all
}
