package gateway_test

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/workflows"
)

// The reasons that make the fake workflow behave in a special way.
const (
	policyIsSlow = "policy is slow"
	policySaysNo = "policy says no"
)

type fakeParams struct {
	Request access.Request `json:"request"`
}

func register(w worker.Worker) {
	w.RegisterWorkflowWithOptions(fakeRequest, workflow.RegisterOptions{Name: workflows.AccessRequestType})
	w.RegisterWorkflowWithOptions(fakeReopened, workflow.RegisterOptions{Name: workflows.ReopenedTicketType})
	w.RegisterWorkflowWithOptions(fakeWatch, workflow.RegisterOptions{Name: workflows.TicketWatchType})
	w.RegisterWorkflowWithOptions(fakeDoctor, workflow.RegisterOptions{Name: workflows.DoctorType})
	w.RegisterWorkflowWithOptions(fakeIncident, workflow.RegisterOptions{Name: workflows.IncidentTicketType})
	w.RegisterWorkflowWithOptions(fakeIntegrationUsers, workflow.RegisterOptions{Name: workflows.IntegrationUsersType})
	w.RegisterWorkflowWithOptions(fakeUnlink, workflow.RegisterOptions{Name: workflows.UserUnlinkType})
	w.RegisterWorkflowWithOptions(fakeRevocation, workflow.RegisterOptions{Name: workflows.LeaseRevocationType})
	w.RegisterWorkflowWithOptions(fakePause, workflow.RegisterOptions{Name: workflows.TargetPauseType})
	w.RegisterWorkflowWithOptions(fakePeopleRun, workflow.RegisterOptions{Name: workflows.PeopleRunType})
}

// fakeRequest keeps the contract of AccessRequest in the smallest form: policy answers at once, one approval grants,
// one denial denies.
func fakeRequest(ctx workflow.Context, p fakeParams) (workflows.RequestResult, error) {
	view := access.RequestView{Request: p.Request, State: access.StateEvaluating, Since: workflow.Now(ctx), Version: 1}
	digest := p.Request.Digest()
	if err := workflow.SetQueryHandler(ctx, workflows.QueryView, func() (access.RequestView, error) { return view, nil }); err != nil {
		return workflows.RequestResult{}, err
	}
	hints := workflow.GetSignalChannel(ctx, workflows.SignalHint)
	err := errors.Join(
		workflow.SetUpdateHandlerWithOptions(ctx, workflows.UpdateSubmit,
			func(ctx workflow.Context, _ workflows.SubmitInput) (access.RequestView, error) {
				err := workflow.Await(ctx, func() bool { return view.State != access.StateEvaluating })
				return view, err
			},
			workflow.UpdateHandlerOptions{Validator: func(c workflows.SubmitInput) error {
				if c.Digest != digest {
					return temporal.NewApplicationError("another request has this id", string(access.Invalid))
				}
				return nil
			}}),
		workflow.SetUpdateHandlerWithOptions(ctx, workflows.UpdateDecide,
			func(_ workflow.Context, d access.Decision) (access.RequestView, error) {
				d.Items = []access.ItemID{"1"}
				view.Decisions = append(view.Decisions, d)
				return view, nil
			},
			workflow.UpdateHandlerOptions{Validator: func(d access.Decision) error {
				if d.By != "boss" {
					return temporal.NewApplicationError("only the manager may decide this", string(access.Forbidden),
						[]access.Refusal{{Field: "items[0]", Problem: "is decided by boss"}})
				}
				return nil
			}}),
		workflow.SetUpdateHandler(ctx, workflows.UpdateWithdraw,
			func(ctx workflow.Context, c workflows.WithdrawInput) (access.RequestView, error) {
				if c.By == "slow" {
					_ = workflow.Sleep(ctx, time.Hour)
				}
				view.State = access.OutcomeWithdrawn
				return view, nil
			}),
	)
	if err != nil {
		return workflows.RequestResult{}, err
	}
	if p.Request.Reason == policyIsSlow {
		hints.Receive(ctx, nil)
	}
	view.State = access.StateAwaitingApproval
	if p.Request.Reason == policySaysNo {
		view.State = access.OutcomeRefused
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var hint workflows.Hint
			hints.Receive(ctx, &hint)
			view.Ticket = &access.TicketRef{ID: hint.Ticket}
		}
	})
	err = workflow.Await(ctx, func() bool { return len(view.Decisions) > 0 || view.State.Ended() })
	if err != nil {
		return workflows.RequestResult{}, err
	}
	if len(view.Decisions) > 0 {
		view.State = access.OutcomeGranted
		if view.Decisions[0].Verdict == access.Deny {
			view.State = access.OutcomeDenied
		}
	}
	err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return workflows.RequestResult{Outcome: view.State, View: view}, err
}

func fakeReopened(workflow.Context, workflows.ReopenedTicketParams) error { return nil }

// fakeWatch ends with the first hint that it hears.
func fakeWatch(ctx workflow.Context, _ workflows.TicketWatchParams) (workflows.Hint, error) {
	var hint workflows.Hint
	workflow.GetSignalChannel(ctx, workflows.SignalHint).Receive(ctx, &hint)
	return hint, nil
}

func fakeDoctor(_ workflow.Context, p workflows.DoctorParams) (workflows.DoctorReport, error) {
	if p.TestTicket == "nowhere" {
		return workflows.DoctorReport{Refusals: []access.Refusal{{Field: "test_ticket", Problem: `there is no desk "nowhere"`}}}, nil
	}
	return workflows.DoctorReport{Lines: []workflows.DoctorLine{{Connector: "desk/" + string(p.TestTicket), Note: p.Timeout.String()}}}, nil
}
