package request

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/outbox"
	"usher/workflows/ticket"
)

// shown is what the search attributes say, so that they are written only when they change.
type shown struct {
	State   access.RequestState `json:"state,omitempty"`
	Ticket  access.TicketKey    `json:"ticket,omitempty"`
	Waiting string              `json:"waiting,omitempty"`
}

func (r *request) setState(s access.RequestState) {
	r.View.State = s
	r.View.Since = r.loop.Now()
}

// view returns the view as it is now, with whom the request waits for, what comes next, and what is wrong with the ticket.
func (r *request) view() access.RequestView {
	r.updateWaitingOn()
	r.View.TicketProblem = r.Ticket.Problem
	return r.View
}

// updateWaitingOn derives whom the request waits for from its state.
func (r *request) updateWaitingOn() {
	v := &r.View
	v.WaitingOn = nil
	if v.State == access.StateAwaitingApproval {
		r.awaitApprovers()
	}
	for _, item := range v.Items {
		if v.State == access.StateFulfilling && item.State == access.ItemFulfilling && item.Fulfilment == access.FulfilmentManual {
			r.await(access.Waiting{Name: "the ticket's assignee", Stage: "fulfilment", Since: r.StageSince}, item.Item.ID)
		}
	}
}

func (r *request) awaitApprovers() {
	v := &r.View
	all := r.approvals()
	for i, a := range all {
		v.Items[i].Stage = a.Stage.Name
		if a.State != access.ItemPending || v.Items[i].State != access.ItemPending {
			continue
		}
		for _, p := range a.Stage.Approvers {
			r.await(access.Waiting{Person: p.ID, Name: p.Name(), Stage: a.Stage.Name, Since: r.StageSince}, a.Need.Item.ID)
		}
	}
	if !r.has(access.ItemPending) {
		v.StatusText = "Every item is decided."
		return
	}
	v.StatusText = "Waiting for " + all.AwaitedNames() + " to decide, until " + workflows.Clock(*v.ApprovalDeadline) + "."
	if r.Follow.Problem != "" {
		v.StatusText += " " + r.Follow.Problem
	}
}

// await adds an item to what somebody is awaited for.
func (r *request) await(w access.Waiting, item access.ItemID) {
	for i := range r.View.WaitingOn {
		if known := &r.View.WaitingOn[i]; known.Person == w.Person && known.Stage == w.Stage {
			known.Items = append(known.Items, item)
			return
		}
	}
	w.Items = []access.ItemID{item}
	r.View.WaitingOn = append(r.View.WaitingOn, w)
}

// updateStatusText sets in the view what the fulfilment waits for.
func (r *request) updateStatusText() {
	v := &r.View
	if v.State != access.StateFulfilling {
		return
	}
	v.StatusText = "The access is being granted."
	if len(r.manualOpen()) > 0 {
		v.StatusText = "Waiting for a human to grant by hand and close the ticket as done."
	}
	for i := range v.Items {
		item := &v.Items[i]
		item.Stage = ""
		if item.State == access.ItemFulfilling && item.Detail != "" {
			v.StatusText += " " + item.Title + ": " + item.Detail
		}
	}
}

// show publishes for operators, in the Temporal UI's list and on the run's page, where the request stands.
func (r *request) show() {
	v := r.view()
	var people []string
	for _, w := range v.WaitingOn {
		if w.Person != "" {
			people = append(people, string(w.Person))
		}
	}
	waiting := workflows.CappedKeywords(people)
	workflow.SetCurrentDetails(r.loop.Context(), details(v, waiting, r.Outbox))
	now := shown{State: v.State, Waiting: strings.Join(waiting, ",")}
	if v.Ticket != nil {
		now.Ticket = v.Ticket.Key
	}
	if now == r.Shown || r.momentary() {
		return
	}
	r.Shown = now
	updates := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(workflows.AttributeState).ValueSet(string(v.State)),
		temporal.NewSearchAttributeKeyTime(workflows.AttributeSince).ValueSet(v.Since),
		temporal.NewSearchAttributeKeyKeywordList(workflows.AttributeWaitingOn).ValueSet(waiting),
	}
	if now.Ticket != "" {
		updates = append(updates, temporal.NewSearchAttributeKeyKeyword(workflows.AttributeTicket).ValueSet(string(now.Ticket)))
	}
	if err := workflow.UpsertTypedSearchAttributes(r.loop.Context(), updates...); err != nil {
		workflow.GetLogger(r.loop.Context()).Error("search attributes", "error", err)
	}
}

// momentary reports whether the request is in a state that it leaves within moments, if all goes well: the list is not
// troubled with it.
func (r *request) momentary() bool {
	switch {
	case r.View.State.Ended():
		return false
	case r.ticket == nil:
		return r.Evaluation.Failures == 0
	case r.Ticket.Ref == nil && !r.Ticket.Off:
		return r.Ticket.Failures == 0
	}
	return r.Ticket.Held
}

// nameOf returns a person's name as the requirement knows it, else the id.
func (r *request) nameOf(id access.PersonID) string {
	if need := r.Requirement; need != nil {
		for _, p := range []access.Person{need.Requester, need.Subject} {
			if p.ID == id {
				return p.Name()
			}
		}
	}
	return string(id)
}

// details returns the run's page in the Temporal UI, in Markdown: what comes next, the ticket, and then each item. It is
// plain paragraphs and lists, because the UI draws no lines in tables.
// Of those awaited it names those who are in the search attribute.
func details(v access.RequestView, shown []string, o outbox.State) string {
	var b strings.Builder
	state := strings.ReplaceAll(string(v.State), "_", " ")
	fmt.Fprintf(&b, "### %s since %s\n\n", strings.ToUpper(state[:1])+state[1:], workflows.Clock(v.Since))
	fmt.Fprintf(&b, "**Next:** %s\n\n**Ticket:** %s\n\n", workflows.Inline(v.StatusText), ticketLink(v))
	named := 0
	for _, w := range v.WaitingOn {
		if w.Person != "" && !slices.Contains(shown, string(w.Person)) {
			continue
		}
		named++
		fmt.Fprintf(&b, "- Waiting for **%s** (%s) since %s, item %s\n",
			workflows.Inline(w.Name), w.Stage, workflows.Clock(w.Since), ticket.JoinItems(w.Items))
	}
	if more := len(v.WaitingOn) - named; more > 0 {
		fmt.Fprintf(&b, "- and %d more\n", more)
	}
	for _, item := range v.Items {
		title := item.Title
		if title == "" {
			title = string(item.Item.Entitlement)
		}
		fmt.Fprintf(&b, "- Item %s, %s: %s\n", item.Item.ID, workflows.Inline(title), workflows.Inline(workflows.Sentence(string(item.State), item.Detail)))
	}
	b.WriteString(o.Details())
	b.WriteString(workflows.DetailsEnd)
	return b.String()
}

func ticketLink(v access.RequestView) string {
	text := "none yet"
	switch {
	case v.Ticket != nil && v.Ticket.URL != "":
		text = fmt.Sprintf("[%s](%s)", v.Ticket.Key, v.Ticket.URL)
	case v.Ticket != nil:
		text = string(v.Ticket.Key)
	}
	if v.TicketProblem != "" {
		text += " – " + workflows.Inline(v.TicketProblem)
	}
	return text
}
