package httpapi

import (
	"context"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"usher/internal/access"
)

// roles is what a caller is, whatever the call is about.
func (a *API) roles(c Caller) relations {
	if c.Service != nil {
		return isService
	}
	has := isPerson
	for relation, is := range map[relations]bool{
		isAuditor: c.Auditor, isAdministrator: c.Administrator, isTicketCaller: c.Tickets, isHelpDesk: c.HelpDesk, isReader: a.config.OpenReads,
	} {
		if is {
			has |= relation
		}
	}
	return has
}

// toRequest is what a caller is to a request, with the roles.
func (a *API) toRequest(c Caller, v access.RequestView) relations {
	has := a.roles(c)
	if c.Service != nil {
		if v.Request.Service == c.Service.Client {
			has |= isMaker
		}
		return has
	}
	if c.Person == v.Request.Requester {
		has |= isRequester
	}
	if c.Person == v.Request.Subject {
		has |= isSubject
	}
	awaited := func(w access.Waiting) bool { return w.Person == c.Person }
	decided := func(d access.Decision) bool { return d.By == c.Person }
	if slices.Contains(v.Approvers, c.Person) || slices.ContainsFunc(v.WaitingOn, awaited) || slices.ContainsFunc(v.Decisions, decided) {
		has |= isApprover
	}
	return has
}

// ownedBy returns the ids of the applications that a caller owns.
func (a *API) ownedBy(ctx context.Context, c Caller) (map[string]bool, error) {
	found, err := a.deps.Ledger.ApplicationsOf(ctx, c.Person)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	owned := map[string]bool{}
	for _, application := range found {
		owned[application.ID] = true
	}
	return owned, nil
}

// asksForOwned reports whether a request asks for something of the applications that somebody owns.
func asksForOwned(v access.RequestView, owned map[string]bool) bool {
	return slices.ContainsFunc(v.Request.Items, func(i access.Item) bool { return owned[i.Entitlement.Application()] })
}

// toPerson is what a caller is to what somebody holds, with the roles.
func (a *API) toPerson(c Caller, subject access.PersonID) relations {
	has := a.roles(c)
	if c.Service == nil && c.Person == subject {
		has |= isSubject
	}
	return has
}

// toIncident is what a caller is to an incident, with the roles.
func (a *API) toIncident(c Caller, v access.IncidentView) relations {
	has := a.roles(c)
	if c.Service == nil && c.Person == v.Incident.Caller {
		has |= isSender
	}
	return has
}

// toList is what a caller is to the requests that a filter lists, with the roles.
func (a *API) toList(c Caller, in *listInput) relations {
	has := a.roles(c)
	if c.Service != nil {
		return has
	}
	if in.Mine {
		has |= isRequester | isSubject
	}
	for relation, person := range map[relations]string{isRequester: in.Requester, isSubject: in.Subject, isApprover: in.WaitingOn} {
		if person == string(c.Person) {
			has |= relation
		}
	}
	return has
}

type rowsKey struct{}

// permitted refuses whoever may not make a call of a route by role alone, before the body is read. What depends on the thing, the handler asks; see permits.
func (a *API) permitted(rows []permission) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		ctx = huma.WithValue(ctx, rowsKey{}, rows)
		has := a.roles(callerOf(ctx.Context()))
		may := func(p permission) bool { return !p.byRole() || p.verdict(has) == allowed }
		if !slices.ContainsFunc(rows, may) {
			a.refuse(ctx, a.permits(ctx.Context(), "", has))
			return
		}
		next(ctx)
	}
}

// rowOf returns the row of the present call, or of a part of its route.
func rowOf(ctx context.Context, part string) permission {
	rows, _ := ctx.Value(rowsKey{}).([]permission)
	return rows[slices.IndexFunc(rows, func(p permission) bool { return p.part == part })]
}

// permits refuses a caller who may not make the present call; nil for one who may. It is for what is not hidden.
func (a *API) permits(ctx context.Context, part string, has relations, fields ...ProblemField) error {
	row := rowOf(ctx, part)
	if row.verdict(has) == allowed {
		return nil
	}
	return newProblem(kindForbidden(), row.refusal, fields...)
}

// sought is something that is kept in the ledger, and that its workflow knows.
type sought[T any] struct {
	ledger, temporal func(context.Context) (T, error)
	// has is what the caller is to it.
	has func(T) relations
}

// find returns what the caller may do the present call to. The error is none where there is no such thing for this caller: a 404, a 403, or why
// that cannot be known now. The thing comes with a 403 as well.
//
// What the ledger does not show to this caller Temporal is asked for, which may know more. So what is hidden costs the same questions as what never
// was, and has the same answers, also while the ledger or Temporal is unavailable.
func find[T any](ctx context.Context, a *API, s sought[T], none *Problem) (T, error) {
	row := rowOf(ctx, "")
	var nothing T
	kept, err := s.ledger(ctx)
	known := unseen
	if err == nil {
		known = row.verdict(s.has(kept))
	} else if !access.IsKind(err, access.NotFound) {
		a.logged(ctx, err)
	}
	if known == allowed {
		return kept, nil
	}
	running, runningErr := s.temporal(ctx)
	if runningErr == nil {
		switch row.verdict(s.has(running)) {
		case allowed:
			return running, nil
		case forbidden:
			kept, known = running, forbidden
		case unseen:
		}
	}
	switch {
	case known == forbidden:
		return kept, newProblem(kindForbidden(), row.refusal)
	case err != nil && !access.IsKind(err, access.NotFound):
		// Only the ledger could know, and it is away.
		return nothing, a.failed(ctx, err)
	case runningErr == nil, access.IsKind(runningErr, access.NotFound):
		return nothing, none
	case err == nil && a.deps.Gateway.Ready(ctx) == nil:
		// The ledger hides it, and of what never was Temporal would have said so without a worker.
		return nothing, none
	}
	return nothing, a.failed(ctx, runningErr)
}

// request returns a request to a caller who may make the present call; see find.
func (a *API) request(ctx context.Context, id access.RequestID) (access.RequestView, error) {
	if !access.ValidRequestID(string(id)) {
		return access.RequestView{}, notFound(id)
	}
	caller, row := callerOf(ctx), rowOf(ctx, "")
	owned := sync.OnceValue(func() map[string]bool {
		// Without an answer the caller is no owner: the ledger is away, which is what the caller is told.
		owned, _ := a.ownedBy(ctx, caller)
		return owned
	})
	return find(ctx, a, sought[access.RequestView]{
		ledger: func(ctx context.Context) (access.RequestView, error) { return a.deps.Ledger.View(ctx, id) },
		temporal: func(ctx context.Context) (access.RequestView, error) {
			// Also for what never was, so that it costs what is hidden costs.
			owned()
			return a.deps.Gateway.View(ctx, id)
		},
		has: func(v access.RequestView) relations {
			has := a.toRequest(caller, v)
			if row.verdict(has) != allowed && asksForOwned(v, owned()) {
				has |= isOwner
			}
			return has
		},
	}, notFound(id))
}
