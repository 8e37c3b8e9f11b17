package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

// peopleCases are the promises about people.
func peopleCases() []suiteCase {
	return []suiteCase{
		{"a listing is read back by id in the order of its bytes, page by page", testStagedPeople},
		{"a page that is staged again changes nothing", testStagedAgain},
		{"a plan keeps its first word, and a held change is not applied", testPlannedPeople},
		{"a run that began earlier does not undo a later one", testLateRunOverPeople},
		{"one run over a source goes on at a time", testRunsOverPeople},
		{"a run that has ended stays ended", testEndedRunOverPeople},
		{"old listings are forgotten, and their problems stay", testForgottenListings},
		{"ids of people that cannot be kept are refused by field", testBadPeople},
	}
}

func personRecord(id string) access.PersonRecord {
	return access.PersonRecord{Person: access.Person{ID: access.PersonID(id), UserName: "u-" + id, Active: true}}
}

func stagedPage() access.PeoplePage {
	return access.PeoplePage{
		People:   []access.PersonRecord{personRecord("b"), personRecord("Z"), personRecord("a"), personRecord("é")},
		Problems: []access.PersonProblem{{Row: "line 7", ID: "c", Problem: "x"}, {Row: "line 9", Problem: "no id"}},
		Gone:     []access.PersonID{"d"},
	}
}

func listedIDs(t *testing.T, s *ledger.Store, run string) []string {
	t.Helper()
	var ids []string
	for _, row := range pages(t, 2, func(last *access.ListedRow) ([]access.ListedRow, error) {
		var after access.PersonID
		if last != nil {
			after = last.ID
		}
		return s.ListedPeople(t.Context(), "hr", run, after, 2)
	}) {
		ids = append(ids, string(row.ID))
	}
	return ids
}

func testStagedPeople(t *testing.T, d databases) {
	s := d.open(t)
	require.NoError(t, s.StagePeople(t.Context(), "hr", "run-1", stagedPage(), 0))
	require.NoError(t, s.StagePeople(t.Context(), "hr", "run-2", access.PeoplePage{People: []access.PersonRecord{personRecord("other")}}, 0))
	require.NoError(t, s.StagePeople(t.Context(), "crm", "run-1", access.PeoplePage{People: []access.PersonRecord{personRecord("else")}}, 0))
	require.Equal(t, []string{"Z", "a", "b", "c", "d", "é"}, listedIDs(t, s, "run-1"))
	rows, err := s.ListedPeople(t.Context(), "hr", "run-1", "", 10)
	require.NoError(t, err)
	z := personRecord("Z")
	require.Equal(t, access.ListedRow{ID: "Z", Listed: access.ListedPerson{Record: &z}}, rows[0])
	require.Equal(t, access.ListedPerson{Problem: true}, rows[3].Listed)
	require.Equal(t, access.ListedPerson{Gone: true}, rows[4].Listed)
	problems, err := s.PeopleProblems(t.Context(), "hr", "run-1", 0, 10)
	require.NoError(t, err)
	require.Equal(t, stagedPage().Problems, problems)
	second, err := s.PeopleProblems(t.Context(), "hr", "run-1", 1, 10)
	require.NoError(t, err)
	require.Equal(t, problems[1:], second)
}

func testStagedAgain(t *testing.T, d databases) {
	s := d.open(t)
	for range 2 {
		require.NoError(t, s.StagePeople(t.Context(), "hr", "run-1", stagedPage(), 0))
	}
	require.Equal(t, []string{"Z", "a", "b", "c", "d", "é"}, listedIDs(t, s, "run-1"))
	problems, err := s.PeopleProblems(t.Context(), "hr", "run-1", 0, 10)
	require.NoError(t, err)
	require.Len(t, problems, 2)
	var many access.PeoplePage
	for i := range access.MaxPeoplePage {
		many.People = append(many.People, personRecord(fmt.Sprintf("%04d", i)))
	}
	require.NoError(t, s.StagePeople(t.Context(), "hr", "run-3", many, 0))
	require.Len(t, listedIDs(t, s, "run-3"), access.MaxPeoplePage)
}

var peopleDay = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

func peopleRun(id string, began time.Time) access.PeopleRun {
	return access.PeopleRun{Source: "hr", ID: id, BeganAt: began}
}

func joiner(id, held string) access.PersonChange {
	return access.PersonChange{
		Person: access.PersonID(id), Class: access.ClassJoiner, Held: held,
		After: access.KnownPerson{Record: personRecord(id), State: access.PersonPresent, Joined: true},
	}
}

func known(t *testing.T, s *ledger.Store) []access.KnownPerson {
	t.Helper()
	all, err := s.KnownPeople(t.Context(), "hr", "", 10)
	require.NoError(t, err)
	return all
}

