package workflows

import (
	"strings"
	"time"
	"unicode/utf8"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
)

// The keys of the memo that a request's workflow is started with. They let the gateway recognise a request without a
// worker, and after the workflow has ended.
const (
	MemoDigest    = "digest"
	MemoSubmitted = "submitted_at"
)

// maxSummary is the longest static summary that Temporal takes, in bytes (docs.temporal.io, enriching the user
// interface).
const maxSummary = 200

// RequestOptions returns the options with which the workflow of a request is started: at most one for each id, running or ended, with
// what lists show before its first task.
func RequestOptions(r access.Request) client.StartWorkflowOptions {
	attributes := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(AttributeState).ValueSet(string(access.StateEvaluating)),
		temporal.NewSearchAttributeKeyTime(AttributeSince).ValueSet(r.SubmittedAt),
	}
	// Whom no index can hold is found by the ledger.
	for name, id := range map[string]access.PersonID{AttributeRequester: r.Requester, AttributeSubject: r.Subject} {
		if len(CappedKeywords([]string{string(id)})) > 0 {
			attributes = append(attributes, temporal.NewSearchAttributeKeyKeyword(name).ValueSet(string(id)))
		}
	}
	return client.StartWorkflowOptions{
		ID:                       RequestWorkflowID(r.ID),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		TypedSearchAttributes:    temporal.NewSearchAttributes(attributes...),
		Memo:                     map[string]any{MemoDigest: r.Digest(), MemoSubmitted: r.SubmittedAt.UTC().Format(time.RFC3339Nano)},
		StaticSummary:            summary(r),
	}
}

// summary is the request in one line for the Temporal UI: ids only, at most maxSummary bytes, cut between characters.
func summary(r access.Request) string {
	entitlements := make([]string, len(r.Items))
	for i, item := range r.Items {
		entitlements[i] = string(item.Entitlement)
	}
	text := strings.Join(entitlements, ", ") + " for " + string(r.Subject)
	if len(text) <= maxSummary {
		return text
	}
	const more = "…"
	cut := maxSummary - len(more)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + more
}
