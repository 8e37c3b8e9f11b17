package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"usher/internal/temporalclient"
)

// The floor's own task queues and workflow types.
const (
	floorQueue = "floor"
	// floorReady is what a floor worker writes when it polls.
	floorReady = "floor worker polls"
)

// The settings of usher's worker: the defaults of worker/options.go.
const (
	workflowCache = 500
	atOnce        = 50
	pollers       = 4
)

// workflowName is the type of a part of a play.
func workflowName(play string, part int) string { return fmt.Sprintf("floor-%s-%d", play, part) }

func activityName(play string, part int, event int64) string {
	return fmt.Sprintf("%s-%d-%d", play, part, event)
}

// partID is the workflow id of another part of the performance that a workflow id belongs to; ids are "<performance>/<part>".
func partID(id string, part int) string {
	return id[:strings.LastIndexByte(id, '/')+1] + strconv.Itoa(part)
}

// queueOf is the floor's queue for one of the record's: as many queues, so as many pollers.
func queueOf(main string) func(string) string {
	return func(recorded string) string {
		if recorded == "" || recorded == main {
			return floorQueue
		}
		return floorQueue + "-" + recorded
	}
}

// FloorOptions say what a floor worker performs, and where.
type FloorOptions struct {
	// Address is the Temporal server's host:port, Plays the path of a file that WritePlays wrote.
	Address, Plays string
	// MainQueue is the queue of the record's workflows.
	MainQueue string
	// In ends the worker when it ends, so that none stays when the benchmark is killed; Out is told when it polls.
	In  io.Reader
	Out io.Writer
}

// RunFloorWorker performs plays until the context ends or In does. It takes the SDK settings of usher's worker.
func RunFloorWorker(ctx context.Context, options FloorOptions) error {
	plays, err := ReadPlays(options.Plays)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	logger := slog.New(slog.NewTextHandler(options.Out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	server, err := temporalclient.Dial(ctx, temporalclient.Config{Address: options.Address}, logger, nil)
	if err != nil {
		return fmt.Errorf("start the floor worker: %w", err)
	}
	defer server.Close()
	f := &floor{client: server, plays: plays, queue: queueOf(options.MainQueue), workers: map[string]worker.Worker{}}
	f.pacer = newPacer(func(id string, d Delivery) {
		// One that has ended cannot take it; usher's hints end the same way.
		_ = f.send(ctx, id, d)
	})
	// usher's worker has the same (worker/options.go); it counts for the process.
	worker.SetStickyWorkflowCacheSize(workflowCache)
	f.register()
	for _, w := range f.workers {
		if err := w.Start(); err != nil {
			return fmt.Errorf("start the floor worker: %w", err)
		}
		defer w.Stop()
	}
	fmt.Fprintln(options.Out, floorReady)
	go func() {
		_, _ = io.Copy(io.Discard, options.In)
		cancel()
	}()
	<-ctx.Done()
	fmt.Fprintf(options.Out, "floor worker ends; %d answers did not wait for their turn\n", f.pacer.late)
	return nil
}

// floor is a floor worker.
type floor struct {
	client  client.Client
	plays   []Play
	pacer   *pacer
	queue   func(string) string
	workers map[string]worker.Worker
}

// worker is the one of a queue.
func (f *floor) worker(queue string) worker.Worker {
	w, ok := f.workers[queue]
	if !ok {
		w = worker.New(f.client, queue, worker.Options{
			WorkerStopTimeout: time.Second, DisableWorkflowWorker: queue != floorQueue,
			StickyScheduleToStartTimeout: 2 * time.Second, DisableRegistrationAliasing: true,
			MaxConcurrentWorkflowTaskExecutionSize: atOnce, MaxConcurrentActivityExecutionSize: atOnce,
			MaxConcurrentLocalActivityExecutionSize: atOnce,
			MaxConcurrentWorkflowTaskPollers:        pollers, MaxConcurrentActivityTaskPollers: pollers,
		})
		f.workers[queue] = w
	}
	return w
}

func (f *floor) register() {
	for _, play := range f.plays {
		for i, part := range play.Parts {
			perform := performance(play, i, f.pacer, f.queue)
			name := workflow.RegisterOptions{Name: workflowName(play.Name, i)}
			f.worker(floorQueue).RegisterWorkflowWithOptions(perform, name)
			together := map[int]int{}
			for _, c := range part.commands() {
				if c.Kind == DoActivity && c.Turn > 0 {
					together[c.Turn]++
				}
			}
			for _, c := range part.commands() {
				queue := floorQueue
				switch c.Kind {
				case DoActivity:
					queue = f.queue(c.Queue)
				case DoLocal:
				default:
					continue
				}
				run := f.activity(play, c, together[c.Turn])
				f.worker(queue).RegisterActivityWithOptions(run, activity.RegisterOptions{Name: activityName(play.Name, i, c.ID)})
			}
		}
	}
}

// commands are all commands of a part.
func (p Part) commands() []Command {
	var all []Command
	for _, turn := range p.Turns {
		all = append(all, turn.Commands...)
	}
	return all
}

// activity returns the recorded result, after it has sent what the record's activity sent.
func (f *floor) activity(play Play, c Command, together int) func(context.Context, converter.RawValue) (any, error) {
	return func(ctx context.Context, _ converter.RawValue) (any, error) {
		id := activity.GetInfo(ctx).WorkflowExecution.ID
		for _, d := range c.Sends {
			to := partID(id, d.To)
			if d.Turn > 0 {
				f.pacer.awaitTurn(ctx, to, d.Turn-1)
			}
			err := f.send(ctx, to, d)
			if d.Start {
				err = f.start(ctx, play, to, d)
			}
			if err != nil {
				return nil, err
			}
		}
		for _, need := range c.Needs {
			f.pacer.awaitTurn(ctx, partID(id, need.Part), need.Turn)
		}
		if c.Kind == DoActivity && c.Turn > 0 {
			f.pacer.answer(ctx, id, c.Turn, together)
		}
		if len(c.Result) == 0 {
			return nil, nil
		}
		return raw(c.Result[0]), nil
	}
}

// send sends a message to a part that runs. An update is sent until it is answered.
func (f *floor) send(ctx context.Context, to string, d Delivery) error {
	if d.Start {
		return nil
	}
	if d.ID == "" {
		return f.client.SignalWorkflow(ctx, to, "", d.Name, raw(first(d.Input)))
	}
	handle, err := f.client.UpdateWorkflow(ctx, updateOptions(to, d))
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

// start starts a part with a signal.
func (f *floor) start(ctx context.Context, play Play, id string, d Delivery) error {
	start := play.Parts[d.To].Start
	options, err := startOptions(id, start)
	if err != nil {
		return err
	}
	_, err = f.client.SignalWithStartWorkflow(ctx, id, d.Name, raw(first(d.Input)), options, workflowName(play.Name, d.To), raws(start.Input)...)
	return err
}

// startOptions start a part as the record was started.
func startOptions(id string, start Start) (client.StartWorkflowOptions, error) {
	updates, err := attributes(start.Attributes)
	if err != nil {
		return client.StartWorkflowOptions{}, err
	}
	options := client.StartWorkflowOptions{
		ID: id, TaskQueue: floorQueue, TypedSearchAttributes: temporal.NewSearchAttributes(updates...), StaticSummary: start.Summary,
	}
	if len(start.Memo) > 0 {
		options.Memo = memo(start.Memo)
	}
	return options, nil
}
