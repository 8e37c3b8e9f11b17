package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"usher/internal/access"
)

// RevokeLeaseBody is why one lease is taken back.
type RevokeLeaseBody struct {
	ID     string `json:"id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 . _ -" doc:"The call's id, chosen by the client; the caller's same id is the same call. Idempotency-Key does the same."`
	Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; it is recorded, and people read it in the audit trail." example:"The laptop was stolen."`
}

// RevokeAccessBody is what is taken back from a person, and why.
type RevokeAccessBody struct {
	ID          string `json:"id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 of the characters A-Z a-z 0-9 . _ -" doc:"The call's id, chosen by the client; the caller's same id is the same call. Idempotency-Key does the same."`
	Application string `json:"application,omitempty" maxLength:"64" doc:"Only what the person holds of this application, by its id in the catalog." example:"wiki"`
	Entitlement string `json:"entitlement,omitempty" maxLength:"256" doc:"Only this entitlement: <application>/<role>. Without application and entitlement: everything." example:"wiki/editor"`
	Reason      string `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; it is recorded, and people read it in the audit trail." example:"The laptop was stolen."`
}

type revokeLeaseInput struct {
	Lease          string `path:"id" maxLength:"256" doc:"The lease's id: <request>:<item>." example:"0190d2c4:1"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same call."`
	Body           RevokeLeaseBody
}

// Resolve implements huma.Resolver.
func (in *revokeLeaseInput) Resolve(huma.Context) []error {
	return revocationReason(in.IdempotencyKey, in.Body.ID, in.Body.Reason)
}

type revokeAccessInput struct {
	Subject        string `path:"id" maxLength:"256" doc:"The identity source's id of the person." example:"p-1017"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Instead of an id: the caller's same key is the same call."`
	Body           RevokeAccessBody
}

// Resolve implements huma.Resolver.
func (in *revokeAccessInput) Resolve(huma.Context) []error {
	limits, body := access.Limits(), in.Body
	problems := append(fittingID("path.id", in.Subject, limits.Person), revocationReason(in.IdempotencyKey, body.ID, body.Reason)...)
	problems = append(problems, fittingID("body.application", body.Application, limits.Entitlement)...)
	problems = append(problems, fittingID("body.entitlement", body.Entitlement, limits.Entitlement)...)
	if strings.Contains(body.Application, "/") {
		problems = append(problems, fieldError("body.application", "expected the id of an application, without /"))
	}
	if body.Entitlement != "" && strings.Count(body.Entitlement, "/") != 1 {
		problems = append(problems, fieldError("body.entitlement", "expected <application>/<role>"))
	}
	if body.Application != "" && body.Entitlement != "" {
		problems = append(problems, fieldError("body.entitlement", "expected either application or entitlement, not both"))
	}
	return problems
}

// revocationReason refuses what is no reason that people can read, beside what every call that may be repeated refuses.
func revocationReason(key, id, reason string) []error {
	problems := repeatable(key, id, reason)
	if reason != "" && strings.TrimSpace(reason) == "" {
		problems = append(problems, fieldError("body.reason", "expected something to read, not blanks alone"))
	}
	return problems
}

// RevokedLease is a lease that a revocation covers, as it stands now.
type RevokedLease struct {
	ID          access.LeaseID       `json:"id" doc:"The lease's id."`
	Title       string               `json:"title,omitempty" doc:"What it is, for people."`
	Entitlement access.EntitlementID `json:"entitlement,omitempty" doc:"What it is: <application>/<role>."`
	State       access.LeaseState    `json:"state,omitempty" enum:"granting,active,revoking,ended" doc:"Where the lease stands; absent while the ledger is unavailable."`
	Problem     string               `json:"problem,omitempty" doc:"Why it has not ended yet; absent where nothing is wrong."`
}

