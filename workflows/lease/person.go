// Package lease is the workflow SubjectAccess: the single writer of one person's access. All leases of a person are steps of
// one loop: what a lease does next is a pure function of it, of the person's other leases, and of the time (next.go).
//
// person.go holds the leases; index.go and agenda.go know which of them must be evaluated; grant.go and end.go do the steps;
// removal.go keeps the tickets that ask a person to take access away; standing.go ends what somebody holds who has left, and
// revocation.go what was taken back; pause.go has pauses recorded; facts.go writes the audit trail; status.go shows
// operators what the person holds.
package lease

import (
	"cmp"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/outbox"
)

// Params are the workflow's: what a message starts it with, and what only a continuation brings.
type Params struct {
	Subject access.PersonID `json:"subject"`
	Carried *state          `json:"carried,omitempty"`
}

// state is all that a person's workflow must remember.
type state struct {
	// Person is the subject; only the id until the first message or record.
	Person access.Person `json:"person,omitzero"`
	Leases []record      `json:"leases,omitempty"`
	Outbox outbox.State  `json:"outbox,omitzero"`
	// Recovered is true when the ledger's live leases have been read, up to and with RecoveredTo while they are being read.
	Recovered   bool           `json:"recovered,omitempty"`
	RecoveredTo access.LeaseID `json:"recovered_to,omitempty"`
	RecoverAt   time.Time      `json:"recover_at,omitzero"`
	Failures    int            `json:"failures,omitempty"`
	// Standing is the person's, and Order are the targets on which leases end first while the person is absent.
	Standing access.Standing     `json:"standing,omitzero"`
	Order    []access.TargetName `json:"order,omitempty"`
	// Hints counts the hints of revocations, CheckAt is when the ledger is asked about them again after it did not answer, and CheckFailures counts that.
	Hints         int       `json:"hints,omitempty"`
	CheckAt       time.Time `json:"check_at,omitzero"`
	CheckFailures int       `json:"check_failures,omitempty"`
	// Settings are those of the desks where a ticket must be opened, as far as they have been read.
	Settings map[access.DeskName]deskSettings `json:"settings,omitempty"`
	// Unreadable counts messages that could not be decoded.
	Unreadable int `json:"unreadable,omitempty"`
}

// person is one running workflow.
type person struct {
	*state
	loop   *durable.Loop
	outbox *outbox.Outbox
	// leases are in the order of their numbers, which counts them; index and agenda are kept with every change of one.
	leases                      []*lease
	number                      int
	index                       *index
	agenda                      agenda
	unwritten                   []unwritten
	settingsAt                  time.Time
	loadingSettings, recovering bool
	// ranks are the places of the targets in Order, and turn is up to which place leases may be revoked now.
	ranks map[access.TargetName]int
	turn  int
	// checking is true while the ledger is asked what was revoked, and checked is the last hint about which no lease has to be asked any more.
	checking bool
	checked  int
	// evaluations counts the calls of next: a measure of the cost.
	evaluations int
}

// Workflow holds a person's leases until the last has ended. It ignores cancellation: access that must end ends.
func Workflow(ctx workflow.Context, p Params) error {
	w, err := listen(ctx, p)
	if err != nil {
		return err
	}
	return w.loop.Run(w.carry)
}

// listen returns a person's workflow that takes messages.
func listen(ctx workflow.Context, p Params) (*person, error) {
	w := &person{state: p.Carried, index: newIndex()}
	if w.state == nil {
		w.state = &state{Person: access.Person{ID: p.Subject}}
	}
	w.loop = durable.New(ctx, w)
	w.outbox = outbox.New(w.loop, &w.Outbox, w)
	w.order()
	for _, carried := range w.Leases {
		l := &lease{record: carried}
		w.add(l)
		w.writes(l, len(w.Outbox.Pending))
	}
	w.Leases = nil
	durable.OnSignal(w.loop, workflows.SignalApplyLease, w.message)
	durable.OnSignal(w.loop, workflows.SignalStanding, w.standing)
	durable.OnSignal(w.loop, workflows.SignalRevoke, w.revokeNotice)
	err := workflow.SetQueryHandler(ctx, workflows.QueryLeases, func() ([]access.LeaseView, error) { return w.views(), nil })
	return w, err
}

// carry is how the workflow goes on in a new run.
func (w *person) carry() error {
	carried := *w.state
	carried.Leases = make([]record, len(w.leases))
	for i, l := range w.leases {
		carried.Leases[i] = l.record
	}
	return workflow.NewContinueAsNewError(w.loop.Context(), workflows.SubjectAccessType, Params{Subject: w.Person.ID, Carried: &carried})
}

