package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// standingCases are the promises about who is absent, and who has to be told.
func standingCases() []suiteCase {
	return []suiteCase{
		{"who leaves is absent until they are back, and others have to be told", testStanding},
		{"what is applied again tells nobody again", testStandingAgain},
		{"a held change makes nobody absent", testStandingHeld},
		{"another manager is told, and changes no standing", testStandingMoved},
		{"a run that began earlier brings nobody back", testStandingLate},
		{"a run that is reset may change its mind", testStandingReset},
		{"a change since the last word is still to be told", testStandingToldLate},
		{"requests about a person are those that go on and are for them or may need their decision", testRequestsAbout},
	}
}

// changeOf is a change of a class that a run applies.
func changeOf(id string, class access.PersonClass, fields ...string) access.PersonChange {
	c := access.PersonChange{
		Person: access.PersonID(id), Class: class, Fields: fields, Reason: "because",
		After: access.KnownPerson{Record: personRecord(id), State: access.PersonPresent, Joined: true},
	}
	c.After.Record.DisplayName, c.After.Record.Manager = "Name of "+id, "boss"
	if class == access.ClassLeaver {
		c.After.State = access.PersonLeft
	}
	return c
}

// applyIn applies changes in a run of their own, and returns what is noted of it in microseconds.
func applyIn(t *testing.T, s *ledger.Store, id string, began time.Time, changes ...access.PersonChange) int {
	t.Helper()
	run := begunRun(t, s, id, began)
	require.NoError(t, s.ApplyPeople(t.Context(), run, changes))
	endedRun(t, s, run)
	return int(began.UnixMicro())
}

func standingsOf(t *testing.T, s *ledger.Store, people ...access.PersonID) []access.Standing {
	t.Helper()
	found, err := s.Standings(t.Context(), "hr", people...)
	require.NoError(t, err)
	return found
}

func untold(t *testing.T, s *ledger.Store) []access.PersonNotice {
	t.Helper()
	return pages(t, 2, func(last *access.PersonNotice) ([]access.PersonNotice, error) {
		var after access.PersonID
		if last != nil {
			after = last.Standing.Person
		}
		return s.PendingNotices(t.Context(), "hr", after, 2)
	})
}

func tell(t *testing.T, s *ledger.Store) {
	t.Helper()
	for _, n := range untold(t, s) {
		require.NoError(t, s.NoticeSent(t.Context(), n))
	}
}

func testStanding(t *testing.T, d databases) {
	s := d.open(t)
	require.Empty(t, standingsOf(t, s, "a"))
	left := applyIn(t, s, "run-1", peopleDay, changeOf("a", access.ClassLeaver), changeOf("b", access.ClassLeaver), changeOf("c", access.ClassJoiner),
		changeOf("d", access.ClassChanged, "email"), changeOf("e", access.ClassMover, "attributes.department"))
	absent := func(id access.PersonID) access.Standing {
		return access.Standing{Person: id, Absent: true, Revision: left, Reason: "Name of " + string(id) + " has left: because"}
	}
	require.Equal(t, []access.Standing{absent("a"), absent("b")}, standingsOf(t, s, "a", "b", "c", "d", "e", "", "\x00"))
	notice := func(standing access.Standing, run string, change int, moved bool) access.PersonNotice {
		return access.PersonNotice{
			Standing: standing, Name: "Name of " + string(standing.Person), Manager: "boss", Moved: moved, Change: change, Source: "hr", Run: run,
		}
	}
	require.Equal(t, []access.PersonNotice{notice(absent("a"), "run-1", left, false), notice(absent("b"), "run-1", left, false)}, untold(t, s))
	pending, err := s.CountPendingNotices(t.Context(), "hr")
	require.NoError(t, err)
	require.Equal(t, 2, pending)
	tell(t, s)
	require.Empty(t, untold(t, s))
	pending, err = s.CountPendingNotices(t.Context(), "hr")
	require.NoError(t, err)
	require.Zero(t, pending)
	back := applyIn(t, s, "run-2", peopleDay.Add(time.Hour), changeOf("a", access.ClassReturner))
	present := access.Standing{Person: "a", Revision: back}
	require.Equal(t, []access.Standing{present, absent("b")}, standingsOf(t, s, "b", "a"))
	require.Equal(t, []access.PersonNotice{notice(present, "run-2", back, true)}, untold(t, s))
	again := applyIn(t, s, "run-3", peopleDay.Add(2*time.Hour), changeOf("a", access.ClassLeaver))
	require.Equal(t, again, standingsOf(t, s, "a")[0].Revision)
	require.True(t, standingsOf(t, s, "a")[0].Absent)

	other, err := s.Standings(t.Context(), "crm", "a")
	require.NoError(t, err)
	require.Empty(t, other, "of another source")
	none, err := s.PendingNotices(t.Context(), "crm", "", 10)
	require.NoError(t, err)
	require.Empty(t, none)
	for _, source := range []access.SourceName{"", "\x00"} {
		found, err := s.Standings(t.Context(), source, "a")
		require.NoError(t, err)
		require.Empty(t, found)
		notices, err := s.PendingNotices(t.Context(), source, "", 10)
		require.NoError(t, err)
		require.Empty(t, notices)
	}
	_, err = s.PendingNotices(t.Context(), "hr", "", ledger.MaxPeople+1)
	require.Equal(t, access.Invalid, access.KindOf(err))
}