// RevocationDetail is a revocation, and what it has come to.
type RevocationDetail struct {
	ID         access.RevocationID    `json:"id" doc:"The revocation's id."`
	Subject    access.PersonID        `json:"subject" doc:"From whom access is taken back."`
	Scope      access.RevocationScope `json:"scope" doc:"What is taken back: one lease, an application, an entitlement; everything where it is empty."`
	By         access.PersonID        `json:"by" doc:"Who takes it back."`
	Role       access.RevocationRole  `json:"role" enum:"subject,approver,owner,help_desk,administrator" doc:"In which role."`
	Reason     string                 `json:"reason" doc:"Why."`
	At         time.Time              `json:"at" doc:"When. What was asked for or granted before is covered."`
	Recorded   bool                   `json:"recorded" doc:"Whether it is recorded in the ledger. What is not yet will be."`
	Leases     []RevokedLease         `json:"leases" nullable:"false" doc:"What it covered when it was recorded, as it stands now. What was being granted then may be missing; it is refused, or ends."`
	StatusText string                 `json:"status_text" doc:"What it has come to, in a sentence."`
}

type revocationOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the person's revocations are listed."`
	Body     RevocationDetail
}

type revocationsInput struct {
	Subject string `path:"id" maxLength:"256" doc:"The identity source's id of the person."`
	Before  string `query:"before" maxLength:"64" doc:"Only those recorded before this one, by its id: what next said in the answer before."`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

// Resolve implements huma.Resolver.
func (in *revocationsInput) Resolve(huma.Context) []error {
	return append(fittingID("path.id", in.Subject, access.Limits().Person), listedID("query.before", in.Before)...)
}

type revocationsOutput struct {
	Body struct {
		Subject     access.PersonID     `json:"subject" doc:"Whose revocations these are."`
		Revocations []RevocationDetail  `json:"revocations" nullable:"false" doc:"What was taken back, the last first."`
		Next        access.RevocationID `json:"next,omitempty" doc:"What before is for the next page; absent on the last one."`
	}
}

func (a *API) registerRevocations() {
	says := map[int]string{
		http.StatusOK:       "The same call was made before; this is what it has come to.",
		http.StatusAccepted: "It is taken, but not known to be recorded and under way: that is tried until it is. The call may be repeated with the same id.",
	}
	lease := a.operation(http.MethodPost, "/v1/leases/{id}/revocation", huma.Operation{
		OperationID: "revoke-lease", Summary: "Take one lease back", Tags: []string{"revocations"},
		Description: "Ends a lease before its time. For its subject, an approver of its request, an owner of its application, the help desk and administrators. " +
			"Access that existed before usher granted it stays where the catalog says so.",
		DefaultStatus: http.StatusCreated,
	}, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
	a.answersToo(&lease, reflect.TypeFor[RevocationDetail](), says)
	huma.Register(a.huma, lease, a.revokeLease)
	person := a.operation(http.MethodPost, "/v1/people/{id}/revocations", huma.Operation{
		OperationID: "revoke-access", Summary: "Take back what a person holds", Tags: []string{"revocations"},
		Description: "Ends what the person holds because of requests: everything, or that of an application or of one entitlement, also where the access existed before. " +
			"What was asked for before is not granted any more; what is asked for later may be. For the person, the help desk and administrators.",
		DefaultStatus: http.StatusCreated,
	}, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests)
	a.answersToo(&person, reflect.TypeFor[RevocationDetail](), says)
	huma.Register(a.huma, person, a.revokeAccess)
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/people/{id}/revocations", huma.Operation{
		OperationID: "list-revocations", Summary: "List what was taken back from a person", Tags: []string{"revocations"},
		Description: "The last first. For the person, the help desk, administrators and auditors.",
	}, http.StatusForbidden), a.listRevocations)
}

// revokerOf is the right by which a caller who may take something back does so.
func revokerOf(has relations) access.RevocationRole {
	switch {
	case has&isSubject != 0:
		return access.RevokedBySubject
	case has&isApprover != 0:
		return access.RevokedByApprover
	case has&isOwner != 0:
		return access.RevokedByOwner
	case has&isHelpDesk != 0:
		return access.RevokedByHelpDesk
	}
	return access.RevokedByAdministrator
}

func noLease(id string) *Problem {
	return newProblem(kindNotFound(), fmt.Sprintf("there is no lease %q, or it is not yours to read", id))
}

