package incident

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/ticket"
)

// keeper is an incident as the owner of its ticket.
type keeper struct{ *incident }

// Order implements ticket.Owner.
func (k keeper) Order() activities.OpenTicketInput {
	order := activities.OpenTicketInput{Ticket: ticket.ForIncident(k.asked, k.marker)}
	order.Ticket.Assignee = k.View.Assignee.Account
	return order
}

// Opened implements ticket.Owner.
func (k keeper) Opened(o activities.OpenTicketResult) {
	ref := o.Ref
	k.View.Ticket = &ref
	if !k.View.State.Ended() {
		k.View.State, k.View.Since = access.IncidentOpen, k.loop.Now()
	} else if k.View.State == access.IncidentCancelled {
		k.View.StatusText = cancelledBeside(ref.Key)
	}
	k.say(string(ref.ID), access.DeskEvent{Type: access.DeskIncidentOpened, Evidence: ref.URL, Text: "The ticket " + string(ref.Key) + " was opened."})
}

// hidden is how long a ticket must be out of sight before it counts as deleted: usher's account may lose a right for some hours.
const hidden = 24 * time.Hour

// Missing implements ticket.Owner: whoever may delete a ticket may say that nobody is to work on it.
func (k keeper) Missing() {
	now := k.loop.Now()
	if k.MissingSince.IsZero() {
		k.MissingSince = now
	}
	if now.Sub(k.MissingSince) >= hidden {
		k.end(access.IncidentDeleted, "The ticket "+string(k.View.Ticket.Key)+" can no longer be read: somebody deleted or hid it.")
		return
	}
	k.MissingReads++
	again := now.Add(workflows.RetryHidden.After(k.MissingReads))
	k.Ticket.ReadAt, k.Ticket.RetryAt = again, again
}

// found takes that the ticket can be read. What waited for that is written at once.
func (k keeper) found() {
	if !k.MissingSince.IsZero() {
		k.MissingSince, k.MissingReads, k.Ticket.RetryAt = time.Time{}, 0, time.Time{}
	}
}

// Dropped implements ticket.Owner. An assignment that is dropped was not made.
func (k keeper) Dropped(why string) {
	workflow.GetLogger(k.loop.Context()).Warn("ticket of an incident left as it is", "why", why)
	if waiting := k.Ticket.Pending; len(waiting) > 0 && assigning(waiting[0]) && *waiting[0].Assign != k.Ticket.Seen.Assignee {
		k.NotAssigned(*waiting[0].Assign, why)
		k.readNow()
	}
}

// NotAssigned implements ticket.Owner: another one is picked.
func (k keeper) NotAssigned(to access.AccountID, why string) {
	has := k.View.Assignee
	if k.View.State.Ended() || has == nil || has.Account != to || has.User == "" {
		return
	}
	if k.Ticket.Seen.Assignee == to {
		// People were faster, with the same one.
		k.has(has)
		return
	}
	text := "The desk does not let usher assign the ticket to " + called(*has)
	k.say("", access.DeskEvent{Type: access.DeskIncidentChanged, User: has.User, Text: workflows.Sentence(text, why) + "."})
	k.Except = append(k.Except, has.User)
	k.View.Assignee = &access.IncidentAssignee{Why: text}
	if k.Had != nil {
		// It is still with whom it was.
		k.has(k.Had)
	}
	k.Ask, k.Unconfirmed = true, false
}

// has takes who has the ticket on the desk.
func (i *incident) has(who *access.IncidentAssignee) {
	same := *who
	i.View.Assignee, i.Had, i.Unconfirmed, i.Unrecorded = &same, who, false, true
}

// Closed implements ticket.Owner: usher closes the ticket of an incident only when there is nothing more to do.
func (k keeper) Closed(bool, string) {
	if k.View.NothingLeft != "" {
		k.end(access.IncidentClosed, k.View.NothingLeft)
	}
}

// Closing implements ticket.Owner.
func (k keeper) Closing() *access.Entry { return nil }

// RecordFirst implements ticket.Owner.
func (k keeper) RecordFirst() []access.Entry { return nil }

// RecordedFirst implements ticket.Owner.
func (k keeper) RecordedFirst(bool) {}

// Text implements ticket.Owner.
func (k keeper) Text(ticket.Write) string { return "" }

// Approvals implements ticket.Owner: nobody approves an incident.
func (k keeper) Approvals() access.DeskApprovals { return access.DeskApprovals{} }

// Asked implements ticket.Owner.
func (k keeper) Asked(map[string]string) {}

// Read implements ticket.Owner: people work on the ticket, and what they do counts.
func (k keeper) Read(now access.TicketSnapshot) bool {
	before := *k.Ticket.Seen
	// Nobody decides anything here.
	now.DecisionMoves = nil
	k.Ticket.Seen = &now
	k.found()
	k.given(now)
	news := before.Status != now.Status || before.Phase != now.Phase || before.Assignee != now.Assignee || before.Ref.Key != now.Ref.Key
	if k.View.State.Ended() || !news {
		return news
	}
	ref := now.Ref
	k.View.Ticket, k.View.TicketStatus, k.Unrecorded = &ref, now.Status, true
	k.reassigned(before, now)
	if !now.Phase.Closed() {
		return true
	}
	who := "usher's own account"
	if !now.StatusChangedByUsher {
		who = ticket.MoverName(now)
	}
	k.end(access.IncidentClosed, who+" closed "+string(ref.Key)+" as "+now.Status+".")
	return true
}

// given takes to whom the desk itself gave a ticket that usher could assign to nobody.
func (k keeper) given(now access.TicketSnapshot) {
	if k.NobodyElse != "" && !k.View.State.Ended() && k.View.Assignee.Account == "" && now.Assignee != "" && now.AssignedByUsher && !k.Ask && !k.busy {
		k.has(&access.IncidentAssignee{Account: now.Assignee, Why: "The desk gave the ticket to the account " + string(now.Assignee) + "."})
	}
}

// toNobody is why a ticket is with nobody whom somebody took it from.
const toNobody = "Somebody assigned the ticket to nobody on the desk."

// reassigned takes that somebody else than usher has assigned the ticket. One that was assigned to nobody, as when somebody's account is closed, goes to
// somebody else, unless it was done a second time within a day.
func (k keeper) reassigned(before, now access.TicketSnapshot) {
	if before.Assignee == now.Assignee || now.AssignedByUsher || now.Assignee == k.View.Assignee.Account {
		return
	}
	const again = 24 * time.Hour
	text, at := toNobody, k.loop.Now()
	k.Left, k.Ask, k.AskAt, k.Vacant, k.NobodyElse = false, false, time.Time{}, 0, ""
	if now.Assignee != "" {
		text = "Somebody assigned the ticket to the account " + string(now.Assignee) + " on the desk."
	} else {
		k.Left = !k.UnassignedAt.IsZero() && at.Sub(k.UnassignedAt) < again
		k.Ask, k.UnassignedAt = !k.Left, at
	}
	k.has(&access.IncidentAssignee{Account: now.Assignee, Why: text})
	// Nobody takes it from them by a write that still waits.
	k.Ticket.Pending = slices.DeleteFunc(k.Ticket.Pending, func(w ticket.Write) bool { return w.Assign != nil })
	k.say("by hand/"+now.UpdatedAt.UTC().Format(time.RFC3339Nano), access.DeskEvent{Type: access.DeskIncidentChanged, Text: text})
}
