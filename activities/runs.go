package activities

import (
	"context"

	"usher/internal/access"
)

// beginning is how a run begins of which one goes on at a time.
type beginning struct {
	begin func(context.Context) error
	// open returns the workflow of the run that goes on, and what ends that run with a problem. NotFound: none goes on.
	open func(context.Context) (workflow string, end func(ctx context.Context, problem string) error, err error)
	// running reports whether a workflow runs.
	running func(ctx context.Context, workflow string) (bool, error)
}

// do begins the run. A run whose workflow was terminated, or ended by its timeout, cannot end itself: it is ended here.
func (b beginning) do(ctx context.Context) error {
	err := b.begin(ctx)
	if !access.IsKind(err, access.Conflict) {
		return err
	}
	workflow, end, readErr := b.open(ctx)
	switch {
	case access.IsKind(readErr, access.NotFound):
		// It has ended meanwhile; or this run has.
		return b.begin(ctx)
	case readErr != nil:
		return readErr
	}
	running, runningErr := b.running(ctx, workflow)
	if runningErr != nil {
		return runningErr
	}
	if running {
		return err
	}
	if err := end(ctx, "its workflow ended before the run did: somebody terminated it, or it took too long"); err != nil {
		return err
	}
	return b.begin(ctx)
}
