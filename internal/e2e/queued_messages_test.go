package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/workflows"
)

// queuedMessage is something that is said to a workflow while no worker runs.
type queuedMessage struct {
	name string
	send func(context.Context, *queued) error
}

// decideID is the id of the decision that is sent as an update.
const decideID = "queued-decide"

func requestMessages() []*queuedMessage {
	update := func(name, update string, arg func(*queued) any) *queuedMessage {
		return &queuedMessage{name, func(ctx context.Context, q *queued) error { return q.update(ctx, name, update, arg(q)) }}
	}
	return []*queuedMessage{
		update(sayDecide, workflows.UpdateDecide, func(q *queued) any {
			return access.Decision{ID: decideID, By: q.approver(), Verdict: access.Approve}
		}),
		update(sayWithdraw, workflows.UpdateWithdraw, func(q *queued) any {
			return workflows.WithdrawInput{ID: "queued-withdraw", By: q.who}
		}),
		update(saySubmit, workflows.UpdateSubmit, func(q *queued) any {
			return workflows.SubmitInput{Digest: q.view.Request.Digest()}
		}),
		{sayDecision, func(ctx context.Context, q *queued) error {
			return q.signal(ctx, workflows.SignalDecision, access.Decision{ID: "queued-decision", Verdict: access.Deny, Reason: "not now"})
		}},
		{sayHint, func(ctx context.Context, q *queued) error {
			return q.signal(ctx, workflows.SignalHint, workflows.Hint{})
		}},
		{sayTicket, sendNews},
		{sayLeaseState, sendAnswer},
		{sayCancel, cancels},
		{sayStale, sendStale},
	}
}

func subjectMessages() []*queuedMessage {
	return []*queuedMessage{
		{sayAgain, ensures(0, access.Present, 0)},
		{sayLower, ensures(-1, access.Absent, 0)},
		{sayAbsent, ensures(1, access.Absent, 0)},
		{sayShorter, ensures(2, access.Present, shorter)},
		{sayCancel, cancels},
	}
}

// shorter is how long a lease lasts that is to end sooner, and leaseLasts how long one that ends while no worker runs.
const (
	shorter    = 5 * time.Second
	leaseLasts = "15s"
)

// ensures sends what the lease shall be, at a revision that is so much higher than the one that was asked for last.
func ensures(more int, wanted access.DesiredState, lasts time.Duration) func(context.Context, *queued) error {
	return func(ctx context.Context, q *queued) error {
		return q.signal(ctx, workflows.SignalApplyLease, access.LeaseSpec{
			Lease: q.lease.Lease, Revision: q.lease.Revision + more, DesiredState: wanted,
			Window: access.Window{From: time.Now().UTC(), Duration: access.Duration(lasts)}, Reason: "queued",
		})
	}
}

// errLeftState means that a row left its state before the worker was stopped.
var errLeftState = errors.New("it did not stay in its state")

// remember asks the workflow where it stands, before the worker is stopped.
func (q *queued) remember(ctx context.Context) error {
	if q.held != nil {
		if err := q.held.check(ctx); err != nil {
			return fmt.Errorf("%w: %w", errLeftState, err)
		}
	}
	var err error
	if q.view, err = q.present(ctx); err != nil || !q.state.subject {
		return err
	}
	answer, err := q.temporal.QueryWorkflow(ctx, q.workflowID(), "", workflows.QueryLeases)
	if err != nil {
		return err
	}
	var leases []access.LeaseView
	if err := answer.Get(&leases); err != nil {
		return err
	}
	if len(leases) != 1 {
		return fmt.Errorf("%w: the person's workflow knows %d leases, expected 1", errLeftState, len(leases))
	}
	q.lease = leases[0]
	return nil
}

// workflowID is where the row's messages go.
func (q *queued) workflowID() string {
	if q.state.subject {
		return workflows.SubjectWorkflowID(q.who)
	}
	return workflows.RequestWorkflowID(q.id)
}

func (q *queued) signal(ctx context.Context, name string, arg any) error {
	return q.temporal.SignalWorkflow(ctx, q.workflowID(), "", name, arg)
}

// sendNews signals to the request what its ticket looks like now, as the desk's watch does.
func sendNews(ctx context.Context, q *queued) error {
	news := access.TicketChange{Snapshot: access.TicketSnapshot{Ref: access.TicketRef{Desk: "jira", ID: "1", Key: "ACCESS-1"}}}
	if q.view.Ticket != nil {
		var err error
		if news.Snapshot, err = q.reader.ReadTicket(ctx, q.view.Ticket.ID); err != nil {
			return err
		}
	}
	return q.signal(ctx, workflows.SignalTicketChanged, news)
}

// sendAnswer signals to the request where its lease stands.
func sendAnswer(ctx context.Context, q *queued) error {
	now := time.Now().UTC()
	answer := access.LeaseStatus{Lease: access.LeaseIDOf(q.id, "1"), Revision: 1, State: access.LeaseActive, GrantedAt: &now}
	if q.state.name == inClosing {
		answer.Revision, answer.State, answer.GrantedAt = 2, access.LeaseRevoking, nil
	}
	return q.signal(ctx, workflows.SignalLeaseStatus, answer)
}

