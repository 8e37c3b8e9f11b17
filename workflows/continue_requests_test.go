package workflows_test

import (
	"time"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// requestStory starts ana's request, and submits it as the API does.
func requestStory(w *world, entitlements ...access.EntitlementID) story {
	r := w.request(entitlements...)
	w.at(0, func() { w.update(workflows.UpdateSubmit, "submit", workflows.SubmitInput{Digest: r.Digest()}) })
	return story{workflow: workflows.AccessRequestType, params: workflows.AccessRequestParams{Request: r}}
}

// asks makes a world for one request.
func (c *chain) asks(change func(*access.RequestSettings), edge ...bool) *world {
	w := newWorldWith(c.t, func(settings *access.RequestSettings) {
		settings.PollInitialInterval, settings.PollMaxInterval = access.Duration(40*time.Minute), access.Duration(3*time.Hour)
		if change != nil {
			change(settings)
		}
	})
	w.edge = len(edge) > 0
	c.join(w)
	return w
}

// approvalScenarios are stories of approvals over the API.
func approvalScenarios() []scenario {
	return []scenario{
		{name: "approved over the API", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "approved at the edge", begin: func(c *chain) story {
			w := c.asks(watchSettings, true)
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "two stages", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(125*time.Minute, func() { w.decide("omar", access.Approve) })
			return requestStory(w, "wiki/admin")
		}},
		{name: "two items and one is denied", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(125*time.Minute, func() { w.decide("omar", access.Deny, "2") })
			return requestStory(w, "wiki/editor", "wiki/admin")
		}},
		{name: "denied", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.decide("mia", access.Deny) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "refused by policy", begin: func(c *chain) story {
			w := c.asks(nil)
			w.source.Deactivate("mia")
			return requestStory(w, "wiki/editor")
		}},
		{name: "expired after reminders", begin: func(c *chain) story {
			return requestStory(c.asks(func(settings *access.RequestSettings) {
				settings.ApprovalTimeout = access.Duration(50 * time.Hour)
			}), "wiki/editor")
		}},
		{name: "the lease answers late", begin: func(c *chain) story {
			w := c.asks(nil)
			w.neverGrants()
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(311*time.Minute, func() { w.answered(0) })
			return requestStory(w, "wiki/editor")
		}},
	}
}

// asksOnDesk makes a world for one request, on a desk with approvals of its own.
func (c *chain) asksOnDesk() *world {
	w := c.asks(deskApprovals)
	w.desk.UseApprovals()
	w.accounts["eve"] = "account-of-eve"
	return w
}

// deskApprovalScenarios are stories of approvals of the desk's own.
func deskApprovalScenarios() []scenario {
	return []scenario{
		{name: "answered on the desk, stage after stage", begin: func(c *chain) story {
			w := c.asksOnDesk()
			w.at(61*time.Minute, func() { w.answers("mia", "mia", 1, yes) })
			w.at(245*time.Minute, func() { w.answers("omar", "omar", 1, yes) })
			return requestStory(w, "wiki/admin")
		}},
		{name: "a stranger answers for an approver", begin: func(c *chain) story {
			w := c.asksOnDesk()
			w.at(61*time.Minute, func() { w.answers("eve", "mia", 1, yes) })
			w.at(245*time.Minute, func() { w.answers("mia", "mia", 2, no) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "approved with usher, and the rest on the desk", begin: func(c *chain) story {
			w := c.asksOnDesk()
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(125*time.Minute, func() { w.answers("olga", "olga", 1, yes) })
			return requestStory(w, "wiki/admin")
		}},
	}
}

// stopScenarios are stories of a request that is stopped.
func stopScenarios() []scenario {
	return []scenario{
		{name: "withdrawn before a decision", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.withdraw("ana") })
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "withdrawn while granting", begin: func(c *chain) story {
			w := c.asks(nil)
			w.neverGrants()
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(155*time.Minute, func() { w.withdraw("ana") })
			return requestStory(w, "wiki/editor")
		}},
		{name: "cancelled by an operator", begin: func(c *chain) story {
			w := c.asks(nil)
			w.neverGrants()
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(125*time.Minute, c.cancelWorkflow)
			return requestStory(w, "wiki/editor")
		}},
	}
}

// manualScenarios are stories of a grant by hand.
func manualScenarios() []scenario {
	return []scenario{
		{name: "by hand and the target shows it later", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.decide("omar", access.Approve) })
			w.at(125*time.Minute, func() { w.move("ben", access.TicketDone) })
			w.at(245*time.Minute, func() { w.target.Put("vault", "ana") })
			return requestStory(w, "badge/vault")
		}},
		{name: "by hand on the word of a human", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.decide("omar", access.Approve) })
			w.at(125*time.Minute, func() { w.move("ben", access.TicketDone) })
			return requestStory(w, "badge/lab")
		}},
		{name: "by hand and the human will not", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.decide("omar", access.Approve) })
			w.at(125*time.Minute, func() { w.move("ben", access.TicketWontDo) })
			return requestStory(w, "badge/lab")
		}},
	}
}

