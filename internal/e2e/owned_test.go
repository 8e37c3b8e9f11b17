package e2e_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// TestHandOver: the ticket of somebody who leaves goes to the manager; a link that an administrator takes away is found anew.
func TestHandOver(t *testing.T) {
	t.Parallel()
	for name, desk := range map[string]settings{"jira data_center": dataCenter(), "servicenow": {desk: stack.ServiceNow}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, desk)
			ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
			defer cancel()
			c.hires(0, 20)
			c.listed(ctx, t, stack.PeopleStart{})
			c.syncs(ctx, t, stack.SyncStart{})
			c.handsOver(ctx, t)
			c.unlinks(ctx, t)
		})
	}
}

// handsOver has person 12 leave, who has a ticket, and returns the run that hands it to person 1.
func (c *crew) handsOver(ctx context.Context, t *testing.T) access.SyncRun {
	t.Helper()
	ticket, err := c.OpenTicketFor(ctx, loginOf(12))
	require.NoError(t, err)
	stays, err := c.OpenTicketFor(ctx, loginOf(13))
	require.NoError(t, err)
	c.change(12, func(e *stack.Employee) { e.Left = true })
	c.listed(ctx, t, stack.PeopleStart{})
	run := c.syncs(ctx, t, stack.SyncStart{})
	require.False(t, c.user(ctx, t, 12).Active)
	require.NotNil(t, run.HandOver)
	require.Equal(t, map[string]access.OwnedCounts{stack.OwnedTickets: {HandedOver: 1}}, run.HandOver.Kinds)
	for n, id := range map[int]string{1: ticket, 13: stays} {
		owner, err := c.TicketOwner(ctx, id)
		require.NoError(t, err)
		require.Equal(t, c.user(ctx, t, n).ID, owner)
	}
	return run
}

// unlinks takes the link of person 5 away. The next run links the two again, by the person's id.
func (c *crew) unlinks(ctx context.Context, t *testing.T) {
	t.Helper()
	const id = "unlink-5"
	user := c.user(ctx, t, 5)
	_, err := c.Unlink(ctx, "mia", access.PersonID(number(5)), id)
	require.ErrorContains(t, err, "403")
	for range 2 {
		unlinked, err := c.Unlink(ctx, stack.Auditor, access.PersonID(number(5)), id)
		require.NoError(t, err)
		require.Equal(t, access.UserID(user.ID), unlinked)
	}
	run := c.syncs(ctx, t, stack.SyncStart{})
	require.Equal(t, map[access.UserOperation]int{access.UserLink: 1}, run.Counts.Operations)
	require.Equal(t, user, c.user(ctx, t, 5))
}
