package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// grant has the access granted once: a round of attempts on the target, or a human's grant that was proved already. It
// says how long to wait before the next step.
func (l *lease) grant(ctx workflow.Context) time.Duration {
	l.View.State = access.LeaseGranting
	if l.Last.Granted != nil {
		l.held(ctx, *l.Last.Granted)
		return 0
	}
	binding := l.View.Lease.Binding
	if binding == nil {
		l.Refused = "nothing says where this access is granted"
		l.View.State = access.LeaseEnded
		return 0
	}
	var answer activities.GrantAnswer
	err := l.onTarget(ctx, &answer, func(ctx workflow.Context, assignment access.Assignment) workflow.Future {
		var port *activities.Target
		call := activities.GrantCall{Assignment: assignment}
		if !l.Recalled {
			recall := l.recallCall()
			call.Recall = &recall
		}
		return workflow.ExecuteActivity(target(ctx, binding.Target, "grant "+l.View.Lease.Title), port.Grant, call)
	})
	switch {
	case err != nil:
		return l.trouble(ctx, err, betweenRounds)
	case answer.Unasked:
		// The target is at the edge, where nobody knows the ledger.
		return l.recall(ctx)
	case answer.Remembered != nil:
		l.remember(*answer.Remembered)
		return 0
	}
	l.Recalled = true
	l.held(ctx, answer.Proof)
	return 0
}

// onTarget runs one call on the binding's target, under the binding's lock, and reads its answer.
func (l *lease) onTarget(ctx workflow.Context, answer any, call func(workflow.Context, access.Assignment) workflow.Future) error {
	lock := l.of.lock(ctx, *l.View.Lease.Binding)
	if err := lock.Lock(ctx); err != nil {
		return err
	}
	defer lock.Unlock()
	return call(ctx, access.Assignment{Role: l.View.Lease.Binding.Role, Subject: l.View.Lease.Subject}).Get(ctx, answer)
}

// held takes a proved grant. The lease's time counts from here, so that a target that was away takes nothing from it.
func (l *lease) held(ctx workflow.Context, proof access.Proof) {
	since := workflow.Now(ctx).UTC()
	if l.Last.Granted != nil {
		since = proof.At
	}
	v := &l.View
	v.State, v.Proof, v.Problem, l.Rounds = access.LeaseHeld, &proof, "", 0
	if v.GrantedAt == nil {
		v.GrantedAt = &since
	}
	switch window := l.Last.Window; {
	case window.Until != nil:
		v.EndsAt = window.Until
	case window.Lasts > 0:
		until := v.GrantedAt.Add(window.Lasts.Std())
		v.EndsAt = &until
	default:
		v.EndsAt = nil
	}
	text := v.Lease.Subject.Name() + " holds " + v.Lease.Title
	if v.EndsAt != nil {
		text += " until " + clock(*v.EndsAt)
	}
	l.record(ctx, access.EventLeaseGranted, &proof, text+".")
	l.AnswerDue = true
}

// trouble takes a failed round: the lease and its request are told, and the next round comes later.
func (l *lease) trouble(ctx workflow.Context, err error, p patience) time.Duration {
	problem := sayError(err)
	if l.View.Problem != problem {
		l.View.Problem = problem
		l.AnswerDue = true
		l.of.show(ctx)
	}
	l.answer(ctx)
	l.Rounds++
	return p.after(l.Rounds - 1)
}
