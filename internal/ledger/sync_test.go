package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

func syncCases() []suiteCase {
	return []suiteCase{
		{"users of a listing are found by each key", testStagedUsers},
		{"a person has one user, and a user one person", testDeskLinks},
		{"a link is taken away once, with its event, and not beside a run", testUnlink},
		{"a run that has ended links nobody", testLateLink},
		{"links are taken away while runs begin and end", testUnlinkBesideRuns},
		{"one run over a desk goes on at a time", testSyncRuns},
		{"a row that has ended stays, and a late attempt changes none", testSyncRows},
		{"rows of old plans and listings are forgotten", testSyncForgets},
		{"the end of a run forgets so many rows at once", testSyncForgetsAtOnce},
		{"what leavers own is kept with its events, and a late attempt changes none", testHandOver},
		{"where the brake stands with leavers is kept for each source and desk, and only while the run goes on", testLeaverMarks},
	}
}

// begunSync begins a run.
func begunSync(t *testing.T, s *ledger.Store, id string, at time.Time) access.SyncRun {
	t.Helper()
	run := access.SyncRun{Desk: "it", Source: "hr", ID: id, Workflow: "usersync/it/" + id, BeganAt: at}
	require.NoError(t, s.BeginSyncRun(t.Context(), run))
	return run
}

// plannedSync saves the plan of a run, with rows.
func plannedSync(t *testing.T, s *ledger.Store, run access.SyncRun, rows ...access.SyncRow) access.SyncRun {
	t.Helper()
	run.Plan, run.Rows = run.ID+".plan", run.ID+".rows"
	require.NoError(t, s.PlanSyncRows(t.Context(), run, rows))
	require.NoError(t, s.SaveSyncRun(t.Context(), run))
	return run
}

func endedSync(t *testing.T, s *ledger.Store, run access.SyncRun) {
	t.Helper()
	run.EndedAt = run.BeganAt.Add(time.Minute)
	require.NoError(t, s.SaveSyncRun(t.Context(), run))
}

func testStagedUsers(t *testing.T, d databases) {
	s := d.open(t)
	listed := func(id access.UserID, person access.PersonID, name, email string) access.ListedUser {
		u := access.DeskUser{ID: id, Person: person, Active: true, Values: map[string]string{access.UserFieldName: name}}
		return access.ListedUser{User: u, NameKey: name, EmailKey: email}
	}
	page := []access.ListedUser{listed("1", "a", "ana", "x@y"), listed("2", "", "ben", "x@y"), listed("3", "", "", "")}
	for range 2 {
		require.NoError(t, s.StageDeskUsers(t.Context(), "it", "l1", page))
	}
	require.NoError(t, s.StageDeskUsers(t.Context(), "it", "l2", page[:1]))
	n, err := s.CountDeskUsers(t.Context(), "it", "l1")
	require.NoError(t, err)
	require.Equal(t, 3, n)
	for name, c := range map[string]struct {
		q     access.DeskUsersQuery
		found int
	}{
		"ids":      {access.DeskUsersQuery{IDs: []access.UserID{"1", "3", "9"}}, 2},
		"persons":  {access.DeskUsersQuery{Persons: []access.PersonID{"a", "b"}}, 1},
		"names":    {access.DeskUsersQuery{NameKeys: []string{"ben", "ana"}}, 2},
		"emails":   {access.DeskUsersQuery{EmailKeys: []string{"x@y"}}, 2},
		"nothing":  {access.DeskUsersQuery{EmailKeys: []string{""}}, 0},
		"nobody":   {access.DeskUsersQuery{}, 0},
		"bad keys": {access.DeskUsersQuery{IDs: []access.UserID{"a\x00", "\xff"}}, 0},
	} {
		found, err := s.DeskUsers(t.Context(), "it", "l1", c.q)
		require.NoError(t, err, name)
		require.Len(t, found, c.found, name)
	}
	err = s.StageDeskUsers(t.Context(), "it", "l1", []access.ListedUser{listed("a\x00", "", "", "")})
	require.Equal(t, access.Invalid, access.KindOf(err))
	require.ErrorContains(t, err, "users.id")
}

func testDeskLinks(t *testing.T, d databases) {
	s := d.open(t)
	link := func(person access.PersonID, user access.UserID, replaces access.UserID) error {
		return s.SaveDeskLink(t.Context(), "it", access.DeskLink{Person: person, User: user, How: access.LinkCreated, At: time.Now()}, replaces)
	}
	for range 2 {
		require.NoError(t, link("a", "1", ""))
	}
	require.Equal(t, access.Conflict, access.KindOf(link("a", "2", "")), "a person has one user")
	require.Equal(t, access.Conflict, access.KindOf(link("b", "1", "")), "a user has one person")
	require.Equal(t, access.Conflict, access.KindOf(link("a", "2", "9")), "another link is not replaced")
	require.NoError(t, link("b", "2", ""))
	require.Equal(t, access.Conflict, access.KindOf(link("a", "2", "1")), "the other's user")
	links, err := s.DeskLinks(t.Context(), "it", []access.PersonID{"a", "b", "c"})
	require.NoError(t, err)
	require.Len(t, links, 2, "a link that could not be replaced is still there")
	for range 2 {
		require.NoError(t, link("a", "3", "1"))
	}
	links, err = s.DeskLinksOf(t.Context(), "it", []access.UserID{"1", "3"})
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, access.PersonID("a"), links[0].Person)
	require.NoError(t, s.SaveDeskLink(t.Context(), "other", access.DeskLink{Person: "b", User: "3"}, ""), "each desk by itself")
}

