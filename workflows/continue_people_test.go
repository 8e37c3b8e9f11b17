package workflows_test

import (
	"time"

	"usher/internal/access"
	"usher/workflows"
)

// asksWithFallback makes a world for one request, in which ben approves where nobody else can.
func (c *chain) asksWithFallback(edge ...bool) *world {
	w := c.asks(nil, edge...)
	w.withFallback("ben")
	return w
}

// peopleScenarios are stories of a request while people leave and move.
func peopleScenarios() []scenario {
	return []scenario{
		{name: "the manager leaves", begin: func(c *chain) story {
			w := c.asksWithFallback()
			w.at(61*time.Minute, func() { w.leaves("mia") })
			w.at(245*time.Minute, func() { w.decide("ben", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "the manager leaves at the edge", begin: func(c *chain) story {
			w := c.asksWithFallback(true)
			w.at(61*time.Minute, func() { w.leaves("mia") })
			w.at(245*time.Minute, func() { w.decide("ben", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "an owner leaves before the stage opens", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.leaves("omar") })
			w.at(125*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(245*time.Minute, func() { w.decide("olga", access.Approve) })
			return requestStory(w, "wiki/admin")
		}},
		{name: "nobody can approve until somebody is found", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.leaves("mia") })
			w.at(125*time.Minute, func() { w.managedBy("ana", "ben") })
			w.at(311*time.Minute, func() { w.decide("ben", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "the subject leaves", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.leaves("ana") })
			return requestStory(w, "wiki/admin")
		}},
		{name: "the subject leaves while one item is held", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.decide("mia", access.Approve) })
			w.at(62*time.Minute, func() { w.decide("omar", access.Approve) })
			w.at(245*time.Minute, func() { w.leaves("ana") })
			return requestStory(w, "wiki/editor", "badge/lab")
		}},
		{name: "the subject has another manager", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.managedBy("ana", "ben") })
			w.at(245*time.Minute, func() { w.decide("ben", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "an administrator names approvers", begin: func(c *chain) story {
			w := c.asks(nil)
			w.at(61*time.Minute, func() { w.reassign("n1", "ben") })
			w.at(62*time.Minute, func() { w.reassign("n2", "mia", "ana") })
			w.at(245*time.Minute, func() { w.decide("ben", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "an administrator names approvers at the edge, while the source is down", begin: func(c *chain) story {
			w := c.asks(watchSettings, true)
			w.at(61*time.Minute, func() { w.source.Down(true); w.reassign("n1", "ben") })
			w.at(125*time.Minute, func() { w.source.Down(false) })
			w.at(311*time.Minute, func() { w.decide("ben", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
		{name: "the ledger is away when somebody leaves", begin: func(c *chain) story {
			w := c.asksWithFallback()
			w.at(61*time.Minute, func() { w.leaves("mia"); w.ledger.setAway(true) })
			w.at(125*time.Minute, func() { w.ledger.setAway(false) })
			w.at(311*time.Minute, func() { w.decide("ben", access.Approve) })
			return requestStory(w, "wiki/editor")
		}},
	}
}

// personChanges tell that an owner has left, and that the subject has another manager.
func personChanges() []message {
	tells := func(changes func(*world)) message {
		return message{"person_changed", func(w *world) (string, any) {
			changes(w)
			notices, err := w.ledger.PendingNotices(w.t.Context(), "directory", "", 1)
			if err != nil || len(notices) != 1 {
				w.t.Fatalf("%v %v", notices, err)
			}
			if err := w.ledger.NoticeSent(w.t.Context(), notices[0]); err != nil {
				w.t.Fatalf("%v", err)
			}
			return workflows.SignalPersonChanged, notices[0]
		}}
	}
	return []message{
		tells(func(w *world) { w.source.Deactivate("omar"); w.applied(access.ClassLeaver, "omar") }),
		tells(func(w *world) { w.applied(access.ClassMover, "ana", access.FieldManager) }),
	}
}
