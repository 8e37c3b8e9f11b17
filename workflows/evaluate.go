package workflows

import (
	"strings"

	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
)

// evaluate asks policy what the request demands. The answer is recorded, so an edit of the policy never touches a
// request that runs. It may be stopped while the identity source is away.
func (r *accessRequest) evaluate(ctx workflow.Context) error {
	if r.evaluated {
		return nil
	}
	r.record(ctx, access.Event{
		Type: access.EventSubmitted, Actor: r.request.Requester, Channel: access.ChannelAPI,
		Proof: r.request.Proof, Text: sentence("Requested", r.request.Reason),
	})
	asking, giveUp := workflow.WithCancel(ctx)
	var answer *activities.Evaluation
	workflow.Go(asking, func(ctx workflow.Context) { answer = r.askPolicy(ctx) })
	if err := workflow.Await(ctx, func() bool { return answer != nil || r.s.Stop != nil }); err != nil {
		return err
	}
	giveUp()
	if answer == nil {
		r.recorder.held = false
		return nil
	}
	if len(answer.Refusals) > 0 {
		r.refused(ctx, answer.Refusals)
		return nil
	}
	r.required(ctx, answer.Requirement)
	return nil
}

// askPolicy goes round until policy has answered; nil when it was cancelled.
func (r *accessRequest) askPolicy(ctx workflow.Context) *activities.Evaluation {
	for round := 0; ctx.Err() == nil; round++ {
		answer, err := r.askOnce(ctx)
		if err == nil {
			return answer
		}
		r.recorder.held = false
		r.s.View.Next = "Policy cannot be asked now, and will be asked again: " + sayError(err)
		r.show(ctx)
		_ = workflow.Sleep(ctx, betweenRounds.after(round))
	}
	return nil
}

// askOnce asks policy, which reads the people itself where this queue's worker serves the source; else they are looked up
// where it is served, and policy is asked again.
func (r *accessRequest) askOnce(ctx workflow.Context) (*activities.Evaluation, error) {
	var policy *activities.Policy
	var answer activities.Evaluation
	call := activities.EvaluateCall{Request: r.request}
	if err := workflow.ExecuteActivity(evaluation(ctx), policy.Evaluate, call).Get(ctx, &answer); err != nil {
		return nil, err
	}
	if answer.Consult == nil {
		return &answer, nil
	}
	var src *activities.Source
	call.LookedUp = true
	opts := source(ctx, answer.Consult.Source)
	if err := workflow.ExecuteActivity(opts, src.LookupPeople, answer.Consult.Call).Get(ctx, &call.People); err != nil {
		return nil, err
	}
	answer = activities.Evaluation{}
	if err := workflow.ExecuteActivity(evaluation(ctx), policy.Evaluate, call).Get(ctx, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// refused takes policy's no.
func (r *accessRequest) refused(ctx workflow.Context, why []access.Refusal) {
	r.evaluated = true
	r.recorder.held = false
	r.s.View.Refusals = why
	texts := make([]string, len(why))
	for i, refusal := range why {
		texts[i] = refusal.Field + ": " + refusal.Problem
	}
	for i := range r.s.View.Items {
		r.s.View.Items[i].State = access.ItemRefused
	}
	r.record(ctx, access.Event{Type: access.EventRefused, Channel: access.ChannelSystem, Text: strings.Join(texts, "; ")})
}

// required takes policy's requirement, from which the request lives on.
func (r *accessRequest) required(ctx workflow.Context, need access.Requirement) {
	r.evaluated = true
	now := workflow.Now(ctx).UTC()
	r.s.Requirement = &need
	v := &r.s.View
	v.PolicyHash, v.SubjectName, v.RequesterName = need.PolicyHash, need.Subject.Name(), need.Requester.Name()
	decideBy := now.Add(need.Terms.DecideWithin.Std())
	v.DecideBy, v.Approvers = &decideBy, need.Approvers()
	for i, item := range need.Items {
		v.Items[i] = access.ItemView{Item: item.Item, Title: item.Title, State: access.ItemPending, Fulfilment: item.Fulfilment}
	}
	r.enter(ctx, access.StateAwaitingApprove)
	r.s.StageSince = now
	r.armReminder(ctx)
	r.tellApprovals(ctx)
	r.record(ctx, access.Event{
		Type: access.EventRequired, Channel: access.ChannelSystem, Proof: "policy " + need.PolicyHash,
		Text: "Policy demands: " + strings.Join(stageLines(need), "; ") + ".",
	})
	r.show(ctx)
}
