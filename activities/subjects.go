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
	// RevokeSignal notifies such a workflow of a revocation.
	RevokeSignal string `json:"revoke_signal,omitempty"`
}

// StartSubjectsResult is what came of it. Next asks for the next page; "" on the last one.
type StartSubjectsResult struct {
	Next    access.PersonID `json:"next,omitempty"`
	Started int             `json:"started"`
	// Notified is how many were notified of a revocation of which they had not heard.
	Notified int `json:"notified,omitempty"`
	// Refused are the people whose workflow Temporal will never start as it is asked.
	Refused []access.PersonID `json:"refused,omitempty"`
}

// StartSubjects starts the workflows of the people who hold access by the ledger, where they do not run: such a workflow
// reads in the ledger what it must end. One that holds what was revoked is notified of that, if it runs or not. Safe to repeat.
func (a *Records) StartSubjects(ctx context.Context, c StartSubjectsInput) (StartSubjectsResult, error) {
	people, err := a.Ledger.LiveSubjects(ctx, c.After, c.Limit)
	if err != nil {
		return StartSubjectsResult{}, translate(err)
	}
	revoked, err := a.unheard(ctx, people)
	if err != nil {
		return StartSubjectsResult{}, translate(err)
	}
	var done StartSubjectsResult
	for _, id := range people {
		err := a.startSubject(ctx, c, id, revoked, &done)
		switch {
		case impossible(err):
			// The others must not wait for somebody whom no repetition helps.
			done.Refused = append(done.Refused, id)
		case err != nil:
			return done, err
		}
	}
	if len(people) == c.Limit {
		done.Next = people[len(people)-1]
	}
	return done, nil
}

// startSubject starts a person's workflow where it does not run, or notifies it of the revocation that it has not heard of.
func (a *Records) startSubject(
	ctx context.Context, c StartSubjectsInput, id access.PersonID, unheard map[access.PersonID]access.Revocation, done *StartSubjectsResult,
) error {
	if r, found := unheard[id]; found && c.RevokeSignal != "" {
		err := RevokeAccessInput{
			Revocation: r, WorkflowID: c.IDPrefix + string(id), WorkflowType: c.WorkflowType, TaskQueue: c.TaskQueue, Signal: c.RevokeSignal,
		}.notify(ctx, a.Client)
		if err == nil {
			done.Notified++
		}
		return err
	}
	started, err := start(ctx, a.Client, client.StartWorkflowOptions{
		ID: c.IDPrefix + string(id), TaskQueue: c.TaskQueue, StaticSummary: accessOf(string(id)), TypedSearchAttributes: subjectAttribute(id),
	}, c.WorkflowType, subjectParams{Subject: id})
	if started {
		done.Started++
	}
	return err
}

// unheard returns of which revocation the workflow of each of some people has not heard, by the ledger's record; nobody who has heard of all.
func (a *Records) unheard(ctx context.Context, people []access.PersonID) (map[access.PersonID]access.Revocation, error) {
	some, err := a.Ledger.RevokedSubjects(ctx, people...)
	if err != nil {
		return nil, err
	}
	found := map[access.PersonID]access.Revocation{}
	for _, id := range some {
		r, err := a.unended(ctx, id)
		if err != nil {
			return nil, err
		}
		if r != nil {
			found[id] = *r
		}
	}
	return found, nil
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