func testPlannedPeople(t *testing.T, d databases) {
	s := d.open(t)
	run := peopleRun("run-1", peopleDay)
	require.NoError(t, s.PlanPeople(t.Context(), "hr", "run-1", []access.PersonChange{joiner("a", ""), joiner("b", "")}))
	other := joiner("a", "")
	other.Class = access.ClassLeaver
	require.NoError(t, s.PlanPeople(t.Context(), "hr", "run-1", []access.PersonChange{other}))
	require.Empty(t, known(t, s), "a plan changes nobody")
	changes, err := s.PeopleChanges(t.Context(), "hr", "run-1", "", 10)
	require.NoError(t, err)
	require.Equal(t, []access.PersonChange{joiner("a", ""), joiner("b", "")}, changes)

	changes[1].Held = "leavers"
	for range 2 {
		require.NoError(t, s.ApplyPeople(t.Context(), run, changes))
	}
	require.Equal(t, []access.KnownPerson{changes[0].After}, known(t, s))
	held, err := s.HeldPeople(t.Context(), "hr", "run-1", "", 10)
	require.NoError(t, err)
	require.Equal(t, changes[1:], held)
	one, err := s.KnownPerson(t.Context(), "hr", "a")
	require.NoError(t, err)
	require.Equal(t, changes[0].After, one)
	_, err = s.KnownPerson(t.Context(), "hr", "b")
	require.Equal(t, access.NotFound, access.KindOf(err))
	_, err = s.KnownPerson(t.Context(), "crm", "a")
	require.Equal(t, access.NotFound, access.KindOf(err))
}

func testLateRunOverPeople(t *testing.T, d databases) {
	s := d.open(t)
	before, after := joiner("a", ""), joiner("a", "")
	after.After.Record.Email = "new@example.test"
	require.NoError(t, s.ApplyPeople(t.Context(), peopleRun("run-2", peopleDay.Add(time.Hour)), []access.PersonChange{after}))
	require.NoError(t, s.ApplyPeople(t.Context(), peopleRun("run-1", peopleDay), []access.PersonChange{before}))
	require.Equal(t, []access.KnownPerson{after.After}, known(t, s))
}

func testRunsOverPeople(t *testing.T, d databases) {
	s := d.open(t)
	first, second := peopleRun("run-1", peopleDay), peopleRun("run-2", peopleDay.Add(time.Hour))
	for range 2 {
		require.NoError(t, s.BeginPeopleRun(t.Context(), first, 6*time.Hour))
	}
	require.Equal(t, access.Conflict, access.KindOf(s.BeginPeopleRun(t.Context(), second, 6*time.Hour)))
	elsewhere := second
	elsewhere.Source = "crm"
	require.NoError(t, s.BeginPeopleRun(t.Context(), elsewhere, 6*time.Hour), "another source is not concerned")
	require.NoError(t, s.BeginPeopleRun(t.Context(), peopleRun("run-3", peopleDay.Add(7*time.Hour)), 6*time.Hour), "nothing goes on for so long")
	first.EndedAt = peopleDay.Add(time.Minute)
	first.Counts.Classes = map[access.PersonClass]int{access.ClassJoiner: 3}
	require.NoError(t, s.SavePeopleRun(t.Context(), first))
	runs, err := s.PeopleRuns(t.Context(), "hr", time.Time{}, 10)
	require.NoError(t, err)
	require.Len(t, runs, 2)
	require.Equal(t, "run-3", runs[0].ID)
	require.Equal(t, first, runs[1])
	earlier, err := s.PeopleRuns(t.Context(), "hr", peopleDay.Add(time.Second), 10)
	require.NoError(t, err)
	require.Equal(t, runs[1:], earlier)
	_, err = s.PeopleRun(t.Context(), "hr", "run-9")
	require.Equal(t, access.NotFound, access.KindOf(err))
}

func testEndedRunOverPeople(t *testing.T, d databases) {
	s := d.open(t)
	run := peopleRun("run-1", peopleDay)
	require.NoError(t, s.BeginPeopleRun(t.Context(), run, time.Hour))
	ended := run
	ended.EndedAt, ended.Applied = peopleDay.Add(time.Minute), 7
	require.NoError(t, s.SavePeopleRun(t.Context(), ended))
	require.NoError(t, s.SavePeopleRun(t.Context(), run), "an attempt that is late")
	kept, err := s.PeopleRun(t.Context(), "hr", "run-1")
	require.NoError(t, err)
	require.Equal(t, ended, kept)
}

func testForgottenListings(t *testing.T, d databases) {
	s := d.open(t)
	for _, run := range []string{"run-1", "run-2"} {
		require.NoError(t, s.StagePeople(t.Context(), "hr", run, stagedPage(), 0))
	}
	for range 2 {
		require.NoError(t, s.ForgetListings(t.Context(), "hr", "run-2"))
	}
	require.Empty(t, listedIDs(t, s, "run-1"))
	require.Len(t, listedIDs(t, s, "run-2"), 6)
	problems, err := s.PeopleProblems(t.Context(), "hr", "run-1", 0, 10)
	require.NoError(t, err)
	require.Len(t, problems, 2)
}

func testBadPeople(t *testing.T, d databases) {
	s := d.open(t)
	for _, id := range []string{"", "\x00", "\xff"} {
		err := s.StagePeople(t.Context(), "hr", "run-1", access.PeoplePage{People: []access.PersonRecord{personRecord(id)}}, 0)
		require.Equal(t, access.Invalid, access.KindOf(err), "%q", id)
		require.ErrorContains(t, err, "people.id")
	}
	require.ErrorContains(t, s.SavePeopleRun(t.Context(), access.PeopleRun{Source: "hr"}), "id: is empty")
	require.ErrorContains(t, s.BeginPeopleRun(t.Context(), access.PeopleRun{ID: "r"}, time.Hour), "source: is empty")
	_, err := s.KnownPeople(t.Context(), "hr", "", 0)
	require.Equal(t, access.Invalid, access.KindOf(err))
	_, err = s.ListedPeople(t.Context(), "hr", "r", "", ledger.MaxPeople+1)
	require.Equal(t, access.Invalid, access.KindOf(err))
}
