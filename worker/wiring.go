package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/fx"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/membership"
	"usher/internal/ledger"
	"usher/internal/policy"
	"usher/internal/telemetry"
	"usher/internal/temporalclient"
	"usher/workflows"
	"usher/workflows/registry"
)

// module puts the worker together. One Invoke: what runs; health comes first, so that it stops last. The context is the
// process's own.
func module(ctx context.Context, c *workerConfig, logger *slog.Logger) fx.Option {
	return fx.Options(
		fx.Supply(c, logger, fx.Annotate(ctx, fx.As(new(context.Context)))),
		fx.Provide(telemetry.NewMetrics, openLedger, readCatalog, dialTemporal, newFatal, newReadiness, newHealth, newWorkers, newRunner),
		fx.Invoke(func(*health, *runner) {}),
		// The chain of shutdown timeouts: what is under way < the whole stop < what ends the process (see docs/operations.md).
		fx.StopTimeout(c.ShutdownTimeout.Std()+shutdownMargin),
		// The SDK refuses a wrong registration by a panic; it is to end the start like any other mistake.
		fx.RecoverFromPanics(),
		fx.NopLogger,
	)
}

// shutdownMargin is what closing everything else may take after the activities' shutdown timeout.
const shutdownMargin = 5 * time.Second

// openLedger returns nil where no workflows are served: that worker does not know the ledger.
func openLedger(ctx context.Context, lc fx.Lifecycle, c *workerConfig) (*ledger.Store, error) {
	if !c.Serve.Workflows {
		return nil, nil
	}
	store, err := ledger.Open(ctx, c.Ledger)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(store.Close))
	return store, nil
}

// readCatalog returns nil where no workflows are served.
func readCatalog(c *workerConfig) (*policy.Catalog, error) {
	if !c.Serve.Workflows {
		return nil, nil
	}
	text, err := os.ReadFile(c.Catalog)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	catalog, err := policy.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("catalog: %s: %w", c.Catalog, err)
	}
	for _, e := range catalog.Entitlements() {
		name := cmp.Or(e.Desk, c.Desk)
		desk, ok := c.Desks[name]
		if !ok {
			return nil, fmt.Errorf("catalog: %s: desk of %s: found %q, expected one of desks: %s", c.Catalog, e.ID, name, namesOf(c.Desks))
		}
		if e.Fulfilment == access.FulfilmentManual && desk.fulfilledByNobody() {
			return nil, fmt.Errorf("desks.%s.%s.fulfilled_by: expected the accounts of those who grant access by hand, as the catalog has it for %s",
				name, desk.Kind, e.ID)
		}
		if e.Binding == nil {
			continue
		}
		if _, ok := c.Targets[e.Binding.Target]; !ok {
			return nil, fmt.Errorf("catalog: %s: %s: target: found %q, expected one of targets: %s",
				c.Catalog, e.ID, e.Binding.Target, namesOf(c.Targets))
		}
	}
	return catalog, c.groupProblems(catalog)
}

// dialParts is what a client is made of.
type dialParts struct {
	fx.In
	Config  *workerConfig
	Log     *slog.Logger
	Metrics *telemetry.Metrics
}

func dialTemporal(ctx context.Context, lc fx.Lifecycle, p dialParts) (client.Client, error) {
	temporal, err := temporalclient.Dial(ctx, p.Config.Temporal, p.Log, p.Metrics)
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
	// queues are the names of their queues, for the log.
	queues []string
	// sources are those that this worker serves: policy reads one of them, and shares its rate limit.
	sources map[access.SourceName]access.PeopleSource
}

// workerParts is what the workers are made of. Store and Catalog are nil where no workflows are served.
type workerParts struct {
	fx.In
	Config   *workerConfig
	Temporal client.Client
	Store    *ledger.Store
	Catalog  *policy.Catalog
	Metrics  *telemetry.Metrics
	Fatal    *fatal
}

