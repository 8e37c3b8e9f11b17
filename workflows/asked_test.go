package workflows_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// asking is a world in which people ask on the desk. It remembers the requests that are started, each once, as Temporal does.
type asking struct {
	*world
	requests map[access.RequestID]access.Request
	// lost makes so many starts lose their answer.
	lost int
}

func newAsking(t *testing.T) *asking {
	t.Helper()
	a := &asking{world: newWorld(t), requests: map[access.RequestID]access.Request{}}
	a.starts = func(o client.StartWorkflowOptions, args []any) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		var params struct {
			Request access.Request `json:"request"`
		}
		text, err := json.Marshal(args[0])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &params))
		require.Equal(t, workflows.RequestWorkflowID(params.Request.ID), o.ID)
		if _, runs := a.requests[params.Request.ID]; runs {
			return serviceerror.NewWorkflowExecutionAlreadyStarted("it runs", "", "")
		}
		a.requests[params.Request.ID] = params.Request
		if a.lost > 0 {
			a.lost--
			return serviceerror.NewUnavailable("the answer is lost")
		}
		return nil
	}
	return a
}

// look has a ticket looked into, in a run of its own.
func (a *asking) look(ticket access.TicketRef) {
	a.t.Helper()
	a.newRun()
	a.env.SetStartTime(a.env.Now().Add(time.Minute))
	a.at(0, func() { a.signal(workflows.SignalAskedChanged, struct{}{}) })
	a.env.ExecuteWorkflow(workflows.AskedTicketType, workflows.AskedTicketParams{Desk: "jira", Ticket: ticket.ID})
	require.True(a.t, a.env.IsWorkflowCompleted())
	require.NoError(a.t, a.env.GetWorkflowError())
}

// only is the one request that was started.
func (a *asking) only() access.Request {
	a.t.Helper()
	require.Len(a.t, a.requests, 1)
	for _, r := range a.requests {
		return r
	}
	return access.Request{}
}

func TestAsked_becomes_a_request(t *testing.T) {
	for _, edge := range []bool{false, true} {
		t.Run(fmt.Sprintf("source at the edge: %t", edge), func(t *testing.T) {
			a := newAsking(t)
			a.edge = edge
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor\nFor: ben@example.test\nDuration: 8h\nReason: the handbook")
			a.look(ticket)
			a.look(ticket)
			asked := a.only()
			eight, err := access.ParseDuration("8h")
			require.NoError(t, err)
			require.Equal(t, access.Request{
				ID: access.AskedRequestID("jira", ticket.ID), Requester: "ana", Subject: "ben", Reason: "the handbook",
				Items:       []access.Item{{ID: "1", Entitlement: "wiki/editor", Duration: eight}},
				SubmittedAt: asked.SubmittedAt, Evidence: "desk account " + string(a.accounts["ana"]) + " opened " + string(ticket.Key),
				Origin: &access.Origin{Desk: "jira", Ticket: ticket.ID, Key: ticket.Key, Account: a.accounts["ana"]},
			}, asked)
			require.Empty(t, a.desk.Comments(ticket.ID))
		})
	}
}

// TestAsked_findings: what cannot be taken is answered once, starts nothing, and is taken when it is mended.
func TestAsked_findings(t *testing.T) {
	for name, row := range map[string]struct {
		text  string
		world func(*asking)
		says  string
	}{
		"nothing is named":             {text: "the wiki, please", says: "Access: Missing."},
		"nobody knows the entitlement": {text: "Access: wiki/editr", says: `Access: The catalog has no entitlement "wiki/editr"; near to it: wiki/editor.`},
		"nobody knows the subject":     {text: "Access: wiki/editor\nFor: nobody@example.test", says: "For: Nobody is known as nobody@example.test"},
		"no duration":                  {text: "Access: wiki/editor\nDuration: long", says: `Duration: Found "long"`},
		"nobody's account": {text: "Access: wiki/editor", says: "Requester: The account that opened this ticket (Ana) is nobody's", world: func(a *asking) {
			a.source.Remove("ana")
		}},
		"an account that shares its address with another": {text: "Access: wiki/editor", says: "is nobody's", world: func(a *asking) {
			a.desk.AddAccount(access.Person{ID: "eve", DisplayName: "Eve", Email: "ana@example.test"})
		}},
		"somebody who is not active": {text: "Access: wiki/editor", says: "Requester: Ana is not active.", world: func(a *asking) {
			a.source.Deactivate("ana")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsking(t)
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", row.text)
			if row.world != nil {
				row.world(a)
			}
			for range 3 {
				a.look(ticket)
			}
			require.Empty(t, a.requests)
			comments := a.desk.Comments(ticket.ID)
			require.Len(t, comments, 1, "said once")
			require.Contains(t, comments[0], row.says)
			if row.world == nil {
				require.NoError(t, a.desk.EditTextAs(a.accounts["ana"], ticket.ID, "Access: wiki/editor"))
				a.look(ticket)
				require.Equal(t, access.PersonID("ana"), a.only().Requester)
				require.NotEmpty(t, a.only().Origin.TextChange, "the text that was read is named")
				require.Len(t, a.desk.Comments(ticket.ID), 1)
			}
		})
	}
}

