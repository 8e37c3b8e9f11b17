package requesttracker_test

import (
	"net/http"
	"testing"

	"usher/internal/access"
	"usher/internal/access/accesstest"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

func TestServiceDesk(t *testing.T) { accesstest.RunServiceDesk(t, harness(realServer(t))) }

// How many bytes RT takes for a subject, and usher sends as a text.
const (
	subject = 200
	text    = 30_000
)

// harness makes the suite's desks. The description of a ticket is its first message, which nobody can change in RT, so humans change
// the subject.
func harness(s *server) func(*testing.T, accesstest.ServiceDeskSetup) accesstest.ServiceDeskHarness {
	return func(t *testing.T, setup accesstest.ServiceDeskSetup) accesstest.ServiceDeskHarness {
		lifecycle := "access"
		switch {
		case setup.NoWayTo == access.TicketWorking:
			lifecycle = "no_working"
		case setup.DemandsFieldAt == access.TicketDone:
			lifecycle = "demanding"
		}
		one := newSite(t, s, lifecycle)
		owner := func(to access.AccountID) string {
			if to == "" {
				return "Nobody"
			}
			return string(to)
		}
		return accesstest.ServiceDeskHarness{
			Desk: one.desk(t, func(c *requesttracker.Config) { one.takesIn(c); c.Approvals = setup.Approvals }), SummaryLimit: subject / len("界"), BodyLimit: text / len("é"), DemandedField: "Cost centre",
			AddAccount: func(p access.Person) access.AccountID { return one.addAccount(t, p) },
			MakeUnassignable: func(id access.AccountID) {
				s.put(t, "root", "user/"+string(id), map[string]any{"Privileged": 0})
			},
			MoveAs: func(by access.AccountID, id access.TicketID, to access.TicketPhase) { one.moveAs(t, by, id, to) },
			AssignAs: func(by access.AccountID, id access.TicketID, to access.AccountID) {
				s.put(t, string(by), path(id), map[string]any{"Owner": owner(to)})
			},
			CommentAs: func(by access.AccountID, id access.TicketID, text string) { one.commentAs(t, by, id, text) },
			ReplyAs:   func(by access.AccountID, id access.TicketID, text string) { one.replyAs(t, by, id, text) },
			NoteAs:    func(by access.AccountID, id access.TicketID, text string) { one.commentAs(t, by, id, text) },
			OpenAs:    func(by access.AccountID) access.TicketID { return one.openAs(t, by) },
			AskAs: func(by access.AccountID, summary, text string) access.TicketID {
				return one.askAs(t, by, map[string]any{"Subject": summary, "Content": text})
			},
			AnswerAs: func(by access.AccountID, id access.TicketID, asked access.AccountID, round int, state access.ApprovalState) {
				one.answerAs(t, by, one.asked(t, id, asked)[round-1].ID, state)
			},
			Approvals: func(id access.TicketID, asked access.AccountID) []access.ApprovalState {
				var all []access.ApprovalState
				for _, a := range one.asked(t, id, asked) {
					all = append(all, a.state())
				}
				return all
			},
			FixedText: true,
			EditTextAs: func(by access.AccountID, id access.TicketID, text string) {
				s.do(t, string(by), http.MethodPut, path(id), map[string]any{"Subject": desk.OneLine(text)}, nil)
			},
			PlantMarker: func(by access.AccountID, id access.TicketID, marker access.Marker) {
				one.setFieldAs(t, by, id, "External Id", string(marker))
			},
			Delete: func(id access.TicketID) { s.do(t, "root", http.MethodDelete, path(id), nil, nil) },
			Rekey: func(id access.TicketID) access.TicketKey {
				s.put(t, "root", path(id), map[string]any{"Queue": one.other})
				return access.TicketKey(one.other + " #" + string(id))
			},
			Seen:              func(id access.TicketID) accesstest.SeenTicket { return one.seen(t, id) },
			Count:             func(m access.Marker) int { return one.count(t, m) },
			DropAnswerOnce:    func(method string) { one.faults(func() { one.drop = method }) },
			SearchLags:        func(lags bool) { one.lag(t, lags) },
			RefuseCredentials: func() { one.faults(func() { one.spoilt = true }) },
		}
	}
}
