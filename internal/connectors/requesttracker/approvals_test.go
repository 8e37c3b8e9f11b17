package requesttracker_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/desk"
	"usher/internal/connectors/requesttracker"
)

// withApprovals is a change of the configuration: approvers are asked by approvals.
func withApprovals(c *requesttracker.Config) { c.Approvals = true }

func mia() access.Person {
	return access.Person{ID: "p-mia", DisplayName: "Mia", Email: "mia@example.test", Active: true}
}

// askedIDs are RT's own ids of approvals, by their ticket, account and place.
var askedIDs sync.Map

// ask has usher's approvals of one account on a ticket be in these states, in the order of their opening. An answer to one that is not
// required does not count.
func ask(t *testing.T, d *desk.Desk, id access.TicketID, account access.AccountID, states ...access.ApprovalState) error {
	t.Helper()
	wanted := access.DeskApprovals{Summary: "Access request: Wiki for Sam 界", Body: "Access:\nWiki"}
	for n, state := range states {
		one := access.DeskApproval{Key: fmt.Sprintf("%s/%s/%d", id, account, n), Approver: account, State: state}
		if known, there := askedIDs.Load(one.Key); there {
			one.ID, _ = known.(string)
		}
		if state == access.ApprovalNotRequired {
			for _, m := range read(t, d, id).DecisionMoves {
				if m.Approval == one.ID {
					one.Void = m.Name()
				}
			}
		}
		wanted.All = append(wanted.All, one)
	}
	ids, err := d.SetApprovals(t.Context(), id, wanted)
	for key, approval := range ids {
		askedIDs.Store(key, approval)
	}
	return err
}

// TestApproval_ticket_stays: what is answered changes nothing of the ticket, though RT has rules that do.
func TestApproval_ticket_stays(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	d := one.desk(t, withApprovals)
	for _, state := range []access.ApprovalState{access.ApprovalApproved, access.ApprovalDenied} {
		account := one.addAccount(t, mia())
		id := open(t, d)
		require.NoError(t, ask(t, d, id, account, access.ApprovalRequested))
		before := one.history(t, id)
		one.answerAs(t, account, one.asked(t, id, account)[0].ID, state)
		require.Equal(t, access.TicketWaiting, one.seen(t, id).Phase)
		require.Equal(t, before, one.history(t, id))
		require.NoError(t, d.TransitionTicket(t.Context(), id, access.TicketDone), "and it can be closed")
	}
}

// TestApproval_page: people approve on RT's own page, which shows approvals of every queue.
func TestApproval_page(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	d, account := one.desk(t, withApprovals), one.addAccount(t, mia())
	id := open(t, d)
	require.NoError(t, ask(t, d, id, account, access.ApprovalRequested))
	approval := string(one.asked(t, id, account)[0].ID)
	visit := one.browser(t, account)
	require.Contains(t, visit("/Approvals/", nil), "Access request: Wiki for Sam 界")
	require.Contains(t, visit("/Approvals/Display.html?id="+approval, nil), "/Ticket/Display.html?id="+string(id), "the text leads to the ticket")
	visit("/Approvals/", url.Values{"Approval-" + approval + "-Action": {"approve"}, "Approval-" + approval + "-Notes": {"Welcome."}})
	moves := read(t, d, id).DecisionMoves
	require.Len(t, moves, 1)
	require.Equal(t, access.TicketApproved, moves[0].Phase)
	require.Equal(t, account, moves[0].By)
}

// TestApproval_rules_queue shows why usher refuses RT's own queue of approvals: RT fails when somebody approves there.
func TestApproval_rules_queue(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	account, id := one.addAccount(t, mia()), open(t, one.desk(t, nil))
	one.askAs(t, account, map[string]any{"Queue": "___Approvals", "Type": "approval", "Owner": account, "RefersTo": []access.TicketID{id}})
	status, err := s.try(t, string(account), http.MethodPut, path(one.asked(t, id, account)[0].ID), map[string]any{"Status": "resolved"}, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, status)
}

// TestApproval_who: the answer is that of who gave it, whatever others do with the approval afterwards.
func TestApproval_who(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, account, other := one.desk(t, withApprovals), one.addAccount(t, mia()), one.addAccount(t, eve())
	id := open(t, d)
	require.NoError(t, ask(t, d, id, account, access.ApprovalRequested))
	approval := one.asked(t, id, account)[0].ID
	one.answerAs(t, account, approval, access.ApprovalApproved)
	before := read(t, d, id).DecisionMoves
	require.Len(t, before, 1)
	one.commentAs(t, other, approval, "no!")
	s.put(t, string(other), path(approval), map[string]any{"Subject": "Not needed: " + "Wiki (#1)"})
	s.put(t, "root", path(approval), map[string]any{"Owner": string(other)})
	require.Equal(t, before, read(t, one.desk(t, withApprovals), id).DecisionMoves)
	require.Equal(t, account, before[0].By)
	require.Equal(t, account, before[0].Asked)
}

