package lease

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/outbox"
	"usher/workflows/ticket"
)

// openRemoval opens the ticket that asks a person to take the access away: what a person granted, or what usher cannot
// revoke.
func (w *person) openRemoval(l *lease) { l.Removal = newRemovalState() }

func newRemovalState() *ticket.State { return &ticket.State{} }

// stepRemoval keeps the ticket. It needs the desk's settings, which are not carried for each lease.
func (w *person) stepRemoval(l *lease, now time.Time) {
	if l.Removal == nil {
		return
	}
	settings, known := w.Settings[l.Desk]
	switch {
	case !known:
		w.loadSettings(l.Desk, now)
		return
	case l.removal == nil:
		l.removal = ticket.New(w.loop, l.Removal, ticket.Settings{
			Desk: l.Desk, Marker: access.RemovalMarkerOf(l.ID), SearchDelay: settings.SearchDelay.Std(),
			First: settings.First.Std(), Max: settings.Max.Std(), Recheck: settings.First.Std(),
		}, removal{w, l})
		l.removal.Changed = func() { w.changed(l) }
	}
	l.removal.Step(now)
}

// deskSettings are the settings that the keeper of a ticket needs.
type deskSettings struct {
	SearchDelay access.Duration `json:"search_delay"`
	First       access.Duration `json:"first"`
	Max         access.Duration `json:"max"`
}

func (w *person) loadSettings(desk access.DeskName, now time.Time) {
	if w.loadingSettings || now.Before(w.settingsAt) {
		return
	}
	w.loadingSettings = true
	var policy *activities.Policy
	durable.StartLocal(w.loop, workflows.LocalQuestion(), policy.CurrentSettings, desk, func(settings access.RequestSettings, err error) {
		w.loadingSettings = false
		w.changedRemovals()
		if err != nil {
			w.settingsAt = w.loop.Now().Add(workflows.RetryConnector.First)
			return
		}
		if w.Settings == nil {
			w.Settings = map[access.DeskName]deskSettings{}
		}
		w.Settings[desk] = deskSettings{SearchDelay: settings.SearchIndexDelay, First: settings.PollInitialInterval, Max: settings.PollMaxInterval}
	})
}

// changedRemovals has every lease evaluated that waits for the desk's settings.
func (w *person) changedRemovals() {
	for _, l := range w.leases {
		if l.Removal != nil {
			w.changed(l)
		}
	}
}

// removal is a lease as the owner of the ticket that asks for its end.
type removal struct {
	w *person
	l *lease
}

// Order implements ticket.Owner.
func (r removal) Order() activities.OpenTicketInput {
	why := "Its time is over."
	switch {
	case r.l.Revoked != "":
		why = "It was revoked."
	case r.l.Left:
		why = "Whoever holds it has left."
	}
	if r.l.Fulfilment != access.FulfilmentManual {
		why = "usher cannot take it away, and goes on trying: " + r.l.Problem
		if r.l.Nowhere {
			why += ". If there is nothing to take away, close this ticket as done"
		}
	}
	return activities.OpenTicketInput{
		Ticket: ticket.ForRemoval(r.l.view(r.w.Person).Lease, why),
		// Whether the holder's word would do shows later, when the account can no longer be looked up.
		People: []access.Person{r.w.Person},
		Record: &access.Entry{Ticket: r.link(access.TicketRef{Desk: r.l.Desk})},
	}
}

// onWord reports whether nothing but a person's word can say that the access is gone.
func (r removal) onWord() bool {
	return r.l.Nowhere || (r.l.Fulfilment == access.FulfilmentManual && r.l.Binding == nil)
}

func (r removal) link(ref access.TicketRef) *access.TicketLink {
	request, _ := r.l.origin()
	return &access.TicketLink{Ref: ref, Request: request, Lease: r.l.ID, Marker: access.RemovalMarkerOf(r.l.ID)}
}

// Opened implements ticket.Owner.
func (r removal) Opened(o activities.OpenTicketResult) {
	r.w.writes(r.l, r.w.outbox.Add(outbox.Fact{Ticket: r.link(o.Ref), Leases: []access.LeaseID{r.l.ID}}))
	if r.l.Fulfilment != access.FulfilmentManual && !r.l.Nowhere {
		// The revoke goes on by itself: nobody needs to read the ticket.
		r.l.Removal.ReadAt = time.Time{}
	}
}

