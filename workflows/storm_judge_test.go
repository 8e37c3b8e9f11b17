package workflows_test

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
)

// judge demands, in a calm hour, what a person's workflow promises.
func (p *personStorm) judge() {
	p.say("judged")
	rows, err := p.holder.ledger.LeasesOf(p.t.Context(), "ana")
	require.NoError(p.t, err)
	now := p.runs.env.Now()
	byID := map[access.LeaseID]access.LeaseView{}
	for _, row := range rows {
		byID[row.Lease.ID] = row
		p.judgeRow(row, now)
	}
	for _, c := range p.claims {
		row, known := byID[c.wish.Lease.ID]
		p.judgeClaim(c, row, known)
	}
	p.judgeMembers(rows)
	p.judgeRemovals(byID)
}

// judgeRow demands that a lease is where it shall be.
func (p *personStorm) judgeRow(row access.LeaseView, now time.Time) {
	id := row.Lease.ID
	byHand := isByHand(row)
	switch row.State {
	case access.LeaseActive:
		require.Equal(p.t, access.Present, row.DesiredState, "%s is held", id)
		require.False(p.t, row.EndsAt != nil && row.EndsAt.Before(now), "%s is held, its time is over since %s", id, row.EndsAt)
		if b := row.Lease.Binding; b != nil && !p.taken[b.Role] {
			require.Contains(p.t, p.runs.target.Members(b.Role), access.PersonID("ana"), "%s is held", id)
		}
	case access.LeaseRevoking:
		require.True(p.t, byHand, "%s is being revoked for hours: %s", id, row.Problem)
	case access.LeaseGranting:
		require.Fail(p.t, "a grant takes hours", "%s: %s", id, row.Problem)
	case access.LeaseEnded:
	}
}

// judgeClaim demands that a request has what it asks for, and its answer.
func (p *personStorm) judgeClaim(c *claim, row access.LeaseView, known bool) {
	if !c.sent || c.ended || c.refused {
		return
	}
	require.True(p.t, c.answered() || !c.approved, "%s revision %d is answered: %+v", c.name, c.wish.Revision, c.heard)
	if c.wish.DesiredState == access.Absent || !c.approved {
		require.False(p.t, known && row.State == access.LeaseActive, "%s is held", c.name)
		return
	}
	require.True(p.t, known, "%s is in the ledger", c.name)
	if row.State != access.LeaseActive {
		return
	}
	window, granted := c.wish.Window, row.GrantedAt
	switch {
	case window.Until != nil:
		require.NotNil(p.t, row.EndsAt, "%s has an end", c.name)
		require.WithinDuration(p.t, *window.Until, *row.EndsAt, time.Second, "the end of %s", c.name)
	case window.Duration > 0:
		require.NotNil(p.t, row.EndsAt, "%s has an end", c.name)
		require.WithinDuration(p.t, granted.Add(window.Duration.Std()), *row.EndsAt, time.Second, "the end of %s", c.name)
	default:
		require.Nil(p.t, row.EndsAt, "%s has no end", c.name)
	}
}

// judgeMembers demands a reason for each role that ana holds, and that what she had stays where it shall.
func (p *personStorm) judgeMembers(rows []access.LeaseView) {
	for _, role := range []string{"wiki-editors", "wiki-admins", "vault"} {
		member := slices.Contains(p.runs.target.Members(role), "ana")
		about := slices.DeleteFunc(slices.Clone(rows), func(row access.LeaseView) bool {
			return row.Lease.Title != role || row.GrantedAt == nil
		})
		live := slices.ContainsFunc(about, func(row access.LeaseView) bool { return row.State != access.LeaseEnded })
		switch {
		case p.taken[role] || live:
		case p.gone[role]:
			require.False(p.t, member, "ana has left, and holds %s", role)
		case p.had[role] && slices.ContainsFunc(about, func(row access.LeaseView) bool { return row.Lease.Binding == nil }):
			// What a human grants where usher cannot read it is not read before: usher cannot know that it was there.
		case p.had[role] && (p.keeps[role] || len(about) == 0):
			require.True(p.t, member, "ana held %s before, and usher has no reason to take it away", role)
		default:
			require.False(p.t, member, "ana holds %s, and no lease says so", role)
		}
	}
}

func isByHand(row access.LeaseView) bool { return row.Lease.Fulfilment == access.FulfilmentManual }

// judgeRemovals demands that nobody is asked to remove what is not to be removed. A run that is lost forgets which tickets it
// was about to close: after one, an open ticket of a lease that has ended proves nothing.
func (p *personStorm) judgeRemovals(byID map[access.LeaseID]access.LeaseView) {
	if p.everLost {
		return
	}
	p.removals(func(t memory.DeskTicket) {
		id := access.LeaseID(strings.TrimPrefix(string(t.New.Marker), string(access.RemovalMarkerOf(""))))
		if t.StatusChangedBy == "" || t.StatusChangedBy == memory.DeskSelf {
			require.Equal(p.t, access.LeaseRevoking, byID[id].State, "the removal ticket of %s is open", id)
		}
	})
}

// judgeEnd demands that nothing is left.
func (p *personStorm) judgeEnd() {
	p.say("the end")
	rows, err := p.holder.ledger.LeasesOf(p.t.Context(), "ana")
	require.NoError(p.t, err)
	byID := map[access.LeaseID]access.LeaseView{}
	for _, row := range rows {
		byID[row.Lease.ID] = row
		require.Equal(p.t, access.LeaseEnded, row.State, "%s at the end", row.Lease.ID)
	}
	require.Empty(p.t, p.runs.target.Members("anchor"))
	p.judgeMembers(rows)
	p.judgeRemovals(byID)
	for _, c := range p.claims {
		require.True(p.t, c.ended || c.answered() || !c.sent, "%s is answered at the end: %+v", c.name, c.heard)
	}
}
