package workflows

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
)

// UserSyncOptions returns the options with which a run over the users of a desk is started by hand, as PeopleRunOptions does of a run over people.
func UserSyncOptions(id string, p UserSyncParams) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       UserSyncWorkflowID(p.Desk, id),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionTimeout: UserSyncTimeout,
		StaticSummary:            UserSyncSummary(p),
		Memo:                     map[string]any{MemoDigest: digestOf(p)},

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}

// UserSyncSummary is a run in one line for the Temporal UI.
func UserSyncSummary(p UserSyncParams) string {
	what := "users of " + string(p.Desk)
	switch {
	case p.Release != nil:
		what += ", release"
	case p.Dry:
		what += ", dry run"
	}
	if p.Scope.Everybody() {
		return what
	}
	if p.Scope.Person != "" {
		return what + ", one person"
	}
	return fmt.Sprintf("%s, %s %q", what, p.Scope.Attribute, p.Scope.Value)
}

// UnlinkParams say whose link on a desk is taken away.
type UnlinkParams struct {
	Desk   access.DeskName `json:"desk"`
	Person access.PersonID `json:"person"`
	// By is who asks for it, Evidence how that person was identified, and Reason why.
	By       access.PersonID `json:"by"`
	Evidence string          `json:"evidence,omitempty"`
	Reason   string          `json:"reason"`
}

// UnlinkResult is what came of it. A refusal is a result, never a failure of the workflow.
type UnlinkResult struct {
	// Link is what was taken away; nil after a refusal.
	Link *access.DeskLink `json:"link,omitempty"`
	// Kind is of what kind the refusal is, and Refusals are why nothing was changed; both empty otherwise.
	Kind     access.Kind      `json:"kind,omitempty"`
	Refusals []access.Refusal `json:"refusals,omitempty"`
}

// UnlinkWorkflowID is the id of the workflow that takes a link away.
func UnlinkWorkflowID(desk access.DeskName, id string) string {
	return "unlink/" + string(desk) + "/" + id
}

// UnlinkOptions returns the options with which a link is taken away: at most once for each id, running or ended, as PeopleRunOptions does of a run
// over people.
func UnlinkOptions(id string, p UnlinkParams) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       UnlinkWorkflowID(p.Desk, id),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionTimeout: UnlinkTimeout,
		StaticSummary:            "take a link on " + string(p.Desk) + " away",
		Memo:                     map[string]any{MemoDigest: digestOf(p)},

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}
