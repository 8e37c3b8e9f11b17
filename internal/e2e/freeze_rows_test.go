package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// frozenStep is what is done about a row of TestFreeze.
type frozenStep = func(context.Context, *crowd, *frozenRow) error

// frozenKind is an activity that writes, and the request that it works for.
type frozenKind struct {
	name string
	// ask is what is asked for; "" is an entitlement of the row's own.
	ask   access.EntitlementID
	lasts string
	want  ending
	// activity is its type, and workflow the id of the workflow that schedules it.
	activity string
	workflow func(*row) string
	// before leads to where provoke lets the activity begin. retried waits until another worker has done it, meanwhile is
	// what happens then, before the frozen worker goes on, and after is what people do in the end; nil for nothing.
	before, provoke, retried, meanwhile, after frozenStep
	// calls are those that the activity makes, as far as they can be told from those of other rows.
	calls []frozenCall
}

// frozenCall is a call of an activity.
type frozenCall struct {
	name, op string
	// target is true for a call to the directory.
	target bool
	match  func(*frozenRow) []string
}

// frozenRow is one activity whose worker is frozen.
type frozenRow struct {
	swept
	kind *frozenKind
	// call is held while the worker is frozen, or when it goes on; nil for none.
	call *frozenCall
	held *hold
	// ticket is the row's, where it had one before the freeze.
	ticket stack.Ticket
	// started is when the server gave the activity to the worker that is frozen.
	started time.Time
	// provoked gets what came of letting the activity begin.
	provoked chan error
	motion   motion
}

func frozenSteps(steps ...frozenStep) frozenStep {
	return func(ctx context.Context, c *crowd, r *frozenRow) error {
		for _, step := range steps {
			if err := step(ctx, c, r); err != nil {
				return err
			}
		}
		return nil
	}
}

func ofRequest(r *row) string  { return workflows.RequestWorkflowID(r.id) }
func ofSubject(r *row) string  { return workflows.SubjectWorkflowID(r.who) }
func ofReopened(r *row) string { return workflows.ReopenedWorkflowID(r.id) }

func frozenKinds() []*frozenKind {
	takenBackByHand := withdrawn
	takenBackByHand.takenBack = true
	answered := granted
	answered.events, answered.says = []access.EventType{access.EventTicketChanged}, "opening the ticket again changes nothing"
	return []*frozenKind{
		{
			name: "open_ticket", ask: "wiki/editor", want: granted, activity: "OpenTicket", workflow: ofRequest,
			provoke: asksForIt, retried: ticketIn(statusWaiting), after: frozenDecides("mia", access.Approve),
			calls: []frozenCall{
				{name: "find_users", op: "find_users", match: byAddress},
				{name: "search", op: "search", match: func(r *frozenRow) []string { return []string{string(access.MarkerOf(r.id)) + `:`} }},
				{name: "create_issue", op: "create_issue", match: func(r *frozenRow) []string { return []string{`"` + string(access.MarkerOf(r.id)) + `:`} }},
			},
		},
		{
			name: "comment_and_assign", ask: "wiki/admin", want: granted, activity: "UpdateTicket", workflow: ofRequest,
			before: hasTicket, provoke: frozenDecides("mia", access.Approve), retried: assignedTo("omar"),
			meanwhile: frozenSteps(frozenDecides("omar", access.Approve), ticketIn(statusDone)),
			calls: append(commentCalls(),
				frozenCall{name: "find_assignable", op: "find_assignable", match: func(r *frozenRow) []string { return []string{"issueKey=" + r.ticket.Key + "\n"} }},
				frozenCall{name: "assign", op: "assign", match: inTicket},
			),
		},
		{
			name: "comment_and_move", ask: "badge/lab", want: takenBackByHand, activity: "UpdateTicket", workflow: ofRequest,
			before: hasTicket, provoke: frozenDecides("omar", access.Approve), retried: ticketIn(statusWorking),
			meanwhile: frozenSteps(frozenWithdraws, ticketIn(statusWontDo)),
			calls:     append(commentCalls(), moveCalls()...),
		},
		{
			name: "comment_and_close", ask: "wiki/editor", want: denied, activity: "UpdateTicket", workflow: ofRequest,
			before: hasTicket, provoke: frozenDecides("mia", access.Deny), retried: ticketIn(statusWontDo),
			calls: append(commentCalls(), moveCalls()...),
		},
		{
			name: "grant", want: gone, activity: "Grant", workflow: ofSubject,
			before: hasTicket, provoke: frozenDecides("mia", access.Approve), retried: leaseStands(access.LeaseActive),
			meanwhile: frozenSteps(noLongerWanted, leaseStands(access.LeaseEnded)), calls: groupCalls("add"),
		},
		{
			name: "revoke", want: gone, activity: "Revoke", workflow: ofSubject,
			before:  frozenSteps(hasTicket, frozenDecides("mia", access.Approve), leaseStands(access.LeaseActive), frozenOver),
			provoke: noLongerWanted, retried: leaseStands(access.LeaseEnded), meanwhile: newerRequest, calls: groupCalls("remove"),
		},
		{
			name: "reopened_ticket", ask: "wiki/editor", want: answered, activity: "UpdateTicket", workflow: ofReopened,
			before:  frozenSteps(hasTicket, frozenDecides("mia", access.Approve), frozenOver, opensAgain),
			provoke: watchTells, retried: ticketIn(statusDone), calls: append(commentCalls(), moveCalls()...),
		},
	}
}

