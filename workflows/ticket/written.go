package ticket

import (
	"slices"
	"strings"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// This file takes what became of writes.

// accept takes writes as done, and remembers how the ticket looks now.
func (k *Keeper) accept(u activities.UpdateTicketInput, done activities.UpdateTicketResult, size int) {
	switch {
	case done.Superseded:
		k.ReadNow = true
	case u.TransitionTo != "":
		if u.TransitionTo.Closed() {
			k.WasClosed, k.ApprovalsFailed = true, 0
		}
		k.Seen.Phase = u.TransitionTo
	}
	switch {
	case done.AssignSuperseded:
		k.ReadNow = true
	case u.Assign != nil && done.AssignRefused == "":
		k.Seen.Assignee = *u.Assign
	case u.Assign != nil:
		k.owner.NotAssigned(*u.Assign, done.AssignRefused)
	}
	if done.Unsaid != "" {
		k.owner.Dropped(behind + done.Unsaid)
	}
	k.Misses, k.Failures, k.RetryAt = 0, 0, time.Time{}
	k.writes++
	if slices.ContainsFunc(k.Pending[:min(size, len(k.Pending))], func(w Write) bool { return strings.HasPrefix(w.Key, BoundPrefix) }) {
		k.Unsaid = false
	}
	k.pop(size)
	k.approved(u, done)
	if u.TransitionTo.Closed() && !done.Superseded && !slices.ContainsFunc(k.Pending, Write.showing) {
		k.owner.Closed(done.Recorded, "")
	}
}

// approved takes what became of the desk approvals. What failed is tried again, after the ticket is closed some times only.
func (k *Keeper) approved(u activities.UpdateTicketInput, done activities.UpdateTicketResult) {
	if u.Approvals == nil {
		return
	}
	k.owner.Asked(done.Approvals)
	// What is left of a ticket that was closed is not worth waiting for very long.
	const what, afterClosing = "approvals of the desk: ", 24
	over := k.WasClosed && k.ApprovalsFailed >= afterClosing
	switch {
	case done.ApprovalsRefused != "":
		k.owner.Dropped(what + done.ApprovalsRefused)
	case done.ApprovalsFailed != "" && over:
		k.owner.Dropped(what + done.ApprovalsFailed)
	case done.ApprovalsFailed != "":
		k.ApprovalsFailed++
		k.ApprovalsAt = k.loop.Now().Add(workflows.RetryConnector.After(k.ApprovalsFailed))
		if !k.WasClosed {
			k.trouble(what + done.ApprovalsFailed)
		}
		return
	}
	k.ApprovalsFailed, k.ApprovalsAt = 0, time.Time{}
}

// retryApprovals has the approvals of the desk set again when that is due: nothing else waits for them.
func (k *Keeper) retryApprovals(now time.Time) {
	if !k.ApprovalsAt.IsZero() && !now.Before(k.ApprovalsAt) && k.Ref != nil && !k.busy {
		k.ApprovalsAt = time.Time{}
		k.Write(Write{Approvals: true})
	}
}

// showing reports whether a write shows something on the ticket itself.
func (w Write) showing() bool {
	return w.Key != "" || w.Text != "" || w.TransitionTo != "" || w.Assign != nil
}

func (k *Keeper) pop(size int) {
	// A ticket that was let go meanwhile has taken its writes with it.
	k.Pending = slices.Clone(k.Pending[min(size, len(k.Pending)):])
	if len(k.Pending) == 0 {
		k.Problem, k.Single = "", false
	}
}

// refused takes writes that failed.
func (k *Keeper) refused(err error, size int, u activities.UpdateTicketInput) {
	kind := workflows.KindOf(err)
	switch {
	case kind == access.NotFound:
		k.failed(behind, err)
		k.missed()
	case (kind == access.Conflict || kind == access.Invalid) && size > 1:
		// One of them is refused: which one shows when they go one by one.
		k.Single = true
		k.trouble(behind + workflows.ErrorText(err))
	case (kind == access.Conflict || kind == access.Invalid) && !u.TransitionTo.Closed():
		k.drop(workflows.ErrorText(err))
	case kind == access.Conflict || kind == access.Invalid:
		k.ClosingRefused = workflows.ErrorText(err)
		k.dropIfClosed()
	default:
		k.failed(behind, err)
	}
}

func (k *Keeper) drop(why string) {
	k.owner.Dropped(behind + why)
	k.Failures, k.RetryAt = 0, time.Time{}
	k.pop(1)
}

// dropIfClosed drops a closing that the desk refuses, if the ticket is closed already: a human was faster. A run that leaves
// before the read is done has the next one read first.
func (k *Keeper) dropIfClosed() {
	k.busy = true
	k.read(func(now activities.ReadTicketResult, err error) {
		k.busy = false
		if k.cancelledToLeave(err) {
			return
		}
		why := k.ClosingRefused
		k.ClosingRefused = ""
		if err == nil && now.Snapshot.Phase.Closed() {
			k.drop(why)
			k.WasClosed, k.ApprovalsFailed = true, 0
			if !slices.ContainsFunc(k.Pending, Write.showing) {
				k.Problem = ""
				k.owner.Closed(false, why)
			}
			return
		}
		k.retry(behind + why)
	})
}
