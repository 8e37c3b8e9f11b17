package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// resetStep is what is done about a row of TestReset.
type resetStep = func(context.Context, *crowd, *resetRow) error

// resetScenario is a workflow that is reset, and what happens before and after that.
type resetScenario struct {
	name string
	// subject is true where the workflow of the person is reset, and not that of the request.
	subject bool
	ask     access.EntitlementID
	lasts   string
	want    ending
	// before leads to the moment of the reset, after leads on from it to where people have nothing left to do; nil for nothing.
	before, after resetStep
}

// resetRow is one scenario with a reset to one boundary: the n-th task that the workflow has completed, from 1 on.
type resetRow struct {
	swept
	scenario *resetScenario
	boundary int
	// version is the request's before the reset.
	version int
	motion  motion
}

// resetSteps does steps in order, up to the first error.
func resetSteps(steps ...resetStep) resetStep {
	return func(ctx context.Context, c *crowd, r *resetRow) error {
		for _, step := range steps {
			if err := step(ctx, c, r); err != nil {
				return err
			}
		}
		return nil
	}
}

func resetScenarios() []*resetScenario {
	return []*resetScenario{
		{name: "waits_for_the_second_stage", ask: "wiki/admin", want: granted, before: resetSteps(isOpen, miaApproves), after: resetSteps(miaApproves, omarApproves)},
		{name: "an_operator_has_decided", ask: "wiki/admin", want: granted, before: resetSteps(isOpen, operatorApproves), after: omarApproves},
		{name: "waits_for_a_human_to_grant", ask: "badge/lab", want: granted, before: resetSteps(isOpen, omarApproves, isWorked), after: humanGrants},
		{name: "is_granting", ask: "wiki/editor", want: granted, before: resetSteps(isOpen, grantIsHeld), after: letsGo},
		{name: "has_been_granted", ask: "wiki/editor", want: granted, before: resetSteps(isOpen, miaApproves, isOver)},
		{name: "has_been_denied", ask: "wiki/editor", want: denied, before: resetSteps(isOpen, miaDenies, isOver)},
		{name: "has_been_withdrawn", ask: "wiki/editor", want: withdrawn, before: resetSteps(isOpen, subjectWithdraws, isOver)},
		{
			name: "has_been_granted_by_hand", ask: "badge/lab", want: granted,
			before: resetSteps(isOpen, omarApproves, isWorked, humanGrants, isOver),
		},

		{name: "holds_without_end", subject: true, ask: "wiki/editor", want: granted, before: resetSteps(isOpen, miaApproves, isOver)},
		{name: "holds_for_a_time", subject: true, ask: "wiki/editor", lasts: "25s", want: gone, before: resetSteps(isOpen, miaApproves, isOver)},
		{
			name: "holds_twice", subject: true, ask: "wiki/editor", lasts: "25s", want: gone,
			before: resetSteps(isOpen, miaApproves, isOver, anotherLease),
		},
		{
			name: "held_and_asks_again", subject: true, ask: "wiki/editor", lasts: "25s", want: gone,
			before: resetSteps(isOpen, miaApproves, isOver), after: anotherLease,
		},
		{
			name: "held_once", subject: true, ask: "wiki/editor", lasts: "3s", want: gone,
			before: resetSteps(isOpen, miaApproves, isOver, leaseOver),
		},
	}
}

// isOpen asks, and waits until the ticket waits for the approver.
func isOpen(ctx context.Context, c *crowd, r *resetRow) error {
	if err := r.submit(ctx); err != nil {
		return err
	}
	return c.status(ctx, &r.row, statusWaiting)
}

// decidesOnce has somebody decide. What cannot be decided yet is tried again: after a reset, a stage is open when what was
// said before it has been said again.
func decidesOnce(by access.PersonID, v access.Verdict) resetStep {
	return func(ctx context.Context, _ *crowd, r *resetRow) error {
		ctx, cancel := context.WithTimeout(ctx, decidedWithin)
		defer cancel()
		return awaited(ctx, func(ctx context.Context) error {
			_, err := r.Decide(ctx, by, r.id, stack.Verdict{ID: "row-" + string(by), Verdict: v})
			return err
		})
	}
}

// decidedWithin is how long a decision may be impossible after a reset.
const decidedWithin = 12 * time.Second

var (
	miaApproves  = decidesOnce("mia", access.Approve)
	miaDenies    = decidesOnce("mia", access.Deny)
	omarApproves = decidesOnce("omar", access.Approve)
)

// operatorApproves decides by a signal, and waits until that counts.
func operatorApproves(ctx context.Context, _ *crowd, r *resetRow) error {
	if err := operatorDecides(ctx, &ticketEvent{row: r.row}); err != nil {
		return err
	}
	return awaited(ctx, func(ctx context.Context) error {
		d, err := r.Show(ctx, stack.Auditor, r.id)
		if err == nil && len(d.Decisions) == 0 {
			err = errors.New("the operator's decision does not count yet")
		}
		return err
	})
}

func isWorked(ctx context.Context, c *crowd, r *resetRow) error {
	return c.status(ctx, &r.row, statusWorking)
}

// humanGrants closes the ticket as done.
func humanGrants(ctx context.Context, c *crowd, r *resetRow) error {
	if err := isWorked(ctx, c, r); err != nil {
		return err
	}
	return r.move(ctx, "zoe", statusDone)
}

