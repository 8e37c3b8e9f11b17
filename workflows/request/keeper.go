package request

import (
	"slices"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/outbox"
	"usher/workflows/ticket"
)

// keeper is a request as the owner of its ticket.
type keeper struct{ *request }

// Order implements ticket.Owner.
func (k keeper) Order() activities.OpenTicketInput {
	call := activities.OpenTicketInput{Ticket: ticket.ForRequest(k.asked, *k.Requirement, k.marker), People: k.ticketPeople()}
	for _, w := range k.view().WaitingOn {
		if w.Person != "" {
			call.Assign = append(call.Assign, w.Person)
		}
	}
	if k.Ticket.Old == nil && !k.Ticket.Unbound {
		call.Bind = k.asked.Origin
	}
	k.View.Version = workflows.NextVersion(k.View.Version, k.loop.Now())
	k.openVersion = k.View.Version
	view := copyView(k.view())
	view.TicketProblem = ""
	call.Record = &access.Entry{
		Events: []access.Event{{
			ID: workflows.EventIDPrefix(workflows.RequestWorkflowID(k.asked.ID), access.EventTicketOpened), Request: k.asked.ID,
			Type: access.EventTicketOpened, Channel: access.ChannelSystem,
		}},
		Ticket: &access.TicketLink{Request: k.asked.ID, Marker: k.marker},
		View:   &view,
	}
	return call
}

// ticketPeople returns those whose desk accounts must be known: who asks, who gets, who has filed it, who may decide.
func (r *request) ticketPeople() []access.Person {
	need := r.Requirement
	people := []access.Person{need.Requester}
	seen := map[access.PersonID]bool{need.Requester.ID: true}
	add := func(p access.Person) {
		if !seen[p.ID] {
			seen[p.ID] = true
			people = append(people, p)
		}
	}
	add(need.Subject)
	if need.Filer.ID != "" {
		add(need.Filer)
	}
	for _, item := range need.Items {
		for _, stage := range item.Stages {
			for _, p := range stage.Approvers {
				add(p)
			}
		}
	}
	return people
}

// Opened implements ticket.Owner.
func (k keeper) Opened(o activities.OpenTicketResult) {
	ref := o.Ref
	k.View.Ticket = &ref
	if old := k.Ticket.Old; old != nil {
		k.Ticket.Pending = nil
		k.ticket.Write(ticket.Write{
			Key: "replaces/" + string(old.Key), Text: ticket.ReplacedText(old.Key), TransitionTo: k.phase(), Assign: k.nextApprover(),
		})
		if k.View.State.Ended() {
			k.ticket.Write(ticket.Write{Key: "outcome/" + string(k.View.State), TransitionTo: k.phase()})
		}
	}
	if o.Bound != nil {
		// What usher has understood stands on the ticket before anything else, for those who decide.
		text := ticket.BoundText(ticket.ForRequest(k.asked, *k.Requirement, k.marker))
		first := ticket.Write{
			Key: ticket.BoundPrefix + string(ticket.CommentMarker("", text)), Text: text, TransitionTo: k.phase(), Assign: k.nextApprover(),
		}
		k.Ticket.Pending = append([]ticket.Write{first}, k.Ticket.Pending...)
	} else if k.asked.Origin != nil && k.Ticket.Old == nil {
		k.sayElsewhere(ref)
	}
	k.recordOpened(o)
	again := o.Bound != nil && (o.OpeningKnown || slices.ContainsFunc(o.Bound.DecisionMoves, access.TicketMove.IsOwnAnswer))
	known := o.Found || again || k.Ticket.Old != nil
	switch {
	case !known || !k.asksOnDesk():
	case k.View.State.Ended():
		// To release everybody nothing needs to be read before.
		k.showAsks()
	default:
		// Approvals may be there that nobody remembers, and answers that the watch has told.
		k.AskAfterRead, k.Ticket.ReadNow = true, true
	}
	if k.ChangedBeforeOpen {
		k.ChangedBeforeOpen = false
		k.Ticket.ReadNow = true
	}
}

