// Package request is the workflow AccessRequest: one access request from the question to the closed ticket. Policy is
// asked, the ticket opened, decisions are collected, the access is granted (by the subject's workflow, or by a person who
// works the ticket), and the ticket is closed.
//
// request.go holds the state and the steps; evaluate.go, decide.go, fulfil.go and end.go are its phases; events.go does
// what a change of the ticket means; facts.go writes the audit trail; status.go shows people where the request stands.
package request

import (
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/outbox"
	"usher/workflows/ticket"
)

// Params are the workflow's: what the starter may set, and what only a continuation brings.
type Params struct {
	Request access.Request `json:"request"`
	Carried *state         `json:"carried,omitempty"`
}

// state is all that a request must remember.
type state struct {
	View        access.RequestView  `json:"view"`
	Requirement *access.Requirement `json:"requirement,omitempty"`
	Evaluation  evaluation          `json:"evaluation,omitzero"`
	Ticket      ticket.State        `json:"ticket,omitzero"`
	Grants      []grant             `json:"grants,omitempty"`
	Outbox      outbox.State        `json:"outbox,omitzero"`
	// Asks are the questions to approvers by desk approvals, in the order in which they were asked.
	Asks []ask `json:"asks,omitempty"`
	// AskAfterRead is true until a ticket that was found has been read: nobody is asked what is answered there.
	AskAfterRead bool `json:"ask_after_read,omitempty"`
	// Denials are answers that deny, to questions that a reset has made unknown, by people whose stage is not open yet. They count when it is.
	Denials []access.TicketMove `json:"denials,omitempty"`
	// Asked counts all questions, also those on a ticket that another has replaced.
	Asked int `json:"asked,omitempty"`
	// Follow is what is to be found out because people have left or moved, and Naming what administrators have said that is not done yet.
	Follow following `json:"follow,omitzero"`
	Naming []*naming `json:"naming,omitempty"`
	// Named are the ids of the last calls that are done.
	Named []string `json:"named,omitempty"`
	// Accounts is how far the question has come for the accounts of new approvers.
	Accounts question `json:"accounts,omitzero"`
	// Early are decisions that came before policy has answered, or while it is found out who approves.
	Early []access.Decision `json:"early,omitempty"`
	// Stop is what ended the request before its course; nil while nothing has.
	Stop *stop `json:"stop,omitempty"`
	// RemindAt is when the next reminder is due, zero for never; Reminders counts those of the present stage.
	RemindAt  time.Time `json:"remind_at,omitzero"`
	Reminders int       `json:"reminders,omitempty"`
	// StageSince is since when the stages that are open now have been open.
	StageSince time.Time `json:"stage_since,omitzero"`
	// ChangedBeforeOpen is true when the watch told of a ticket that the request did not know yet.
	ChangedBeforeOpen bool `json:"changed_before_open,omitempty"`
	// TicketShown is true when the audit trail says that the ticket shows the outcome, or that it never will.
	TicketShown bool `json:"ticket_shown,omitempty"`
	// Shown is what the search attributes say.
	Shown shown `json:"shown,omitzero"`
}

// stop is why a request ends before its course.
type stop struct {
	Outcome  access.RequestState `json:"outcome"`
	By       access.PersonID     `json:"by,omitempty"`
	Name     string              `json:"name,omitempty"`
	Channel  access.Channel      `json:"channel"`
	Evidence string              `json:"evidence,omitempty"`
	Reason   string              `json:"reason,omitempty"`
	// ID is the withdraw call's, so that repeating it is harmless.
	ID string `json:"id,omitempty"`
}

// request is one running request: the single writer of its state.
type request struct {
	*state
	asked access.Request
	// marker is what the request's ticket carries.
	marker access.Marker
	loop   *durable.Loop
	outbox *outbox.Outbox
	ticket *ticket.Keeper
	// checkingWatch, findingAccounts: an activity is in flight.
	checkingWatch, findingAccounts bool
	// openVersion is the version of the view that is recorded together with the ticket that is being opened; 0 before.
	openVersion int
	// delegated is what the next call on the ticket records first; nil for nothing.
	delegated []access.Entry
	// ending is the number of the fact that the request has ended; 0 before.
	ending int
	// rejected are the early decisions that were refused, by their id; the callers are waiting.
	rejected map[string]error
	// numbers are the numbers of facts that callers wait for, by the id of their call.
	numbers map[string]int
}