// TestAsked_nothing: tickets that ask for nothing are not answered.
func TestAsked_nothing(t *testing.T) {
	for name, open := range map[string]func(*testing.T, *asking) access.TicketRef{
		"of another kind": func(_ *testing.T, a *asking) access.TicketRef {
			return a.desk.OpenAs(a.accounts["ana"], "Access: wiki/editor")
		},
		"marked by somebody": func(t *testing.T, a *asking) access.TicketRef {
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
			require.NoError(t, a.desk.PlantMarker(ticket.ID, "usher-r1:0123456789abcdef"))
			return ticket
		},
		"usher's own": func(t *testing.T, a *asking) access.TicketRef {
			ref, err := a.desk.CreateTicket(t.Context(), access.NewTicket{Marker: "usher-r1:0123456789abcdef", Body: "Access: wiki/editor"})
			require.NoError(t, err)
			return ref
		},
		"deleted": func(t *testing.T, a *asking) access.TicketRef {
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
			require.NoError(t, a.desk.Delete(ticket.ID))
			return ticket
		},
		"known to the ledger already": func(t *testing.T, a *asking) access.TicketRef {
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editor")
			require.NoError(t, a.ledger.Record(t.Context(), access.Entry{View: &access.RequestView{
				Request: access.Request{ID: access.AskedRequestID("jira", ticket.ID), Requester: "ana", Subject: "ana"},
				State:   access.OutcomeDenied, Version: 1,
			}}))
			return ticket
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsking(t)
			ticket := open(t, a)
			a.look(ticket)
			require.Empty(t, a.requests)
			require.Empty(t, a.desk.Comments(ticket.ID))
		})
	}
}

// TestAsked_faults: whatever fails, or loses its answer, there is one request, and one comment where there is something to say.
func TestAsked_faults(t *testing.T) {
	trouble := map[string]func(*asking){
		"a start loses its answer": func(a *asking) { a.lost = 1 },
		"the ledger is away at first": func(a *asking) {
			a.ledger.setAway(true)
			a.at(time.Hour, func() { a.ledger.setAway(false) })
		},
		"the desk is down at first": func(a *asking) {
			a.desk.Down(true)
			a.at(3*time.Hour, func() { a.desk.Down(false) })
		},
		"the source is down at first": func(a *asking) {
			a.source.Down(true)
			a.at(3*time.Hour, func() { a.source.Down(false) })
		},
	}
	for _, op := range []string{memory.OpReadAsked, memory.OpFindAccount, memory.OpAddComments} {
		trouble[op+" fails"] = func(a *asking) {
			for range 7 {
				a.desk.FailNext(op, access.Errorf(access.Transient, op, "the desk is slow"))
			}
		}
		trouble[op+" loses its answer"] = func(a *asking) { a.desk.DropAnswerNext(op) }
	}
	for name, make := range trouble {
		for text, comments := range map[string]int{"Access: wiki/editor": 0, "Access: wiki/editr": 1} {
			t.Run(name+", "+text, func(t *testing.T) {
				t.Parallel()
				a := newAsking(t)
				ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", text)
				a.newRun()
				make(a)
				a.at(0, func() { a.signal(workflows.SignalAskedChanged, struct{}{}) })
				a.env.ExecuteWorkflow(workflows.AskedTicketType, workflows.AskedTicketParams{Desk: "jira", Ticket: ticket.ID})
				require.True(t, a.env.IsWorkflowCompleted())
				require.NoError(t, a.env.GetWorkflowError())
				require.Len(t, a.requests, 1-comments)
				require.Len(t, a.desk.Comments(ticket.ID), comments)
			})
		}
	}
}

