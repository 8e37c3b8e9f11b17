package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
)

// listen sets up everything that can be said to a request. The state is complete before this, because messages that
// have come early are delivered at once.
func (r *accessRequest) listen(ctx, work workflow.Context) error {
	err := workflow.SetQueryHandler(ctx, QueryView, func() (access.RequestView, error) { return r.s.View, nil })
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, UpdateSubmit, r.submit, workflow.UpdateHandlerOptions{
		Validator:   r.validateSubmit,
		Description: "the requester's POST: answers when policy has answered",
	})
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, UpdateDecide, r.decide, workflow.UpdateHandlerOptions{
		Validator:   r.validateDecide,
		Description: "one approver's decision",
	})
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, UpdateWithdraw, r.withdraw, workflow.UpdateHandlerOptions{
		Validator:   r.validateWithdraw,
		Description: "the requester or the subject takes the request back",
	})
	if err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		ctx.Done().Receive(ctx, nil)
		r.stopFor(stop{
			Outcome: access.OutcomeCancelled, Channel: access.ChannelOperator, Name: "an operator",
			Reason: "the workflow was cancelled",
		})
	})
	workflow.GoNamed(work, "lease answers", func(ctx workflow.Context) {
		for {
			var answer access.LeaseAnswer
			workflow.GetSignalChannel(ctx, SignalLeaseState).Receive(ctx, &answer)
			r.leaseAnswered(ctx, answer)
		}
	})
	workflow.GoNamed(work, "hints", func(ctx workflow.Context) {
		for {
			workflow.GetSignalChannel(ctx, SignalHint).Receive(ctx, nil)
			r.lookNow = true
		}
	})
	workflow.GoNamed(work, "ticket news", func(ctx workflow.Context) {
		for {
			var news access.TicketNews
			workflow.GetSignalChannel(ctx, SignalTicket).Receive(ctx, &news)
			r.heard(ctx, news)
		}
	})
	workflow.GoNamed(work, "operator decisions", func(ctx workflow.Context) {
		for {
			var d access.Decision
			workflow.GetSignalChannel(ctx, SignalDecision).Receive(ctx, &d)
			r.operatorDecided(ctx, d)
		}
	})
	return nil
}

// drain takes every message that has come and not been read, and reports whether there was one.
func (r *accessRequest) drain(ctx workflow.Context) bool {
	some := false
	var answer access.LeaseAnswer
	for workflow.GetSignalChannel(ctx, SignalLeaseState).ReceiveAsync(&answer) {
		r.leaseAnswered(ctx, answer)
		some = true
	}
	var d access.Decision
	for workflow.GetSignalChannel(ctx, SignalDecision).ReceiveAsync(&d) {
		r.operatorDecided(ctx, d)
		some = true
	}
	for {
		var news access.TicketNews
		if !workflow.GetSignalChannel(ctx, SignalTicket).ReceiveAsync(&news) {
			break
		}
		r.heard(ctx, news)
		some = true
	}
	for workflow.GetSignalChannel(ctx, SignalHint).ReceiveAsync(nil) {
		r.lookNow = true
		some = true
	}
	return some
}

func (r *accessRequest) validateSubmit(c SubmitCall) error {
	if c.Digest != r.request.Digest() {
		return refuse(&refused{
			access.Invalid, "Idempotency-Key",
			"this key or id already names another request; send the same body again, or take a new key",
		})
	}
	return nil
}

func (r *accessRequest) submit(ctx workflow.Context, _ SubmitCall) (access.RequestView, error) {
	err := workflow.Await(ctx, func() bool { return r.evaluated || r.s.View.State.Ended() })
	return r.s.View, err
}

func (r *accessRequest) validateWithdraw(c WithdrawCall) error {
	if r.s.Stop != nil && r.s.Stop.ID == c.ID {
		return nil
	}
	if r.s.View.State.Ended() || r.s.Stop != nil {
		return refuse(r.tooLate())
	}
	if c.By != r.request.Requester && c.By != r.request.Subject {
		return refuse(&refused{access.Forbidden, "by", "only the requester or the subject may withdraw this request"})
	}
	return nil
}

func (r *accessRequest) withdraw(ctx workflow.Context, c WithdrawCall) (access.RequestView, error) {
	if r.s.Stop == nil {
		r.stopFor(stop{
			ID: c.ID, Outcome: access.OutcomeWithdrawn, By: c.By, Name: r.nameOf(c.By), Channel: access.ChannelAPI,
			Proof: c.Proof, Reason: c.Reason,
		})
		mark := r.record(ctx, access.Event{
			Type: access.EventWithdrawAsked, Actor: c.By, Channel: access.ChannelAPI, Proof: c.Proof,
			Text: sentence(r.nameOf(c.By)+" withdrew the request", c.Reason),
		})
		err := r.awaitRecorded(ctx, mark)
		return r.s.View, err
	}
	return r.s.View, nil
}

// tooLate tells a caller how the request ended, or that it is ending.
func (r *accessRequest) tooLate() *refused {
	if r.s.View.EndedAt != nil {
		return &refused{access.Conflict, "state", "the request has ended: " + string(r.s.View.State) + " at " + clock(*r.s.View.EndedAt)}
	}
	return &refused{access.Conflict, "state", "the request is ending: " + string(r.s.Stop.Outcome)}
}

// refuse is how a handler refuses: an application error whose type is the kind and whose detail names the field.
func refuse(why *refused) error {
	return temporal.NewApplicationErrorWithOptions(why.why, string(why.kind), temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{[]access.Refusal{{Field: why.field, Problem: why.why}}},
	})
}

// stopFor ends the request before its course. The first stop counts.
func (r *accessRequest) stopFor(s stop) {
	if r.s.Stop == nil && !r.s.View.State.Ended() {
		r.s.Stop = &s
	}
}
