package workflows_test

import (
	"context"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
)

// runInterceptor connects one run with its chain: it answers the question whether to continue as new, and sees which
// messages reach the run and which activities are under way.
type runInterceptor struct {
	interceptor.WorkerInterceptorBase
	chain *chain
	env   *testsuite.TestWorkflowEnvironment
	// scheduled counts the activities that were given an id.
	scheduled int
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (i *runInterceptor) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &runInbound{run: i}
	in.Next = next
	return in
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (i *runInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	in := &activityInbound{chain: i.chain}
	in.Next = next
	return in
}

type runInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	run *runInterceptor
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (in *runInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &runOutbound{run: in.run}
	out.Next = next
	return in.Next.Init(out)
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (in *runInbound) ExecuteWorkflow(ctx workflow.Context, input *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := in.Next.ExecuteWorkflow(ctx, input)
	if ctx.Err() != nil {
		in.run.chain.cancel.reached = true
	}
	return result, err
}

// HandleSignal implements interceptor.WorkflowInboundInterceptor.
func (in *runInbound) HandleSignal(ctx workflow.Context, input *interceptor.HandleSignalInput) error {
	if data, ok := any(input.Arg).(*commonpb.Payloads); ok {
		in.run.chain.got(input.SignalName, payloadData(data))
	}
	return in.Next.HandleSignal(ctx, input)
}

type runOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	run *runInterceptor
}

// GetInfo implements interceptor.WorkflowOutboundInterceptor.
func (out *runOutbound) GetInfo(ctx workflow.Context) *workflow.Info {
	out.run.env.SetContinueAsNewSuggested(out.run.chain.ask())
	return out.Next.GetInfo(ctx)
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor. With WaitForCancellation a server lets an attempt that
// runs come to its result, and cancels only what has not started or waits for its next attempt. The test environment would
// cancel both at once, and lose the result.
func (out *runOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	options := workflow.GetActivityOptions(ctx)
	if !options.WaitForCancellation || ctx.Err() != nil {
		return out.Next.ExecuteActivity(ctx, activityType, args...)
	}
	out.run.scheduled++
	options.ActivityID = fmt.Sprintf("waits-%d", out.run.scheduled)
	inner, cancel := workflow.NewDisconnectedContext(workflow.WithActivityOptions(ctx, options))
	result := out.Next.ExecuteActivity(inner, activityType, args...)
	workflow.Go(inner, func(inner workflow.Context) {
		_ = workflow.Await(inner, func() bool { return result.IsReady() || ctx.Err() != nil })
		if !result.IsReady() && !out.run.chain.cancelRunning(options.ActivityID) {
			cancel()
		}
	})
	return result
}

type activityInbound struct {
	interceptor.ActivityInboundInterceptorBase
	chain *chain
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor. An attempt that fails after the activity was cancelled
// is the last.
func (in *activityInbound) ExecuteActivity(ctx context.Context, input *interceptor.ExecuteActivityInput) (any, error) {
	result, err := in.Next.ExecuteActivity(ctx, input)
	if cancelled := in.chain.end(activity.GetInfo(ctx).ActivityID, err == nil || !repeated(err)); cancelled && err != nil {
		err = temporal.NewNonRetryableApplicationError(err.Error(), kindOfFailure(err), err)
	}
	return result, err
}

// repeated reports whether a failed attempt is made again.
func repeated(err error) bool {
	var failure *temporal.ApplicationError
	return !errors.As(err, &failure) || !failure.NonRetryable()
}

// kindOfFailure is the type of an activity's error.
func kindOfFailure(err error) string {
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		return failure.Type()
	}
	return ""
}
