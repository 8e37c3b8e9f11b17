package usersync

import (
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// Unlink is the workflow UserUnlink: it takes the link between a person and a user of a desk away. It returns what came of it, also where it is
// refused, and fails where the ledger did not answer.
func Unlink(ctx workflow.Context, p workflows.UnlinkParams) (workflows.UnlinkResult, error) {
	info := workflow.GetInfo(ctx)
	u := access.Unlink{
		// A workflow that was reset is the same; one of the same id, after Temporal has forgotten the first one, is another.
		ID:   info.WorkflowExecution.ID + "/" + info.FirstRunID,
		Desk: p.Desk, Person: p.Person, At: workflow.Now(ctx).UTC(), By: p.By, Evidence: p.Evidence, Reason: p.Reason,
	}
	var done activities.UnlinkedUser
	options := workflow.WithActivityOptions(ctx, workflows.RegisterUser("take the link away"))
	err := workflow.ExecuteActivity(options, records.UnlinkUser, u).Get(ctx, &done)
	return workflows.UnlinkResult{Link: done.Link, Kind: done.Kind, Refusals: done.Refusals}, err
}
