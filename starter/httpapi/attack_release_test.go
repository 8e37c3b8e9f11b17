package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// A release for some people only is about rows, and frees nothing of what leavers own. Who names the brake `hand_over` and some people is answered that it is accepted, and
// a run starts. It releases nothing at all: their things stay held, and the administrator believes that they are on their way.
func TestAttackRelease_hand_over_of_some_people(t *testing.T) {
	w := syncWorld(t)
	run := access.SyncRun{
		Desk: "other", Source: "hr", ID: "run-3", BeganAt: peopleDay, Counts: access.SyncCounts{Leavers: 60},
		Holds: []access.PeopleHold{{Brake: "deactivations"}, {Brake: "hand_over", Sentence: "what 60 leavers own would be handed over at once"}},
	}
	require.NoError(t, w.store.BeginSyncRun(t.Context(), run))
	run.Plan, run.Rows = "plan", "rows"
	require.NoError(t, w.store.PlanSyncRows(t.Context(), run, []access.SyncRow{
		{Person: "a", Operation: access.UserDeactivate, User: "7", State: access.SyncHeld, Held: "deactivations", Brakes: []string{"deactivations"}},
	}))
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
	run.EndedAt, run.States = peopleDay.Add(time.Minute), map[access.SyncState]int{access.SyncHeld: 1}
	require.NoError(t, w.store.SaveSyncRun(t.Context(), run))
	got := w.call("adam", "POST", "/v1/desks/other/syncs", `{"release":{"run":"run-3","only":["a"],"brakes":["hand_over"],"reason":"left"}}`)
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
}
