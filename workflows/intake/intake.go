// Package intake is the workflow AskedTicket: it looks into one ticket of a person, and starts the request that the ticket
// asks for. What cannot be understood, or is refused, is answered on the ticket once, and looked at again when the ticket changes.
//
// Between two looks nothing is kept: a run ends when it has looked, and every change of the ticket starts one.
package intake

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// Params start the workflow.
type Params struct {
	Desk    access.DeskName `json:"desk"`
	Ticket  access.TicketID `json:"ticket"`
	Carried *state          `json:"carried,omitempty"`
}

// state is how far a look has come. A step that fails is tried again later.
type state struct {
	// Changed asks for a look; Looking is true during one.
	Changed  bool      `json:"changed,omitempty"`
	Looking  bool      `json:"looking,omitempty"`
	Look     look      `json:"look,omitzero"`
	RetryAt  time.Time `json:"retry_at,omitzero"`
	Failures int       `json:"failures,omitempty"`
	// Waits counts the questions about something that takes its time: the end of a request that the ticket has joined, or of access
	// that it gives back.
	Waits int `json:"waits,omitempty"`
	// Joined is the request that the ticket has joined, and GivenBack are the leases that it gives back.
	Joined    *joined          `json:"joined,omitempty"`
	GivenBack []access.LeaseID `json:"given_back,omitempty"`
	// Begun is true when a request has been started: the ticket is that one's from then on, though the ledger may not know it yet.
	Begun bool `json:"begun,omitempty"`
}

// look is one look into the ticket, step by step.
type look struct {
	// Unknown is true when no request has come of the ticket yet.
	Unknown bool `json:"unknown,omitempty"`
	// Ended is true when what is answered cannot be mended on this ticket.
	Ended bool `json:"ended,omitempty"`
	// Asked is what the ticket says.
	Asked *activities.ReadAskedResult `json:"asked,omitempty"`
	// People are who asks, whose access it shall be, and who has filed it. Matched is true when the account that opened the ticket
	// is that of who asks, or may file for others.
	People  *parties `json:"people,omitempty"`
	Matched bool     `json:"matched,omitempty"`
	// Consult names who must be looked up before policy can be asked; Consulted are they.
	Consult   *activities.Consultation `json:"consult,omitempty"`
	LookedUp  bool                     `json:"looked_up,omitempty"`
	Consulted []access.Person          `json:"consulted,omitempty"`
	// Allowed is true when policy has nothing against it, and Unasked when no open request asks for the same.
	Allowed bool `json:"allowed,omitempty"`
	Unasked bool `json:"unasked,omitempty"`
	// Findings are what is answered on the ticket.
	Findings []access.Refusal `json:"findings,omitempty"`
	// Last is what is said when the ticket is closed.
	Last *last `json:"last,omitempty"`
}

type asked struct {
	*state
	desk   access.DeskName
	ticket access.TicketID
	loop   *durable.Loop
}

// Workflow looks into the ticket each time it is told that it has changed, and ends when it has.
func Workflow(ctx workflow.Context, p Params) error {
	a := &asked{desk: p.Desk, ticket: p.Ticket, state: p.Carried}
	if a.state == nil {
		a.state = &state{}
	}
	a.loop = durable.New(ctx, a)
	durable.OnSignal(a.loop, workflows.SignalAskedChanged, func(struct{}) { a.Changed = true })
	return a.loop.Run(func() error {
		return workflow.NewContinueAsNewError(a.loop.Context(), workflows.AskedTicketType, Params{Desk: a.desk, Ticket: a.ticket, Carried: a.state})
	})
}

// Step takes the next step.
func (a *asked) Step(now time.Time) {
	if a.Changed && !a.loop.Busy() {
		// Also during a look, and while it waits: what counts is what the ticket says now.
		a.Changed, a.Looking, a.Look, a.RetryAt = false, true, look{}, time.Time{}
	}
	for a.Looking && !a.loop.Busy() && !now.Before(a.RetryAt) {
		a.next()
	}
}

// next does what the look lacks.
func (a *asked) next() {
	switch l := &a.Look; {
	case l.Last != nil:
		a.sayLast()
	case len(l.Findings) > 0:
		a.answer()
	case !l.Unknown:
		a.known()
	case l.Asked == nil:
		a.read()
	case l.People == nil:
		a.findPeople()
	case !l.Matched:
		a.match()
	case len(l.Asked.Draft.GiveBack) > 0:
		a.giveBack()
	case !l.Allowed && l.Consult != nil && !l.LookedUp:
		a.consult()
	case !l.Allowed:
		a.ask()
	case !l.Unasked:
		a.findSame()
	default:
		a.start()
	}
}

// over ends the look.
func (a *asked) over() { a.Looking, a.Look, a.Failures, a.Waits = false, look{}, 0, 0 }

