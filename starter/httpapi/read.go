package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
	"usher/internal/ledger"
)

func (a *API) registerReads() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/requests/{id}", huma.Operation{
		OperationID: "read-request", Summary: "Read a request", Tags: []string{"requests"},
		Description: "How the request stands, whom it waits for, its ticket, and its timeline. Those who are involved may read it, owners of an application that it asks for, and auditors.",
	}, http.StatusNotFound), a.readRequest)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/requests", huma.Operation{
		OperationID: "list-requests", Summary: "List requests", Tags: []string{"requests"},
		Description: "Newest first. Callers who are no auditors set mine, or requester, subject or waiting_on to themselves, or entitlement to one of an application whose owner they are.",
	}, http.StatusForbidden), a.listRequests)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/requests/{id}/audit", huma.Operation{
		OperationID: "read-audit", Summary: "Read the audit trail of a request", Tags: []string{"audit"},
		Description: "Who did what, when, by which channel, why, and on what evidence: from the submission to the end of each lease.",
	}, http.StatusNotFound), a.readAudit)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/subjects/{id}/leases", huma.Operation{
		OperationID: "list-leases", Summary: "List what a person holds", Tags: []string{"audit"},
		Description: "The leases that the person holds or held because of requests, for the person itself, for auditors, and for the help desk and administrators, who may take it back. An owner of applications sees those of them.",
	}, http.StatusForbidden), a.listLeases)
}

// RequestDetail is a request with its timeline.
type RequestDetail struct {
	access.RequestView
	Timeline []access.Event `json:"timeline" nullable:"false" doc:"What happened, in order."`
	// TimelineProblem is why the timeline is missing.
	TimelineProblem string `json:"timeline_problem,omitempty" doc:"Why the timeline is missing; absent when it is there."`
}

type requestInput struct {
	RequestID string `path:"id" maxLength:"64" doc:"The request's id."`
}

type requestOutput struct {
	Body RequestDetail
}

func notFound(id access.RequestID) *Problem {
	return newProblem(kindNotFound(), fmt.Sprintf("there is no request %q, or it is not yours to read", id))
}

func (a *API) readRequest(ctx context.Context, in *requestInput) (*requestOutput, error) {
	id := access.RequestID(in.RequestID)
	view, err := a.request(ctx, id)
	if err != nil {
		return nil, err
	}
	a.withLeases(ctx, &view)
	out := &requestOutput{Body: RequestDetail{RequestView: view, Timeline: []access.Event{}}}
	events, err := a.deps.Ledger.Events(ctx, id)
	switch {
	case err == nil:
		out.Body.Timeline = append(out.Body.Timeline, events...)
	case !access.IsKind(err, access.NotFound):
		a.logged(ctx, err)
		out.Body.TimelineProblem = "the ledger is unavailable"
	}
	return out, nil
}

// withLeases shows the leases as they are now: a request that has ended keeps them as they were at its end. Where the
// ledger is away, that is what is shown.
func (a *API) withLeases(ctx context.Context, view *access.RequestView) {
	for i := range view.Items {
		recorded := view.Items[i].Lease
		if recorded == nil {
			continue
		}
		now, err := a.deps.Ledger.Lease(ctx, recorded.Lease.ID)
		switch {
		case err == nil:
			view.Items[i].Lease = &now
		case err != nil && !access.IsKind(err, access.NotFound):
			a.logged(ctx, err)
			return
		}
	}
}

type auditOutput struct {
	Body struct {
		Request access.RequestID `json:"request" doc:"The request's id."`
		Events  []access.Event   `json:"events" nullable:"false" doc:"What happened, in order."`
	}
}

func (a *API) readAudit(ctx context.Context, in *requestInput) (*auditOutput, error) {
	id := access.RequestID(in.RequestID)
	if _, err := a.request(ctx, id); err != nil {
		return nil, err
	}
	events, err := a.deps.Ledger.Events(ctx, id)
	if err != nil && !access.IsKind(err, access.NotFound) {
		return nil, a.failed(ctx, err)
	}
	out := &auditOutput{}
	out.Body.Request, out.Body.Events = id, append([]access.Event{}, events...)
	return out, nil
}

