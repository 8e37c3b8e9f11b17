package lease

import (
	"go.temporal.io/sdk/workflow"

	"usher/workflows/durable"
)

// Watched is Workflow, and shows a test its loop, and what returns how many evaluations of leases it has made.
func Watched(seen func(l *durable.Loop, evaluations func() int)) func(workflow.Context, Params) error {
	return func(ctx workflow.Context, p Params) error {
		w, err := listen(ctx, p)
		if err != nil {
			return err
		}
		seen(w.loop, func() int { return w.evaluations })
		return w.loop.Run(w.carry)
	}
}
