package workflows_test

import (
	"fmt"
	"slices"
	"time"

	"usher/internal/access"
	"usher/workflows"
)

// looksOut makes a world for a desk's watch.
func (c *chain) looksOut() *lookout {
	l := newLookout(c.t, func(settings *access.RequestSettings) {
		settings.Watch.FullScanInterval = access.Duration(10 * time.Minute)
	})
	c.join(l.world)
	return l
}

// watchStory starts the watch, which is cancelled in the end. What it told is held as it was told.
func watchStory(c *chain, l *lookout, long time.Duration) story {
	l.at(long, c.cancelWorkflow)
	return story{
		workflow: workflows.TicketWatchType, params: workflows.TicketWatchParams{Desk: "jira"},
		more: func(s *endState) {
			for _, told := range l.told {
				s.add("told %s: %s by %q, missing %t", told.request, told.news.Snapshot.Phase, told.news.Snapshot.StatusChangedBy, told.news.Missing)
			}
			started := slices.Clone(l.started)
			slices.Sort(started)
			s.add("started: %v", slices.Compact(started))
			view, err := l.ledger.Watch(c.t.Context(), "jira")
			if err != nil {
				c.t.Fatalf("%v", err)
			}
			s.add("%s", fresh(c, view))
		},
	}
}

// fresh reports whether the watch has looked in the last minutes of the scenario.
func fresh(c *chain, view access.WatchPosition) string {
	return fmt.Sprintf("looked lately %t", c.w.env.Now().Sub(view.LastPollAt) < 2*time.Minute)
}

// decides is Mia's move of a ticket.
func (l *lookout) decides(ref access.TicketRef, to access.TicketPhase) {
	if err := l.desk.MoveAs(l.accounts["mia"], ref.ID, to); err != nil {
		l.t.Fatalf("%v", err)
	}
}

// watchScenarios are stories of a desk's watch.
func watchScenarios() []scenario {
	return []scenario{
		{name: "the watch tells changes", begin: func(c *chain) story {
			l := c.looksOut()
			refs := l.opens(3)
			l.at(2*time.Minute+5*time.Second, func() { l.decides(refs[1], access.TicketApproved) })
			l.at(4*time.Minute+5*time.Second, func() { l.decides(refs[0], access.TicketDenied) })
			return watchStory(c, l, 7*time.Minute)
		}},
		{name: "the watch follows hints", begin: func(c *chain) story {
			l := c.looksOut()
			refs := l.opens(2)
			// The search does not show the change: it is found by the hint, or not at all.
			l.at(2*time.Minute+5*time.Second, func() {
				l.desk.SearchLags(true)
				l.decides(refs[0], access.TicketApproved)
				for range 5 {
					l.signal(workflows.SignalHint, workflows.Hint{Ticket: refs[0].ID})
				}
				l.signal(workflows.SignalHint, workflows.Hint{Ticket: "a stranger's"})
			})
			return watchStory(c, l, 4*time.Minute)
		}},
		{name: "a hint comes in one task with a round of the watch", begin: func(c *chain) story {
			l := c.looksOut()
			refs := l.opens(2)
			l.at(2*time.Minute+5*time.Second, func() {
				l.desk.SearchLags(true)
				c.withNextTask = true
				l.decides(refs[0], access.TicketApproved)
				l.signal(workflows.SignalHint, workflows.Hint{Ticket: refs[0].ID})
			})
			return watchStory(c, l, 4*time.Minute)
		}},
		{name: "the watch sweeps", begin: func(c *chain) story {
			l := c.looksOut()
			refs := l.opens(3)
			l.at(2*time.Minute+5*time.Second, func() {
				if err := l.desk.Delete(refs[1].ID); err != nil {
					c.t.Fatalf("%v", err)
				}
			})
			return watchStory(c, l, 13*time.Minute)
		}},
		{name: "the desk of the watch is away for a while", begin: func(c *chain) story {
			l := c.looksOut()
			refs := l.opens(2)
			l.at(2*time.Minute+5*time.Second, func() { l.desk.Down(true) })
			l.at(12*time.Minute+5*time.Second, func() {
				l.desk.Down(false)
				l.decides(refs[1], access.TicketApproved)
			})
			return watchStory(c, l, 20*time.Minute)
		}},
	}
}