type listInput struct {
	State       []string `query:"state" enum:"evaluating,awaiting_approval,fulfilling,revoking,granted,partly_granted,denied,withdrawn,expired,cancelled,refused,failed" doc:"One or more states, with commas."`
	Subject     string   `query:"subject" maxLength:"256" doc:"Whose access it is."`
	Requester   string   `query:"requester" maxLength:"256" doc:"Who asked."`
	WaitingOn   string   `query:"waiting_on" maxLength:"256" doc:"Who is awaited."`
	Entitlement string   `query:"entitlement" maxLength:"256" doc:"What at least one item asks for: <application>/<role>."`
	Mine        bool     `query:"mine" doc:"true: only requests that the caller made, or that are for the caller."`
	Open        bool     `query:"open" doc:"true: only requests that have not ended."`
	Limit       int      `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	Cursor      string   `query:"cursor" maxLength:"512" doc:"What next said in the answer before."`
}

// Resolve implements huma.Resolver.
func (in *listInput) Resolve(huma.Context) []error {
	limits := access.Limits()
	problems := fittingID("query.subject", in.Subject, limits.Person)
	problems = append(problems, fittingID("query.requester", in.Requester, limits.Person)...)
	problems = append(problems, fittingID("query.waiting_on", in.WaitingOn, limits.Person)...)
	return append(problems, fittingID("query.entitlement", in.Entitlement, limits.Entitlement)...)
}

type listOutput struct {
	Body struct {
		Requests []access.RequestView `json:"requests" nullable:"false" doc:"The requests, newest first."`
		Next     string               `json:"next,omitempty" doc:"The cursor of the next page; absent on the last one."`
	}
}

func (a *API) listRequests(ctx context.Context, in *listInput) (*listOutput, error) {
	caller := callerOf(ctx)
	message := fmt.Sprintf("expected requester, subject or waiting_on to be %q, because only auditors see other people's requests", caller.Person)
	has := a.toList(caller, in)
	if in.Entitlement != "" && rowOf(ctx, "").verdict(has) != allowed {
		owned, err := a.ownedBy(ctx, caller)
		if err != nil {
			return nil, err
		}
		if owned[access.EntitlementID(in.Entitlement).Application()] {
			has |= isOwner
		}
	}
	if err := a.permits(ctx, "", has,
		ProblemField{Location: "query.requester", Message: message},
		ProblemField{Location: "query.subject", Message: message},
		ProblemField{Location: "query.waiting_on", Message: message},
		ProblemField{Location: "query.entitlement", Message: "expected one of an application whose owner you are"}); err != nil {
		return nil, err
	}
	filter := ledger.Filter{
		Requester: access.PersonID(in.Requester), Subject: access.PersonID(in.Subject), WaitingOn: access.PersonID(in.WaitingOn),
		Entitlement: access.EntitlementID(in.Entitlement), Open: in.Open, Limit: in.Limit, Cursor: in.Cursor,
	}
	if in.Mine {
		filter.Party = caller.Person
	}
	for _, state := range in.State {
		filter.States = append(filter.States, access.RequestState(state))
	}
	page, err := a.deps.Ledger.Views(ctx, filter)
	if access.IsKind(err, access.Invalid) {
		return nil, wrongCursor(err)
	}
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &listOutput{}
	out.Body.Requests, out.Body.Next = append([]access.RequestView{}, page.Views...), page.Next
	return out, nil
}

type subjectInput struct {
	Subject string `path:"id" maxLength:"256" doc:"The identity source's id of the person."`
}

// Resolve implements huma.Resolver.
func (in *subjectInput) Resolve(huma.Context) []error {
	return fittingID("path.id", in.Subject, access.Limits().Person)
}

type leasesOutput struct {
	Body struct {
		Subject access.PersonID    `json:"subject" doc:"Whose leases these are."`
		Leases  []access.LeaseView `json:"leases" nullable:"false" doc:"What the person holds or held."`
	}
}

func (a *API) listLeases(ctx context.Context, in *subjectInput) (*leasesOutput, error) {
	caller, subject := callerOf(ctx), access.PersonID(in.Subject)
	has, owned := a.toPerson(caller, subject), map[string]bool(nil)
	onlyOwned := rowOf(ctx, "").verdict(has) != allowed
	if onlyOwned {
		var err error
		if owned, err = a.ownedBy(ctx, caller); err != nil {
			return nil, err
		}
		if len(owned) > 0 {
			has |= isAnyOwner
		}
	}
	if err := a.permits(ctx, "", has, notYours(caller)); err != nil {
		return nil, err
	}
	leases, err := a.deps.Ledger.LeasesOf(ctx, subject)
	if err != nil && !access.IsKind(err, access.NotFound) {
		return nil, a.failed(ctx, err)
	}
	out := &leasesOutput{}
	out.Body.Subject, out.Body.Leases = subject, append([]access.LeaseView{}, leases...)
	if onlyOwned {
		out.Body.Leases = slices.DeleteFunc(out.Body.Leases, func(v access.LeaseView) bool { return !owned[v.Lease.Entitlement.Application()] })
	}
	return out, nil
}

// notYours names the field by which somebody asked for what is another person's.
func notYours(c Caller) ProblemField {
	return ProblemField{Location: "path.id", Message: fmt.Sprintf("expected %q", c.Person)}
}