// sayElsewhere has the ticket by which a person asked say where the request goes on. That this fails is no trouble of the request's.
func (k keeper) sayElsewhere(ref access.TicketRef) {
	from := k.asked.Origin
	text := ticket.ElsewhereText(ref)
	call := activities.UpdateTicketInput{Ticket: from.Ticket, Comments: []access.Comment{{Marker: ticket.CommentMarker("usher-asked", text), Text: text}}}
	var desk *activities.Desk
	options := workflows.Ticket(from.Desk, "say where a request goes on")
	durable.Start(k.loop, options, desk.UpdateTicket, call, func(activities.UpdateTicketResult, error) {})
}

// recordOpened records that the ticket was opened, as far as the activity has not. A ticket that was found was opened by an
// earlier attempt: it is the same fact, which may be recorded already.
func (k keeper) recordOpened(o activities.OpenTicketResult) {
	ref := o.Ref
	switch {
	case o.Recorded && k.View.Version == k.openVersion:
		return
	case o.Recorded:
		// A later view was recorded without the ticket.
		k.outbox.Add(outbox.Fact{View: true})
		return
	}
	k.outbox.Add(outbox.Fact{Ticket: &access.TicketLink{Ref: ref, Request: k.asked.ID, Marker: k.marker}, View: true})
	if o.OpeningKnown {
		return
	}
	// A fact of its own: an earlier attempt may have recorded it with another key, and what is refused takes nothing along.
	k.outbox.Add(outbox.Fact{Events: []access.Event{k.event(string(ref.ID), access.Event{
		Type: access.EventTicketOpened, Channel: access.ChannelSystem, Evidence: ref.URL,
		Text: "Ticket " + string(ref.Key) + " was opened.",
	})}})
}

// Missing implements ticket.Owner: it does what the contract says of a ticket that can no longer be read.
func (k keeper) Missing() {
	action := k.Requirement.Settings.TicketActions.Action(access.EventDeleted)
	now := access.TicketSnapshot{Ref: *k.Ticket.Ref}
	if k.View.State.Ended() || action == access.ActionRecordOnly || action == access.ActionCancel {
		// Nothing is left to show, or nothing to show it on.
		k.unlink(now.Ref)
		k.ticket.TurnOff()
		k.TicketShown = true
	}
	if !k.View.State.Ended() {
		k.apply(change{event: access.EventDeleted, now: now})
	}
}

// Dropped implements ticket.Owner.
func (k keeper) Dropped(why string) {
	k.record(access.Event{Type: access.EventTicketChanged, Channel: access.ChannelSystem, Text: "Left as it is: " + why})
}

// NotAssigned implements ticket.Owner: whoever approves decides without being the assignee.
func (k keeper) NotAssigned(access.AccountID, string) {}

// Closing implements ticket.Owner.
func (k keeper) Closing() *access.Entry {
	if !k.View.State.Ended() || k.TicketShown {
		return nil
	}
	closing := &access.Entry{Events: []access.Event{k.closedEvent()}}
	if k.Ticket.WasBehind {
		// When it is recorded, the ticket is no longer behind.
		k.View.Version = workflows.NextVersion(k.View.Version, k.loop.Now())
		view := copyView(k.view())
		view.TicketProblem = ""
		closing.View = &view
	}
	return closing
}

// RecordFirst implements ticket.Owner: the outcome goes to the ledger with the call that shows it on the ticket.
func (k keeper) RecordFirst() []access.Entry {
	delegated := k.delegated
	k.delegated = nil
	return delegated
}

// RecordedFirst implements ticket.Owner.
func (k keeper) RecordedFirst(recorded bool) {
	k.outbox.Delegated(recorded)
	if !recorded {
		k.Ticket.Held, k.Ticket.Recorded = true, false
	}
}

func (k keeper) closedEvent() access.Event {
	return k.event(string(k.Ticket.Ref.ID), access.Event{
		Type: access.EventTicketClosed, Channel: access.ChannelSystem, Text: "Ticket " + string(k.Ticket.Ref.Key) + " shows the outcome.",
	})
}

// Closed implements ticket.Owner.
func (k keeper) Closed(recorded bool, how string) {
	if k.TicketShown || !k.View.State.Ended() {
		return
	}
	k.TicketShown = true
	if !recorded {
		e := k.closedEvent()
		if how != "" {
			e.Text = "Ticket " + string(k.Ticket.Ref.Key) + " is closed already and stays as it is: " + how
		}
		k.outbox.Add(outbox.Fact{Events: []access.Event{e}, View: true})
	}
}

