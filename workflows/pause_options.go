package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"usher/activities"
	"usher/internal/access"
)

// PauseResult is what came of a pause or a resume: what is recorded under its id, or why nothing is. A refusal is a result, never a failure of the
// workflow.
type PauseResult = activities.PauseResult

// PauseWorkflowID is the id of the workflow that has a pause or a resume recorded.
func PauseWorkflowID(id access.PauseID) string { return "pause/" + string(id) }

// PauseOptions returns the options with which work is paused or resumed: at most once for each id, running or ended. The memo has a digest of the
// call, by which a repeated one is recognised. It has no timeout, as a revocation has none.
func PauseOptions(p access.Pause) client.StartWorkflowOptions {
	said := access.Pause{ID: p.ID, What: p.What, Target: p.Target, Paused: p.Paused, By: p.By, Reason: p.Reason}
	summary := "resume " + string(p.What)
	if p.Paused {
		summary = "pause " + string(p.What)
	}
	return client.StartWorkflowOptions{
		ID:                       PauseWorkflowID(p.ID),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:            summary,
		Memo:                     map[string]any{MemoDigest: digestOf(said)},

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}