// done reports whether a step has succeeded; else it is due again later. A ticket that is gone needs no answer.
func (a *asked) done(err error) bool {
	switch kind := workflows.KindOf(err); {
	case !a.Looking:
		// The look was cancelled meanwhile.
	case err == nil:
		a.Failures = 0
		return true
	case a.loop.Leaving():
	case kind == access.NotFound, kind == access.Conflict, kind == access.Invalid:
		workflow.GetLogger(a.loop.Context()).Warn("a ticket that may ask for access cannot be looked into",
			"connector", a.desk, "ticket", a.ticket, "error", err)
		a.over()
	default:
		a.Failures++
		a.RetryAt = a.loop.Now().Add(workflows.RetryConnector.After(a.Failures))
	}
	return false
}

// known asks whether a request has come of the ticket: then the request keeps it.
func (a *asked) known() {
	var records *activities.Records
	id := access.AskedRequestID(a.desk, a.ticket)
	durable.StartLocal(a.loop, workflows.LocalQuestion(), records.ReadRequest, id, func(found activities.ReadRequestResult, err error) {
		missing := workflows.KindOf(err) == access.NotFound
		switch {
		case missing && !a.Begun:
			a.Look.Unknown = true
		case missing:
			a.later()
		case !a.done(err):
		case found.View.State == access.OutcomeRefused:
			a.Look.Findings, a.Look.Ended = found.View.Refusals, true
		case found.View.State == access.StateEvaluating && a.Begun:
			a.later()
		default:
			a.over()
		}
	})
}

// maxAwaited is how often a look asks what has become of the request that it has started: some hours.
const maxAwaited = 20

// later looks again after a while for what policy has answered.
func (a *asked) later() {
	if a.Waits >= maxAwaited {
		a.over()
		return
	}
	a.again()
}

func (a *asked) read() {
	var desk *activities.Desk
	options := workflows.Ticket(a.desk, "read what a ticket asks for")
	durable.Start(a.loop, options, desk.ReadAsked, activities.ReadTicketInput{Ticket: a.ticket}, func(said activities.ReadAskedResult, err error) {
		switch {
		case !a.done(err):
		case said.Nothing != "":
			a.over()
		default:
			a.Look.Asked, a.Look.Findings = &said, said.Findings
		}
	})
}

func (a *asked) consult() {
	var source *activities.Source
	c := *a.Look.Consult
	durable.Start(a.loop, workflows.LookupPeople(c.Source), source.LookupPeople, c.Input, func(people []access.Person, err error) {
		if a.done(err) {
			a.Look.LookedUp, a.Look.Consulted = true, people
		}
	})
}

// ask asks policy, so that what it refuses can be mended on the ticket.
func (a *asked) ask() {
	var policy *activities.Policy
	call := activities.EvaluateInput{Request: a.request(), PeopleRead: a.Look.LookedUp, People: a.Look.Consulted}
	durable.Start(a.loop, workflows.Evaluate(), policy.Evaluate, call, func(answer activities.Evaluation, err error) {
		switch {
		case !a.done(err):
		case answer.Consult != nil:
			a.Look.Consult = answer.Consult
		default:
			a.Look.Findings, a.Look.Allowed = answer.Refusals, len(answer.Refusals) == 0
		}
	})
}

// request is what the ticket asks for.
func (a *asked) request() access.Request {
	said := a.Look.Asked
	people := a.Look.People
	evidence := "desk account " + string(said.Creator.ID) + " opened " + string(said.Ref.Key)
	if said.Filed {
		evidence += " for the requester, as one that files for others"
	}
	return access.Request{
		ID: access.AskedRequestID(a.desk, a.ticket), Requester: people.Requester.ID, Subject: people.Subject.ID,
		Items: said.Draft.Items, Reason: said.Draft.Reason, SubmittedAt: a.loop.Now(), Evidence: evidence,
		Origin: &access.Origin{
			Desk: a.desk, Ticket: a.ticket, Key: said.Ref.Key, Account: said.Creator.ID, Filed: said.Filed, Filer: people.Filer.ID,
			TextChange: said.TextChange,
		},
	}
}

func (a *asked) start() {
	var records *activities.Records
	call := activities.StartRequestInput{Request: a.request(), WorkflowType: workflows.AccessRequestType}
	durable.Start(a.loop, workflows.SendMessage("start the request"), records.StartRequest, call, func(_ struct{}, err error) {
		if a.done(err) {
			a.Begun, a.Look, a.Waits = true, look{}, 0
		}
	})
}

// Due returns when a step that has failed is due again.
func (a *asked) Due() (time.Time, string) {
	if a.loop.Busy() || a.Done() {
		return time.Time{}, ""
	}
	return a.RetryAt, "try again"
}

// Done reports whether the ticket has been looked into.
func (a *asked) Done() bool { return !a.Looking && !a.Changed }

// Cancelled ends the look.
func (a *asked) Cancelled() { a.Changed = false; a.over() }

// Undecodable takes a signal that nobody can read as one: it carries nothing.
func (a *asked) Undecodable(string, error) { a.Changed = true }