// Text implements ticket.Owner.
func (k keeper) Text(w ticket.Write) string {
	if n := k.decided(w.Key); n > 0 {
		return k.decisionComment(n)
	}
	return ticket.OutcomeText(k.View)
}

// Approvals implements ticket.Owner.
func (k keeper) Approvals() access.DeskApprovals {
	say := ticket.ForRequest(k.asked, *k.Requirement, k.marker)
	return access.DeskApprovals{
		Summary: say.Summary, Body: say.Body, All: k.deskApprovals(), Over: k.View.State.Ended() && !k.View.State.KeepsAccess(),
	}
}

// Asked implements ticket.Owner.
func (k keeper) Asked(ids map[string]string) {
	for i := range k.Asks {
		if id, known := ids[k.Asks[i].Key]; known {
			k.Asks[i].ID = id
		}
	}
}

// Read implements ticket.Owner.
func (k keeper) Read(now access.TicketSnapshot) bool {
	news := k.compare(now)
	if k.AskAfterRead {
		k.AskAfterRead = false
		k.askOnDesk()
		k.showAsks()
	}
	return news
}

// phase returns where the ticket belongs as the request stands.
func (r *request) phase() access.TicketPhase {
	switch state := r.View.State; {
	case state == access.StateFulfilling, state == access.StateRevoking:
		return access.TicketWorking
	case state.KeepsAccess():
		return access.TicketDone
	case state.Ended():
		return access.TicketWontDo
	}
	return access.TicketWaiting
}

// unlink has the ledger forget that a ticket is to be watched.
func (r *request) unlink(ref access.TicketRef) {
	r.outbox.Add(outbox.Fact{Ticket: &access.TicketLink{
		Ref: ref, Request: r.asked.ID, Marker: r.marker, Unlinked: true,
	}})
}

// stalenessDoublings is how often the time between two questions about the watch's age doubles.
const stalenessDoublings = 3

// watched reports whether the desk's watch tells the request of changes.
func (r *request) watched() bool {
	return r.Requirement.Settings.ChangeDetection == access.DetectByWatch
}

// closeTogether has the call that shows the outcome on the ticket record it first, where that call can, and nobody waits for
// the record.
func (r *request) closeTogether(now time.Time) {
	if !r.View.State.Ended() || r.outbox.Recorded(r.ending) || r.loop.Answering() || r.ticket == nil || !r.Ticket.Recorded || !r.ticket.Free(now) {
		return
	}
	if r.delegated = r.outbox.Delegate(); r.delegated != nil {
		r.release()
	}
}

// keep keeps the ticket. Where the desk is watched, a read that is due only asks how old the watch's last poll is, and the
// ticket itself is read if that is too old.
func (r *request) keep(now time.Time) {
	if r.ticket == nil || (r.View.State == access.StateEvaluating) {
		return
	}
	if r.View.State.Ended() && r.outbox.Recorded(r.ending) {
		r.release()
	}
	due := !r.Ticket.ReadAt.IsZero() && !now.Before(r.Ticket.ReadAt)
	if due && r.watched() && r.Ticket.Misses == 0 && !r.Ticket.ReadNow && !r.Ticket.Unread && r.Ticket.Ref != nil && !r.Ticket.Off {
		r.Ticket.ReadAt = time.Time{}
		r.checkWatch()
	}
	r.ticket.Step(now)
}

func (r *request) checkWatch() {
	r.checkingWatch = true
	var watch *activities.Watch
	desk := r.Requirement.Settings.Desk
	durable.StartLocal(r.loop, workflows.LocalQuestion(), watch.WatchPosition, desk, func(view access.WatchPosition, err error) {
		r.checkingWatch = false
		if err == nil && !view.StaleAt(r.loop.Now(), r.Requirement.Settings.Watch.StaleAfter) {
			r.ticket.Unchanged()
			return
		}
		r.Ticket.ReadNow = r.Ticket.Ref != nil && !r.Ticket.Off
	})
}

// readNow asks for a read of the ticket at once.
func (r *request) readNow() {
	if r.ticket != nil && r.Ticket.Ref != nil && !r.Ticket.Off {
		r.Ticket.ReadNow = true
	}
}
