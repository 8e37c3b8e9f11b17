package request

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows/outbox"
	"usher/workflows/ticket"
)

// ticketChanged takes what the desk's watch tells. What it tells is believed only while nothing of usher's own is under way
// on the ticket, and while the request goes on; else the request reads the ticket itself.
func (r *request) ticketChanged(news access.TicketChange) {
	switch {
	case r.View.State == access.StateEvaluating || (r.ticket != nil && r.Ticket.Ref == nil && !r.Ticket.Off):
		// The ledger, and so the watch, may know the ticket before the result of its opening is here.
		r.ChangedBeforeOpen = true
		return
	case r.ticket == nil || r.Ticket.Off:
		return
	case news.Snapshot.Ref.ID != r.Ticket.Ref.ID:
		// It is about a ticket that this one has replaced.
		return
	case news.Missing || r.ticket.Busy() || !r.ticket.UpToDate() || r.View.State.Ended():
		r.Ticket.ReadNow = true
		return
	}
	fingerprint, fresh := r.Ticket.Fingerprint.After(news.Snapshot)
	if !fresh {
		r.Ticket.Fingerprint = fingerprint
		return
	}
	if news.Snapshot.UpdatedAt.Before(r.Ticket.Fingerprint.SeenAt) {
		// Its answers are news, the rest of it is from before.
		r.Ticket.ReadNow = true
		return
	}
	r.compare(news.Snapshot)
	r.ticket.News()
}

// compare compares what the ticket looks like with what was seen before, does what the contract says, and reports whether
// there was anything new.
func (r *request) compare(now access.TicketSnapshot) bool {
	before, decided := *r.Ticket.Seen, r.Ticket.Fingerprint.Decided(now)
	r.Ticket.Fingerprint, _ = r.Ticket.Fingerprint.After(now)
	now.DecisionMoves = nil
	r.Ticket.Seen = &now
	passed := r.decidePassed(now, decided)
	if passed {
		// What the ticket shows now came after those decisions.
		r.advance()
	}
	events := ticket.Events(before, now, ticket.Situation{
		State: r.View.State, Manual: len(r.manualOpen()) > 0, MayDecide: r.accountMayDecide,
	})
	for _, event := range events {
		r.apply(change{event: event, now: now})
	}
	return passed || len(events) > 0
}

// decidePassed takes the decisions of approvers on a ticket that somebody has moved on before usher read it: they count as if
// each had been read at once. So an approval from before the last decision that was taken does not: it was not asked for then. It
// reports whether there were any. A decision that led to the present status is not among them.
func (r *request) decidePassed(now access.TicketSnapshot, decided []access.TicketMove) bool {
	found, since := false, r.askedSince()
	for _, move := range decided {
		if move.IsAnswer() {
			found = r.approvalAnswered(now, move, since) || found
			continue
		}
		if now.Present(move) || early(move, since) || !r.accountMayDecide(move.By) {
			continue
		}
		found = true
		r.apply(change{event: access.EventDecidedByApprover, now: moved(now, move)})
	}
	return found
}

// early reports whether a move approves, and is from before a time.
func early(move access.TicketMove, since time.Time) bool {
	return move.Phase == access.TicketApproved && move.At.Before(since)
}

// moved returns what the ticket looked like after a move.
func moved(now access.TicketSnapshot, move access.TicketMove) access.TicketSnapshot {
	now.Phase, now.Status, now.StatusChangedBy, now.StatusChangedByName = move.Phase, move.Status, move.By, move.ByName
	now.StatusChangedAt, now.StatusChangedByUsher = move.At, false
	return now
}

// askedSince is when the last decision was taken, by usher's clock: those who may decide now have been asked since. It is zero
// before the first decision: no move of the request's own ticket is older than the request.
func (r *request) askedSince() time.Time {
	var since time.Time
	for _, d := range r.View.Decisions {
		if d.At.After(since) {
			since = d.At
		}
	}
	return since
}

func (r *request) accountMayDecide(account access.AccountID) bool {
	person := r.ticket.Person(account)
	if person == "" || r.filed(account) {
		return false
	}
	_, why := r.approvals().Judge(*r.Requirement, r.View.Decisions, access.Decision{
		By: person, Verdict: access.Approve, Channel: access.ChannelTicket,
	})
	return why == nil
}

// change is what a person did on the ticket.
type change struct {
	event access.TicketEvent
	// now is the ticket after it.
	now access.TicketSnapshot
	// answer is the answer to a desk approval; nil for a change of the ticket itself. items are those that were asked about; none for all.
	answer *access.TicketMove
	items  []access.ItemID
	// forgotten is true for the answer to an approval of usher's of which it does not know any more what it asked.
	forgotten bool
}

