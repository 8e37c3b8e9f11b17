package gateway

import (
	"context"
	"errors"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/workflows"
)

const (
	opIncident     = "hand in an incident"
	opViewIncident = "read incident"
)

// IncidentSubmission is the answer to SubmitIncident.
type IncidentSubmission struct {
	View access.IncidentView
	// Created is true for the call that started the incident; false for a repeated one, and where Pending leaves that open.
	Created bool
	// Pending is true when the incident is safely recorded but has no ticket yet; View then only repeats what was handed in.
	Pending bool
}

// SubmitIncident starts an incident and waits for its ticket, no longer than Config.CallTimeout. An incident for which no ticket is opened is no
// error: its View says so. The same id with the same digest is the same incident, running or ended; with another digest it is *RefusedError,
// Invalid. Transient: the incident may or may not have started; repeating it is safe.
func (g *Gateway) SubmitIncident(ctx context.Context, i access.Incident) (IncidentSubmission, error) {
	view, err := g.openIncident(ctx, i)
	if err == nil {
		created := view.Incident.SubmittedAt.Equal(i.SubmittedAt)
		if !created {
			// The repeated call gets the first one's answer; the incident has gone on since.
			if now, err := g.queryIncident(ctx, i.ID); err == nil {
				view = now
			}
		}
		// A run that continues as new answers before there is a ticket.
		return IncidentSubmission{View: view, Created: created, Pending: view.Ticket == nil && !view.State.Ended()}, nil
	}
	if refused, ok := refusal(opIncident, err); ok {
		if refused.Kind == access.Invalid && len(refused.Refusals) == 0 {
			return IncidentSubmission{}, usedForAnotherIncident()
		}
		return IncidentSubmission{}, refused
	}
	switch {
	case temporal.IsWorkflowExecutionAlreadyStartedError(err), absent(err), diedMeanwhile(err):
		return g.submittedIncident(ctx, i)
	case timedOut(err):
		return g.pendingIncident(ctx, i, err)
	}
	return IncidentSubmission{}, outage(opIncident, "Temporal does not take incidents now; repeating with the same id is safe", err)
}

func (g *Gateway) openIncident(ctx context.Context, i access.Incident) (access.IncidentView, error) {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	start := g.temporal.NewWithStartWorkflowOperation(workflows.IncidentOptions(i), workflows.IncidentTicketType,
		workflows.IncidentTicketParams{Incident: i})
	digest := i.Digest()
	var view access.IncidentView
	handle, err := g.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			// One update for each digest, as Submit has.
			UpdateID:     "open/" + digest,
			WorkflowID:   workflows.IncidentWorkflowID(i.ID),
			UpdateName:   workflows.UpdateOpenIncident,
			Args:         []any{workflows.SubmitInput{Digest: digest}},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return view, err
	}
	return view, handle.Get(ctx, &view)
}

// Incident shows an incident as its workflow sees it, running or ended, while Temporal remembers it. NotFound: Temporal knows no such incident.
// Transient: Temporal or its worker does not answer.
func (g *Gateway) Incident(ctx context.Context, id access.IncidentID) (access.IncidentView, error) {
	view, err := g.queryIncident(ctx, id)
	switch {
	case err == nil:
		return view, nil
	case absent(err):
		return access.IncidentView{}, access.Errorf(access.NotFound, opViewIncident, "there is no incident %q", id)
	}
	return access.IncidentView{}, outage(opViewIncident, "Temporal or its worker does not answer", err)
}

func (g *Gateway) queryIncident(ctx context.Context, id access.IncidentID) (access.IncidentView, error) {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	var view access.IncidentView
	answer, err := g.temporal.QueryWorkflow(ctx, workflows.IncidentWorkflowID(id), "", workflows.QueryIncident)
	if err != nil {
		return view, err
	}
	return view, answer.Get(&view)
}

// submittedIncident answers for an incident whose workflow has ended; it needs no worker.
func (g *Gateway) submittedIncident(ctx context.Context, i access.Incident) (IncidentSubmission, error) {
	if err := g.sameIncident(ctx, i); err != nil {
		return IncidentSubmission{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	var view access.IncidentView
	err := g.temporal.GetWorkflow(ctx, workflows.IncidentWorkflowID(i.ID), "").Get(ctx, &view)
	if err == nil {
		return IncidentSubmission{View: view, Created: view.Incident.SubmittedAt.Equal(i.SubmittedAt)}, nil
	}
	var failed *temporal.WorkflowExecutionError
	if errors.As(err, &failed) {
		return IncidentSubmission{}, access.Errorf(access.Conflict, opIncident,
			"incident %q was stopped by an operator and has no outcome: %w", i.ID, &cause{text: "see its workflow", err: failed})
	}
	return IncidentSubmission{}, outage(opIncident, "Temporal does not answer; repeating with the same id is safe", err)
}

// pendingIncident finds out whether an incident without an answer has started.
func (g *Gateway) pendingIncident(ctx context.Context, i access.Incident, late error) (IncidentSubmission, error) {
	err := g.sameIncident(ctx, i)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return IncidentSubmission{}, refused
	case err != nil:
		return IncidentSubmission{}, outage(opIncident,
			"Temporal did not answer in time, and it is not known whether the incident was taken; repeating with the same id is safe", late)
	}
	return IncidentSubmission{Pending: true, View: access.IncidentView{
		Incident: i, State: access.IncidentOpening, Since: i.SubmittedAt, Desk: i.Desk,
		StatusText: "The incident is recorded and waits for its ticket to be opened.",
	}}, nil
}

// sameIncident is nil where the workflow that has the id was started with the same incident; *RefusedError where it was not.
func (g *Gateway) sameIncident(ctx context.Context, i access.Incident) error {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	found, err := g.temporal.DescribeWorkflow(ctx, workflows.IncidentWorkflowID(i.ID), "")
	if err != nil {
		return outage(opIncident, "Temporal does not answer; repeating with the same id is safe", err)
	}
	var digest string
	// A workflow that somebody started by hand has no memo: its incident is not this one.
	if err := found.GetMemoValue(workflows.MemoDigest, &digest); err != nil || digest != i.Digest() {
		return usedForAnotherIncident()
	}
	return nil
}

// usedForAnotherIncident shows nothing of the other incident: it may be another caller's.
func usedForAnotherIncident() *RefusedError {
	return &RefusedError{
		Op: opIncident, Kind: access.Invalid, Message: "The id or Idempotency-Key was used for another incident.",
		Refusals: []access.Refusal{{
			Field: "id", Problem: "this id or Idempotency-Key was used for another incident; expected a new one, or the same incident word for word",
		}},
	}
}
