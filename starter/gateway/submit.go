package gateway

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/workflows"
)

// Submission is the answer to Submit.
type Submission struct {
	View access.RequestView
	// Created is true for the call that started the request; false for a repeated one.
	Created bool
	// Pending is true when the request is safely recorded but policy has not answered yet; View then only repeats what
	// was asked.
	Pending bool
}

const opSubmit = "submit request"

// Submit starts a request and waits for policy's answer, no longer than Config.CallTimeout. A request that policy
// refuses is no error: its View says so. The same id with the same digest is the same request, running or ended; with
// another digest it is Invalid. Transient: the request may or may not have started; repeating it is safe.
func (g *Gateway) Submit(ctx context.Context, r access.Request) (Submission, error) {
	view, err := g.updateWithStart(ctx, r)
	if err == nil {
		created := view.Request.SubmittedAt.Equal(r.SubmittedAt)
		if !created {
			view = g.fresher(ctx, view)
		}
		return Submission{View: view, Created: created}, nil
	}
	if refused, ok := refusal(opSubmit, err); ok {
		if refused.Kind == access.Invalid && len(refused.Refusals) == 0 {
			return Submission{}, usedForAnother()
		}
		return Submission{}, refused
	}
	switch {
	case temporal.IsWorkflowExecutionAlreadyStartedError(err), absent(err), diedMeanwhile(err):
		return g.submitted(ctx, r)
	case timedOut(err):
		return g.pending(ctx, r, err)
	}
	return Submission{}, outage(opSubmit, "Temporal does not take requests now; repeating with the same id is safe", err)
}

func (g *Gateway) updateWithStart(ctx context.Context, r access.Request) (access.RequestView, error) {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	start := g.temporal.NewWithStartWorkflowOperation(workflows.RequestOptions(r), workflows.AccessRequestType,
		workflows.AccessRequestParams{Request: r})
	digest := r.Digest()
	var view access.RequestView
	handle, err := g.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			// One update per digest: a client that repeats its POST a thousand times adds nothing to the history.
			UpdateID:     "submit/" + digest,
			WorkflowID:   workflows.RequestWorkflowID(r.ID),
			UpdateName:   workflows.UpdateSubmit,
			Args:         []any{workflows.SubmitInput{Digest: digest}},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return view, err
	}
	return view, handle.Get(ctx, &view)
}

// submitted answers for a request whose workflow has ended.
func (g *Gateway) submitted(ctx context.Context, r access.Request) (Submission, error) {
	known, err := g.memoOf(ctx, r.ID)
	if err != nil {
		return Submission{}, err
	}
	if known.digest != r.Digest() {
		return Submission{}, usedForAnother()
	}
	view, err := g.outcome(ctx, r.ID)
	if err != nil {
		return Submission{}, err
	}
	return Submission{View: view, Created: known.submitted(r)}, nil
}

// pending finds out whether a submission without an answer has started.
func (g *Gateway) pending(ctx context.Context, r access.Request, late error) (Submission, error) {
	known, err := g.memoOf(ctx, r.ID)
	if err != nil {
		return Submission{}, outage(opSubmit,
			"Temporal did not answer in time, and it is not known whether the request was taken; repeating with the same id is safe", late)
	}
	if known.digest != r.Digest() {
		return Submission{}, usedForAnother()
	}
	view := access.RequestView{
		Request: r, State: access.StateEvaluating, Since: r.SubmittedAt,
		StatusText: "The request is recorded and waits for policy to answer.",
	}
	return Submission{View: view, Created: known.submitted(r), Pending: true}, nil
}

// remembered is what the memo of a request's workflow says.
type remembered struct{ digest, submittedAt string }

func (m remembered) submitted(r access.Request) bool {
	return m.submittedAt == r.SubmittedAt.UTC().Format(time.RFC3339Nano)
}

func (g *Gateway) memoOf(ctx context.Context, id access.RequestID) (remembered, error) {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	found, err := g.temporal.DescribeWorkflow(ctx, workflows.RequestWorkflowID(id), "")
	if err != nil {
		return remembered{}, outage(opSubmit, "Temporal does not answer; repeating with the same id is safe", err)
	}
	var m remembered
	if err := found.GetMemoValue(workflows.MemoDigest, &m.digest); err != nil {
		// A workflow that somebody started by hand has no memo: its request is not this one.
		return remembered{}, usedForAnother()
	}
	if err := found.GetMemoValue(workflows.MemoSubmitted, &m.submittedAt); err != nil {
		m.submittedAt = ""
	}
	return m, nil
}

func usedForAnother() *RefusedError {
	const problem = "this id or Idempotency-Key was used for another request; expected a new one, or the same request word for word"
	return &RefusedError{
		Op: opSubmit, Kind: access.Invalid, Message: "The id or Idempotency-Key was used for another request.",
		Refusals: []access.Refusal{{Field: "Idempotency-Key", Problem: problem}},
	}
}