// Missing implements ticket.Owner: access that must end ends, so the ticket is opened again.
func (r removal) Missing() {
	if r.l.State == access.LeaseEnded {
		r.l.removal.TurnOff()
		return
	}
	r.l.removal.Replace()
}

// Dropped implements ticket.Owner.
func (r removal) Dropped(why string) {
	workflow.GetLogger(r.w.loop.Context()).Warn("removal ticket left as it is", "why", why)
}

// NotAssigned implements ticket.Owner: usher assigns a removal to nobody.
func (r removal) NotAssigned(access.AccountID, string) {}

// Closed implements ticket.Owner.
func (r removal) Closed(bool, string) {}

// RecordFirst implements ticket.Owner: what became of a lease is recorded before its ticket shows it.
func (r removal) RecordFirst() []access.Entry { return nil }

// Approvals implements ticket.Owner: nobody approves a removal.
func (r removal) Approvals() access.DeskApprovals { return access.DeskApprovals{} }

// Asked implements ticket.Owner.
func (r removal) Asked(map[string]string) {}

// RecordedFirst implements ticket.Owner.
func (r removal) RecordedFirst(bool) {}

// Closing implements ticket.Owner.
func (r removal) Closing() *access.Entry { return nil }

// Text implements ticket.Owner.
func (r removal) Text(ticket.Write) string { return "" }

// Read implements ticket.Owner: a person says on the ticket that the access is gone, or that it will not be taken away.
func (r removal) Read(now access.TicketSnapshot) bool {
	before := *r.l.Removal.Seen
	// Nobody decides anything here.
	now.DecisionMoves = nil
	r.l.Removal.Seen = &now
	switch {
	case r.l.State != access.LeaseRevoking || r.l.busy || (r.l.Fulfilment != access.FulfilmentManual && !r.l.Nowhere):
	case now.Phase == access.TicketDone && !now.StatusChangedByUsher:
		if why := r.unauthorised(now); why != "" {
			r.revert("no word/", now, why)
			break
		}
		r.w.removed(r.l, now)
	case now.Phase == access.TicketWontDo && !now.StatusChangedByUsher:
		r.revert("must end/", now, "access that must end ends")
	}
	return before.Phase != now.Phase
}

// revert puts the ticket back, and says why.
func (r removal) revert(key string, now access.TicketSnapshot, why string) {
	r.l.Removal.Write(ticket.Write{
		Key: key + now.StatusChangedAt.UTC().Format(time.RFC3339Nano), Text: ticket.RevertText(why), TransitionTo: access.TicketWaiting,
	})
}

// unauthorised returns why the word of whoever closed the ticket as done does not end the lease; "" when it does. Where the
// target can be read, it is asked, whoever closed the ticket.
func (r removal) unauthorised(now access.TicketSnapshot) string {
	switch {
	case !r.onWord():
		return ""
	case r.l.removal.Person(now.StatusChangedBy) == r.w.Person.ID:
		return "whoever holds access cannot confirm that it was removed"
	case !now.StatusChangedByFulfiller:
		return ticket.MoverName(now) + " is not one of those who remove access by hand"
	}
	return ""
}

// removed takes a person's word that the access is gone. Where the target can say so itself, it must confirm it.
func (w *person) removed(l *lease, now access.TicketSnapshot) {
	if l.Binding != nil && !l.Nowhere {
		l.Removed, l.RetryAt = &now, time.Time{}
		return
	}
	w.ended(l, &access.Verification{
		Method: "a human's word", Evidence: "desk account " + string(now.StatusChangedBy) + " closed " + string(now.Ref.Key) + " as done",
		At: w.loop.Now(),
	}, ticket.MoverName(now)+" says so")
}

func (w *person) verifyRemoved(l *lease, now access.TicketSnapshot) {
	l.busy = true
	var port *activities.Target
	options := workflows.Target(l.Binding.Target, "verify "+l.Title)
	durable.Start(w.loop, options, port.Verify, w.assignment(l), func(verification access.Verification, err error) {
		w.idle(l)
		switch {
		case err != nil:
			w.retry(l, err, workflows.RetryConnector)
		case !verification.Present:
			w.ended(l, &verification, ticket.MoverName(now)+" removed it, and the target shows it gone")
		default:
			l.Removed = nil
			removal{w, l}.revert("still there/", now, "the target still shows the access")
		}
	})
}