func testSyncRuns(t *testing.T, d databases) {
	s := d.open(t)
	none, err := s.LastSyncRun(t.Context(), "it")
	require.Equal(t, access.NotFound, access.KindOf(err))
	require.Empty(t, none.ID)
	first := begunSync(t, s, "run-1", peopleDay)
	require.NoError(t, s.BeginSyncRun(t.Context(), first), "the same run again")
	second := access.SyncRun{Desk: "it", ID: "run-2", BeganAt: peopleDay.Add(time.Hour)}
	require.ErrorContains(t, s.BeginSyncRun(t.Context(), second), "goes on")
	require.NoError(t, s.BeginSyncRun(t.Context(), access.SyncRun{Desk: "other", ID: "run-2", BeganAt: peopleDay}))
	open, err := s.OpenSyncRun(t.Context(), "it")
	require.NoError(t, err)
	require.Equal(t, "run-1", open.ID)
	endedSync(t, s, first)
	require.ErrorContains(t, s.BeginSyncRun(t.Context(), first), "has ended")
	early := access.SyncRun{Desk: "it", ID: "run-0", BeganAt: peopleDay.Add(-time.Hour)}
	require.ErrorContains(t, s.BeginSyncRun(t.Context(), early), "began before another one")
	require.NoError(t, s.BeginSyncRun(t.Context(), second))
	second.EndedAt, second.Problem = second.BeganAt.Add(time.Minute), "the desk is down"
	require.NoError(t, s.SaveSyncRun(t.Context(), second))
	last, err := s.LastSyncRun(t.Context(), "it")
	require.NoError(t, err)
	require.Equal(t, "run-1", last.ID, "the last that ended well")
	runs, err := s.SyncRuns(t.Context(), "it", time.Time{}, 10)
	require.NoError(t, err)
	require.Len(t, runs, 2)
	require.Equal(t, "run-2", runs[0].ID)
	runs, err = s.SyncRuns(t.Context(), "it", second.BeganAt, 10)
	require.NoError(t, err)
	require.Len(t, runs, 1)
}

