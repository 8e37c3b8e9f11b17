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
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	_, err := g.temporal.ScheduleClient().GetHandle(ctx, workflows.PeopleScheduleID(source)).Describe(ctx)
	switch {
	case err == nil:
		return nil
	case absent(err):
		return access.Errorf(access.NotFound, opPeople, "there is no source %q whose people are listed; expected one of sources that has people in the worker's configuration", source)
	}
	return outage(opPeople, "Temporal does not answer", err)
}

// StartPeople starts a run over the people of a source, of a chosen id, and waits for nothing. The same id with the same params is the same
// run, running or ended; with other params it is *RefusedError, Invalid. NotFound: no people of such a source are listed. Transient: the run may
// or may not have started; repeating it is safe. That another run goes on is found by the run itself, which then ends with a problem.
func (g *Gateway) StartPeople(ctx context.Context, id string, p workflows.PeopleRunParams) error {
	if err := g.PeopleSource(ctx, p.Source); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	options := workflows.PeopleRunOptions(id, p)
	_, err := g.temporal.ExecuteWorkflow(ctx, options, workflows.PeopleRunType, p)
	if err == nil {
		return nil
	}
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return g.samePeopleRun(ctx, options)
	}
	return outage(opPeople, "Temporal did not take the run; repeating with the same id is safe", err)
}

// samePeopleRun is nil where the run that has the id was started with the same params.
func (g *Gateway) samePeopleRun(ctx context.Context, options client.StartWorkflowOptions) error {
	found, err := g.temporal.DescribeWorkflow(ctx, options.ID, "")
	if err != nil {
		return outage(opPeople, "Temporal does not answer; repeating with the same id is safe", err)
	}
	var digest string
	if err := found.GetMemoValue(workflows.MemoDigest, &digest); err == nil && digest == options.Memo[workflows.MemoDigest] {
		return nil
	}
	return &RefusedError{
		Op: opPeople, Kind: access.Invalid, Message: "The id or Idempotency-Key was used for another run.",
		Refusals: []access.Refusal{{Field: "id", Problem: "this id or Idempotency-Key was used for another run; expected a new one"}},
	}
}
