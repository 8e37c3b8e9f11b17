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
		k.View.StatusText = k.waits()
	}
	k.say(string(ref.ID), access.DeskEvent{Type: access.DeskIncidentOpened, Evidence: ref.URL, Text: "The ticket " + string(ref.Key) + " was opened."})
}

// Missing implements ticket.Owner: whoever may delete a ticket may say that nobody is to work on it.
func (k keeper) Missing() {
	k.end(access.IncidentDeleted, "The ticket "+string(k.View.Ticket.Key)+" can no longer be read: somebody deleted or hid it.")
}

// Dropped implements ticket.Owner.
func (k keeper) Dropped(why string) {
	workflow.GetLogger(k.loop.Context()).Warn("ticket of an incident left as it is", "why", why)
}

// NotAssigned implements ticket.Owner: another one is picked.
func (k keeper) NotAssigned(to access.AccountID, why string) {
	has := k.View.Assignee
	if k.View.State.Ended() || has == nil || has.Account != to || has.User == "" {
		return
	}
	text := "The desk does not let usher assign the ticket to " + access.IntegrationUser{Name: has.Name, Email: has.Email}.CalledBy()
	k.say("", access.DeskEvent{Type: access.DeskIncidentChanged, User: has.User, Text: workflows.Sentence(text, why) + "."})
	k.Except = append(k.Except, has.User)
	k.View.Assignee = &access.IncidentAssignee{Why: text}
	k.Ask = true
}

// Closed implements ticket.Owner: usher closes the ticket of an incident only when there is nothing more to do.
func (k keeper) Closed(bool, string) {
	if k.NothingLeft != "" {
		k.end(access.IncidentClosed, k.NothingLeft)
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
	if has := k.View.Assignee; has != nil && has.User != "" && has.Account == now.Assignee {
		// It is with somebody: from now on the wait for somebody else begins anew.
		k.Vacant = 0
	}
	news := before.Status != now.Status || before.Phase != now.Phase || before.Assignee != now.Assignee || before.Ref.Key != now.Ref.Key
	if k.View.State.Ended() || !news {
		return news
	}
	ref := now.Ref
	k.View.Ticket, k.View.TicketStatus, k.Unrecorded = &ref, now.Status, true
	k.reassigned(before, now)
	if !now.Phase.Closed() {
		k.View.StatusText = k.waits()
		return true
	}
	who := "usher's own account"
	if !now.StatusChangedByUsher {
		who = ticket.MoverName(now)
	}
	k.end(access.IncidentClosed, who+" closed "+string(ref.Key)+" as "+now.Status+".")
	return true
}

// reassigned takes that somebody else than usher has assigned the ticket.
func (k keeper) reassigned(before, now access.TicketSnapshot) {
	if before.Assignee == now.Assignee || now.AssignedByUsher || now.Assignee == k.View.Assignee.Account {
		return
	}
	text := "Somebody assigned the ticket to nobody on the desk."
	if now.Assignee != "" {
		text = "Somebody assigned the ticket to the account " + string(now.Assignee) + " on the desk."
	}
	k.View.Assignee = &access.IncidentAssignee{Account: now.Assignee, Why: text}
	k.Ask, k.AskAt, k.Vacant = false, time.Time{}, 0
	// Nobody takes it from them by a write that still waits.
	k.Ticket.Pending = slices.DeleteFunc(k.Ticket.Pending, func(w ticket.Write) bool { return w.Assign != nil })
	k.say("by hand/"+now.UpdatedAt.UTC().Format(time.RFC3339Nano), access.DeskEvent{Type: access.DeskIncidentChanged, Text: text})
}