// Workflow takes one access request from the question to the closed ticket. A business outcome is its result; it fails only
// when an operator cancels it, after it has tidied up.
func Workflow(ctx workflow.Context, p Params) (workflows.RequestResult, error) {
	r := &request{
		asked: p.Request, marker: access.NewMarker(p.Request.ID, workflow.GetInfo(ctx).FirstRunID),
		state: p.Carried, rejected: map[string]error{}, numbers: map[string]int{},
	}
	if r.state == nil {
		r.state = newState(p.Request, workflow.Now(ctx).UTC())
	}
	r.loop = durable.New(ctx, r)
	r.outbox = outbox.New(r.loop, &r.Outbox, r)
	if r.View.State.Ended() {
		// What an earlier run has not recorded comes before the ticket shows it.
		r.ending = len(r.Outbox.Pending)
	}
	r.keepTicket()
	if err := r.listen(); err != nil {
		return workflows.RequestResult{}, err
	}
	if err := r.loop.Run(r.carry); err != nil {
		return workflows.RequestResult{}, err
	}
	if r.Stop != nil && r.Stop.Channel == access.ChannelOperator && r.View.State == access.OutcomeCancelled {
		return workflows.RequestResult{}, temporal.NewCanceledError(r.View)
	}
	return workflows.RequestResult{Outcome: r.View.State, View: r.View}, nil
}

func newState(asked access.Request, now time.Time) *state {
	s := &state{View: access.RequestView{
		Request:    asked,
		State:      access.StateEvaluating,
		Since:      now,
		StatusText: "Policy is being asked what this request demands.",
		Items:      make([]access.ItemView, len(asked.Items)),
	}}
	for i, item := range asked.Items {
		s.View.Items[i] = access.ItemView{Item: item, State: access.ItemPending}
	}
	return s
}

// keepTicket binds the ticket of a request whose requirement is known.
func (r *request) keepTicket() {
	if r.Requirement == nil {
		return
	}
	settings := r.Requirement.Settings
	first, limit := settings.PollInitialInterval.Std(), settings.PollMaxInterval.Std()
	if r.watched() {
		first = settings.Watch.StalenessCheckInterval.Std()
		limit = first << stalenessDoublings
	}
	r.ticket = ticket.New(r.loop, &r.Ticket, ticket.Settings{
		Desk: settings.Desk, Marker: r.marker, SearchDelay: settings.SearchIndexDelay.Std(),
		First: first, Max: limit, Recheck: settings.PollInitialInterval.Std(), Guard: true,
	}, keeper{r})
}

// carry is how the request goes on in a new run.
func (r *request) carry() error {
	carried := *r.state
	// Whom the request waits for follows from the rest.
	carried.View.WaitingOn = nil
	return workflow.NewContinueAsNewError(r.loop.Context(), workflows.AccessRequestType, Params{Request: r.asked, Carried: &carried})
}

// Step does everything that can be done now. The order matters: what has been decided counts before the deadline does.
func (r *request) Step(now time.Time) {
	r.evaluate(now)
	r.judgeEarly()
	r.takeDenials()
	r.follow(now)
	r.name(now)
	r.expire(now)
	r.remind(now)
	r.advance()
	r.fulfil(now)
	r.findAccounts(now)
	r.askOnDesk()
	r.closeTogether(now)
	r.sendFacts()
	r.keep(now)
	r.sendFacts()
	r.show()
}

// sendFacts sends the facts that wait. What is recorded together with a ticket is newer than what is sent before it is opened.
func (r *request) sendFacts() {
	if !r.evaluatingSoon() {
		r.outbox.Step()
	}
}

