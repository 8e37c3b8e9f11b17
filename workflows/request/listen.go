package request

import (
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/internal/policy"
	"usher/workflows"
	"usher/workflows/durable"
)

// listen declares everything that can be said to a request.
func (r *request) listen() error {
	durable.OnSignal(r.loop, workflows.SignalLeaseStatus, r.leaseStatus)
	durable.OnSignal(r.loop, workflows.SignalDecision, r.operatorDecided)
	durable.OnSignal(r.loop, workflows.SignalTicketChanged, r.ticketChanged)
	durable.OnSignal(r.loop, workflows.SignalPersonChanged, r.personChanged)
	durable.OnSignal(r.loop, workflows.SignalHint, func(workflows.Hint) { r.readNow() })
	err := durable.OnUpdate(r.loop, durable.Update[workflows.SubmitInput, access.RequestView]{
		Name: workflows.UpdateSubmit, Description: "the requester's POST: answered when policy has answered",
		Judge:  r.judgeSubmit,
		Apply:  func(workflows.SubmitInput) func() bool { return r.evaluated },
		Answer: func(workflows.SubmitInput) (access.RequestView, error) { return r.view(), nil },
	})
	if err != nil {
		return err
	}
	err = durable.OnUpdate(r.loop, durable.Update[access.Decision, access.RequestView]{
		Name: workflows.UpdateDecide, Description: "one approver's decision",
		Judge: func(d access.Decision) error { return workflows.RefusalError(r.judgeDecision(d)) },
		Apply: r.applyDecision, Answer: r.answerDecision,
	})
	if err != nil {
		return err
	}
	err = durable.OnUpdate(r.loop, durable.Update[workflows.WithdrawInput, access.RequestView]{
		Name: workflows.UpdateWithdraw, Description: "the requester or the subject takes the request back",
		Judge:  func(c workflows.WithdrawInput) error { return workflows.RefusalError(r.judgeWithdrawal(c)) },
		Apply:  r.applyWithdrawal,
		Answer: func(workflows.WithdrawInput) (access.RequestView, error) { return r.view(), nil },
	})
	if err != nil {
		return err
	}
	err = durable.OnUpdate(r.loop, durable.Update[workflows.ReassignInput, access.RequestView]{
		Name: workflows.UpdateReassign, Description: "an administrator names who approves instead",
		Judge: func(c workflows.ReassignInput) error { return workflows.RefusalError(r.judgeReassign(c)) },
		Apply: r.applyReassign, Answer: r.answerReassign,
	})
	if err != nil {
		return err
	}
	return workflow.SetQueryHandler(r.loop.Context(), workflows.QueryView, func() (access.RequestView, error) { return r.view(), nil })
}

// evaluated reports whether policy has answered, or never will.
func (r *request) evaluated() bool { return r.Evaluation.Done || r.View.State.Ended() }

func (r *request) judgeSubmit(c workflows.SubmitInput) error {
	if c.Digest == r.asked.Digest() {
		return nil
	}
	return workflows.RefusalError(&policy.Rejection{
		Kind: access.Invalid, Field: "Idempotency-Key",
		Problem: "this key or id already names another request; send the same body again, or take a new key",
	})
}

func (r *request) judgeWithdrawal(c workflows.WithdrawInput) *policy.Rejection {
	switch {
	case r.Stop != nil && r.Stop.ID == c.ID:
		return nil
	case r.View.State.Ended() || r.Stop != nil:
		return r.tooLate()
	case c.By != r.asked.Requester && c.By != r.asked.Subject:
		return &policy.Rejection{Kind: access.Forbidden, Field: "by", Problem: "only the requester or the subject may withdraw this request"}
	}
	return nil
}

func (r *request) applyWithdrawal(c workflows.WithdrawInput) func() bool {
	if r.Stop != nil {
		return nil
	}
	r.stopFor(stop{
		ID: c.ID, Outcome: access.OutcomeWithdrawn, By: c.By, Name: r.nameOf(c.By), Channel: access.ChannelAPI,
		Evidence: c.Evidence, Reason: c.Reason,
	})
	number := r.record(access.Event{
		Type: access.EventWithdrawalRequested, Actor: c.By, Channel: access.ChannelAPI, Evidence: c.Evidence,
		Text: workflows.Sentence(r.nameOf(c.By)+" withdrew the request", c.Reason),
	})
	return func() bool { return r.outbox.Recorded(number) }
}

// tooLate returns how the request ended, or that it is ending.
func (r *request) tooLate() *policy.Rejection {
	if r.View.EndedAt != nil {
		return &policy.Rejection{
			Kind: access.Conflict, Field: "state",
			Problem: "the request has ended: " + string(r.View.State) + " at " + workflows.Clock(*r.View.EndedAt),
		}
	}
	return &policy.Rejection{Kind: access.Conflict, Field: "state", Problem: "the request is ending: " + string(r.Stop.Outcome)}
}