// recordKinds are facts and messages that a frozen worker was to record and to send.
func recordKinds() []*frozenKind {
	record := func(name string, ask access.EntitlementID, want ending, provoke, retried frozenStep) *frozenKind {
		return &frozenKind{
			name: "record/" + name, ask: ask, want: want, activity: "Record", workflow: ofRequest, before: hasTicket,
			provoke: provoke, retried: retried,
		}
	}
	approves := frozenDecides("mia", access.Approve)
	ends := record("grant_that_ends", "wiki/editor", gone, approves, leaseStands(access.LeaseEnded))
	ends.lasts = "5s"
	unwanted := record("grant_that_is_taken_away", "wiki/editor", gone, approves, leaseStands(access.LeaseActive))
	unwanted.meanwhile = frozenSteps(frozenOver, noLongerWanted, leaseStands(access.LeaseEnded))
	return []*frozenKind{
		ends, unwanted,
		record("grant", "wiki/editor", granted, approves, leaseStands(access.LeaseActive)),
		record("denial", "wiki/editor", denied, frozenDecides("mia", access.Deny), ticketIn(statusWontDo)),
		record("withdrawal", "badge/lab", withdrawn, frozenWithdraws, ticketIn(statusWontDo)),
	}
}

// byAddress returns the match of a search for the row's person. The directory counts people and their addresses alike.
func byAddress(r *frozenRow) []string {
	return []string{"query=new" + strings.TrimPrefix(string(r.who), "user-") + "%40"}
}

func inTicket(r *frozenRow) []string { return []string{"/issue/" + r.ticket.ID + "/"} }

func commentCalls() []frozenCall {
	return []frozenCall{
		{name: "get_comments", op: "get_comments", match: inTicket},
		{name: "add_comment", op: "add_comment", match: inTicket},
		{name: "get_issue", op: "get_issue", match: func(r *frozenRow) []string { return []string{"/issue/" + r.ticket.ID + "?"} }},
	}
}

func moveCalls() []frozenCall {
	return []frozenCall{
		{name: "get_transitions", op: "get_transitions", match: inTicket},
		{name: "transition", op: "transition", match: inTicket},
	}
}

