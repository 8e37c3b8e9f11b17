package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/fx"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/policy"
	"usher/internal/telemetry"
	"usher/internal/temporalclient"
	"usher/workflows"
)

// exitFatal is the exit code when the worker ends itself.
const exitFatal = 1

// fatal ends the process when it can no longer work, with an exit code that is not 0.
type fatal struct {
	shutdown fx.Shutdowner
	log      *slog.Logger
}

func newFatal(shutdown fx.Shutdowner, logger *slog.Logger) *fatal { return &fatal{shutdown, logger} }

func (f *fatal) report(err error) {
	f.log.Error("worker ends", "error", err)
	if err := f.shutdown.Shutdown(fx.ExitCode(exitFatal)); err != nil {
		f.log.Error("shutdown", "error", err)
	}
}

// runner starts the pollers once Temporal has what usher writes and the ledger has its schema, and stops them. What is
// away at the start is waited for; what is wrong ends the process.
type runner struct {
	parts runnerParams
	log   *slog.Logger
	// started are the workers that poll.
	started []worker.Worker
}

// runnerParams is what a runner is made of. Store and Catalog are nil where no workflows are served.
type runnerParams struct {
	fx.In
	Config   *workerConfig
	Log      *slog.Logger
	Store    *ledger.Store
	Catalog  *policy.Catalog
	Temporal client.Client
	Workers  *workers
	Ready    *readiness
	Fatal    *fatal
	Metrics  *telemetry.Metrics
}

func newRunner(ctx context.Context, lc fx.Lifecycle, parts runnerParams) *runner {
	run := &runner{parts: parts, log: parts.Log}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	lc.Append(fx.StartStopHook(
		func() {
			go func() {
				defer close(done)
				run.start(ctx)
			}()
		},
		func() {
			cancel()
			<-done
			run.stop()
		}))
	return run
}

// waitForParts is how long to wait between two looks at something that is away at the start.
const waitForParts = time.Second

// step is something that must be so before the first poll.
type step struct {
	what string
	do   func(context.Context) error
}

func (r *runner) start(ctx context.Context) {
	steps := []step{{"temporal", r.checkNamespace}}
	var catalog *publisher
	if r.parts.Store != nil {
		catalog = &publisher{store: r.parts.Store, catalog: r.parts.Catalog.Published(r.parts.Config.Desk), log: r.log}
		steps = []step{
			{"ledger", r.parts.Store.Migrate}, {"roles of the ledger", r.checkLedgerRole}, steps[0], {"catalog", catalog.start},
		}
	}
	for _, step := range steps {
		if !r.retryUntilReady(ctx, step.what, step.do) {
			return
		}
	}
	for _, w := range r.parts.Workers.all {
		if err := w.Start(); err != nil {
			r.parts.Fatal.report(err)
			return
		}
		r.started = append(r.started, w)
	}
	if r.parts.Store != nil && (!r.retryUntilReady(ctx, "watches", r.ensureWatches) || !r.retryUntilReady(ctx, "scan of leases", r.ensureScan) ||
		!r.retryUntilReady(ctx, "schedules of people", r.ensurePeople) || !r.retryUntilReady(ctx, "schedules of users", r.ensureSyncs) ||
		!r.retryUntilReady(ctx, "schedules of checks", r.ensureChecks)) {
		return
	}
	r.parts.Ready.polling.Store(true)
	attributes := []any{"queues", r.parts.Workers.queues}
	if d := r.parts.Config.Deployment; d.versioned() {
		attributes = append(attributes, "deployment", d.Name, "build_id", d.BuildID)
	}
	r.log.Info("worker polls", attributes...)
	if catalog != nil {
		catalog.keep(ctx, renewCatalog)
	}
}

