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
	has := i.View.Assignee
	if i.View.State.Ended() || has == nil || (has.User == "" && has.Account != "") {
		return
	}
	i.Ask, i.AskAt = true, time.Time{}
}

// assign finds who gets the ticket.
func (i *incident) assign(now time.Time) {
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
		i.Failures, i.RetryAt = 0, time.Time{}
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
	})
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
		i.Vacant = 0
		return
	}
	if found.User == "" {
		i.vacant(found)
		return
	}
	i.View.Assignee = &found
	who := access.IntegrationUser{Name: found.Name, Email: found.Email}.CalledBy()
	text := "Assigned to " + who + ": " + found.Why + "."
	if had != nil && had.User != "" {
		text = "Assigned to " + who + " instead of " + access.IntegrationUser{Name: had.Name, Email: had.Email}.CalledBy() + ": " + found.Why + "."
	}
	i.say("", access.DeskEvent{Type: access.DeskIncidentAssigned, User: found.User, Text: text})
	if i.View.Ticket != nil {
		i.View.StatusText = i.waits()
	}
	from := []access.AccountID{found.Account}
	if had != nil && had.Account != "" {
		from = append(from, had.Account)
	}
	if seen := i.Ticket.Seen; seen != nil && seen.Assignee != "" {
		// Whom the desk refused had it never: the ticket is still with whom it was before.
		from = append(from, seen.Assignee)
	}
	i.Ticket.Write(ticket.Write{Text: text, Assign: &found.Account, AssignFrom: from})
}

// vacant takes that nobody can be assigned: the ticket stays with whom it has, and it is tried again.
func (i *incident) vacant(found access.IncidentAssignee) {
	i.Vacant++
	// A refusal of the desk may have been a passing one.
	i.Except = nil
	i.AskAt = i.loop.Now().Add(workflows.RetryVacant.After(i.Vacant))
	if i.Vacant > 1 {
		return
	}
	text := "usher can assign this to nobody: " + found.Why + "."
	if i.View.Assignee == nil {
		i.View.Assignee = &found
	} else {
		text = "usher can assign this to nobody else: " + found.Why + "."
	}
	i.say("", access.DeskEvent{Type: access.DeskIncidentAssigned, Text: text})
	i.Ticket.Write(ticket.Write{Text: text})
}

// waits is whom the ticket waits for.
func (i *incident) waits() string {
	key := string(i.View.Ticket.Key)
	switch has := i.View.Assignee; {
	case has == nil || has.Account == "":
		return key + " is open and assigned to nobody."
	case has.Email == "":
		return key + " is open and assigned to the account " + string(has.Account) + "."
	default:
		return key + " is open and assigned to " + access.IntegrationUser{Name: has.Name, Email: has.Email}.CalledBy() + "."
	}
}
