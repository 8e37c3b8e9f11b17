package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"usher/internal/access"
	"usher/starter/gateway"
)

// notTaken explains a message that the request did not take to a caller who may send it: with the decisions that came first, or with the outcome. A
// decision that is recorded already is answered as what it is: a repetition. d is the decision; its ID is "" for a withdrawal.
func (a *API) notTaken(ctx context.Context, view access.RequestView, d access.Decision, err error) (*seenOutput, error) {
	switch access.KindOf(err) {
	case access.Conflict, access.NotFound, access.Forbidden:
	case access.Transient, access.RateLimited, access.Invalid, access.Unknown:
		return nil, a.failed(ctx, err)
	}
	view = a.judged(ctx, view, err)
	if d.ID != "" && access.IsKind(err, access.Conflict) && view.State == access.StateEvaluating {
		return nil, unanswered()
	}
	for _, taken := range view.Decisions {
		if d.ID != "" && taken.ID == d.ID && taken.Verdict == d.Verdict {
			return &seenOutput{Body: view}, nil
		}
	}
	return nil, whyNot(view, d, err)
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
func (a *API) judged(ctx context.Context, view access.RequestView, err error) access.RequestView {
	var refused *gateway.RefusedError
	if errors.As(err, &refused) {
		if now, viewErr := a.deps.Gateway.View(ctx, view.Request.ID); viewErr == nil {
			return now
		}
	}
	return view
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