// sendStale answers a message that is no longer the last one.
func sendStale(ctx context.Context, q *queued) error {
	return q.signal(ctx, workflows.SignalLeaseStatus, access.LeaseStatus{
		Lease: access.LeaseIDOf(q.id, "1"), State: access.LeaseEnded, Refused: "an answer to an older message",
	})
}

// cancels asks the workflow to stop, as an operator can.
func cancels(ctx context.Context, q *queued) error {
	return q.temporal.CancelWorkflow(ctx, q.workflowID(), "")
}

// timerWithin is how long a timer may take to fire after the worker was stopped. A workflow may have none.
const timerWithin = 16 * time.Second

// awaitTimer waits until a timer of the workflow has fired: what it says is in the same task as the messages.
func (q *queued) awaitTimer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timerWithin)
	defer cancel()
	_ = awaited(ctx, func(ctx context.Context) error {
		if q.firedTimers(ctx) > q.timers {
			return nil
		}
		return errors.New("no timer has fired yet")
	})
	return nil
}

// firedTimers counts the timers that have fired in the workflow's present run.
func (q *queued) firedTimers(ctx context.Context) int {
	n := 0
	for events := q.history(ctx, q.workflowID(), ""); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			return n
		}
		if event.EventType == enumspb.EVENT_TYPE_TIMER_FIRED {
			n++
		}
	}
	return n
}

// sentUpdate is an update that was sent while no worker ran.
type sentUpdate struct {
	name string
	done chan struct{}
	// err is the answer, when done is closed.
	err error
}

// sentWithin is how long an update may take until the server has it.
const sentWithin = 20 * time.Second

// update sends an update, and returns when the server has it. The answer comes later. When the answer is to try again, the
// update is sent again, as a client does.
func (q *queued) update(ctx context.Context, name, update string, arg any) error {
	u := &sentUpdate{name: name, done: make(chan struct{})}
	q.updates = append(q.updates, u)
	options := client.UpdateWorkflowOptions{
		WorkflowID: q.workflowID(), UpdateID: "queued-" + name, UpdateName: update, Args: []any{arg},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	go func() {
		defer close(u.done)
		for sent := 1; ; sent++ {
			u.err = q.answerTo(ctx, options)
			if !isTransient(u.err) {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(sweepPause):
			}
			options.UpdateID = fmt.Sprintf("queued-%s-%d", name, sent)
		}
	}()
	arriving, cancel := context.WithTimeout(ctx, sentWithin)
	defer cancel()
	first := "queued-" + name
	return awaited(arriving, func(ctx context.Context) error {
		_, err := q.temporal.WorkflowService().PollWorkflowExecutionUpdate(ctx, &workflowservice.PollWorkflowExecutionUpdateRequest{
			Namespace: client.DefaultNamespace,
			UpdateRef: &updatepb.UpdateRef{
				WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: q.workflowID()}, UpdateId: first,
			},
		})
		return err
	})
}

// answerTo sends an update and returns the error that it is answered with.
func (q *queued) answerTo(ctx context.Context, options client.UpdateWorkflowOptions) error {
	handle, err := q.temporal.UpdateWorkflow(ctx, options)
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

// isTransient reports whether an answer asks for the same update again: usher's, or the server's when a workflow task failed
// before it took the update.
func isTransient(err error) bool {
	var app *temporal.ApplicationError
	var notReady *serviceerror.WorkflowNotReady
	return errors.As(err, &notReady) || (errors.As(err, &app) && access.Kind(app.Type()) == access.Transient)
}

func (u *sentUpdate) answered() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

// refused reports whether an answer says that the message was not taken: because the request has ended, or for another
// reason that the caller is told.
func (u *sentUpdate) refused() bool {
	var app *temporal.ApplicationError
	var gone *serviceerror.NotFound
	switch {
	case !u.answered():
		return false
	case errors.As(u.err, &gone):
		return true
	case errors.As(u.err, &app):
		switch access.Kind(app.Type()) {
		case access.Invalid, access.Conflict, access.Forbidden, access.NotFound:
			return true
		default:
			return false
		}
	}
	return false
}

// problem returns why an answer is none; "" for an answer.
func (u *sentUpdate) problem() string {
	switch {
	case !u.answered():
		return "the update " + u.name + " has no answer"
	case u.err == nil, u.refused():
		return ""
	}
	return fmt.Sprintf("the update %s was answered with: %v", u.name, u.err)
}

// accepted reports whether an update was answered without an error.
func (q *queued) accepted(name string) bool {
	return slices.ContainsFunc(q.updates, func(u *sentUpdate) bool { return u.name == name && u.answered() && u.err == nil })
}

// refused reports whether an update was answered with a refusal.
func (q *queued) refused(name string) bool {
	return slices.ContainsFunc(q.updates, func(u *sentUpdate) bool { return u.name == name && u.refused() })
}
