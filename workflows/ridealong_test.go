package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

func TestFullScan_held_scan_waits_for_next(t *testing.T) {
	l := newLookout(t)
	refs := l.opens(30)
	l.at(10*time.Minute, func() {
		for _, ref := range refs[:12] {
			require.NoError(t, l.desk.Delete(ref.ID))
		}
	})
	l.watches(12 * time.Hour)
	require.Less(t, l.desk.Calls(memory.OpReadTickets), 50, "a sweep an hour, and some repetitions")
	require.Less(t, l.desk.Calls(memory.OpChangedTickets), 1500, "a round every thirty seconds")
}

func TestReplacedTicket_is_not_read(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.at(time.Hour, func() {
		ref := w.ticket().Ref
		require.NoError(t, w.desk.Delete(ref.ID))
		w.env.SignalWorkflow(workflows.SignalTicketChanged, access.TicketChange{Missing: true, Snapshot: access.TicketSnapshot{Ref: ref}})
	})
	w.at(2*time.Hour, func() {
		open, err := w.ledger.OpenTickets(t.Context(), "jira", "", 100)
		require.NoError(t, err)
		require.Equal(t, []access.TicketID{w.desk.Tickets()[1].Ref.ID}, open)
		w.decide("mia", access.Approve)
	})
	w.run(w.request("wiki/editor"))
}

func TestOpenTicket_recorded_once(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	desk, lost := &activities.Desk{Port: w.desk, Ledger: w.ledger, Now: w.env.Now}, false
	w.replace("OpenTicket", func(ctx context.Context, c activities.OpenTicketInput) (activities.OpenTicketResult, error) {
		opened, err := desk.OpenTicket(ctx, c)
		if !lost {
			lost = true
			return activities.OpenTicketResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
		}
		return opened, err
	})
	w.at(time.Hour, func() { w.decide("mia", access.Approve) })
	w.run(w.request("wiki/editor"))
	require.Len(t, texts(w.events("r1"), access.EventTicketOpened), 1)
}

func TestRecord_while_a_write_waits(t *testing.T) {
	w := newWorldWith(t, watchSettings)
	w.at(time.Hour, func() {
		w.desk.Down(true)
		w.decide("mia", access.Approve)
	})
	w.at(time.Hour+20*time.Second, func() { w.decide("omar", access.Approve) })
	w.at(time.Hour+80*time.Second, func() {
		require.Equal(t, access.OutcomeGranted, w.view().State)
		require.Equal(t, 1, has(w.events("r1"), access.EventEnded))
	})
	w.at(3*time.Hour, func() { w.desk.Down(false) })
	w.run(w.request("wiki/admin"))
}