// grantIsHeld has the request approved, and holds the call that grants.
func grantIsHeld(ctx context.Context, c *crowd, r *resetRow) error {
	h, err := changing(beforeCommit, "add")(ctx, &killPoint{row: r.row})
	if err != nil {
		return err
	}
	if err := errors.Join(h.arm(ctx), miaApproves(ctx, c, r)); err != nil {
		return err
	}
	return awaited(ctx, h.check)
}

// letsGo releases every call that is held.
func letsGo(ctx context.Context, c *crowd, _ *resetRow) error { return c.release(ctx) }

func subjectWithdraws(ctx context.Context, _ *crowd, r *resetRow) error {
	return takesBack(ctx, &r.row)
}

// isOver waits until the request's workflow has ended.
func isOver(ctx context.Context, _ *crowd, r *resetRow) error { return awaited(ctx, r.runEnds) }

// leaseOver waits until the row's lease has ended, and the person's workflow with it.
func leaseOver(ctx context.Context, _ *crowd, r *resetRow) error {
	return awaited(ctx, func(ctx context.Context) error {
		status, err := r.runStatus(ctx, workflows.SubjectWorkflowID(r.who))
		if err == nil && status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
			err = fmt.Errorf("the person's workflow is %s", status)
		}
		return err
	})
}

// another is the id of the second request of a row's person.
func (r *row) another() access.RequestID { return r.id + "-another" }

// anotherLease returns the row's person the same access a second time, without end.
func anotherLease(ctx context.Context, c *crowd, r *resetRow) error {
	second := &resetRow{swept: swept{row: row{name: r.name, ask: r.ask, who: r.who, system: r.system, id: r.another()}}}
	return resetSteps(isOpen, miaApproves, isOver)(ctx, c, second)
}

// workflowID is what is reset.
func (r *resetRow) workflowID() string {
	if r.scenario.subject {
		return workflows.SubjectWorkflowID(r.who)
	}
	return workflows.RequestWorkflowID(r.id)
}

// boundaries are the events to which the workflow can be reset: the ends of its tasks.
func (r *resetRow) boundaries(ctx context.Context) ([]int64, error) {
	var ends []int64
	for events := r.history(ctx, r.workflowID(), ""); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			return nil, err
		}
		if event.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			ends = append(ends, event.EventId)
		}
	}
	return ends, nil
}

// reset resets the workflow to its boundary. Everything that was said to it after that is said again by the server.
func (r *resetRow) reset(ctx context.Context) error {
	ends, err := r.boundaries(ctx)
	if err != nil {
		return err
	}
	d, err := r.Show(ctx, stack.Auditor, r.id)
	if err != nil {
		return err
	}
	r.version = d.Version
	if len(ends) == 0 {
		return errors.New("the workflow has completed no task")
	}
	_, err = r.temporal.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: r.workflowID()},
		Reason: "to boundary " + fmt.Sprint(r.boundary), RequestId: string(r.id),
		WorkflowTaskFinishEventId: ends[min(r.boundary, len(ends))-1],
	})
	return err
}

// inspect returns what is not as it must be at the end.
func (r *resetRow) inspect(ctx context.Context, c *crowd) error {
	e := c.evidence(r.id)
	var errs [2]error
	e.detail, errs[0] = c.Show(ctx, stack.Auditor, r.id)
	e.leases, errs[1] = c.Leases(ctx, stack.Auditor, r.who)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	r.found = r.count(e)
	wrong := append(append([]string(nil), r.found.why...), r.wrongEnd(e)...)
	if e.detail.Version < r.version {
		wrong = append(wrong, fmt.Sprintf("the view has version %d, and had %d before the reset", e.detail.Version, r.version))
	}
	if len(wrong) == 0 {
		for _, check := range []func(context.Context) error{r.runEnds, func(ctx context.Context) error { return r.known(ctx, e.leases) }} {
			if err := check(ctx); err != nil {
				wrong = append(wrong, err.Error())
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	err := errors.New(strings.Join(wrong, "; "))
	if still := r.motion.goesOn(ctx, &r.row, progressOf(e)); still != nil {
		return stack.Stop(fmt.Errorf("%w: %w", still, err))
	}
	return err
}

// known returns an error unless the person's workflow looks after every lease that the ledger calls held, and after no other.
func (r *resetRow) known(ctx context.Context, recorded []access.LeaseView) error {
	var held []access.LeaseID
	for _, l := range recorded {
		if l.State != access.LeaseEnded {
			held = append(held, l.Lease.ID)
		}
	}
	status, err := r.runStatus(ctx, workflows.SubjectWorkflowID(r.who))
	if err != nil {
		return err
	}
	if len(held) == 0 && status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		// Nobody has anything to look after.
		return nil
	}
	answer, err := r.temporal.QueryWorkflow(ctx, workflows.SubjectWorkflowID(r.who), "", workflows.QueryLeases)
	if err != nil {
		return err
	}
	var leases []access.LeaseView
	if err := answer.Get(&leases); err != nil {
		return err
	}
	var kept []access.LeaseID
	for _, l := range leases {
		kept = append(kept, l.Lease.ID)
	}
	slices.Sort(held)
	slices.Sort(kept)
	if status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || !slices.Equal(held, kept) {
		return fmt.Errorf("the person's workflow is %s and looks after %v, and the ledger holds %v", status, kept, held)
	}
	return nil
}

// resetWithin is how long a row may take to its end after the reset.
const resetWithin = 75 * time.Second

// ends waits for the right end of the row.
func (r *resetRow) ends(ctx context.Context, c *crowd) error {
	ctx, cancel := context.WithTimeout(ctx, resetWithin)
	defer cancel()
	r.played = true
	return awaited(ctx, func(ctx context.Context) error { return r.inspect(ctx, c) })
}
