package request

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows/ticket"
)

// askedBy returns the question that an answer is to; nil for one that usher does not know. If an approval asks somebody else by now, it may be of
// two questions: it is of the one to whom it asks.
func (r *request) askedBy(answer access.TicketMove) *ask {
	var found *ask
	for i := range r.Asks {
		a := &r.Asks[i]
		if a.ID != "" && a.ID == answer.Approval && (found == nil || a.Account == answer.Asked) {
			found = a
		}
	}
	return found
}

// approvalAnswered takes the answer to a desk approval, and reports whether it means anything: none does after the request has ended. One
// to an approval that others have opened counts as a move of the ticket does, if its approver gave it: not an approval from before since,
// when the last decision was taken.
func (r *request) approvalAnswered(now access.TicketSnapshot, answer access.TicketMove, since time.Time) bool {
	if r.Stop != nil || r.View.State.Ended() {
		return false
	}
	question := r.askedBy(answer)
	c := change{event: access.EventDecidedByApprover, now: moved(now, answer), answer: &answer}
	switch {
	case question != nil:
		return r.questionAnswered(question, c)
	case answer.Own:
		return r.forgottenAnswered(c)
	case answer.By != answer.Asked || answer.Phase == access.TicketOther || early(answer, since) || !r.accountMayDecide(answer.By):
		return false
	}
	r.apply(c)
	return true
}

// forgottenAnswered takes the answer to an approval of usher's of which it does not know any more what it asked, because an answer of the
// desk was lost, or the request was reset. A denial counts. Who approves is asked again: usher takes the approval back.
func (r *request) forgottenAnswered(c change) bool {
	answer := c.answer
	c.forgotten = true
	if answer.Phase == access.TicketOther {
		return false
	}
	if answer.Phase == access.TicketDenied && answer.By == answer.Asked {
		switch {
		case r.accountMayDecide(answer.By):
			r.apply(c)
			r.rememberDenial(*answer)
			return true
		case r.decidesLater(answer.By):
			r.ticketSeen(c, r.ticket.Person(answer.By), access.ActionRecordOnly)
			r.Denials = append(r.Denials, *answer)
			return true
		}
	}
	if answer.By != answer.Asked {
		c.event = access.EventDecidedByOther
	} else if !r.has(access.ItemPending) {
		// Nothing waits for it, so it takes nothing back that counts.
		r.ticketSeen(c, r.ticket.Person(answer.By), access.ActionRecordOnly)
		return true
	}
	r.ticketSeen(c, r.ticket.Person(answer.By), access.ActionRevert)
	r.refuseAnswer(c, "usher does not know any more what was asked by it; who is awaited is asked again")
	forgotten := r.forgotten(*answer)
	forgotten.Void, forgotten.Voids = answer.Name(), 1
	// It is older than any that is known.
	r.Asks = append([]ask{forgotten}, r.Asks...)
	r.showAsks()
	return true
}

// forgotten is the question that an answer was to, as far as it is known.
func (r *request) forgotten(answer access.TicketMove) ask {
	r.Asked++
	return ask{
		Key: strconv.Itoa(r.Asked), ID: answer.Approval, Person: r.ticket.Person(answer.Asked), Account: answer.Asked,
		State: access.ApprovalNotRequired, Forgotten: true,
	}
}

// rememberDenial has the desk keep a denial that has counted, though it is not known what was asked.
func (r *request) rememberDenial(answer access.TicketMove) {
	id := answerDecision(answer)
	for _, d := range r.View.Decisions {
		if strings.HasPrefix(d.ID, id+"-") {
			question := r.forgotten(answer)
			question.Items, question.Stages, question.State = d.Items, d.Stages, access.ApprovalDenied
			r.Asks = append([]ask{question}, r.Asks...)
		}
	}
}

