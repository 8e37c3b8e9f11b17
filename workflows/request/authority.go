package request

import (
	"slices"
	"time"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows/ticket"
)

// unauthorised returns why an action that a change of the ticket asks for is not taken from whoever changed it; "" when it
// is. The ticket is a channel, not an authority: who may write to the desk decides nothing by that.
func (r *request) unauthorised(c change, action access.TicketAction, who access.PersonID) string {
	event, now := c.event, c.now
	gives := action == access.ActionConfirmGrant || action == access.ActionDecide
	switch {
	case gives && r.fromBefore(c):
		return "it was done before this ticket became a request"
	case gives && r.byFiler(now.StatusChangedBy, who):
		return "who has filed a request for somebody neither decides on it nor grants it"
	}
	switch action {
	case access.ActionConfirmGrant:
		return r.noFulfiller(now, who)
	case access.ActionDecide:
		return r.noApproval(now, who)
	case access.ActionCancel, access.ActionDeny:
		closed := event == access.EventClosedUndecided || event == access.EventClosedWontDo
		if closed && !r.takesPart(who) && !now.StatusChangedByFulfiller {
			return ticket.MoverName(now) + " is neither requester, subject, approver nor one of those who grant access by hand"
		}
	case access.ActionRevert, access.ActionRecreate, access.ActionRecordOnly:
	}
	return ""
}

// noApproval returns why a move of the ticket does not approve; "" when it does, and for one that denies.
func (r *request) noApproval(now access.TicketSnapshot, who access.PersonID) string {
	if now.Phase != access.TicketApproved {
		return ""
	}
	if items, all := r.itemsOfBefore(who, now.StatusChangedAt); len(items) == 0 && !all {
		return "it was done before it was for " + ticket.MoverName(now) + " to decide"
	}
	return r.textChanged(now)
}

// itemsOfBefore returns the items that somebody may decide and that were theirs to decide at a time already, and whether that is all of them.
func (r *request) itemsOfBefore(who access.PersonID, at time.Time) (items []access.ItemID, all bool) {
	all = true
	for _, a := range r.approvals() {
		if a.State != access.ItemPending || !slices.ContainsFunc(a.Stage.Approvers, func(p access.Person) bool { return p.ID == who }) {
			continue
		}
		if a.Stage.ReplacedAt.After(at) {
			all = false
			continue
		}
		items = append(items, a.Need.Item.ID)
	}
	return items, all
}

// takesPart reports whether somebody is requester, subject, filer or an approver of the request, and has not left.
func (r *request) takesPart(who access.PersonID) bool {
	need := r.Requirement
	return who != "" && !r.hasLeft(who) && (slices.Contains(policy.Parties(*need), who) || slices.Contains(need.Approvers(), who))
}

// noFulfiller returns why somebody's word does not count that access was granted by hand; "" when it does.
func (r *request) noFulfiller(now access.TicketSnapshot, who access.PersonID) string {
	switch {
	case who == r.asked.Requester || who == r.asked.Subject:
		return "who asks for access, or gets it, cannot confirm that it was granted"
	case !now.StatusChangedByFulfiller:
		return ticket.MoverName(now) + " is not one of those who grant access by hand"
	}
	return r.textChanged(now)
}

// filed reports whether an account has filed the request for somebody.
func (r *request) filed(account access.AccountID) bool {
	from := r.asked.Origin
	return from != nil && from.Filed && account == from.Account
}

// byFiler reports whether an account has filed the request for somebody, or is of a person who has.
func (r *request) byFiler(account access.AccountID, who access.PersonID) bool {
	return r.filed(account) || (who != "" && who == r.Requirement.Filer.ID)
}

// refuseFiler returns why a person's decision by another channel does not count: the account that filed the request may be theirs, which
// the desk says once the ticket is there. nil for no reason.
func (r *request) refuseFiler(by access.PersonID) *policy.Rejection {
	from := r.asked.Origin
	switch {
	case from == nil || !from.Filed:
		return nil
	case r.ticket == nil || (r.Ticket.Ref == nil && !r.Ticket.Off) || (!r.Ticket.Off && !r.ticket.Knows(by)):
		return &policy.Rejection{
			Kind: access.Conflict, Field: "state",
			Problem: "it is not known yet whose account has filed this request; please decide again in a moment",
		}
	case r.filed(r.ticket.Account(by)):
		return &policy.Rejection{Kind: access.Forbidden, Field: "by", Problem: "your account has filed this request, so somebody else decides"}
	}
	return nil
}

// fromBefore reports whether a change is from before the ticket became the request's, whatever the desk's configuration made of it
// since. The answer to an approval of usher's is not, whenever it was given: usher has asked it. Nor is a denial on a ticket that becomes the
// request's a second time, as after a reset.
func (r *request) fromBefore(c change) bool {
	again := r.Ticket.BoundAgain && c.now.Phase == access.TicketDenied
	return !c.forgotten && !again && !r.Ticket.BoundAt.IsZero() && !c.now.StatusChangedAt.After(r.Ticket.BoundAt)
}

// textChanged returns why nothing on a ticket gives access whose text somebody else has changed; "" when nobody has. An
// approver reads what the ticket says, not what was asked for.
func (r *request) textChanged(now access.TicketSnapshot) string {
	if r.Ticket.Unsaid {
		return "this ticket does not say yet what is asked for; the request itself shows it"
	}
	if now.TextChangedBy == "" || r.saidBefore(now) {
		return ""
	}
	if !r.Ticket.BoundAt.IsZero() {
		return "account " + string(now.TextChangedBy) + " changed the text of the ticket after usher had read it; " +
			"the request itself shows what is asked for"
	}
	return "the ticket no longer says what usher wrote: account " + string(now.TextChangedBy) + " changed its text; " +
		"the request itself shows what is asked for"
}

// saidBefore reports whether the last change of the text of a ticket by which a person asked is from before it was read: that text
// is what was asked.
func (r *request) saidBefore(now access.TicketSnapshot) bool {
	from := r.asked.Origin
	return from != nil && from.TextChange != "" && now.TextChange == from.TextChange && now.Ref.ID == from.Ticket
}
