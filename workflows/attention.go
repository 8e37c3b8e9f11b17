package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// Attend opens the ticket that a run leaves for people, has one that is open say what is new, and closes those with which there is nothing more to do. What cannot be done is done after the
// next run; the run itself is over.
func Attend(ctx workflow.Context, a activities.Attention) {
	log := workflow.GetLogger(ctx)
	if a.Open != nil {
		if err := handIn(ctx, *a.Open, a.Digest); err != nil && !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
			log.Error("cannot open a ticket for people", "reference", a.Open.Reference, "error", err)
		}
	}
	if n := a.News; n != nil {
		news := workflow.SignalExternalWorkflow(ctx, IncidentWorkflowID(n.Incident), "", SignalIncidentNews, *n)
		if err := news.Get(ctx, nil); err != nil {
			log.Error("cannot bring the ticket of an incident up to date", "incident", n.Incident, "error", err)
		}
	}
	for _, id := range a.Done {
		done := workflow.SignalExternalWorkflow(ctx, IncidentWorkflowID(id), "", SignalIncidentDone, IncidentDone{Text: a.Text})
		if err := done.Get(ctx, nil); err != nil {
			log.Error("cannot close the ticket of an incident", "incident", id, "error", err)
		}
	}
}

// handIn starts the workflow of an incident as IncidentOptions does, which goes on when this one has ended.
func handIn(ctx workflow.Context, i access.Incident, digest string) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: IncidentWorkflowID(i.ID), TaskQueue: TaskQueue, Memo: map[string]any{MemoDigest: digest},
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary: "incident of usher itself",
	})
	return workflow.ExecuteChildWorkflow(ctx, IncidentTicketType, IncidentTicketParams{Incident: i}).GetChildWorkflowExecution().Get(ctx, nil)
}

// NotBefore is why a run does not begin that its schedule started.
func NotBefore(next time.Time) string {
	return "the last runs have failed; the next try is at " + next.UTC().Format(time.RFC3339)
}
