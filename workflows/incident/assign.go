package incident

import (
	"slices"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/durable"
	"usher/workflows/ticket"
)

// askAgain has the register asked whether the assignee is still available. Whom somebody chose on the desk, and who is not in the register, is not
// the register's affair.
func (i *incident) askAgain() {
	if i.busy {
		// What is under way may have been answered before that of which this tells.
		i.Again = true
		return
	}
	has := i.View.Assignee
	if i.View.State.Ended() || has == nil || i.Left || (has.User == "" && has.Account != "" && i.NobodyElse == "") {
		return
	}
	i.Ask, i.AskAt = true, time.Time{}
}

// assign finds who gets the ticket.
func (i *incident) assign(now time.Time) {
	if i.Again && !i.busy {
		i.Again = false
		i.askAgain()
	}
	if !i.AskAt.IsZero() && !now.Before(i.AskAt) {
		i.Ask, i.AskAt = true, time.Time{}
	}
	if !i.Ask || i.busy || i.Taken == nil || i.View.State.Ended() || now.Before(i.RetryAt) {
		return
	}
	i.busy = true
	input := activities.AssignIncidentInput{View: i.versioned(), Events: slices.Clone(i.Pending), Except: slices.Clone(i.Except)}
	asked, sent := i.View.Assignee, len(i.Pending)
	var incidents *activities.Incidents
	durable.Start(i.loop, workflows.RegisterUser("assign"), incidents.AssignIncident, input, func(done activities.AssignedIncident, err error) {
		i.busy = false
		i.picked(asked, sent, done, err)
	})
}

// picked takes who was picked while asked was the assignee, and that so many events are recorded.
func (i *incident) picked(asked *access.IncidentAssignee, sent int, done activities.AssignedIncident, err error) {
	switch {
	case err != nil:
		i.Unrecorded = true
		i.failed(err)
		return
	case done.Other:
		i.refusedAsOther()
		return
	case done.Ended != nil && !i.View.State.Ended():
		i.endedBefore(*done.Ended)
		return
	}
	i.Failures, i.Failing, i.RetryAt = 0, "", time.Time{}
	i.Pending = i.Pending[sent:]
	switch {
	case i.View.State.Ended():
	case i.View.Assignee != asked:
		// Somebody has chosen on the desk meanwhile, or the desk refused the one who was picked.
		i.Unrecorded = true
	default:
		i.Ask = false
		i.assigned(done.Assignee)
	}
}

// refusedAsOther takes that the ledger has another incident of the same id: what is recorded there is not this one's to show or to change.
func (i *incident) refusedAsOther() {
	if !i.View.State.Ended() {
		other := otherIncident()
		i.View.Refusals = []access.Refusal{{Field: other.Field, Problem: other.Problem}}
		i.end(access.IncidentRefused, "Nothing was opened: "+other.Problem+".")
	}
	i.Pending, i.Unrecorded = nil, false
}

// endedBefore takes that the ledger has the end of this incident, as after a reset of a workflow that had ended: there is nothing more to do.
func (i *incident) endedBefore(as access.IncidentView) {
	i.View, i.Ask, i.Pending, i.Unrecorded, i.RetryAt = as, false, nil, false, time.Time{}
	if i.ticket != nil {
		i.ticket.TurnOff()
	}
}

// assigned takes who gets the ticket.
func (i *incident) assigned(found access.IncidentAssignee) {
	had := i.View.Assignee
	if had != nil && had.User == found.User && found.User != "" {
		i.Vacant, i.NobodyElse = 0, ""
		return
	}
	if found.User == "" {
		i.vacant(found)
		return
	}
	text := "Assigned to " + called(found)
	before := had
	if i.Unconfirmed {
		// Nobody has seen it with whom it was to go to.
		before = i.Had
	}
	if before != nil && before.User != "" {
		text += " instead of " + called(*before)
	}
	text += ": " + found.Why + "."
	key := i.tell(access.DeskEvent{Type: access.DeskIncidentAssigned, User: found.User, Text: text})
	if had != nil && had.Account == "" && had.Why == toNobody {
		text = toNobody + " " + text + " Whoever assigns it to nobody again within a day leaves it so."
	}
	i.View.Assignee, i.Unconfirmed, i.NobodyElse = &found, true, ""
	from := []access.AccountID{found.Account}
	if before != nil && before.Account != "" {
		from = append(from, before.Account)
	}
	i.Ticket.Write(ticket.Write{Key: key, Text: text, Assign: &found.Account, AssignFrom: from})
}

// confirm takes that the desk has the ticket with whom usher assigned it to.
func (i *incident) confirm() {
	has, seen := i.View.Assignee, i.Ticket.Seen
	if !i.Unconfirmed || seen == nil || seen.Assignee != has.Account || slices.ContainsFunc(i.Ticket.Pending, assigning) {
		return
	}
	i.Unconfirmed, i.Had, i.Vacant = false, has, 0
}

func assigning(w ticket.Write) bool { return w.Assign != nil }

// vacant takes that nobody can be assigned: the ticket stays with whom it has, and it is tried again.
func (i *incident) vacant(found access.IncidentAssignee) {
	i.Vacant++
	// A refusal of the desk may have been a passing one.
	i.Except = nil
	i.AskAt = i.loop.Now().Add(workflows.RetryVacant.After(i.Vacant))
	i.NobodyElse = found.Why
	if has := i.View.Assignee; has == nil || (has.Account == "" && has.Why != found.Why) {
		i.View.Assignee, i.Unrecorded = &found, true
	}
	if i.Vacant > 1 {
		return
	}
	text := "usher can assign this to " + i.nobodyElse() + "."
	key := i.tell(access.DeskEvent{Type: access.DeskIncidentAssigned, Text: text})
	i.Ticket.Write(ticket.Write{Key: key, Text: text})
}

// nobodyElse is to whom usher can assign the ticket where there is nobody, and why.
func (i *incident) nobodyElse() string {
	if i.View.Assignee.Account != "" {
		return "nobody else: " + i.NobodyElse
	}
	return "nobody: " + i.NobodyElse
}

// called is what people call an assignee.
func called(a access.IncidentAssignee) string {
	return access.IntegrationUser{Name: a.Name, Email: a.Email}.CalledBy()
}
