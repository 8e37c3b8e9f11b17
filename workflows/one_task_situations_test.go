package workflows_test

import (
	"slices"
	"time"

	"usher/internal/access"
	"usher/workflows"
)

// asksTwo makes a world for a request for two items, whose ticket is watched. Operators may decide, and nobody but them and
// humans touches the ticket.
func (c *chain) asksTwo() *world {
	w := c.asks(func(settings *access.RequestSettings) {
		watchSettings(settings)
		settings.OperatorDecisions, settings.ReminderInterval = true, 0
	})
	w.watchStaysFresh()
	w.assignsNobody()
	return w
}

// approves lets the request be approved, and the subject's workflow answer nothing.
func (w *world) approves() {
	w.entity = func(access.LeaseSpec) {}
	w.at(31*time.Minute, func() { w.decide("mia", access.Approve) })
	w.at(32*time.Minute, func() { w.decide("omar", access.Approve) })
}

// endsLater lets the subject's workflow answer in the end, and the requester withdraw what is still open then.
func (w *world) endsLater() story {
	w.at(finishAt, func() { w.entity = w.grantAtOnce })
	w.at(finishAt+time.Minute, func() { w.update(workflows.UpdateWithdraw, "w2", workflows.WithdrawInput{ID: "w2", By: "ana"}) })
	return requestStory(w, "wiki/editor", "wiki/admin")
}

// requestSituations are the states of a request.
func requestSituations() []situation {
	messages := slices.Concat(operators(), hints(true), news(true), answers(1), personChanges())
	inClosing := slices.Concat(operators(), hints(true), news(true), answers(2), personChanges())
	deliveries := []delivery{together, leaving, behindOthers, first, firstAndLast}
	// What comes before the first task of a run needs a run that leaves in this state, which today's do not.
	inEvaluating := deliveries[:2]
	situations := []situation{
		{name: "evaluating", messages: slices.Concat(operators(), hints(false), news(false), answers(1), personChanges()), deliveries: inEvaluating, begin: func(c *chain) story {
			w := c.asksTwo()
			w.source.Down(true)
			w.at(finishAt, func() { w.source.Down(false) })
			return w.endsLater()
		}},
		{name: "awaiting", messages: messages, deliveries: deliveries, begin: func(c *chain) story {
			return c.asksTwo().endsLater()
		}},
		{name: "fulfilling", messages: messages, deliveries: deliveries, begin: func(c *chain) story {
			w := c.asksTwo()
			w.approves()
			return w.endsLater()
		}},
		{name: "closing", messages: inClosing, deliveries: deliveries, begin: func(c *chain) story {
			w := c.asksTwo()
			w.approves()
			w.at(40*time.Minute, func() { w.withdraw("ana") })
			return w.endsLater()
		}},
	}
	for i := range situations {
		situations[i].others = others()
	}
	return situations
}

// others are signals to a request that ask for nothing. The decision is refused.
func others() map[string]message {
	signal := func(name string, arg any) message {
		return message{make: func(*world) (string, any) { return name, arg }}
	}
	return map[string]message{
		"decision": signal(workflows.SignalDecision, access.Decision{ID: "o0", By: "olga", Verdict: "maybe", Reason: "by mistake"}),
		"hint":     signal(workflows.SignalHint, workflows.Hint{Ticket: "9", Delivery: "d9"}),
		"news": signal(workflows.SignalTicketChanged, access.TicketChange{
			Missing: true, Snapshot: access.TicketSnapshot{Ref: access.TicketRef{ID: "9"}, StatusChangedBy: "account-9"},
		}),
		"person_changed": signal(workflows.SignalPersonChanged, access.PersonNotice{
			Standing: access.Standing{Person: "zoe", Absent: true, Revision: 9, Reason: "left"}, Name: "Zoe", Moved: true, Change: 9, Run: "run-9",
		}),
		"lease_status": signal(workflows.SignalLeaseStatus, access.LeaseStatus{
			Lease: "r9:1", Revision: 9, State: access.LeaseGranting, Refused: "it is another's", Problem: "it is another's",
		}),
	}
}

