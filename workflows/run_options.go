package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// PeopleRunOptions returns the options with which a run over people is started by hand: at most one for each id, running or ended. The memo
// has a digest of the params, by which a repeated start is recognised.
func PeopleRunOptions(id string, p PeopleRunParams) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       PeopleRunWorkflowID(p.Source, id),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionTimeout: PeopleRunTimeout,
		StaticSummary:            PeopleRunSummary(p),
		Memo:                     map[string]any{MemoDigest: digestOf(p)},

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}

// PeopleRunSummary is a run in one line for the Temporal UI.
func PeopleRunSummary(p PeopleRunParams) string {
	if p.Release != nil {
		return fmt.Sprintf("people of %s, release", p.Source)
	}
	return "people of " + string(p.Source)
}

// digestOf returns a digest of the params of a run.
func digestOf(params any) string {
	// Encoding a struct of texts, lists and booleans cannot fail.
	text, _ := json.Marshal(params)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// WithRecording returns the error of a run; another one, of recording it, must not hide it.
func WithRecording(err, recording error) error {
	if recording == nil {
		return err
	}
	return fmt.Errorf("%w; it could not be recorded: %w", err, recording)
}
