package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// leaseState is all that one lease must remember.
type leaseState struct {
	View access.LeaseView `json:"view"`
	// Last is the ensure of the highest revision.
	Last access.Ensure `json:"last"`
	// Recalled is true when the ledger has been asked what it knows of this lease.
	Recalled bool `json:"recalled,omitempty"`
	// AnswerDue is true when the request has not been answered at this revision.
	AnswerDue bool `json:"answer_due,omitempty"`
	// Refused is why the lease will never be granted; "" otherwise.
	Refused string `json:"refused,omitempty"`
	// Rounds counts rounds on the target that failed in a row.
	Rounds int `json:"rounds,omitempty"`
	// Removal is the ticket that asks a human to take the access away; nil when none was needed.
	Removal    *mirrorState `json:"removal,omitempty"`
	LookAt     time.Time    `json:"look_at,omitzero"`
	Quiet      int          `json:"quiet,omitempty"`
	Unrecorded []note       `json:"unrecorded,omitempty"`
}

// lease is one running lease.
type lease struct {
	leaseState
	of       *subjectAccess
	recorder *recorder
	mirror   *ticketMirror
	// dirty is true when a message has changed what is wanted.
	dirty  bool
	parked bool
}

// run brings the lease to where it shall be, again and again, until it has ended and everybody knows.
func (l *lease) run(ctx workflow.Context) {
	if l.Removal != nil {
		l.startRemoval(ctx)
	}
	for {
		l.parked = true
		_ = workflow.Await(ctx, func() bool { return !l.of.park })
		l.parked = false
		l.dirty = false
		if l.View.State == access.LeaseEnded && l.finish(ctx) {
			return
		}
		wait := l.step(ctx)
		if wait == 0 {
			continue
		}
		// A negative wait is "until something changes".
		if wait < 0 {
			_ = workflow.Await(ctx, l.disturbed)
			continue
		}
		_, _ = workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      wait,
			TimerOptions: workflow.TimerOptions{Summary: string(l.View.State) + " " + string(l.View.Lease.ID)},
		}, l.disturbed)
	}
}

const untilChanged = time.Duration(-1)

func (l *lease) disturbed() bool { return l.dirty || l.of.park }

// step takes the lease one step, and says how long to wait before the next: 0 for at once.
func (l *lease) step(ctx workflow.Context) time.Duration {
	switch {
	case !l.Recalled && !l.grantsNext(ctx):
		return l.recall(ctx)
	case l.View.State == access.LeaseEnded:
		return untilChanged
	case l.View.State == access.LeaseGranting && l.View.Wanted == access.Present && l.Last.Granted != nil:
		// What a human has granted is held, even if its time is over by now: it must be taken away again.
		return l.grant(ctx)
	case l.mustEnd(ctx):
		return l.end(ctx)
	case l.View.State == access.LeaseHeld:
		return l.hold(ctx)
	default:
		return l.grant(ctx)
	}
}

// grantsNext reports whether the next step is a grant on the target, which asks the ledger itself.
func (l *lease) grantsNext(ctx workflow.Context) bool {
	return l.View.State == access.LeaseGranting && l.View.Wanted == access.Present && l.Last.Granted == nil &&
		l.View.Lease.Binding != nil && !l.mustEnd(ctx)
}

// ensured takes a message about this lease.
func (l *lease) ensured(e access.Ensure) {
	switch {
	case e.Revision < l.View.Revision:
		return
	case e.Revision > l.View.Revision:
		l.Last = e
		l.View.Revision, l.View.Wanted = e.Revision, e.Wanted
		l.Rounds = 0
	}
	l.AnswerDue = true
	l.dirty = true
}

// mustEnd reports whether the access must be gone: it is not wanted, or its time is over.
func (l *lease) mustEnd(ctx workflow.Context) bool {
	if l.View.Wanted == access.Absent {
		return true
	}
	end := l.View.EndsAt
	if end == nil {
		end = l.Last.Window.Until
	}
	return end != nil && !workflow.Now(ctx).Before(*end)
}

// overlaps reports whether two leases are about the same access: one entitlement, or one role on one target.
func (l *lease) overlaps(other *lease) bool {
	a, b := l.View.Lease.Binding, other.View.Lease.Binding
	return l.View.Lease.Entitlement == other.View.Lease.Entitlement || (a != nil && b != nil && *a == *b)
}

// recall asks the ledger what it knows: a lease that has ended, or whose request was taken back, is refused, so that
// memory outlives this workflow and a late message grants nothing.
func (l *lease) recall(ctx workflow.Context) time.Duration {
	var records *activities.Records
	var known activities.Remembered
	if err := workflow.ExecuteLocalActivity(onThisWorker(ctx), records.Recall, l.recallCall()).Get(ctx, &known); err != nil {
		l.Rounds++
		return betweenRounds.after(l.Rounds - 1)
	}
	l.remember(known)
	return 0
}

// remember goes on from what the ledger knows.
func (l *lease) remember(known activities.Remembered) {
	l.Recalled, l.Rounds = true, 0
	if known.Lease != nil {
		l.adopt(*known.Lease)
	}
	if l.View.State != access.LeaseEnded && l.View.Wanted == access.Present && known.Request.Ended() && !known.Request.KeepsAccess() {
		l.Refused = "its request has ended: " + string(known.Request)
		l.View.State = access.LeaseEnded
	}
}