func newWorkers(ctx context.Context, p workerParts) (*workers, error) {
	if p.Config.Serve.Workflows {
		// It is the SDK's, for the process, and counts for workers that are made after it.
		worker.SetStickyWorkflowCacheSize(p.Config.Limits.WorkflowCache)
		for _, gauge := range append(p.runGauges(ctx), p.watchAge().gauge(ctx)) {
			if err := p.Metrics.AddGauge(gauge); err != nil {
				return nil, err
			}
		}
	}
	w := &workers{sources: map[access.SourceName]access.PeopleSource{}}
	for _, serve := range []func(*workers, workerParts) error{serveDesks, serveTargets, serveSources, serveWorkflows} {
		if err := serve(w, p); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// add makes the worker of one queue.
func (w *workers) add(p workerParts, queue string, options worker.Options) worker.Worker {
	next := worker.New(p.Temporal, queue, options)
	w.all, w.queues = append(w.all, next), append(w.queues, queue)
	return next
}

func serveDesks(w *workers, p workerParts) error {
	for _, name := range p.Config.servedDesks() {
		config := p.Config.Desks[name]
		desk, err := config.open(name)
		if err != nil {
			return fmt.Errorf("desks.%s: %w", name, err)
		}
		queue := w.add(p, workflows.DeskQueue(name), p.Config.queueOptions(p.Fatal, config.Queue.QueueRate, false))
		port := observedDesk{p.observer("desk", string(name)), desk}
		queue.RegisterActivity(&activities.Desk{
			Port: port, Ledger: p.ledger(), Watch: p.deskWatch(config.Changes, port), Pause: activities.Sleep,
		})
		if err := p.registerUsers(queue, name, config); err != nil {
			return fmt.Errorf("desks.%s: %w", name, err)
		}
	}
	return nil
}

// registerUsers registers the activities over the users of a desk, where there is something to do with them.
func (p workerParts) registerUsers(queue worker.Worker, name access.DeskName, config deskConfig) error {
	var fields []string
	switch {
	case config.Sync != nil:
		fields = config.Sync.fields()
	case config.Incidents == nil:
		return nil
	}
	directory, err := deskKinds[config.Kind].users(config, string(name), fields)
	if err != nil {
		return err
	}
	if config.Incidents != nil {
		queue.RegisterActivity(p.integrationUsers(name, config, directory))
	}
	if config.Sync == nil {
		return nil
	}
	users, err := p.deskUsers(name, config, directory)
	if err != nil {
		return err
	}
	queue.RegisterActivity(users)
	return nil
}

// deskUsers are the activities of the sync of a desk's users.
func (p workerParts) deskUsers(name access.DeskName, config deskConfig, directory access.UserDirectory) (*activities.DeskUsers, error) {
	settings, err := config.Sync.settings(p.Config.Source)
	if err != nil {
		return nil, fmt.Errorf("sync.%w", err)
	}
	observer := p.observer("users", string(name))
	port := access.UserDirectory(observedUsers{observer, directory})
	if names := settings.Groups.Names(); len(names)+len(config.Sync.ProtectedGroups) > 0 {
		groups, has := directory.(access.UserGroups)
		if !has {
			return nil, fmt.Errorf("sync.groups: a desk of the kind %s has no groups that usher can change; expected none", config.Kind)
		}
		port = membership.New(port, observedGroups{observer, groups}, names, config.Sync.ProtectedGroups)
	}
	var belongings access.UserBelongings
	if config.Sync.HandOver != nil {
		owned, has := directory.(access.UserBelongings)
		if !has {
			return nil, fmt.Errorf("sync.hand_over: usher hands nothing over on a desk of the kind %s; expected none", config.Kind)
		}
		belongings = observedBelongings{observer, owned}
	}
	return &activities.DeskUsers{
		Port: port, Belongings: belongings, Ledger: observedLedger{Store: p.Store, metrics: p.Metrics},
		Settings: settings, Writes: config.Sync.writes(),
	}, nil
}

func serveTargets(w *workers, p workerParts) error {
	follows, _ := p.Config.followed()
	for _, name := range p.Config.servedTargets() {
		config := p.Config.Targets[name]
		target, err := config.open()
		if err != nil {
			return fmt.Errorf("targets.%s: %w", name, err)
		}
		queue := w.add(p, workflows.TargetQueue(name), p.Config.queueOptions(p.Fatal, config.Queue.QueueRate, false))
		queue.RegisterActivity(&activities.Target{
			Port: observedTarget{p.observer("target", string(name)), target}, Ledger: p.ledger(), Source: follows,
		})
	}
	return nil
}

func serveSources(w *workers, p workerParts) error {
	for _, name := range p.Config.servedSources() {
		config := p.Config.source(name)
		source, err := config.open()
		if err != nil {
			return fmt.Errorf("sources.%s: %w", name, err)
		}
		w.sources[name] = observedSource{p.observer("source", string(name)), source}
		queue := w.add(p, workflows.SourceQueue(name), p.Config.queueOptions(p.Fatal, config.Queue.QueueRate, false))
		mapping, err := config.mapping()
		if err != nil {
			return fmt.Errorf("sources.%s: %w", name, err)
		}
		only, err := config.People.only()
		if err != nil {
			return fmt.Errorf("sources.%s.people.only: %w", name, err)
		}
		queue.RegisterActivity(&activities.Source{Port: w.sources[name], Ledger: p.peopleLedger(), Mapping: mapping, Only: only})
	}
	return nil
}

// serveWorkflows registers what runs on the usher queue. It is the only place that knows the ledger and the catalog.
func serveWorkflows(w *workers, p workerParts) error {
	if !p.Config.Serve.Workflows {
		return nil
	}
	queue := w.add(p, workflows.TaskQueue, p.Config.queueOptions(p.Fatal, 0, true))
	registry.Register(queue)
	follows, leaveOrder := p.Config.followed()
	queue.RegisterActivity(&activities.Records{
		Ledger: p.ledger(), Client: p.Temporal, RequestOptions: workflows.RequestOptions,
		Source: follows, LeaveOrder: leaveOrder, Targets: p.Config.connectors().Targets,
	})
	queue.RegisterActivity(p.watch())
	queue.RegisterActivity(&activities.People{
		Ledger: p.peopleLedger(), Settings: p.Config.peopleSettings(),
		Running: activities.WorkflowRunning(p.Temporal), Started: activities.WorkflowStarted(p.Temporal),
		Follows: follows, Client: p.Temporal, LeaveOrder: leaveOrder,
	})
	syncs, err := p.Config.syncSettings(p.Catalog)
	if err != nil {
		return err
	}
	queue.RegisterActivity(&activities.UserSync{
		Ledger: observedLedger{Store: p.Store, metrics: p.Metrics}, Settings: syncs,
		Running: activities.WorkflowRunning(p.Temporal), Started: activities.WorkflowStarted(p.Temporal),
	})
	queue.RegisterActivity(&activities.Incidents{
		Ledger: observedLedger{Store: p.Store, metrics: p.Metrics}, Desk: p.Config.Desk, Settings: p.Config.incidentSettings(),
	})
	queue.RegisterActivity(&activities.Policy{
		Catalog: p.Catalog, Desk: p.Config.Desk, Settings: p.Config.requestSettings(), Source: p.Config.Source,
		Connectors: p.Config.connectors(),
		// nil where another worker serves it.
		People: w.sources[p.Config.Source],
		Ledger: p.ledger(), Follows: follows,
	})
	return nil
}

// peopleLedger is nil on a worker that does not serve the usher queue.
func (p workerParts) peopleLedger() activities.PeopleLedger {
	if p.Store == nil {
		return nil
	}
	return observedLedger{Store: p.Store, metrics: p.Metrics}
}

// ledger is nil on a worker that does not serve the usher queue.
func (p workerParts) ledger() activities.LedgerStore {
	if p.Store == nil {
		return nil
	}
	return observedLedger{Store: p.Store, metrics: p.Metrics}
}

// watch is nil on a worker that does not serve the usher queue.
func (p workerParts) watch() *activities.Watch {
	if p.Store == nil {
		return nil
	}
	return &activities.Watch{Ledger: observedLedger{Store: p.Store, metrics: p.Metrics}, Client: p.Temporal}
}

// deskWatch is the watch along with the calls of one desk.
func (p workerParts) deskWatch(c changesConfig, desk access.TicketReader) *activities.Watch {
	watch := p.watch()
	if watch != nil && c.Comments {
		watch.Comments = &activities.Comments{Port: desk, Ledger: p.ledger()}
	}
	return watch
}

// connectors names every connector that this file knows, those at the edge too.
func (c *workerConfig) connectors() activities.Connectors {
	return activities.Connectors{
		Desks:   slices.Sorted(maps.Keys(c.Desks)),
		Targets: slices.Sorted(maps.Keys(c.Targets)),
		Sources: slices.Sorted(maps.Keys(c.Sources)),
		Watched: c.watched(),
	}
}

func (p workerParts) observer(port, name string) observer {
	return observer{metrics: p.Metrics, connector: telemetry.Connector{Port: port, Name: name}}
}
