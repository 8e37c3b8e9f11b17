package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
)

// RevocationResult is what came of a revocation: what is recorded under its id, or why nothing is. A refusal is a result, never a failure of the
// workflow.
type RevocationResult = activities.RevokeAccessResult

// RevocationWorkflowID is the id of the workflow that has a revocation recorded.
func RevocationWorkflowID(id access.RevocationID) string { return "revocation/" + string(id) }

// RevocationOptions returns the options with which access is taken back: at most once for each id, running or ended. The memo has a digest of the call,
// by which a repeated one is recognised. It has no timeout: a revocation that was taken is recorded, however long the ledger is unavailable.
func RevocationOptions(r access.Revocation) client.StartWorkflowOptions {
	var attributes []temporal.SearchAttributeUpdate
	if len(CappedKeywords([]string{string(r.Subject)})) > 0 {
		attributes = append(attributes, temporal.NewSearchAttributeKeyKeyword(AttributeSubject).ValueSet(string(r.Subject)))
	}
	said := access.Revocation{ID: r.ID, Subject: r.Subject, Scope: r.Scope, By: r.By, Reason: r.Reason}
	return client.StartWorkflowOptions{
		ID:                       RevocationWorkflowID(r.ID),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:            "take access back",
		TypedSearchAttributes:    temporal.NewSearchAttributes(attributes...),
		Memo:                     map[string]any{MemoDigest: digestOf(said)},

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}