// ticketScenarios are stories of decisions that do not come over the API.
func ticketScenarios() []scenario {
	return []scenario{
		{name: "decided on the ticket that is polled", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.move("mia", access.TicketApproved) })
			w.at(5*time.Hour, func() { w.move("omar", access.TicketApproved) })
			return requestStory(w, "wiki/admin")
		}},
		{name: "decided on the ticket with hints", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() {
				w.move("mia", access.TicketApproved)
				w.signal(workflows.SignalHint, workflows.Hint{Ticket: w.ticket().Ref.ID})
				w.signal(workflows.SignalHint, workflows.Hint{Ticket: w.ticket().Ref.ID})
			})
			return requestStory(w, "wiki/editor")
		}},
		{name: "decided on the ticket that is watched", begin: func(c *chain) story {
			w := c.asks(watchSettings)
			w.at(61*time.Minute, func() {
				w.move("mia", access.TicketApproved)
				w.tells()
				w.tells()
			})
			return requestStory(w, "wiki/editor")
		}},
		{name: "decided by the signal of an operator", begin: func(c *chain) story {
			w := c.asks(func(settings *access.RequestSettings) { settings.OperatorDecisions = true })
			w.at(61*time.Minute, func() {
				w.signal(workflows.SignalDecision, access.Decision{ID: "o1", By: "mia", Verdict: access.Approve, Reason: "by phone"})
			})
			return requestStory(w, "wiki/editor")
		}},
	}
}