// TestAsked_changes_while_looking: a change that comes during a look has another one follow.
func TestAsked_changes_while_looking(t *testing.T) {
	for failures, after := range map[int]time.Duration{2: 500 * time.Millisecond, 7: 10 * time.Second} {
		t.Run(fmt.Sprintf("the answer fails %d times", failures), func(t *testing.T) {
			a := newAsking(t)
			ticket := a.desk.AskAs(a.accounts["ana"], "Wiki", "Access: wiki/editr")
			a.newRun()
			a.desk.FailNext(memory.OpAddComments, manyOf(failures, access.Errorf(access.Transient, "add", "slow"))...)
			a.at(0, func() { a.signal(workflows.SignalAskedChanged, struct{}{}) })
			a.at(after, func() {
				require.Empty(t, a.desk.Comments(ticket.ID), "the answer is under way")
				require.NoError(t, a.desk.EditTextAs(a.accounts["ana"], ticket.ID, "Access: wiki/editor"))
				a.signal(workflows.SignalAskedChanged, struct{}{})
			})
			a.env.ExecuteWorkflow(workflows.AskedTicketType, workflows.AskedTicketParams{Desk: "jira", Ticket: ticket.ID})
			require.NoError(t, a.env.GetWorkflowError())
			require.Equal(t, access.EntitlementID("wiki/editor"), a.only().Items[0].Entitlement)
		})
	}
}

func manyOf(count int, err error) []error {
	all := make([]error, count)
	for i := range all {
		all[i] = err
	}
	return all
}

// looks counts the looks that the watch has asked for, by request.
func looks(l *lookout) map[string]int {
	told, heard := map[string]int{}, l.heard
	l.heard = func(id, signal string, arg any) error {
		if signal != workflows.SignalAskedChanged {
			return heard(id, signal, arg)
		}
		request, asked := strings.CutPrefix(id, workflows.AskedPrefix)
		require.True(l.t, asked)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.deaf[access.RequestID(request)] > 0 {
			l.deaf[access.RequestID(request)]--
			return serviceerror.NewUnavailable("Temporal is away")
		}
		told[request]++
		return nil
	}
	return told
}

// TestWatch_looks_into_tickets: each change of a ticket that asks is looked into once, whatever fails, and hides no change.
func TestWatch_looks_into_tickets(t *testing.T) {
	for name, trouble := range map[string]func(*lookout){
		"nothing fails": func(*lookout) {},
		"the search fails for a while": func(l *lookout) {
			l.at(25*time.Minute, func() {
				l.desk.FailNext(memory.OpAskedTickets, manyOf(20, access.Errorf(access.Transient, "asked", "slow"))...)
			})
		},
		"Temporal fails for a while": func(l *lookout) { l.deaf["jira.10002"] = 30 },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLookout(t)
			refs := l.opens(1)
			trouble(l)
			told := looks(l)
			var asks []access.TicketRef
			l.at(30*time.Minute, func() {
				for range 230 {
					asks = append(asks, l.desk.AskAs(l.accounts["ana"], "Wiki", "Access: wiki/editor"))
				}
				require.NoError(t, l.desk.MoveAs(l.accounts["mia"], refs[0].ID, access.TicketApproved))
			})
			l.at(4*time.Hour, func() { require.NoError(t, l.desk.EditTextAs(l.accounts["ana"], asks[7].ID, "Access: wiki/reader")) })
			l.watches(8 * time.Hour)
			require.Equal(t, []access.RequestID{"r1"}, l.requests(), "changes are told whatever becomes of what asks")
			require.Len(t, told, len(asks))
			for n, ref := range asks {
				want := 1
				if n == 7 {
					want = 2
				}
				got := told[string(access.AskedRequestID("jira", ref.ID))]
				if name == "Temporal fails for a while" {
					require.GreaterOrEqual(t, got, want, "%s", ref.ID)
					continue
				}
				require.Equal(t, want, got, "%s", ref.ID)
			}
		})
	}
}
