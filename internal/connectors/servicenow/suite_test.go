package servicenow_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
	"usher/internal/connectors/servicenow/servicenowtest"
)

func TestServiceDesk(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind kindOfTicket) { accesstest.RunServiceDesk(t, harness(kind)) })
}

// harness makes the suite's desks of one kind of ticket.
func harness(kind kindOfTicket) func(*testing.T, accesstest.ServiceDeskSetup) accesstest.ServiceDeskHarness {
	return func(t *testing.T, setup accesstest.ServiceDeskSetup) accesstest.ServiceDeskHarness {
		// Short pages, so that every list of the suite has several.
		s := newSite(t, kind, configFor(setup))
		h := harnessOf(t, s)
		if setup.Approvals {
			h.Desk = s.desk(t, s.asks)
		}
		return h
	}
}

// harnessOf is a site with the hands of people.
func harnessOf(t *testing.T, s *site) accesstest.ServiceDeskHarness {
	t.Helper()
	h := accesstest.ServiceDeskHarness{
		Desk: s.desk(t, s.takesIn), SummaryLimit: 160, BodyLimit: 4000, DemandedField: "cost_center", ClosingStatus: stateOf(s.kind, access.TicketDone),
		AddAccount:       s.person,
		MakeUnassignable: s.deactivate,
		AssignAs: func(by access.AccountID, id access.TicketID, to access.AccountID) {
			require.NoError(t, s.AssignAs(string(by), string(id), string(to)))
		},
		CommentAs: func(by access.AccountID, id access.TicketID, text string) {
			require.NoError(t, s.CommentAs(string(by), string(id), text))
		},
		ReplyAs: func(by access.AccountID, id access.TicketID, text string) {
			later(s) // Two entries of one second have no order.
			require.NoError(t, s.CommentAs(string(by), string(id), text))
		},
		NoteAs: func(by access.AccountID, id access.TicketID, text string) {
			require.NoError(t, s.NoteAs(string(by), string(id), text))
		},
		EditTextAs: func(by access.AccountID, id access.TicketID, text string) {
			require.NoError(t, s.Edit(string(by), string(id), map[string]any{"description": text}))
		},
		AskAs: func(by access.AccountID, summary, text string) access.TicketID {
			later(s) // Two tickets of one second have no order.
			return s.ask(t, by, map[string]any{"short_description": summary, "description": text})
		},
		AnswerAs: func(by access.AccountID, id access.TicketID, asked access.AccountID, round int, state access.ApprovalState) {
			later(s)
			s.answer(t, by, s.approvals(id, asked)[round-1].ID, state)
		},
		Approvals: func(id access.TicketID, asked access.AccountID) []access.ApprovalState {
			later(s) // Nobody is asked twice in one second.
			var states []access.ApprovalState
			for _, one := range s.approvals(id, asked) {
				states = append(states, approvalStates()[one.Status])
			}
			return states
		},
		Delete: func(id access.TicketID) { require.NoError(t, s.Delete(string(id))) },
		Seen:   func(id access.TicketID) accesstest.SeenTicket { return s.seen(t, id) },
		Count:  s.count,
		DropAnswerOnce: func(method string) {
			s.faults(func(f *servicenowtest.Faults) {
				f.Faults = fakewire.Rules(fakewire.Rule{
					Times: 1, Only: []fakewire.Operation{operationOf(s.kind, method)}, Succeeded: true, Of: []fakewire.Fault{{Kind: fakewire.Drop}},
				})
			})
		},
		SearchLags: func(lags bool) {
			s.faults(func(f *servicenowtest.Faults) {
				f.IndexLagSeconds = 0
				if lags {
					f.IndexLagSeconds = 3600
				}
			})
		},
		RefuseCredentials: func() { s.faults(func(f *servicenowtest.Faults) { f.RefuseCredentials = true }) },
	}
	if s.kind == items {
		s.itemHands(t, &h)
	} else {
		s.incidentHands(t, &h)
	}
	return h
}

func (s *site) incidentHands(t *testing.T, h *accesstest.ServiceDeskHarness) {
	h.MoveAs = func(by access.AccountID, id access.TicketID, to access.TicketPhase) {
		if to == access.TicketDone {
			require.NoError(t, s.Edit(string(by), string(id), map[string]any{"close_code": "Solution provided", "close_notes": "by hand"}))
		}
		require.NoError(t, s.MoveAs(string(by), string(id), stateOf(s.kind, to)))
	}
	h.OpenAs = func(by access.AccountID) access.TicketID {
		made := s.send(t, string(by), "POST", "/api/now/table/incident?sysparm_display_value=false", `{"short_description":"by hand"}`)
		return access.TicketID(made["sys_id"].(string))
	}
	h.PlantMarker = func(by access.AccountID, id access.TicketID, marker access.Marker) {
		require.NoError(t, s.Edit(string(by), string(id), map[string]any{"correlation_id": marker}))
	}
	h.Rekey = func(id access.TicketID) access.TicketKey {
		key, err := s.MoveToProject(string(id), "u_access_incident")
		require.NoError(t, err)
		return access.TicketKey(key)
	}
}