func testStandingAgain(t *testing.T, d databases) {
	s := d.open(t)
	run := begunRun(t, s, "run-1", peopleDay)
	changes := []access.PersonChange{changeOf("a", access.ClassLeaver), changeOf("b", access.ClassReturner), changeOf("c", access.ClassMover, "manager")}
	require.NoError(t, s.ApplyPeople(t.Context(), run, changes))
	require.Len(t, untold(t, s), 3)
	before := standingsOf(t, s, "a", "b", "c")
	tell(t, s)
	require.NoError(t, s.ApplyPeople(t.Context(), run, changes))
	require.Empty(t, untold(t, s))
	require.Equal(t, before, standingsOf(t, s, "a", "b", "c"))
}

func testStandingHeld(t *testing.T, d databases) {
	s := d.open(t)
	held := changeOf("a", access.ClassLeaver)
	held.Held = "leavers"
	applyIn(t, s, "run-1", peopleDay, held)
	require.Empty(t, standingsOf(t, s, "a"))
	require.Empty(t, untold(t, s))
}

func testStandingMoved(t *testing.T, d databases) {
	s := d.open(t)
	moved := applyIn(t, s, "run-1", peopleDay, changeOf("a", access.ClassMover, "attributes.department", "manager"), changeOf("b", access.ClassChanged, "manager"))
	require.Equal(t, []access.Standing{{Person: "a"}, {Person: "b"}}, standingsOf(t, s, "a", "b"), "nobody has left")
	notices := untold(t, s)
	require.Len(t, notices, 2)
	require.True(t, notices[0].Moved)
	require.Equal(t, moved, notices[0].Change)
	left := applyIn(t, s, "run-2", peopleDay.Add(time.Hour), changeOf("a", access.ClassLeaver))
	gone := changeOf("a", access.ClassRecorded, "manager")
	gone.After.State = access.PersonLeft
	applyIn(t, s, "run-3", peopleDay.Add(2*time.Hour), gone)
	require.Equal(t, left, standingsOf(t, s, "a")[0].Revision)
	require.True(t, standingsOf(t, s, "a")[0].Absent, "another manager of somebody who has left")
	back := applyIn(t, s, "run-4", peopleDay.Add(3*time.Hour), changeOf("a", access.ClassReturner))
	applyIn(t, s, "run-5", peopleDay.Add(4*time.Hour), changeOf("a", access.ClassMover, "manager"))
	require.Equal(t, []access.Standing{{Person: "a", Revision: back}}, standingsOf(t, s, "a"))
}

func testStandingLate(t *testing.T, d databases) {
	s := d.open(t)
	applyIn(t, s, "run-2", peopleDay.Add(time.Hour), changeOf("a", access.ClassLeaver))
	first := peopleRun("run-1", peopleDay)
	first.Plan = "run-1"
	require.NoError(t, s.SavePeopleRun(t.Context(), first))
	for _, class := range []access.PersonClass{access.ClassReturner, access.ClassMover} {
		require.NoError(t, s.ApplyPeople(t.Context(), first, []access.PersonChange{changeOf("a", class, "manager")}))
	}
	require.True(t, standingsOf(t, s, "a")[0].Absent)
	require.Equal(t, "run-2", untold(t, s)[0].Run)
}

