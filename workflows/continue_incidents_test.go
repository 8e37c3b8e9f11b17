package workflows_test

import (
	"slices"
	"time"

	"usher/workflows"
)

// helps makes a helpdesk for a chain.
func (c *chain) helps() *helpdesk {
	w := newWorld(c.t)
	h := staffed(w)
	c.join(w)
	return h
}

// incidentStory keeps an incident. What its ticket, the ledger and the register have come to is held.
func incidentStory(_ *chain, h *helpdesk) story {
	return story{
		workflow: workflows.IncidentTicketType, params: workflows.IncidentTicketParams{Incident: h.report("wiki")},
		more: func(s *endState) {
			view := h.recorded("i1")
			s.add("incident: %s, %s, ticket %t, problem %q", view.State, view.StatusText, view.Ticket != nil, view.TicketProblem)
			s.add("assignee: %+v", view.Assignee)
			for _, e := range h.told("i1") {
				s.add("event %s by %q: %s", e.Type, e.Actor, e.Text)
			}
			for _, name := range []string{"ops-1", "ops-2", "sam"} {
				s.add("%s has %d", name, h.registered(name).Open)
			}
			for _, t := range h.desk.Tickets() {
				texts := comments(t)
				slices.Sort(texts)
				s.add("ticket assigned to %s, says %q", t.Assignee, texts)
			}
		},
	}
}

// incidentScenarios are stories of incidents.
func incidentScenarios() []scenario {
	return []scenario{
		{name: "an incident is assigned, assigned anew, and closed", begin: func(c *chain) story {
			h := c.helps()
			h.at(20*time.Minute, func() {
				h.flags("ops-1", "off")
				h.signal(workflows.SignalAssignee, struct{}{})
			})
			h.at(40*time.Minute, func() { h.closes() })
			return incidentStory(c, h)
		}},
		{name: "an incident that nobody can have is assigned by hand", begin: func(c *chain) story {
			h := c.helps()
			for _, name := range []string{"ops-1", "ops-2", "sam"} {
				h.flags(name, "off")
			}
			h.at(20*time.Minute, func() {
				if err := h.desk.AssignAs(h.ticket().Ref.ID, h.account("ops-2")); err != nil {
					c.t.Fatalf("%v", err)
				}
				h.signal(workflows.SignalHint, workflows.Hint{})
			})
			h.at(40*time.Minute, func() { h.closes() })
			return incidentStory(c, h)
		}},
		{name: "the desk refuses the assignee of an incident, and is away", begin: func(c *chain) story {
			h := c.helps()
			if err := h.desk.MakeUnassignable(h.account("ops-1")); err != nil {
				c.t.Fatalf("%v", err)
			}
			h.at(time.Second, func() { h.desk.Down(true) })
			h.at(10*time.Minute, func() { h.desk.Down(false) })
			h.at(2*time.Hour, func() { h.closes() })
			return incidentStory(c, h)
		}},
		{name: "the ticket of an incident is deleted while the ledger is away", begin: func(c *chain) story {
			h := c.helps()
			h.at(20*time.Minute, func() {
				h.ledger.setAway(true)
				if err := h.desk.Delete(h.ticket().Ref.ID); err != nil {
					c.t.Fatalf("%v", err)
				}
			})
			h.at(80*time.Minute, func() { h.ledger.setAway(false) })
			return incidentStory(c, h)
		}},
		{name: "there is nothing more to do with an incident, and the desk is away", begin: func(c *chain) story {
			h := c.helps()
			h.at(20*time.Minute, func() {
				h.desk.Down(true)
				h.signal(workflows.SignalIncidentDone, workflows.IncidentDone{Text: "Nothing is held back any more."})
			})
			h.at(80*time.Minute, func() { h.desk.Down(false) })
			return incidentStory(c, h)
		}},
		{name: "the ticket of an incident has to say something else, and the desk is away", begin: func(c *chain) story {
			h := c.helps()
			h.at(20*time.Minute, func() {
				h.desk.Down(true)
				h.signal(workflows.SignalIncidentNews, workflows.IncidentNews{Instead: chainStart, At: chainStart.Add(aDay), Text: "The run 2 can be released."})
			})
			h.at(80*time.Minute, func() { h.desk.Down(false) })
			h.at(3*time.Hour, h.closes)
			return incidentStory(c, h)
		}},
		{name: "the workflow of an incident is cancelled while it is opened", begin: func(c *chain) story {
			h := c.helps()
			h.at(0, func() { h.desk.Down(true) })
			h.at(20*time.Minute, c.cancelWorkflow)
			h.at(30*time.Minute, func() { h.desk.Down(false) })
			return incidentStory(c, h)
		}},
	}
}
