package activities

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/intake"
)

// ReadAskedResult is what a ticket of a person asks for.
type ReadAskedResult struct {
	// Nothing is why the ticket asks for nothing; "" when it asks for something.
	Nothing string `json:"nothing,omitempty"`
	// Ref and Creator are the ticket's.
	Ref     access.TicketRef   `json:"ref,omitzero"`
	Creator access.DeskAccount `json:"creator,omitzero"`
	// Filed is AskedTicket.Filed.
	Filed bool `json:"filed,omitempty"`
	// TextChange is AskedTicket.TextChange.
	TextChange string       `json:"text_change,omitempty"`
	Draft      intake.Draft `json:"draft,omitzero"`
	// Findings are what of the ticket cannot be understood.
	Findings []access.Refusal `json:"findings,omitempty"`
}

// ReadAsked reads what a ticket of a person asks for. It changes nothing.
func (a *Desk) ReadAsked(ctx context.Context, c ReadTicketInput) (ReadAskedResult, error) {
	var asked access.AskedTicket
	err := a.retryStep(ctx, func() (err error) { asked, err = a.Port.ReadAsked(ctx, c.Ticket); return err })
	if access.IsKind(err, access.Invalid) {
		return ReadAskedResult{Nothing: err.Error()}, nil
	}
	if err != nil {
		return ReadAskedResult{}, translate(err)
	}
	draft, findings := intake.Read(asked)
	return ReadAskedResult{Ref: asked.Ref, Creator: asked.Creator, Filed: asked.Filed, TextChange: asked.TextChange, Draft: draft, Findings: findings}, nil
}

// MatchAccount returns a person's account on the desk. It changes nothing.
func (a *Desk) MatchAccount(ctx context.Context, p access.Person) (access.Account, error) {
	var account access.Account
	err := a.retryStep(ctx, func() (err error) { account, err = a.Port.FindAccount(ctx, p); return err })
	return account, translate(err)
}

// FindPeopleInput asks a source for people, each by a query of its own.
type FindPeopleInput struct {
	Queries []access.PersonQuery `json:"queries"`
}

// FindPeopleResult has a place for each query. A place without an id: nobody is found, or more than one.
type FindPeopleResult struct {
	People []access.Person `json:"people"`
}

// FindPeople finds people by what others call them. It changes nothing.
func (a *Source) FindPeople(ctx context.Context, c FindPeopleInput) (FindPeopleResult, error) {
	found := FindPeopleResult{People: make([]access.Person, len(c.Queries))}
	for i, query := range c.Queries {
		person, err := a.find(ctx, query)
		if err != nil && !access.IsKind(err, access.NotFound) {
			return FindPeopleResult{}, translate(err)
		}
		found.People[i] = person
	}
	return found, nil
}

// find asks for everything that a query has. NotFound: nothing of it finds one person, or it finds several.
func (a *Source) find(ctx context.Context, q access.PersonQuery) (access.Person, error) {
	const op = "find a person"
	var found access.Person
	for _, by := range []access.PersonQuery{{ID: q.ID}, {UserName: q.UserName}, {Email: q.Email}} {
		if by == (access.PersonQuery{}) {
			continue
		}
		person, err := a.findBy(ctx, by)
		switch {
		case access.IsKind(err, access.NotFound), access.IsKind(err, access.Invalid):
			// The source does not know it, or cannot be asked so.
		case err != nil:
			return access.Person{}, err
		case found.ID != "" && found.ID != person.ID:
			return access.Person{}, access.Errorf(access.NotFound, op, "more than one person is meant")
		default:
			found = person
		}
	}
	if found.ID == "" {
		return found, access.Errorf(access.NotFound, op, "nobody is found")
	}
	return found, nil
}

// findBy asks by the one thing that the query has.
func (a *Source) findBy(ctx context.Context, q access.PersonQuery) (access.Person, error) {
	if q.ID != "" {
		return a.Port.Lookup(ctx, q.ID)
	}
	return a.Port.FindPerson(ctx, q)
}

// AskedNames are the names by which tickets that ask for access are looked into, in the workflows' spelling.
type AskedNames struct {
	Prefix    string `json:"prefix"`
	Type      string `json:"type"`
	Signal    string `json:"signal"`
	TaskQueue string `json:"task_queue"`
}

// askedParams is what starts the workflow that looks into a ticket, in that workflow's spelling.
type askedParams struct {
	Desk   access.DeskName `json:"desk"`
	Ticket access.TicketID `json:"ticket"`
}

// LookIntoInput names tickets that may ask for access.
type LookIntoInput struct {
	Desk    access.DeskName   `json:"desk"`
	Tickets []access.TicketID `json:"tickets"`
	Names   AskedNames        `json:"names"`
}

// LookInto has each ticket looked into, by a workflow of its own. One that Temporal never takes is left out. Safe to repeat: a
// ticket that is looked into twice asks once.
func (a *Watch) LookInto(ctx context.Context, c LookIntoInput) error {
	for _, ticket := range c.Tickets {
		options := client.StartWorkflowOptions{
			ID: c.Names.Prefix + string(access.AskedRequestID(c.Desk, ticket)), TaskQueue: c.Names.TaskQueue,
			StaticSummary: "a ticket of desk " + string(c.Desk) + " may ask for access",
		}
		_, err := a.Client.SignalWithStartWorkflow(ctx, options.ID, c.Names.Signal, struct{}{}, options, c.Names.Type,
			askedParams{Desk: c.Desk, Ticket: ticket})
		if impossible(err) {
			activity.GetLogger(ctx).Error("a ticket cannot be looked into", "connector", c.Desk, "ticket", ticket, "error", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// StartRequestInput is a request that begins in a desk.
type StartRequestInput struct {
	Request access.Request `json:"request"`
	// WorkflowType is the workflow's that a request is.
	WorkflowType string `json:"workflow_type"`
}

// requestParams is what starts a request, in that workflow's spelling.
type requestParams struct {
	Request access.Request `json:"request"`
}

// StartRequest starts a request that does not exist yet. Safe to repeat: one that exists, running or ended, is left alone, also
// when Temporal has forgotten it.
func (a *Records) StartRequest(ctx context.Context, c StartRequestInput) error {
	if _, err := a.Ledger.View(ctx, c.Request.ID); !access.IsKind(err, access.NotFound) {
		return translate(err)
	}
	_, err := a.Client.ExecuteWorkflow(ctx, a.RequestOptions(c.Request), c.WorkflowType, requestParams{Request: c.Request})
	if _, exists := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); exists {
		return nil
	}
	return err
}
