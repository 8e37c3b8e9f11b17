package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"usher/internal/access"
	"usher/workflows"
	personflow "usher/workflows/lease"
)

// town is a whole system in memory, with time that skips: requests, the workflows that hold leases, and the desk's watch run
// side by side and tell each other, over one desk, one target and one ledger.
type town struct{ *world }

// errand starts a workflow, or where it runs already signals it with the same.
type errand struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Params any    `json:"params"`
	Signal string `json:"signal,omitempty"`
}

const (
	townType   = "Town"
	townErrand = "errand"
	holderType = "Holder"
)

// runHolder is a subject's workflow whose first message came along with its start.
func runHolder(ctx workflow.Context, first access.LeaseSpec) error {
	self := workflow.GetInfo(ctx).WorkflowExecution.ID
	if err := workflow.SignalExternalWorkflow(ctx, self, "", workflows.SignalApplyLease, first).Get(ctx, nil); err != nil {
		return err
	}
	return personflow.Workflow(ctx, personflow.Params{Subject: first.Lease.Subject.ID})
}

// runTown is the workflow whose children are all others, for an environment runs one workflow and its children.
func runTown(ctx workflow.Context) error {
	running := map[string]workflow.ChildWorkflowFuture{}
	errands := workflow.GetSignalChannel(ctx, townErrand)
	for {
		var e errand
		if err := workflow.Await(ctx, func() bool { return errands.Len() > 0 }); err != nil {
			return nil //nolint:nilerr // The cancellation is how the town ends.
		}
		errands.ReceiveAsync(&e)
		if child := running[e.ID]; child != nil && !child.IsReady() {
			if err := child.SignalChildWorkflow(ctx, e.Signal, e.Params).Get(ctx, nil); err != nil {
				return err
			}
			continue
		}
		child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: e.ID}), e.Type, e.Params)
		running[e.ID] = child
		if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
			return err
		}
	}
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{newWorldWith(t, func(settings *access.RequestSettings) {
		watchSettings(settings)
		settings.ReminderInterval = 0
	})}
	w.desk.SetClock(w.env.Now)
	w.env.RegisterWorkflowWithOptions(runTown, workflow.RegisterOptions{Name: townType})
	w.env.RegisterWorkflowWithOptions(runHolder, workflow.RegisterOptions{Name: holderType})
	w.entity = func(e access.LeaseSpec) {
		w.env.SignalWorkflow(townErrand, errand{
			ID: workflows.SubjectWorkflowID(e.Lease.Subject.ID), Type: holderType, Params: e, Signal: workflows.SignalApplyLease,
		})
	}
	w.heard = func(id, signal string, arg any) error { return w.env.SignalWorkflowByID(id, signal, arg) }
	w.at(0, func() {
		w.env.SignalWorkflow(townErrand, errand{
			ID: workflows.WatchWorkflowID("jira"), Type: workflows.TicketWatchType, Params: workflows.TicketWatchParams{Desk: "jira"},
		})
	})
	return w
}

// asks is a person's request.
func (w *town) asks(at time.Duration, id access.RequestID, who access.PersonID, e access.EntitlementID, lasts time.Duration) {
	w.at(at, func() {
		w.env.SignalWorkflow(townErrand, errand{
			ID: workflows.RequestWorkflowID(id), Type: workflows.AccessRequestType,
			Params: workflows.AccessRequestParams{Request: access.Request{
				ID: id, Requester: who, Subject: who, Reason: "to write the handbook", SubmittedAt: w.env.Now(), Evidence: "test",
				Items: []access.Item{{ID: "1", Entitlement: e, Duration: access.Duration(lasts)}},
			}},
		})
	})
}

// says is a person's decision over the API; it must be taken.
func (w *town) says(at time.Duration, id access.RequestID, by access.PersonID, v access.Verdict) {
	w.at(at, func() {
		d := "d-" + string(id) + "-" + string(by)
		err := w.env.UpdateWorkflowByID(workflows.RequestWorkflowID(id), workflows.UpdateDecide, d, &testsuite.TestUpdateCallback{
			OnAccept:   func() {},
			OnReject:   func(err error) { require.NoError(w.t, err, "the decision of %s on %s", by, id) },
			OnComplete: func(_ any, err error) { require.NoError(w.t, err) },
		}, access.Decision{ID: d, By: by, Verdict: v, Reason: "because", Evidence: "test"})
		require.NoError(w.t, err)
	})
}

// moves is a human who moves the card.
func (w *town) moves(at time.Duration, id access.RequestID, by access.PersonID, to access.TicketPhase) {
	w.at(at, func() {
		view, err := w.ledger.View(w.t.Context(), id)
		require.NoError(w.t, err)
		require.NotNil(w.t, view.Ticket, "request %s has no ticket", id)
		require.NoError(w.t, w.desk.MoveAs(w.accounts[by], view.Ticket.ID, to))
	})
}