// groupCalls are those of a grant or a revoke, which has its group for itself.
func groupCalls(change string) []frozenCall {
	member := func(r *frozenRow) []string { return []string{"/Groups/" + r.group + "?"} }
	return []frozenCall{
		{name: "find_group", op: "GET", target: true, match: func(r *frozenRow) []string { return []string{"displayName+eq+%22" + groupOf(r.ask) + "%22"} }},
		{name: "find_user", op: "GET", target: true, match: func(r *frozenRow) []string { return []string{"/Users/" + string(r.who) + "?"} }},
		{name: "read_group", op: "GET", target: true, match: member},
		{name: "patch_group", op: "PATCH", target: true, match: func(r *frozenRow) []string { return append(member(r), `"op":"`+change+`"`) }},
	}
}

func asksForIt(ctx context.Context, _ *crowd, r *frozenRow) error { return r.submit(ctx) }

// hasTicket asks, and waits until the ticket waits for the approver and nothing is under way.
func hasTicket(ctx context.Context, c *crowd, r *frozenRow) error {
	if err := opened(ctx, c, &queued{swept: r.swept}); err != nil {
		return err
	}
	var err error
	r.ticket, err = r.row.ticket(ctx)
	return err
}

func frozenDecides(by access.PersonID, v access.Verdict) frozenStep {
	return func(ctx context.Context, _ *crowd, r *frozenRow) error { return r.decide(ctx, by, v) }
}

// frozenWithdraws takes the request back. When the first call had no answer, the second one comes too late.
func frozenWithdraws(ctx context.Context, _ *crowd, r *frozenRow) error {
	err := takesBack(ctx, &r.row)
	if stack.StatusOf(err) == http.StatusConflict {
		return nil
	}
	return err
}

func frozenOver(ctx context.Context, _ *crowd, r *frozenRow) error { return awaited(ctx, r.runEnds) }

// ticketIn waits until the row's one ticket is in a status.
func ticketIn(status string) frozenStep {
	return func(ctx context.Context, c *crowd, r *frozenRow) error { return c.status(ctx, &r.row, status) }
}

// assignedTo waits until the ticket has an assignee.
func assignedTo(person access.PersonID) frozenStep {
	return func(ctx context.Context, c *crowd, r *frozenRow) error {
		return awaited(ctx, func(context.Context) error {
			for _, ticket := range c.evidence(r.id).tickets {
				if ticket.Assignee == stack.DeskAccount(person) {
					return nil
				}
			}
			return fmt.Errorf("the ticket is not assigned to %s", person)
		})
	}
}

// leaseStands waits until the row's lease is in a state.
func leaseStands(state access.LeaseState) frozenStep {
	return func(ctx context.Context, _ *crowd, r *frozenRow) error { return leaseIn(state)(ctx, &r.row) }
}

// noLongerWanted means that the row's access shall be gone.
func noLongerWanted(ctx context.Context, _ *crowd, r *frozenRow) error {
	leases, err := r.Leases(ctx, stack.Auditor, r.who)
	if err != nil {
		return err
	}
	for _, l := range leases {
		if l.Lease.Request == r.id {
			return r.temporal.SignalWorkflow(ctx, ofSubject(&r.row), "", workflows.SignalApplyLease, access.LeaseSpec{
				Lease: l.Lease, Revision: l.Revision + 1, DesiredState: access.Absent, Window: access.Window{From: time.Now().UTC()},
			})
		}
	}
	return errors.New("there is no lease")
}

// newerRequest returns the row's person the same access by another request, without end.
func newerRequest(ctx context.Context, c *crowd, r *frozenRow) error {
	newer := &frozenRow{swept: swept{row: row{name: r.name, ask: r.ask, who: r.who, system: r.system, id: r.another()}}}
	return frozenSteps(hasTicket, frozenDecides("mia", access.Approve), leaseStands(access.LeaseActive))(ctx, c, newer)
}

