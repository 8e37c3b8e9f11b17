package jiratest

import "usher/internal/connectors/fakewire"

// Operation names one API call, in both versions of the API and both editions, for counters and for faults.
type Operation = fakewire.Operation

// The operations.
const (
	OpServerInfo       Operation = "server_info"
	OpTenantInfo       Operation = "tenant_info"
	OpMyself           Operation = "myself"
	OpGetProject       Operation = "get_project"
	OpProjectStatuses  Operation = "project_statuses"
	OpCreateMetaTypes  Operation = "create_meta_types"
	OpCreateMetaFields Operation = "create_meta_fields"
	OpCreateIssue      Operation = "create_issue"
	OpGetIssue         Operation = "get_issue"
	OpEditIssue        Operation = "edit_issue"
	OpDeleteIssue      Operation = "delete_issue"
	OpGetChangelog     Operation = "get_changelog"
	OpBulkFetch        Operation = "bulk_fetch"
	OpBulkChangelog    Operation = "bulk_changelog"
	OpSearch           Operation = "search"
	OpRemovedSearch    Operation = "removed_search"
	OpGetTransitions   Operation = "get_transitions"
	OpTransition       Operation = "transition"
	OpGetComments      Operation = "get_comments"
	OpAddComment       Operation = "add_comment"
	OpEditComment      Operation = "edit_comment"
	OpAssign           Operation = "assign"
	OpGetUser          Operation = "get_user"
	OpFindUsers        Operation = "find_users"
	OpFindAssignable   Operation = "find_assignable"
	OpListUsers        Operation = "list_users"
	OpCreateUser       Operation = "create_user"
	OpEditUser         Operation = "edit_user"
	OpUserGroups       Operation = "user_groups"
	OpGroupMembers     Operation = "group_members"
	OpFindGroups       Operation = "find_groups"
	OpJoinGroup        Operation = "join_group"
	OpLeaveGroup       Operation = "leave_group"
	OpMyPermissions    Operation = "my_permissions"
	OpGetProperty      Operation = "get_property"
	OpPutProperty      Operation = "put_property"
	// OpWebhooks is every call about webhooks.
	OpWebhooks Operation = "webhooks"
	// OpOther is everything else under /rest.
	OpOther Operation = "other"
)

// scopeOf returns what a token at the gateway needs for the operation.
func scopeOf(op Operation) string {
	switch op {
	case OpMyself, OpGetUser, OpFindUsers, OpFindAssignable, OpListUsers, OpUserGroups, OpFindGroups:
		return "read:jira-user"
	case OpWebhooks, OpCreateUser, OpGroupMembers, OpJoinGroup, OpLeaveGroup:
		return "manage:jira-configuration"
	default:
	}
	if writesIssue(op) {
		return "write:jira-work"
	}
	return "read:jira-work"
}

// writesIssue reports whether the operation writes one issue.
func writesIssue(op Operation) bool {
	switch op {
	case OpCreateIssue, OpEditIssue, OpDeleteIssue, OpTransition, OpAddComment, OpEditComment, OpAssign, OpPutProperty:
		return true
	default:
		return false
	}
}
