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
	// Ticket is what gives the access back, as LeaseSpec.GivenBack names it. Reason is for the audit trail.
	Ticket access.RequestID `json:"ticket"`
	Reason string           `json:"reason"`
	// Leases are GiveBackResult.Leases of the question before; empty for the first one.
	Leases []access.LeaseID `json:"leases,omitempty"`
	// Revision is the least that the messages have.
	Revision int `json:"revision"`
	// The others name the workflow that holds the subject's leases, and its message.
	WorkflowID   string `json:"workflow_id"`
	WorkflowType string `json:"workflow_type"`
	TaskQueue    string `json:"task_queue"`
	Signal       string `json:"signal"`
}

// GiveBackResult is where the access stands. Nothing more is given back where NotHeld or Open name something.
type GiveBackResult struct {
	// Leases are those that the ticket gives back; Ending is how many of them have not ended yet.
	Leases []access.LeaseID `json:"leases,omitempty"`
	Ending int              `json:"ending,omitempty"`
	// NotHeld are those entitlements that are not held.
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

// GiveBack has the workflow of a person end the leases of some entitlements, and returns how many of them have not ended yet. A ticket gives
// an entitlement back once: the ledger knows which leases it has ended, and what was granted later stays. So it is safe to repeat, also in
// another run.
func (a *Records) GiveBack(ctx context.Context, c GiveBackInput) (GiveBackResult, error) {
	leases, err := a.Ledger.LeasesOf(ctx, c.Subject)
	if err != nil {
		return GiveBackResult{}, translate(err)
	}
	given := map[access.EntitlementID]bool{}
	var done GiveBackResult
	var live []access.LeaseView
	for _, l := range leases {
		mine := l.GivenBack == c.Ticket || slices.Contains(c.Leases, l.Lease.ID)
		if mine {
			given[l.Lease.Entitlement] = true
			done.Leases = append(done.Leases, l.Lease.ID)
		}
		switch {
		case l.State == access.LeaseEnded:
		case mine:
			done.Ending++
		default:
			live = append(live, l)
		}
	}
	ending, err := a.toGiveBack(ctx, c, &done, live, given)
	if err != nil || len(done.Open) > 0 || len(done.NotHeld) > 0 {
		return done, translate(err)
	}
	for _, l := range ending {
		done.Leases = append(done.Leases, l.Lease.ID)
	}
	done.Ending += len(ending)
	return done, a.endLeases(ctx, c, ending)
}

// toGiveBack returns the leases that the ticket is still to end, and says what speaks against that. given are the entitlements of which it has
// ended leases before.
func (a *Records) toGiveBack(
	ctx context.Context, c GiveBackInput, done *GiveBackResult, live []access.LeaseView, given map[access.EntitlementID]bool,
) ([]access.LeaseView, error) {
	var ending []access.LeaseView
	for _, l := range live {
		if !slices.Contains(done.Held, l.Lease.Entitlement) {
			done.Held = append(done.Held, l.Lease.Entitlement)
		}
		if given[l.Lease.Entitlement] || !slices.Contains(c.Entitlements, l.Lease.Entitlement) {
			continue
		}
		runs, err := a.runs(ctx, l.Lease.Request)
		switch {
		case err != nil:
			return nil, err
		case runs:
			done.Open = append(done.Open, OpenLease{Entitlement: l.Lease.Entitlement, Request: l.Lease.Request})
		}
		ending = append(ending, l)
	}
	for _, entitlement := range c.Entitlements {
		if !given[entitlement] && !slices.Contains(done.Held, entitlement) {
			done.NotHeld = append(done.NotHeld, entitlement)
		}
	}
	return ending, nil
}

// runs reports whether a request has not ended.
func (a *Records) runs(ctx context.Context, id access.RequestID) (bool, error) {
	view, err := a.Ledger.View(ctx, id)
	if access.IsKind(err, access.NotFound) {
		return false, nil
	}
	return err == nil && !view.State.Ended(), err
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
				Lease: l.Lease, Revision: max(l.Revision+1, c.Revision), DesiredState: access.Absent,
				Reason: c.Reason, GivenBack: c.Ticket,
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

// FindSame returns the oldest open request by the same requester for the same subject that can still give all that a request asks for,
// for as long. It changes nothing.
func (a *Records) FindSame(ctx context.Context, r access.Request) (FindSameResult, error) {
	open, err := a.Ledger.OpenRequests(ctx, r.Requester, r.Subject)
	if err != nil {
		return FindSameResult{}, translate(err)
	}
	for _, view := range open {
		if view.Request.ID == r.ID || view.State == access.StateRevoking || !gives(view, r.Items) {
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

// gives reports whether a request asks for items, and none of them was decided against.
func gives(view access.RequestView, items []access.Item) bool {
	for _, item := range items {
		same := func(i access.Item) bool { return i.Entitlement == item.Entitlement && i.Duration == item.Duration }
		n := slices.IndexFunc(view.Request.Items, same)
		if n < 0 || against(view, view.Request.Items[n].ID) {
			return false
		}
	}
	return true
}

// against reports whether an item of a request will not be given. Before policy has answered nothing is known of it.
func against(view access.RequestView, id access.ItemID) bool {
	open := []access.ItemState{access.ItemPending, access.ItemApproved, access.ItemFulfilling, access.ItemGranted}
	return slices.ContainsFunc(view.Items, func(i access.ItemView) bool { return i.Item.ID == id && !slices.Contains(open, i.State) })
}
