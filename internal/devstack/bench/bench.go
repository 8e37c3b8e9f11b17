package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/client"

	"usher/internal/devstack/stack"
	"usher/internal/temporalclient"
)

// Options say how to measure. Root, Out and FloorCommand are required.
type Options struct {
	// Root is the folder of usher's go.mod; the programs are built into its bin.
	Root string
	Out  io.Writer
	// FloorCommand starts a floor worker (see RunFloorWorker) when the server's address, the file of the plays and the
	// queue of the record's workflows are added to it.
	FloorCommand []string
	// Full measures the rest as well, for which ten minutes are too short.
	Full bool
	// Only is the one part to measure: PartLeases, PartCount, PartThroughput, PartWaiting, PartSync or PartSyncDelta; "" means all but the last two, which
	// Full has as well. PartSync has PartSyncDelta with it. The figures of the others are then "not measured".
	Only string
}

// The parts of a benchmark.
const (
	PartLeases     = "leases"
	PartCount      = "count"
	PartThroughput = "throughput"
	PartWaiting    = "waiting"
	PartSync       = "sync"
	PartSyncDelta  = "sync-delta"
)

// clients is how many requests are under way at once when the throughput is measured. With as many, usher and the server
// use nearly all of a machine with two processors; a floor that does less for each request may leave some of it idle,
// which is why the processor time per request is told beside the throughput.
const clients = 16

// waitingClientsAtFirst is how many further clients usher has until its rate is known; see thinkers.
const waitingClientsAtFirst = 12

// unbraked is a rate of calls per second that no system on one machine reaches.
const unbraked = 10_000

// run is one benchmark.
type run struct {
	options Options
	dir     string
	out     io.Writer
	stack   *stack.Stack
	// waitingClients are the further clients of usher in its next stretch.
	waitingClients int
	temporal       client.Client
	usher          *usher
	metrics        string
	// built is true once the programs of this run's systems are built.
	built   bool
	quiet   *quiet
	figures figures
	// notes are what a reader of the figures must know.
	notes []string
}

// Run measures everything and writes a breakdown, and at the end one line "name value" for each figure. It starts a whole
// system of its own in a temporary folder and leaves nothing behind; after an error it leaves the folder with the logs, and
// says where. A context that ends stops it.
func Run(ctx context.Context, options Options) error {
	if parts := []string{"", PartLeases, PartCount, PartThroughput, PartWaiting, PartSync, PartSyncDelta}; !slices.Contains(parts, options.Only) {
		return fmt.Errorf("ONLY: found %q, expected one of %q", options.Only, parts[1:])
	}
	dir, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return fmt.Errorf("make a folder for the benchmark: %w", err)
	}
	r := &run{options: options, dir: dir, out: options.Out, figures: figures{}}
	err = r.all(ctx)
	if err != nil {
		fmt.Fprintf(r.out, "\nThe logs are in %s/log.\n", filepath.Join(dir, "stack"))
		return err
	}
	r.end()
	return os.RemoveAll(dir)
}

func (r *run) all(ctx context.Context) (err error) {
	// The tasks of leases need no system, and are measured while none is up.
	if err := r.part(ctx, PartLeases, "Leases that end at once", r.leaseTasks); err != nil || r.options.Only == PartLeases {
		return err
	}
	// So are the users of a desk, each size on a system of its own; it takes minutes, so only where it was asked for.
	if bySync := r.options.Only == PartSync || r.options.Only == PartSyncDelta; bySync || r.options.Full {
		err := r.part(ctx, PartSync, "The users of a desk", r.syncUsers)
		if err == nil {
			err = r.part(ctx, PartSyncDelta, "The users of a desk, by changes of a directory", r.syncDelta)
		}
		if err != nil || bySync {
			return err
		}
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	defer func() {
		r.temporal.Close()
		err = errors.Join(err, r.stack.Stop(context.WithoutCancel(ctx)))
	}()
	if r.quiet, err = r.startQuiet(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.quiet.stop(ctx)) }()
	for _, part := range []struct {
		name, title string
		do          func(context.Context) error
	}{
		{PartCount, "Events and actions of one request", r.count},
		{PartThroughput, "Throughput beside two floors", r.throughput},
		{PartWaiting, "Requests that wait", r.hold},
	} {
		if err := r.part(ctx, part.name, part.title, part.do); err != nil {
			return err
		}
	}
	return nil
}

