package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

func runEventCases() []suiteCase {
	return []suiteCase{
		{"the start of a run over people by hand, and its release, is an event", testPeopleStartEvents},
		{"the start of a run over users by hand, and its release, is an event", testSyncStartEvents},
		{"events from before sources had some stay as they were", testEventsBeforeSources},
	}
}

func testPeopleStartEvents(t *testing.T, d databases) {
	s := d.open(t)
	night := begunRun(t, s, "night", peopleDay)
	require.NoError(t, s.ApplyPeople(t.Context(), night, []access.PersonChange{
		{Person: "a", Class: access.ClassLeaver, Held: "leavers"},
		{Person: "b", Class: access.ClassLeaver, Held: "leavers"},
		{Person: "c", Class: access.ClassMissing, Held: "shrunk"},
		{Person: "d", Class: access.ClassJoiner},
	}))
	endedRun(t, s, night)
	events := func() []access.DeskEvent { return deskEvents(t, s, access.DeskEventsQuery{Source: "hr"}) }
	require.Empty(t, events(), "its schedule started it")

	hand := peopleRun("by-hand", peopleDay.Add(time.Hour))
	hand.By, hand.Evidence = "adam", "a token"
	for range 2 {
		require.NoError(t, s.BeginPeopleRun(t.Context(), hand))
	}
	started := access.DeskEvent{
		ID: "people/hr/by-hand#started", Source: "hr", Run: "by-hand", Type: access.DeskPeopleRunStarted, At: hand.BeganAt, Actor: "adam",
		Evidence: "a token", Text: "The run by-hand over the people of hr was started by hand.",
	}
	require.Equal(t, []access.DeskEvent{started}, events())
	refused := peopleRun("second", peopleDay.Add(2*time.Hour))
	refused.By, refused.Release = "adam", &access.PeopleRelease{Run: "night", Reason: "x"}
	require.Equal(t, access.Conflict, access.KindOf(s.BeginPeopleRun(t.Context(), refused)))
	require.Len(t, events(), 1, "what does not begin releases nothing")
	hand.Plan = "by-hand"
	require.NoError(t, s.SavePeopleRun(t.Context(), hand))
	endedRun(t, s, hand)

	for i, row := range []struct {
		release access.PeopleRelease
		held    map[string]int
		text    string
	}{
		{
			access.PeopleRelease{Run: "night", Reason: "the plant closes."},
			map[string]int{"leaver": 2, "missing": 1},
			"The run r0 releases what the run night over the people of hr held back (2 leaver, 1 missing), of all brakes, for everybody whom they hold: the plant closes.",
		},
		{
			access.PeopleRelease{Run: "night", Brakes: []string{"leavers"}, People: []access.PersonID{"a", "c"}, Reason: "left"},
			map[string]int{"leaver": 1, "missing": 1},
			"The run r1 releases what the run night over the people of hr held back (1 leaver, 1 missing), of the brakes leavers, for a, c: left.",
		},
		{
			access.PeopleRelease{Run: "none", People: []access.PersonID{"\x00"}, Reason: "x"},
			nil,
			"The run r2 releases what the run none over the people of hr held back (nothing), of all brakes, for \x00: x.",
		},
	} {
		run := peopleRun([]string{"r0", "r1", "r2"}[i], peopleDay.Add(time.Duration(3+i)*time.Hour))
		run.Release = &row.release
		require.NoError(t, s.BeginPeopleRun(t.Context(), run))
		said := events()[0]
		require.Equal(t, access.DeskPeopleRunReleases, said.Type)
		require.Equal(t, row.release, *said.Release)
		require.Equal(t, row.held, said.Held)
		require.Equal(t, row.text, said.Text)
		require.Empty(t, said.Actor, "nobody knows who started the workflow, and it is told all the same")
		run.Plan, run.EndedAt = run.ID, run.BeganAt.Add(time.Minute)
		run.Problem = "enough"
		require.NoError(t, s.SavePeopleRun(t.Context(), run))
	}
	require.Empty(t, deskEvents(t, s, access.DeskEventsQuery{Source: "crm"}))
	require.Empty(t, deskEvents(t, s, access.DeskEventsQuery{Desk: "hr"}))
	bad := peopleRun("bad", peopleDay.Add(9*time.Hour))
	bad.By = "a\x00"
	require.Equal(t, access.Invalid, access.KindOf(s.BeginPeopleRun(t.Context(), bad)))
	_, err := s.OpenPeopleRun(t.Context(), "hr")
	require.Equal(t, access.NotFound, access.KindOf(err), "a run whose event cannot be kept does not begin")
}

