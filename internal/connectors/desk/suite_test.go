package desk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desk"
)

// methods are what the port's methods call themselves in errors.
var methods = map[string]string{
	"CreateTicket": "create ticket", "AddComments": "add comments", "TransitionTicket": "move ticket", "AssignTicket": "assign ticket",
	"SetApprovals": "set approvals",
}

func TestServiceDesk_unlike_jira(t *testing.T) {
	accesstest.RunServiceDesk(t, func(t *testing.T, setup accesstest.ServiceDeskSetup) accesstest.ServiceDeskHarness {
		s := &store{
			noWayTo: setup.NoWayTo, demandsAt: setup.DemandsFieldAt,
			names: map[access.AccountID]string{me: "usher"}, unfit: map[access.AccountID]bool{},
		}
		h := humans(t, s)
		h.SummaryLimit, h.BodyLimit, h.DemandedField = storeSummary, storeBody, demanded
		h.Desk = desk.New(s, desk.Config{
			Reporter: true, Approvals: setup.Approvals,
			Statuses: map[access.TicketPhase][]string{access.TicketApproved: {"yes"}, access.TicketDenied: {"No"}},
		}, "queue")
		h.DropAnswerOnce = func(method string) { s.dropNext = methods[method] }
		h.SearchLags = func(lags bool) {
			s.lags = lags
			s.list()
		}
		h.RefuseCredentials = func() { s.refused = true }
		return h
	})
}

// humans are the hands of the suite.
func humans(t *testing.T, s *store) accesstest.ServiceDeskHarness {
	of := func(id access.TicketID) *stored {
		found := s.find(id)
		require.NotNil(t, found)
		return found
	}
	return accesstest.ServiceDeskHarness{
		AddAccount: func(p access.Person) access.AccountID {
			id := access.AccountID(fmt.Sprintf("%s-%d", p.ID, len(s.users)))
			s.users = append(s.users, desk.User{ID: id, Email: p.Email, Usable: true})
			s.names[id] = p.DisplayName
			return id
		},
		MakeUnassignable: func(id access.AccountID) { s.unfit[id] = true },
		MoveAs: func(by access.AccountID, id access.TicketID, to access.TicketPhase) {
			name := map[access.TicketPhase]string{access.TicketApproved: "yes", access.TicketDenied: "no"}[to]
			n := slices.IndexFunc(s.statuses(), func(one desk.Status) bool { return one.Name == name || (name == "" && one.Phase == to) })
			of(id).Status = s.statuses()[n]
			s.changed(of(id), by, "Status", s.statuses()[n].ID)
		},
		AssignAs: func(by access.AccountID, id access.TicketID, to access.AccountID) {
			of(id).Assignee = to
			s.changed(of(id), by, "Owner", string(to))
		},
		CommentAs: func(by access.AccountID, id access.TicketID, text string) {
			of(id).comments = append(of(id).comments, desk.Comment{By: by, Lines: strings.Split(text, "\n")})
			s.changed(of(id), by, "Comment", "")
			s.say(of(id), by, text)
		},
		OpenAs: func(by access.AccountID) access.TicketID { return s.open(by).ID },
		AnswerAs: func(by access.AccountID, id access.TicketID, asked access.AccountID, round int, state access.ApprovalState) {
			s.answer(of(id), by, asked, round, state)
		},
		Approvals: func(id access.TicketID, asked access.AccountID) []access.ApprovalState {
			var states []access.ApprovalState
			for _, a := range of(id).approvals {
				if a.Approver == asked {
					states = append(states, a.State)
				}
			}
			return states
		},
		EditTextAs: func(by access.AccountID, id access.TicketID, text string) {
			of(id).body = text
			s.changed(of(id), by, "Content", text)
		},
		PlantMarker: func(by access.AccountID, id access.TicketID, marker access.Marker) {
			of(id).Markers = []access.Marker{marker}
			s.changed(of(id), by, "Marker", string(marker))
		},
		Delete: func(id access.TicketID) {
			s.items = slices.DeleteFunc(s.items, func(one *stored) bool { return one.ID == id })
			s.list()
		},
		Rekey: func(id access.TicketID) access.TicketKey {
			of(id).Key, of(id).Project = "OTHER-1", "other"
			s.changed(of(id), "somebody", "Queue", "other")
			return "OTHER-1"
		},
		Seen: func(id access.TicketID) accesstest.SeenTicket { return seen(of(id)) },
		Count: func(marker access.Marker) int {
			n := 0
			for _, one := range s.items {
				if slices.Contains(one.Markers, marker) {
					n++
				}
			}
			return n
		},
	}
}

// seen is what lies in the store, without the lines that carry markers.
func seen(t *stored) accesstest.SeenTicket {
	phase := t.Status.Phase
	switch t.Status.ID {
	case "yes":
		phase = access.TicketApproved
	case "no":
		phase = access.TicketDenied
	}
	out := accesstest.SeenTicket{Summary: t.summary, Body: t.body, Reporter: t.reporter, Assignee: t.Assignee, Phase: phase}
	for _, c := range t.comments {
		text, _, _ := strings.Cut(strings.Join(c.Lines, "\n"), "\n\n(reference ")
		out.Comments = append(out.Comments, text)
	}
	return out
}
