package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// deskEventCases are the promises about the audit trail of integration users and incidents.
func deskEventCases() []suiteCase {
	return []suiteCase{
		{"pages of desk events are the whole, while others are recorded", testDeskEventPages},
		{"a desk event stays as it was first recorded, and the database refuses to change it", testDeskEvents},
		{"a user, an incident or a desk event whose id cannot be kept is refused by field", testDeskKeys},
	}
}

// deskEvent is the n-th event of an incident.
func deskEvent(incident access.IncidentID, n int) access.DeskEvent {
	return access.DeskEvent{
		ID: fmt.Sprintf("incident/%s#%d", incident, n), Desk: "jira", Incident: incident, User: "u-1", Type: access.DeskIncidentAssigned,
		At: noon.Add(time.Duration(n) * time.Microsecond), Actor: "p-mara", Evidence: "oidc https://id.example sub", Text: "Zoë got it.",
	}
}

// deskEvents returns the events of a desk or an incident, the last recorded first.
func deskEvents(t testing.TB, s *ledger.Store, q access.DeskEventsQuery) []access.DeskEvent {
	t.Helper()
	var events []access.DeskEvent
	for _, placed := range placedEvents(t, s, q, access.MaxIncidents) {
		events = append(events, placed.DeskEvent)
	}
	return events
}

func placedEvents(t testing.TB, s *ledger.Store, q access.DeskEventsQuery, limit int) []access.PlacedDeskEvent {
	t.Helper()
	q.Limit = limit
	return pages(t, limit, func(last *access.PlacedDeskEvent) ([]access.PlacedDeskEvent, error) {
		if last != nil {
			q.Before = last.Place
		}
		return s.DeskEvents(t.Context(), q)
	})
}

func testDeskEvents(t *testing.T, d databases) {
	s, url := d.openWithURL(t)
	require.Empty(t, deskEvents(t, s, access.DeskEventsQuery{}))
	local := deskEvent("i-1", 1)
	local.At = local.At.In(time.FixedZone("far away", 5*3600))
	bare := access.DeskEvent{ID: "bare", Type: access.DeskUserAdded, At: noon}
	require.NoError(t, s.SaveIncident(t.Context(), incident("i-1", 1), local, bare, local))
	other := deskEvent("i-1", 1)
	other.Text = "Another sentence."
	require.NoError(t, s.SaveIncident(t.Context(), incident("i-1", 1), other, deskEvent("i-1", 2)))
	want := []access.DeskEvent{deskEvent("i-1", 2), bare, deskEvent("i-1", 1)}
	require.Equal(t, want, deskEvents(t, s, access.DeskEventsQuery{}), "an event that is there already stays as it was")
	for _, e := range want {
		got, err := s.DeskEvent(t.Context(), e.ID)
		require.NoError(t, err)
		require.Equal(t, e, got)
	}
	for _, id := range []string{"", "incident/i-1", "e\x00"} {
		_, err := s.DeskEvent(t.Context(), id)
		requireKind(t, access.NotFound, err)
	}
	for _, statement := range []string{
		`UPDATE desk_events SET body = '{}'`, `UPDATE desk_events SET actor_id = 'p-eve' WHERE incident_id = 'i-1'`,
		`DELETE FROM desk_events`, `DELETE FROM desk_events WHERE id = 'incident/i-1#1'`,
	} {
		require.ErrorContains(t, d.exec(t, url, statement), "desk events are append-only", statement)
	}
	require.Equal(t, want, deskEvents(t, s, access.DeskEventsQuery{}))
}

