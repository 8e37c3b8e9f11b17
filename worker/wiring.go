package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/fx"

	"usher/activities"
	"usher/internal/ledger"
	"usher/internal/policy"
	"usher/internal/temporalclient"
	"usher/workflows"
)

// module puts the worker together. One Invoke: what runs. The context is the process's own.
func module(ctx context.Context, c *settings, logger *slog.Logger) fx.Option {
	return fx.Options(
		fx.Supply(c, logger, fx.Annotate(ctx, fx.As(new(context.Context)))),
		fx.Provide(openLedger, readCatalog, dialTemporal, newFatal, newWorkers, newRunner, newHealth),
		fx.Invoke(func(*runner, *health) {}),
		// The chain of grace: what is under way < the whole stop < what ends the process (see docs/operations.md).
		fx.StopTimeout(c.Grace.Std()+stopMargin),
		fx.NopLogger,
	)
}

// stopMargin is what closing everything else may take after the activities' own grace.
const stopMargin = 5 * time.Second

func openLedger(ctx context.Context, lc fx.Lifecycle, c *settings) (*ledger.Store, error) {
	store, err := ledger.Open(ctx, c.Ledger)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(store.Close))
	return store, nil
}

func readCatalog(c *settings) (*policy.Catalog, error) {
	text, err := os.ReadFile(c.Catalog)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	catalog, err := policy.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("catalog: %s: %w", c.Catalog, err)
	}
	for _, e := range catalog.Entitlements() {
		if e.Binding == nil {
			continue
		}
		if _, ok := c.Targets[e.Binding.Target]; !ok {
			return nil, fmt.Errorf("catalog: %s: %s: target: found %q, expected one of targets: %s",
				c.Catalog, e.ID, e.Binding.Target, namesOf(c.Targets))
		}
	}
	return catalog, nil
}

func dialTemporal(ctx context.Context, lc fx.Lifecycle, c *settings, logger *slog.Logger) (client.Client, error) {
	temporal, err := temporalclient.Dial(ctx, c.Temporal, logger)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(temporal.Close))
	return temporal, nil
}

// workers are this process's pollers: one for the workflows, one for each connector's queue, so that a worker at the
// edge can serve a single connector.
type workers struct {
	all []worker.Worker
	// names are the connectors' queues, for the log.
	queues []string
}

func newWorkers(c *settings, temporal client.Client, store *ledger.Store, catalog *policy.Catalog, fail *fatal) (*workers, error) {
	w := &workers{}
	connectors := activities.Connectors{}
	options := worker.Options{
		WorkerStopTimeout: c.Grace.Std(),
		// How long a message for a cached run waits for a worker that has died: shorter than what an API caller waits.
		StickyScheduleToStartTimeout: 2 * time.Second,
		DisableRegistrationAliasing:  true,
		OnFatalError:                 fail.report,
	}
	queue := func(name string) worker.Worker {
		next := worker.New(temporal, name, options)
		w.all, w.queues = append(w.all, next), append(w.queues, name)
		return next
	}
	for name, desk := range c.Desks {
		port, err := desk.open(name)
		if err != nil {
			return nil, fmt.Errorf("desks.%s: %w", name, err)
		}
		connectors.Desks = append(connectors.Desks, name)
		queue(workflows.DeskQueue(name)).RegisterActivity(&activities.Desk{Port: port})
	}
	for name, target := range c.Targets {
		port, err := target.open()
		if err != nil {
			return nil, fmt.Errorf("targets.%s: %w", name, err)
		}
		connectors.Targets = append(connectors.Targets, name)
		queue(workflows.TargetQueue(name)).RegisterActivity(&activities.Target{Port: port})
	}
	for name, source := range c.Sources {
		port, err := source.open()
		if err != nil {
			return nil, fmt.Errorf("sources.%s: %w", name, err)
		}
		connectors.Sources = append(connectors.Sources, name)
		queue(workflows.SourceQueue(name)).RegisterActivity(&activities.Source{Port: port})
	}
	main := queue(workflows.TaskQueue)
	workflows.Register(main)
	main.RegisterActivity(&activities.Records{Ledger: store})
	main.RegisterActivity(&activities.Messages{Client: temporal})
	main.RegisterActivity(&activities.Policy{Catalog: catalog, Terms: c.terms(), Source: c.Source, Connectors: connectors})
	return w, nil
}
