package bench

import (
	"context"
	"fmt"
	"time"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// cost is what one run over users, or over people, cost.
type cost struct {
	calls  calls
	events int
	// steps are how long each step took.
	steps map[string]time.Duration
	// peak is the most memory of the worker, in MB, and cpu its processor time; fake is that of the desk.
	peak      float64
	cpu, fake time.Duration
}

// costOf does something that ends with the end of a workflow, whose id it gives.
func (o *office) costOf(ctx context.Context, do func(context.Context) (workflow string, err error)) (cost, error) {
	ctx, cancel := context.WithTimeout(ctx, syncAtMost)
	defer cancel()
	pid := o.up.Pids().Worker
	var c cost
	before, err := o.usher.deskCalls(ctx)
	if err != nil {
		return c, err
	}
	used, desk, err := o.cpu()
	if err != nil {
		return c, err
	}
	if err := forgetPeak(pid); err != nil {
		return c, err
	}
	workflow, err := do(ctx)
	if err == nil {
		c.peak, err = peakMB(pid)
	}
	if err == nil {
		c.cpu, c.fake, err = o.cpu()
		c.cpu, c.fake = c.cpu-used, c.fake-desk
	}
	if err != nil {
		return c, err
	}
	after, err := o.usher.deskCalls(ctx)
	if err != nil {
		return c, err
	}
	c.calls = after.minus(before)
	record, err := recordOf(ctx, o.temporal, workflow)
	c.events, c.steps = len(record.History.GetEvents()), record.lasted()
	return c, err
}

// cpu is the processor time of the worker and of the simulator until now.
func (o *office) cpu() (worker, simulator time.Duration, err error) {
	pids := o.up.Pids()
	if worker, err = cpuTime(pids.Worker); err == nil {
		simulator, err = cpuTime(pids.Simulator)
	}
	return worker, simulator, err
}

// syncResult is what one run over the users cost.
type syncResult struct {
	run access.SyncRun
	cost
}

func (s syncResult) took() time.Duration { return s.run.EndedAt.Sub(s.run.BeganAt) }

// writes are how often the desk was written.
func (s syncResult) writes() int { return writesOf(s.calls) }

// sync runs over the users once, by hand.
func (o *office) sync(ctx context.Context) (syncResult, error) {
	var s syncResult
	client := o.up.Client()
	var err error
	s.cost, err = o.costOf(ctx, func(ctx context.Context) (string, error) {
		id, err := client.StartSync(ctx, stack.Auditor, stack.SyncStart{})
		if err != nil {
			return "", err
		}
		err = stack.Poll(ctx, func(ctx context.Context) error {
			if s.run, err = client.Sync(ctx, id); err == nil && !s.run.Ended() {
				err = fmt.Errorf("the run %s over the users goes on; %s tells of it", id, o.up.Log("worker"))
			}
			return err
		})
		if err == nil && s.run.Problem != "" {
			err = fmt.Errorf("the run over the users failed: %s", s.run.Problem)
		}
		return s.run.Workflow, err
	})
	return s, err
}