// decidesLater reports whether an account is an approver's of something that waits for another stage now.
func (r *request) decidesLater(account access.AccountID) bool {
	who := r.ticket.Person(account)
	if who == "" || r.byFiler(account, who) || who == r.asked.Requester || who == r.asked.Subject {
		return false
	}
	return slices.ContainsFunc(r.approvals(), func(a policy.ItemApproval) bool {
		return a.State == access.ItemPending && a.Need.DecidedOn(access.ChannelTicket) && slices.ContainsFunc(a.Need.Stages, func(s access.Stage) bool {
			return slices.ContainsFunc(s.Approvers, func(p access.Person) bool { return p.ID == who })
		})
	})
}

// takeDenials takes the denials that waited for a stage which is open by now.
func (r *request) takeDenials() {
	if r.View.Ticket == nil || r.View.State != access.StateAwaitingApproval || r.Stop != nil {
		return
	}
	for n := 0; n < len(r.Denials); n++ {
		answer := r.Denials[n]
		if !r.accountMayDecide(answer.By) {
			continue
		}
		r.Denials = slices.Delete(r.Denials, n, n+1)
		n--
		now := moved(access.TicketSnapshot{Ref: *r.View.Ticket}, answer)
		r.apply(change{event: access.EventDecidedByApprover, now: now, answer: &answer, forgotten: true})
		r.rememberDenial(answer)
	}
}

// questionAnswered takes the answer to a question of usher's. It counts if whoever was asked gave it, for what was asked with it and still
// waits for that.
func (r *request) questionAnswered(question *ask, c change) bool {
	answer := c.answer
	switch open := r.openItems(*question); {
	case len(open) == 0:
		return r.answeredLate(question, c)
	case answer.Phase == access.TicketOther:
		return r.takenBack(question, c)
	case answer.By != question.Account:
		c.event = access.EventDecidedByOther
		r.void(question, *answer)
	default:
		c.items = open
	}
	r.apply(c)
	return true
}

// answeredLate takes an answer to a question that is decided: whoever was asked reads why a denial changes nothing, and what others make of
// the approval is undone.
func (r *request) answeredLate(question *ask, c change) bool {
	answer := c.answer
	switch {
	case answer.Phase == access.TicketOther:
		return false
	case answer.By != question.Account:
		r.ticketSeen(c, r.ticket.Person(answer.By), access.ActionRevert)
		r.void(question, *answer)
	case answer.Phase == access.TicketDenied:
		r.ticketSeen(c, question.Person, access.ActionRevert)
		r.refuseAnswer(c, "what it was about is decided")
	default:
		r.ticketSeen(c, question.Person, access.ActionRecordOnly)
	}
	return true
}

// takenBack takes that somebody else has closed an approval without an answer. Who is awaited is asked again.
func (r *request) takenBack(question *ask, c change) bool {
	if question.State != access.ApprovalRequested {
		return false
	}
	r.void(question, *c.answer)
	r.ticketSeen(c, r.ticket.Person(c.answer.By), access.ActionRevert)
	return true
}

// void takes that an answer to a question does not count, and has it taken out of the approval: not without end, for a rule of the desk may
// give it again each time.
func (r *request) void(question *ask, answer access.TicketMove) {
	if question.Void == answer.Name() {
		return
	}
	question.Void = answer.Name()
	switch question.Voids++; {
	case question.Voids <= maxVoid:
		r.showAsks()
	case question.Voids == maxVoid+1:
		r.record(access.Event{
			Type: access.EventTicketChanged, Channel: access.ChannelSystem,
			Text: "Left as it is: an approval for account " + string(question.Account) + " has been answered " + strconv.Itoa(question.Voids) +
				" times in a way that does not count.",
		})
	}
}

// refuseAnswer comments on the ticket why an answer does not count. Who was asked is asked again while that matters.
func (r *request) refuseAnswer(c change, why string) {
	if question := r.askedBy(*c.answer); question != nil {
		r.void(question, *c.answer)
	}
	key, text := "refused/"+c.key(), ticket.AnswerRefusedText(c.now, why)
	r.ticket.Write(ticket.Write{Key: key, Text: text})
	r.recordAs(key, access.Event{
		Type: access.EventDecisionRefused, Actor: r.ticket.Person(c.now.StatusChangedBy), Channel: access.ChannelTicket,
		Text: text,
	})
}
