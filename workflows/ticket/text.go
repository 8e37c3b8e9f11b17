package ticket

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
)

// The texts of a request's ticket, and those that several workflows share. Texts may change freely: they are inputs of activities,
// which a replay does not compare. They are plain; the connector turns them into its desk's markup.

// Lasting returns how long access lasts, as people read it.
func Lasting(d access.Duration) string {
	if d == 0 {
		return "without end"
	}
	return "for " + d.String()
}

// summary is the ticket's title: what, for whom.
func summary(need access.Requirement) string {
	first := need.Items[0].Title
	if more := len(need.Items) - 1; more > 0 {
		first += fmt.Sprintf(" and %d more", more)
	}
	return "Access request: " + first + " for " + need.Subject.Name()
}

// ForRequest returns the ticket of a request, with its marker.
func ForRequest(request access.Request, need access.Requirement, marker access.Marker) access.NewTicket {
	items := itemLines(need)
	fields := map[access.TicketField]string{
		access.FieldRequestID: string(request.ID),
		access.FieldRequester: need.Requester.Name(),
		access.FieldSubject:   need.Subject.Name(),
		access.FieldItems:     strings.Join(items, "\n"),
		access.FieldDuration:  durations(need),
		access.FieldReason:    request.Reason,
	}
	paragraphs := []string{
		requestedBy(request, need),
		// One paragraph: a reason must not look like a part of what usher says.
		"Reason: " + strings.Join(strings.Fields(request.Reason), " "),
		"Access:\n" + strings.Join(items, "\n"),
		"Approval, in this order:\n" + strings.Join(StageLines(need), "\n"),
		"Undecided requests expire after " + need.Settings.ApprovalTimeout.String() + ".",
	}
	if slices.ContainsFunc(need.Items, manual) {
		paragraphs = append(paragraphs,
			"When it is approved, a human grants what is marked \"by hand\" and closes this ticket as done. "+
				"Closing it as won't do means that it will not be granted.")
	}
	if url := need.Settings.URL(request.ID); url != "" {
		fields[access.FieldRequestURL] = url
		paragraphs = append(paragraphs, "Request "+string(request.ID)+": "+url)
	} else {
		paragraphs = append(paragraphs, "Request "+string(request.ID))
	}
	return access.NewTicket{
		Marker:    marker,
		Summary:   summary(need),
		Body:      strings.Join(paragraphs, "\n\n"),
		Fields:    fields,
		Requester: need.Requester,
	}
}

// ForIncident returns the ticket of an incident, with its marker. What the caller wrote is quoted, so that it cannot pass for what usher says; that nobody
// gets access comes first, because desks cut long texts at their end.
func ForIncident(i access.Incident, marker access.Marker) access.NewTicket {
	reference := "Reference: " + i.Reference
	if i.ReferenceURL != "" {
		reference += " " + i.ReferenceURL
	}
	paragraphs := []string{
		"Nobody gets any access by this ticket. Incident " + string(i.ID),
		"Handed in by " + string(i.Caller) + ". " + reference,
	}
	if i.Application != "" {
		paragraphs = append(paragraphs, "Application: "+i.Application)
	}
	if i.Description != "" {
		paragraphs = append(paragraphs, "In the words of "+string(i.Caller)+":\n"+quoted(i.Description))
	}
	return access.NewTicket{
		Marker: marker, Summary: incidentSummary + i.Summary, Body: strings.Join(paragraphs, "\n\n"),
		Fields: map[access.TicketField]string{
			access.FieldRequestID: string(i.ID), access.FieldRequestURL: i.ReferenceURL, access.FieldRequester: string(i.Caller), access.FieldReason: i.Summary,
		},
	}
}

// incidentSummary is how the summary of an incident's ticket begins: no ticket of a request begins so.
const incidentSummary = "Incident: "

// quoted returns a text with a mark before each line.
func quoted(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("> " + line)
	}
	return b.String()
}

func requestedBy(request access.Request, need access.Requirement) string {
	text := "Requested by " + need.Requester.Name()
	if need.Requester.ID == need.Subject.ID {
		text += ", for themselves"
	} else {
		text += " for " + need.Subject.Name()
	}
	if from := request.Origin; from != nil && from.Filed {
		text += "; account " + string(from.Account) + " filed the ticket"
	}
	if request.Service != "" {
		text += "; service " + request.Service + " asked on behalf of " + need.Requester.Name()
	}
	return text + "."
}