// itemHands are those of people who fulfil requested items: they work on the tasks, and the flow does the rest.
func (s *site) itemHands(t *testing.T, h *accesstest.ServiceDeskHarness) {
	h.MoveAs = func(by access.AccountID, id access.TicketID, to access.TicketPhase) {
		open := slices.DeleteFunc(s.tasks(id), func(task desktest.Snapshot) bool { return task.Category == desktest.CategoryDone })
		if (to == access.TicketWorking || to.Closed()) && len(open) > 0 {
			require.NoError(t, s.MoveAs(string(by), open[0].ID, stateOf(s.kind, to)))
			return
		}
		require.NoError(t, s.MoveAs(string(by), string(id), stateOf(s.kind, to)))
	}
	h.OpenAs = func(by access.AccountID) access.TicketID {
		made := s.send(t, string(by), "POST", "/api/sn_sc/servicecatalog/items/"+servicenowtest.ItemID()+"/order_now", `{"sysparm_quantity":1}`)
		return access.TicketID(s.item(t, made["request_id"].(string)).ID)
	}
	h.PlantMarker = func(by access.AccountID, id access.TicketID, marker access.Marker) {
		require.NoError(t, s.Edit(string(by), string(id), map[string]any{"variables.usher_marker": marker}))
	}
	h.Rekey = func(id access.TicketID) access.TicketKey {
		key, err := s.MoveToProject(string(id), "u_access_item")
		require.NoError(t, err)
		return access.TicketKey(key)
	}
}

func (s *site) deactivate(id access.AccountID) {
	for _, a := range s.Accounts() {
		if a.Name == string(id) {
			a.Inactive = true
			s.AddAccount(a)
		}
	}
}

func (s *site) count(marker access.Marker) int {
	n := 0
	for _, one := range s.Tickets() {
		if one.Fields["correlation_id"] == string(marker) || one.Fields["variables.usher_marker"] == string(marker) {
			n++
		}
	}
	return n
}

// seen is a ticket as it lies there.
func (s *site) seen(t *testing.T, id access.TicketID) accesstest.SeenTicket {
	t.Helper()
	one, there := s.Ticket(string(id))
	require.True(t, there)
	out := accesstest.SeenTicket{
		Summary: one.Summary, Body: one.Description, Assignee: s.nameOf(one.Assignee), Reporter: s.nameOf(one.Reporter),
		Phase: phaseOf(s.kind, one.Status),
	}
	for _, task := range s.tasks(id) {
		if out.Phase == access.TicketWaiting && task.Status == "Work in Progress" {
			out.Phase = access.TicketWorking
		}
	}
	for _, c := range one.Comments {
		text, _, _ := strings.Cut(c.Body, "\n\n(reference ")
		out.Comments = append(out.Comments, text)
	}
	return out
}

func (s *site) nameOf(id string) access.AccountID {
	for _, a := range s.Accounts() {
		if a.ID == id {
			return access.AccountID(a.Name)
		}
	}
	return ""
}

// states are the fake's states by the phase that config gives them.
func states(kind kindOfTicket) map[access.TicketPhase]string {
	if kind == items {
		return map[access.TicketPhase]string{
			access.TicketWaiting: "Open", access.TicketApproved: "Approved", access.TicketDenied: "Denied",
			access.TicketWorking: "Work in Progress", access.TicketDone: "Closed Complete", access.TicketWontDo: "Closed Incomplete",
		}
	}
	return map[access.TicketPhase]string{
		access.TicketWaiting: "New", access.TicketApproved: "Approved", access.TicketDenied: "Denied",
		access.TicketWorking: "In Progress", access.TicketDone: "Resolved", access.TicketWontDo: "Canceled",
	}
}

func stateOf(kind kindOfTicket, p access.TicketPhase) string { return states(kind)[p] }

func phaseOf(kind kindOfTicket, state string) access.TicketPhase {
	for phase, name := range states(kind) {
		if name == state {
			return phase
		}
	}
	return access.TicketOther
}

func configFor(setup accesstest.ServiceDeskSetup) servicenowtest.Config {
	c := servicenowtest.Config{PageLimit: 3, Tables: servicenowtest.DefaultTables()}
	if setup.NoWayTo == access.TicketWorking {
		for n, table := range c.Tables {
			c.Tables[n].Statuses = slices.DeleteFunc(slices.Clone(table.Statuses), func(s desktest.Status) bool {
				return slices.Contains([]string{"In Progress", "On Hold", "Work in Progress"}, s.Name)
			})
		}
	}
	if setup.DemandsFieldAt != "" {
		c.ClosingFields = map[string][]string{"incident": {"cost_center"}, "sc_task": {"cost_center"}}
	}
	return c
}

func operationOf(kind kindOfTicket, method string) fakewire.Operation {
	switch {
	case method == "SetApprovals":
		return servicenowtest.OpInsert
	case method != "CreateTicket":
		return servicenowtest.OpUpdate
	case kind == items:
		return servicenowtest.OpOrder
	default:
		return servicenowtest.OpInsert
	}
}
