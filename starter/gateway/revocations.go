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
	var result workflows.RevocationResult
	pending, err := g.recorded(ctx, recording{opRevoke, workflows.LeaseRevocationType, r}, workflows.RevocationOptions(r), &result)
	switch {
	case errors.Is(err, errUsed) || result.Kind == access.Conflict:
		return RevocationReceipt{}, usedForAnotherCall(opRevoke, "revocation")
	case err != nil:
		return RevocationReceipt{}, err
	case pending:
		return RevocationReceipt{Revocation: r, Pending: true}, nil
	case result.Kind != "":
		return RevocationReceipt{}, &RefusedError{Op: opRevoke, Kind: result.Kind, Message: result.Problem}
	}
	return RevocationReceipt{Revocation: result.Revocation, Created: result.Revocation.At.Equal(r.At)}, nil
}
