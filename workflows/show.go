package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// shown is what the search attributes say, so that they are written only when they change.
type shown struct {
	State   access.RequestState `json:"state,omitempty"`
	Ticket  access.TicketKey    `json:"ticket,omitempty"`
	Waiting string              `json:"waiting,omitempty"`
	// Closed is true when the ledger has been told that the ticket shows the outcome.
	Closed bool `json:"closed,omitempty"`
}

// enter puts the request into a state.
func (r *accessRequest) enter(ctx workflow.Context, state access.RequestState) {
	r.s.View.State = state
	r.s.View.Since = workflow.Now(ctx).UTC()
}

// record adds an event to the audit trail, with the view as it is now, and gives the ledger's mark for it.
func (r *accessRequest) record(ctx workflow.Context, e access.Event) int {
	return r.recorder.add(note{Entry: r.entry(ctx, e)})
}

func (r *accessRequest) recordTicket(ctx workflow.Context, ref access.TicketRef, t access.EventType, text string) {
	entry := r.entry(ctx, access.Event{Type: t, Channel: access.ChannelSystem, Proof: ref.URL, Text: text})
	entry.Ticket = &access.TicketLink{Ref: ref, Request: r.request.ID, Marker: access.MarkerOf(r.request.ID)}
	r.recorder.add(note{Entry: entry})
}

// alongEvent is an event that is recorded along with a step on the ticket. It stands outside the count, so that a step that
// fails leaves no gap in it.
func (r *accessRequest) alongEvent(ctx workflow.Context, name string, t access.EventType, text string) *access.Event {
	return &access.Event{
		ID: RequestWorkflowID(r.request.ID) + "#" + name, Request: r.request.ID, Type: t, At: workflow.Now(ctx).UTC(),
		Channel: access.ChannelSystem, Text: text,
	}
}

func (r *accessRequest) entry(ctx workflow.Context, e access.Event) access.Entry {
	r.s.Events++
	r.s.View.Version = r.s.Events
	e.ID = fmt.Sprintf("%s#%d", RequestWorkflowID(r.request.ID), r.s.Events)
	e.Request = r.request.ID
	e.At = workflow.Now(ctx).UTC()
	view := copyView(r.s.View)
	return access.Entry{Events: []access.Event{e}, View: &view}
}

// copyView is a copy that later changes of the request do not reach.
func copyView(v access.RequestView) access.RequestView {
	v.Items = append([]access.ItemView(nil), v.Items...)
	v.WaitingOn = append([]access.Waiting(nil), v.WaitingOn...)
	v.Decisions = append([]access.Decision(nil), v.Decisions...)
	return v
}

// awaitRecorded waits until the ledger has the mark, or is known to be away: the fact is then safe in the history, and
// the caller is not kept waiting for a database.
func (r *accessRequest) awaitRecorded(ctx workflow.Context, mark int) error {
	r.recorder.held = false
	return workflow.Await(ctx, func() bool { return r.recorder.written >= mark || r.recorder.behind })
}

// show tells operators, in the Temporal UI's list and on the run's page, where the request stands.
func (r *accessRequest) show(ctx workflow.Context) {
	v := r.s.View
	workflow.SetCurrentDetails(ctx, details(v))
	waiting := make([]string, 0, len(v.WaitingOn))
	for _, w := range v.WaitingOn {
		if w.Person != "" {
			waiting = append(waiting, string(w.Person))
		}
	}
	now := shown{State: v.State, Waiting: strings.Join(waiting, ","), Closed: r.s.Shown.Closed}
	if v.Ticket != nil {
		now.Ticket = v.Ticket.Key
	}
	if now == r.s.Shown || r.momentary() {
		return
	}
	r.s.Shown = now
	updates := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(AttributeState).ValueSet(string(v.State)),
		temporal.NewSearchAttributeKeyTime(AttributeSince).ValueSet(v.Since),
		temporal.NewSearchAttributeKeyKeywordList(AttributeWaitingOn).ValueSet(waiting),
	}
	if now.Ticket != "" {
		updates = append(updates, temporal.NewSearchAttributeKeyKeyword(AttributeTicket).ValueSet(string(now.Ticket)))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Error("search attributes", "error", err)
	}
}

// momentary reports whether the request is in a state that it leaves within moments, if all goes well: the list is not
// troubled with it.
func (r *accessRequest) momentary() bool {
	switch {
	case r.s.View.State.Ended():
		return false
	case r.mirror == nil:
		return r.recorder.held
	case r.mirror.Ref == nil:
		return r.recorder.held && r.mirror.Problem == ""
	case r.s.View.State == access.StateAwaitingApprove && !r.undecided():
		return true
	}
	return r.mirror.held
}

// details is the run's page in the Temporal UI, in Markdown: what comes next, the ticket, and then each item. It is
// plain paragraphs and lists, because the UI draws no lines in tables.
func details(v access.RequestView) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s since %s\n\n", capital(strings.ReplaceAll(string(v.State), "_", " ")), clock(v.Since))
	fmt.Fprintf(&b, "**Next:** %s\n\n**Ticket:** %s\n\n", inline(v.Next), ticketLink(v))
	for _, w := range v.WaitingOn {
		fmt.Fprintf(&b, "- Waiting for **%s** (%s) since %s, item %s\n", inline(w.Name), w.Stage, clock(w.Since), joinItems(w.Items))
	}
	for _, item := range v.Items {
		title := item.Title
		if title == "" {
			title = string(item.Item.Entitlement)
		}
		fmt.Fprintf(&b, "- Item %s, %s: %s\n", item.Item.ID, inline(title), inline(sentence(string(item.State), item.Why)))
	}
	b.WriteString(lastLine)
	return b.String()
}

// lastLine is an empty paragraph: the UI gives the text a little less room than it needs, and hides the end.
const lastLine = "\n\u00a0"

func ticketLink(v access.RequestView) string {
	text := "none yet"
	switch {
	case v.Ticket != nil && v.Ticket.URL != "":
		text = fmt.Sprintf("[%s](%s)", v.Ticket.Key, v.Ticket.URL)
	case v.Ticket != nil:
		text = string(v.Ticket.Key)
	}
	if v.TicketProblem != "" {
		text += " – " + inline(v.TicketProblem)
	}
	return text
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// sentence joins a statement and its reason.
func sentence(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// nameOf is a person's name as the requirement knows it, else the id.
func (r *accessRequest) nameOf(id access.PersonID) string {
	if need := r.s.Requirement; need != nil {
		for _, p := range []access.Person{need.Requester, need.Subject} {
			if p.ID == id {
				return p.Name()
			}
		}
	}
	return string(id)
}

// inline makes a text harmless in one line of Markdown: people write reasons and names, and the page is an operator's.
func inline(s string) string {
	return markdown.Replace(s)
}

var markdown = strings.NewReplacer("\r", " ", "\n", " ", "\\", "\\\\", "|", "\\|", "[", "\\[", "]", "\\]", "<", "\\<", ">", "\\>", "&", "\\&",
	"`", "\\`", "*", "\\*", "_", "\\_", "!", "\\!", "~", "\\~", "$", "\\$", "://", "\\://")