func testDeskEventPages(t *testing.T, d databases) {
	s := d.open(t)
	const count = 23
	var all []access.DeskEvent
	for n := range count {
		e := deskEvent(access.IncidentID(fmt.Sprint("i-", n%3)), n)
		e.Desk = access.DeskName([]string{"jira", "servicenow"}[n%2])
		all = append(all, e)
	}
	require.NoError(t, s.SaveIncident(t.Context(), incident("i-0", 1), all...))
	slices.Reverse(all)
	for _, q := range []access.DeskEventsQuery{{}, {Desk: "jira"}, {Incident: "i-1"}, {Desk: "servicenow", Incident: "i-2"}, {Desk: "none"}, {Incident: "i\x00"}} {
		wanted := slices.DeleteFunc(slices.Clone(all), func(e access.DeskEvent) bool {
			return (q.Desk != "" && e.Desk != q.Desk) || (q.Incident != "" && e.Incident != q.Incident)
		})
		whole := placedEvents(t, s, q, count)
		require.Len(t, whole, len(wanted))
		for i, placed := range whole {
			require.Equal(t, wanted[i], placed.DeskEvent)
		}
		for limit := 1; limit <= count+1; limit++ {
			require.Equal(t, whole, placedEvents(t, s, q, limit), "pages of %d", limit)
		}
	}
	first, err := s.DeskEvents(t.Context(), access.DeskEventsQuery{Limit: 5})
	require.NoError(t, err)
	require.NoError(t, s.SaveIncident(t.Context(), incident("i-0", 1), deskEvent("i-0", 100)))
	second, err := s.DeskEvents(t.Context(), access.DeskEventsQuery{Limit: 1, Before: first[4].Place})
	require.NoError(t, err)
	require.Equal(t, all[5], second[0].DeskEvent)
	for _, limit := range []int{-1, 0, access.MaxIncidents + 1} {
		_, err := s.DeskEvents(t.Context(), access.DeskEventsQuery{Limit: limit})
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, "limit: ")
	}
}

func testDeskKeys(t *testing.T, d databases) {
	s := d.open(t)
	for what, test := range map[string]func(*testing.T, *ledger.Store){
		"a desk event": testDeskEventKeys, "an incident": testIncidentKeys, "an integration user": testIntegrationUserKeys,
	} {
		t.Run(what, func(t *testing.T) { test(t, s) })
	}
	require.Empty(t, register(t, s))
	require.Empty(t, deskEvents(t, s, access.DeskEventsQuery{}))
	_, err := s.Incident(t.Context(), "i-1")
	requireKind(t, access.NotFound, err)
}

func testDeskEventKeys(t *testing.T, s *ledger.Store) {
	for field, change := range map[string]func(*access.DeskEvent){
		"events[1].id":       func(e *access.DeskEvent) { e.ID = "" },
		"events[1].type":     func(e *access.DeskEvent) { e.Type = "" },
		"events[1].desk":     func(e *access.DeskEvent) { e.Desk = "\x00" },
		"events[1].incident": func(e *access.DeskEvent) { e.Incident = "\xff" },
		"events[1].user":     func(e *access.DeskEvent) { e.User = access.UserID(strings.Repeat("u", 513)) },
		"events[1].actor":    func(e *access.DeskEvent) { e.Actor = "p\x00" },
	} {
		bad := deskEvent("i-1", 2)
		change(&bad)
		err := s.SaveIncident(t.Context(), incident("i-1", 1), deskEvent("i-1", 1), bad)
		requireKind(t, access.Invalid, err)
		require.ErrorContains(t, err, field+": ")
	}
}

// TestSQLite_keeps_the_first_desk_event: SQLite can replace a row without telling the trigger that refuses to remove one.
func TestSQLite_keeps_the_first_desk_event(t *testing.T) {
	d := onSQLite()
	s, url := d.openWithURL(t)
	require.NoError(t, s.SaveIncident(t.Context(), incident("i-1", 1), deskEvent("i-1", 1)))
	for _, values := range []string{`9, 'incident/i-1#1'`, `1, 'another'`} {
		require.NoError(t, d.exec(t, url, `INSERT OR REPLACE INTO desk_events (position, id, desk, incident_id, user_id, type, at_us, actor_id, body)
			VALUES (`+values+`, '', '', '', 'x', 0, '', '{}')`))
	}
	require.Equal(t, []access.DeskEvent{deskEvent("i-1", 1)}, deskEvents(t, s, access.DeskEventsQuery{}))
}
