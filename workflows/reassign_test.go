package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

func TestReassign(t *testing.T) {
	w := newWorld(t)
	var named, refused, again *answer
	w.at(time.Hour, func() { named = w.reassign("n1", "ben", "olga") })
	w.at(2*time.Hour, func() { refused = w.decide("mia", access.Approve) })
	w.at(3*time.Hour, func() {
		// The server knows the repetition by the update's id, unless another run has taken the first one.
		again = w.update(workflows.UpdateReassign, "another update", workflows.ReassignInput{
			ID: "n1", By: "adm", Evidence: "test", To: []access.PersonID{"omar"}, Reason: "on leave",
		})
	})
	w.at(4*time.Hour, func() { w.decide("olga", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.NoError(t, named.accepted)
	require.Equal(t, []access.PersonID{"ben", "olga"}, waitsFor(named.view))
	require.ErrorContains(t, refused.rejected, "you are not an approver")
	require.NoError(t, again.accepted, "the same call again is the same call")
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	events := w.events("r1")
	event := events[index(events, access.EventReassigned)]
	require.Equal(t, "Others approve now: adm says so: on leave.\nWiki editor, manager: Ben or Olga instead of Mia.", event.Text)
	require.Equal(t, access.PersonID("adm"), event.Actor)
	require.Equal(t, access.ChannelAPI, event.Channel)
	require.Equal(t, "test", event.Evidence)
	require.Equal(t, []access.ItemID{"1"}, event.Items)
	require.Contains(t, w.desk.Comments(w.ticket().Ref.ID), event.Text)
	require.Equal(t, 1, has(events, access.EventReassigned))
}

func TestReassign_refused(t *testing.T) {
	good := workflows.ReassignInput{ID: "n1", By: "adm", To: []access.PersonID{"ben"}, Reason: "on leave"}
	many := make([]access.PersonID, 11)
	for i := range many {
		many[i] = access.PersonID(rune('a' + i))
	}
	for name, row := range map[string]struct {
		change func(*workflows.ReassignInput)
		before func(*world)
		field  string
		text   string
	}{
		"the requester":             {func(c *workflows.ReassignInput) { c.To = []access.PersonID{"ben", "ana"} }, nil, "to[1]", "has asked for this access"},
		"by the requester":          {func(c *workflows.ReassignInput) { c.By = "ana" }, nil, "by", "this request is your own"},
		"the administrator":         {func(c *workflows.ReassignInput) { c.By = "ben" }, nil, "to[0]", "does not name themselves"},
		"somebody unknown":          {func(c *workflows.ReassignInput) { c.To = []access.PersonID{"ghost"} }, nil, "to[0]", "the identity source knows no ghost"},
		"somebody inactive":         {nil, func(w *world) { w.source.Deactivate("ben") }, "to[0]", "Ben is not active, or has left"},
		"somebody who has left":     {nil, func(w *world) { w.applied(access.ClassLeaver, "ben") }, "to[0]", "Ben is not active, or has left"},
		"nobody":                    {func(c *workflows.ReassignInput) { c.To = nil }, nil, "to", "expected 1 to 10 people"},
		"too many":                  {func(c *workflows.ReassignInput) { c.To = many }, nil, "to", "expected 1 to 10 people"},
		"the same twice":            {func(c *workflows.ReassignInput) { c.To = []access.PersonID{"ben", "ben"} }, nil, "to[1]", "is named twice"},
		"an empty id of a person":   {func(c *workflows.ReassignInput) { c.To = []access.PersonID{""} }, nil, "to[0]", "expected the id of a person"},
		"without a reason":          {func(c *workflows.ReassignInput) { c.Reason = "" }, nil, "reason", "expected why"},
		"without an id":             {func(c *workflows.ReassignInput) { c.ID = "" }, nil, "id", "expected the call's id"},
		"a stage that is not there": {func(c *workflows.ReassignInput) { c.Stage = "owner" }, nil, "stage", "no such stage is still to be decided; awaited: Mia (manager)"},
		"an item that is not there": {func(c *workflows.ReassignInput) { c.Items = []access.ItemID{"7"} }, nil, "stage", "no such stage"},
		"after the end":             {nil, func(w *world) { w.decide("mia", access.Deny) }, "state", "the request has ended: denied"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			call := good
			if row.change != nil {
				row.change(&call)
			}
			var got *answer
			// The ticket is away, so that the request still runs when it has ended.
			w.at(30*time.Minute, func() { w.desk.Down(true) })
			w.at(time.Hour, func() {
				if row.before != nil {
					row.before(w)
				}
			})
			w.at(2*time.Hour, func() { got = w.update(workflows.UpdateReassign, call.ID, call) })
			w.at(3*time.Hour, func() { w.desk.Down(false); w.decide("mia", access.Approve) })
			w.run(w.request("wiki/editor"))
			err := got.rejected
			if err == nil {
				err = got.accepted
			}
			require.ErrorContains(t, err, row.text)
			require.Equal(t, row.field, fieldOf(t, err))
			require.Zero(t, has(w.events("r1"), access.EventReassigned))
		})
	}
}

// fieldOf is the field that a refusal names.
func fieldOf(t *testing.T, err error) string {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	var refusals []access.Refusal
	require.NoError(t, app.Details(&refusals))
	require.Len(t, refusals, 1)
	return refusals[0].Field
}

// While the people who were named are looked up, the request may end: the caller is told.
func TestReassign_overtaken(t *testing.T) {
	w := newWorld(t)
	var got *answer
	w.at(time.Hour, func() { w.source.Down(true); got = w.reassign("n1", "ben") })
	w.at(time.Hour+time.Second, func() { w.decide("mia", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
	require.True(t, got.done)
	require.ErrorContains(t, got.accepted, "the request has ended: granted")
}

func TestReassign_source_down(t *testing.T) {
	w := newWorld(t)
	var got *answer
	w.at(time.Hour, func() { w.source.Down(true); got = w.reassign("n1", "ben") })
	w.at(2*time.Hour, func() { require.False(t, got.done); w.source.Down(false) })
	w.at(5*time.Hour, func() { w.decide("ben", access.Approve) })
	result := w.run(w.request("wiki/editor"))
	require.NoError(t, got.accepted)
	require.Equal(t, access.PersonID("ben"), result.View.Decisions[0].By)
}

func TestReassign_stages(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() {
		w.update(workflows.UpdateReassign, "n1", workflows.ReassignInput{
			ID: "n1", By: "adm", To: []access.PersonID{"ben"}, Stage: "owner", Items: []access.ItemID{"2"}, Reason: "on leave",
		})
	})
	var after access.RequestView
	w.at(2*time.Hour, func() { w.decide("mia", access.Approve) })
	w.at(3*time.Hour, func() { after = w.view(); w.decide("ben", access.Approve) })
	result := w.run(w.request("wiki/editor", "wiki/admin"))
	require.Equal(t, []access.PersonID{"ben"}, waitsFor(after))
	require.Equal(t, access.OutcomeGranted, result.Outcome)
}

// What an approver does on the ticket counts from when they were asked.
func TestFollow_on_the_ticket(t *testing.T) {
	t.Run("the new approver moves it", func(t *testing.T) {
		w := newWorld(t)
		w.withFallback("ben")
		w.desk.SetClock(w.env.Now)
		w.at(time.Hour, func() { w.leaves("mia") })
		w.at(2*time.Hour, func() { w.move("ben", access.TicketApproved) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Equal(t, access.ChannelTicket, result.View.Decisions[0].Channel)
	})
	t.Run("not what they did before", func(t *testing.T) {
		w := newWorldWith(t, func(s *access.RequestSettings) {
			s.PollInitialInterval, s.PollMaxInterval = access.Duration(time.Hour), access.Duration(time.Hour)
		})
		w.withFallback("ben")
		w.desk.SetClock(w.env.Now)
		w.at(90*time.Minute, func() { w.move("ben", access.TicketApproved) })
		w.at(91*time.Minute, func() { w.leaves("mia") })
		var after access.RequestView
		w.at(4*time.Hour, func() { after = w.view(); w.decide("ben", access.Deny) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.StateAwaitingApproval, after.State)
		require.Equal(t, access.OutcomeDenied, result.Outcome)
	})
	t.Run("whoever has left moves it", func(t *testing.T) {
		w := newWorld(t)
		w.withFallback("ben")
		w.desk.SetClock(w.env.Now)
		w.at(time.Hour, func() { w.leaves("mia") })
		w.at(2*time.Hour, func() { w.move("mia", access.TicketApproved) })
		w.at(5*time.Hour, func() { w.decide("ben", access.Deny) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeDenied, result.Outcome)
	})
	t.Run("the desk does not tell accounts for a while", func(t *testing.T) {
		w := newWorld(t)
		w.withFallback("ben")
		w.desk.SetClock(w.env.Now)
		w.at(time.Hour, func() { w.desk.Down(true); w.leaves("mia") })
		w.at(4*time.Hour, func() { w.desk.Down(false) })
		w.at(8*time.Hour, func() { w.move("ben", access.TicketApproved) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
	})
	t.Run("the approver leaves while the ticket is being opened", func(t *testing.T) {
		w := newWorld(t)
		w.withFallback("ben")
		w.desk.SetClock(w.env.Now)
		w.desk.FailNext(memory.OpCreateTicket, access.Errorf(access.Transient, "create", "busy"), access.Errorf(access.Transient, "create", "busy"))
		w.at(time.Second, func() { w.leaves("mia") })
		w.at(2*time.Hour, func() { w.move("ben", access.TicketApproved) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.Contains(t, w.ticket().New.Body, "Wiki editor, manager: Ben")
	})
}

// Somebody approves as manager and is named as owner at the same moment: the approval was not for that.
func TestReassign_and_decision_in_one_task(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() {
		w.decide("mia", access.Approve)
		w.update(workflows.UpdateReassign, "n1", workflows.ReassignInput{ID: "n1", By: "adm", To: []access.PersonID{"mia"}, Stage: "owner", Reason: "on leave"})
	})
	var after access.RequestView
	w.at(2*time.Hour, func() { after = w.view(); w.decide("mia", access.Deny) })
	result := w.run(w.request("wiki/admin"))
	require.Equal(t, []access.PersonID{"mia"}, waitsFor(after))
	require.Equal(t, "owner", after.WaitingOn[0].Stage)
	require.Equal(t, access.OutcomeDenied, result.Outcome)
}
