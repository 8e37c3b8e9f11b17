package gateway

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/workflows"
)

const (
	opDecide   = "decide"
	opWithdraw = "withdraw"
	opHint     = "pass on a hint"
)

// Decide returns one person's decision to the request. d.ID makes repeating harmless; the caller must make it so that two
// people never use the same one. Errors: *RefusedError with the workflow's reasons (Forbidden: not an approver, or the
// requester or subject; Conflict: decided already; Invalid: d.ID was used for another decision); Conflict: the request
// has ended; NotFound: Temporal knows no such request; Transient: no answer, and the decision may have been taken.
func (g *Gateway) Decide(ctx context.Context, id access.RequestID, d access.Decision) (access.RequestView, error) {
	view, err := g.update(ctx, id, client.UpdateWorkflowOptions{
		UpdateID: "decide/" + d.ID, UpdateName: workflows.UpdateDecide, Args: []any{d},
	})
	if err != nil {
		return view, err
	}
	for _, taken := range view.Decisions {
		if taken.ID == d.ID && !sameDecision(taken, d) {
			return view, &RefusedError{
				Op: opDecide, Kind: access.Invalid, Message: "The decision's id was used for another decision.",
				Refusals: []access.Refusal{{Field: "id", Problem: "this id (or Idempotency-Key) was used for another decision; expected a new one"}},
			}
		}
	}
	return view, nil
}

// sameDecision compares what was said; a recorded decision lists its items even where none were named.
func sameDecision(taken, d access.Decision) bool {
	if taken.Verdict != d.Verdict || taken.By != d.By || taken.Reason != d.Reason {
		return false
	}
	if len(d.Items) == 0 {
		return true
	}
	if len(taken.Items) != len(d.Items) {
		return false
	}
	said := make(map[access.ItemID]bool, len(d.Items))
	for _, item := range d.Items {
		said[item] = true
	}
	for _, item := range taken.Items {
		if !said[item] {
			return false
		}
	}
	return true
}

// Withdraw takes the request back. c.ID makes repeating harmless. Errors as for Decide.
func (g *Gateway) Withdraw(ctx context.Context, id access.RequestID, c workflows.WithdrawInput) (access.RequestView, error) {
	return g.update(ctx, id, client.UpdateWorkflowOptions{
		UpdateID: "withdraw/" + c.ID, UpdateName: workflows.UpdateWithdraw, Args: []any{c},
	})
}

// Reassign names who approves what is still to be decided. c.ID makes repeating harmless. Errors as for Decide; Invalid also where somebody who is
// named is not active in the identity source.
func (g *Gateway) Reassign(ctx context.Context, id access.RequestID, c workflows.ReassignInput) (access.RequestView, error) {
	return g.update(ctx, id, client.UpdateWorkflowOptions{
		UpdateID: "reassign/" + c.ID, UpdateName: workflows.UpdateReassign, Args: []any{c},
	})
}

func (g *Gateway) update(ctx context.Context, id access.RequestID, call client.UpdateWorkflowOptions) (access.RequestView, error) {
	call.WorkflowID = workflows.RequestWorkflowID(id)
	call.WaitForStage = client.WorkflowUpdateStageCompleted
	view, err := g.updated(ctx, call)
	if err == nil {
		return view, nil
	}
	op := call.UpdateName
	if refused, ok := refusal(op, err); ok {
		return access.RequestView{}, refused
	}
	switch {
	case absent(err), diedMeanwhile(err):
		return access.RequestView{}, g.missing(ctx, op, id)
	case timedOut(err):
		return access.RequestView{}, outage(op,
			"Temporal or its worker did not answer in time, so it may have been taken; repeating with the same id is safe", err)
	}
	return access.RequestView{}, outage(op, "Temporal is unavailable; repeating with the same id is safe", err)
}

func (g *Gateway) updated(ctx context.Context, call client.UpdateWorkflowOptions) (access.RequestView, error) {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	var view access.RequestView
	handle, err := g.temporal.UpdateWorkflow(ctx, call)
	if err != nil {
		return view, err
	}
	return view, handle.Get(ctx, &view)
}

// missing reports whether a request that takes no message has ended or never was.
func (g *Gateway) missing(ctx context.Context, op string, id access.RequestID) error {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	_, err := g.temporal.DescribeWorkflow(ctx, workflows.RequestWorkflowID(id), "")
	switch {
	case err == nil:
		return access.Errorf(access.Conflict, op, "the request has ended")
	case absent(err):
		return access.Errorf(access.NotFound, op, "there is no request %q", id)
	}
	return outage(op, "Temporal does not answer; repeating with the same id is safe", err)
}

// HintWatch signals to the desk's watch that a ticket may have changed, and reports whether there is a watch: where there is
// none, each request looks at its own ticket, see Hint. Transient: Temporal did not take it; the watch finds the change
// by itself.
func (g *Gateway) HintWatch(ctx context.Context, desk access.DeskName, h workflows.Hint) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	err := g.temporal.SignalWorkflow(ctx, workflows.WatchWorkflowID(desk), "", workflows.SignalHint, h)
	switch {
	case err == nil:
		return true, nil
	case absent(err):
		return false, nil
	}
	return false, outage(opHint, "Temporal did not take the hint", err)
}

// Hint signals to the request that its ticket may have changed. When its run has ended, ReopenedTicket reads it instead: at
// most one per request at a time. Transient: Temporal took neither; the request looks by itself later.
func (g *Gateway) Hint(ctx context.Context, id access.RequestID, h workflows.Hint) error {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	err := g.temporal.SignalWorkflow(ctx, workflows.RequestWorkflowID(id), "", workflows.SignalHint, h)
	if err == nil {
		return nil
	}
	if !absent(err) {
		return outage(opHint, "Temporal did not take the hint", err)
	}
	_, err = g.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       workflows.ReopenedWorkflowID(id),
		TaskQueue:                workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            "ticket of an ended request changed",
	}, workflows.ReopenedTicketType, workflows.ReopenedTicketParams{Request: id})
	if err != nil {
		return outage(opHint, "Temporal did not take the hint", err)
	}
	return nil
}
