package lease

import (
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// Pause is the workflow TargetPause: it has a pause or a resume recorded, with Temporal's time of its start: the last call counts, and the clocks of
// the API's hosts may differ. That is tried without end, and a cancellation is ignored. It returns what is
// recorded, or why nothing is. The leases ask by themselves.
func Pause(ctx workflow.Context, p access.Pause) (workflows.PauseResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var records *activities.Records
	var done workflows.PauseResult
	asked := p.At
	p.At = workflow.GetInfo(ctx).WorkflowStartTime.UTC()
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.PauseTarget()), records.PauseTarget, p).Get(ctx, &done)
	done.Asked = asked
	return done, err
}
