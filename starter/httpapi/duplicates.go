package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"usher/internal/access"
	"usher/internal/ledger"
)

// Duplicates is what becomes of a request for access that an open request asks for, or that is held without an end, already.
type Duplicates string

// The choices. "" is AllowDuplicates.
const (
	// AllowDuplicates begins another request.
	AllowDuplicates Duplicates = "allow"
	// JoinDuplicates answers with the open request, if it asks for all of it; else as RefuseDuplicates.
	JoinDuplicates Duplicates = "join"
	// RefuseDuplicates refuses it, with the id of what is there.
	RefuseDuplicates Duplicates = "refuse"
)

// Validate names the key that is wrong.
func (d Duplicates) Validate() error {
	if !slices.Contains([]Duplicates{"", AllowDuplicates, JoinDuplicates, RefuseDuplicates}, d) {
		return fmt.Errorf("duplicates: found %q, expected allow, join or refuse", string(d))
	}
	return nil
}

// ProblemDuplicate is what of a request is asked for or held already.
type ProblemDuplicate struct {
	Entitlement access.EntitlementID `json:"entitlement" doc:"What is asked for again."`
	Request     access.RequestID     `json:"request,omitempty" doc:"The open request that asks for it; absent where it is held."`
	Lease       access.LeaseID       `json:"lease,omitempty" doc:"The lease by which it is held without an end; absent where it is asked for."`
}

// SubmittedView is a request as a submission is answered.
type SubmittedView struct {
	access.RequestView
	Joined bool `json:"joined,omitempty" doc:"true: this request was open already and asks for the same; nothing else was begun. The call's id, its key and its reason are not kept."`
}

func submittedType() reflect.Type { return reflect.TypeFor[SubmittedView]() }

// repeated returns the answer to a call that asks for what is asked for, or held, already; nil and nil where another request begins. It goes by what
// is recorded, and by what the caller may read: whoever may not know of the other request gets their own. While the ledger is unavailable,
// another request begins. named is whether the client can repeat this very call.
func (a *API) repeated(ctx context.Context, r access.Request, named bool) (*submittedOutput, error) {
	if a.config.Duplicates != JoinDuplicates && a.config.Duplicates != RefuseDuplicates {
		return nil, nil
	}
	found, err := a.duplicatesOf(ctx, r)
	if err != nil {
		a.logged(ctx, err)
		return nil, nil
	}
	if found.none() {
		return nil, nil
	}
	if named {
		// What this call began may not be recorded yet.
		if _, err := a.deps.Gateway.View(ctx, r.ID); !access.IsKind(err, access.NotFound) {
			return nil, nil
		}
	}
	if other, ok := found.whole(r); ok && a.config.Duplicates == JoinDuplicates {
		return &submittedOutput{
			Status: http.StatusOK, Location: pathOf(other.Request.ID), Body: SubmittedView{RequestView: other, Joined: true},
		}, nil
	}
	return nil, found.problem(r)
}

// duplicates is what there is already of the items of a request, in their order.
type duplicates struct {
	// open are the open requests that ask for an item, the oldest first; held is the lease that holds it.
	open [][]access.RequestView
	held []access.LeaseID
}

func (d duplicates) none() bool {
	return !slices.ContainsFunc(d.open, func(views []access.RequestView) bool { return len(views) > 0 }) &&
		!slices.ContainsFunc(d.held, func(id access.LeaseID) bool { return id != "" })
}

// whole returns the oldest of the requests that ask for all of it, each item for as long at least.
func (d duplicates) whole(r access.Request) (access.RequestView, bool) {
	for _, candidate := range d.open[0] {
		covers := func(item access.Item) bool {
			return slices.ContainsFunc(candidate.Request.Items, func(other access.Item) bool {
				return other.Entitlement == item.Entitlement && asLong(other.Duration, item.Duration)
			})
		}
		asked := func(views []access.RequestView) bool {
			return slices.ContainsFunc(views, func(v access.RequestView) bool { return v.Request.ID == candidate.Request.ID })
		}
		if !slices.ContainsFunc(d.open, func(views []access.RequestView) bool { return !asked(views) }) &&
			!slices.ContainsFunc(r.Items, func(item access.Item) bool { return !covers(item) }) {
			return candidate, true
		}
	}
	return access.RequestView{}, false
}

// asLong reports whether a duration that was asked for is as long as another, at least; 0 is as long as the catalog allows.
func asLong(asked, other access.Duration) bool { return asked == 0 || (other != 0 && asked >= other) }

func (d duplicates) problem(r access.Request) *Problem {
	problem := newProblem(kindDuplicate(),
		"Some of this is asked for, or held without an end, already. Leave it out; or withdraw that request, or have that lease taken back, first.")
	for i, item := range r.Items {
		at, duplicate := fmt.Sprintf("body.items[%d].entitlement", i), ProblemDuplicate{Entitlement: item.Entitlement}
		switch {
		case d.held[i] != "":
			duplicate.Lease = d.held[i]
			problem.Errors = append(problem.Errors, ProblemField{Location: at, Message: fmt.Sprintf("the lease %s holds it without an end", d.held[i])})
		case len(d.open[i]) > 0:
			duplicate.Request = d.open[i][0].Request.ID
			problem.Errors = append(problem.Errors, ProblemField{Location: at, Message: fmt.Sprintf("the request %s asks for it already", duplicate.Request)})
		default:
			continue
		}
		problem.Duplicates = append(problem.Duplicates, duplicate)
	}
	return problem
}

