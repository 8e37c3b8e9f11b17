// Package intake is the workflow AskedTicket: it looks into one ticket of a person, and starts the request that the ticket
// asks for. What cannot be understood, or is refused, is answered on the ticket once, and looked at again when the ticket changes.
//
// Between two looks nothing is kept: a run ends when it has looked, and every change of the ticket starts one.
package intake

import (
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/ticket"
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
}

// look is one look into the ticket, step by step.
type look struct {
	// Unknown is true when no request has come of the ticket yet; Started when this look has started one, whose answer of policy is
	// awaited.
	Unknown bool `json:"unknown,omitempty"`
	Started bool `json:"started,omitempty"`
	// Ended is true when what is answered cannot be mended on this ticket.
	Ended bool `json:"ended,omitempty"`
	// Asked is what the ticket says.
	Asked *activities.ReadAskedResult `json:"asked,omitempty"`
	// People are who asks, and whose access it shall be; Account is that of who asks.
	People  []access.Person `json:"people,omitempty"`
	Account *access.Account `json:"account,omitempty"`
	// Consult names who must be looked up before policy can be asked; Consulted are they.
	Consult   *activities.Consultation `json:"consult,omitempty"`
	LookedUp  bool                     `json:"looked_up,omitempty"`
	Consulted []access.Person          `json:"consulted,omitempty"`
	// Allowed is true when policy has nothing against it.
	Allowed bool `json:"allowed,omitempty"`
	// Findings are what is answered on the ticket.
	Findings []access.Refusal `json:"findings,omitempty"`
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
	if a.loop.Busy() || now.Before(a.RetryAt) {
		return
	}
	if a.Changed {
		// Also during a look: what counts is what the ticket says now.
		a.Changed, a.Looking, a.Look = false, true, look{}
	}
	if a.Looking {
		a.next()
	}
}

// next does what the look lacks.
func (a *asked) next() {
	switch l := &a.Look; {
	case len(l.Findings) > 0:
		a.answer()
	case !l.Unknown:
		a.known()
	case l.Asked == nil:
		a.read()
	case l.People == nil:
		a.findPeople()
	case l.Account == nil:
		a.match()
	case !l.Allowed && l.Consult != nil && !l.LookedUp:
		a.consult()
	case !l.Allowed:
		a.ask()
	default:
		a.start()
	}
}

// over ends the look.
func (a *asked) over() { a.Looking, a.Look, a.Failures = false, look{}, 0 }

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
		case missing && !a.Look.Started:
			a.Look.Unknown = true
		case missing:
			a.later()
		case !a.done(err):
		case found.View.State == access.OutcomeRefused:
			a.Look.Findings, a.Look.Ended = found.View.Refusals, true
		case found.View.State == access.StateEvaluating && a.Look.Started:
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
	if a.Failures++; a.Failures > maxAwaited {
		a.over()
		return
	}
	a.RetryAt = a.loop.Now().Add(workflows.RetryConnector.After(a.Failures))
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

// findPeople looks up who asks, by the account that opened the ticket, and whose access it shall be.
func (a *asked) findPeople() {
	said := a.Look.Asked
	call := activities.FindPeopleInput{Queries: []access.PersonQuery{{
		ID: said.Creator.Person, UserName: said.Creator.UserName, Email: said.Creator.Email,
	}}}
	if said.Draft.Subject != (access.PersonQuery{}) {
		call.Queries = append(call.Queries, said.Draft.Subject)
	}
	var policy *activities.Policy
	durable.StartLocal(a.loop, workflows.LocalQuestion(), policy.SourceOfPeople, struct{}{}, func(name access.SourceName, err error) {
		if !a.done(err) {
			return
		}
		var source *activities.Source
		durable.Start(a.loop, workflows.LookupPeople(name), source.FindPeople, call, func(found activities.FindPeopleResult, err error) {
			if a.done(err) {
				a.found(found.People)
			}
		})
	})
}