// key names a change. The time is part of what happened: the same change twice is two.
func (c change) key() string {
	key := changeKey(c.now)
	if c.answer != nil {
		key += "/" + c.answer.Name()
	}
	if c.forgotten {
		// Before a reset the same answer may have meant something else.
		key += "/forgotten"
	}
	return key
}

// text returns what was done, as a sentence.
func (c change) text() string {
	if c.answer != nil {
		return ticket.AnswerText(c.now)
	}
	return ticket.EventText(c.event, c.now)
}

// evidence returns how it is known who did it.
func (c change) evidence() string {
	evidence := "desk account " + string(c.now.StatusChangedBy) + " on " + string(c.now.Ref.Key)
	if c.answer != nil {
		evidence += ", an approval by account " + string(c.answer.Asked)
	}
	return evidence
}

// apply does what the contract says that a change means.
func (r *request) apply(c change) {
	action := r.Requirement.Settings.TicketActions.Action(c.event)
	now := c.now
	who := r.ticket.Person(now.StatusChangedBy)
	if c.event == access.EventMoved {
		r.View.Ticket = &now.Ref
		r.Ticket.Ref = &now.Ref
	}
	if why := r.unauthorised(c, action, who); why != "" {
		r.ticketSeen(c, who, access.ActionRevert)
		r.revert(c, why)
		return
	}
	r.ticketSeen(c, who, action)
	switch action {
	case access.ActionDecide:
		r.decideByTicket(c, who)
	case access.ActionConfirmGrant:
		r.confirmGrant(access.Verification{
			Present: true, Method: "a human's word", Evidence: c.evidence() + " closed it as done", At: r.loop.Now(),
		})
	case access.ActionDeny:
		r.denyOpen(now, who, c.evidence())
	case access.ActionCancel:
		r.stopFor(stop{
			Outcome: access.OutcomeCancelled, By: who, Name: ticket.MoverName(now), Channel: access.ChannelTicket,
			Evidence: c.evidence(), Reason: "ticket " + string(now.Ref.Key) + " was set to " + now.Status,
		})
	case access.ActionRevert:
		r.revert(c, r.whyReverted(c))
	case access.ActionRecreate:
		r.unlink(*r.Ticket.Ref)
		r.ticket.Replace()
	case access.ActionRecordOnly:
	}
}

// ticketSeen records a change of the ticket.
func (r *request) ticketSeen(c change, who access.PersonID, action access.TicketAction) {
	key := string(c.event) + "/" + c.key()
	if c.answer != nil {
		// After a reset the same answer may mean something else, and what is recorded cannot be changed.
		key += "/" + string(action)
	}
	fact := outbox.Fact{View: true, Events: []access.Event{r.event(key, access.Event{
		Type: access.EventTicketChanged, Actor: who, Channel: access.ChannelTicket, Evidence: c.evidence(),
		Text: c.text() + " This means: " + string(action) + ".",
	})}}
	if c.event == access.EventMoved {
		fact.Ticket = &access.TicketLink{Ref: c.now.Ref, Request: r.asked.ID, Marker: r.marker}
	}
	r.outbox.Add(fact)
}

// changeKey names a state of the ticket that a person brought about.
func changeKey(now access.TicketSnapshot) string {
	at := now.UpdatedAt
	if !now.StatusChangedAt.IsZero() {
		at = now.StatusChangedAt
	}
	return string(now.Ref.Key) + "/" + at.UTC().Format(time.RFC3339Nano) + "/" + string(now.Assignee) +
		"/" + string(now.StatusChangedBy) + "/" + string(now.Phase)
}

// decideByTicket takes the move of an approver, or an answer to a desk approval, as a decision.
func (r *request) decideByTicket(c change, who access.PersonID) {
	verdict, now := access.Approve, c.now
	if now.Phase == access.TicketDenied {
		verdict = access.Deny
	}
	d := access.Decision{
		// The move itself names the decision, so a change that is read again decides nothing twice.
		ID: "ticket-" + string(now.Ref.ID) + "-" + strconv.FormatInt(now.StatusChangedAt.UnixMilli(), 10) + "-" + string(verdict) + "-" + string(who),
		By: who, Verdict: verdict, Items: c.items, Channel: access.ChannelTicket, Evidence: c.evidence(),
	}
	if c.answer == nil {
		d.Evidence += ", changelog"
	} else {
		d.ID = answerDecision(*c.answer)
	}
	if r.known(d.ID) || r.answerTaken(d.ID) || r.Stop != nil {
		return
	}
	if c.answer == nil && verdict == access.Approve {
		if items, all := r.itemsOfBefore(who, now.StatusChangedAt); !all {
			d.Items = items
		}
	}
	open, why := r.approvals().Judge(*r.Requirement, r.View.Decisions, d)
	if why != nil {
		r.revert(c, why.Problem)
		return
	}
	if c.answer != nil {
		// Before a reset it may have decided something else.
		d.ID += "-" + itemsDigest(open)
	}
	r.recordDecision(d, c.answer == nil)
}

