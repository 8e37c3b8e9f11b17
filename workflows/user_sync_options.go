package workflows

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
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
