package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// closings has the desk's worker count the calls that record the outcome first, and notes what the ledger has when the ticket
// is closed.
type closings struct {
	*runs
	// unavailable has the ledger not answer the first such call.
	unavailable bool
	// knows is true where the desk's worker knows the ledger.
	knows bool
	// firsts counts the calls, and early is how often a ticket was closed before its outcome was recorded.
	firsts, early int
}

// update plays UpdateTicket.
func (c *closings) update(ctx context.Context, u activities.UpdateTicketInput) (activities.UpdateTicketResult, error) {
	desk := &activities.Desk{Port: closingDesk{c.desk, c}, Now: c.env.Now}
	if c.knows {
		desk.Ledger = c.ledger
	}
	if len(u.First) > 0 {
		c.firsts++
		if c.unavailable {
			desk.Ledger = nil
		}
	}
	return desk.UpdateTicket(ctx, u)
}

// closingDesk is the desk, which looks into the ledger before it closes a ticket.
type closingDesk struct {
	access.ServiceDesk
	c *closings
}

// TransitionTicket implements access.TicketWriter.
func (d closingDesk) TransitionTicket(ctx context.Context, id access.TicketID, to access.TicketPhase) error {
	if to.Closed() && has(d.c.events("r1"), access.EventEnded) == 0 {
		d.c.early++
	}
	return d.ServiceDesk.TransitionTicket(ctx, id, to)
}

// The ledger has the outcome before the ticket shows it, whoever records it, and once.
func TestOutcome_recorded_before_the_ticket_shows_it(t *testing.T) {
	for name, row := range map[string]struct {
		unavailable, edge bool
		verdict           access.Verdict
		firsts            int
	}{
		"by the call that closes the ticket":               {false, false, access.Approve, 1},
		"though the ledger does not answer that call":      {true, false, access.Approve, 1},
		"by a call of its own, when a caller waits":        {false, false, access.Deny, 0},
		"where the desk's worker does not know the ledger": {false, true, access.Approve, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &closings{runs: requestRuns(t, quietTerms), unavailable: row.unavailable, knows: !row.edge}
			c.each(func() {
				c.replace("UpdateTicket", c.update)
				if row.edge {
					c.replace("OpenTicket", (&activities.Desk{Port: c.desk, Now: c.env.Now}).OpenTicket)
				}
			})
			// Nobody waits for an answer any more when the lease is active.
			grants := c.entity
			c.entity = func(e access.LeaseSpec) { c.env.RegisterDelayedCallback(func() { grants(e) }, time.Minute) }
			c.at(time.Hour, func() { c.decide("mia", row.verdict) })
			c.mustEndBy(2 * day)
			require.True(t, c.outcomeOf(c.request("wiki/editor")).Outcome.Ended())
			require.Equal(t, 1, has(c.events("r1"), access.EventEnded))
			require.Equal(t, 1, has(c.events("r1"), access.EventTicketClosed))
			require.True(t, c.ticket().Phase.Closed())
			require.Zero(t, c.early)
			require.Equal(t, row.firsts, c.firsts)
		})
	}
}

// A desk that has lost its worker keeps the outcome from nobody but the ticket.
func TestOutcome_recorded_without_a_desk_worker(t *testing.T) {
	r := requestRuns(t, quietTerms)
	queue := workflows.DeskQueue("jira")
	grants := r.entity
	r.entity = func(e access.LeaseSpec) { r.env.RegisterDelayedCallback(func() { grants(e) }, time.Minute) }
	r.approves(time.Hour, "mia")
	r.at(time.Hour+30*time.Second, func() { r.server.removeWorker(queue) })
	r.at(time.Hour+5*time.Minute, func() {
		require.Equal(t, 1, has(r.events("r1"), access.EventEnded))
		view, err := r.ledger.View(t.Context(), "r1")
		require.NoError(t, err)
		require.Equal(t, access.OutcomeGranted, view.State)
		require.False(t, r.ticket().Phase.Closed())
	})
	r.at(5*time.Hour, func() { r.server.addWorker(queue) })
	r.mustEndBy(2 * day)
	require.Equal(t, access.OutcomeGranted, r.outcomeOf(r.request("wiki/editor")).Outcome)
	require.Equal(t, access.TicketDone, r.ticket().Phase)
	require.Equal(t, 1, has(r.events("r1"), access.EventEnded))
}