// judgeDecision returns why a decision is refused. One that comes before policy has answered is held.
func (r *request) judgeDecision(d access.Decision) *policy.Rejection {
	switch {
	case r.known(d.ID):
		return nil
	case r.View.State.Ended() || r.Stop != nil:
		return r.tooLate()
	case d.ID == "":
		// Whoever waits for an answer is found by it.
		return &policy.Rejection{Kind: access.Invalid, Field: "id", Problem: "expected the decision's id"}
	case unfit(d) != nil:
		return unfit(d)
	case r.Requirement == nil:
		return nil
	}
	if why := r.noDecision(d); why != nil {
		if r.unsettled() {
			return nil
		}
		return why
	}
	return r.refuseFiler(d.By)
}

// noDecision returns why a decision over the API does not count now; nil when it does.
func (r *request) noDecision(d access.Decision) *policy.Rejection {
	d.Channel = access.ChannelAPI
	_, why := r.approvals().Judge(*r.Requirement, r.View.Decisions, d)
	return why
}

// unsettled reports whether it is being found out who approves: a decision that does not count now is held until that is known. After a reset it
// may come together with what made its sender an approver.
func (r *request) unsettled() bool {
	if r.View.State != access.StateAwaitingApproval || r.Stop != nil {
		return false
	}
	f := &r.Follow
	return f.RetryAt.IsZero() && (f.Check || f.asking || r.finds()) ||
		slices.ContainsFunc(r.Naming, func(n *naming) bool { return n.RetryAt.IsZero() })
}

// known reports whether a decision of that id has been taken, or is held until it is judged.
func (r *request) known(id string) bool { return r.taken(id) || r.held(id) }

func (r *request) taken(id string) bool { return hasDecision(r.View.Decisions, id) }

func (r *request) held(id string) bool { return hasDecision(r.Early, id) }

func hasDecision(all []access.Decision, id string) bool {
	return id != "" && slices.ContainsFunc(all, func(d access.Decision) bool { return d.ID == id })
}

// applyDecision takes a decision, and returns what its caller waits for; nil for nothing. One that is held is not taken
// here though policy has answered: it is judged with the others that came early.
func (r *request) applyDecision(d access.Decision) func() bool {
	switch {
	case r.taken(d.ID):
		return nil
	case r.Requirement == nil, r.held(d.ID), r.unsettled() && r.noDecision(d) != nil:
		d.Channel = access.ChannelAPI
		if !r.held(d.ID) {
			r.Early = append(r.Early, d)
		}
		return func() bool { return r.evaluated() && r.judged(d.ID) }
	}
	d.Channel = access.ChannelAPI
	number := r.recordDecision(d, false)
	return func() bool { return r.outbox.Recorded(number) }
}

// judged reports whether a decision that came early has been judged, and is recorded if it counts.
func (r *request) judged(id string) bool {
	return !r.held(id) && r.outbox.Recorded(r.numbers[id])
}

func (r *request) answerDecision(d access.Decision) (access.RequestView, error) {
	if err := r.rejected[d.ID]; err != nil {
		return access.RequestView{}, err
	}
	if r.held(d.ID) {
		return access.RequestView{}, temporal.NewApplicationErrorWithCause(errTooEarly.Error(), string(access.Transient), errTooEarly)
	}
	return r.view(), nil
}

// takeEarly takes the early decisions that count, again and again until none does, for after a reset they may come in another
// order than before; and returns the others.
func (r *request) takeEarly() []access.Decision {
	rest := r.Early
	r.Early = nil
	if r.Requirement == nil || r.Stop != nil {
		return rest
	}
	for taken := true; taken; {
		taken = false
		for i, d := range rest {
			if r.known(d.ID) || !r.counts(d) {
				continue
			}
			r.numbers[d.ID] = r.recordDecision(d, false)
			rest = append(append([]access.Decision{}, rest[:i]...), rest[i+1:]...)
			taken = true
			break
		}
	}
	return rest
}

// counts reports whether a decision that was held counts now.
func (r *request) counts(d access.Decision) bool {
	if _, why := r.approvals().Judge(*r.Requirement, r.View.Decisions, d); why != nil {
		return false
	}
	if d.Channel == access.ChannelOperator {
		return r.Requirement.Settings.OperatorDecisions
	}
	return r.refuseFiler(d.By) == nil
}

// judgeEarly judges the decisions that were held, in the order in which they came.
func (r *request) judgeEarly() {
	if len(r.Early) == 0 || !r.evaluated() {
		return
	}
	early := r.takeEarly()
	if r.unsettled() {
		r.Early = early
		return
	}
	for _, d := range early {
		if d.Channel == access.ChannelOperator {
			r.judgeOperator(d)
			continue
		}
		if r.Requirement == nil {
			r.rejected[d.ID] = workflows.RefusalError(&policy.Rejection{Kind: access.Conflict, Field: "state", Problem: "the request does not wait for decisions"})
			continue
		}
		if why := r.judgeDecision(d); why != nil {
			r.rejected[d.ID] = workflows.RefusalError(why)
			continue
		}
		r.numbers[d.ID] = r.recordDecision(d, false)
	}
}