// message takes one message. One about somebody else changes nothing here; a lease that is new is refused.
func (w *person) message(m access.LeaseSpec) {
	l := w.find(m.Lease.ID)
	foreign := m.Lease.Subject.ID != w.Person.ID
	switch {
	case foreign && l != nil:
		w.Unreadable++
	case foreign:
		l = newLease(m)
		l.Foreign = true
		w.add(l)
	case l != nil:
		w.meet(m)
		w.wish(l, m)
		w.changed(l)
	default:
		w.meet(m)
		l = newLease(m)
		// Its grant asks the ledger, later than any hint that has come.
		l.Checked = w.Hints
		w.judge(l)
		w.add(l)
	}
}

// meet takes how the person is called by now. A message that ends access may have it from long ago.
func (w *person) meet(m access.LeaseSpec) {
	if m.DesiredState == access.Present || w.Person.DisplayName == "" {
		w.Person = m.Lease.Subject
	}
}

// wish takes a message for a lease that is known. A held lease gets the end that a newer message gives it.
func (w *person) wish(l *lease, m access.LeaseSpec) {
	newer := m.Revision > l.Revision
	l.applySpec(m)
	w.judge(l)
	if !newer || l.State != access.LeaseActive || l.DesiredState != access.Present {
		return
	}
	before := l.EndsAt
	l.Granted = nil
	l.EndsAt = l.windowEnd()
	if !sameTime(before, l.EndsAt) {
		w.record(l, access.EventLeaseChanged, nil, w.holdsText(l)+" now.")
	}
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

func (w *person) find(id access.LeaseID) *lease { return w.index.byID[id] }

// add takes a lease that is new here.
func (w *person) add(l *lease) {
	w.number++
	l.number = w.number
	if l.Checked < w.Hints {
		w.checked = 0
	}
	w.leases = append(w.leases, l)
	w.index.add(l)
	w.changed(l)
}

// changed takes that a lease may have something else to do: whatever changes a lease calls it. The leases about the same
// access may have as well. A lease that is over has nothing to do any more.
func (w *person) changed(l *lease) {
	if w.find(l.ID) != l {
		return
	}
	w.index.changed(l)
	w.agenda.add(l)
	for _, g := range w.index.around(l) {
		for _, other := range g.leases {
			w.agenda.add(other)
		}
	}
}

// idle takes that the call for a lease is over.
func (w *person) idle(l *lease) {
	// Whether it is still paused is in the answer.
	l.busy, l.Paused = false, false
	w.changed(l)
}

// Step brings every lease as far as it can go now: those that have changed, those around them, and those that are due.
func (w *person) Step(now time.Time) {
	w.recover(now)
	for _, l := range w.agenda.due(now) {
		w.changed(l)
	}
	w.takeWritten()
	if w.Recovered {
		w.check(now)
		w.stepAll(now)
	}
	w.notifyAll()
	w.outbox.Step()
	w.reschedule(now)
	w.show()
}

// stepAll takes the leases of the agenda on. While the person is absent, it goes on with those whose turn comes by that.
func (w *person) stepAll(now time.Time) {
	w.moveTurn(now)
	for again := true; again; again = w.moveTurn(now) {
		w.stepChanged(now)
	}
}

// stepChanged takes the leases of the agenda on that have changed, in the order of their numbers. A step may add leases: those with a
// higher number are taken on in this pass, the others in the next.
func (w *person) stepChanged(now time.Time) {
	for l := w.agenda.after(0); l != nil; l = w.agenda.after(l.number) {
		if !l.changed {
			continue
		}
		for !l.busy {
			w.evaluations++
			a := next(&l.record, w.others(l, now), now)
			if a == wait {
				break
			}
			w.do(l, a, now)
			w.changed(l)
		}
		w.stepUndelivered(l, now)
		w.stepRemoval(l, now)
		l.changed = false
	}
}

// settle lets go of the leases that are over, and schedules the others that have been evaluated.
func (w *person) reschedule(now time.Time) {
	for _, l := range w.agenda.changed {
		at, _ := w.dueOf(l, now)
		if w.over(l) {
			at, l.changed = time.Time{}, false
			w.leases = without(w.leases, l, byNumber)
			w.index.remove(l)
		}
		w.agenda.schedule(l, at)
	}
	w.agenda.changed = slices.DeleteFunc(w.agenda.changed, func(l *lease) bool { return !l.changed })
}

// do takes one step.
func (w *person) do(l *lease, a action, now time.Time) {
	o := w.others(l, now)
	switch a {
	case load:
		w.load(l)
	case refuse:
		w.refuse(l, cmp.Or(l.Reason, "nothing says where this access is granted"))
	case grantAccess:
		w.grant(l, w.index.sameAccess(l))
	case takeGrant:
		w.takeGrant(l, *l.Granted)
	case endUngranted:
		w.ended(l, nil, "it was never granted")
	case beginEnd:
		w.beginEnd(l)
	case endKept:
		w.ended(l, nil, "the access existed before usher granted it, and is kept")
	case verifyKept:
		w.verifyKept(l, o.keeper.ID)
	case endOverlapped:
		w.overlapped(l, o.keeper.ID)
	case revoke:
		w.revoke(l, w.index.ending(l, now))
	case removeByHand:
		w.openRemoval(l)
	case verifyRemoved:
		w.verifyRemoved(l, *l.Removed)
	case waitForOther:
		l.Loaded = false
	case wait:
	}
}

// over reports whether a lease has ended and everybody knows.
func (w *person) over(l *lease) bool {
	return l.State == access.LeaseEnded && !l.busy && !l.StatusDue && w.outbox.Written(l.fact) &&
		(l.Removal == nil || (l.removal != nil && l.removal.Idle()))
}

// Due returns when the next lease has something to do by the clock.
func (w *person) Due() (time.Time, string) {
	switch {
	case !w.Recovered && !w.recovering:
		return w.RecoverAt, "read the ledger's leases"
	case !w.Recovered:
		return time.Time{}, ""
	}
	var at time.Time
	what := ""
	if len(w.agenda.timed) > 0 {
		at, what = w.dueOf(w.agenda.timed[0], w.loop.Now())
	}
	if !w.checking && !w.CheckAt.IsZero() && (at.IsZero() || w.CheckAt.Before(at)) {
		return w.CheckAt, "ask what was revoked"
	}
	return at, what
}

// dueOf returns when a lease has something to do by the clock, and what that is.
func (w *person) dueOf(l *lease, now time.Time) (time.Time, string) {
	var at time.Time
	what := ""
	consider := func(t time.Time, name string) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at, what = t, name
		}
	}
	switch {
	case l.removal != nil:
		consider(l.removal.Due(), "removal ticket of "+string(l.ID))
	case l.Removal != nil && !w.loadingSettings:
		consider(w.settingsAt, "read the desk's settings")
	}
	if !l.reading {
		consider(l.ReadAt, "is it kept: "+string(l.ID))
	}
	consider(l.due(now), string(l.State)+" "+string(l.ID))
	return at, what
}