// duplicatesOf finds what the caller may know of.
func (a *API) duplicatesOf(ctx context.Context, r access.Request) (duplicates, error) {
	found := duplicates{open: make([][]access.RequestView, len(r.Items)), held: make([]access.LeaseID, len(r.Items))}
	for i, item := range r.Items {
		page, err := a.deps.Ledger.Views(ctx, ledger.Filter{Subject: r.Subject, Entitlement: item.Entitlement, Open: true, Limit: ledger.MaxLimit})
		if err != nil {
			return duplicates{}, err
		}
		for _, view := range slices.Backward(page.Views) {
			if view.Request.ID != r.ID && asksFor(view, item.Entitlement) && a.mayReadRequest(ctx, view) {
				found.open[i] = append(found.open[i], view)
			}
		}
	}
	leases, err := a.heldWithoutEnd(ctx, r)
	if err != nil {
		return duplicates{}, err
	}
	if found.none() && len(leases) == 0 {
		return found, nil
	}
	revoked, err := a.revocationsOf(ctx, r.Subject)
	if err != nil {
		return duplicates{}, err
	}
	for i, item := range r.Items {
		found.open[i] = slices.DeleteFunc(found.open[i], func(v access.RequestView) bool { return doomed(v, item.Entitlement, revoked) })
		for _, l := range leases {
			asked := access.Asked{Lease: l.Lease.ID, Entitlement: l.Lease.Entitlement, GrantedAt: l.GrantedAt}
			if _, gone := access.RevokedBy(revoked, asked); !gone && l.Lease.Entitlement == item.Entitlement {
				found.held[i] = l.Lease.ID
			}
		}
	}
	return found, nil
}

// asksFor reports whether an open request may still have an entitlement granted.
func asksFor(v access.RequestView, id access.EntitlementID) bool {
	if v.State == access.StateRevoking {
		return false
	}
	i := slices.IndexFunc(v.Items, func(item access.ItemView) bool { return item.Item.Entitlement == id })
	if i < 0 {
		// Policy has not answered yet.
		return v.State == access.StateEvaluating
	}
	return slices.Contains([]access.ItemState{access.ItemPending, access.ItemApproved, access.ItemFulfilling, access.ItemGranted}, v.Items[i].State)
}

// doomed reports whether what a request asks for was taken back since: it is never granted.
func doomed(v access.RequestView, id access.EntitlementID, revoked []access.Revocation) bool {
	for _, item := range v.Request.Items {
		asked := access.Asked{Lease: access.LeaseIDOf(v.Request.ID, item.ID), Entitlement: id, SubmittedAt: v.Request.SubmittedAt}
		if _, gone := access.RevokedBy(revoked, asked); gone && item.Entitlement == id {
			return true
		}
	}
	return false
}

// heldWithoutEnd returns the leases by which the subject of a request holds something for ever, if the caller may know of them.
func (a *API) heldWithoutEnd(ctx context.Context, r access.Request) ([]access.LeaseView, error) {
	all, err := a.deps.Ledger.LeasesOf(ctx, r.Subject)
	if err != nil {
		return nil, err
	}
	var held []access.LeaseView
	for _, l := range all {
		wanted := slices.ContainsFunc(r.Items, func(item access.Item) bool { return item.Entitlement == l.Lease.Entitlement })
		if !wanted || l.State != access.LeaseActive || l.DesiredState != access.Present || l.EndsAt != nil || l.Duration != 0 {
			continue
		}
		if may, err := a.mayKnowOf(ctx, l); err != nil {
			return nil, err
		} else if may {
			held = append(held, l)
		}
	}
	return held, nil
}

// mayKnowOf reports whether the caller may read a lease, or its request.
func (a *API) mayKnowOf(ctx context.Context, l access.LeaseView) (bool, error) {
	if allows("GET /v1/subjects/{id}/leases", a.toPerson(callerOf(ctx), l.Lease.Subject.ID)) {
		return true, nil
	}
	view, err := a.deps.Ledger.View(ctx, l.Lease.Request)
	if access.IsKind(err, access.NotFound) {
		return false, nil
	}
	return err == nil && a.mayReadRequest(ctx, view), err
}

func (a *API) mayReadRequest(ctx context.Context, v access.RequestView) bool {
	return allows("GET /v1/requests/{id}", a.toRequest(callerOf(ctx), v))
}

// revocationsOf returns what was taken back from a person, all of it.
func (a *API) revocationsOf(ctx context.Context, subject access.PersonID) ([]access.Revocation, error) {
	var all []access.Revocation
	var before access.RevocationID
	for {
		page, err := a.deps.Ledger.Revocations(ctx, subject, before, ledger.MaxLimit)
		if all = append(all, page...); err != nil || len(page) < ledger.MaxLimit {
			return all, err
		}
		before = page[len(page)-1].ID
	}
}