// leaseOf returns a lease, and what the caller is to it. Where the caller may not take it back, the error is that there is none, or why not.
func (a *API) leaseOf(ctx context.Context, id access.LeaseID) (access.LeaseView, relations, error) {
	caller, row, none := callerOf(ctx), rowOf(ctx, ""), noLease(string(id))
	// All is always asked for, so that a lease that is hidden costs what one costs that never was.
	lease, err := a.deps.Ledger.Lease(ctx, id)
	request, requestErr := a.deps.Ledger.View(ctx, id.Request())
	owned, ownedErr := a.ownedBy(ctx, caller)
	for _, err := range []error{err, requestErr, ownedErr} {
		if err != nil && !access.IsKind(err, access.NotFound) {
			return lease, 0, a.failed(ctx, err)
		}
	}
	if err != nil {
		return lease, 0, none
	}
	has := a.toRequest(caller, request) | a.toPerson(caller, lease.Lease.Subject.ID)
	if owned[lease.Lease.Entitlement.Application()] {
		has |= isOwner
	}
	switch row.verdict(has) {
	case allowed:
		return lease, has, nil
	case forbidden:
		return lease, has, newProblem(kindForbidden(), row.refusal)
	case unseen:
	}
	return lease, has, none
}

func (a *API) revokeLease(ctx context.Context, in *revokeLeaseInput) (*revocationOutput, error) {
	lease, has, err := a.leaseOf(ctx, access.LeaseID(in.Lease))
	if err != nil {
		return nil, err
	}
	return a.revoke(ctx, access.Revocation{
		Subject: lease.Lease.Subject.ID, Scope: access.RevocationScope{Lease: lease.Lease.ID}, Role: revokerOf(has), Reason: in.Body.Reason,
	}, in.IdempotencyKey, in.Body.ID)
}

func (a *API) revokeAccess(ctx context.Context, in *revokeAccessInput) (*revocationOutput, error) {
	caller, subject := callerOf(ctx), access.PersonID(in.Subject)
	has := a.toPerson(caller, subject)
	if err := a.permits(ctx, "", has, notYours(caller)); err != nil {
		return nil, err
	}
	return a.revoke(ctx, access.Revocation{
		Subject: subject, Role: revokerOf(has), Reason: in.Body.Reason,
		Scope: access.RevocationScope{Application: in.Body.Application, Entitlement: access.EntitlementID(in.Body.Entitlement)},
	}, in.IdempotencyKey, in.Body.ID)
}

// revoke takes access back. It answers from the ledger's record: what is not known to be recorded, and to be under way, is accepted only.
func (a *API) revoke(ctx context.Context, r access.Revocation, key, id string) (*revocationOutput, error) {
	caller := callerOf(ctx)
	named, err := callID("revocation", caller.Person, key, id)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	r.ID = access.RevocationID(named)
	r.By, r.Evidence, r.At = caller.Person, caller.Evidence, a.deps.Now().UTC()
	receipt, err := a.deps.Gateway.Revoke(ctx, r)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &revocationOutput{Status: statusOf(receipt.Pending, receipt.Created), Location: "/v1/people/" + url.PathEscape(string(r.Subject)) + "/revocations"}
	recorded, kept := true, receipt.Revocation
	if receipt.Pending {
		found, err := a.deps.Ledger.Revocation(ctx, r.ID)
		if recorded = err == nil; recorded {
			kept = found
		} else if !access.IsKind(err, access.NotFound) {
			a.logged(ctx, err)
		}
	}
	out.Body = detailOf(kept, a.leasesNow(ctx, r.Subject), a.pausedNow(ctx))
	switch {
	case !recorded:
		out.Body.Recorded = false
		out.Body.StatusText = "It is taken, but not recorded yet: the worker or the ledger does not answer. It will be recorded, and then the leases end."
	case receipt.Pending:
		out.Body.StatusText = "It is recorded, and nothing of it is granted any more. That the leases end has not been asked for yet; it will be."
	}
	return out, nil
}

// statusOf is the status of a call that is recorded by a workflow.
func statusOf(pending, created bool) int {
	switch {
	case pending:
		return http.StatusAccepted
	case created:
		return http.StatusCreated
	}
	return http.StatusOK
}

