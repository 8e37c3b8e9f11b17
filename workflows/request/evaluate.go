package request

import (
	"strings"
	"time"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
	"usher/workflows/ticket"
)

// evaluation is how far the question has come what the request demands.
type evaluation struct {
	question
	// Done is true when policy has answered.
	Done bool `json:"done,omitempty"`
	// Submitted is true when the audit trail has the request.
	Submitted bool `json:"submitted,omitempty"`
}

// evaluate asks policy what the request demands. The answer is in the history, so an edit of the policy never touches a
// request that runs.
func (r *request) evaluate(now time.Time) {
	if r.View.State != access.StateEvaluating || r.Evaluation.Done || r.Stop != nil {
		return
	}
	if !r.Evaluation.Submitted {
		r.Evaluation.Submitted = true
		channel := access.ChannelAPI
		if r.asked.Origin != nil {
			channel = access.ChannelTicket
		}
		said := "Requested"
		if r.asked.Service != "" {
			said += " by service " + r.asked.Service + " on behalf of " + string(r.asked.Requester)
		}
		r.record(access.Event{
			Type: access.EventSubmitted, Actor: r.asked.Requester, Channel: channel,
			Evidence: r.asked.Evidence, Text: workflows.Sentence(said, r.asked.Reason),
		})
	}
	if r.Evaluation.ready(now) {
		call := activities.EvaluateInput{Request: r.asked, PeopleRead: r.Evaluation.LookedUp, People: r.Evaluation.People}
		var p *activities.Policy
		askPolicy(r, &r.Evaluation.question, asked[activities.Evaluation]{p.Evaluate, call, r.answered, r.notEvaluated})
	}
}

func (r *request) notEvaluated(err error) {
	if r.View.State != access.StateEvaluating || !r.later(&r.Evaluation.question, workflows.RetryConnector) {
		return
	}
	r.View.StatusText = "Policy cannot be asked now, and will be asked again: " + workflows.ErrorText(err)
}

// answered takes policy's answer. A request that was stopped meanwhile has no use for it.
func (r *request) answered(answer activities.Evaluation) {
	if r.Stop != nil || r.View.State != access.StateEvaluating {
		return
	}
	r.Evaluation.Done = true
	if len(answer.Refusals) > 0 {
		r.refused(answer.Refusals)
		return
	}
	r.required(answer.Requirement)
}

// refused takes policy's no.
func (r *request) refused(why []access.Refusal) {
	r.View.Refusals = why
	texts := make([]string, len(why))
	for i, refusal := range why {
		texts[i] = refusal.Field + ": " + refusal.Problem
	}
	for i := range r.View.Items {
		r.View.Items[i].State = access.ItemRefused
	}
	r.record(access.Event{Type: access.EventRefused, Channel: access.ChannelSystem, Text: strings.Join(texts, "; ")})
}

// required takes policy's requirement, from which the request lives on.
func (r *request) required(need access.Requirement) {
	now := r.loop.Now()
	r.Requirement = &need
	v := &r.View
	v.Approvers = need.Approvers()
	v.PolicyHash, v.SubjectName, v.RequesterName = need.PolicyHash, need.Subject.Name(), need.Requester.Name()
	decideBy := now.Add(need.Settings.ApprovalTimeout.Std())
	v.ApprovalDeadline = &decideBy
	for i, item := range need.Items {
		v.Items[i] = access.ItemView{Item: item.Item, Title: item.Title, State: access.ItemPending, Fulfilment: item.Fulfilment, Binding: item.Binding}
	}
	r.setState(access.StateAwaitingApproval)
	r.StageSince = now
	r.armReminder()
	r.keepTicket()
	r.record(access.Event{
		Type: access.EventRequired, Channel: access.ChannelSystem, Evidence: "policy " + need.PolicyHash,
		Text: "Policy demands: " + strings.Join(ticket.StageLines(need), "; ") + ".",
	})
}