// operators are decisions by signal. The second says nothing of what the first says besides.
func operators() []message {
	decision := func(d access.Decision) message {
		return message{"decision", func(*world) (string, any) { return workflows.SignalDecision, d }}
	}
	return []message{
		decision(access.Decision{ID: "o1", By: "mia", Verdict: access.Approve, Items: []access.ItemID{"1"}, Reason: "by phone"}),
		decision(access.Decision{ID: "o2", Verdict: access.Deny, Items: []access.ItemID{"2"}}),
	}
}

// hints tell of a change of the ticket, where there is a ticket.
func hints(ticket bool) []message {
	hint := func(h workflows.Hint) message {
		return message{"hint", func(w *world) (string, any) {
			if ticket {
				w.moves()
			}
			return workflows.SignalHint, h
		}}
	}
	return []message{hint(workflows.Hint{Ticket: "10001", Delivery: "d1"}), hint(workflows.Hint{})}
}

// news tell of two changes of the ticket; where there is no ticket, of one that is not the request's.
func news(ticket bool) []message {
	tells := func(changes func(*world)) message {
		return message{"news", func(w *world) (string, any) {
			if !ticket {
				return workflows.SignalTicketChanged, access.TicketChange{Missing: true, Snapshot: access.TicketSnapshot{Ref: access.TicketRef{ID: "9"}}}
			}
			changes(w)
			now, err := w.desk.ReadTicket(w.t.Context(), w.ticket().Ref.ID)
			if err != nil {
				w.t.Fatalf("%v", err)
			}
			return workflows.SignalTicketChanged, access.TicketChange{Snapshot: now}
		}}
	}
	return []message{tells((*world).assigns), tells((*world).moves)}
}

// assigns is a human who assigns the ticket.
func (w *world) assigns() {
	if err := w.desk.AssignAs(w.ticket().Ref.ID, w.accounts["ben"]); err != nil {
		w.t.Fatalf("%v", err)
	}
}

// moves is a human who moves the ticket to another project, where it is not there yet.
func (w *world) moves() {
	if ticket := w.ticket(); ticket.Project != "OTHER" {
		rekey(w)
	}
}

// assignsNobody removes the approvers' accounts, so that only humans assign the ticket.
func (w *world) assignsNobody() {
	for _, id := range []access.PersonID{"mia", "omar", "olga"} {
		person, err := w.source.Lookup(w.t.Context(), id)
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		w.desk.AddAccount(person)
	}
}

// answers are those of the leases of both items. The second says nothing of what the first says besides.
func answers(revision int) []message {
	answer := func(a access.LeaseStatus) message {
		a.Revision = revision
		return message{"lease_status", func(*world) (string, any) { return workflows.SignalLeaseStatus, a }}
	}
	until := chainStart.Add(240 * time.Hour)
	refused := access.LeaseStatus{
		Lease: access.LeaseIDOf("r1", "1"), State: access.LeaseEnded, Refused: "the lease has ended", EndsAt: &until,
		Verification: &access.Verification{Method: "memory", Evidence: "read back"},
	}
	granted := access.LeaseStatus{Lease: access.LeaseIDOf("r1", "2"), State: access.LeaseActive, GrantedAt: &until}
	if revision > 1 {
		granted = access.LeaseStatus{Lease: access.LeaseIDOf("r1", "2"), State: access.LeaseEnded}
	}
	return []message{answer(refused), answer(granted)}
}

