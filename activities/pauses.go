package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
)

// Pauses are what the activities need of the ledger about work on targets that is paused.
type Pauses interface {
	SavePause(ctx context.Context, p access.Pause) (access.Pause, error)
	Pauses(ctx context.Context) ([]access.Pause, error)
	Paused(ctx context.Context, what access.PausedWork, target access.TargetName) (*access.Pause, error)
}

// PauseResult is the pause or the resume that is recorded under its id, or why nothing was recorded.
type PauseResult struct {
	Pause access.Pause `json:"pause,omitzero"`
	// Asked is when the call was made that had it recorded, by the clock of the API's host. The workflow sets it.
	Asked time.Time `json:"asked,omitzero"`
	// Now is all that is paused after it.
	// Now is all that is paused after it.
	Now []access.Pause `json:"now,omitempty"`
	// Kind is why nothing was recorded, and Refusals name the fields; "" where it was.
	Kind     access.Kind      `json:"kind,omitempty"`
	Refusals []access.Refusal `json:"refusals,omitempty"`
}

// PauseTarget records a pause or a resume. A target that this worker does not know is refused, unless something of it is paused, so that it can be
// resumed. Safe to repeat: the first record stays.
func (a *Records) PauseTarget(ctx context.Context, p access.Pause) (PauseResult, error) {
	if p.Target != "" && !slices.Contains(a.Targets, p.Target) {
		before, err := a.Ledger.Pauses(ctx)
		if err != nil {
			return PauseResult{}, translate(refusal(err))
		}
		if p.Paused || !slices.ContainsFunc(before, func(b access.Pause) bool { return b.Target == p.Target }) {
			return refusedPause(access.Invalid, "target", noSuchTarget(p.Target, a.Targets)), nil
		}
	}
	kept, err := a.Ledger.SavePause(ctx, p)
	switch kind := access.KindOf(err); {
	case kind == access.Conflict:
		return refusedPause(kind, "id", "it was used for another pause or resume"), nil
	case kind == access.Invalid:
		field, problem, _ := strings.Cut(p.Problem(), ": ")
		return refusedPause(kind, field, problem), nil
	case err != nil:
		return PauseResult{}, translate(refusal(err))
	}
	now, err := a.Ledger.Pauses(ctx)
	if err != nil {
		return PauseResult{}, translate(refusal(err))
	}
	return PauseResult{Pause: kept, Now: now}, nil
}

func refusedPause(kind access.Kind, field, problem string) PauseResult {
	return PauseResult{Kind: kind, Refusals: []access.Refusal{{Field: field, Problem: problem}}}
}

func noSuchTarget(name access.TargetName, there []access.TargetName) string {
	known := make([]string, len(there))
	for i, target := range there {
		known[i] = string(target)
	}
	return fmt.Sprintf("there is no target %q; there are: %s", name, strings.Join(known, ", "))
}

// readPause has a pause of grants on the target count, where nothing else speaks against the grant.
func (r *LeaseRecord) readPause(ctx context.Context, ledger Pauses, binding *access.Binding) error {
	if r.Evidence != EvidenceApproved || binding == nil {
		return nil
	}
	pause, err := ledger.Paused(ctx, access.PausedGrants, binding.Target)
	if err == nil && pause != nil {
		r.Paused = pause.Text()
	}
	return err
}

// pausedGrant returns what the ledger knows of a lease whose grant is paused; nil where it is not.
func pausedGrant(ctx context.Context, ledger LedgerStore, first access.LeaseView) (*LeaseRecord, error) {
	known := LeaseRecord{Evidence: EvidenceApproved}
	if err := known.readPause(ctx, ledger, first.Lease.Binding); err != nil || known.Paused == "" {
		return nil, err
	}
	// An earlier attempt may have granted it.
	lease, err := ledger.Lease(ctx, first.Lease.ID)
	switch {
	case err == nil:
		known.Lease = &lease
	case !access.IsKind(err, access.NotFound):
		return nil, err
	}
	return known.later(), nil
}

// later returns the record of a grant that is paused. A workflow of an earlier build knows no pause: it takes it for an approval that will come.
func (r LeaseRecord) later() *LeaseRecord {
	r.Evidence, r.Detail = EvidenceMissing, r.Paused
	return &r
}
