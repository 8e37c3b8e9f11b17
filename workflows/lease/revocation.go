package lease

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
)

// Revoke is the workflow LeaseRevocation: it has a revocation recorded, and then the workflow that holds the person's leases notified. Both are tried
// without end, and a cancellation is ignored: access that was taken back must end. It returns what is recorded, or why nothing is.
func Revoke(ctx workflow.Context, r access.Revocation) (workflows.RevocationResult, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var records *activities.Records
	var done workflows.RevocationResult
	call := activities.RevokeAccessInput{
		Revocation: r, WorkflowID: workflows.SubjectWorkflowID(r.Subject), WorkflowType: workflows.SubjectAccessType,
		TaskQueue: workflows.TaskQueue, Signal: workflows.SignalRevoke,
	}
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflows.RevokeAccess()), records.RevokeAccess, call).Get(ctx, &done)
	return done, err
}

// revokeNotice takes the hint that something was taken back from the person: every lease is asked about.
func (w *person) revokeNotice(access.RevocationNotice) {
	w.Hints++
	w.CheckAt = time.Time{}
}

// checkAtOnce is how many leases the ledger is asked about at once.
const checkAtOnce = 200

// check asks the ledger which leases were revoked, of those about which it was not asked since the last hint.
func (w *person) check(now time.Time) {
	if w.checking || w.checked == w.Hints || now.Before(w.CheckAt) {
		return
	}
	call := activities.ReadRevokedInput{Subject: w.Person.ID}
	for _, l := range w.leases {
		if l.Checked < w.Hints && !l.Foreign && l.State != access.LeaseEnded && len(call.Leases) < checkAtOnce {
			request, _ := l.origin()
			call.Leases = append(call.Leases, activities.HeldLease{Lease: l.ID, Request: request, Entitlement: l.Entitlement, GrantedAt: l.GrantedAt})
		}
	}
	if len(call.Leases) == 0 {
		w.checked, w.CheckAt = w.Hints, time.Time{}
		return
	}
	w.checking = true
	hints := w.Hints
	var records *activities.Records
	durable.StartLocal(w.loop, workflows.LocalQuestion(), records.ReadRevoked, call, func(found activities.ReadRevokedResult, err error) {
		w.checking = false
		if err != nil {
			if !w.loop.Leaving() {
				w.CheckFailures++
				w.CheckAt = w.loop.Now().Add(workflows.RetryConnector.After(w.CheckFailures))
			}
			return
		}
		w.CheckFailures, w.CheckAt = 0, time.Time{}
		for _, asked := range call.Leases {
			if l := w.find(asked.Lease); l != nil {
				l.Checked = max(l.Checked, hints)
			}
		}
		w.takeRevoked(found.Leases, found.Order)
	})
}

// takeRevoked has those leases end that were revoked, in the order of their targets.
func (w *person) takeRevoked(revoked []access.RevokedLease, order []access.TargetName) {
	if len(order) > 0 && !slices.Equal(order, w.Order) {
		w.Order = order
		w.order()
	}
	for _, r := range revoked {
		if l := w.find(r.Lease); l != nil && !l.Foreign {
			l.revokedBy(r)
			w.changed(l)
		}
	}
}

// revokedBy takes that a revocation ends the lease, whatever its request says. It is never forgotten: a lease that a revocation covers is covered for
// ever.
func (l *lease) revokedBy(r access.RevokedLease) {
	spared := r.Single && (!l.Left || l.Spared)
	l.leave(r.Reason)
	if l.Left {
		l.Revoked, l.Spared = r.Revocation, spared
	}
}

// inOrder reports whether leases end in the order of their targets: the person is absent, or something was revoked that has not ended.
func (w *person) inOrder() bool {
	return w.Standing.Absent || slices.ContainsFunc(w.leases, func(l *lease) bool { return l.Revoked != "" && l.State != access.LeaseEnded })
}
