package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// queued is a row whose messages are sent while no worker runs.
type queued struct {
	swept
	state    *queuedState
	messages []*queuedMessage
	held     *hold
	// view and revision are what was known when the worker was stopped.
	view  access.RequestView
	lease access.LeaseView
	// timed is true where a timer fires while no worker runs; timers counts those that had fired before.
	timed   bool
	timers  int
	updates []*sentUpdate
	// helped is true when people have done what they must do besides.
	helped bool
	motion motion
	// reader reads tickets as usher does.
	reader access.TicketReader
}

// queuedState is where a request, or a person's workflow, stands when the worker is stopped.
type queuedState struct {
	name string
	// subject is true where the messages go to the person's workflow.
	subject bool
	ask     access.EntitlementID
	lasts   string
	// before brings the row close to it, where it can stay for long, and reach brings it there; nil for nothing.
	before, reach func(context.Context, *crowd, *queued) error
}

// reached does steps in order, up to the first error.
func reached(steps ...func(context.Context, *crowd, *queued) error) func(context.Context, *crowd, *queued) error {
	return func(ctx context.Context, c *crowd, q *queued) error {
		for _, step := range steps {
			if err := step(ctx, c, q); err != nil {
				return err
			}
		}
		return nil
	}
}

// The states' names, and those of the messages that other code asks for.
const (
	inEvaluating = "evaluating"
	inAwaiting   = "awaiting_approval"
	inFulfilling = "fulfilling"
	inByHand     = "fulfilling_by_hand"
	inClosing    = "closing"
	inGranting   = "granting"
	inHeld       = "held"
	inRevoking   = "revoking"

	sayDecide     = "decide"
	sayWithdraw   = "withdraw"
	saySubmit     = "submit"
	sayDecision   = "decision"
	sayHint       = "hint"
	sayTicket     = "ticket"
	sayLeaseState = "lease_status"
	sayStale      = "stale_lease_status"
	sayCancel     = "cancel"
	sayAgain      = "apply_again"
	sayLower      = "apply_lower"
	sayShorter    = "apply_shorter"
	sayAbsent     = "apply_absent"
)

func requestStates() []*queuedState {
	return []*queuedState{
		{name: inEvaluating, ask: "wiki/editor", reach: reached(holdsCall(lookingUp), asksFirst, underWay)},
		{name: inAwaiting, ask: "wiki/editor", before: opened},
		{
			name: inFulfilling, ask: "wiki/editor", before: opened,
			reach: reached(holdsCall(changing(afterCommit, "add")), decided, underWay),
		},
		{name: inByHand, ask: "badge/lab", before: reached(opened, decided, worked, rests)},
		{
			name: inClosing, ask: "wiki/editor", before: opened,
			reach: reached(holdsCall(changing(beforeCommit, "add")), decided, underWay, withdrawnMeanwhile),
		},
	}
}

func subjectStates() []*queuedState {
	return []*queuedState{
		{
			name: inGranting, subject: true, ask: "wiki/editor", before: opened,
			reach: reached(holdsCall(changing(beforeCommit, "add")), decided, underWay),
		},
		{name: inHeld, subject: true, ask: "wiki/editor", before: opened, reach: reached(decided, leaseIs(access.LeaseActive))},
		{
			name: inRevoking, subject: true, ask: "wiki/editor", lasts: "3s", before: opened,
			reach: reached(holdsCall(changing(beforeCommit, "remove")), decided, underWay),
		},
	}
}

// holdsCall arms the hold of a call.
func holdsCall(of func(context.Context, *killPoint) (hold, error)) func(context.Context, *crowd, *queued) error {
	return func(ctx context.Context, _ *crowd, q *queued) error {
		h, err := of(ctx, &killPoint{row: q.row})
		if err != nil {
			return err
		}
		q.held = &h
		return h.arm(ctx)
	}
}

// asksFirst asks, and does not wait for policy's answer.
func asksFirst(ctx context.Context, _ *crowd, q *queued) error {
	go func() { _ = q.submit(context.WithoutCancel(ctx)) }()
	return nil
}

// opened asks, and waits until the ticket waits for the approver.
func opened(ctx context.Context, c *crowd, q *queued) error {
	if err := q.submit(ctx); err != nil {
		return err
	}
	if err := c.status(ctx, &q.row, statusWaiting); err != nil {
		return err
	}
	return rests(ctx, c, q)
}

// rests waits until nothing of the request is under way, so that its history has the same length each time.
func rests(ctx context.Context, c *crowd, q *queued) error {
	id := workflows.RequestWorkflowID(q.id)
	return awaited(ctx, func(ctx context.Context) error {
		found, err := c.temporal.DescribeWorkflowExecution(ctx, id, "")
		if err == nil && (found.PendingWorkflowTask != nil || len(found.PendingActivities) > 0) {
			err = errors.New("something of the request is under way")
		}
		return err
	})
}