// due returns when the lease has a step to take by the clock; zero for never, and while a call is in flight.
func (l *lease) due(now time.Time) time.Time {
	switch end := l.end(); {
	case l.busy || l.State == access.LeaseEnded:
	case l.RetryAt.After(now):
		return l.RetryAt
	case end != nil && end.After(now):
		return *end
	}
	return time.Time{}
}

// Done reports whether no lease is left and everything is recorded.
func (w *person) Done() bool {
	return w.Recovered && len(w.leases) == 0 && w.outbox.Empty()
}

// Cancelled is ignored: access that must end ends.
func (w *person) Cancelled() {}

// Undecodable counts a message that nobody can read: operators see the number.
func (w *person) Undecodable(string, error) { w.Unreadable++ }

// recoverPage is how many leases are read from the ledger at once.
const recoverPage = 200

// recover reads the leases that the ledger knows, in a run that carries none: an earlier one may have been terminated or
// reset, and what it held must still end.
func (w *person) recover(now time.Time) {
	if w.Recovered || w.recovering || now.Before(w.RecoverAt) {
		return
	}
	w.recovering = true
	var records *activities.Records
	call := activities.LiveLeasesInput{Subject: w.Person.ID, After: w.RecoveredTo, Limit: recoverPage}
	hints := w.Hints
	durable.StartLocal(w.loop, workflows.LocalQuestion(), records.LiveLeases, call, func(page activities.LiveLeasesResult, err error) {
		w.recoveredPage(page, hints, err)
	})
}

// recoveredPage takes a page of the leases that the ledger knows. What was revoked of them is known up to a hint.
func (w *person) recoveredPage(page activities.LiveLeasesResult, hints int, err error) {
	w.recovering = false
	if err != nil {
		if !w.loop.Leaving() {
			w.Failures++
			w.RecoverAt = w.loop.Now().Add(workflows.RetryConnector.After(w.Failures))
		}
		return
	}
	if page.Standing != nil {
		w.standing(*page.Standing)
	}
	for _, v := range page.Leases {
		w.RecoveredTo = v.Lease.ID
		if w.Person.DisplayName == "" {
			w.Person = v.Lease.Subject
		}
		if l := w.find(v.Lease.ID); l != nil {
			l.applyRecord(v)
			l.Loaded = v.State != access.LeaseGranting
			w.judge(l)
			w.changed(l)
			continue
		}
		// A grant asks for its evidence again: the request may have ended since.
		l := recovered(v)
		l.Loaded, l.Checked = v.State != access.LeaseGranting, hints
		w.judge(l)
		w.add(l)
	}
	w.takeRevoked(page.Revoked, page.Order)
	w.Failures, w.RecoverAt = 0, time.Time{}
	w.Recovered = len(page.Leases) < recoverPage
}
