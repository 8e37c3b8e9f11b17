package gateway

import (
	"context"
	"errors"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/workflows"
)

const (
	opView   = "read request"
	opDoctor = "doctor"
)

// View shows a request as its workflow sees it, running or ended, while Temporal remembers it. NotFound: Temporal
// knows no such request. Transient: Temporal or its worker does not answer.
func (g *Gateway) View(ctx context.Context, id access.RequestID) (access.RequestView, error) {
	view, err := g.query(ctx, id)
	switch {
	case err == nil:
		return view, nil
	case absent(err):
		return access.RequestView{}, access.Errorf(access.NotFound, opView, "there is no request %q", id)
	}
	return access.RequestView{}, outage(opView, "Temporal or its worker does not answer", err)
}

func (g *Gateway) query(ctx context.Context, id access.RequestID) (access.RequestView, error) {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	var view access.RequestView
	answer, err := g.temporal.QueryWorkflow(ctx, workflows.RequestWorkflowID(id), "", workflows.QueryView)
	if err != nil {
		return view, err
	}
	return view, answer.Get(&view)
}

// fresher returns the request as it is now, or as it was when its first answer was recorded.
func (g *Gateway) fresher(ctx context.Context, recorded access.RequestView) access.RequestView {
	now, err := g.query(ctx, recorded.Request.ID)
	if err != nil {
		return recorded
	}
	return now
}

// outcome is the result of a request that has ended; it needs no worker.
func (g *Gateway) outcome(ctx context.Context, id access.RequestID) (access.RequestView, error) {
	ctx, cancel := context.WithTimeout(ctx, g.config.answerWithin())
	defer cancel()
	var result workflows.RequestResult
	err := g.temporal.GetWorkflow(ctx, workflows.RequestWorkflowID(id), "").Get(ctx, &result)
	if err == nil {
		return result.View, nil
	}
	var failed *temporal.WorkflowExecutionError
	if errors.As(err, &failed) {
		return access.RequestView{}, access.Errorf(access.Conflict, opView,
			"request %q was stopped by an operator and has no outcome: %w", id, &cause{text: "see its workflow", err: failed})
	}
	return access.RequestView{}, outage(opView, "Temporal does not answer", err)
}

// Doctor asks the worker to check every connector, and with p.TestTicket to open a trial ticket. It waits at most
// Config.DoctorTimeout, and the worker reports before that, whichever connector does not answer. *RefusedError, Invalid:
// p.TestTicket names no desk. Transient: no answer in that time, which is what happens when no worker runs.
func (g *Gateway) Doctor(ctx context.Context, p workflows.DoctorParams) (workflows.DoctorReport, error) {
	within := g.config.doctorWithin()
	p.Timeout = access.Duration(within)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	run, err := g.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       "doctor/" + uuid.NewString(),
		TaskQueue:                workflows.TaskQueue,
		WorkflowExecutionTimeout: within,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:            "doctor",
	}, workflows.DoctorType, p)
	if err != nil {
		return workflows.DoctorReport{}, outage(opDoctor, "Temporal does not answer", err)
	}
	var report workflows.DoctorReport
	if err := run.Get(ctx, &report); err != nil {
		if refused, ok := refusal(opDoctor, err); ok {
			return workflows.DoctorReport{}, refused
		}
		return workflows.DoctorReport{}, outage(opDoctor, "no worker gave an answer in time: is usher-worker running?", err)
	}
	if len(report.Refusals) > 0 {
		return report, &RefusedError{Op: opDoctor, Kind: access.Invalid, Message: report.Refusals[0].Problem, Refusals: report.Refusals}
	}
	return report, nil
}
