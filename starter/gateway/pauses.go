package gateway

import (
	"context"
	"errors"

	"usher/internal/access"
	"usher/workflows"
)

const opPause = "pause or resume work on targets"

// PauseReceipt is the answer to Pause.
type PauseReceipt struct {
	// Pause is what is recorded, or only what was asked while it is Pending.
	Pause access.Pause
	// Now is all that is paused after it; nil while it is Pending.
	Now []access.Pause
	// Created is true for the call that paused or resumed; false for a repeated one.
	Created bool
	// Pending is true while it is safe with Temporal, but not known to be recorded.
	Pending bool
}

// Pause pauses work on targets, or resumes it, and waits until that is recorded, no longer than Config.CallTimeout. The same id with the same call is
// the same pause; with another one it is *RefusedError, Invalid, as is a target that the worker does not know. Conflict: an operator has stopped it.
// Transient: it may or may not have been taken; repeating it is safe.
func (g *Gateway) Pause(ctx context.Context, p access.Pause) (PauseReceipt, error) {
	var result workflows.PauseResult
	pending, err := g.recorded(ctx, recording{opPause, workflows.TargetPauseType, p}, workflows.PauseOptions(p), &result)
	switch {
	case errors.Is(err, errUsed) || result.Kind == access.Conflict:
		return PauseReceipt{}, usedForAnotherCall(opPause, "pause or resume")
	case err != nil:
		return PauseReceipt{}, err
	case pending:
		return PauseReceipt{Pause: p, Pending: true}, nil
	}
	if err := unchanged(opPause, "Nothing was paused or resumed.", result.Kind, result.Refusals); err != nil {
		return PauseReceipt{}, err
	}
	return PauseReceipt{Pause: result.Pause, Now: result.Now, Created: result.Asked.Equal(p.At)}, nil
}