func (w *town) state(id access.RequestID) access.RequestState {
	w.t.Helper()
	view, err := w.ledger.View(w.t.Context(), id)
	require.NoError(w.t, err)
	return view.State
}

// lives runs everything for so long.
func (w *town) lives(long time.Duration) {
	w.t.Helper()
	w.at(long, w.env.CancelWorkflow)
	w.env.ExecuteWorkflow(townType)
	require.True(w.t, w.env.IsWorkflowCompleted())
	require.NoError(w.t, w.env.GetWorkflowError())
}

func TestDeskDown_all_workflows_go_on(t *testing.T) {
	const (
		hour = time.Hour
		down = hour
		back = 73 * hour
	)
	w := newTown(t)
	// Before: one who holds access for a day, and two who wait with their tickets.
	w.asks(time.Minute, "held", "ben", "wiki/editor", 24*hour)
	w.says(10*time.Minute, "held", "mia", access.Approve)
	w.asks(20*time.Minute, "waits", "ana", "wiki/admin", 0)
	w.asks(30*time.Minute, "card", "olga", "wiki/editor", 0)
	w.at(down, func() {
		require.Len(t, w.desk.Tickets(), 3)
		w.desk.Down(true)
	})
	// Meanwhile: people ask, decide and get, and a lease ends.
	w.asks(2*hour, "new", "ana", "wiki/editor", 0)
	w.says(3*hour, "new", "mia", access.Approve)
	w.asks(4*hour, "refused", "ben", "wiki/admin", 0)
	w.says(5*hour, "refused", "mia", access.Deny)
	w.says(7*hour, "waits", "mia", access.Approve)
	w.says(8*hour, "waits", "omar", access.Approve)
	w.asks(20*hour, "late", "omar", "wiki/editor", 0)
	w.at(23*hour, func() { require.Contains(t, w.target.Members("wiki-editors"), access.PersonID("ben")) })
	w.at(31*hour, func() { require.Contains(t, w.target.Members("wiki-admins"), access.PersonID("ana")) })
	w.at(72*hour, func() {
		require.Len(t, w.desk.Tickets(), 3, "a desk that is down gets no tickets")
		require.Equal(t, access.OutcomeGranted, w.state("new"))
		require.Equal(t, access.OutcomeDenied, w.state("refused"))
		require.Equal(t, access.OutcomeGranted, w.state("waits"))
		require.Equal(t, []access.PersonID{"ana"}, w.target.Members("wiki-editors"), "ben's lease has ended, ana's has begun")
		require.Empty(t, w.target.Members("wiki-admins"), "a day is over")
		for _, lease := range []access.LeaseID{"held:1", "waits:1"} {
			known, err := w.ledger.Lease(t.Context(), lease)
			require.NoError(t, err)
			require.Equal(t, access.LeaseEnded, known.State, "lease %s", lease)
		}
	})
	w.at(back, func() { w.desk.Down(false) })
	// Afterwards: cards are moved, one of a ticket that there was and one of a ticket that came late.
	w.moves(back+time.Minute, "card", "mia", access.TicketApproved)
	w.at(74*hour, func() {
		require.Equal(t, access.OutcomeGranted, w.state("card"), "the watch has caught up")
		require.Len(t, w.desk.Tickets(), 6)
	})
	w.moves(75*hour, "late", "mia", access.TicketDenied)

	w.lives(77 * hour)

	require.Len(t, w.desk.Tickets(), 6)
	for id, want := range map[access.RequestID]struct {
		phase    access.TicketPhase
		comments []string
	}{
		"held":    {access.TicketDone, []string{"Mia approved", "The request has ended: granted"}},
		"waits":   {access.TicketDone, []string{"Mia approved", "Omar approved", "The request has ended: granted"}},
		"card":    {access.TicketDone, []string{"Mia approved", "The request has ended: granted"}},
		"new":     {access.TicketDone, []string{"Mia approved", "The request has ended: granted"}},
		"refused": {access.TicketWontDo, []string{"Mia denied", "The request has ended: denied"}},
		"late":    {access.TicketWontDo, []string{"Mia denied", "The request has ended: denied"}},
	} {
		require.Equal(t, 1, w.ticketsOf(id), "tickets of %s", id)
		view, err := w.ledger.View(t.Context(), id)
		require.NoError(t, err)
		ticket, there := w.desk.Ticket(view.Ticket.ID)
		require.True(t, there)
		require.Equal(t, want.phase, ticket.Phase, "the ticket of %s", id)
		require.Len(t, ticket.Comments, len(want.comments), "the ticket of %s", id)
		for n, text := range want.comments {
			require.Contains(t, ticket.Comments[n].Text, text, "the ticket of %s", id)
		}
	}
	view, err := w.ledger.Watch(t.Context(), "jira")
	require.NoError(t, err)
	require.WithinDuration(t, w.env.Now(), view.LastPollAt, 5*time.Minute)
	require.ElementsMatch(t, []access.PersonID{"ana", "olga"}, w.target.Members("wiki-editors"))
}