func testSyncRows(t *testing.T, d databases) {
	s := d.open(t)
	run := begunSync(t, s, "run-1", peopleDay)
	row := func(person access.PersonID, state access.SyncState) access.SyncRow {
		return access.SyncRow{Person: person, Operation: access.UserCreate, State: state}
	}
	rows := []access.SyncRow{row("a", access.SyncPlanned), row("b", access.SyncPlanned), row("Z", access.SyncSkipped)}
	run = plannedSync(t, s, run, rows...)
	late := run
	late.Rows = "another attempt"
	require.Equal(t, access.Conflict, access.KindOf(s.PlanSyncRows(t.Context(), late, rows)), "a plan that is there takes no rows any more")
	states := func() map[access.SyncState]int {
		counts, err := s.CountSyncRows(t.Context(), "it", run.Rows)
		require.NoError(t, err)
		return counts
	}
	for range 2 {
		require.NoError(t, s.HoldSyncRows(t.Context(), run, []access.SyncRow{row("a", access.SyncReady), row("b", access.SyncReady), row("Z", access.SyncReady)}))
	}
	require.Equal(t, map[access.SyncState]int{access.SyncReady: 2, access.SyncSkipped: 1}, states())
	require.Equal(t, access.Conflict, access.KindOf(s.SaveSyncRows(t.Context(), run, "one", []access.SyncRow{row("a", access.SyncApplied)})), "nobody has claimed the run")
	require.NoError(t, s.ClaimSyncRun(t.Context(), run, "one"))
	require.NoError(t, s.SaveSyncRows(t.Context(), run, "one", []access.SyncRow{row("a", access.SyncRetry)}))
	require.NoError(t, s.HoldSyncRows(t.Context(), run, []access.SyncRow{row("a", access.SyncHeld)}), "too late")
	require.NoError(t, s.ClaimSyncRun(t.Context(), run, "two"))
	require.Equal(t, access.Conflict, access.KindOf(s.SaveSyncRows(t.Context(), run, "one", []access.SyncRow{row("a", access.SyncFailed)})), "another attempt has claimed it")
	require.NoError(t, s.SaveSyncRows(t.Context(), run, "two", []access.SyncRow{row("a", access.SyncApplied)}))
	require.NoError(t, s.SaveSyncRows(t.Context(), run, "two", []access.SyncRow{row("a", access.SyncFailed), row("Z", access.SyncApplied)}))
	wanted := map[access.SyncState]int{access.SyncApplied: 1, access.SyncReady: 1, access.SyncSkipped: 1}
	require.Equal(t, wanted, states())
	page, err := s.SyncRows(t.Context(), "it", run.Rows, access.SyncRowsQuery{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, []access.PersonID{"Z", "a"}, []access.PersonID{page[0].Person, page[1].Person}, "in the order of bytes")
	page, err = s.SyncRows(t.Context(), "it", run.Rows, access.SyncRowsQuery{Limit: 2, After: "a"})
	require.NoError(t, err)
	require.Len(t, page, 1)

	other := run
	other.Plan = "other"
	require.Equal(t, access.Conflict, access.KindOf(s.SaveSyncRows(t.Context(), other, "two", []access.SyncRow{row("b", access.SyncApplied)})))
	endedSync(t, s, run)
	require.Equal(t, access.Conflict, access.KindOf(s.SaveSyncRows(t.Context(), run, "two", []access.SyncRow{row("b", access.SyncApplied)})))
	require.Equal(t, access.Conflict, access.KindOf(s.ClaimSyncRun(t.Context(), run, "three")))
	require.Equal(t, wanted, states())
	_, err = s.SyncRows(t.Context(), "it", run.Rows, access.SyncRowsQuery{})
	require.ErrorContains(t, err, "limit")
}

func testSyncForgets(t *testing.T, d databases) {
	s := d.open(t)
	died := begunSync(t, s, "run-0", peopleDay)
	died.Plan, died.Rows = "l0", "died"
	require.NoError(t, s.PlanSyncRows(t.Context(), died, []access.SyncRow{{Person: "a", Operation: access.UserCreate, State: access.SyncPlanned}}))
	died.Problem = "terminated"
	endedSync(t, s, died)
	for day := range 3 {
		run := begunSync(t, s, fmt.Sprint("run-", day+1), peopleDay.Add(time.Duration(day)*60*24*time.Hour+time.Hour))
		require.NoError(t, s.StageDeskUsers(t.Context(), "it", run.ID+".plan", []access.ListedUser{{User: access.DeskUser{ID: "1"}}}))
		run = plannedSync(t, s, run, access.SyncRow{Person: "a", Operation: access.UserCreate, State: access.SyncPlanned})
		refused := access.SyncRun{Desk: "it", ID: "refused", BeganAt: run.BeganAt.Add(time.Second), EndedAt: run.BeganAt.Add(time.Second), Problem: "another one goes on"}
		require.NoError(t, s.SaveSyncRun(t.Context(), refused))
		n, err := s.CountDeskUsers(t.Context(), "it", run.Plan)
		require.NoError(t, err)
		require.Equal(t, 1, n, "the listing of the run that goes on")
		endedSync(t, s, run)
		n, err = s.CountDeskUsers(t.Context(), "it", run.Plan)
		require.NoError(t, err)
		require.Zero(t, n)
	}
	for rows, left := range map[string]int{"died": 0, "run-1.rows": 0, "run-2.rows": 1, "run-3.rows": 1} {
		counts, err := s.CountSyncRows(t.Context(), "it", rows)
		require.NoError(t, err)
		require.Equal(t, left, counts[access.SyncPlanned], rows)
	}
}

func testSyncForgetsAtOnce(t *testing.T, d databases) {
	s := d.open(t)
	const pages = 21
	first := begunSync(t, s, "first", peopleDay)
	first.Rows = "first.rows"
	for page := range pages {
		rows := make([]access.SyncRow, ledger.MaxPeople)
		for i := range rows {
			rows[i] = access.SyncRow{Person: access.PersonID(fmt.Sprintf("p%02d-%04d", page, i)), Operation: access.UserUpdate, State: access.SyncHeld}
		}
		first.Plan = "first.plan"
		require.NoError(t, s.PlanSyncRows(t.Context(), first, rows))
	}
	endedSync(t, s, plannedSync(t, s, first))
	row := access.SyncRow{Person: "a", Operation: access.UserUpdate, State: access.SyncHeld}
	endedSync(t, s, plannedSync(t, s, begunSync(t, s, "second", peopleDay.Add(time.Hour)), row))
	left := func(plan string) int {
		states, err := s.CountSyncRows(t.Context(), "it", plan)
		require.NoError(t, err)
		return states[access.SyncHeld]
	}
	later := peopleDay.Add(2 * keptFor)
	endedSync(t, s, plannedSync(t, s, begunSync(t, s, "third", later), row))
	require.Equal(t, pages*ledger.MaxPeople-ledger.ForgetAtOnce, left("first.rows"))
	require.Equal(t, 1, left("second.rows"), "the oldest first")
	endedSync(t, s, plannedSync(t, s, begunSync(t, s, "fourth", later.Add(time.Hour)), row))
	require.Zero(t, left("first.rows"))
	require.Zero(t, left("second.rows"))
	require.Equal(t, 1, left("third.rows"))
}
