package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// longRuns are a server that suggests very early that a run has grown long, so that runs continue as new, and a worker
// under which decisions expire and reminders come soon.
func longRuns() settings {
	return settings{
		// Requests that look at their tickets themselves have more to do, so their histories grow.
		noIntake:     true,
		workerEnv:    []string{"USHER_REQUEST_SETTINGS_APPROVAL_TIMEOUT=20s", "USHER_REQUEST_SETTINGS_REMINDER_INTERVAL=11s", "USHER_DESKS_JIRA_CHANGE_DETECTION=poll"},
		temporalArgs: []string{"--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=15"},
	}
}

// longScenarios are played with the settings of longRuns.
func longScenarios() []*ticketEvent {
	lasting := scenario("lease ended", "wiki/editor", gone, approves)
	lasting.lasts = "5s"
	return []*ticketEvent{
		scenario("expired", "wiki/editor", ending{outcome: access.OutcomeExpired, status: statusWontDo}, waits),
		scenario("many hints", "wiki/admin", granted, inOrder(comments(15), approves)),
		scenario("by hand", "badge/lab", granted, inOrder(approves, reads(statusWorking), comments(10), moves("zoe", statusDone))),
		scenario("overlapping leases", "wiki/editor", granted, overlaps),
		lasting,
	}
}

func waits(ctx context.Context, e *ticketEvent) error { return e.state(ctx, access.OutcomeExpired) }

// overlaps returns the same person the same access a second time, for a few seconds.
func overlaps(ctx context.Context, e *ticketEvent) error {
	if err := e.approve(ctx); err != nil {
		return err
	}
	second := &ticketEvent{row: row{name: e.name, ask: e.ask, lasts: "3s", who: e.who, system: e.system, id: e.id + "-second"}}
	if err := errors.Join(second.open(ctx), second.approve(ctx)); err != nil {
		return err
	}
	return stack.Poll(ctx, func(ctx context.Context) error {
		leases, err := e.Leases(ctx, stack.Auditor, e.who)
		for _, l := range leases {
			if l.Lease.Request == second.id && l.State == access.LeaseEnded {
				return nil
			}
		}
		return errors.Join(errors.New("the second lease has not ended yet"), err)
	})
}

// comments lets zoe write so many comments, and waits each time until the hint of it has led to a look.
func comments(n int) eventStep {
	return func(ctx context.Context, e *ticketEvent) error {
		for i := range n {
			before, err := e.historyLength(ctx)
			if err != nil {
				return err
			}
			if err := board("zoe", "comment", "text", fmt.Sprintf("remark %d", i+1))(ctx, e); err != nil {
				return err
			}
			err = stack.Poll(ctx, func(ctx context.Context) error {
				now, err := e.historyLength(ctx)
				if err == nil && now == before {
					err = errors.New("nothing has happened yet")
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// historyLength is how long the history of the request's present run is, once nothing of it is under way.
func (e *ticketEvent) historyLength(ctx context.Context) (int64, error) {
	id := workflows.RequestWorkflowID(e.id)
	if err := e.atRest(ctx, &commonpb.WorkflowExecution{WorkflowId: id}); err != nil {
		return 0, err
	}
	now, err := e.temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return 0, err
	}
	return now.WorkflowExecutionInfo.HistoryLength, nil
}

// TestLongRuns lets requests and leases go through many runs each: whoever continues as new forgets nothing.
func TestLongRuns(t *testing.T) {
	t.Parallel()
	s := start(t, longRuns())
	ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
	defer cancel()
	all := longScenarios()
	for _, e := range all {
		e.name = "continued as new: " + e.name
	}
	rows := s.play(ctx, t, "long", all)
	for _, r := range rows {
		runs, err := s.runs(ctx, workflows.RequestWorkflowID(r.id))
		require.NoError(t, err)
		require.Greater(t, len(runs), 1, "%s has continued as new", r.id)
	}
	table(ctx, t, rows)
}

// runs are all runs of a workflow id, the first one first; none of an id that never ran.
func (s *system) runs(ctx context.Context, id string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	found, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: `WorkflowId = "` + id + `"`})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found.Executions, func(a, b *workflowpb.WorkflowExecutionInfo) int {
		return a.StartTime.AsTime().Compare(b.StartTime.AsTime())
	})
	return found.Executions, nil
}