// outageScenarios are stories in which the ledger or the source is away.
func outageScenarios() []scenario {
	return []scenario{
		{name: "the ledger is away for a while", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() {
				w.ledger.setAway(true)
				w.decide("mia", access.Approve)
			})
			w.at(305*time.Minute, func() { w.ledger.setAway(false) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "the source is away for a while", begin: func(c *chain) story {
			w := c.asks(nil)
			w.source.Down(true)
			w.at(61*time.Minute, func() { w.source.Down(false) })
			w.at(125*time.Minute, func() { w.decide("mia", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
	}
}

// neverGrants lets the subject's workflow answer nothing until access must go.
func (w *world) neverGrants() {
	w.entity = func(e access.LeaseSpec) {
		if e.DesiredState == access.Absent {
			w.grantAtOnce(e)
		}
	}
}

func (w *world) withdraw(by access.PersonID) *answer {
	return w.update(workflows.UpdateWithdraw, "w1", workflows.WithdrawInput{ID: "w1", By: by, Reason: "not needed"})
}

// asksInOneTask makes a world in which the messages that are sent at 61 minutes come in one task with a timer: the look at the
// ticket, or the question about the watch's age, that is due at 3 hours.
func (c *chain) asksInOneTask(watched bool) *world {
	w := c.asks(func(settings *access.RequestSettings) {
		if watched {
			watchSettings(settings)
		}
		settings.OperatorDecisions = true
		settings.PollInitialInterval, settings.ReminderInterval = access.Duration(3*time.Hour), 0
	})
	w.watchStaysFresh()
	c.withNextTask = true
	return w
}

// operatorOneTaskScenarios are stories in which decisions by signal come in one task with a timer.
func operatorOneTaskScenarios() []scenario {
	operator := access.Decision{ID: "o1", Verdict: access.Approve, Reason: "by phone"}
	return []scenario{
		{name: "an operator decides in one task with a timer", begin: func(c *chain) story {
			w := c.asksInOneTask(true)
			w.at(61*time.Minute, func() { w.signal(workflows.SignalDecision, operator) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "two operators decide in one task with a timer", begin: func(c *chain) story {
			w := c.asksInOneTask(true)
			w.at(61*time.Minute, func() {
				w.signal(workflows.SignalDecision, operator)
				w.signal(workflows.SignalDecision, access.Decision{ID: "o2", Verdict: access.Approve, Reason: "by phone"})
			})
			return requestStory(w, "wiki/admin")
		}},
		{name: "an operator decides behind another in one task with a timer", begin: func(c *chain) story {
			w := c.asksInOneTask(true)
			w.at(61*time.Minute, func() {
				w.signal(workflows.SignalDecision, access.Decision{ID: "o0", Verdict: "maybe"})
				w.signal(workflows.SignalDecision, operator)
			})
			return requestStory(w, "wiki/editor")
		}},
	}
}

// oneTaskScenarios are stories in which other messages come in one task with a timer.
func oneTaskScenarios() []scenario {
	return []scenario{
		{name: "news of the watch come in one task with a timer", begin: func(c *chain) story {
			w := c.asksInOneTask(true)
			w.at(61*time.Minute, func() {
				w.move("mia", access.TicketDenied)
				w.tells()
			})
			return requestStory(w, "wiki/editor")
		}},
		{name: "a hint comes in one task with a timer", begin: func(c *chain) story {
			w := c.asksInOneTask(false)
			w.at(61*time.Minute, func() {
				w.move("mia", access.TicketDenied)
				w.signal(workflows.SignalHint, workflows.Hint{})
			})
			return requestStory(w, "wiki/editor")
		}},
		{name: "a lease answers in one task with a timer", begin: func(c *chain) story {
			w := c.asksInOneTask(true)
			w.neverGrants()
			w.at(31*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(61*time.Minute, func() { w.answered(0) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "a lease answers in one task with a withdrawal", begin: func(c *chain) story {
			w := c.asksInOneTask(true)
			w.neverGrants()
			w.at(31*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(61*time.Minute, func() {
				w.answered(0)
				w.withdraw("ana")
			})
			return requestStory(w, "wiki/editor")
		}},
	}
}

// watchStaysFresh lets the ledger know of a round of the watch that never becomes old, so that the request never looks itself.
func (w *world) watchStaysFresh() {
	err := w.ledger.SaveWatch(w.t.Context(), access.WatchPosition{Desk: "jira", LastPollAt: w.env.Now().Add(30 * 24 * time.Hour)})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}

// answered lets the subject's workflow answer an ensure that it has got.
func (w *world) answered(n int) {
	if n >= len(w.ensures) {
		w.t.Fatalf("found %d ensures, expected more", len(w.ensures))
	}
	w.grantAtOnce(w.ensures[n])
}

// deskScenarios are stories of a request whose desk makes trouble.
func deskScenarios() []scenario {
	return []scenario{
		{name: "the desk is down at the opening", begin: func(c *chain) story {
			w := c.asks(nil)
			w.desk.Down(true)
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(125*time.Minute, func() { w.desk.Down(false) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "the desk is down for updates", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(55*time.Minute, func() { w.desk.Down(true) })
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(125*time.Minute, func() { w.desk.Down(false) })
			w.at(245*time.Minute, func() { w.decide("omar", access.Approve) })
			return requestStory(w, "wiki/admin")
		}},
		{name: "the desk refuses one write", begin: func(c *chain) story {
			w := c.asks(nil)
			w.desk.CloseOff(access.TicketWorking)
			w.at(61*time.Minute, func() { w.decide("omar", access.Approve) })
			w.at(245*time.Minute, func() { w.move("ben", access.TicketDone) })
			return requestStory(w, "badge/lab")
		}},
		{name: "a create of unknown outcome that created", begin: func(c *chain) story {
			w := c.asks(nil)
			w.desk.SearchLags(true)
			w.desk.DropAnswerNext(memory.OpCreateTicket)
			w.at(95*time.Second, func() { w.desk.SearchLags(false) })
			w.at(61*time.Minute, func() { w.decide("mia", access.Deny) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "a create of unknown outcome that did not create", begin: func(c *chain) story {
			w := c.asks(nil)
			w.desk.FailNext(memory.OpCreateTicket, access.Errorf(access.Unknown, "create ticket", "no answer"))
			w.at(61*time.Minute, func() { w.decide("mia", access.Deny) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "the ticket is deleted and opened again", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() {
				if err := w.desk.Delete(w.ticket().Ref.ID); err != nil {
					c.t.Fatalf("%v", err)
				}
			})
			w.at(12*time.Hour, func() { w.decide("mia", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
	}
}
