package workflows_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"usher/internal/access"
	"usher/workflows"
)

// A decision that comes before policy has answered, as it does after a reset, is held until it has, and is judged then.
func TestEarlyDecisions(t *testing.T) {
	t.Run("the approver's counts", func(t *testing.T) {
		w := newWorld(t)
		w.source.Down(true)
		var early *answer
		w.at(time.Minute, func() { early = w.decide("mia", access.Approve) })
		w.at(time.Hour, func() {
			require.False(t, early.done)
			w.source.Down(false)
		})
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeGranted, result.Outcome)
		require.NoError(t, early.rejected)
		require.NoError(t, early.accepted)
		require.Len(t, early.view.Decisions, 1)
	})
	t.Run("a stranger's is refused with the reason", func(t *testing.T) {
		w := newWorld(t)
		w.source.Down(true)
		var early *answer
		w.at(time.Minute, func() { early = w.decide("ben", access.Approve) })
		w.at(time.Hour, func() { w.source.Down(false) })
		w.at(2*time.Hour, func() { w.decide("mia", access.Deny) })
		result := w.run(w.request("wiki/editor"))
		require.Equal(t, access.OutcomeDenied, result.Outcome)
		require.NoError(t, early.rejected)
		require.ErrorContains(t, early.accepted, "you are not an approver")
		require.Len(t, result.View.Decisions, 1)
	})
}

// A decision that came early is decided once, though its caller repeats it to a run that has policy's answer and has not judged
// it yet: the run before left in between.
func TestEarlyDecisions_repeated_to_the_next_run(t *testing.T) {
	w := newWorld(t)
	w.at(3*time.Hour, func() {
		w.env.SignalWorkflow(workflows.SignalHint, workflows.Hint{})
		w.env.SetContinueAsNewSuggested(true)
	})
	w.env.ExecuteWorkflow(workflows.AccessRequestType, workflows.AccessRequestParams{Request: w.request("wiki/editor")})
	raw := continued[converter.RawValue](t, w)
	var params map[string]map[string]any
	require.NoError(t, json.Unmarshal(raw.Payload().GetData(), &params))
	early := access.Decision{ID: "d-mia-approve", By: "mia", Verdict: access.Approve, Reason: "because", Evidence: "test", Channel: access.ChannelAPI}
	params["carried"]["early"] = []access.Decision{early}

	w.newRun()
	var repeated *answer
	w.at(0, func() { repeated = w.decide("mia", access.Approve) })
	w.env.ExecuteWorkflow(workflows.AccessRequestType, params)

	require.NoError(t, w.env.GetWorkflowError())
	require.NoError(t, repeated.accepted)
	require.Len(t, repeated.view.Decisions, 1)
	require.Equal(t, 1, w.commented("approved"))
	view, err := w.ledger.View(t.Context(), "r1")
	require.NoError(t, err)
	require.Len(t, view.Decisions, 1)
	require.Equal(t, access.OutcomeGranted, view.State)
	require.Len(t, decidedBy(w.events("r1"), "mia"), 1)
}

// decidedBy returns the recorded decisions of a person.
func decidedBy(events []access.Event, who access.PersonID) []access.Event {
	return slices.DeleteFunc(events, func(e access.Event) bool { return e.Type != access.EventDecided || e.Actor != who })
}