// opensAgain has a human open a ticket again that is closed. Nobody tells usher.
func opensAgain(ctx context.Context, c *crowd, r *frozenRow) error {
	return frozenSteps(ticketIn(statusDone), func(ctx context.Context, _ *crowd, r *frozenRow) error {
		return r.move(ctx, "zoe", statusWaiting)
	}, ticketIn(statusWaiting))(ctx, c, r)
}

// watchTells starts what answers to a ticket that was opened again, as the watch does.
func watchTells(ctx context.Context, _ *crowd, r *frozenRow) error {
	_, err := r.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: ofReopened(&r.row), TaskQueue: workflows.TaskQueue},
		workflows.ReopenedTicketType, workflows.ReopenedTicketParams{Request: r.id})
	return err
}

// arm holds the row's call when it is made the next time: its answer is made, and not sent.
func (r *frozenRow) arm(ctx context.Context) error {
	if r.call == nil {
		return nil
	}
	h := r.deskCall(r.call.op, afterCommit, r.call.match(r)...)
	if r.call.target {
		h = r.directoryCall(r.call.op, afterCommit, r.call.match(r)...)
	}
	r.held = &h
	return h.arm(ctx)
}

// givenTo waits until the server has given the row's activity to a worker.
func (r *frozenRow) givenTo(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, givenWithin)
	defer cancel()
	return awaited(ctx, func(ctx context.Context) error {
		found, err := r.temporal.DescribeWorkflowExecution(ctx, r.kind.workflow(&r.row), "")
		if err != nil {
			return err
		}
		at := slices.IndexFunc(found.PendingActivities, func(a *workflowpb.PendingActivityInfo) bool {
			return a.ActivityType.Name == r.kind.activity && a.State == enumspb.PENDING_ACTIVITY_STATE_STARTED &&
				strings.HasPrefix(a.LastWorkerIdentity, fmt.Sprintf("%d@", pid))
		})
		if at < 0 {
			return fmt.Errorf("the activity %s has not been given to worker %d: %v", r.kind.activity, pid, found.PendingActivities)
		}
		r.started = found.PendingActivities[at].LastStartedTime.AsTime()
		return nil
	})
}

// givenWithin is how long that may take: a task that went to a dead worker is given again after ten seconds.
const givenWithin = 25 * time.Second

// step does one of the kind's steps.
func (r *frozenRow) step(ctx context.Context, c *crowd, what string, do frozenStep) error {
	if do == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, frozenStepWithin)
	defer cancel()
	if err := do(ctx, c, r); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// frozenStepWithin is longer than an activity's time-out, the desk's search delay, and the time for what comes then.
const frozenStepWithin = 75 * time.Second

// inspect returns what is not as it must be at the end.
func (r *frozenRow) inspect(ctx context.Context, c *crowd) error {
	e := c.evidence(r.id)
	var errs [2]error
	e.detail, errs[0] = c.Show(ctx, stack.Auditor, r.id)
	e.leases, errs[1] = c.Leases(ctx, stack.Auditor, r.who)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	r.found = r.count(e)
	wrong := append(append([]string(nil), r.found.why...), r.wrongEnd(e)...)
	if len(wrong) == 0 {
		return r.runEnds(ctx)
	}
	err := errors.New(strings.Join(wrong, "; "))
	if still := r.motion.goesOn(ctx, &r.row, progressOf(e)); still != nil {
		return stack.Stop(fmt.Errorf("%w: %w", still, err))
	}
	return err
}

// ends waits for the right end of the row.
func (r *frozenRow) ends(ctx context.Context, c *crowd) error {
	ctx, cancel := context.WithTimeout(ctx, frozenStepWithin)
	defer cancel()
	r.played = true
	if err := awaited(ctx, func(ctx context.Context) error { return r.inspect(ctx, c) }); err != nil {
		return err
	}
	select {
	case err := <-r.provoked:
		return err
	case <-ctx.Done():
		return errors.New("what let the activity begin has no answer")
	}
}
