package request

import (
	"slices"
	"strconv"

	"usher/internal/access"
	"usher/workflows/ticket"
)

// This file asks approvers by approvals of the desk's own, where the desk has them. answers.go takes what they answer.

// ask is one question to an account by a desk approval.
type ask struct {
	// Key names the question, and ID is the desk's own of the approval; "" while it is not known.
	Key     string           `json:"key"`
	ID      string           `json:"id,omitempty"`
	Person  access.PersonID  `json:"person"`
	Account access.AccountID `json:"account"`
	// Items are what it asks about, and Stages the stage of each, in the same order.
	Items  []access.ItemID `json:"items"`
	Stages []string        `json:"stages"`
	// State is what the desk approval shall be. Void names the last answer that did not count, "" for none, and Voids counts them.
	State access.ApprovalState `json:"state"`
	Void  string               `json:"void,omitempty"`
	Voids int                  `json:"voids,omitempty"`
	// Forgotten is true for a question of which a reset, or a lost answer of the desk, has left the approval only.
	Forgotten bool `json:"forgotten,omitempty"`
}

const (
	// maxAsked is how many people are asked at once, and maxVoid how many questions to one are answered in a way that does not count
	// before usher asks no more; maxForgotten is the same of those that usher has forgotten: a reset may leave one for each item and stage.
	maxAsked     = 20
	maxVoid      = 10
	maxForgotten = 40
)

// askOnDesk brings the questions up to date with who is awaited, and has the ticket show them.
func (r *request) askOnDesk() {
	if r.Requirement == nil || !r.asksOnDesk() || r.Ticket.Ref == nil || r.Ticket.Off || r.AskAfterRead {
		return
	}
	awaited := r.awaitedOnDesk()
	changed := r.askNew(awaited)
	last := map[access.AccountID]int{}
	for i, a := range r.Asks {
		last[a.Account] = i
	}
	for i := range r.Asks {
		open := last[r.Asks[i].Account] == i && slices.ContainsFunc(awaited, func(a ask) bool { return a.Account == r.Asks[i].Account })
		state := r.stateOf(r.Asks[i], open)
		changed = changed || state != r.Asks[i].State
		r.Asks[i].State = state
	}
	if changed {
		r.showAsks()
	}
}

// asksOnDesk reports whether approvers are asked by approvals of the desk: only where what they answer may decide.
func (r *request) asksOnDesk() bool {
	settings := r.Requirement.Settings
	return settings.DeskApprovals && settings.TicketActions.Action(access.EventDecidedByApprover) == access.ActionDecide
}

// showAsks has the desk brought up to date with the questions.
func (r *request) showAsks() {
	if !slices.ContainsFunc(r.Ticket.Pending, func(w ticket.Write) bool { return w.Approvals }) || r.ticket.Busy() {
		r.ticket.Write(ticket.Write{Approvals: true})
	}
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

// askNew asks those who are awaited for something that they were not asked about, and those whose answer did not count. It reports
// whether there are any.
func (r *request) askNew(awaited []ask) bool {
	found := false
	for _, a := range awaited {
		void, forgotten := 0, 0
		var last *ask
		for i := range r.Asks {
			if r.Asks[i].Account != a.Account {
				continue
			}
			switch last = &r.Asks[i]; {
			case last.Forgotten:
				forgotten++
			case last.Void != "":
				void++
			}
		}
		if void < maxVoid && forgotten < maxForgotten && (last == nil || last.Void != "" || !last.covers(a)) {
			r.Asked++
			a.Key = strconv.Itoa(r.Asked)
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

// stateOf returns what the desk approval of a question shall be. open is true while the account is awaited, and was not asked again.
func (r *request) stateOf(a ask, open bool) access.ApprovalState {
	if open && a.Void == "" {
		return access.ApprovalRequested
	}
	if d := r.decisionOf(a); d != nil {
		if d.Verdict == access.Deny {
			return access.ApprovalDenied
		}
		return access.ApprovalApproved
	}
	return access.ApprovalNotRequired
}

// decisionOf returns the decision of whoever was asked, about something that the question asks for; nil for none.
func (r *request) decisionOf(a ask) *access.Decision {
	for n := range r.View.Decisions {
		d := &r.View.Decisions[n]
		for i, item := range d.Items {
			if d.By == a.Person && i < len(d.Stages) && a.asks(item, d.Stages[i]) {
				return d
			}
		}
	}
	return nil
}

// deskApprovals returns what the desk shall have.
func (r *request) deskApprovals() []access.DeskApproval {
	all := make([]access.DeskApproval, len(r.Asks))
	for i, a := range r.Asks {
		all[i] = access.DeskApproval{Key: a.Key, Approver: a.Account, ID: a.ID, State: a.State, Void: a.Void}
		if a.State == access.ApprovalNotRequired && r.View.State.Ended() {
			all[i].Void = access.AnyAnswer
		}
	}
	return all
}

// openItems returns those items of a question that wait for the stage that was asked about.
func (r *request) openItems(a ask) []access.ItemID {
	var open []access.ItemID
	for _, item := range r.approvals() {
		if item.State == access.ItemPending && a.asks(item.Need.Item.ID, item.Stage.Name) {
			open = append(open, item.Need.Item.ID)
		}
	}
	return open
}