// leaseSituations are the states of a lease of SubjectAccess.
func leaseSituations() []situation {
	held := lease("r1:1", "wiki-editors", 10*time.Hour)
	// ends lets the target answer again, and a human take away what was granted by hand.
	ends := func(h *holder) story {
		h.at(finishAt, func() { h.target.Down(false) })
		h.at(finishAt+8*time.Hour, func() {
			h.target.Take("vault", "ana")
			for _, ticket := range h.desk.Tickets() {
				if err := h.desk.MoveAs(h.accounts["ben"], ticket.Ref.ID, access.TicketDone); err != nil {
					h.t.Fatalf("%v", err)
				}
			}
		})
		story := leaseStory(h)
		story.more = h.lastAnswers
		return story
	}
	situations := []situation{
		{name: "granting", begin: func(c *chain) story {
			h := c.holds()
			h.target.Down(true)
			h.ensureAt(0, held)
			return ends(h)
		}},
		{name: "held", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, held)
			h.ensureAt(0, lease("r9:1", "wiki-admins", 2*time.Hour))
			return ends(h)
		}},
		{name: "revoking", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
			h.at(31*time.Minute, func() { h.target.Down(true) })
			return ends(h)
		}},
		{name: "granting, paused", begin: func(c *chain) story {
			h := c.holds()
			h.pauses(access.PausedGrants, "", true)
			h.pausesAt(finishAt, access.PausedGrants, "", false)
			h.ensureAt(0, held)
			return ends(h)
		}},
		{name: "revoking, paused", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
			h.pausesAt(31*time.Minute, access.PausedRevokes, "", true)
			h.pausesAt(finishAt, access.PausedRevokes, "", false)
			return ends(h)
		}},
	}
	for i := range situations {
		situations[i].messages = slices.Concat(ensures(held), standings(), revocations())
		situations[i].deliveries = []delivery{together, leaving, first, firstAndLast}
	}
	return situations
}

// lastAnswers adds the last answer about each lease. Those before it depend on how many ensures were read at once.
func (h *holder) lastAnswers(s *endState) {
	for i, a := range h.answers {
		if !slices.ContainsFunc(h.answers[i+1:], func(later access.LeaseStatus) bool { return later.Lease == a.Lease }) {
			s.add("last answer about %s: revision %d, %s, refused %q, problem %q", a.Lease, a.Revision, a.State, a.Refused, a.Problem)
		}
	}
}

// standings say that ana has left, and that she is back.
func standings() []message {
	standing := func(m access.SubjectStanding) message {
		return message{"standing", func(*world) (string, any) { return workflows.SignalStanding, m }}
	}
	return []message{standing(hasLeft("elsewhere", "directory")), standing(isBack())}
}

// revocations take the lease back alone, and everything of its entitlement.
func revocations() []message {
	revoke := func(scope access.RevocationScope) message {
		return message{"revoke", func(w *world) (string, any) { return workflows.SignalRevoke, w.takesBack(scope, 0) }}
	}
	return []message{revoke(access.RevocationScope{Lease: "r1:1"}), revoke(access.RevocationScope{Entitlement: "wiki/wiki-editors"})}
}

// ensures are about three leases. Each is of its own kind: they are declarative, so of two about one lease the higher revision
// counts, whichever is read first. The first says most.
func ensures(held access.LeaseSpec) []message {
	ensure := func(kind string, e access.LeaseSpec) message {
		return message{"ensure " + kind, func(*world) (string, any) { return workflows.SignalApplyLease, e }}
	}
	until := chainStart.Add(3 * time.Hour)
	byHand := lease("r2:1", "vault", 0)
	byHand.Lease.Fulfilment = access.FulfilmentManual
	byHand.Window = access.Window{Until: &until}
	byHand.Granted = &access.Verification{Present: true, Method: "a human's word", At: chainStart}
	byHand.Reason = "request r2"
	longer := held
	longer.Revision, longer.Window.Duration = 3, access.Duration(12*time.Hour)
	return []message{
		ensure("by hand", byHand), ensure("longer", longer), ensure("again", held), ensure("absent", absent(held)),
		ensure("another", lease("r3:1", "wiki-admins", 3*time.Hour)),
	}
}
