package activities

import (
	"context"

	"go.temporal.io/sdk/client"

	"usher/internal/access"
)

// StartSubjectsInput asks for a page of the people who hold access, and for their workflows to run.
type StartSubjectsInput struct {
	After        access.PersonID `json:"after,omitempty"`
	Limit        int             `json:"limit"`
	IDPrefix     string          `json:"id_prefix"`
	WorkflowType string          `json:"workflow_type"`
	TaskQueue    string          `json:"task_queue"`
}

// StartSubjectsResult is what came of it. Next asks for the next page; "" on the last one.
type StartSubjectsResult struct {
	Next    access.PersonID `json:"next,omitempty"`
	Started int             `json:"started"`
	// Refused are the people whose workflow Temporal will never start as it is asked.
	Refused []access.PersonID `json:"refused,omitempty"`
}

// StartSubjects starts the workflows of the people who hold access by the ledger, where they do not run: such a workflow
// reads in the ledger what it must end. Safe to repeat.
func (a *Records) StartSubjects(ctx context.Context, c StartSubjectsInput) (StartSubjectsResult, error) {
	people, err := a.Ledger.LiveSubjects(ctx, c.After, c.Limit)
	if err != nil {
		return StartSubjectsResult{}, translate(err)
	}
	var done StartSubjectsResult
	for _, id := range people {
		started, err := start(ctx, a.Client, client.StartWorkflowOptions{
			ID: c.IDPrefix + string(id), TaskQueue: c.TaskQueue, StaticSummary: accessOf(string(id)), TypedSearchAttributes: subjectAttribute(id),
		}, c.WorkflowType, subjectParams{Subject: id})
		switch {
		case impossible(err):
			// The others must not wait for somebody whom no repetition helps.
			done.Refused = append(done.Refused, id)
		case err != nil:
			return done, err
		case started:
			done.Started++
		}
	}
	if len(people) == c.Limit {
		done.Next = people[len(people)-1]
	}
	return done, nil
}

// EnsureScanInput names the scan of leases.
type EnsureScanInput struct {
	WorkflowID   string `json:"workflow_id"`
	WorkflowType string `json:"workflow_type"`
	TaskQueue    string `json:"task_queue"`
}

// EnsureScan starts the scan of leases where it does not run. Safe to repeat.
func (a *Records) EnsureScan(ctx context.Context, c EnsureScanInput) error {
	_, err := start(ctx, a.Client, client.StartWorkflowOptions{
		ID: c.WorkflowID, TaskQueue: c.TaskQueue, StaticSummary: "daily scan of leases",
	}, c.WorkflowType)
	return err
}
