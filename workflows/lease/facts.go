package lease

import (
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/outbox"
)

// record adds an event of a lease to the audit trail, with the lease as it will be when it is written.
func (w *person) record(l *lease, t access.EventType, verification *access.Verification, text string) {
	w.writes(l, w.outbox.Add(outbox.Fact{Events: []access.Event{w.event(l, t, verification, text)}, Leases: []access.LeaseID{l.ID}}))
}

// event returns an event of a lease.
func (w *person) event(l *lease, t access.EventType, verification *access.Verification, text string) access.Event {
	request, item := l.origin()
	e := access.Event{
		Request: request, Lease: l.ID, Items: []access.ItemID{item}, Type: t, At: w.loop.Now(),
		Channel: access.ChannelSystem, Evidence: workflows.EvidenceText(verification), Text: text,
	}
	e.ID = workflows.EventID("lease/"+string(l.ID), "", e)
	return e
}

// unwritten is a fact of a lease that is not in the ledger yet.
type unwritten struct {
	lease *lease
	fact  int
}

// writes takes the number of a lease's last fact.
func (w *person) writes(l *lease, fact int) {
	l.fact = fact
	w.unwritten = append(w.unwritten, unwritten{l, fact})
}

// takeWritten has the leases evaluated whose facts have been written: one that has ended may be over.
func (w *person) takeWritten() {
	for len(w.unwritten) > 0 && w.outbox.Written(w.unwritten[0].fact) {
		w.changed(w.unwritten[0].lease)
		w.unwritten = w.unwritten[1:]
	}
}

// notifyAll sends the requests the status of their leases, where they do not have it: together with what the ledger records.
func (w *person) notifyAll() {
	for _, l := range w.agenda.changed {
		if l.StatusDue && (l.State != access.LeaseGranting || l.Problem != "" || l.Refused != "") {
			l.StatusDue = false
			w.writes(l, w.outbox.Add(outbox.Fact{Status: []activities.LeaseStatusMessage{l.status()}}))
		}
	}
}

// Complete implements outbox.Owner: a lease is written as it is now, once.
func (w *person) Complete(facts []outbox.Fact) []access.Entry {
	var entries []access.Entry
	written := map[access.LeaseID]bool{}
	for _, f := range facts {
		entry := access.Entry{Events: f.Events, Ticket: f.Ticket}
		if !entry.Empty() {
			entries = append(entries, entry)
		}
		for _, id := range f.Leases {
			if l := w.find(id); l != nil && !written[id] {
				written[id] = true
				l.Version = workflows.NextVersion(l.Version, w.loop.Now())
				view := l.view(w.Person)
				entries = append(entries, access.Entry{Lease: &view})
			}
		}
	}
	return entries
}

// Refused implements outbox.Owner. Access whose grant the ledger does not have must not stay: it is taken away, and the
// request is told. Everything else that is refused is in this run's history only, and operators see it.
func (w *person) Refused(f outbox.Fact, why string) {
	for _, e := range f.Events {
		l := w.find(e.Lease)
		if l == nil || e.Type != access.EventLeaseGranted || l.State == access.LeaseEnded {
			continue
		}
		w.outbox.WithdrawStatus(l.ID)
		l.DesiredState, l.Refused, l.StatusDue = access.Absent, "its grant cannot be recorded: "+why, true
		w.changed(l)
	}
}

// Undelivered implements outbox.Owner: some requests no longer run. That is normal; the ledger knows who keeps their
// leases now.
func (w *person) Undelivered(leases []access.LeaseID) {
	for _, id := range leases {
		if l := w.find(id); l != nil {
			l.ReadAt = w.loop.Now()
			w.changed(l)
		}
	}
}

// stepUndelivered asks whether a lease whose request no longer runs is kept: access stays if the request's outcome granted it,
// else it must end.
func (w *person) stepUndelivered(l *lease, now time.Time) {
	switch {
	case l.ReadAt.IsZero() || l.reading || now.Before(l.ReadAt):
		return
	case l.DesiredState == access.Absent || l.State == access.LeaseEnded:
		l.ReadAt = time.Time{}
		return
	}
	l.reading = true
	var records *activities.Records
	durable.StartLocal(w.loop, workflows.LocalQuestion(), records.ReadLeaseRecord, l.recordInput(w.Person.ID), func(known activities.LeaseRecord, err error) {
		l.reading = false
		w.changed(l)
		if err != nil {
			l.ReadAt = w.loop.Now().Add(workflows.RetryConnector.First)
			return
		}
		l.ReadAt = time.Time{}
		w.endAgainst(l, known)
		if l.DesiredState != access.Absent && (known.Evidence != activities.EvidenceApproved || !known.Kept) {
			// No request keeps this access any more.
			l.DesiredState, l.RetryAt = access.Absent, w.loop.Now()
		}
	})
}
