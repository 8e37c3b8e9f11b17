package activities

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"usher/internal/access"
)

// Target are the activities over one system where access is granted. They run on that target's queue.
type Target struct {
	Port access.Provisioner
	// Ledger is nil on a worker at the edge, which does not know the database.
	Ledger LedgerStore
	// Source is where people are looked up; "" for none. The standing that it has led to is evidence.
	Source access.SourceName
}

// GrantInput asks for one subject's hold of one role.
type GrantInput struct {
	Assignment access.Assignment `json:"assignment"`
	// Record names what the ledger is asked first; nil when the workflow has asked it.
	Record *ReadLeaseRecordInput `json:"record,omitempty"`
	// First is what the ledger is told before the first call that may change something: the lease as it is being granted. The
	// ledger is not told again what it knows.
	First access.LeaseView `json:"first"`
	// Before asks whether the access exists before usher's first call; false when another lease has the same access already.
	Before bool `json:"before,omitempty"`
}

// GrantResult is what came of it: a verification, or why nothing was granted.
type GrantResult struct {
	Verification access.Verification `json:"verification,omitzero"`
	// Existing is true when the subject held the role before usher's first call.
	Existing bool `json:"existing,omitempty"`
	// Record is what the ledger holds against the grant, or that grants are paused: nothing was granted. nil otherwise.
	Record *LeaseRecord `json:"record,omitempty"`
	// Unread is true when this worker cannot ask the ledger: nothing was granted.
	Unread bool `json:"unread,omitempty"`
}

// Grant asks the ledger whether the request's record allows the grant and nobody has paused grants, reads whether the access exists already, has the
// ledger remember that, and then makes the subject hold the role and returns the verification that was read back. Question and
// grant stand next to each other, so that nothing comes between them. Safe to repeat.
func (a *Target) Grant(ctx context.Context, c GrantInput) (GrantResult, error) {
	ctx = fenced(ctx)
	var result GrantResult
	if a.Ledger == nil && (c.Record != nil || c.Before) {
		return GrantResult{Unread: true}, nil
	}
	if c.Record != nil {
		known, err := readLeaseRecord(ctx, a.Ledger, a.Source, *c.Record)
		if err != nil {
			return GrantResult{}, translate(err)
		}
		row := known.Lease
		if known.Paused != "" {
			return GrantResult{Record: known.later()}, nil
		}
		if known.Evidence != EvidenceApproved || (row != nil && row.State != access.LeaseGranting) {
			return GrantResult{Record: &known}, nil
		}
		if row != nil {
			// An earlier attempt has read what was there before.
			result.Existing = row.Existing
			c.Assignment.Account = cmp.Or(c.Assignment.Account, row.Account)
			c.Assignment.RoleID = cmp.Or(c.Assignment.RoleID, row.RoleID)
		} else if err := a.first(ctx, &c, &result); err != nil {
			return GrantResult{}, translate(err)
		}
	} else if known, err := a.firstUnlessPaused(ctx, &c, &result); err != nil || known != nil {
		return GrantResult{Record: known}, translate(err)
	}
	verification, err := a.Port.Grant(ctx, c.Assignment)
	result.Verification = verification
	return result, translate(err)
}

// first reads what is there before usher's first call, and has the ledger remember it: a later attempt cannot tell its own
// access from what was there.
func (a *Target) first(ctx context.Context, c *GrantInput, result *GrantResult) error {
	if c.Before {
		before, err := a.Port.Verify(ctx, c.Assignment)
		if err != nil && !access.IsKind(err, access.NotFound) {
			return err
		}
		c.Assignment.Account, c.Assignment.RoleID = before.Account, before.RoleID
		// Whoever takes the access away asks by these ids, also when the answer to the grant is lost.
		c.First.Account, c.First.RoleID = before.Account, before.RoleID
		result.Existing, c.First.Existing = before.Present, before.Present
	}
	if a.Ledger == nil {
		return nil
	}
	return a.Ledger.Record(ctx, access.Entry{Lease: &c.First})
}