func (a *asked) found(people []access.Person) {
	said := a.Look.Asked
	a.Look.People = people
	if people[0].ID == "" {
		a.Look.Findings = []access.Refusal{a.unknownRequester()}
	}
	if len(people) > 1 && people[1].ID == "" {
		a.Look.Findings = append(a.Look.Findings, access.Refusal{
			Field: access.AskedSubject.Label(), Problem: "Nobody is known as " + said.Draft.Subject.UserName + ", or more than one person is. Expected an e-mail address or a user name.",
		})
	}
}

func (a *asked) unknownRequester() access.Refusal {
	who := a.Look.Asked.Creator
	name := who.Name
	if name == "" {
		name = string(who.ID)
	}
	return access.Refusal{
		Field: requester, Problem: "The account that opened this ticket (" + name + ") is nobody's whom usher knows. An administrator can name its person in the configuration of this desk.",
	}
}

// match holds that the account which opened the ticket is that of who asks, found as an approver's is.
func (a *asked) match() {
	var desk *activities.Desk
	options := workflows.Ticket(a.desk, "whose account it is")
	durable.Start(a.loop, options, desk.MatchAccount, a.Look.People[0], func(account access.Account, err error) {
		if !a.done(err) {
			return
		}
		if account.ID == "" || account.ID != a.Look.Asked.Creator.ID {
			a.Look.Findings = []access.Refusal{a.unknownRequester()}
			return
		}
		a.Look.Account = &account
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
	subject := a.Look.People[len(a.Look.People)-1]
	return access.Request{
		ID: access.AskedRequestID(a.desk, a.ticket), Requester: a.Look.People[0].ID, Subject: subject.ID,
		Items: said.Draft.Items, Reason: said.Draft.Reason, SubmittedAt: a.loop.Now(),
		Evidence: "desk account " + string(said.Creator.ID) + " opened " + string(said.Ref.Key),
		Origin: &access.Origin{
			Desk: a.desk, Ticket: a.ticket, Key: said.Ref.Key, Account: said.Creator.ID, TextChange: said.TextChange,
		},
	}
}

func (a *asked) start() {
	var records *activities.Records
	call := activities.StartRequestInput{Request: a.request(), WorkflowType: workflows.AccessRequestType}
	durable.Start(a.loop, workflows.SendMessage("start the request"), records.StartRequest, call, func(_ struct{}, err error) {
		if a.done(err) {
			a.Look = look{Started: true}
		}
	})
}

// answer has a comment on the ticket name what is wrong with it, once for the same findings in the same text.
func (a *asked) answer() {
	text, of := findingsText(a.Look.Findings, a.Look.Ended), ""
	if a.Look.Asked != nil {
		of = a.Look.Asked.TextChange
	}
	comment := access.Comment{Marker: ticket.CommentMarker("usher-asked", text+"\x00"+of), Text: text}
	var desk *activities.Desk
	options := workflows.Ticket(a.desk, "answer what a ticket asks for")
	call := activities.UpdateTicketInput{Ticket: a.ticket, Comments: []access.Comment{comment}}
	durable.Start(a.loop, options, desk.UpdateTicket, call, func(_ activities.UpdateTicketResult, err error) {
		if a.done(err) {
			a.over()
		}
	})
}

func findingsText(findings []access.Refusal, ended bool) string {
	lines := []string{"usher cannot take this ticket as a request for access:"}
	end := "Please change the ticket; usher then looks at it again."
	if ended {
		lines, end = []string{"The request for access of this ticket was refused:"}, "Please open a new ticket; this one stays as it is."
	}
	for _, f := range findings {
		lines = append(lines, label(f.Field)+": "+f.Problem)
	}
	return strings.Join(append(lines, end), "\n")
}

// label returns what people write on a ticket for a field of a request, or, for one that they cannot write there, its name.
func label(field string) string {
	switch {
	case strings.HasSuffix(field, ".duration"):
		return access.AskedDuration.Label()
	case strings.HasPrefix(field, "items"):
		return access.AskedAccess.Label()
	case field == "subject":
		return access.AskedSubject.Label()
	case field == "reason":
		return access.AskedReason.Label()
	case field == "requester":
		return requester
	}
	return field
}

// requester is what people are told about who asks by.
const requester = "Requester"

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
