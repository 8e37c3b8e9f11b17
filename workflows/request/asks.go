package request

import (
	"slices"
	"time"

	"usher/internal/access"
	"usher/workflows/ticket"
)

// This file asks approvers by approvals of the desk's own, where the desk has them, and takes their answers.

// ask is one question to an account by a desk approval.
type ask struct {
	Person  access.PersonID  `json:"person"`
	Account access.AccountID `json:"account"`
	// Items are what it asks about, and Stages the stage of each, in the same order.
	Items  []access.ItemID `json:"items"`
	Stages []string        `json:"stages"`
	// State is what the desk approval shall be. Void is true when it was answered, and the answer did not count.
	State access.ApprovalState `json:"state"`
	Void  bool                 `json:"void,omitempty"`
}

const (
	// maxAsked is how many people are asked at once, and maxRounds how often one is: who answers in a way that does not count is asked
	// again, but not for ever.
	maxAsked  = 20
	maxRounds = 10
)

// askOnDesk brings the questions up to date with who is awaited, and has the ticket show them.
func (r *request) askOnDesk() {
	if r.Requirement == nil || !r.Requirement.Settings.DeskApprovals || r.Ticket.Ref == nil || r.Ticket.Off {
		return
	}
	awaited := r.awaitedOnDesk()
	changed := r.askNew(awaited)
	last := map[access.AccountID]int{}
	for i, a := range r.Asks {
		last[a.Account] = i
	}
	for i := range r.Asks {
		state := r.answerTo(r.Asks[i], last[r.Asks[i].Account] == i && about(awaited, r.Asks[i].Account))
		changed = changed || state != r.Asks[i].State
		r.Asks[i].State = state
	}
	if changed {
		r.ticket.Write(ticket.Write{Approvals: true})
	}
}

func about(awaited []ask, account access.AccountID) bool {
	return slices.ContainsFunc(awaited, func(a ask) bool { return a.Account == account })
}

// awaitedOnDesk returns who may decide on the ticket now, and about what.
func (r *request) awaitedOnDesk() []ask {
	var awaited []ask
	if r.View.State != access.StateAwaitingApproval || r.Stop != nil {
		return nil
	}
	for _, item := range r.approvals() {
		if item.State != access.ItemPending || !item.Need.DecidedOn(access.ChannelTicket) {
			continue
		}
		for _, approver := range item.Stage.Approvers {
			account := r.ticket.Account(approver.ID)
			i := slices.IndexFunc(awaited, func(a ask) bool { return a.Account == account })
			switch {
			case account == "" || !r.accountMayDecide(account):
				continue
			case i < 0 && len(awaited) == maxAsked:
				continue
			case i < 0:
				i = len(awaited)
				awaited = append(awaited, ask{Person: approver.ID, Account: account, State: access.ApprovalRequested})
			}
			awaited[i].Items = append(awaited[i].Items, item.Need.Item.ID)
			awaited[i].Stages = append(awaited[i].Stages, item.Stage.Name)
		}
	}
	return awaited
}

// askNew asks those who are awaited for something that they were not asked about, and reports whether there are any.
func (r *request) askNew(awaited []ask) bool {
	found := false
	for _, a := range awaited {
		rounds := 0
		var last *ask
		for i := range r.Asks {
			if r.Asks[i].Account == a.Account {
				rounds, last = rounds+1, &r.Asks[i]
			}
		}
		if rounds < maxRounds && (last == nil || last.Void || !last.covers(a)) {
			r.Asks, found = append(r.Asks, a), true
		}
	}
	return found
}

// covers reports whether a question asks for everything that another one does.
func (a ask) covers(other ask) bool {
	for i, item := range other.Items {
		if !a.asks(item, other.Stages[i]) {
			return false
		}
	}
	return true
}

func (a ask) asks(item access.ItemID, stage string) bool {
	for i := range a.Items {
		if a.Items[i] == item && a.Stages[i] == stage {
			return true
		}
	}
	return false
}

// answerTo returns what the desk approval of a question shall be. open is true while the account is awaited, and was not asked again.
func (r *request) answerTo(a ask, open bool) access.ApprovalState {
	if open && !a.Void {
		return access.ApprovalRequested
	}
	for _, d := range r.View.Decisions {
		if a.Void || d.By != a.Person || !a.decidedBy(d) {
			continue
		}
		if d.Verdict == access.Deny {
			return access.ApprovalDenied
		}
		return access.ApprovalApproved
	}
	return access.ApprovalNotRequired
}

// decidedBy reports whether a decision was about something that the question asks for.
func (a ask) decidedBy(d access.Decision) bool {
	for i, item := range d.Items {
		if i < len(d.Stages) && a.asks(item, d.Stages[i]) {
			return true
		}
	}
	return false
}

// deskApprovals returns what the desk shall have.
func (r *request) deskApprovals() []access.DeskApproval {
	rounds := map[access.AccountID]int{}
	all := make([]access.DeskApproval, len(r.Asks))
	for i, a := range r.Asks {
		rounds[a.Account]++
		all[i] = access.DeskApproval{Approver: a.Account, Round: rounds[a.Account], State: a.State, Void: a.Void}
	}
	return all
}

// askedBy returns the question that an answer is to; nil for one that usher did not ask.
func (r *request) askedBy(answer access.TicketMove) *ask {
	round := 0
	for i := range r.Asks {
		if r.Asks[i].Account == answer.Asked {
			if round++; round == answer.Round {
				return &r.Asks[i]
			}
		}
	}
	return nil
}

// approvalAnswered takes the answer to a desk approval, and reports whether it means anything: none does after the request has ended. It
// counts for what was asked with it. One to an approval that others have opened counts as a move of the ticket does, if its approver
// gave it: not an approval from before since, when the last decision was taken.
func (r *request) approvalAnswered(now access.TicketSnapshot, answer access.TicketMove, since time.Time) bool {
	c := change{event: access.EventDecidedByApprover, now: moved(now, answer), answer: &answer}
	question := r.askedBy(answer)
	switch {
	case question == nil:
		if answer.By != answer.Asked || !r.accountMayDecide(answer.By) || early(answer, since) {
			return false
		}
	case question.Void || r.Stop != nil || r.View.State.Ended():
		return false
	case answer.By != answer.Asked:
		c.event, question.Void = access.EventDecidedByOther, true
	default:
		c.items = question.Items
	}
	r.apply(c)
	return true
}

// refuseAnswer comments on the ticket why an answer does not count. Who was asked is asked again while that matters.
func (r *request) refuseAnswer(c change, why string) {
	if question := r.askedBy(*c.answer); question != nil {
		question.Void = true
	}
	key := "refused/" + c.key()
	r.ticket.Write(ticket.Write{Key: key, Text: ticket.AnswerRefusedText(c.now, why)})
	r.recordAs(key, access.Event{
		Type: access.EventDecisionRefused, Actor: r.ticket.Person(c.now.StatusChangedBy), Channel: access.ChannelTicket,
		Text: "The answer of " + ticket.MoverName(c.now) + " to an approval on the desk does not count: " + why + ".",
	})
}
