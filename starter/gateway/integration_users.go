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
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	var result workflows.IntegrationUsersResult
	err := g.temporal.GetWorkflow(ctx, workflow, "").Get(ctx, &result)
	var failed *temporal.WorkflowExecutionError
	switch {
	case errors.As(err, &failed):
		return workflows.IntegrationUsersResult{}, access.Errorf(access.Conflict, opIntegrationUsers,
			"the change was stopped, so that it may have been done in part; repeat it with a new id: %w", &cause{text: "see its workflow", err: failed})
	case err != nil:
		return workflows.IntegrationUsersResult{}, outage(opIntegrationUsers,
			"there was no answer in time; it may have been done; repeating with the same id is safe", err)
	case result.Kind == "" && len(result.Refusals) == 0:
		return result, nil
	}
	refused := &RefusedError{Op: opIntegrationUsers, Kind: result.Kind, Message: "The register was not changed.", Refusals: result.Refusals}
	if refused.Kind == "" {
		refused.Kind = access.Invalid
	}
	if len(result.Refusals) > 0 {
		refused.Message = result.Refusals[0].Problem
	}
	return result, refused
}
