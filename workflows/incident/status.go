package incident

import (
	"strings"

	"go.temporal.io/sdk/workflow"

	"usher/workflows"
)

// seeking is what is shown of an incident whose desk is not known yet.
const seeking = "It is being found out where the ticket is opened."

// showStatus sets what happens next. How the incident ended stays.
func (i *incident) showStatus() {
	text := i.status()
	if i.View.State.Ended() || i.View.StatusText == text {
		return
	}
	i.View.StatusText, i.Unrecorded = text, true
}

// status is in a sentence or two what happens next.
func (i *incident) status() string {
	failing := ""
	if i.Taken == nil || i.Ask {
		failing = i.Failing
	}
	switch {
	case i.View.Ticket != nil:
		return i.openStatus(failing)
	case failing != "":
		return "No ticket yet: " + failing + "."
	case i.Ticket.Problem != "":
		return strings.ToUpper(i.Ticket.Problem[:1]) + i.Ticket.Problem[1:] + "."
	case i.Taken == nil:
		return seeking
	}
	return "The ticket is being opened."
}

// openStatus is whom the ticket waits for. failing is why nobody can be found for it now; "" for no reason.
func (i *incident) openStatus(failing string) string {
	key := string(i.View.Ticket.Key)
	if !i.MissingSince.IsZero() {
		return key + " cannot be read since " + workflows.Clock(i.MissingSince) +
			": somebody deleted or hid it, or usher's account has lost a right. usher goes on trying for a day."
	}
	if i.NobodyElse != "" && i.View.Assignee.Account == "" {
		return key + " is open and assigned to nobody. usher can assign it to " + i.nobodyElse() + "."
	}
	text := key + " is open and assigned to " + i.holder() + "."
	switch {
	case failing != "":
		text += " To whom it is to be assigned cannot be found out now: " + failing + "."
	case i.NobodyElse != "":
		text += " usher can assign it to " + i.nobodyElse() + "."
	case i.Left:
		text += " It stays so until somebody assigns it on the desk: it was assigned to nobody there a second time."
	}
	return text
}

// holder is whom people read as the ticket's assignee.
func (i *incident) holder() string {
	switch has := i.View.Assignee; {
	case has == nil || has.Account == "":
		return "nobody"
	case has.Email == "":
		return "the account " + string(has.Account)
	default:
		return called(*has)
	}
}

// showProblem takes over what is wrong with the ticket.
func (i *incident) showProblem() {
	if i.View.TicketProblem != i.Ticket.Problem {
		i.View.TicketProblem, i.Unrecorded = i.Ticket.Problem, true
	}
}

// show sets what the Temporal UI shows.
func (i *incident) show() {
	var lines []string
	if i.View.Assignee != nil {
		lines = append(lines, "Assignee: "+workflows.Inline(i.View.Assignee.Why))
	}
	if i.View.TicketProblem != "" {
		lines = append(lines, "**Problem:** "+workflows.Inline(i.View.TicketProblem))
	}
	first := "The incident " + workflows.Inline(i.asked.Reference) + ": " + workflows.Inline(i.View.StatusText)
	workflow.SetCurrentDetails(i.loop.Context(), workflows.Details(first, lines))
}
