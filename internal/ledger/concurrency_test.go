package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"usher/internal/access"
	"usher/internal/ledger"
)

const writers = 50

// testManyWriters has every entry recorded by two writers at once, as two processes.
func testManyWriters(t *testing.T, d databases) {
	one, url := d.openWithURL(t)
	other := openAt(t, url)
	group, ctx := errgroup.WithContext(t.Context())
	for w := range writers {
		s := []*ledger.Store{one, other}[w%2]
		group.Go(func() error {
			for n := range 4 {
				own, shared := event("r-shared", 100*(w/2)+n), event(access.RequestID(fmt.Sprintf("r-%d", w)), n)
				if err := s.Record(ctx, access.Entry{Events: []access.Event{own, shared}, View: pointer(view(shared.Request, n))}); err != nil {
					return err
				}
				if _, err := s.Events(ctx, "r-shared"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())

	events, err := one.Events(t.Context(), "r-shared")
	require.NoError(t, err)
	require.Len(t, events, writers/2*4)
	last := map[int]time.Time{}
	for _, e := range events {
		var number int
		_, err := fmt.Sscanf(e.ID, "request/r-shared#%d", &number)
		require.NoError(t, err)
		require.True(t, e.At.After(last[number/100]), "the order of one writer is kept")
		last[number/100] = e.At
	}
	for w := range writers {
		events, err := other.Events(t.Context(), access.RequestID(fmt.Sprintf("r-%d", w)))
		require.NoError(t, err)
		require.Len(t, events, 4)
	}
	requirePositionsGrow(t, d, url)
}

func requirePositionsGrow(t *testing.T, d databases, url string) {
	t.Helper()
	rows, err := d.raw(t, url).QueryContext(t.Context(), `SELECT position FROM events WHERE request_id = 'r-1' ORDER BY at_us`)
	require.NoError(t, err)
	defer rows.Close()
	var positions []int64
	for rows.Next() {
		var position int64
		require.NoError(t, rows.Scan(&position))
		positions = append(positions, position)
	}
	require.NoError(t, rows.Err())
	require.Len(t, positions, 4)
	require.True(t, slices.IsSorted(positions))
	require.Len(t, slices.Compact(positions), 4)
}

func testRacingVersions(t *testing.T, d databases) {
	s := d.open(t)
	group, ctx := errgroup.WithContext(t.Context())
	for version := 1; version <= writers; version++ {
		v, l := view("r-1", version), lease("r-1", "1", version)
		v.WaitingOn[0].Person = access.PersonID(fmt.Sprintf("p-%d", version))
		group.Go(func() error { return s.Record(ctx, access.Entry{View: &v, Lease: &l}) })
	}
	require.NoError(t, group.Wait())
	got, err := s.View(t.Context(), "r-1")
	require.NoError(t, err)
	require.Equal(t, writers, got.Version)
	l, err := s.Lease(t.Context(), "r-1:1")
	require.NoError(t, err)
	require.Equal(t, writers, l.Version)
	for version := 1; version <= writers; version++ {
		page, err := s.Views(t.Context(), ledger.Filter{WaitingOn: access.PersonID(fmt.Sprintf("p-%d", version))})
		require.NoError(t, err)
		require.Equal(t, version == writers, len(page.Views) == 1, "waiting on p-%d", version)
	}
}

func testBusy(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	tx, err := d.raw(t, url).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), d.block)
	require.NoError(t, err)

	short, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	entry := access.Entry{Events: []access.Event{event("r-1", 1)}}
	requireKind(t, access.Transient, s.Record(short, entry))
	require.NoError(t, tx.Rollback())
	record(t, s, entry)
}

func testClosed(t *testing.T, d databases) {
	s, err := ledger.Open(t.Context(), ledger.Config{URL: d.newURL(t)})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	for name, err := range everyCall(t.Context(), s) {
		t.Run(name, func(t *testing.T) { requireKind(t, access.Transient, err) })
	}
}

func testEndedContext(t *testing.T, d databases) {
	s := d.open(t)
	for name, err := range everyCall(ended(t), s) {
		t.Run(name, func(t *testing.T) {
			requireKind(t, access.Transient, err)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
	events, err := s.Events(t.Context(), "r-1")
	require.NoError(t, err)
	require.Empty(t, events)
}

// everyCall returns the error of each method by its name.
func everyCall(ctx context.Context, s *ledger.Store) map[string]error {
	_, view := s.View(ctx, "r-1")
	_, views := s.Views(ctx, ledger.Filter{})
	_, events := s.Events(ctx, "r-1")
	_, lease := s.Lease(ctx, "r-1:1")
	_, leases := s.LeasesOf(ctx, "p-bo")
	_, ticket := s.TicketByID(ctx, "jira", "10")
	_, tickets := s.TicketsOf(ctx, "r-1")
	_, watch := s.Watch(ctx, "jira")
	_, watched := s.WatchedTickets(ctx, "jira", []access.TicketID{"10"})
	_, open := s.OpenTickets(ctx, "jira", "", 1)
	_, live := s.LiveLeases(ctx, "p-bo", "", 1)
	_, subjects := s.LiveSubjects(ctx, "", 1)
	_, user := s.IntegrationUser(ctx, "jira", "u-1")
	_, users := s.IntegrationUsers(ctx, access.IntegrationUsersQuery{Limit: 1})
	_, assigned := s.AssignIncident(ctx, "i-1", group(access.RoundRobin))
	_, known := s.Incident(ctx, "i-1")
	_, incidents := s.Incidents(ctx, access.IncidentsQuery{Limit: 1})
	_, incidentsOf := s.IncidentsOf(ctx, "jira", "u-1", "", 1)
	_, byTicket := s.IncidentsByTicket(ctx, "jira", []access.TicketID{"10"})
	_, counts := s.CountIncidents(ctx, "jira")
	_, unassigned := s.UnassignedIncidents(ctx, "jira", "", 1)
	_, strays := s.StrayIncidents(ctx, "jira", "", 1)
	_, oneDeskEvent := s.DeskEvent(ctx, "e-1")
	_, deskEvents := s.DeskEvents(ctx, access.DeskEventsQuery{Limit: 1})
	return map[string]error{
		"View": view, "Views": views, "Events": events, "Lease": lease, "LeasesOf": leases, "TicketByID": ticket, "TicketsOf": tickets,
		"Watch": watch, "WatchedTickets": watched, "OpenTickets": open, "LiveLeases": live, "LiveSubjects": subjects, "SaveWatch": s.SaveWatch(ctx, access.WatchPosition{Desk: "jira"}),
		"IntegrationUser": user, "IntegrationUsers": users, "AssignIncident": assigned, "Incident": known, "Incidents": incidents,
		"IncidentsOf": incidentsOf, "IncidentsByTicket": byTicket, "UnassignedIncidents": unassigned, "StrayIncidents": strays, "DeskEvent": oneDeskEvent, "DeskEvents": deskEvents, "CountIncidents": counts,
		"SaveIntegrationUser":   s.SaveIntegrationUser(ctx, integrationUser("u-1"), userEvent("u-1", 1)),
		"UpdateIntegrationUser": s.UpdateIntegrationUser(ctx, integrationUser("u-1")),
		"RemoveIntegrationUser": s.RemoveIntegrationUser(ctx, "jira", "u-1", userEvent("u-1", 2)),
		"SaveIncident":          s.SaveIncident(ctx, incident("i-1", 1), deskEvent("i-1", 1)),
		"SaveIncidentsSeen":     s.SaveIncidentsSeen(ctx, "jira", map[access.TicketID]access.SeenChange{"10": {At: noon}}),
		"SaveFingerprints":      s.SaveFingerprints(ctx, "jira", map[access.TicketID]access.TicketFingerprint{"10": {}}),
		"Ping":                  s.Ping(ctx), "Migrate": s.Migrate(ctx), "Record": s.Record(ctx, access.Entry{Events: []access.Event{event("r-1", 1)}}),
	}
}
