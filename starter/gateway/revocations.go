package gateway

import (
	"context"
	"errors"

	"usher/internal/access"
	"usher/workflows"
)

const opRevoke = "take access back"

// RevocationReceipt is the answer to Revoke.
type RevocationReceipt struct {
	// Revocation is what is recorded, or only what was asked while it is Pending.
	Revocation access.Revocation
	// Created is true for the call that took the access back; false for a repeated one.
	Created bool
	// Pending is true while it is safe with Temporal, but not known to be recorded and notified.
	Pending bool
}

// Revoke takes access back, and waits until that is recorded and the person's workflow is notified, no longer than Config.CallTimeout. The same id with
// the same call is the same revocation; with another one it is *RefusedError, Invalid. Conflict: an operator has stopped it. Transient: it may or may
// not have been taken; repeating it is safe.
func (g *Gateway) Revoke(ctx context.Context, r access.Revocation) (RevocationReceipt, error) {
	options := workflows.RevocationOptions(r)
	err := g.startRun(ctx, opRevoke, options, workflows.LeaseRevocationType, r)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return RevocationReceipt{}, usedForAnotherRevocation()
	case err != nil:
		return RevocationReceipt{}, err
	}
	var result workflows.RevocationResult
	err = g.resultOf(ctx, opRevoke, options.ID, &result)
	switch {
	case access.IsKind(err, access.Transient) || access.IsKind(err, access.RateLimited):
		return RevocationReceipt{Revocation: r, Pending: true}, nil
	case err != nil:
		return RevocationReceipt{}, err
	case result.Kind == access.Conflict:
		return RevocationReceipt{}, usedForAnotherRevocation()
	case result.Kind != "":
		return RevocationReceipt{}, &RefusedError{Op: opRevoke, Kind: result.Kind, Message: result.Problem}
	}
	return RevocationReceipt{Revocation: result.Revocation, Created: result.Revocation.At.Equal(r.At)}, nil
}

// usedForAnotherRevocation shows nothing of the other revocation.
func usedForAnotherRevocation() *RefusedError {
	return &RefusedError{
		Op: opRevoke, Kind: access.Invalid, Message: "The id or Idempotency-Key was used for another revocation.",
		Refusals: []access.Refusal{{
			Field: "id", Problem: "this id or Idempotency-Key was used for another revocation; expected a new one, or the same call word for word",
		}},
	}
}
