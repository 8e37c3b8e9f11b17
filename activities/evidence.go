package activities

import (
	"bytes"
	"context"
	"encoding/json"

	"usher/internal/access"
)

// ReadLeaseRecordInput asks what the ledger knows of a lease, and whether it speaks for a grant.
type ReadLeaseRecordInput struct {
	Lease       access.LeaseID       `json:"lease"`
	Request     access.RequestID     `json:"request"`
	Item        access.ItemID        `json:"item"`
	Subject     access.PersonID      `json:"subject"`
	Entitlement access.EntitlementID `json:"entitlement"`
	// Binding is nil for an entitlement whose target usher cannot read.
	Binding *access.Binding `json:"binding,omitempty"`
	// Revision is that of the message that asks for the lease.
	Revision int `json:"revision,omitempty"`
}

// LeaseRecord is what the ledger knows.
type LeaseRecord struct {
	// Lease is the lease's own record; nil for none.
	Lease *access.LeaseView `json:"lease,omitempty"`
	// Evidence reports whether the request's record allows the grant.
	Evidence Evidence `json:"evidence"`
	// Kept is true when the request has ended and keeps this item's access.
	Kept bool `json:"kept,omitempty"`
	// Detail is the reason for anything but EvidenceApproved.
	Detail string `json:"detail,omitempty"`
	// Left is true when the subject's standing speaks against the grant, whatever the request's record says.
	Left bool `json:"left,omitempty"`
	// Revoked is the revocation that speaks against the grant, whatever the request's record says; nil for none.
	Revoked *access.RevokedLease `json:"revoked,omitempty"`
	// Paused is who has paused grants on the target, since when and why: nothing is granted now, though the record allows it. "" for nobody.
	Paused string `json:"paused,omitempty"`
}

// Evidence reports whether the ledger speaks for a grant.
type Evidence string

// The kinds of evidence.
const (
	// EvidenceApproved: the request holds this item as approved, for this subject, entitlement and binding.
	EvidenceApproved Evidence = "approved"
	// EvidenceMissing: the ledger does not know the request, or the item is not approved yet. It may be so later.
	EvidenceMissing Evidence = "missing"
	// EvidenceAgainst: the request has ended without this item, or says something else than the message; or the subject has left; or the access
	// was taken back since the request was submitted.
	EvidenceAgainst Evidence = "against"
)

// ReadLeaseRecord reads what the ledger knows of a lease. It changes nothing.
func (a *Records) ReadLeaseRecord(ctx context.Context, q ReadLeaseRecordInput) (LeaseRecord, error) {
	known, err := readLeaseRecord(ctx, a.Ledger, a.Source, q)
	return known, translate(err)
}

// readLeaseRecord returns what the ledger knows of a lease. Revocations and the subject's standing are read after the request's record, and count
// more than whatever that says. Whether grants are paused is read last: it says nothing about what is wanted.
func readLeaseRecord(ctx context.Context, ledger LedgerStore, source access.SourceName, q ReadLeaseRecordInput) (LeaseRecord, error) {
	known, err := readRequestRecord(ctx, ledger, q)
	if err != nil {
		return LeaseRecord{}, err
	}
	if err := known.readRevocations(ctx, ledger, q); err != nil {
		return LeaseRecord{}, err
	}
	standing, err := standingOf(ctx, ledger, source, q.Subject)
	if err != nil {
		return LeaseRecord{}, err
	}
	if standing != nil {
		if why := standing.Against(q.Revision); why != "" {
			known.Evidence, known.Detail, known.Left = EvidenceAgainst, why, true
		}
	}
	return known, known.readPause(ctx, ledger, q.Binding)
}

// readRevocations has the revocations of the subject count. A request that nobody knows is waited for, as ever: only then is it known when the access
// was asked for.
func (r *LeaseRecord) readRevocations(ctx context.Context, ledger Revocations, q ReadLeaseRecordInput) error {
	revocations, err := ledger.RevocationsOf(ctx, q.Subject)
	if err != nil {
		return err
	}
	held := HeldLease{Lease: q.Lease, Request: q.Request, Entitlement: q.Entitlement}
	if r.Lease != nil {
		held.GrantedAt = r.Lease.GrantedAt
	}
	revoked, err := revokedOf(ctx, ledger, revocations, []HeldLease{held})
	if err != nil || len(revoked) == 0 {
		return err
	}
	r.Evidence, r.Detail, r.Revoked = EvidenceAgainst, revoked[0].Reason, &revoked[0]
	return nil
}

