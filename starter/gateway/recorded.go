package gateway

import (
	"context"
	"errors"

	"go.temporal.io/sdk/client"

	"usher/internal/access"
)

// errUsed: the id was used for another call.
var errUsed = errors.New("the id was used for another call")

// recording is a call that a workflow of some type records. op names it in errors.
type recording struct {
	op, workflow string
	call         any
}

// recorded has a workflow record a call, once for its id, and reads the result, no longer than Config.CallTimeout. pending is true, and the result
// empty, while the call is safe with Temporal but not known to be recorded. Repeating it is safe. errUsed for an id of another call.
func (g *Gateway) recorded(ctx context.Context, r recording, options client.StartWorkflowOptions, result any) (pending bool, err error) {
	var refused *RefusedError
	switch err := g.startRun(ctx, r.op, options, r.workflow, r.call); {
	case errors.As(err, &refused):
		return false, errUsed
	case err != nil:
		return false, err
	}
	err = g.resultOf(ctx, r.op, options.ID, result)
	if access.IsKind(err, access.Transient) || access.IsKind(err, access.RateLimited) {
		return true, nil
	}
	return false, err
}

// usedForAnotherCall shows nothing of the other call. what names its kind.
func usedForAnotherCall(op, what string) *RefusedError {
	return &RefusedError{
		Op: op, Kind: access.Invalid, Message: "The id or Idempotency-Key was used for another " + what + ".",
		Refusals: []access.Refusal{{
			Field: "id", Problem: "this id or Idempotency-Key was used for another " + what + "; expected a new one, or the same call word for word",
		}},
	}
}
