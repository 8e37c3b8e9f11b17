package activities

import (
	"context"

	"usher/internal/access"
)

// Target are the activities over one system where access is granted. They run on that target's queue.
type Target struct{ Port access.Provisioner }

// Grant makes the subject hold the role, and gives the proof that was read back.
func (a *Target) Grant(ctx context.Context, c access.Assignment) (access.Proof, error) {
	proof, err := a.Port.Grant(ctx, c)
	return proof, translate(err)
}

// Revoke makes the subject not hold the role, and gives the proof that was read back.
func (a *Target) Revoke(ctx context.Context, c access.Assignment) (access.Proof, error) {
	proof, err := a.Port.Revoke(ctx, c)
	return proof, translate(err)
}

// Verify reads whether the subject holds the role.
func (a *Target) Verify(ctx context.Context, c access.Assignment) (access.Proof, error) {
	proof, err := a.Port.Verify(ctx, c)
	return proof, translate(err)
}

// CheckTarget asks the target whether usher can work with it.
func (a *Target) CheckTarget(ctx context.Context) (CheckResult, error) { return check(ctx, a.Port) }
