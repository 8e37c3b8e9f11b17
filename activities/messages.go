package activities

import (
	"context"
	"errors"
	"unicode/utf8"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
)

// AttributeSubject is the search attribute that holds a subject's person id.
const AttributeSubject = "UsherSubject"

// Messenger is what the activities that speak to other workflows need of a Temporal client; client.Client is one.
type Messenger interface {
	SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error
	SignalWithStartWorkflow(ctx context.Context, workflowID, signalName string, signalArg any,
		options client.StartWorkflowOptions, workflow any, workflowArgs ...any) (client.WorkflowRun, error)
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
}

// ApplyLeaseMessage is an ensure for the workflow that holds the subject's leases; it is started where it does not run.
type ApplyLeaseMessage struct {
	WorkflowID   string           `json:"workflow_id"`
	WorkflowType string           `json:"workflow_type"`
	TaskQueue    string           `json:"task_queue"`
	Signal       string           `json:"signal"`
	Spec         access.LeaseSpec `json:"spec"`
}

// LeaseStatusMessage is a lease's answer to its request.
type LeaseStatusMessage struct {
	WorkflowID string             `json:"workflow_id"`
	Signal     string             `json:"signal"`
	Status     access.LeaseStatus `json:"status"`
}

// subjectParams is what starts the subject's workflow, in that workflow's spelling.
type subjectParams struct {
	Subject access.PersonID `json:"subject"`
}

func (c ApplyLeaseMessage) send(ctx context.Context, to Messenger) error {
	_, err := to.SignalWithStartWorkflow(ctx, c.WorkflowID, c.Signal, c.Spec,
		client.StartWorkflowOptions{
			ID:                    c.WorkflowID,
			TaskQueue:             c.TaskQueue,
			StaticSummary:         accessOf(c.Spec.Lease.Subject.Name()),
			TypedSearchAttributes: subjectAttribute(c.Spec.Lease.Subject.ID),
		},
		c.WorkflowType, subjectParams{Subject: c.Spec.Lease.Subject.ID})
	return err
}

// start starts a workflow where it does not run, and reports whether it has.
func start(ctx context.Context, to Messenger, o client.StartWorkflowOptions, workflow string, params ...any) (bool, error) {
	o.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	o.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	o.WorkflowExecutionErrorWhenAlreadyStarted = true
	_, err := to.ExecuteWorkflow(ctx, o, workflow, params...)
	if _, runs := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); runs {
		return false, nil
	}
	return err == nil, err
}

// subjectAttribute returns the search attribute of a person's workflow. Whom no index can hold has none.
func subjectAttribute(id access.PersonID) temporal.SearchAttributes {
	const maxKeyword = 255
	if len(id) > maxKeyword {
		return temporal.NewSearchAttributes()
	}
	return temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword(AttributeSubject).ValueSet(string(id)))
}

// accessOf returns the summary of the workflow that holds a person's leases. Temporal takes 200 bytes.
func accessOf(name string) string {
	const most = 180
	for len(name) > most {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	return "access of " + name
}