// part measures one part, unless another is the only one.
func (r *run) part(ctx context.Context, name, title string, do func(context.Context) error) error {
	within := r.options.Only == PartSync && name == PartSyncDelta
	if r.options.Only != "" && r.options.Only != name && !within {
		return nil
	}
	fmt.Fprintf(r.out, "\n== %s\n", title)
	began := time.Now()
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	r.tell("took %s", time.Since(began).Round(time.Second))
	return nil
}

// start starts a system of its own.
func (r *run) start(ctx context.Context) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	r.metrics = "http://127.0.0.1:" + port + "/metrics"
	r.stack, err = startStack(ctx, stack.Options{
		Dir: filepath.Join(r.dir, "stack"), Root: r.options.Root, Headless: true, Catalog: catalog, Log: r.out,
		// The search for tickets that ask would be counted among the calls that every desk costs.
		NoIntake:     true,
		TemporalArgs: append([]string{"--metrics-port", port}, oneShard()...),
		// usher's own brake on calls to the desk would be what is measured.
		WorkerEnv:  append([]string{"USHER_DESKS_JIRA_JIRA_RATE=" + strconv.Itoa(unbraked), "USHER_HEALTH_PROFILE=true"}, pod()...),
		StarterEnv: pod(),
	})
	if err != nil {
		return err
	}
	r.temporal, err = temporalclient.Dial(ctx, temporalclient.Config{Address: r.stack.URLs().TemporalAddress}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return errors.Join(fmt.Errorf("reach the Temporal server: %w", err), r.stack.Stop(context.WithoutCancel(ctx)))
	}
	r.usher = newUsher(r.stack.URLs(), r.temporal, clients)
	return nil
}

// pod has a worker, or the API, use its memory as in docker-compose.yml.
func pod() []string { return []string{"GOMEMLIMIT=200MiB", "GOGC=200"} }

// oneShard has the development server, which has one shard, tidy its queues of tasks every second. It does so every half
// a minute, and at this rate has thousands of tasks in memory by then. Where one of them is just under way, the queue is
// split, and from then on every step compares them all: more than a fifth of the machine's time, for half a minute,
// whoever is being measured just then (queues.ReaderImpl.MergeSlices in a profile of it). A server with the usual
// hundreds of shards sees such numbers in none of them.
func oneShard() []string {
	// Nor is a queue of timers split because those of one second were read three times.
	args := []string{"--dynamic-config-value", "history.queueReaderStuckCriticalAttempts=1000000"}
	for _, queue := range []string{"transfer", "timer", "visibility"} {
		args = append(args, "--dynamic-config-value", "history."+queue+`ProcessorUpdateAckInterval="1s"`)
	}
	return args
}

// startStack starts a system, and tries again when that goes wrong: between the choice of a free port and its use,
// somebody else may take it.
func startStack(ctx context.Context, options stack.Options) (*stack.Stack, error) {
	const tries = 3
	var wrong error
	for range tries {
		up, err := stack.Start(ctx, options)
		if err == nil {
			return up, nil
		}
		wrong = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, wrong
}

// tell writes a line of the breakdown.
func (r *run) tell(format string, args ...any) { fmt.Fprintf(r.out, "  "+format+"\n", args...) }

// note keeps a sentence for the end.
func (r *run) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *run) end() {
	if len(r.notes) > 0 {
		fmt.Fprintln(r.out, "\n== To be known")
		for _, note := range r.notes {
			r.tell("%s", note)
		}
	}
	fmt.Fprintln(r.out)
	r.figures.write(r.out)
}

// freePort is a port of this machine that nobody listens on now.
func freePort(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}