// firstUnlessPaused is first where the workflow has asked the ledger in the step before: that grants are paused is asked by each attempt. It returns
// what the ledger knows where they are.
func (a *Target) firstUnlessPaused(ctx context.Context, c *GrantInput, result *GrantResult) (*LeaseRecord, error) {
	if a.Ledger != nil {
		if known, err := pausedGrant(ctx, a.Ledger, c.First); err != nil || known != nil {
			return known, err
		}
	}
	return nil, a.first(ctx, c, result)
}

// RevokeInput asks that a subject does not hold a role.
type RevokeInput struct {
	Assignment access.Assignment `json:"assignment"`
	Lease      access.LeaseID    `json:"lease"`
	Target     access.TargetName `json:"target"`
	// Ending are the subject's other leases on this role that end as well: they keep nothing, whatever the ledger has heard.
	Ending []access.LeaseID `json:"ending,omitempty"`
}

// RevokeResult is what came of it.
type RevokeResult struct {
	Verification access.Verification `json:"verification,omitzero"`
	// KeptBy is another lease of the subject that keeps the access: nothing was revoked. "" for none.
	KeptBy access.LeaseID `json:"kept_by,omitempty"`
	// Paused is who has paused revokes on the target, since when and why: nothing was revoked. "" for nobody.
	Paused string `json:"paused,omitempty"`
}

// Revoke asks the ledger whether another lease keeps the access and whether revokes are paused, and then makes the subject not hold the role and
// returns the verification that was read back. A ledger that does not answer stops no revoke. Safe to repeat.
func (a *Target) Revoke(ctx context.Context, c RevokeInput) (RevokeResult, error) {
	ctx = fenced(ctx)
	if a.Ledger != nil {
		binding := access.Binding{Target: c.Target, Role: c.Assignment.Role}
		asking, cancel := context.WithTimeout(ctx, alongWithin)
		holders, err := a.Ledger.Holders(asking, c.Assignment.Subject.ID, binding)
		cancel()
		for _, other := range holders {
			if err == nil && c.keptBy(other) {
				return RevokeResult{KeptBy: other.Lease.ID}, nil
			}
		}
		// It has a time of its own: a slow answer to the question above pauses nothing, and resumes nothing.
		asking, cancel = context.WithTimeout(ctx, alongWithin)
		defer cancel()
		if pause, err := a.Ledger.Paused(asking, access.PausedRevokes, c.Target); err == nil && pause != nil {
			// A workflow of an earlier build knows no pause. It must not take the access for gone.
			return RevokeResult{Paused: pause.Text(), Verification: access.Verification{Present: true}}, nil
		}
	}
	verification, err := a.Port.Revoke(ctx, c.Assignment)
	return RevokeResult{Verification: verification}, translate(err)
}

// keptBy reports whether another lease keeps the access.
func (c RevokeInput) keptBy(other access.LeaseView) bool {
	return other.Lease.ID != c.Lease && other.State == access.LeaseActive && other.DesiredState == access.Present &&
		!slices.Contains(c.Ending, other.Lease.ID)
}

// Verify reads whether the subject holds the role.
func (a *Target) Verify(ctx context.Context, c access.Assignment) (access.Verification, error) {
	verification, err := a.Port.Verify(ctx, c)
	return verification, translate(err)
}

// CheckTarget asks the target whether usher can work with it.
func (a *Target) CheckTarget(ctx context.Context) (CheckResult, error) { return check(ctx, a.Port) }

// clockMargin is how far the clocks of this worker and of Temporal's server may be apart.
const clockMargin = 2 * time.Second

// fenced returns a context after whose write deadline no call that changes something is sent. The server gives an attempt
// up at its timeout, counted from when it handed the attempt out; the SDK counts from when the worker began, so a worker that
// was frozen in between would go on with an attempt that another worker has made again.
func fenced(ctx context.Context) context.Context {
	if !activity.IsActivity(ctx) {
		return ctx
	}
	info := activity.GetInfo(ctx)
	return access.WithWriteDeadline(ctx, info.StartedTime.Add(info.StartToCloseTimeout-clockMargin))
}
