package servicenow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/servicenow"
	"usher/internal/connectors/servicenow/servicenowtest"
)

// An hour without news: 120 polls, and one full scan of the open tickets, a hundred at a time.
const (
	pollsAnHour = 120
	scanned     = 100
)

// hourOf counts the calls of such an hour with so many open tickets. The scan reads some of them, and is counted for all.
func hourOf(t *testing.T, s *site, d *servicenow.Desk, ids []access.TicketID, open int) int {
	t.Helper()
	count := func() int { return len(s.tap.Calls("GET ")) }
	since := time.Now().Add(time.Hour)
	_, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: scanned})
	require.NoError(t, err)
	before := count()
	page, err := d.ChangedTickets(t.Context(), access.ChangesQuery{Since: since, Limit: scanned})
	require.NoError(t, err)
	require.Empty(t, page.Tickets)
	polls := (count() - before) * pollsAnHour
	// What the scan of the hour before has read is known.
	_, err = d.ReadTickets(t.Context(), ids[:min(open, scanned)])
	require.NoError(t, err)
	before = count()
	read, err := d.ReadTickets(t.Context(), ids[:min(open, scanned)])
	require.NoError(t, err)
	require.Empty(t, read.Missing)
	scan := (count() - before) * max(open/scanned, 1)
	// The account is proved once a minute while nothing changes.
	const proofs = 60
	return polls + scan + proofs
}

// TestCallsAnHour: how many calls an hour costs must not grow with the open tickets as they do.
func TestCallsAnHour(t *testing.T) {
	for _, approvals := range []bool{false, true} {
		t.Run(fmt.Sprintf("approvals %t", approvals), func(t *testing.T) {
			s := newSite(t, incidents, servicenowtest.Config{})
			s.faults(anHourAgo)
			d := s.desk(t, func(c *servicenow.Config) { c.Approvals = approvals })
			var ids []access.TicketID
			for n := range scanned {
				one := ticket()
				one.Marker = access.Marker(fmt.Sprintf("usher-r%d", n))
				ref, err := d.CreateTicket(t.Context(), one)
				require.NoError(t, err)
				ids = append(ids, ref.ID)
			}
			few, many := hourOf(t, s, d, ids, 10), hourOf(t, s, d, ids, 10_000)
			t.Logf("desk calls an hour: %d at 10 open tickets, %d at 10,000, ratio %.2f", few, many, float64(many)/float64(few))
			require.LessOrEqual(t, many, 3*few)
		})
	}
}

// anHourAgo lets everything that happens on the fake have happened an hour ago.
func anHourAgo(f *servicenowtest.Faults) { f.ClockSkewSeconds = -3600 }

// The history of a ticket that rests is asked once, and again when the ticket has changed.
func TestHistory_known(t *testing.T) {
	for name, row := range map[string]struct {
		kind   kindOfTicket
		rests  bool
		second int
	}{
		"an incident that rests":        {incidents, true, 0},
		"an incident that changed":      {incidents, false, 1},
		"a requested item that rests":   {items, true, 1},
		"a requested item that changed": {items, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, row.kind, servicenowtest.Config{})
			if row.rests {
				s.faults(anHourAgo)
			}
			d := s.desk(t, nil)
			mia := s.person(access.Person{ID: "mia", Email: "mia@example.test"})
			ref := open(t, d)
			audits := func() int { return len(s.tap.Calls("GET /sys_audit")) }
			_, err := d.ReadTicket(t.Context(), ref.ID)
			require.NoError(t, err)
			before := audits()
			_, err = d.ReadTickets(t.Context(), []access.TicketID{ref.ID})
			require.NoError(t, err)
			require.Equal(t, row.second, min(audits()-before, 1))

			require.NoError(t, s.MoveAs(string(mia), string(ref.ID), "Approved"))
			now, err := d.ReadTicket(t.Context(), ref.ID)
			require.NoError(t, err)
			require.Equal(t, mia, now.StatusChangedBy)
			require.Len(t, now.DecisionMoves, 1)
		})
	}
}
