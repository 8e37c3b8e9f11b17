package gateway

import (
	"context"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/workflows"
)

const opPeople = "start a run over people"

// PeopleSource reports whether the people of a source are listed: whether it has a schedule. NotFound: it has none. Transient: Temporal
// does not answer.
func (g *Gateway) PeopleSource(ctx context.Context, source access.SourceName) error {
	none := access.Errorf(access.NotFound, opPeople, "there is no source %q whose people are listed; expected one of sources that has people in the worker's configuration", source)
	return g.scheduled(ctx, opPeople, workflows.PeopleScheduleID(source), none)
}

// StartPeople starts a run over the people of a source, of a chosen id, and waits for nothing. The same id with the same params is the same
// run, running or ended; with other params it is *RefusedError, Invalid. NotFound: no people of such a source are listed. Transient: the run may
// or may not have started; repeating it is safe. That another run goes on is found by the run itself, which then ends with a problem.
func (g *Gateway) StartPeople(ctx context.Context, id string, p workflows.PeopleRunParams) error {
	if err := g.PeopleSource(ctx, p.Source); err != nil {
		return err
	}
	return g.startRun(ctx, opPeople, workflows.PeopleRunOptions(id, p), workflows.PeopleRunType, p)
}

const opSync = "start a run over users"

// SyncedDesk reports whether the users of a desk are synced, as PeopleSource does of a source.
func (g *Gateway) SyncedDesk(ctx context.Context, desk access.DeskName) error {
	none := access.Errorf(access.NotFound, opSync, "there is no desk %q whose users are synced; expected one of desks that has sync in the worker's configuration", desk)
	return g.scheduled(ctx, opSync, workflows.UserSyncScheduleID(desk), none)
}

// StartSync starts a run over the users of a desk, of a chosen id, and waits for nothing, as StartPeople does of a run over people.
func (g *Gateway) StartSync(ctx context.Context, id string, p workflows.UserSyncParams) error {
	if err := g.SyncedDesk(ctx, p.Desk); err != nil {
		return err
	}
	return g.startRun(ctx, opSync, workflows.UserSyncOptions(id, p), workflows.UserSyncType, p)
}

const opUnlinkUser = "take a link away"

// Unlink takes the link between a person and a user of a desk away, and waits for the result no longer than Config.CallTimeout. Repeated calls, and
// errors, are as those of ChangeIntegrationUsers; NotFound: the users of no such desk are synced.
func (g *Gateway) Unlink(ctx context.Context, id string, p workflows.UnlinkParams) (access.DeskLink, error) {
	if err := g.SyncedDesk(ctx, p.Desk); err != nil {
		return access.DeskLink{}, err
	}
	options := workflows.UnlinkOptions(id, p)
	if err := g.startRun(ctx, opUnlinkUser, options, workflows.UserUnlinkType, p); err != nil {
		return access.DeskLink{}, err
	}
	var result workflows.UnlinkResult
	if err := g.resultOf(ctx, opUnlinkUser, options.ID, &result); err != nil {
		return access.DeskLink{}, err
	}
	if err := unchanged(opUnlinkUser, "No link was taken away.", result.Kind, result.Refusals); err != nil {
		return access.DeskLink{}, err
	}
	if result.Link == nil {
		return access.DeskLink{}, access.Errorf(access.Conflict, opUnlinkUser, "the workflow %q took no link away, and did not say why", options.ID)
	}
	return *result.Link, nil
}

// scheduled is nil where a schedule exists, and none where it does not.
func (g *Gateway) scheduled(ctx context.Context, op, schedule string, none error) error {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	_, err := g.temporal.ScheduleClient().GetHandle(ctx, schedule).Describe(ctx)
	switch {
	case err == nil:
		return nil
	case absent(err):
		return none
	}
	return outage(op, "Temporal does not answer", err)
}

// startRun starts the workflow of a run, or finds the one that has its id.
func (g *Gateway) startRun(ctx context.Context, op string, options client.StartWorkflowOptions, kind string, params any) error {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	_, err := g.temporal.ExecuteWorkflow(ctx, options, kind, params)
	if err == nil {
		return nil
	}
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return g.sameRun(ctx, op, options)
	}
	return outage(op, "Temporal did not take the run; repeating with the same id is safe", err)
}

// sameRun is nil where the run that has the id was started with the same params.
func (g *Gateway) sameRun(ctx context.Context, op string, options client.StartWorkflowOptions) error {
	found, err := g.temporal.DescribeWorkflow(ctx, options.ID, "")
	if err != nil {
		return outage(op, "Temporal does not answer; repeating with the same id is safe", err)
	}
	var digest string
	if err := found.GetMemoValue(workflows.MemoDigest, &digest); err == nil && digest == options.Memo[workflows.MemoDigest] {
		return nil
	}
	return &RefusedError{
		Op: op, Kind: access.Invalid, Message: "The id or Idempotency-Key was used for another run.",
		Refusals: []access.Refusal{{Field: "id", Problem: "this id or Idempotency-Key was used for another run; expected a new one"}},
	}
}