// standingOf returns the standing of a person of a source; nil where no source is named, or the ledger has none.
func standingOf(ctx context.Context, ledger LedgerStore, source access.SourceName, id access.PersonID) (*access.Standing, error) {
	if source == "" {
		return nil, nil
	}
	found, err := ledger.Standings(ctx, source, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// readRequestRecord returns what the records of the lease and of its request say.
func readRequestRecord(ctx context.Context, ledger LedgerStore, q ReadLeaseRecordInput) (LeaseRecord, error) {
	var known LeaseRecord
	lease, err := ledger.Lease(ctx, q.Lease)
	switch {
	case err == nil && lease.Lease.Subject.ID != q.Subject:
		return LeaseRecord{Evidence: EvidenceAgainst, Detail: "the lease is another subject's"}, nil
	case err == nil:
		known.Lease = &lease
	case !access.IsKind(err, access.NotFound):
		return LeaseRecord{}, err
	}
	view, err := ledger.View(ctx, q.Request)
	switch {
	case access.IsKind(err, access.NotFound):
		known.Evidence, known.Detail = EvidenceMissing, "the ledger does not know request "+string(q.Request)
		return known, nil
	case err != nil:
		return LeaseRecord{}, err
	}
	known.Evidence, known.Detail = evidenceOf(view, q)
	for _, item := range view.Items {
		known.Kept = known.Kept || (item.Item.ID == q.Item && item.State == access.ItemGranted && view.State.KeepsAccess())
	}
	return known, nil
}

// evidenceOf returns what a request's record says about a grant. It is pure.
func evidenceOf(view access.RequestView, q ReadLeaseRecordInput) (Evidence, string) {
	switch {
	case view.State.Ended() && !view.State.KeepsAccess():
		return EvidenceAgainst, "its request has ended: " + string(view.State)
	case view.Request.Subject != q.Subject:
		return EvidenceAgainst, "its request is for another subject"
	}
	for _, item := range view.Items {
		if item.Item.ID != q.Item {
			continue
		}
		switch {
		case item.Item.Entitlement != q.Entitlement:
			return EvidenceAgainst, "its request asks for another entitlement"
		case !sameBinding(item.Binding, q.Binding):
			return EvidenceAgainst, "its request binds the entitlement to another role"
		}
		return itemEvidence(item.State)
	}
	return EvidenceAgainst, "its request has no such item"
}

func itemEvidence(s access.ItemState) (Evidence, string) {
	switch s {
	case access.ItemApproved, access.ItemFulfilling, access.ItemGranted:
		return EvidenceApproved, ""
	case access.ItemPending:
		return EvidenceMissing, "the ledger does not show the item as approved"
	case access.ItemDenied, access.ItemWithdrawn, access.ItemExpired, access.ItemCancelled, access.ItemRefused, access.ItemFailed:
	}
	return EvidenceAgainst, "its item is " + string(s)
}

func sameBinding(a, b *access.Binding) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// LiveLeasesInput asks for a page of a person's leases that have not ended.
type LiveLeasesInput struct {
	Subject access.PersonID `json:"subject"`
	After   access.LeaseID  `json:"after,omitempty"`
	Limit   int             `json:"limit"`
}

// LiveLeasesResult is a page of leases.
type LiveLeasesResult struct {
	Leases []access.LeaseView `json:"leases,omitempty"`
	// Standing is the person's standing, on the first page; nil on every other, and where no source is asked or the ledger has none.
	Standing *access.SubjectStanding `json:"standing,omitempty"`
	// Revoked are those of the page that were revoked, and Order is where such leases end first; empty for none.
	Revoked []access.RevokedLease `json:"revoked,omitempty"`
	Order   []access.TargetName   `json:"order,omitempty"`
}

// UnmarshalJSON takes what an older build has recorded as well: the leases alone.
func (r *LiveLeasesResult) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		return json.Unmarshal(text, &r.Leases)
	}
	type plain LiveLeasesResult
	return json.Unmarshal(text, (*plain)(r))
}

// LiveLeases reads a page of a person's leases that have not ended, by lease id; fewer than the limit on the last page. With the first
// page comes the person's standing, which is read before the leases; with each, which of its leases were revoked.
func (a *Records) LiveLeases(ctx context.Context, c LiveLeasesInput) (LiveLeasesResult, error) {
	var page LiveLeasesResult
	if c.After == "" {
		standing, err := standingOf(ctx, a.Ledger, a.Source, c.Subject)
		switch {
		case err != nil:
			return LiveLeasesResult{}, translate(err)
		case standing != nil:
			page.Standing = &access.SubjectStanding{Standing: *standing, Order: a.LeaveOrder}
		}
	}
	leases, err := a.Ledger.LiveLeases(ctx, c.Subject, c.After, c.Limit)
	if err != nil {
		return LiveLeasesResult{}, translate(err)
	}
	revoked, err := a.ReadRevoked(ctx, ReadRevokedInput{Subject: c.Subject, Leases: heldLeases(leases)})
	if err != nil {
		return LiveLeasesResult{}, err
	}
	page.Leases, page.Revoked, page.Order = leases, revoked.Leases, revoked.Order
	return page, nil
}