func manual(item access.ItemRequirement) bool { return item.Fulfilment == access.FulfilmentManual }

func itemLines(need access.Requirement) []string {
	lines := make([]string, len(need.Items))
	for i, item := range need.Items {
		how := "automatically"
		if manual(item) {
			how = "by hand"
		}
		lines[i] = fmt.Sprintf("%s. %s (%s), %s, granted %s", item.Item.ID, item.Title, item.Item.Entitlement, Lasting(item.Duration), how)
	}
	return lines
}

// StageLines returns who approves what, a line for each stage of each item.
func StageLines(need access.Requirement) []string {
	var lines []string
	for _, item := range need.Items {
		for _, stage := range item.Stages {
			lines = append(lines, item.Title+", "+stage.Name+": "+names(stage.Approvers))
		}
	}
	return lines
}

func durations(need access.Requirement) string {
	texts := make([]string, len(need.Items))
	for i, item := range need.Items {
		texts[i] = item.Title + ": " + Lasting(item.Duration)
	}
	return strings.Join(texts, "; ")
}

// DecisionText is the text of one decision.
func DecisionText(d access.Decision, all policy.Approvals) string {
	verb := "approved"
	if d.Verdict == access.Deny {
		verb = "denied"
	}
	text := fmt.Sprintf("%s %s items %s %s.", d.Name, verb, JoinItems(d.Items), channelText(d.Channel))
	if d.Reason != "" {
		text += "\nReason: " + d.Reason
	}
	if all.Pending() {
		text += "\nStill awaited: " + all.AwaitedNames() + "."
	}
	return text
}

// JoinItems returns items as a list.
func JoinItems(items []access.ItemID) string {
	texts := make([]string, len(items))
	for i, id := range items {
		texts[i] = string(id)
	}
	return strings.Join(texts, ", ")
}

func channelText(c access.Channel) string {
	switch c {
	case access.ChannelAPI:
		return "by the usher API"
	case access.ChannelTicket:
		return "on the desk"
	case access.ChannelOperator:
		return "by an operator's signal"
	case access.ChannelSystem:
		return "by usher"
	}
	return "by " + string(c)
}

// ReminderText reminds the people a request waits for.
func ReminderText(number int, awaited string, since, deadline time.Time) string {
	return fmt.Sprintf("Reminder: this request is pending since %s for %s. It expires at %s. This is reminder %d.",
		workflows.Clock(since), awaited, workflows.Clock(deadline), number)
}

// FulfilmentReminderText reminds the ticket's assignee.
func FulfilmentReminderText(number int, items []string, since time.Time) string {
	return fmt.Sprintf("Reminder: approved since %s, waiting for a human to grant: %s. "+
		"Close this ticket as done when it is granted. This is reminder %d.", workflows.Clock(since), strings.Join(items, ", "), number)
}

// WorkText asks a human to grant what usher cannot.
func WorkText(items []string) string {
	return "Approved. To be granted by hand: " + strings.Join(items, ", ") +
		".\nClose this ticket as done when it is granted, as won't do if it will not be."
}

// ReassignedText returns who approves by now instead of whom, and why: a line for all items whose stage has changed alike.
func ReassignedText(changed []policy.Changed, items []access.ItemRequirement, why string) string {
	var how []string
	titles := map[string][]string{}
	for _, c := range changed {
		title := string(c.Item)
		for _, item := range items {
			if item.Item.ID == c.Item {
				title = item.Title
			}
		}
		text := fmt.Sprintf("%s: %s instead of %s.", c.Stage, names(c.After), names(c.Before))
		if titles[text] == nil {
			how = append(how, text)
		}
		titles[text] = append(titles[text], title)
	}
	lines := []string{"Others approve now: " + why + "."}
	for _, text := range how {
		lines = append(lines, strings.Join(titles[text], ", ")+", "+text)
	}
	return strings.Join(lines, "\n")
}

// names returns people as a list; "nobody yet" for none.
func names(people []access.Person) string {
	if len(people) == 0 {
		return "nobody yet"
	}
	texts := make([]string, len(people))
	for i, p := range people {
		texts[i] = p.Name()
	}
	return strings.Join(texts, " or ")
}

// RevertText is the text about a change that usher reverted, with the reason.
func RevertText(why string) string {
	return "usher reverted this change: " + why + "."
}

// AnswerText returns how somebody answered a desk approval, as a sentence.
func AnswerText(now access.TicketSnapshot) string {
	return MoverName(now) + " answered an approval on the desk: " + string(now.Phase) + "."
}

