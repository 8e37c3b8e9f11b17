package activities

import (
	"context"
	"slices"

	"usher/internal/access"
)

// GiveBackInput names access that its holder no longer needs.
type GiveBackInput struct {
	Subject      access.PersonID        `json:"subject"`
	Entitlements []access.EntitlementID `json:"entitlements"`
	// Leases are those that the ticket gives back, once it is known: what was granted later is no part of it. Empty the first time.
	Leases []access.LeaseID `json:"leases,omitempty"`
	// Reason is for the audit trail: who gave it back, and where. Revision is the least that the messages have.
	Reason   string `json:"reason"`
	Revision int    `json:"revision"`
	// The others name the workflow that holds the subject's leases, and its message.
	WorkflowID   string `json:"workflow_id"`
	WorkflowType string `json:"workflow_type"`
	TaskQueue    string `json:"task_queue"`
	Signal       string `json:"signal"`
}

// GiveBackResult is where the access stands. Nothing is given back where NotHeld or Open name something.
type GiveBackResult struct {
	// Leases are those that are given back; Ending is how many of them have not ended yet.
	Leases []access.LeaseID `json:"leases,omitempty"`
	Ending int              `json:"ending,omitempty"`
	// NotHeld are those that are not held.
	NotHeld []access.EntitlementID `json:"not_held,omitempty"`
	// Open are leases whose request still runs, and decides about them.
	Open []OpenLease `json:"open,omitempty"`
	// Held are all entitlements that the subject holds.
	Held []access.EntitlementID `json:"held,omitempty"`
}

// OpenLease is a lease whose request has not ended.
type OpenLease struct {
	Entitlement access.EntitlementID `json:"entitlement"`
	Request     access.RequestID     `json:"request"`
}

// maxHeld is how many leases of a person are looked at.
const maxHeld = 200

// GiveBack has the workflow of a person end the leases of some entitlements, and returns how many of them have not ended yet. Safe to
// repeat: a lease that ends already is left alone.
func (a *Records) GiveBack(ctx context.Context, c GiveBackInput) (GiveBackResult, error) {
	live, err := a.heldBy(ctx, c.Subject)
	if err != nil {
		return GiveBackResult{}, translate(err)
	}
	done := GiveBackResult{Leases: c.Leases}
	if len(c.Leases) == 0 {
		if done, err = a.toGiveBack(ctx, c, live); err != nil || len(done.Open) > 0 || len(done.NotHeld) > 0 {
			return done, err
		}
	}
	ending := slices.DeleteFunc(live, func(l access.LeaseView) bool { return !slices.Contains(done.Leases, l.Lease.ID) })
	done.Ending = len(ending)
	return done, a.endLeases(ctx, c, ending)
}

// toGiveBack finds the leases of the entitlements that are given back, and what speaks against that.
func (a *Records) toGiveBack(ctx context.Context, c GiveBackInput, live []access.LeaseView) (GiveBackResult, error) {
	var done GiveBackResult
	for _, l := range live {
		if !slices.Contains(done.Held, l.Lease.Entitlement) {
			done.Held = append(done.Held, l.Lease.Entitlement)
		}
		if !slices.Contains(c.Entitlements, l.Lease.Entitlement) {
			continue
		}
		runs, err := a.runs(ctx, l.Lease.Request)
		switch {
		case err != nil:
			return GiveBackResult{}, translate(err)
		case runs:
			done.Open = append(done.Open, OpenLease{Entitlement: l.Lease.Entitlement, Request: l.Lease.Request})
		}
		done.Leases = append(done.Leases, l.Lease.ID)
	}
	for _, entitlement := range c.Entitlements {
		if !slices.Contains(done.Held, entitlement) {
			done.NotHeld = append(done.NotHeld, entitlement)
		}
	}
	return done, nil
}

// runs reports whether a request has not ended.
func (a *Records) runs(ctx context.Context, id access.RequestID) (bool, error) {
	view, err := a.Ledger.View(ctx, id)
	if access.IsKind(err, access.NotFound) {
		return false, nil
	}
	return err == nil && !view.State.Ended(), err
}

// heldBy returns the leases of a person that have not ended.
func (a *Records) heldBy(ctx context.Context, subject access.PersonID) ([]access.LeaseView, error) {
	var all []access.LeaseView
	for after := access.LeaseID(""); ; {
		page, err := a.Ledger.LiveLeases(ctx, subject, after, maxHeld)
		if all = append(all, page...); err != nil || len(page) < maxHeld {
			return all, err
		}
		after = page[len(page)-1].Lease.ID
	}
}

// endLeases has leases end that shall be there.
func (a *Records) endLeases(ctx context.Context, c GiveBackInput, leases []access.LeaseView) error {
	for _, l := range leases {
		if l.DesiredState == access.Absent || l.State == access.LeaseRevoking {
			continue
		}
		message := ApplyLeaseMessage{
			WorkflowID: c.WorkflowID, WorkflowType: c.WorkflowType, TaskQueue: c.TaskQueue, Signal: c.Signal,
			Spec: access.LeaseSpec{
				Lease: l.Lease, Revision: max(l.Revision+1, c.Revision), DesiredState: access.Absent, Reason: c.Reason,
			},
		}
		if err := message.send(ctx, a.Client); err != nil {
			return undeliverable(err)
		}
	}
	return nil
}

// FindSameResult is a request that asks for the same; Request is "" for none.
type FindSameResult struct {
	Request access.RequestID `json:"request,omitempty"`
	Ticket  access.TicketKey `json:"ticket,omitempty"`
}

// FindSame returns the oldest open request by the same requester for the same subject that asks for all that a request asks for, and
// for as long. It changes nothing.
func (a *Records) FindSame(ctx context.Context, r access.Request) (FindSameResult, error) {
	open, err := a.Ledger.OpenRequests(ctx, r.Requester, r.Subject)
	if err != nil {
		return FindSameResult{}, translate(err)
	}
	for _, view := range open {
		if view.Request.ID == r.ID || !asksForAll(view.Request, r.Items) {
			continue
		}
		found := FindSameResult{Request: view.Request.ID}
		if view.Ticket != nil {
			found.Ticket = view.Ticket.Key
		}
		return found, nil
	}
	return FindSameResult{}, nil
}

func asksForAll(r access.Request, items []access.Item) bool {
	for _, item := range items {
		same := func(i access.Item) bool { return i.Entitlement == item.Entitlement && i.Duration == item.Duration }
		if !slices.ContainsFunc(r.Items, same) {
			return false
		}
	}
	return true
}
