package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"usher/internal/access"
	"usher/internal/devstack/stack"
	"usher/workflows"
)

// ticketEvent is a row in which people do something to the ticket.
type ticketEvent struct {
	row
	// before is done before anything is asked; with it, nobody waits for the ticket.
	before func(context.Context, *ticketEvent) error
	// do is what they do, from the open ticket on, until nobody needs to do anything any more.
	do func(context.Context, *ticketEvent) error
}

// inOrder does one step after the other, up to the first error.
func inOrder[T any](steps ...func(context.Context, T) error) func(context.Context, T) error {
	return func(ctx context.Context, on T) error {
		for _, step := range steps {
			if err := step(ctx, on); err != nil {
				return err
			}
		}
		return nil
	}
}

type eventStep = func(context.Context, *ticketEvent) error

func moves(by access.PersonID, status string) eventStep {
	return func(ctx context.Context, e *ticketEvent) error { return e.move(ctx, by, status) }
}

func reads(status string) eventStep {
	return func(ctx context.Context, e *ticketEvent) error { return e.status(ctx, status) }
}

func approves(ctx context.Context, e *ticketEvent) error { return e.approve(ctx) }

// board is a form of the board that somebody posts about the row's ticket.
func board(as access.PersonID, what string, more ...string) eventStep {
	return func(ctx context.Context, e *ticketEvent) error {
		key, err := e.key(ctx)
		if err != nil {
			return err
		}
		return e.jira.do(ctx, what, as, key, more...)
	}
}

// seen waits for an event of that type in the audit trail.
func seen(t access.EventType) eventStep {
	return func(ctx context.Context, e *ticketEvent) error {
		return e.until(ctx, func(d stack.Detail) error {
			for _, event := range d.Timeline {
				if event.Type == t {
					return nil
				}
			}
			return fmt.Errorf("the audit trail has no %s yet", t)
		})
	}
}

// ended waits until the request has ended and nothing of it runs any more.
func ended(ctx context.Context, e *ticketEvent) error { return e.ends(ctx) }