// TestApproval_not_needed: a denial that does not count any more is no answer, and the approval keeps its place.
func TestApproval_not_needed(t *testing.T) {
	one := newSite(t, realServer(t), "access")
	d, account := one.desk(t, withApprovals), one.addAccount(t, mia())
	id := open(t, d)
	require.NoError(t, ask(t, d, id, account, access.ApprovalRequested))
	one.answerAs(t, account, one.asked(t, id, account)[0].ID, access.ApprovalDenied)
	for range 2 {
		require.NoError(t, ask(t, d, id, account, access.ApprovalNotRequired, access.ApprovalRequested))
		require.Empty(t, read(t, one.desk(t, withApprovals), id).DecisionMoves)
	}
	asked := one.asked(t, id, account)
	require.Len(t, asked, 2)
	require.Equal(t, "Not needed: Access request: Wiki for Sam 界 (#"+string(id)+")", asked[0].Subject)
	one.answerAs(t, account, asked[1].ID, access.ApprovalApproved)
	moves := read(t, d, id).DecisionMoves
	require.Len(t, moves, 1)
	require.Equal(t, string(asked[1].ID), moves[0].Approval)
}

// TestApproval_cannot_be_asked: RT opens an approval without its owner; there is one such for an account, however often usher tries.
func TestApproval_cannot_be_asked(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, account := one.desk(t, withApprovals), one.addAccount(t, mia())
	s.put(t, "root", "user/"+string(account), map[string]any{"Privileged": 0})
	id := open(t, d)
	for range 3 {
		requireKind(t, access.Conflict, ask(t, d, id, account, access.ApprovalRequested))
	}
	left := one.approvals(t, "RefersTo = "+string(id))
	require.Len(t, left, 1)
	require.Equal(t, "rejected", left[0].Status)
	require.Equal(t, "Cannot be asked: "+string(account), left[0].Subject)
	s.put(t, "root", "user/"+string(account), map[string]any{"Privileged": 1})
	for range 2 {
		require.NoError(t, ask(t, d, id, account, access.ApprovalRequested))
	}
	require.Len(t, one.approvals(t, "RefersTo = "+string(id)+" AND Status != 'rejected'"), 1)
}

// TestApproval_unseen has RT hide what usher has just opened, and forget its link: no second one is opened.
func TestApproval_unseen(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"hidden": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"unlinked": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"id":9,"Status":"new","Owner":{"id":"mia"}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t)
			d := s.deskWith(t, 5*time.Second, withApprovals)
			s.table["GET /user/mia"] = `{"Name":"mia"}`
			s.table["POST /ticket"], s.table["GET /tickets"] = `{"id":"9"}`, `{"items":[],"pages":1}`
			s.answer("GET /ticket/9", answer)
			requireKind(t, access.Forbidden, ask(t, d, "7", "mia", access.ApprovalRequested))
			delete(s.table, "POST /ticket")
			requireKind(t, access.Forbidden, ask(t, d, "7", "mia", access.ApprovalRequested))
		})
	}
}

// TestApproval_disowned: somebody has given up what usher asked them; it stays theirs, and the next one is asked.
func TestApproval_disowned(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, account, other := one.desk(t, withApprovals), one.addAccount(t, mia()), one.addAccount(t, eve())
	id := open(t, d)
	require.NoError(t, ask(t, d, id, account, access.ApprovalRequested))
	disowned := one.asked(t, id, account)[0]
	s.put(t, string(account), path(disowned.ID), map[string]any{"Owner": "Nobody"})
	require.NoError(t, ask(t, one.desk(t, withApprovals), id, account, access.ApprovalRequested))
	require.NoError(t, ask(t, one.desk(t, withApprovals), id, other, access.ApprovalRequested))
	require.Equal(t, "Not needed: "+disowned.Subject, one.asked(t, id, "Nobody")[0].Subject, "the last call asks the other one only")
	require.Empty(t, one.asked(t, id, account))
	require.Len(t, one.asked(t, id, other), 1)
}

// TestApproval_of_nothing: nobody is asked about a ticket that is gone, where there is no queue for it, or by another name than RT's.
func TestApproval_of_nothing(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	account := one.addAccount(t, mia())
	id := open(t, one.desk(t, nil))
	err := ask(t, one.desk(t, func(c *requesttracker.Config) { withApprovals(c); c.ApprovalsQueue = "No such" }), id, account, access.ApprovalRequested)
	requireKind(t, access.Forbidden, err)
	require.ErrorContains(t, err, "desks.rt.approvals_queue")
	s.do(t, "root", http.MethodDelete, path(id), nil, nil)
	requireKind(t, access.NotFound, ask(t, one.desk(t, withApprovals), id, account, access.ApprovalRequested))
	id = open(t, one.desk(t, nil))
	for _, name := range []access.AccountID{access.AccountID(strings.ToUpper(string(account))), "nobody-of-that-name"} {
		requireKind(t, access.Conflict, ask(t, one.desk(t, withApprovals), id, name, access.ApprovalRequested))
	}
	require.Empty(t, one.approvals(t, "Owner = '"+string(account)+"'"))
	require.Empty(t, one.approvals(t, "RefersTo = "+string(id)))
}

