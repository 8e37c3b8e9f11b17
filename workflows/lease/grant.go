package lease

import (
	"fmt"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/outbox"
)

// load asks the ledger what it knows of a lease.
func (w *person) load(l *lease) {
	l.busy = true
	var records *activities.Records
	durable.StartLocal(w.loop, workflows.LocalQuestion(), records.ReadLeaseRecord, l.recordInput(w.Person.ID), func(known activities.LeaseRecord, err error) {
		w.idle(l)
		if err != nil {
			w.retry(l, err, workflows.RetryConnector)
			return
		}
		w.know(l, known)
	})
}

// maxWithoutEvidence is how often the ledger is asked for evidence, within about a day: a message that no request confirms
// must not keep a run alive for ever. A request that exists repeats its message.
const maxWithoutEvidence = 100

// know goes on from what the ledger knows: memory outlives a run, and a late message grants nothing.
func (w *person) know(l *lease, known activities.LeaseRecord) {
	if l.Foreign {
		w.refuseForeign(l, known.Lease != nil)
		return
	}
	if known.Lease != nil {
		l.Loaded = true
		l.applyRecord(*known.Lease)
		w.judge(l)
		if l.Refused != "" {
			l.StatusDue = true
			e := w.event(l, access.EventLeaseRefused, nil, l.Title+" of "+w.Person.Name()+" is refused: "+l.Refused+".")
			fact := outbox.Fact{Events: []access.Event{e}}
			if l.State != access.LeaseEnded {
				// The record of a lease that has ended stays as it is.
				fact.Leases = []access.LeaseID{l.ID}
			}
			w.writes(l, w.outbox.Add(fact))
		}
	}
	if known.Lease == nil && !l.ReadFirst {
		// The target's worker records a lease before its first call.
		l.Attempted = false
	}
	w.endAgainst(l, known)
	switch {
	case l.State != access.LeaseGranting || l.DesiredState == access.Absent:
		l.Loaded = true
	case w.waitsForResume(l, known):
		// The next attempt asks again.
		l.Loaded, l.Unconfirmed = false, 0
		w.pause(l, known.Paused)
	case known.Evidence == activities.EvidenceMissing && l.Unconfirmed < maxWithoutEvidence:
		// The next attempt asks again, whatever the ledger has of the lease.
		l.Loaded = false
		l.Unconfirmed++
		w.retry(l, access.Errorf(access.Transient, "grant "+l.Title, "%s", known.Detail), workflows.RetryGrant)
	case known.Evidence != activities.EvidenceApproved:
		w.refuse(l, known.Detail)
	default:
		// Failures go on being counted: it is the grant that fails.
		l.Loaded, l.Unconfirmed = true, 0
	}
}

// waitsForResume reports whether a grant waits because grants are paused. What a person has granted by hand is taken in, and what must end does.
func (w *person) waitsForResume(l *lease, known activities.LeaseRecord) bool {
	return known.Paused != "" && !l.proved() && !l.mustEnd(w.loop.Now())
}

// endAgainst has a lease end whose subject has left, or which was revoked, by the ledger. The next step takes away what was granted, or refuses the
// lease.
func (w *person) endAgainst(l *lease, known activities.LeaseRecord) {
	if known.Left {
		l.leave(known.Detail)
	}
	if known.Revoked != nil {
		l.revokedBy(*known.Revoked)
	}
}

// refuseForeign refuses a message about another subject. Where the ledger has a lease of that id, its record stays as it is.
func (w *person) refuseForeign(l *lease, recorded bool) {
	const why = "the message is about another subject"
	if !recorded {
		w.refuse(l, why)
		return
	}
	l.State, l.Refused, l.StatusDue, l.Loaded = access.LeaseEnded, why, true, true
}

// refuse takes that a lease will never be granted. What usher may have granted before it knew is taken away.
func (w *person) refuse(l *lease, why string) {
	l.Refused, l.StatusDue, l.Problem = why, true, ""
	if l.Attempted {
		l.DesiredState, l.Loaded = access.Absent, true
		return
	}
	now := w.loop.Now()
	l.State, l.EndedAt, l.Loaded = access.LeaseEnded, &now, true
	w.record(l, access.EventLeaseRefused, nil, l.Title+" of "+w.Person.Name()+" is refused: "+why+".")
}

// readBefore reads whether the access exists before usher's first call, where the target's worker does not know the ledger:
// the answer is in the state before anything is granted, for a later attempt cannot tell usher's own access from what was
// there.
func (w *person) readBefore(l *lease) {
	l.busy = true
	var port *activities.Target
	options := workflows.Target(l.Binding.Target, "read "+l.Title)
	durable.Start(w.loop, options, port.Verify, w.assignment(l), func(before access.Verification, err error) {
		w.idle(l)
		if err != nil && workflows.KindOf(err) != access.NotFound {
			l.Loaded = false
			w.retry(l, err, workflows.RetryGrant)
			return
		}
		l.BeforeRead, l.Existing = true, before.Present
		l.Account, l.RoleID = before.Account, before.RoleID
	})
}

