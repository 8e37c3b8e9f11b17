package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
)

func (a *API) registerIncidentReads() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/tickets/{id}", huma.Operation{
		OperationID: "read-incident", Summary: "Read an incident", Tags: []string{"tickets"},
		Description: "How the incident stands, its ticket, and whom the ticket is assigned to. For who handed it in, administrators and auditors.",
	}, http.StatusNotFound), a.readIncident)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/tickets", huma.Operation{
		OperationID: "list-incidents", Summary: "List incidents", Tags: []string{"tickets"},
		Description: "The last handed in first. Ticket callers see their own; administrators and auditors see all.",
	}, http.StatusForbidden), a.listIncidents)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/tickets/{id}/events", huma.Operation{
		OperationID: "list-incident-events", Summary: "List what happened to an incident", Tags: []string{"tickets", "audit"},
		Description: "Who did what, when and why; the last first. For who handed the incident in, administrators and auditors.",
	}, http.StatusNotFound), a.listIncidentEvents)
}

type incidentInput struct {
	Incident string `path:"id" maxLength:"64" doc:"The incident's id."`
}

type readIncidentOutput struct {
	Body access.IncidentView
}

type incidentEventsInput struct {
	Incident string `path:"id" maxLength:"64" doc:"The incident's id."`
	Before   int64  `query:"before" minimum:"0" doc:"Only events of a smaller place: what next said in the answer before."`
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

type deskEventsOutput struct {
	Body struct {
		Events []access.PlacedDeskEvent `json:"events" nullable:"false" doc:"What happened, the last first."`
		Next   int64                    `json:"next,omitempty" doc:"What before has to be for the next page; absent on the last one."`
	}
}

type incidentsInput struct {
	Reference string    `query:"reference" maxLength:"256" doc:"Only incidents of this name in the other system."`
	State     string    `query:"state" enum:"opening,open,closed,deleted,cancelled,refused" doc:"Only incidents that stand there."`
	Desk      string    `query:"desk" maxLength:"64" doc:"Only incidents of this desk."`
	Assignee  string    `query:"assignee" maxLength:"512" doc:"Only incidents whose ticket is assigned to this integration user, by the desk's own id."`
	Open      bool      `query:"open" doc:"true: only incidents that have not ended."`
	Limit     int       `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	Before    time.Time `query:"before" doc:"With before_id: what next said in the answer before."`
	BeforeID  string    `query:"before_id" maxLength:"64" doc:"With before: what next said in the answer before."`
}

// Resolve implements huma.Resolver.
func (in *incidentsInput) Resolve(huma.Context) []error {
	limits := access.Limits()
	problems := fittingID("query.reference", in.Reference, limits.Person)
	problems = append(problems, fittingID("query.desk", in.Desk, limits.ID)...)
	problems = append(problems, listedID("query.assignee", in.Assignee)...)
	switch {
	case in.Before.IsZero() != (in.BeforeID == ""):
		problems = append(problems, fieldError("query.before_id", "expected before and before_id, or neither"))
	case in.BeforeID != "" && !access.ValidRequestID(in.BeforeID):
		problems = append(problems, fieldError("query.before_id", "expected the id of an incident"))
	}
	return problems
}

// IncidentsNext is where the next page of incidents begins.
type IncidentsNext struct {
	Before   time.Time         `json:"before" doc:"What before has to be for the next page."`
	BeforeID access.IncidentID `json:"before_id" doc:"What before_id has to be for the next page."`
}

type incidentsOutput struct {
	Body struct {
		Tickets []access.IncidentView `json:"tickets" nullable:"false" doc:"The incidents, the last handed in first."`
		Next    *IncidentsNext        `json:"next,omitempty" doc:"What before and before_id have to be for the next page; absent on the last one."`
	}
}

// shownTo returns an incident as a caller may see it: how the identity of who handed it in was established is for auditors.
func shownTo(caller Caller, v access.IncidentView) access.IncidentView {
	if !caller.Auditor {
		v.Incident.Evidence = ""
	}
	return v
}

// eventsShownTo returns events as a caller may see them, as shownTo does of an incident.
func eventsShownTo(caller Caller, events []access.PlacedDeskEvent, limit int) *deskEventsOutput {
	out := &deskEventsOutput{}
	out.Body.Events = append([]access.PlacedDeskEvent{}, events...)
	if !caller.Auditor {
		for i := range out.Body.Events {
			out.Body.Events[i].Evidence = ""
		}
	}
	if len(events) == limit {
		out.Body.Next = events[len(events)-1].Place
	}
	return out
}

// incident returns an incident to a caller who may make the present call; see find.
func (a *API) incident(ctx context.Context, text string) (access.IncidentView, error) {
	none := newProblem(kindNotFound(), fmt.Sprintf("there is no incident %q, or it is not yours to read", text))
	if !access.ValidRequestID(text) {
		return access.IncidentView{}, none
	}
	caller, id := callerOf(ctx), access.IncidentID(text)
	return find(ctx, a, sought[access.IncidentView]{
		ledger:   func(ctx context.Context) (access.IncidentView, error) { return a.deps.Ledger.Incident(ctx, id) },
		temporal: func(ctx context.Context) (access.IncidentView, error) { return a.deps.Gateway.Incident(ctx, id) },
		has:      func(v access.IncidentView) relations { return a.toIncident(caller, v) },
	}, none)
}

func (a *API) readIncident(ctx context.Context, in *incidentInput) (*readIncidentOutput, error) {
	view, err := a.incident(ctx, in.Incident)
	if err != nil {
		return nil, err
	}
	return &readIncidentOutput{Body: shownTo(callerOf(ctx), view)}, nil
}

func (a *API) listIncidents(ctx context.Context, in *incidentsInput) (*incidentsOutput, error) {
	caller := callerOf(ctx)
	q := access.IncidentsQuery{
		Reference: in.Reference, Desk: access.DeskName(in.Desk), User: access.UserID(in.Assignee), State: access.IncidentState(in.State),
		Open: in.Open, Before: in.Before, BeforeID: access.IncidentID(in.BeforeID), Limit: in.Limit,
	}
	if a.roles(caller)&seePeople == 0 {
		q.Caller = caller.Person
	}
	incidents, err := a.deps.Ledger.Incidents(ctx, q)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &incidentsOutput{}
	out.Body.Tickets = []access.IncidentView{}
	for _, view := range incidents {
		out.Body.Tickets = append(out.Body.Tickets, shownTo(caller, view))
	}
	if len(incidents) == in.Limit {
		last := incidents[len(incidents)-1].Incident
		out.Body.Next = &IncidentsNext{Before: last.SubmittedAt, BeforeID: last.ID}
	}
	return out, nil
}

func (a *API) listIncidentEvents(ctx context.Context, in *incidentEventsInput) (*deskEventsOutput, error) {
	view, err := a.incident(ctx, in.Incident)
	if err != nil {
		return nil, err
	}
	events, err := a.deps.Ledger.DeskEvents(ctx, access.DeskEventsQuery{Incident: view.Incident.ID, Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	return eventsShownTo(callerOf(ctx), events, in.Limit), nil
}