// evaluatingSoon reports whether policy answers within moments, if all goes well: what was asked is then recorded together
// with what policy demands.
func (r *request) evaluatingSoon() bool {
	return r.Evaluation.asking && r.Evaluation.Consult == nil && r.Evaluation.Failures == 0 && r.Stop == nil
}

// advance takes the request from phase to phase, as far as it can go now.
func (r *request) advance() {
	for before := access.RequestState(""); before != r.View.State; {
		before = r.View.State
		r.leavePhase()
	}
}

// leavePhase leaves the present phase, if what it waits for has come.
func (r *request) leavePhase() {
	state := r.View.State
	switch {
	case state.Ended() || r.phaseLasts(state):
	case state == access.StateEvaluating || state == access.StateRevoking:
		r.setOutcome()
	case r.Stop != nil:
		r.beginRevoking()
	case state == access.StateAwaitingApproval && r.has(access.ItemApproved):
		r.beginFulfilment()
	default:
		r.setOutcome()
	}
}

// phaseLasts reports whether a phase still waits for something.
func (r *request) phaseLasts(state access.RequestState) bool {
	if state == access.StateRevoking {
		return slices.ContainsFunc(r.Grants, grant.unanswered)
	}
	if r.Stop != nil {
		return false
	}
	return (state == access.StateEvaluating && len(r.View.Refusals) == 0) ||
		(state == access.StateAwaitingApproval && r.has(access.ItemPending)) ||
		(state == access.StateFulfilling && (r.has(access.ItemFulfilling) || slices.ContainsFunc(r.Grants, grant.takenBack)))
}

// has reports whether an item is in a state.
func (r *request) has(s access.ItemState) bool {
	return slices.ContainsFunc(r.View.Items, func(i access.ItemView) bool { return i.State == s })
}

// Due returns when the request has something to do by the clock.
func (r *request) Due() (time.Time, string) {
	var at time.Time
	what := ""
	consider := func(t time.Time, name string) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at, what = t, name
		}
	}
	if r.View.State == access.StateEvaluating && !r.Evaluation.asking {
		consider(r.Evaluation.RetryAt, "ask policy again")
	}
	if r.View.State == access.StateAwaitingApproval {
		consider(*r.View.ApprovalDeadline, "decision deadline")
	}
	consider(r.RemindAt, "reminder")
	consider(r.followDue(), "who has left, and who approves instead")
	consider(r.namingDue(), "look up who was named")
	if !r.findingAccounts {
		consider(r.Accounts.RetryAt, "look up accounts")
	}
	for i := range r.Grants {
		consider(r.Grants[i].due(), "lease status")
	}
	if r.ticket != nil && !r.checkingWatch {
		consider(r.ticket.Due(), "ticket")
	}
	return at, what
}

// Done reports whether the outcome is known, and the ledger and the ticket know it too.
func (r *request) Done() bool {
	return r.View.State.Ended() && r.outbox.Empty() && !r.checkingWatch && !r.Follow.asking && !r.findingAccounts && len(r.Naming) == 0 && (r.ticket == nil || r.ticket.Idle())
}

// Cancelled takes an operator's cancellation.
func (r *request) Cancelled() {
	r.stopFor(stop{
		Outcome: access.OutcomeCancelled, Channel: access.ChannelOperator, Name: "an operator", Reason: "the workflow was cancelled",
	})
}

// stopFor ends the request before its course. The first stop counts.
func (r *request) stopFor(s stop) {
	if r.Stop == nil && !r.View.State.Ended() {
		r.Stop = &s
	}
}

// Undecodable records a signal that nobody can read.
func (r *request) Undecodable(signal string, err error) {
	r.record(access.Event{
		Type: access.EventDecisionRefused, Channel: access.ChannelOperator,
		Text: "A signal " + signal + " could not be read: " + err.Error() + ".",
	})
}

// errNotYet asks a caller to repeat: the run continues in another one before people were looked up.
var errNotYet = errors.New("the people who were named are still being looked up; try again in a moment")

// errTooEarly asks a caller to repeat: the run continues in another one before policy has answered.
var errTooEarly = errors.New("policy has not answered yet; try again in a moment")
