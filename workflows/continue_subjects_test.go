package workflows_test

import (
	"time"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// holds makes a world for one person's leases.
func (c *chain) holds() *holder {
	h := newHolder(c.t)
	c.join(h.world, h.hear)
	return h
}

// leaseStory starts ana's workflow. What it answered is held as a set.
func leaseStory(h *holder) story {
	return story{
		workflow: workflows.SubjectAccessType, params: workflows.SubjectAccessParams{Subject: "ana"},
		more: func(s *endState) {
			for _, a := range h.answers {
				s.addOnce("answer about %s: revision %d, %s, granted %t, refused %q, problem %q",
					a.Lease, a.Revision, a.State, a.GrantedAt != nil, a.Refused, a.Problem)
			}
		},
	}
}

// byHand is an ensure for a role that a human has granted.
func (h *holder) byHand(lasts time.Duration) access.LeaseSpec {
	e := lease("r1:1", "vault", 0)
	e.Lease.Fulfilment = access.FulfilmentManual
	until := h.env.Now().Add(lasts)
	e.Window = access.Window{Until: &until}
	e.Granted = &access.Verification{Present: true, Method: "a human's word", At: h.env.Now()}
	h.target.Put("vault", "ana")
	return e
}

// failRevokes lets the next revokes fail.
func (h *holder) failRevokes(count int) {
	for range count {
		h.target.FailNext(memory.OpRevoke, access.Errorf(access.Forbidden, "revoke", "the token may not remove members"))
	}
}

// leaseScenarios are stories of leases that nothing keeps from their end.
func leaseScenarios() []scenario {
	return []scenario{
		{name: "one lease to its end", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
			return leaseStory(h)
		}},
		{name: "two leases that overlap", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
			h.ensureAt(61*time.Minute, lease("r2:1", "wiki-editors", 3*time.Hour))
			return leaseStory(h)
		}},
		{name: "a lease is taken back", begin: func(c *chain) story {
			h := c.holds()
			e := lease("r1:1", "wiki-editors", 0)
			h.ensureAt(0, e)
			h.ensureAt(0, lease("r2:1", "wiki-admins", 5*time.Hour))
			h.ensureAt(61*time.Minute, absent(e))
			return leaseStory(h)
		}},
		{name: "an ensure with a higher revision", begin: func(c *chain) story {
			h := c.holds()
			e := lease("r1:1", "wiki-editors", 5*time.Hour)
			h.ensureAt(0, e)
			e.Revision = 2
			e.Window.Duration = access.Duration(7 * time.Hour)
			h.ensureAt(61*time.Minute, e)
			h.ensureAt(125*time.Minute, lease("r1:1", "wiki-editors", time.Hour))
			return leaseStory(h)
		}},
		{name: "ensures come in one task with the end of a lease", begin: func(c *chain) story {
			h := c.holds()
			e := lease("r1:1", "wiki-editors", 2*time.Hour)
			h.ensureAt(0, e)
			h.ensureAt(0, lease("r2:1", "vault", 5*time.Hour))
			h.at(61*time.Minute, func() {
				c.withNextTask = true
				h.signal(workflows.SignalApplyLease, absent(lease("r2:1", "vault", 5*time.Hour)))
				h.signal(workflows.SignalApplyLease, lease("r3:1", "wiki-admins", time.Hour))
			})
			return leaseStory(h)
		}},
		{name: "the request of a lease no longer runs", begin: func(c *chain) story {
			h := c.holds()
			h.noRequest = true
			h.remember("r1", access.OutcomePartlyGranted, access.ItemDenied)
			h.ensureAt(0, lease("r1:1", "wiki-editors", 10*time.Hour))
			return leaseStory(h)
		}},
	}
}

