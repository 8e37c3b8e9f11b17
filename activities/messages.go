package activities

import (
	"context"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
)

// AttributeSubject is the search attribute that holds a subject's person id.
const AttributeSubject = "UsherSubject"

// Signaller is what Messages needs of a Temporal client; client.Client is one.
type Signaller interface {
	SignalWithStartWorkflow(ctx context.Context, workflowID, signalName string, signalArg any,
		options client.StartWorkflowOptions, workflow any, workflowArgs ...any) (client.WorkflowRun, error)
}

// Messages are the activities that signal other workflows. They run on the usher queue.
type Messages struct{ Client Signaller }

// EnsureCall is an ensure for the workflow that holds the subject's leases; it is started where it does not run.
type EnsureCall struct {
	WorkflowID   string        `json:"workflow_id"`
	WorkflowType string        `json:"workflow_type"`
	TaskQueue    string        `json:"task_queue"`
	Signal       string        `json:"signal"`
	Ensure       access.Ensure `json:"ensure"`
}

// subjectParams is what starts the subject's workflow, in that workflow's spelling.
type subjectParams struct {
	Subject access.PersonID `json:"subject"`
}

// EnsureLease sends an ensure. Safe to repeat: the message is declarative.
func (a *Messages) EnsureLease(ctx context.Context, c EnsureCall) error {
	_, err := a.Client.SignalWithStartWorkflow(ctx, c.WorkflowID, c.Signal, c.Ensure,
		client.StartWorkflowOptions{
			ID:            c.WorkflowID,
			TaskQueue:     c.TaskQueue,
			StaticSummary: "access of " + c.Ensure.Lease.Subject.Name(),
			TypedSearchAttributes: temporal.NewSearchAttributes(
				temporal.NewSearchAttributeKeyKeyword(AttributeSubject).ValueSet(string(c.Ensure.Lease.Subject.ID))),
		},
		c.WorkflowType, subjectParams{Subject: c.Ensure.Lease.Subject.ID})
	return err
}
