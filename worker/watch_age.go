package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/telemetry"
)

// watchAge holds how long ago each desk's watch last completed a poll. It asks the ledger, so every worker that
// serves workflows reports the same, whichever of them polled. While the ledger is away, the age goes on growing.
type watchAge struct {
	ledger   activities.WatchStore
	desks    []access.DeskName
	now      func() time.Time
	askedAt  time.Time
	lookedAt map[access.DeskName]time.Time
}

// How long an answer of the ledger's counts, and how long all answers may take together.
const (
	ageCounts = 5 * time.Second
	ageWithin = 2 * time.Second
)

// gauge is the metric. A desk whose watch has never completed a poll is not shown.
func (w *watchAge) gauge(ctx context.Context) telemetry.Gauge {
	return telemetry.Gauge{
		Name: "usher_watch_age_seconds", Label: "desk",
		Help: "How long ago the watch of a desk last completed a poll.",
		Read: func() map[string]float64 { return w.read(ctx) },
	}
}

// read is called once at a time.
func (w *watchAge) read(ctx context.Context) map[string]float64 {
	if w.askedAt.IsZero() || w.now().Sub(w.askedAt) >= ageCounts {
		w.ask(ctx)
	}
	ages := map[string]float64{}
	for desk, at := range w.lookedAt {
		ages[string(desk)] = w.now().Sub(at).Seconds()
	}
	return ages
}

func (w *watchAge) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ageWithin)
	defer cancel()
	w.askedAt = w.now()
	for _, desk := range w.desks {
		view, err := w.ledger.Watch(ctx, desk)
		if err == nil && view.LastPollAt.Unix() > 0 {
			w.lookedAt[desk] = view.LastPollAt
		}
	}
}

// watchAge is how old the watches of this configuration's desks are.
func (p workerParts) watchAge() *watchAge {
	return &watchAge{
		ledger: p.Store, now: time.Now, lookedAt: map[access.DeskName]time.Time{},
		desks: slices.Sorted(maps.Keys(p.Config.watched())),
	}
}