// troubledLeaseScenarios are stories of leases whose target or ledger makes trouble.
func troubledLeaseScenarios() []scenario {
	return []scenario{
		{name: "a stuck revoke and its removal ticket", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
			h.ensureAt(61*time.Minute, lease("r2:1", "wiki-admins", 2*time.Hour))
			h.failRevokes(16)
			return leaseStory(h)
		}},
		{name: "the target is away during the grant", begin: func(c *chain) story {
			h := c.holds()
			h.target.Down(true)
			h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
			h.at(61*time.Minute, func() { h.target.Down(false) })
			return leaseStory(h)
		}},
		{name: "taken back while granting", begin: func(c *chain) story {
			h := c.holds()
			h.target.Down(true)
			e := lease("r1:1", "wiki-editors", 2*time.Hour)
			h.ensureAt(0, e)
			h.ensureAt(31*time.Minute, absent(e))
			h.at(61*time.Minute, func() { h.target.Down(false) })
			return leaseStory(h)
		}},
		{name: "the ledger is away at the end of a lease", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
			h.at(31*time.Minute, func() { h.ledger.setAway(true) })
			h.ensureAt(45*time.Minute, lease("r1:1", "wiki-editors", time.Hour))
			h.at(185*time.Minute, func() { h.ledger.setAway(false) })
			return leaseStory(h)
		}},
	}
}

// leaverScenarios are stories of somebody who leaves.
func leaverScenarios() []scenario {
	order := []access.TargetName{"directory", "vpn"}
	// twoTargets are a lease on each, and one by hand.
	twoTargets := func(h *holder) {
		vpn := lease("r2:1", "wiki-admins", 0)
		vpn.Lease.Binding.Target = "vpn"
		h.ensureAt(0, vpn)
		h.ensureAt(0, lease("r3:1", "wiki-editors", 0))
		h.ensureAt(0, h.byHand(20*time.Hour))
	}
	removed := func(h *holder, after time.Duration) {
		h.at(after, func() {
			h.target.Take("vault", "ana")
			h.move("ben", access.TicketDone)
		})
	}
	return []scenario{
		{name: "somebody leaves, and the targets go one after another", begin: func(c *chain) story {
			h := c.holds()
			twoTargets(h)
			h.at(61*time.Minute, func() { h.signal(workflows.SignalStanding, hasLeft(order...)) })
			removed(h, 245*time.Minute)
			return leaseStory(h)
		}},
		{name: "somebody leaves while the target fails, and nothing is granted any more", begin: func(c *chain) story {
			h := c.holds()
			twoTargets(h)
			h.at(31*time.Minute, func() { h.target.Down(true) })
			h.at(61*time.Minute, func() {
				h.signal(workflows.SignalStanding, hasLeft(order...))
				newer := lease("r3:1", "wiki-editors", time.Hour)
				newer.Revision = leftRevision + 1
				h.signal(workflows.SignalApplyLease, newer)
			})
			h.at(61*time.Minute+30*time.Second, func() { h.target.Down(false) })
			removed(h, 245*time.Minute)
			return leaseStory(h)
		}},
		{name: "somebody leaves and comes back", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, h.byHand(20*time.Hour))
			h.at(61*time.Minute, func() { h.signal(workflows.SignalStanding, hasLeft(order...)) })
			h.at(75*time.Minute, func() { h.signal(workflows.SignalStanding, isBack()) })
			late := lease("r3:1", "wiki-admins", time.Hour)
			late.Revision = backRevision
			h.ensureAt(95*time.Minute, lease("r2:1", "wiki-editors", time.Hour))
			h.ensureAt(96*time.Minute, late)
			removed(h, 245*time.Minute)
			return leaseStory(h)
		}},
	}
}