// grant has the access granted on the target. other is another lease of usher's with the same access; nil for
// none.
func (w *person) grant(l *lease, other *lease) {
	if l.ReadFirst && !l.BeforeRead && !l.Attempted && other == nil {
		w.readBefore(l)
		return
	}
	call := activities.GrantInput{Assignment: w.assignment(l)}
	if !l.Loaded {
		question := l.recordInput(w.Person.ID)
		call.Record = &question
	}
	if other != nil {
		l.Existing = other.Existing
	}
	call.Before = other == nil && !l.ReadFirst && (call.Record != nil || !l.Attempted)
	l.Version = workflows.NextVersion(l.Version, w.loop.Now())
	call.First = l.view(w.Person)
	l.busy, l.Attempted = true, true
	var port *activities.Target
	options := workflows.Target(l.Binding.Target, "grant "+l.Title)
	durable.Start(w.loop, options, port.Grant, call, func(result activities.GrantResult, err error) {
		w.idle(l)
		switch {
		case err != nil:
			// What was there before is in the ledger, if the call came so far.
			l.Loaded = false
			w.retry(l, err, workflows.RetryGrant)
		case result.Unread:
			// The target is at the edge, where nobody knows the ledger.
			l.Attempted, l.ReadFirst = false, true
		case result.Record != nil:
			l.Attempted = false
			w.know(l, *result.Record)
		default:
			l.Loaded = true
			l.Existing = l.Existing || result.Existing
			w.granted(l, result.Verification)
		}
	})
}

func (w *person) assignment(l *lease) access.Assignment {
	return access.Assignment{Role: l.Binding.Role, Subject: w.Person, Account: l.Account, RoleID: l.RoleID}
}

// takeGrant takes a grant by hand that has been proved. Its time counts from the verification.
func (w *person) takeGrant(l *lease, verification access.Verification) {
	l.Granted = nil
	l.Attempted = true
	at := verification.At
	l.GrantedAt = &at
	w.granted(l, verification)
}

// granted takes a proved grant. The lease's time counts from here, so that a target that was down takes nothing from it.
func (w *person) granted(l *lease, verification access.Verification) {
	l.State, l.verification, l.Problem, l.Failures = access.LeaseActive, &verification, "", 0
	l.Account, l.RoleID = verification.Account, verification.RoleID
	if l.GrantedAt == nil {
		now := w.loop.Now()
		l.GrantedAt = &now
	}
	l.EndsAt = l.windowEnd()
	l.StatusDue = true
	w.judge(l)
	w.record(l, access.EventLeaseGranted, &verification, w.holdsText(l)+".")
	w.raiseLost(l, verification)
}

// raiseLost records that others lost the role while usher changed it for this person alone. The lease goes on, for what was asked for is
// there; nothing is undone, because others may have taken that access away rightly.
func (w *person) raiseLost(l *lease, verification access.Verification) {
	if verification.OthersLost == 0 {
		return
	}
	w.record(l, access.EventOthersLost, &verification, fmt.Sprintf(
		"Others lost %s (%d) while usher changed it for %s alone: compare who holds it with who has to.", l.Title, verification.OthersLost, w.Person.Name()))
}

func (w *person) holdsText(l *lease) string {
	text := w.Person.Name() + " holds " + l.Title
	if l.EndsAt != nil {
		text += " until " + workflows.Clock(*l.EndsAt)
	}
	return text
}

// retry takes a failure: the lease and its request are told, and the time of the next attempt is in the state.
func (w *person) retry(l *lease, err error, b workflows.Backoff) {
	if w.loop.Leaving() {
		return
	}
	if problem := workflows.ErrorText(err); l.Problem != problem {
		l.Problem, l.StatusDue = problem, true
	}
	l.Failures++
	l.RetryAt = w.loop.Now().Add(b.After(l.Failures))
}

// pause takes that somebody has paused what the lease needs next: why. It is no failure, and nobody is asked for help. The lease and its request are
// told, and it is asked again.
func (w *person) pause(l *lease, why string) {
	if l.Problem != why {
		l.Problem, l.StatusDue = why, true
		if l.State == access.LeaseRevoking {
			// Its request may no longer run, and whoever takes access back reads the ledger. What is not granted yet has no record.
			w.recordProblem(l)
		}
	}
	l.Paused, l.RetryAt = true, w.loop.Now().Add(workflows.RetryPaused)
}

// recordProblem has the lease recorded as it is, with its problem, though nothing has happened that the audit trail tells.
func (w *person) recordProblem(l *lease) {
	w.writes(l, w.outbox.Add(outbox.Fact{Leases: []access.LeaseID{l.ID}}))
}
