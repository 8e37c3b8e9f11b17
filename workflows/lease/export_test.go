package lease

import (
	"go.temporal.io/sdk/workflow"

	"usher/workflows/durable"
)

// Watched is Workflow, and shows its loop to a test.
func Watched(seen func(*durable.Loop)) func(workflow.Context, Params) error {
	return func(ctx workflow.Context, p Params) error {
		w, err := listen(ctx, p)
		if err != nil {
			return err
		}
		seen(w.loop)
		return w.loop.Run(w.carry)
	}
}