// answerDecision begins the id of the decision by an answer to a desk approval; what it decides ends it.
func answerDecision(answer access.TicketMove) string { return "approval-" + answer.Name() }

// answerTaken reports whether an answer to a desk approval has decided something, whatever it was.
func (r *request) answerTaken(id string) bool {
	return slices.ContainsFunc(r.View.Decisions, func(d access.Decision) bool { return strings.HasPrefix(d.ID, id+"-") })
}

// itemsDigest is short for the items that a decision decides, and their stages.
func itemsDigest(open policy.Approvals) string {
	text := ""
	for _, a := range open {
		text += string(a.Need.Item.ID) + "\x00" + a.Stage.Name + "\x00"
	}
	sum := sha256.Sum256([]byte(text))
	const bytes = 8
	return hex.EncodeToString(sum[:bytes])
}

// denyOpen denies what is open, by the word of whoever closed the ticket.
func (r *request) denyOpen(now access.TicketSnapshot, who access.PersonID, evidence string) {
	if r.View.State == access.StateAwaitingApproval {
		r.stopFor(stop{
			Outcome: access.OutcomeDenied, By: who, Name: ticket.MoverName(now), Channel: access.ChannelTicket, Evidence: evidence,
			Reason: "the ticket was closed before a decision",
		})
		return
	}
	for i := range r.View.Items {
		item := &r.View.Items[i]
		if item.State == access.ItemFulfilling && item.Fulfilment == access.FulfilmentManual {
			item.State, item.Detail = access.ItemDenied, ticket.MoverName(now)+" closed the ticket as won't do"
		}
	}
	for i := range r.Grants {
		g := &r.Grants[i]
		if r.itemOf(g.Item).State != access.ItemDenied {
			continue
		}
		g.CheckAt = time.Time{}
		if g.DesiredState == access.Present {
			// A person has said that it was granted, and takes that back.
			r.requestLease(g, access.Absent, nil)
		}
	}
	r.recordAs("won't do/"+changeKey(now), access.Event{
		Type: access.EventFulfilment, Actor: who, Channel: access.ChannelTicket, Evidence: evidence,
		Text: ticket.MoverName(now) + " will not grant what is left by hand.",
	})
}

// revert comments on the ticket why usher reverts a change, and puts the ticket back to where the request stands.
func (r *request) revert(c change, why string) {
	if c.answer != nil {
		r.refuseAnswer(c, why)
		return
	}
	key := "revert/" + c.key()
	r.ticket.Write(ticket.Write{Key: key, Text: ticket.RevertText(why), TransitionTo: r.phase()})
	r.recordAs(key, access.Event{
		Type: access.EventDecisionRefused, Actor: r.ticket.Person(c.now.StatusChangedBy), Channel: access.ChannelTicket,
		Text: "A change of the ticket by " + ticket.MoverName(c.now) + " was reverted: " + why + ".",
	})
}

func (r *request) whyReverted(c change) string {
	if c.answer != nil && c.answer.By == "" {
		return "the desk does not say who gave it"
	}
	if c.answer != nil && (c.answer.By != c.answer.Asked || r.askedBy(*c.answer) != nil && r.askedBy(*c.answer).Account != c.answer.By) {
		return "it was for account " + string(c.answer.Asked) + " to give"
	}
	switch c.event {
	case access.EventDecidedByOther, access.EventDecidedByApprover:
		d := access.Decision{By: r.ticket.Person(c.now.StatusChangedBy), Verdict: access.Approve, Channel: access.ChannelTicket}
		if _, why := r.approvals().Judge(*r.Requirement, r.View.Decisions, d); why != nil {
			return why.Problem
		}
		return "decisions are not taken by moving the ticket"
	case access.EventClosedUndecided:
		return "closing the ticket is no decision; awaited: " + r.approvals().AwaitedNames()
	case access.EventReopened, access.EventClosedDone, access.EventClosedWontDo, access.EventDeleted, access.EventMoved, access.EventAssigned:
	}
	return "the request is " + string(r.View.State)
}
