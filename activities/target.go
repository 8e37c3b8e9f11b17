package activities

import (
	"context"

	"usher/internal/access"
)

// Target are the activities over one system where access is granted. They run on that target's queue.
type Target struct {
	Port access.Provisioner
	// Ledger is nil on a worker at the edge, which does not know the database.
	Ledger LedgerStore
}

// GrantCall asks for one subject's hold of one role.
type GrantCall struct {
	Assignment access.Assignment `json:"assignment"`
	// Recall names what the ledger is to be asked first; nil when the workflow has asked it.
	Recall *RecallCall `json:"recall,omitempty"`
}

// GrantAnswer is what came of it: a proof, or why nothing was granted.
type GrantAnswer struct {
	Proof access.Proof `json:"proof,omitzero"`
	// Remembered is what the ledger holds against the grant: nothing was granted. nil otherwise.
	Remembered *Remembered `json:"remembered,omitempty"`
	// Unasked is true when this worker cannot ask the ledger: nothing was granted.
	Unasked bool `json:"unasked,omitempty"`
}

// Grant asks the ledger whether anything stands against it, and then makes the subject hold the role and gives the proof
// that was read back. The question and the grant are next to each other, so that nothing comes between them.
func (a *Target) Grant(ctx context.Context, c GrantCall) (GrantAnswer, error) {
	if c.Recall != nil {
		if a.Ledger == nil {
			return GrantAnswer{Unasked: true}, nil
		}
		known, err := recall(ctx, a.Ledger, *c.Recall)
		if err != nil {
			return GrantAnswer{}, translate(err)
		}
		if known.Forbids() {
			return GrantAnswer{Remembered: &known}, nil
		}
	}
	proof, err := a.Port.Grant(ctx, c.Assignment)
	return GrantAnswer{Proof: proof}, translate(err)
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