func testSyncStartEvents(t *testing.T, d databases) {
	s := d.open(t)
	row := func(person access.PersonID, operation access.UserOperation, state access.SyncState) access.SyncRow {
		return access.SyncRow{Person: person, Operation: operation, State: state}
	}
	night := plannedSync(t, s, begunSync(t, s, "night", peopleDay),
		row("a", access.UserDeactivate, access.SyncHeld), row("b", access.UserDeactivate, access.SyncHeld), row("c", access.UserUpdate, access.SyncHeld),
		row("d", access.UserCreate, access.SyncApplied))
	endedSync(t, s, night)
	braked := plannedSync(t, s, begunSync(t, s, "braked", peopleDay.Add(5*time.Minute)))
	braked.Holds, braked.Counts.Leavers = []access.PeopleHold{{Brake: string(access.UserHandOver)}}, 7
	endedSync(t, s, braked)
	require.Empty(t, deskEvents(t, s, access.DeskEventsQuery{Desk: "it"}))
	many := make([]access.PersonID, 12)
	for i := range many {
		many[i] = access.PersonID("abcdefghijkl"[i : i+1])
	}
	for i, c := range []struct {
		change func(*access.SyncRun)
		held   map[string]int
		text   string
	}{
		{func(*access.SyncRun) {}, nil, "The run r over the users of it was started by hand."},
		{func(r *access.SyncRun) { r.Dry, r.Scope.Person = true, "a" }, nil, "The dry run r over the users of it was started by hand, for the person a."},
		{
			func(r *access.SyncRun) { r.Scope.Attribute, r.Scope.Value = "department", "Research" }, nil,
			"The run r over the users of it was started by hand, for people with department Research.",
		},
		{
			func(r *access.SyncRun) { r.Release = &access.PeopleRelease{Run: "night", Reason: "left"} },
			map[string]int{"deactivate": 2, "update": 1},
			"The run r releases what the run night over the users of it held back (2 deactivate, 1 update), of all brakes, for everybody whom they hold: left.",
		},
		{
			func(r *access.SyncRun) { r.Release = &access.PeopleRelease{Run: "night", People: many, Reason: "left"} },
			map[string]int{"deactivate": 2, "update": 1},
			"The run r releases what the run night over the users of it held back (2 deactivate, 1 update), of all brakes, for a, b, c, d, e, f, g, h, i, j and 2 more: left.",
		},
		{
			func(r *access.SyncRun) {
				r.Source, r.Release = "hr", &access.PeopleRelease{Run: "braked", Reason: "left"}
			},
			map[string]int{"hand_over": 7},
			"The run r releases what the run braked over the users of it held back (7 hand_over), of all brakes, for everybody whom they hold: left.",
		},
		{
			func(r *access.SyncRun) {
				r.Source, r.Release = "other", &access.PeopleRelease{Run: "braked", Reason: "left"}
			},
			nil,
			"The run r releases what the run braked over the users of it held back (nothing), of all brakes, for everybody whom they hold: left.",
		},
		{
			func(r *access.SyncRun) { r.Release = &access.PeopleRelease{Run: "none", Reason: "left"} }, nil,
			"The run r releases what the run none over the users of it held back (nothing), of all brakes, for everybody whom they hold: left.",
		},
	} {
		run := access.SyncRun{Desk: "it", ID: "r", BeganAt: peopleDay.Add(time.Duration(i+1) * time.Hour), By: "adam", Evidence: "a token"}
		c.change(&run)
		run.ID = fmt.Sprint("r", i)
		require.NoError(t, s.BeginSyncRun(t.Context(), run))
		require.NoError(t, s.BeginSyncRun(t.Context(), run), "again")
		said := deskEvents(t, s, access.DeskEventsQuery{Desk: "it"})
		require.Len(t, said, i+1)
		require.Equal(t, access.PersonID("adam"), said[0].Actor)
		require.Equal(t, run.ID, said[0].Run)
		require.Equal(t, run.Scope.Person, said[0].Person)
		require.Equal(t, run.Release, said[0].Release)
		require.Equal(t, c.held, said[0].Held)
		require.Equal(t, strings.Replace(c.text, " r ", " "+run.ID+" ", 1), said[0].Text)
		run.EndedAt, run.Problem = run.BeganAt.Add(time.Minute), "enough"
		require.NoError(t, s.SaveSyncRun(t.Context(), run))
	}
}

func testEventsBeforeSources(t *testing.T, d databases) {
	url := d.newURL(t)
	s := openAt(t, url)
	d.migrateTo(t, url, 10)
	require.NoError(t, d.exec(t, url, `INSERT INTO desk_events (id, desk, incident_id, user_id, type, at_us, actor_id, body)
		VALUES ('e1', 'jira', '', 'u1', 'integration_user_added', 0, 'adam', '{"id":"e1","desk":"jira","type":"integration_user_added","text":"Kim."}')`))
	require.NoError(t, s.Migrate(t.Context()))
	said := deskEvents(t, s, access.DeskEventsQuery{Desk: "jira"})
	require.Len(t, said, 1)
	require.Equal(t, "Kim.", said[0].Text)
	hand := peopleRun("by-hand", peopleDay)
	hand.By = "adam"
	require.NoError(t, s.BeginPeopleRun(t.Context(), hand))
	require.Len(t, deskEvents(t, s, access.DeskEventsQuery{}), 2)
	require.Len(t, deskEvents(t, s, access.DeskEventsQuery{Source: "hr"}), 1)
	for _, statement := range []string{`UPDATE desk_events SET source = 'x'`, `DELETE FROM desk_events`} {
		require.ErrorContains(t, d.exec(t, url, statement), "desk events are append-only", statement)
	}
}