// AnswerRefusedText is the text about an answer to a desk approval that does not count, with the reason.
func AnswerRefusedText(now access.TicketSnapshot, why string) string {
	at := now.StatusChangedAt.UTC().Format(time.DateTime)
	return "The answer of " + MoverName(now) + " to an approval on the desk, at " + at + " UTC, does not count: " + why + "."
}

// NotVisibleText is the text that says that the target does not show a hand-made grant.
func NotVisibleText(title string) string {
	return "The ticket was closed as done, but the target does not show " + title +
		" yet. usher goes on checking; the request closes when the access can be seen."
}

// ReplacedText is the text about why there is a second ticket.
func ReplacedText(old access.TicketKey) string {
	return "This ticket replaces " + string(old) + ", which can no longer be read. The request went on meanwhile."
}

// OutcomeText is the text about how the request ended.
func OutcomeText(view access.RequestView) string {
	lines := []string{"The request has ended: " + strings.ReplaceAll(string(view.State), "_", " ") + "."}
	for _, item := range view.Items {
		line := string(item.Item.ID) + ". " + item.Title + ": " + string(item.State)
		if item.Lease != nil && item.State == access.ItemGranted {
			if item.Lease.EndsAt != nil {
				line += ", until " + workflows.Clock(*item.Lease.EndsAt)
			}
			if item.Lease.Verification != nil {
				line += " (" + item.Lease.Verification.Evidence + ")"
			}
		}
		if item.Detail != "" {
			line += " – " + item.Detail
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// ReopenedText answers somebody who opens a ticket again whose request has ended.
func ReopenedText(view access.RequestView) string {
	return "The request of this ticket has ended (" + strings.ReplaceAll(string(view.State), "_", " ") +
		"); opening the ticket again changes nothing. Please make a new request."
}

// BoundText is the comment on the ticket of a person that shows how usher understands it: from then on that counts, and not the
// ticket itself.
func BoundText(order access.NewTicket) string {
	return "usher keeps this ticket as a request for access. It is asked for this, and for nothing else that the ticket says:\n\n" + order.Body
}

// ElsewhereText is the comment on the ticket of a person whose request is kept on another ticket.
func ElsewhereText(ref access.TicketRef) string {
	return "usher cannot keep the request for access on this ticket; it goes on in " + string(ref.Key) + "."
}

// ForRemoval asks a human to take away what a human granted, or what usher cannot revoke.
func ForRemoval(lease access.Lease, why string) access.NewTicket {
	return access.NewTicket{
		Marker:  access.RemovalMarkerOf(lease.ID),
		Summary: "Remove access: " + lease.Title + " of " + lease.Subject.Name(),
		Body: strings.Join([]string{
			"The access of " + lease.Subject.Name() + " to " + lease.Title + " (" + string(lease.Entitlement) + ") must end now.",
			why,
			"Close this ticket as done when the access is gone. It was granted by request " + string(lease.Request) + ".",
		}, "\n\n"),
		Fields: map[access.TicketField]string{
			access.FieldRequestID: string(lease.Request),
			access.FieldSubject:   lease.Subject.Name(),
			access.FieldItems:     lease.Title,
			access.FieldReason:    why,
		},
		Requester: lease.Subject,
	}
}

// EventText returns what a person did to a ticket, as a sentence.
func EventText(event access.TicketEvent, now access.TicketSnapshot) string {
	by := " by " + MoverName(now)
	switch event {
	case access.EventMoved:
		return "The ticket is " + string(now.Ref.Key) + " now."
	case access.EventAssigned:
		return "The ticket's assignee changed."
	case access.EventDeleted:
		return "The ticket can no longer be read."
	case access.EventReopened:
		return "The ticket was opened again" + by + "."
	case access.EventClosedUndecided:
		return "The ticket was closed before a decision" + by + "."
	case access.EventClosedDone:
		return "The ticket was closed as done" + by + "."
	case access.EventClosedWontDo:
		return "The ticket was closed as won't do" + by + "."
	case access.EventDecidedByApprover, access.EventDecidedByOther:
		return "The ticket was set to " + now.Status + by + "."
	}
	return string(event)
}

// MoverName returns who brought a ticket into its status, as people read it.
func MoverName(now access.TicketSnapshot) string {
	if now.StatusChangedByName != "" {
		return now.StatusChangedByName
	}
	if now.StatusChangedBy != "" {
		return "account " + string(now.StatusChangedBy)
	}
	return "somebody"
}
