package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// A read of the ticket whose answer comes after usher has closed it shows a ticket that no longer is: nobody has opened it
// again.
func TestOvertakenRead(t *testing.T) {
	w := newWorldWith(t, quietTerms)
	desk, reads := &activities.Desk{Port: w.desk}, 0
	w.replace("ReadTicket", func(ctx context.Context, c activities.ReadTicketInput) (activities.ReadTicketResult, error) {
		look, err := desk.ReadTicket(ctx, c)
		if reads++; reads > 1 {
			return look, err
		}
		token := activity.GetInfo(ctx).TaskToken
		w.env.RegisterDelayedCallback(func() { _ = w.env.CompleteActivity(token, look, err) }, time.Minute)
		return activities.ReadTicketResult{}, activity.ErrResultPending
	})
	w.at(time.Hour, func() {
		w.move("ben", access.TicketApproved)
		w.signal(workflows.SignalHint, workflows.Hint{})
	})
	w.at(time.Hour+10*time.Second, func() { w.decide("mia", access.Approve) })
	w.at(time.Hour+30*time.Second, func() { require.Equal(t, access.TicketDone, w.ticket().Phase) })
	require.Equal(t, access.OutcomeGranted, w.run(w.request("wiki/editor")).Outcome)
	require.Equal(t, 2, reads, "the ticket is read again")
	require.Zero(t, has(w.events("r1"), access.EventTicketChanged))
	require.Len(t, w.desk.Comments(w.ticket().Ref.ID), 2, "the decision and the outcome")
}
