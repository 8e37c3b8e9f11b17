package activities

import (
	"context"
	"slices"
	"time"

	"go.temporal.io/sdk/client"

	"usher/internal/access"
)

// Revocations are what the activities need of the ledger about access that was taken back before its time.
type Revocations interface {
	SaveRevocation(ctx context.Context, r access.Revocation, events []access.Event) (access.Revocation, error)
	RevocationsOf(ctx context.Context, subject access.PersonID) ([]access.Revocation, error)
	RevokedSubjects(ctx context.Context, people ...access.PersonID) ([]access.PersonID, error)
	SubmittedAt(ctx context.Context, requests ...access.RequestID) (map[access.RequestID]time.Time, error)
}

// RevokeAccessInput is what is taken back, and the workflow that holds the person's leases, in the workflows' spelling.
type RevokeAccessInput struct {
	Revocation   access.Revocation `json:"revocation"`
	WorkflowID   string            `json:"workflow_id"`
	WorkflowType string            `json:"workflow_type"`
	TaskQueue    string            `json:"task_queue"`
	Signal       string            `json:"signal"`
}

// RevokeAccessResult is the revocation that is recorded under its id, or why nothing was recorded.
type RevokeAccessResult struct {
	Revocation access.Revocation `json:"revocation,omitzero"`
	Kind       access.Kind       `json:"kind,omitempty"`
	Problem    string            `json:"problem,omitempty"`
}

// RevokeAccess records a revocation, with an event for each lease that it covers now, and only then notifies the workflow that holds the person's
// leases, which is started where it does not run. Safe to repeat: the first record stays, and the notice is a hint.
func (a *Records) RevokeAccess(ctx context.Context, c RevokeAccessInput) (RevokeAccessResult, error) {
	r := c.Revocation
	live, err := a.allLiveLeases(ctx, r.Subject)
	if err != nil {
		return RevokeAccessResult{}, translate(refusal(err))
	}
	covered, err := revokedOf(ctx, a.Ledger, []access.Revocation{r}, heldLeases(live))
	if err != nil {
		return RevokeAccessResult{}, translate(refusal(err))
	}
	var events []access.Event
	r.Leases = nil
	for _, one := range covered {
		i := slices.IndexFunc(live, func(v access.LeaseView) bool { return v.Lease.ID == one.Lease })
		r.Leases = append(r.Leases, one.Lease)
		events = append(events, r.Event(live[i].Lease))
	}
	kept, err := a.Ledger.SaveRevocation(ctx, r, events)
	switch kind := access.KindOf(err); {
	case kind == access.Invalid || kind == access.Conflict:
		return RevokeAccessResult{Kind: kind, Problem: err.Error()}, nil
	case err != nil:
		return RevokeAccessResult{}, translate(refusal(err))
	}
	if err := c.notify(ctx, a.Client); err != nil {
		return RevokeAccessResult{}, undeliverable(err)
	}
	return RevokeAccessResult{Revocation: kept}, nil
}

// notify notifies the workflow that holds the person's leases, and starts it where it does not run.
func (c RevokeAccessInput) notify(ctx context.Context, to Messenger) error {
	subject := c.Revocation.Subject
	notice := access.RevocationNotice{Revocation: c.Revocation.ID}
	_, err := to.SignalWithStartWorkflow(ctx, c.WorkflowID, c.Signal, notice, client.StartWorkflowOptions{
		ID: c.WorkflowID, TaskQueue: c.TaskQueue, StaticSummary: accessOf(string(subject)), TypedSearchAttributes: subjectAttribute(subject),
	}, c.WorkflowType, subjectParams{Subject: subject})
	return err
}

// HeldLease is what is asked about one lease.
type HeldLease struct {
	Lease       access.LeaseID       `json:"lease"`
	Request     access.RequestID     `json:"request"`
	Entitlement access.EntitlementID `json:"entitlement"`
	GrantedAt   *time.Time           `json:"granted_at,omitempty"`
}

