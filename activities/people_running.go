package activities

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
)

// WorkflowRunning returns what reports whether a workflow runs, for People. Temporal forgets a workflow some time after its end: it does not run.
func WorkflowRunning(temporal client.Client) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, workflow string) (bool, error) {
		found, err := temporal.DescribeWorkflowExecution(ctx, workflow, "")
		var gone *serviceerror.NotFound
		switch {
		case errors.As(err, &gone):
			return false, nil
		case err != nil:
			return false, access.Errorf(access.Transient, "ask whether a run goes on", "%w", err)
		}
		return found.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
	}
}

// WorkflowStarted returns what reports whether Temporal knows a workflow of an id, be it one that has ended, for People.
func WorkflowStarted(temporal client.Client) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, workflow string) (bool, error) {
		_, err := temporal.DescribeWorkflowExecution(ctx, workflow, "")
		if gone := (*serviceerror.NotFound)(nil); errors.As(err, &gone) {
			return false, nil
		}
		if err != nil {
			return false, access.Errorf(access.Transient, "ask whether a workflow was started", "%w", err)
		}
		return true, nil
	}
}
