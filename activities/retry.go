package activities

import (
	"context"
	"errors"
	"time"

	"usher/internal/access"
)

// Pause waits so long, or until the context ends, whose error it then gives.
type Pause func(context.Context, time.Duration) error

// Sleep is a Pause by the machine's clock.
func Sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const (
	// firstPause and longestPause bound the pauses between two tries of one step: five pauses in three seconds.
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
	// triesLeave is what the tries leave of an activity's time for the steps that come after.
	triesLeave = 20 * time.Second
)

// retryStep makes one step of an activity, and repeats it at once where it is known to have changed nothing: a desk that
// stumbles over every fifth call would else never see an activity of ten calls through, for Temporal repeats the whole. What
// takes longer than moments is the caller's to wait for.
func (a *Desk) retryStep(ctx context.Context, step func() error) error {
	for pause := firstPause; ; pause *= 2 {
		err := step()
		kind := access.KindOf(err)
		wait := max(pause, access.RetryAfterOf(err))
		if err == nil || a.Pause == nil || wait > longestPause || errors.Is(err, access.ErrTooLate) || (kind != access.Transient && kind != access.RateLimited) {
			return err
		}
		if until, ends := ctx.Deadline(); ends && time.Until(until) < triesLeave {
			return err
		}
		if a.Pause(ctx, wait) != nil {
			return err
		}
	}
}
