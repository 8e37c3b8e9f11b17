package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// finishes lets an activity that runs finish though it is cancelled, as a server does for a worker that does not heartbeat. The test
// environment itself ends it at once.
type finishes struct {
	interceptor.WorkerInterceptorBase
}

func (*finishes) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &finishesInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type finishesInbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (f *finishesInbound) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return f.Next.Init(&finishesOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: outbound}})
}

type finishesOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (f *finishesOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	if workflow.GetActivityOptions(ctx).WaitForCancellation {
		ctx, _ = workflow.NewDisconnectedContext(ctx)
	}
	return f.Next.ExecuteActivity(ctx, name, args...)
}

// TestAttackAsked_cancelled: an operator cancels a look while an activity runs, which finishes. The run ends.
func TestAttackAsked_cancelled(t *testing.T) {
	for name, answer := range map[string]any{
		"MatchAccount": access.Account{Person: "ana", ID: "account-1-ana"},
		"FindPeople":   activities.FindPeopleResult{People: make([]access.Person, 1)},
		"ReadAsked":    activities.ReadAskedResult{Findings: []access.Refusal{{Field: "Access", Problem: "Missing."}}},
		"UpdateTicket": activities.UpdateTicketResult{},
		"StartRequest": struct{}{},
		"Evaluate":     activities.Evaluation{},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsking(t)
			text := "Access: wiki/editor"
			if name == "UpdateTicket" {
				text = "the wiki, please"
			}
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", text)
			a.newRun()
			a.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&finishes{}}})
			began := false
			slow := func(ctx context.Context) error {
				began = true
				token := activity.GetInfo(ctx).TaskToken
				a.env.RegisterDelayedCallback(func() { _ = a.env.CompleteActivity(token, answer, nil) }, time.Minute)
				return activity.ErrResultPending
			}
			switch name {
			case "MatchAccount":
				a.replace(name, func(ctx context.Context, _ access.Person) (access.Account, error) { return access.Account{}, slow(ctx) })
			case "FindPeople":
				a.replace(name, func(ctx context.Context, _ activities.FindPeopleInput) (activities.FindPeopleResult, error) {
					return activities.FindPeopleResult{}, slow(ctx)
				})
			case "ReadAsked":
				a.replace(name, func(ctx context.Context, _ activities.ReadTicketInput) (activities.ReadAskedResult, error) {
					return activities.ReadAskedResult{}, slow(ctx)
				})
			case "UpdateTicket":
				a.replace(name, func(ctx context.Context, _ activities.UpdateTicketInput) (activities.UpdateTicketResult, error) {
					return activities.UpdateTicketResult{}, slow(ctx)
				})
			case "StartRequest":
				a.replace(name, func(ctx context.Context, _ activities.StartRequestInput) error { return slow(ctx) })
			case "Evaluate":
				a.replace(name, func(ctx context.Context, _ activities.EvaluateInput) (activities.Evaluation, error) {
					return activities.Evaluation{}, slow(ctx)
				})
			}
			a.at(0, func() { a.signal(workflows.SignalAskedChanged, struct{}{}) })
			a.at(30*time.Second, a.env.CancelWorkflow)
			a.env.ExecuteWorkflow(workflows.AskedTicketType, workflows.AskedTicketParams{Desk: "jira", Ticket: ticket.ID})
			require.True(t, began)
			require.True(t, a.env.IsWorkflowCompleted())
			require.NoError(t, a.env.GetWorkflowError())
		})
	}
}
