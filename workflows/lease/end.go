package lease

import (
	"cmp"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/ticket"
)

// beginEnd begins to end the access.
func (w *person) beginEnd(l *lease) {
	why := "its time is over"
	if l.DesiredState == access.Absent {
		why = cmp.Or(l.Reason, "it is no longer wanted")
	}
	l.State, l.Problem, l.Failures, l.RetryAt, l.Granted, l.Reason = access.LeaseRevoking, "", 0, time.Time{}, nil, ""
	l.Paused = false
	w.record(l, access.EventLeaseEnding, nil, l.Title+" of "+w.Person.Name()+" ends: "+why+".")
}

// revoke takes the access away: it never gives up, and is done only when a read-back shows the access gone. ending are the
// other leases on the same role that end as well.
func (w *person) revoke(l *lease, ending []access.LeaseID) {
	l.busy = true
	paused := l.Paused
	call := activities.RevokeInput{Assignment: w.assignment(l), Lease: l.ID, Target: l.Binding.Target, Ending: ending}
	var port *activities.Target
	options := workflows.Target(l.Binding.Target, "revoke "+l.Title)
	durable.Start(w.loop, options, port.Revoke, call, func(result activities.RevokeResult, err error) {
		w.idle(l)
		switch {
		case err == nil && result.KeptBy != "":
			w.overlapped(l, result.KeptBy)
		case err == nil && result.Paused != "":
			w.pause(l, result.Paused)
		case err == nil && !result.Verification.Present:
			w.raiseLost(l, result.Verification)
			w.ended(l, &result.Verification, "the target shows it gone")
		case err == nil:
			w.revokeFailed(l, access.Errorf(access.Transient, "revoke "+l.Title, "the target still shows the access"))
		default:
			w.revokeFailed(l, err)
		}
		if paused && !l.Paused && l.State == access.LeaseRevoking {
			// Nobody holds it up any more.
			w.recordProblem(l)
		}
	})
}

func (w *person) revokeFailed(l *lease, err error) {
	w.retry(l, err, workflows.RetryRevoke)
	if l.Nowhere = workflows.KindOf(err) == access.NotFound; l.Nowhere && l.Removal != nil {
		l.Removal.ReadNow = true
	}
	if l.Failures < workflows.EscalateAfter || l.Removal != nil || l.Desk == "" {
		return
	}
	w.openRemoval(l)
	w.record(l, access.EventRevocationFailing, nil, "Revoking "+l.Title+" has failed several times, a human is told: "+l.Problem)
}

// verifyKept reads the access that another lease keeps, so that the end of this one has its verification.
func (w *person) verifyKept(l *lease, keeper access.LeaseID) {
	l.busy = true
	var port *activities.Target
	options := workflows.Target(l.Binding.Target, "verify "+l.Title)
	durable.Start(w.loop, options, port.Verify, w.assignment(l), func(verification access.Verification, err error) {
		w.idle(l)
		if err != nil {
			w.retry(l, err, workflows.RetryRevoke)
			return
		}
		w.ended(l, &verification, "lease "+string(keeper)+" keeps the access")
	})
}

// overlapped ends a lease whose access another one keeps, by the word of that one.
func (w *person) overlapped(l *lease, keeper access.LeaseID) {
	w.ended(l, &access.Verification{Present: true, Method: "lease", Evidence: string(keeper), At: w.loop.Now()},
		"lease "+string(keeper)+" keeps the access")
}

// ended takes the end. A ticket that asks a person to take the access away is closed, with the reason.
func (w *person) ended(l *lease, verification *access.Verification, how string) {
	now := w.loop.Now()
	l.State, l.EndedAt, l.verification, l.Problem, l.Granted = access.LeaseEnded, &now, verification, "", nil
	l.StatusDue = l.StatusDue || l.DesiredState == access.Absent
	if r := l.Removal; r != nil && (r.Seen == nil || !r.Seen.Phase.Closed()) {
		r.Write(removalClosing(l, how))
	}
	w.record(l, access.EventLeaseEnded, verification, l.Title+" of "+w.Person.Name()+" has ended: "+how+".")
}

func removalClosing(l *lease, how string) ticket.Write {
	to := access.TicketDone
	text := "The access is gone: " + how + "."
	if l.verification != nil && l.verification.Present {
		to, text = access.TicketWontDo, "Nothing is to be removed any more: "+how+"."
	}
	return ticket.Write{Key: "ended", Text: text, TransitionTo: to}
}