func testStandingReset(t *testing.T, d databases) {
	s := d.open(t)
	run := begunRun(t, s, "run-1", peopleDay)
	require.NoError(t, s.ApplyPeople(t.Context(), run, []access.PersonChange{changeOf("a", access.ClassLeaver)}))
	first := standingsOf(t, s, "a")[0]
	tell(t, s)
	run.Plan = "run-1 anew"
	require.NoError(t, s.SavePeopleRun(t.Context(), run))
	require.NoError(t, s.ApplyPeople(t.Context(), run, []access.PersonChange{changeOf("a", access.ClassReturner)}))
	second := standingsOf(t, s, "a")[0]
	require.False(t, second.Absent)
	require.Greater(t, second.Revision, first.Revision)
	require.Len(t, untold(t, s), 1)
}

func testStandingToldLate(t *testing.T, d databases) {
	s := d.open(t)
	applyIn(t, s, "run-1", peopleDay, changeOf("a", access.ClassLeaver))
	first := untold(t, s)[0]
	second := applyIn(t, s, "run-2", peopleDay.Add(time.Hour), changeOf("a", access.ClassReturner))
	require.NoError(t, s.NoticeSent(t.Context(), first))
	require.Len(t, untold(t, s), 1, "the second change is still to be told")
	require.Equal(t, second, untold(t, s)[0].Change)
	tell(t, s)
	require.NoError(t, s.NoticeSent(t.Context(), first))
	require.Empty(t, untold(t, s), "a word that is late takes nothing back")
	require.NoError(t, s.NoticeSent(t.Context(), access.PersonNotice{Source: "hr", Standing: access.Standing{Person: "nobody"}, Change: 1}))
}

func testRequestsAbout(t *testing.T, d databases) {
	s := d.open(t)
	add := func(id string, subject access.PersonID, waits ...access.PersonID) access.RequestView {
		v := access.RequestView{
			Request: access.Request{ID: access.RequestID(id), Requester: "rita", Subject: subject, SubmittedAt: peopleDay},
			State:   access.StateAwaitingApproval, Version: 1,
		}
		v.Approvers = append(v.Approvers, waits...)
		require.NoError(t, s.Record(t.Context(), access.Entry{View: &v}))
		return v
	}
	add("r-1", "ann", "omar")
	add("r-2", "omar", "mia")
	add("r-3", "omar", "omar")
	add("r-4", "ann", "mia")
	ended := add("r-5", "omar", "omar")
	ended.State, ended.Version = access.OutcomeDenied, 2
	require.NoError(t, s.Record(t.Context(), access.Entry{View: &ended}))
	later := add("r-6", "ann", "mia")
	later.Approvers, later.Version = []access.PersonID{"olga", "omar", "omar"}, 2
	require.NoError(t, s.Record(t.Context(), access.Entry{View: &later}))
	about := func(person access.PersonID) []access.RequestID {
		return pages(t, 2, func(last *access.RequestID) ([]access.RequestID, error) {
			var after access.RequestID
			if last != nil {
				after = *last
			}
			return s.RequestsAbout(t.Context(), person, after, 2)
		})
	}
	require.Equal(t, []access.RequestID{"r-1", "r-2", "r-3", "r-6"}, about("omar"))
	require.Equal(t, []access.RequestID{"r-2", "r-4"}, about("mia"))
	require.Empty(t, about("rita"), "who asks for others is not asked themselves")
	for _, none := range []access.PersonID{"", "\x00", "nobody"} {
		require.Empty(t, about(none))
	}
	_, err := s.RequestsAbout(t.Context(), "omar", "", 0)
	require.Equal(t, access.Invalid, access.KindOf(err))
	for i := range 5 {
		add(fmt.Sprint("many-", i), "zoe")
	}
	require.Len(t, about("zoe"), 5)
}
