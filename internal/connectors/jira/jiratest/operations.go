package jiratest

// Operation names one API call, in both versions of the API, for counters and for faults.
type Operation string

// The operations.
const (
	OpServerInfo       Operation = "server_info"
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
	OpSearch           Operation = "search"
	OpCount            Operation = "approximate_count"
	OpRemovedSearch    Operation = "removed_search"
	OpGetTransitions   Operation = "get_transitions"
	OpTransition       Operation = "transition"
	OpGetComments      Operation = "get_comments"
	OpAddComment       Operation = "add_comment"
	OpAssign           Operation = "assign"
	OpGetUser          Operation = "get_user"
	OpFindUsers        Operation = "find_users"
	OpFindAssignable   Operation = "find_assignable"
	OpGetProperty      Operation = "get_property"
	OpPutProperty      Operation = "put_property"
	OpGetRemoteLinks   Operation = "get_remote_links"
	OpPutRemoteLink    Operation = "put_remote_link"
	// OpOther is everything else under /rest.
	OpOther Operation = "other"
)
