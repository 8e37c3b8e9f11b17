package lease

import (
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// Pause is the workflow TargetPause: it has a pause or a resume recorded. That is tried without end, and a cancellation is ignored. It returns what is
// recorded, or why nothing is. The leases ask by themselves.
func Pause(ctx workflow.Context, p access.Pause) (workflows.PauseResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var records *activities.Records
	var done workflows.PauseResult
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.PauseTarget()), records.PauseTarget, p).Get(ctx, &done)
	return done, err
}
