package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"usher/internal/devstack/bench"
	"usher/internal/devstack/stack"
)

// measure prints what usher costs; FULL=1 measures what takes longer as well, and ONLY=throughput
// only that part. The users of a desk are measured with FULL=1 or ONLY=sync, which has ONLY=sync-delta with it.
func measure(ctx context.Context, p program) error {
	root, err := stack.FindRoot()
	if err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	full := p.getenv("FULL") != "" && p.getenv("FULL") != "0"
	return bench.Run(ctx, bench.Options{Root: root, Out: p.out, FloorCommand: []string{executable, "bench-floor"}, Full: full, Only: p.getenv("ONLY")})
}

// benchFloor is a floor worker, for measure: its arguments are the server's address, the file of the plays, and the queue
// of the record's workflows.
func benchFloor(ctx context.Context, p program) error {
	const arguments = 4
	if len(p.args) != arguments {
		return errors.New("bench-floor: expected the server's address, the file of the plays, and a task queue")
	}
	return bench.RunFloorWorker(ctx, bench.FloorOptions{Address: p.args[1], Plays: p.args[2], MainQueue: p.args[3], In: os.Stdin, Out: p.out})
}