// anotherTicket waits until a ticket of another id takes the place of the one there was.
func anotherTicket(do eventStep) eventStep {
	return func(ctx context.Context, e *ticketEvent) error {
		old, err := e.ticket(ctx)
		if err != nil {
			return err
		}
		// A hint about a ticket that the ledger does not know yet is ignored, and a scan finds it an hour later.
		err = e.until(ctx, func(d stack.Detail) error {
			if d.Ticket == nil {
				return fmt.Errorf("the request does not know ticket %s yet", old.Key)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := do(ctx, e); err != nil {
			return err
		}
		return e.until(ctx, func(d stack.Detail) error {
			if d.Ticket == nil || string(d.Ticket.ID) == old.ID {
				return fmt.Errorf("the request still knows ticket %s", old.Key)
			}
			return nil
		})
	}
}

func ticketEvents() []*ticketEvent {
	seenEvents := []access.EventType{access.EventTicketChanged}
	refusedEvents := []access.EventType{access.EventDecisionRefused}
	auto := func(name string, want ending, events []access.EventType, says string) row {
		want.events, want.says = events, says
		return row{name: "ticket event: " + name, ask: "wiki/editor", want: want}
	}
	manual := func(name string, want ending, events []access.EventType, says string) row {
		r := auto(name, want, events, says)
		r.ask = "badge/lab"
		return r
	}
	// Only the people of the company have accounts on the desk; ana asks for herself, and tries to serve herself.
	own := manual("closed as done by who asked: put back", granted, refusedEvents, "cannot confirm")
	own.who = "ana"
	return []*ticketEvent{
		{row: auto("approver moves it to approved", granted, seenEvents, ""), do: moves("mia", statusApproved)},
		{row: auto("approver moves it to denied", denied, seenEvents, ""), do: moves("mia", statusDenied)},
		{
			row: auto("somebody else moves it to approved: put back", granted, refusedEvents, "not an approver"),
			do:  inOrder(moves("omar", statusApproved), seen(access.EventDecisionRefused), reads(statusWaiting), approves),
		},
		{row: auto("closed before a decision", cancelled, seenEvents, ""), do: moves("zoe", statusWontDo)},
		{
			row: manual("granted by hand, closed as done", granted, seenEvents, ""),
			do:  inOrder(approves, reads(statusWorking), moves("zoe", statusDone)),
		},
		{
			row: manual("not granted by hand, closed as won't do", denied, seenEvents, ""),
			do:  inOrder(approves, reads(statusWorking), moves("zoe", statusWontDo)),
		},
		{
			row: own,
			do: inOrder(approves, reads(statusWorking), moves("ana", statusDone), seen(access.EventDecisionRefused),
				reads(statusWorking), moves("zoe", statusDone)),
		},
		{
			row: auto("deleted: opened again", granted, seenEvents, "replaces"),
			do:  inOrder(anotherTicket(board("zoe", "delete")), approves),
		},
		{
			row: auto("moved to another project", granted, seenEvents, ""),
			do:  inOrder(board("zoe", "project", "to", "OTHER"), seen(access.EventTicketChanged), approves),
		},
		{
			row: auto("assigned to somebody else", granted, seenEvents, ""),
			do:  inOrder(board("zoe", "assign", "to", stack.DeskAccount("omar")), seen(access.EventTicketChanged), approves),
		},
		{
			row: auto("opened again after the end: closed again", granted, nil, ""),
			do:  inOrder(approves, ended, over, moves("zoe", statusWaiting), reopened),
		},
	}
}

// over waits until the request's workflow has ended, which is a little after its outcome is known.
func over(ctx context.Context, e *ticketEvent) error {
	return stack.Poll(ctx, func(ctx context.Context) error {
		found, err := e.temporal.DescribeWorkflowExecution(ctx, workflows.RequestWorkflowID(e.id), "")
		if err == nil && found.WorkflowExecutionInfo.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			err = errors.New("the workflow still runs")
		}
		return err
	})
}

// reopened waits for the answer to a ticket that was opened again after the end.
func reopened(ctx context.Context, e *ticketEvent) error {
	e.want.events, e.want.says = []access.EventType{access.EventTicketChanged}, "opening the ticket again changes nothing"
	return e.comment(ctx, e.want.says)
}

// lostWebhook is decided by the ticket although the desk's event never comes.
func lostWebhook() *ticketEvent {
	want := granted
	want.events = []access.EventType{access.EventTicketChanged}
	return &ticketEvent{
		row: row{name: "ticket event: approver moves it, the webhook is lost", ask: "wiki/editor", want: want},
		do: inOrder(func(ctx context.Context, e *ticketEvent) error {
			return e.SetDeskFaults(ctx, map[string]any{"lose_webhooks": 1})
		}, moves("mia", statusApproved)),
	}
}

// TestTicketEvents does to tickets what people do, each thing to the ticket of a request of its own.
func TestTicketEvents(t *testing.T) {
	t.Parallel()
	s := start(t, settings{})
	ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
	defer cancel()
	rows := s.play(ctx, t, "event", ticketEvents())
	rows = append(rows, s.play(ctx, t, "lost", []*ticketEvent{lostWebhook()})...)
	table(ctx, t, rows)
}

// play plays rows side by side, each to its right end.
func (s *system) play(ctx context.Context, t *testing.T, name string, all []*ticketEvent) []*row {
	t.Helper()
	rows := make([]*row, len(all))
	for n, e := range all {
		require.NoError(t, e.on(ctx, s, fmt.Sprintf("%s-%d", name, n+1)))
		rows[n] = &e.row
	}
	began := time.Now()
	require.NoError(t, each(all, func(e *ticketEvent) error {
		if err := inOrder(opens, e.do)(ctx, e); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		return e.ends(ctx)
	}))
	t.Logf("%d requests ended after %s", len(all), time.Since(began).Round(time.Second))
	return rows
}

func opens(ctx context.Context, e *ticketEvent) error { return e.open(ctx) }
