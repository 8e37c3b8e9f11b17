package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// subjectState is what SubjectAccess carries when it continues as new.
type subjectState struct {
	Leases []leaseState `json:"leases,omitempty"`
}

// subjectAccess is the single writer of one person's leases. Each lease has a coroutine of its own, so a stuck revoke
// or a dead target delays no other lease; two calls for one binding never run at once.
type subjectAccess struct {
	subject access.PersonID
	leases  []*lease
	// locks holds one lock for each binding, so that a revoke and a grant of overlapping leases cannot cross.
	locks map[access.Binding]workflow.Mutex
	// park asks every coroutine to come to rest, before the workflow continues as new.
	park bool
}

// SubjectAccess holds a person's leases until the last has ended. It ignores cancellation: access that must end
// ends. Its last act, before it returns or continues as new, is to find no unread message.
func SubjectAccess(ctx workflow.Context, p SubjectAccessParams) error {
	s := &subjectAccess{subject: p.Subject, locks: map[access.Binding]workflow.Mutex{}}
	err := workflow.SetQueryHandler(ctx, QueryLeases, func() ([]access.LeaseView, error) { return s.views(), nil })
	if err != nil {
		return err
	}
	work, _ := workflow.NewDisconnectedContext(ctx)
	if p.Carried != nil {
		for _, carried := range p.Carried.Leases {
			s.start(work, &lease{leaseState: carried})
		}
	}
	return s.serve(work)
}

// serve reads messages until no lease is left.
func (s *subjectAccess) serve(ctx workflow.Context) error {
	ensures := workflow.GetSignalChannel(ctx, SignalEnsure)
	grown := func() bool { return workflow.GetInfo(ctx).GetContinueAsNewSuggested() }
	for {
		if err := workflow.Await(ctx, func() bool { return ensures.Len() > 0 || len(s.leases) == 0 || grown() }); err != nil {
			return err
		}
		if grown() && len(s.leases) > 0 {
			return s.continueAsNew(ctx, ensures)
		}
		// The drain is the last thing before the return: nothing awaits between an empty drain and the end.
		if !s.drain(ctx, ensures) && len(s.leases) == 0 {
			s.show(ctx)
			return nil
		}
		s.show(ctx)
	}
}

// drain takes every message that has come, and reports whether there was one.
func (s *subjectAccess) drain(ctx workflow.Context, ensures workflow.ReceiveChannel) bool {
	some := false
	var e access.Ensure
	for ensures.ReceiveAsync(&e) {
		some = true
		s.ensure(ctx, e)
		e = access.Ensure{}
	}
	return some
}

// continueAsNew lets every coroutine come to rest, then takes what has come meanwhile and carries it.
func (s *subjectAccess) continueAsNew(ctx workflow.Context, ensures workflow.ReceiveChannel) error {
	s.park = true
	for _, l := range s.leases {
		l.rest()
	}
	if err := workflow.Await(ctx, func() bool {
		return !slices.ContainsFunc(s.leases, func(l *lease) bool { return !l.resting() })
	}); err != nil {
		return err
	}
	s.drain(ctx, ensures)
	carried := subjectState{}
	for _, l := range s.leases {
		carried.Leases = append(carried.Leases, l.carry())
	}
	return workflow.NewContinueAsNewError(ctx, SubjectAccessType, SubjectAccessParams{Subject: s.subject, Carried: &carried})
}

// ensure takes one message. A lower revision than one already seen is ignored; the same is answered again.
func (s *subjectAccess) ensure(ctx workflow.Context, e access.Ensure) {
	for _, l := range s.leases {
		if l.View.Lease.ID == e.Lease.ID {
			l.ensured(e)
			return
		}
	}
	l := &lease{leaseState: leaseState{
		View: access.LeaseView{Lease: e.Lease, Revision: e.Revision, Wanted: e.Wanted, State: access.LeaseGranting},
		Last: e, AnswerDue: true,
	}}
	s.start(ctx, l)
}

// start gives a lease its coroutine.
func (s *subjectAccess) start(ctx workflow.Context, l *lease) {
	l.of = s
	l.recorder = &recorder{unheard: l.unheard, away: l.answerDirectly}
	for _, n := range l.Unrecorded {
		l.recorder.add(n)
	}
	l.Unrecorded = nil
	s.leases = append(s.leases, l)
	if s.park {
		// The run is about to end: the next one starts the coroutine.
		l.rest()
		l.parked, l.recorder.parked = true, true
		return
	}
	workflow.GoNamed(ctx, "lease "+string(l.View.Lease.ID), func(ctx workflow.Context) {
		workflow.Go(ctx, l.recorder.run)
		l.run(ctx)
		s.leases = slices.DeleteFunc(s.leases, func(other *lease) bool { return other == l })
	})
}

// lock is the binding's lock.
func (s *subjectAccess) lock(ctx workflow.Context, b access.Binding) workflow.Mutex {
	m, ok := s.locks[b]
	if !ok {
		m = workflow.NewMutex(ctx)
		s.locks[b] = m
	}
	return m
}

// keeper is another lease that holds the same binding and goes on holding it; nil when there is none.
func (s *subjectAccess) keeper(ctx workflow.Context, l *lease) *lease {
	for _, other := range s.leases {
		if other != l && other.View.State == access.LeaseHeld && !other.mustEnd(ctx) && other.overlaps(l) {
			return other
		}
	}
	return nil
}

func (s *subjectAccess) views() []access.LeaseView {
	views := make([]access.LeaseView, len(s.leases))
	for i, l := range s.leases {
		views[i] = l.View
	}
	return views
}

// show tells operators what the person holds.
func (s *subjectAccess) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, leaseDetails(s.views()))
}
