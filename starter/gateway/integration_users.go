package gateway

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/workflows"
)

const opIntegrationUsers = "change integration users"

// ChangeIntegrationUsers changes or checks the register of a desk's integration users, and waits for the result no longer than
// Config.CallTimeout. The same id with the same params is the same change, running or ended, and gets the same result; with other params it is
// *RefusedError, Invalid. *RefusedError also where the workflow refuses. NotFound: there is no such desk that takes incidents. Conflict: the
// change was stopped and has no result. Transient: no answer in time; it may have been done, and repeating it is safe.
func (g *Gateway) ChangeIntegrationUsers(ctx context.Context, id string, p workflows.IntegrationUsersParams) (workflows.IntegrationUsersResult, error) {
	none := access.Errorf(access.NotFound, opIntegrationUsers,
		"there is no desk %q that takes incidents; expected one of desks that has `incidents` in the worker's configuration", p.Desk)
	if err := g.scheduled(ctx, opIntegrationUsers, workflows.IntegrationUsersScheduleID(p.Desk), none); err != nil {
		return workflows.IntegrationUsersResult{}, err
	}
	options := workflows.IntegrationUsersOptions(id, p)
	if err := g.startRun(ctx, opIntegrationUsers, options, workflows.IntegrationUsersType, p); err != nil {
		return workflows.IntegrationUsersResult{}, err
	}
	return g.changedUsers(ctx, options.ID)
}

// changedUsers waits for what came of a change.
func (g *Gateway) changedUsers(ctx context.Context, workflow string) (workflows.IntegrationUsersResult, error) {
	var result workflows.IntegrationUsersResult
	if err := g.resultOf(ctx, opIntegrationUsers, workflow, &result); err != nil {
		return workflows.IntegrationUsersResult{}, err
	}
	return result, unchanged(opIntegrationUsers, "The register was not changed.", result.Kind, result.Refusals)
}

// resultOf waits for the result of a workflow that changes something. Conflict: it was stopped and has none. Transient: there was none in time.
func (g *Gateway) resultOf(ctx context.Context, op, workflow string, result any) error {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	err := g.temporal.GetWorkflow(ctx, workflow, "").Get(ctx, result)
	var failed *temporal.WorkflowExecutionError
	switch {
	case errors.As(err, &failed):
		return access.Errorf(access.Conflict, op,
			"the change was stopped, so that it may have been done in part; repeat it with a new id: %w", &cause{text: "see its workflow", err: failed})
	case err != nil:
		return outage(op, "there was no answer in time; it may have been done; repeating with the same id is safe", err)
	}
	return nil
}

// unchanged returns the *RefusedError of a change that a workflow has refused; nil for one that it has made.
func unchanged(op, message string, kind access.Kind, refusals []access.Refusal) error {
	if kind == "" && len(refusals) == 0 {
		return nil
	}
	refused := &RefusedError{Op: op, Kind: kind, Message: message, Refusals: refusals}
	if refused.Kind == "" {
		refused.Kind = access.Invalid
	}
	if len(refusals) > 0 {
		refused.Message = refusals[0].Problem
	}
	return refused
}