// checkLedgerRole refuses a role that may not do what the worker does: each grant would fail, and revokes that are paused would not be held. It warns
// of a role that no grant binds: then only usher's own code keeps it from changing the audit trail. For one host that is as it should be, so it is no
// reason to end.
func (r *runner) checkLedgerRole(ctx context.Context) error {
	missing, err := r.parts.Store.Ungranted(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return access.Errorf(access.Forbidden, "check the roles of the ledger", "the worker's role lacks %s; expected all that "+
			"usher-worker migrate -worker-role ROLE grants: run it after every update that migrates", strings.Join(missing, ", "))
	}
	unbound, err := r.parts.Store.Unbound(ctx)
	if err != nil {
		return err
	}
	r.parts.Metrics.LedgerOwned(unbound)
	if unbound {
		r.log.Warn("the ledger's role owns its tables, so the database does not keep the worker from changing the audit trail; " +
			"give the worker a role of its own: usher-worker migrate -worker-role ROLE")
	}
	return nil
}

// retryUntilReady does a step until it succeeds; false when the process is to end.
func (r *runner) retryUntilReady(ctx context.Context, what string, do func(context.Context) error) bool {
	for {
		err := do(ctx)
		if err == nil {
			return true
		}
		switch access.KindOf(err) {
		case access.Transient, access.RateLimited, access.NotFound:
			r.log.Warn("waiting for an unavailable service", "what", what, "error", err)
		case access.Invalid, access.Conflict, access.Forbidden, access.Unknown:
			r.parts.Fatal.report(err)
			return false
		}
		timer := time.NewTimer(waitForParts)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}

// ensureWatches sees to it that the watch of every desk runs whose requests rely on one.
func (r *runner) ensureWatches(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	watch := activities.Watch{Client: r.parts.Temporal}
	for desk := range r.parts.Config.watched() {
		if err := watch.EnsureWatch(ctx, workflows.EnsureWatchInputOf(desk)); err != nil {
			return err
		}
	}
	return nil
}

// ensureScan sees to it that the daily scan of leases runs.
func (r *runner) ensureScan(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	records := activities.Records{Client: r.parts.Temporal}
	return records.EnsureScan(ctx, workflows.EnsureScanInputOf())
}

// checkNamespace sees to it that the search attributes that workflows write exist, before the first poll. A worker
// without workflows writes none, and its credentials may not ask for them.
func (r *runner) checkNamespace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	options, err := r.parts.Config.Temporal.Options(r.log)
	if err != nil {
		return err
	}
	if !r.parts.Config.Serve.Workflows {
		return temporalclient.CheckNamespace(ctx, r.parts.Temporal, options.Namespace)
	}
	return temporalclient.CheckSearchAttributes(ctx, r.parts.Temporal, options.Namespace, searchAttributes())
}

// searchAttributes are those that usher's workflows write.
func searchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		workflows.AttributeState:     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeSince:     enumspb.INDEXED_VALUE_TYPE_DATETIME,
		workflows.AttributeTicket:    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeRequester: enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeSubject:   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeWaitingOn: enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	}
}

// stop lets what is under way finish, all queues at once, for up to the shutdown timeout. The SDK waits as long for each
// part of a worker in turn; here the shutdown timeout is for all together.
func (r *runner) stop() {
	r.parts.Ready.polling.Store(false)
	if len(r.started) == 0 {
		return
	}
	r.log.Info("worker polls no more and lets what is under way finish", "shutdown_timeout", r.parts.Config.ShutdownTimeout.Std())
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		var all sync.WaitGroup
		for _, w := range r.started {
			all.Go(w.Stop)
		}
		all.Wait()
	}()
	timer := time.NewTimer(r.parts.Config.ShutdownTimeout.Std() + shutdownTimeoutMargin)
	defer timer.Stop()
	began := time.Now()
	select {
	case <-finished:
	case <-timer.C:
	}
	if took := time.Since(began); took >= r.parts.Config.ShutdownTimeout.Std() {
		r.log.Warn("shutdown timeout exceeded; another worker repeats what was under way", "took", took)
	}
}

// shutdownTimeoutMargin is what the SDK's own work may take beside the shutdown timeout.
const shutdownTimeoutMargin = time.Second