func heldLeases(views []access.LeaseView) []HeldLease {
	held := make([]HeldLease, len(views))
	for i, v := range views {
		held[i] = HeldLease{Lease: v.Lease.ID, Request: v.Lease.Request, Entitlement: v.Lease.Entitlement, GrantedAt: v.GrantedAt}
	}
	return held
}

// revokedOf returns those of some leases of a person that some revocations of that person take back, in the order of the leases.
func revokedOf(ctx context.Context, ledger Revocations, revocations []access.Revocation, leases []HeldLease) ([]access.RevokedLease, error) {
	if len(revocations) == 0 || len(leases) == 0 {
		return nil, nil
	}
	requests := make([]access.RequestID, len(leases))
	for i, l := range leases {
		requests[i] = l.Request
	}
	submitted, err := ledger.SubmittedAt(ctx, requests...)
	if err != nil {
		return nil, err
	}
	var revoked []access.RevokedLease
	for _, l := range leases {
		asked := access.Asked{Lease: l.Lease, Entitlement: l.Entitlement, SubmittedAt: submitted[l.Request], GrantedAt: l.GrantedAt}
		if one, covered := access.RevokedBy(revocations, asked); covered {
			revoked = append(revoked, one)
		}
	}
	return revoked, nil
}

// ReadRevokedInput asks which of some leases of a person were revoked.
type ReadRevokedInput struct {
	Subject access.PersonID `json:"subject"`
	Leases  []HeldLease     `json:"leases"`
}

// ReadRevokedResult are those that were, and the targets on which they end first, in their order.
type ReadRevokedResult struct {
	Leases []access.RevokedLease `json:"leases,omitempty"`
	Order  []access.TargetName   `json:"order,omitempty"`
}

// ReadRevoked asks the ledger which of some leases of a person were revoked. It changes nothing.
func (a *Records) ReadRevoked(ctx context.Context, c ReadRevokedInput) (ReadRevokedResult, error) {
	revocations, err := a.Ledger.RevocationsOf(ctx, c.Subject)
	if err != nil {
		return ReadRevokedResult{}, translate(err)
	}
	revoked, err := revokedOf(ctx, a.Ledger, revocations, c.Leases)
	if err != nil || len(revoked) == 0 {
		return ReadRevokedResult{}, translate(err)
	}
	return ReadRevokedResult{Leases: revoked, Order: a.LeaveOrder}, nil
}

// allLiveLeases returns the leases of a person that have not ended.
func (a *Records) allLiveLeases(ctx context.Context, subject access.PersonID) ([]access.LeaseView, error) {
	const atOnce = 200
	var live []access.LeaseView
	for after := access.LeaseID(""); ; {
		page, err := a.Ledger.LiveLeases(ctx, subject, after, atOnce)
		if err != nil {
			return nil, err
		}
		if live = append(live, page...); len(page) < atOnce {
			return live, nil
		}
		after = page[len(page)-1].Lease.ID
	}
}

// unended returns a revocation of a person that takes back a lease which has not begun to end, by the ledger's record; nil for none. The workflow that
// holds the lease has not heard of it.
func (a *Records) unended(ctx context.Context, subject access.PersonID) (*access.Revocation, error) {
	revocations, err := a.Ledger.RevocationsOf(ctx, subject)
	if err != nil {
		return nil, err
	}
	live, err := a.allLiveLeases(ctx, subject)
	if err != nil {
		return nil, err
	}
	live = slices.DeleteFunc(live, func(v access.LeaseView) bool {
		return v.DesiredState == access.Absent || v.State == access.LeaseRevoking
	})
	revoked, err := revokedOf(ctx, a.Ledger, revocations, heldLeases(live))
	if err != nil || len(revoked) == 0 {
		return nil, err
	}
	i := slices.IndexFunc(revocations, func(r access.Revocation) bool { return r.ID == revoked[0].Revocation })
	return &revocations[i], nil
}
