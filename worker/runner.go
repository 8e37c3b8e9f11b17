package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/fx"

	"usher/internal/access"
	"usher/internal/ledger"
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
	config   *settings
	log      *slog.Logger
	store    *ledger.Store
	temporal client.Client
	workers  *workers
	fatal    *fatal
	ready    atomic.Bool
}

func newRunner(ctx context.Context, lc fx.Lifecycle, r runnerParts) *runner {
	run := &runner{config: r.Config, log: r.Log, store: r.Store, temporal: r.Temporal, workers: r.Workers, fatal: r.Fatal}
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

// runnerParts is what a runner is made of.
type runnerParts struct {
	fx.In
	Config   *settings
	Log      *slog.Logger
	Store    *ledger.Store
	Temporal client.Client
	Workers  *workers
	Fatal    *fatal
}

// waitForParts is how long to wait between two looks at something that is away at the start.
const waitForParts = time.Second

func (r *runner) start(ctx context.Context) {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"ledger", r.store.Migrate},
		{"temporal", r.checkNamespace},
	} {
		if !r.insist(ctx, step.what, step.do) {
			return
		}
	}
	for _, w := range r.workers.all {
		if err := w.Start(); err != nil {
			r.fatal.report(err)
			return
		}
	}
	r.ready.Store(true)
	r.log.Info("worker polls", "queues", r.workers.queues)
}

// insist does a step until it succeeds; false when the process is to end.
func (r *runner) insist(ctx context.Context, what string, do func(context.Context) error) bool {
	for {
		err := do(ctx)
		if err == nil {
			return true
		}
		switch access.KindOf(err) {
		case access.Transient, access.RateLimited, access.NotFound:
			r.log.Warn("waiting for what is away", "what", what, "error", err)
		case access.Invalid, access.Conflict, access.Forbidden, access.Unknown:
			r.fatal.report(err)
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

// checkNamespace sees to it that the search attributes that workflows write exist, before the first poll.
func (r *runner) checkNamespace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	options, err := r.config.Temporal.Options(r.log)
	if err != nil {
		return err
	}
	return temporalclient.CheckSearchAttributes(ctx, r.temporal, options.Namespace, searchAttributes())
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

// stop lets what is under way finish, all queues at once, for as long as the grace allows.
func (r *runner) stop() {
	if !r.ready.Swap(false) {
		return
	}
	var all sync.WaitGroup
	for _, w := range r.workers.all {
		all.Go(w.Stop)
	}
	all.Wait()
}
