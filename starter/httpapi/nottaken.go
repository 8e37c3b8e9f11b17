package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"usher/internal/access"
	"usher/starter/gateway"
)

// notTaken explains a message that the request did not take. d is the decision; its ID is "" for a withdrawal.
//
// Who may read the request, or is one of its approvers, is told why, with the decisions that came first or with the
// outcome; a decision that is recorded already is answered as what it is: a repetition. Anybody else learns nothing that
// a request which does not exist would not tell. While policy has not answered nobody knows who its approvers are, so
// everybody is asked to try again.
func (a *API) notTaken(ctx context.Context, id access.RequestID, d access.Decision, err error) (*seenOutput, error) {
	switch access.KindOf(err) {
	case access.Conflict, access.NotFound, access.Forbidden:
	case access.Transient, access.RateLimited, access.Invalid, access.Unknown:
		return nil, a.failed(ctx, err)
	}
	view, hidden := a.explained(ctx, id, d, err)
	if hidden != nil {
		return nil, hidden
	}
	for _, taken := range view.Decisions {
		if d.ID != "" && taken.ID == d.ID && taken.Verdict == d.Verdict {
			return &seenOutput{Body: view}, nil
		}
	}
	return nil, whyNot(view, d, err)
}

// explained returns the request to somebody who may hear why; else the error is what everybody else is answered.
func (a *API) explained(ctx context.Context, id access.RequestID, d access.Decision, err error) (access.RequestView, error) {
	conflict := access.IsKind(err, access.Conflict)
	view, lookErr := a.judged(ctx, id, err)
	switch {
	case access.IsKind(lookErr, access.NotFound):
		return view, notFound(id)
	case lookErr != nil && conflict:
		return view, a.failed(ctx, err)
	case lookErr != nil:
		return view, a.failed(ctx, lookErr)
	case d.ID != "" && conflict && view.State == access.StateEvaluating:
		return view, unanswered()
	case !a.mayHear(callerOf(ctx), view, d, err):
		return view, notFound(id)
	}
	return view, nil
}

// whyNot is the reason, the outcome where the request has ended, and what was decided before.
func whyNot(view access.RequestView, d access.Decision, err error) *Problem {
	problem := problemOf(err)
	if view.State.Ended() {
		problem = newProblem(kindEnded(), fmt.Sprintf("The request has already ended: %s.", view.State))
		problem.Outcome, problem.EndedAt = view.State, view.EndedAt
	}
	if d.ID != "" && !access.IsKind(err, access.Forbidden) {
		problem.Decisions = about(view.Decisions, d.Items)
	}
	return problem
}

// judged returns the request that a refusal is about. A workflow that has judged knows more than the ledger, which may be
// behind it.
func (a *API) judged(ctx context.Context, id access.RequestID, err error) (access.RequestView, error) {
	var refused *gateway.RefusedError
	if errors.As(err, &refused) {
		if view, viewErr := a.deps.Gateway.View(ctx, id); viewErr == nil {
			return view, nil
		}
	}
	return a.look(ctx, id)
}

// mayHear reports whether the caller may hear why a message was not taken: who may read the request and, of a decision,
// who is one of the approvers, by the requirement or by the workflow's own word.
func (a *API) mayHear(caller Caller, view access.RequestView, d access.Decision, err error) bool {
	if a.mayRead(caller, view) {
		return true
	}
	if d.ID == "" {
		return false
	}
	var refused *gateway.RefusedError
	known := errors.As(err, &refused) && refused.Kind == access.Conflict &&
		slices.ContainsFunc(refused.Refusals, func(r access.Refusal) bool { return r.Field == "by" })
	return known || slices.Contains(view.Approvers, caller.Person)
}

// unanswered is the answer while it is not known who decides.
func unanswered() *Problem {
	return newProblem(kindConflict(), "policy has not answered yet; try again").with("Retry-After", "1")
}

// about are the decisions on any of some items; all where no item is named.
func about(all []access.Decision, items []access.ItemID) []access.Decision {
	return slices.DeleteFunc(slices.Clone(all), func(d access.Decision) bool {
		return len(items) > 0 && !slices.ContainsFunc(items, func(id access.ItemID) bool { return slices.Contains(d.Items, id) })
	})
}