// TestAttackApproval_planted: an approval that somebody opens as if usher had is none of usher's, and takes no place among them.
func TestAttackApproval_planted(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, account, thief := one.desk(t, withApprovals), one.addAccount(t, mia()), one.addAccount(t, eve())
	id := open(t, d)
	var self struct{ ID int64 }
	s.do(t, "root", http.MethodGet, "user/"+one.self, nil, &self)
	planted := one.askAs(t, thief, map[string]any{
		"Queue": requesttracker.DefaultApprovalsQueue, "Type": "approval", "Owner": account, "RefersTo": []access.TicketID{id},
		"Subject": "Wiki (#" + string(id) + ")", "Content": "Wiki", "Creator": self.ID,
	})
	one.answerAs(t, account, planted, access.ApprovalApproved)
	require.Empty(t, read(t, d, id).DecisionMoves)
	require.NoError(t, ask(t, d, id, account, access.ApprovalRequested))
	require.Len(t, one.asked(t, id, account), 2)
	require.NoError(t, ask(t, d, id, account, access.ApprovalRequested))
	require.Len(t, one.asked(t, id, account), 2)
}

// TestAttackApproval_moved: an answer about one ticket is none about another, whoever links it there or merges the tickets.
func TestAttackApproval_moved(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, account, thief := one.desk(t, withApprovals), one.addAccount(t, mia()), one.addAccount(t, eve())
	id := open(t, d)
	n := newTicket()
	n.Marker = "usher-r2"
	other, err := d.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	require.NoError(t, ask(t, d, id, account, access.ApprovalRequested))
	approval := one.asked(t, id, account)[0].ID
	one.answerAs(t, account, approval, access.ApprovalApproved)
	s.put(t, string(thief), path(approval), map[string]any{"AddRefersTo": []access.TicketID{other.ID}, "Subject": "Wiki (#" + string(other.ID) + ")"})
	require.Len(t, one.asked(t, other.ID, account), 1, "RT shows it there")
	require.Len(t, read(t, d, id).DecisionMoves, 1)
	require.Empty(t, read(t, one.desk(t, withApprovals), other.ID).DecisionMoves)
	s.put(t, string(thief), path(approval), map[string]any{"DeleteRefersTo": []access.TicketID{other.ID}})
	s.put(t, "root", path(id), map[string]any{"MergeInto": string(other.ID)})
	require.Len(t, one.asked(t, other.ID, account), 1, "RT shows it there")
	require.Empty(t, read(t, d, other.ID).DecisionMoves)
}

// TestAttackApproval_retyped: an ordinary ticket of usher's that somebody makes an approval is none, whatever its subject.
func TestAttackApproval_retyped(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	d, account, thief := one.desk(t, withApprovals), one.addAccount(t, mia()), one.addAccount(t, eve())
	id := open(t, d)
	n := newTicket()
	n.Marker, n.Summary, n.Assignee = "usher-r2", "Wiki for eve (#"+string(id)+")", account
	other, err := d.CreateTicket(t.Context(), n)
	require.NoError(t, err)
	one.moveAs(t, account, other.ID, access.TicketDone)
	s.put(t, string(thief), path(other.ID), map[string]any{"Type": "approval", "AddRefersTo": []access.TicketID{id}})
	if len(one.asked(t, id, account)) == 0 {
		t.Log("this Request Tracker lets nobody make a ticket an approval by REST2; a script of its administrators may still")
		one.execute(t, `UPDATE Tickets SET Type = 'approval' WHERE id = ?`, string(other.ID))
		one.execute(t, `INSERT INTO Transactions (ObjectType, ObjectId, TimeTaken, Type, Field, OldValue, NewValue, Creator, Created)
			VALUES ('RT::Ticket', ?, 0, 'Set', 'Type', 'ticket', 'approval', ?, datetime('now'))`, string(other.ID), one.userNumber(t, string(thief)))
	}
	require.Len(t, one.asked(t, id, account), 1, "RT shows it there")
	require.Empty(t, read(t, d, id).DecisionMoves)
}

func TestCheck_approvals(t *testing.T) {
	s := realServer(t)
	one := newSite(t, s, "access")
	findings, err := one.desk(t, withApprovals).Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, findings)
	for says, change := range map[string]func(*requesttracker.Config){
		"SeeQueue": func(c *requesttracker.Config) { c.ApprovalsQueue = "No such/queue?" },
		"number":   func(c *requesttracker.Config) { c.ApprovalsQueue = "1" },
	} {
		findings, err := one.desk(t, func(c *requesttracker.Config) { withApprovals(c); change(c) }).Check(t.Context())
		require.NoError(t, err)
		require.Len(t, findings, 1)
		require.Equal(t, "desks.rt.approvals_queue", findings[0].Key)
		require.Contains(t, findings[0].Problem, says)
	}
	small := newSmall(t)
	small.table["GET /queue/Access Approvals"] = `{"Name":"Access Approvals","_hyperlinks":[]}`
	findings, err = small.deskWith(t, 5*time.Second, withApprovals).Check(t.Context())
	require.NoError(t, err)
	require.Contains(t, findings[0].Problem, "CreateTicket")
}