// worked waits until the ticket says that somebody works on it.
func worked(ctx context.Context, c *crowd, q *queued) error {
	return c.status(ctx, &q.row, statusWorking)
}

func decided(ctx context.Context, _ *crowd, q *queued) error { return q.approve(ctx) }

// underWay waits until the call that is to be held is held.
func underWay(ctx context.Context, _ *crowd, q *queued) error { return awaited(ctx, q.held.check) }

// withdrawnWithin is how long a request may take until it is being taken back.
const withdrawnWithin = 12 * time.Second

// withdrawnMeanwhile takes the request back, and waits until it is being taken back.
func withdrawnMeanwhile(ctx context.Context, _ *crowd, q *queued) error {
	ctx, cancel := context.WithTimeout(ctx, withdrawnWithin)
	defer cancel()
	if _, err := q.Withdraw(ctx, q.who, q.id, "not needed any more"); err != nil {
		return err
	}
	return awaited(ctx, func(ctx context.Context) error {
		view, err := q.present(ctx)
		if err == nil && view.State != access.StateRevoking {
			err = fmt.Errorf("it is %s", view.State)
		}
		return err
	})
}

// present asks the request's workflow where it stands.
func (r *row) present(ctx context.Context) (access.RequestView, error) {
	var view access.RequestView
	answer, err := r.temporal.QueryWorkflow(ctx, workflows.RequestWorkflowID(r.id), "", workflows.QueryView)
	if err != nil {
		return view, err
	}
	return view, answer.Get(&view)
}

// leaseIs waits until the row's lease is in a state and its request has ended.
func leaseIs(state access.LeaseState) func(context.Context, *crowd, *queued) error {
	return func(ctx context.Context, c *crowd, q *queued) error {
		return awaited(ctx, func(ctx context.Context) error {
			leases, err := c.Leases(ctx, stack.Auditor, q.who)
			if len(leases) == 1 && leases[0].State == access.LeaseEnded {
				return stack.Stop(fmt.Errorf("%w: its lease has ended", errLeftState))
			}
			if err != nil || len(leases) != 1 || leases[0].State != state {
				return fmt.Errorf("the leases are %+v, expected one that is %s: %w", leases, state, err)
			}
			return q.runEnds(ctx)
		})
	}
}

// approver is who decides about what the row asks for.
func (q *queued) approver() access.PersonID {
	if q.ask == "badge/lab" {
		return "omar"
	}
	return "mia"
}

// says reports whether the row sends one of these messages.
func (q *queued) says(names ...string) bool {
	return slices.ContainsFunc(q.messages, func(m *queuedMessage) bool { return slices.Contains(names, m.name) })
}

// moved reports whether a human moves the ticket: whoever hears of that needs no further help.
func (q *queued) moved() bool {
	return q.says(sayHint, sayTicket) && (q.state.name == inAwaiting || q.state.name == inByHand)
}

// decisive reports whether a message brings the request out of its state.
func (q *queued) decisive() bool {
	switch {
	case q.says(sayWithdraw, sayCancel), q.moved():
		return true
	case q.state.name == inAwaiting:
		return q.says(sayDecide, sayDecision)
	}
	return false
}

// help does what people must do besides, for the request to come to its end.
func (q *queued) help(ctx context.Context, c *crowd, d stack.Detail) error {
	if removal := c.removalOf(&q.row); removal.Status == statusWaiting {
		return q.TransitionTicket(ctx, "zoe", access.TicketKey(removal.Key), statusDone)
	}
	switch {
	case q.decisive() || q.helped:
		return nil
	case d.State == access.StateAwaitingApproval:
		_, err := q.Decide(ctx, q.approver(), q.id, stack.Verdict{ID: "helps", Verdict: access.Approve})
		if stack.StatusOf(err) == http.StatusConflict {
			// A decision that was sent early counts.
			err = nil
		}
		q.helped = err == nil
		return err
	case d.State == access.StateFulfilling && q.ask == "badge/lab":
		if c.ticketStatus(&q.row) == statusWorking {
			return q.move(ctx, "zoe", statusDone)
		}
		err := q.signal(ctx, workflows.SignalHint, workflows.Hint{})
		q.helped = err == nil
		return err
	}
	return nil
}

// expect sets the row's right end, from what was said and what was answered to it.
func (q *queued) expect(d stack.Detail) {
	q.want = granted
	outcomes := q.outcomes(d)
	if slices.Contains(outcomes, d.State) {
		q.want.outcome = d.State
	} else {
		q.want.outcome = outcomes[0]
	}
	if q.want.outcome != access.OutcomeGranted {
		q.want.status, q.want.takenBack = statusWontDo, true
		if q.ask == "badge/lab" && q.moved() {
			// The human has closed it already, and usher leaves it so.
			q.want.status = statusDone
		}
		q.want.early = q.state.name == inEvaluating && q.says(sayWithdraw, sayCancel)
	}
	q.want.ended = q.state.subject && q.leaseEnds()
}