// revocationScenarios are stories of access that is taken back before its time.
func revocationScenarios() []scenario {
	return []scenario{
		{name: "one lease is taken back, and then everything", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, lease("r1:1", "wiki-editors", 20*time.Hour))
			h.ensureAt(0, lease("r2:1", "wiki-admins", 20*time.Hour))
			h.at(61*time.Minute, func() { h.signal(workflows.SignalRevoke, h.takesBack(access.RevocationScope{Lease: "r1:1"}, 0)) })
			h.at(125*time.Minute, func() { h.signal(workflows.SignalRevoke, h.takesBack(access.RevocationScope{}, 0)) })
			h.ensureAt(185*time.Minute, lease("r3:1", "wiki-editors", time.Hour))
			return leaseStory(h)
		}},
		{name: "what is being granted is taken back while the target fails", begin: func(c *chain) story {
			h := c.holds()
			h.target.Down(true)
			h.ensureAt(0, lease("r1:1", "wiki-editors", 20*time.Hour))
			h.at(61*time.Minute, func() { h.signal(workflows.SignalRevoke, h.takesBack(access.RevocationScope{Application: "wiki"}, 0)) })
			h.at(125*time.Minute, func() { h.target.Down(false) })
			return leaseStory(h)
		}},
		{name: "the ledger does not say what was taken back", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, lease("r1:1", "wiki-editors", 20*time.Hour))
			h.at(61*time.Minute, func() {
				h.ledger.setUnrevoked(true)
				h.signal(workflows.SignalRevoke, h.takesBack(access.RevocationScope{}, 0))
			})
			h.at(125*time.Minute, func() { h.ledger.setUnrevoked(false) })
			return leaseStory(h)
		}},
	}
}

// pauseScenarios are stories of work that is paused for a while.
func pauseScenarios() []scenario {
	return []scenario{
		{name: "grants are paused", begin: func(c *chain) story {
			h := c.holds()
			h.pauses(access.PausedGrants, "directory", true)
			h.ensureAt(0, lease("r1:1", "wiki-editors", 2*time.Hour))
			h.pausesAt(31*time.Minute, access.PausedGrants, "directory", false)
			return leaseStory(h)
		}},
		{name: "revokes are paused", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, lease("r1:1", "wiki-editors", time.Hour))
			h.ensureAt(0, lease("r2:1", "wiki-admins", 20*time.Hour))
			h.pausesAt(31*time.Minute, access.PausedRevokes, "", true)
			h.at(75*time.Minute, func() { h.signal(workflows.SignalRevoke, h.takesBack(access.RevocationScope{}, 0)) })
			h.pausesAt(91*time.Minute, access.PausedRevokes, "", false)
			return leaseStory(h)
		}},
	}
}

// removalScenarios are stories of access that a human takes away.
func removalScenarios() []scenario {
	return []scenario{
		{name: "a lease by hand and its removal ticket", begin: func(c *chain) story {
			h := c.holds()
			h.ensureAt(0, h.byHand(time.Hour))
			h.at(125*time.Minute, func() { h.move("ben", access.TicketDone) })
			h.at(185*time.Minute, func() { h.move("ben", access.TicketWontDo) })
			h.at(245*time.Minute, func() {
				h.target.Take("vault", "ana")
				h.move("ben", access.TicketDone)
			})
			return leaseStory(h)
		}},
		{name: "a removal ticket of unknown outcome", begin: func(c *chain) story {
			h := c.holds()
			h.desk.SearchLags(true)
			h.desk.DropAnswerNext(memory.OpCreateTicket)
			h.ensureAt(0, h.byHand(time.Hour))
			h.at(61*time.Minute+35*time.Second, func() { h.desk.SearchLags(false) })
			h.at(125*time.Minute, func() {
				h.target.Take("vault", "ana")
				h.move("ben", access.TicketDone)
			})
			return leaseStory(h)
		}},
		{name: "the desk is down for the removal ticket", begin: func(c *chain) story {
			h := c.holds()
			h.desk.Down(true)
			h.ensureAt(0, h.byHand(time.Hour))
			h.at(125*time.Minute, func() { h.desk.Down(false) })
			h.at(245*time.Minute, func() {
				h.target.Take("vault", "ana")
				h.move("ben", access.TicketDone)
			})
			return leaseStory(h)
		}},
	}
}