func (l *lease) recallCall() activities.RecallCall {
	return activities.RecallCall{Lease: l.View.Lease.ID, Request: l.View.Lease.Request, Item: l.View.Lease.Item}
}

// adopt goes on from what the ledger remembers of this lease.
func (l *lease) adopt(known access.LeaseView) {
	l.View.Version = known.Version
	l.View.State, l.View.GrantedAt, l.View.EndsAt, l.View.EndedAt, l.View.Proof =
		known.State, known.GrantedAt, known.EndsAt, known.EndedAt, known.Proof
	if known.State == access.LeaseEnded && l.View.Wanted == access.Present {
		l.Refused = "the lease has ended"
	}
}

// hold answers, and sleeps until the lease ends or something changes.
func (l *lease) hold(ctx workflow.Context) time.Duration {
	l.answer(ctx)
	if l.dirty {
		return 0
	}
	if l.View.EndsAt == nil {
		return untilChanged
	}
	return l.View.EndsAt.Sub(workflow.Now(ctx))
}

// finish answers, waits until the ledger knows, and reports whether the lease is over.
func (l *lease) finish(ctx workflow.Context) bool {
	l.answer(ctx)
	_ = workflow.Await(ctx, func() bool {
		return l.disturbed() || (l.recorder.done() && (l.mirror == nil || l.mirror.upToDate()))
	})
	return !l.disturbed()
}

// record adds an event of this lease to the audit trail, with the lease as it is now.
func (l *lease) record(ctx workflow.Context, t access.EventType, proof *access.Proof, text string) {
	l.View.Version++
	view := l.View
	l.recorder.add(note{Entry: access.Entry{
		Lease: &view,
		Events: []access.Event{{
			ID:      fmt.Sprintf("lease/%s#%d", view.Lease.ID, view.Version),
			Request: view.Lease.Request, Lease: view.Lease.ID, Items: []access.ItemID{view.Lease.Item},
			Type: t, At: workflow.Now(ctx).UTC(), Channel: access.ChannelSystem, Proof: proofText(proof), Text: text,
		}},
	}})
	l.of.show(ctx)
}

// answer tells the request where the lease stands, if it has not been told: together with what the ledger is told.
func (l *lease) answer(_ workflow.Context) {
	if !l.AnswerDue {
		return
	}
	l.AnswerDue = false
	v := l.View
	l.recorder.add(note{Answers: []activities.AnswerCall{{
		WorkflowID: RequestWorkflowID(v.Lease.Request), Signal: SignalLeaseState,
		Answer: access.LeaseAnswer{
			Lease: v.Lease.ID, Revision: v.Revision, State: v.State, GrantedAt: v.GrantedAt, EndsAt: v.EndsAt,
			Proof: v.Proof, Refused: l.Refused, Problem: v.Problem,
		},
	}}})
}

// answerDirectly tells the request what waits for a ledger that is away; it is told again when the ledger is back.
func (l *lease) answerDirectly(ctx workflow.Context, answers []activities.AnswerCall) {
	for _, a := range answers {
		if err := workflow.SignalExternalWorkflow(ctx, a.WorkflowID, "", a.Signal, a.Answer).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("the request did not hear its lease", "lease", a.Answer.Lease, "error", err)
		}
	}
}

// unheard is told that the request no longer runs. That is normal: access stays if the request's outcome granted it, else
// it must end.
func (l *lease) unheard(ctx workflow.Context, _ []access.LeaseID) {
	if l.View.Wanted == access.Absent || l.View.State == access.LeaseEnded {
		return
	}
	var records *activities.Records
	var known activities.Remembered
	if err := workflow.ExecuteLocalActivity(onThisWorker(ctx), records.Recall, l.recallCall()).Get(ctx, &known); err != nil {
		l.AnswerDue, l.dirty = true, true
		return
	}
	if known.Request.KeepsAccess() && known.Item == access.ItemGranted {
		return
	}
	// Nobody stands behind this access any more.
	l.View.Wanted = access.Absent
	l.dirty = true
}

// rest asks everything of this lease to come to rest.
func (l *lease) rest() {
	l.recorder.park = true
	if l.mirror != nil {
		l.mirror.park = true
	}
}

func (l *lease) resting() bool {
	return l.parked && l.recorder.parked && (l.mirror == nil || l.mirror.parked)
}

// carry is what the next run needs of this lease.
func (l *lease) carry() leaseState {
	carried := l.leaseState
	carried.Unrecorded = l.recorder.pending
	if l.mirror != nil {
		carried.Removal = &l.mirror.mirrorState
	}
	return carried
}

// leaseDetails is the run's page in the Temporal UI, in Markdown; see details.
func leaseDetails(views []access.LeaseView) string {
	if len(views) == 0 {
		return "No lease is left." + lastLine
	}
	var b strings.Builder
	for _, v := range views {
		ends := "without end"
		if v.EndsAt != nil {
			ends = "until " + clock(*v.EndsAt)
		}
		fmt.Fprintf(&b, "- **%s** is %s, %s (lease %s)\n", inline(v.Lease.Title), inline(sentence(string(v.State), v.Problem)), ends, inline(string(v.Lease.ID)))
	}
	b.WriteString(lastLine)
	return b.String()
}