// leaseEnds reports whether the lease must end.
func (q *queued) leaseEnds() bool {
	return q.state.name == inRevoking || q.says(sayAbsent, sayShorter) || (q.state.name == inHeld && q.timed)
}

// outcomes are the right ones, the likeliest first.
func (q *queued) outcomes(d stack.Detail) []access.RequestState {
	if q.state.subject {
		if q.state.name == inGranting && q.says(sayAbsent, sayShorter) {
			return []access.RequestState{access.OutcomeGranted, access.OutcomeDenied}
		}
		return []access.RequestState{access.OutcomeGranted}
	}
	if q.state.name == inClosing {
		return []access.RequestState{access.OutcomeWithdrawn}
	}
	var all []access.RequestState
	withdrawn := q.says(sayWithdraw) && !q.refused(sayWithdraw)
	if withdrawn {
		all = append(all, access.OutcomeWithdrawn)
	}
	if q.says(sayCancel) {
		all = append(all, access.OutcomeCancelled)
	}
	// What completes the grant may come before what stops it.
	complete := (q.state.name == inFulfilling && q.says(sayLeaseState)) || (q.state.name == inByHand && q.moved())
	if len(all) > 0 && (!complete || withdrawn) {
		return all
	}
	if len(d.Decisions) > 0 && d.Decisions[0].Verdict == access.Deny {
		return append(all, access.OutcomeDenied)
	}
	return append(all, access.OutcomeGranted)
}

// inspect returns what is not as it must be at the end.
func (q *queued) inspect(ctx context.Context, c *crowd) error {
	e := c.evidence(q.id)
	var errs [2]error
	e.detail, errs[0] = c.Show(ctx, stack.Auditor, q.id)
	e.leases, errs[1] = c.Leases(ctx, stack.Auditor, q.who)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	q.expect(e.detail)
	q.found = q.count(e)
	wrong := append(append([]string(nil), q.found.why...), q.wrongEnd(e)...)
	if err := q.help(ctx, c, e.detail); err != nil {
		wrong = append(wrong, "people cannot help: "+err.Error())
	}
	wrong = append(wrong, q.unheard(e.detail)...)
	if len(wrong) == 0 {
		return q.runEnds(ctx)
	}
	err := errors.New(strings.Join(wrong, "; "))
	if still := q.motion.goesOn(ctx, &q.row, progressOf(e)); still != nil {
		return stack.Stop(fmt.Errorf("%w: %w", still, err))
	}
	return err
}

// unheard names the messages that have no answer, or no effect.
func (q *queued) unheard(d stack.Detail) []string {
	var wrong []string
	for _, u := range q.updates {
		if problem := u.problem(); problem != "" {
			wrong = append(wrong, problem)
		}
	}
	if q.accepted(sayDecide) && !slices.ContainsFunc(d.Decisions, func(x access.Decision) bool { return x.ID == decideID }) {
		wrong = append(wrong, "the decision was accepted, and the request does not know it")
	}
	if q.says(sayDecision) && !slices.ContainsFunc(d.Timeline, func(e access.Event) bool {
		return e.Channel == access.ChannelOperator && (e.Type == access.EventDecided || e.Type == access.EventDecisionRefused)
	}) {
		wrong = append(wrong, "the operator's decision is neither recorded nor refused")
	}
	return wrong
}

// ends waits for the right end of the row.
func (q *queued) ends(ctx context.Context, c *crowd) error {
	ctx, cancel := context.WithTimeout(ctx, queuedWithin)
	defer cancel()
	q.played = true
	q.awaitTaken(ctx)
	return awaited(ctx, func(ctx context.Context) error { return q.inspect(ctx, c) })
}

// takenWithin is how long a workflow may take for the task in which it gets its messages.
const takenWithin = 10 * time.Second

// awaitTaken waits until the workflow has taken what was sent to it, so that what people do besides is not in the same task.
func (q *queued) awaitTaken(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, takenWithin)
	defer cancel()
	_ = awaited(ctx, func(ctx context.Context) error {
		found, err := q.temporal.DescribeWorkflowExecution(ctx, q.workflowID(), "")
		if err == nil && found.PendingWorkflowTask != nil {
			err = errors.New("the workflow has not taken the messages yet")
		}
		return err
	})
}

// queuedWithin is how long a row may take to its end from the start of the worker on: a call that died with the old worker
// is repeated after 30 s.
const queuedWithin = 90 * time.Second
