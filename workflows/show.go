package workflows

import (
	"fmt"
	"strings"
	"time"

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
	return r.recorder.add(r.entry(ctx, e))
}

func (r *accessRequest) recordTicket(ctx workflow.Context, ref access.TicketRef, text string) {
	entry := r.entry(ctx, access.Event{Type: access.EventTicketOpened, Channel: access.ChannelSystem, Proof: ref.URL, Text: text})
	entry.Ticket = &access.TicketLink{Ref: ref, Request: r.request.ID, Marker: access.MarkerOf(r.request.ID)}
	r.recorder.add(entry)
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
	if now == r.s.Shown {
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

// details is the run's page in the Temporal UI, in Markdown.
func details(v access.RequestView) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s since %s\n\n%s\n", strings.ReplaceAll(string(v.State), "_", " "), clock(v.Since), inline(v.Next))
	for _, w := range v.WaitingOn {
		fmt.Fprintf(&b, "\n- **%s** (%s) since %s, for items %s", inline(w.Name), w.Stage, w.Since.Format(time.RFC3339), joinItems(w.Items))
	}
	b.WriteString("\n\n| item | state | |\n|---|---|---|\n")
	for _, item := range v.Items {
		title := item.Title
		if title == "" {
			title = string(item.Item.Entitlement)
		}
		fmt.Fprintf(&b, "| %s. %s | %s | %s |\n", item.Item.ID, inline(title), item.State, inline(item.Why))
	}
	switch {
	case v.Ticket != nil && v.Ticket.URL != "":
		fmt.Fprintf(&b, "\nTicket [%s](%s)", v.Ticket.Key, v.Ticket.URL)
	case v.Ticket != nil:
		fmt.Fprintf(&b, "\nTicket %s", v.Ticket.Key)
	default:
		b.WriteString("\nNo ticket yet")
	}
	if v.TicketProblem != "" {
		fmt.Fprintf(&b, " – %s", inline(v.TicketProblem))
	}
	return b.String()
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

var markdown = strings.NewReplacer("\r", " ", "\n", " ", "|", "\\|", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;", "`", "\\`",
	"*", "\\*", "_", "\\_", "!", "\\!")
