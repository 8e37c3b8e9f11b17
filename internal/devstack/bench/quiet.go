package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"usher/internal/devstack/stack"
)

// quiet is a system in which nothing happens: ten thousand open tickets, none of which changed lately, and the watch with
// its usual settings. It runs beside the other measurements for as long as these take, and costs next to nothing.
type quiet struct {
	up       *stack.Stack
	temporal client.Client
	seeder
	// from is when what is measured began, and calls what the desk had been asked until then.
	from  time.Time
	calls calls
}

// quietOpen is how many tickets are open there. What a round costs does not depend on it.
const quietOpen = 10_000

// startQuiet starts the system, and returns when the first sweep over all tickets is over.
func (r *run) startQuiet(ctx context.Context) (*quiet, error) {
	up, err := startStack(ctx, stack.Options{
		Dir: filepath.Join(r.dir, "quiet"), Root: r.options.Root, Headless: true, Built: true, Catalog: catalog,
	})
	if err != nil {
		return nil, err
	}
	q := &quiet{up: up}
	q.temporal, err = client.DialContext(ctx, client.Options{HostPort: up.URLs().TemporalAddress, Logger: silent{}})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reach the Temporal server: %w", err), up.Stop(context.WithoutCancel(ctx)))
	}
	q.seeder = seeder{usher: newUsher(up.URLs(), q.temporal, clients), ledger: filepath.Join(up.Dir(), "ledger.db")}
	if err := q.begin(ctx); err != nil {
		return nil, errors.Join(err, q.stop(ctx))
	}
	return q, nil
}

func (q *quiet) begin(ctx context.Context) error {
	if err := q.seed(ctx, quietOpen); err != nil {
		return err
	}
	// The desk has settled when it has been left alone for a while; rounds are farther apart.
	if err := q.usher.quietDesk(ctx, 5*time.Second); err != nil {
		return err
	}
	from, err := q.usher.nextRound(ctx)
	if err != nil {
		return err
	}
	q.from = from
	q.calls, err = q.usher.deskCalls(ctx)
	return err
}

func (q *quiet) stop(ctx context.Context) error {
	q.temporal.Close()
	return q.up.Stop(context.WithoutCancel(ctx))
}

// result waits for the end of a round, and gives what has happened since the beginning.
func (q *quiet) result(ctx context.Context) (idleResult, error) {
	var result idleResult
	to, err := q.usher.nextRound(ctx)
	if err != nil {
		return result, err
	}
	now, err := q.usher.deskCalls(ctx)
	if err != nil {
		return result, err
	}
	result.took, result.calls = to.Sub(q.from), now.minus(q.calls)
	result.watch, err = watchUntil(ctx, q.temporal, q.from, to)
	if failed := result.watch.tally.Types[failedActivity]; err == nil && failed > 0 {
		err = fmt.Errorf("%d activities of the watch failed where nothing happens; %s tells why", failed, q.up.Log("worker"))
	}
	return result, err
}