// callID returns the id of a call of a kind. A key, and an id, count for their caller alone, and neither can be the other's.
func callID(kind string, caller access.PersonID, key, id string) (string, error) {
	switch {
	case key != "":
		return keyedID(kind, caller, key), nil
	case id == "":
		fresh, err := uuid.NewV7()
		if err != nil {
			return "", fmt.Errorf("choose the id of a %s: %w", kind, err)
		}
		return fresh.String(), nil
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:usher:"+kind+"\x00"+string(caller)+"\x00"+id)).String(), nil
}

// leasesNow returns the leases of a person as they stand; none while the ledger is unavailable.
func (a *API) leasesNow(ctx context.Context, subject access.PersonID) map[access.LeaseID]access.LeaseView {
	leases, err := a.deps.Ledger.LeasesOf(ctx, subject)
	if err != nil && !access.IsKind(err, access.NotFound) {
		a.logged(ctx, err)
	}
	now := make(map[access.LeaseID]access.LeaseView, len(leases))
	for _, v := range leases {
		now[v.Lease.ID] = v
	}
	return now
}

// detailOf returns a recorded revocation with the leases that it covered, as they stand now.
func detailOf(r access.Revocation, now map[access.LeaseID]access.LeaseView, pauses []access.Pause) RevocationDetail {
	d := RevocationDetail{
		ID: r.ID, Subject: r.Subject, Scope: r.Scope, By: r.By, Role: r.Role, Reason: r.Reason, At: r.At, Recorded: true, Leases: []RevokedLease{},
	}
	ended := 0
	for _, id := range r.Leases {
		v := now[id]
		if v.State == access.LeaseEnded {
			ended++
		}
		d.Leases = append(d.Leases, RevokedLease{ID: id, Title: v.Lease.Title, Entitlement: v.Lease.Entitlement, State: v.State, Problem: revokeProblem(v, pauses)})
	}
	switch total := len(r.Leases); {
	case total == 0:
		d.StatusText = "Nothing is held of it. What was asked for before is not granted any more."
	case ended == total:
		d.StatusText = fmt.Sprintf("All leases that it covered have ended: %d.", total)
	default:
		d.StatusText = fmt.Sprintf("Of %d leases that it covered, %d have ended.", total, ended)
	}
	return d
}

// pausedNow returns what is paused; nothing while the ledger is unavailable.
func (a *API) pausedNow(ctx context.Context) []access.Pause {
	pauses, err := a.deps.Ledger.Pauses(ctx)
	if err != nil {
		a.logged(ctx, err)
	}
	return pauses
}

// revokeProblem returns why a lease that was taken back has not ended: revokes may be paused, which its record shows later.
func revokeProblem(v access.LeaseView, pauses []access.Pause) string {
	if v.State == access.LeaseEnded || v.Lease.Binding == nil || v.Lease.Fulfilment == access.FulfilmentManual {
		return v.Problem
	}
	i := slices.IndexFunc(pauses, func(p access.Pause) bool { return p.Holds(access.PausedRevokes, v.Lease.Binding.Target) })
	if i < 0 {
		return v.Problem
	}
	return pauses[i].Text()
}

func (a *API) listRevocations(ctx context.Context, in *revocationsInput) (*revocationsOutput, error) {
	caller, subject := callerOf(ctx), access.PersonID(in.Subject)
	if err := a.permits(ctx, "", a.toPerson(caller, subject), notYours(caller)); err != nil {
		return nil, err
	}
	found, err := a.deps.Ledger.Revocations(ctx, subject, access.RevocationID(in.Before), in.Limit)
	if err != nil {
		return nil, a.failed(ctx, err)
	}
	out := &revocationsOutput{}
	out.Body.Subject, out.Body.Revocations = subject, []RevocationDetail{}
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].ID
	}
	now, pauses := a.leasesNow(ctx, subject), a.pausedNow(ctx)
	for _, r := range found {
		out.Body.Revocations = append(out.Body.Revocations, detailOf(r, now, pauses))
	}
	return out, nil
}
