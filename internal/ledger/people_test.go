package ledger_test

import (
	"fmt"
	"sync"
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
		{"a held change of somebody who is listed keeps no misses", testHeldAndListed},
		{"a run that began earlier does not undo a later one", testLateRunOverPeople},
		{"a run that began before another one is refused", testEarlyRunOverPeople},
		{"an attempt to apply that is late changes nobody", testLateApplyOfPeople},
		{"one run over a source goes on at a time", testRunsOverPeople},
		{"of runs that begin at the same time one does", testRunsAtOnce},
		{"a run that has ended stays ended", testEndedRunOverPeople},
		{"what is recorded of a plan stays, and what is applied stays so", testPlanStays},
		{"listings are forgotten when a run ends, and the problems of its own stay", testForgottenListings},
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
	require.NoError(t, s.StagePeople(t.Context(), "hr", "run-3", access.PeoplePage{OutOfScope: []access.PersonID{"f"}}, 0))
	rows, err = s.ListedPeople(t.Context(), "hr", "run-3", "", 10)
	require.NoError(t, err)
	require.Equal(t, []access.ListedRow{{ID: "f", Listed: access.ListedPerson{OutOfScope: true}}}, rows)
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

// begunRun records a run with a plan of the same name.
func begunRun(t *testing.T, s *ledger.Store, id string, began time.Time) access.PeopleRun {
	t.Helper()
	run := peopleRun(id, began)
	require.NoError(t, s.BeginPeopleRun(t.Context(), run))
	run.Plan = id
	require.NoError(t, s.SavePeopleRun(t.Context(), run))
	return run
}

func endedRun(t *testing.T, s *ledger.Store, run access.PeopleRun) access.PeopleRun {
	t.Helper()
	run.EndedAt = run.BeganAt.Add(time.Minute)
	require.NoError(t, s.SavePeopleRun(t.Context(), run))
	return run
}

func testPlannedPeople(t *testing.T, d databases) {
	s := d.open(t)
	run := begunRun(t, s, "run-1", peopleDay)
	require.NoError(t, s.PlanPeople(t.Context(), "hr", "run-1", []access.PersonChange{joiner("a", ""), joiner("b", "")}))
	other := joiner("a", "")
	other.Class = access.ClassLeaver
	require.NoError(t, s.PlanPeople(t.Context(), "hr", "run-1", []access.PersonChange{other}))
	require.Empty(t, known(t, s), "a plan changes nobody")
	changes, err := s.PeopleChanges(t.Context(), "hr", "run-1", access.PeopleChangesQuery{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []access.PersonChange{joiner("a", ""), joiner("b", "")}, changes)

	changes[1].Held = "leavers"
	for range 2 {
		require.NoError(t, s.ApplyPeople(t.Context(), run, changes))
	}
	require.Equal(t, []access.KnownPerson{changes[0].After}, known(t, s))
	for name, row := range map[string]struct {
		q    access.PeopleChangesQuery
		want []access.PersonChange
	}{
		"held":           {access.PeopleChangesQuery{Held: true}, changes[1:]},
		"of a class":     {access.PeopleChangesQuery{Class: access.ClassJoiner}, changes},
		"of none":        {access.PeopleChangesQuery{Class: access.ClassLeaver}, nil},
		"held of class":  {access.PeopleChangesQuery{Class: access.ClassJoiner, Held: true}, changes[1:]},
		"after":          {access.PeopleChangesQuery{After: "a"}, changes[1:]},
		"one person":     {access.PeopleChangesQuery{Person: "b", Held: true}, changes[1:]},
		"no such person": {access.PeopleChangesQuery{Person: "c"}, nil},
		"no such class":  {access.PeopleChangesQuery{Class: "\x00"}, nil},
	} {
		row.q.Limit = 10
		found, err := s.PeopleChanges(t.Context(), "hr", "run-1", row.q)
		require.NoError(t, err)
		require.Equal(t, row.want, found, name)
	}
	one, err := s.KnownPerson(t.Context(), "hr", "a")
	require.NoError(t, err)
	require.Equal(t, changes[0].After, one)
	_, err = s.KnownPerson(t.Context(), "hr", "b")
	require.Equal(t, access.NotFound, access.KindOf(err))
	_, err = s.KnownPerson(t.Context(), "crm", "a")
	require.Equal(t, access.NotFound, access.KindOf(err))
}

// Of a held change only that the person was listed is written, and nothing where an attempt before applied it.
func testHeldAndListed(t *testing.T, d databases) {
	s := d.open(t)
	first := begunRun(t, s, "run-1", peopleDay)
	missed := joiner("a", "")
	missed.After.Misses, missed.After.AbsenceReleased = 2, true
	require.NoError(t, s.ApplyPeople(t.Context(), first, []access.PersonChange{missed}))
	endedRun(t, s, first)
	second := begunRun(t, s, "run-2", peopleDay.Add(time.Hour))
	change := access.PersonChange{Person: "a", Class: access.ClassChanged, Before: &missed.After, After: missed.After, Held: "field:email"}
	change.After = change.After.WithoutMisses()
	change.After.Record.Email = "new@example.test"
	require.NoError(t, s.ApplyPeople(t.Context(), second, []access.PersonChange{change}))
	require.Equal(t, []access.KnownPerson{missed.After}, known(t, s), "not listed")
	change.Listed = true
	require.NoError(t, s.ApplyPeople(t.Context(), second, []access.PersonChange{change}))
	there := missed.After
	there.Misses, there.AbsenceReleased = 0, false
	require.Equal(t, []access.KnownPerson{there}, known(t, s))
	freed := change
	freed.Held = ""
	require.NoError(t, s.ApplyPeople(t.Context(), second, []access.PersonChange{freed}))
	require.NoError(t, s.ApplyPeople(t.Context(), second, []access.PersonChange{change}))
	require.Equal(t, []access.KnownPerson{change.After}, known(t, s), "an attempt that is late holds what is applied")
}

func testLateRunOverPeople(t *testing.T, d databases) {
	s := d.open(t)
	before, after := joiner("a", ""), joiner("a", "")
	after.After.Record.Email = "new@example.test"
	second := begunRun(t, s, "run-2", peopleDay.Add(time.Hour))
	require.NoError(t, s.ApplyPeople(t.Context(), second, []access.PersonChange{after}))
	endedRun(t, s, second)
	first := peopleRun("run-1", peopleDay)
	first.Plan = "run-1"
	require.NoError(t, s.SavePeopleRun(t.Context(), first))
	require.NoError(t, s.ApplyPeople(t.Context(), first, []access.PersonChange{before}))
	require.Equal(t, []access.KnownPerson{after.After}, known(t, s))
}

// A run whose first step is tried again for long may be overtaken: it is refused then, for none of its changes would be written.
func testEarlyRunOverPeople(t *testing.T, d databases) {
	s := d.open(t)
	open := begunRun(t, s, "run-2", peopleDay.Add(time.Hour))
	failed := peopleRun("run-3", peopleDay.Add(2*time.Hour))
	failed.Problem = "another run goes on"
	endedRun(t, s, failed)
	require.NoError(t, s.BeginPeopleRun(t.Context(), open), "it is recorded already")
	endedRun(t, s, open)
	early := peopleRun("run-1", peopleDay)
	for range 2 {
		err := s.BeginPeopleRun(t.Context(), early)
		require.Equal(t, access.Conflict, access.KindOf(err))
		require.ErrorContains(t, err, `the run "run-1" over the people of hr began before another one`)
	}
	_, err := s.OpenPeopleRun(t.Context(), "hr")
	require.Equal(t, access.NotFound, access.KindOf(err), "a run that is refused is not recorded")
	require.NoError(t, s.BeginPeopleRun(t.Context(), peopleRun("run-4", failed.BeganAt)), "two may begin at the same time")
}

// An attempt that is late changes nobody: its run has ended, or its workflow was reset and has listed anew.
func testLateApplyOfPeople(t *testing.T, d databases) {
	s := d.open(t)
	late := begunRun(t, s, "run-1", peopleDay)
	again := late
	again.Plan = "run-1 anew"
	require.NoError(t, s.SavePeopleRun(t.Context(), again))
	require.Equal(t, access.Conflict, access.KindOf(s.ApplyPeople(t.Context(), late, []access.PersonChange{joiner("a", "")})))
	endedRun(t, s, late)
	open, err := s.OpenPeopleRun(t.Context(), "hr")
	require.NoError(t, err, "a plan that was replaced ends no run")
	require.Equal(t, "run-1 anew", open.Plan)
	require.NoError(t, s.ApplyPeople(t.Context(), again, []access.PersonChange{joiner("b", "")}))
	endedRun(t, s, again)
	require.Equal(t, access.Conflict, access.KindOf(s.ApplyPeople(t.Context(), again, []access.PersonChange{joiner("c", "")})))
	require.Equal(t, []access.KnownPerson{joiner("b", "").After}, known(t, s))
}

func testRunsOverPeople(t *testing.T, d databases) {
	s := d.open(t)
	first, second := peopleRun("run-1", peopleDay), peopleRun("run-2", peopleDay.Add(time.Hour))
	for range 2 {
		require.NoError(t, s.BeginPeopleRun(t.Context(), first))
	}
	require.Equal(t, access.Conflict, access.KindOf(s.BeginPeopleRun(t.Context(), second)))
	elsewhere := second
	elsewhere.Source = "crm"
	require.NoError(t, s.BeginPeopleRun(t.Context(), elsewhere), "another source is not concerned")
	open, err := s.OpenPeopleRun(t.Context(), "hr")
	require.NoError(t, err)
	require.Equal(t, first, open)
	first.Counts.Classes = map[access.PersonClass]int{access.ClassJoiner: 3}
	first = endedRun(t, s, first)
	require.ErrorContains(t, s.BeginPeopleRun(t.Context(), first), "has ended", "a workflow that is reset begins no run again")
	_, err = s.OpenPeopleRun(t.Context(), "hr")
	require.Equal(t, access.NotFound, access.KindOf(err))
	require.NoError(t, s.BeginPeopleRun(t.Context(), second))
	second.Problem = "the source is down"
	endedRun(t, s, second)
	runs, err := s.PeopleRuns(t.Context(), "hr", time.Time{}, 10)
	require.NoError(t, err)
	require.Len(t, runs, 2)
	require.Equal(t, "run-2", runs[0].ID)
	require.Equal(t, first, runs[1])
	earlier, err := s.PeopleRuns(t.Context(), "hr", peopleDay.Add(time.Second), 10)
	require.NoError(t, err)
	require.Equal(t, runs[1:], earlier)
	last, err := s.LastPeopleRun(t.Context(), "hr")
	require.NoError(t, err)
	require.Equal(t, first, last, "the last that ended well")
	for _, id := range []string{"run-9", "\x00"} {
		_, err = s.PeopleRun(t.Context(), "hr", id)
		require.Equal(t, access.NotFound, access.KindOf(err))
	}
	_, err = s.LastPeopleRun(t.Context(), "crm")
	require.Equal(t, access.NotFound, access.KindOf(err))
}

func testRunsAtOnce(t *testing.T, d databases) {
	s := d.open(t)
	const many = 8
	errs := make([]error, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() { errs[i] = s.BeginPeopleRun(t.Context(), peopleRun(fmt.Sprint("run-", i), peopleDay)) })
	}
	all.Wait()
	begun := 0
	for _, err := range errs {
		if err == nil {
			begun++
			continue
		}
		require.Equal(t, access.Conflict, access.KindOf(err), "%v", err)
	}
	require.Equal(t, 1, begun)
}

func testEndedRunOverPeople(t *testing.T, d databases) {
	s := d.open(t)
	run := begunRun(t, s, "run-1", peopleDay)
	over := run
	over.Applied = 7
	over = endedRun(t, s, over)
	require.NoError(t, s.SavePeopleRun(t.Context(), run), "an attempt that is late")
	over.Problem = "a late failure"
	endedRun(t, s, over)
	kept, err := s.PeopleRun(t.Context(), "hr", "run-1")
	require.NoError(t, err)
	over.Problem = ""
	require.Equal(t, over, kept)
}

func testPlanStays(t *testing.T, d databases) {
	s := d.open(t)
	run := begunRun(t, s, "run-1", peopleDay)
	late := run
	late.Counts.Listed, late.Holds = 7, []access.PeopleHold{{Brake: "leavers"}}
	require.NoError(t, s.SavePeopleRun(t.Context(), late))
	recorded, err := s.PeopleRun(t.Context(), "hr", "run-1")
	require.NoError(t, err)
	require.Equal(t, run, recorded)
	require.NoError(t, s.ApplyPeople(t.Context(), run, []access.PersonChange{joiner("a", "")}))
	require.NoError(t, s.ApplyPeople(t.Context(), run, []access.PersonChange{joiner("a", "protected")}))
	changes, err := s.PeopleChanges(t.Context(), "hr", "run-1", access.PeopleChangesQuery{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []access.PersonChange{joiner("a", "")}, changes, "another configuration holds back what is applied already")
	require.NoError(t, s.ApplyPeople(t.Context(), run, []access.PersonChange{joiner("b", "protected")}))
	require.NoError(t, s.ApplyPeople(t.Context(), run, []access.PersonChange{joiner("b", "")}))
	require.Len(t, known(t, s), 2)
}

func testForgottenListings(t *testing.T, d databases) {
	s := d.open(t)
	run := begunRun(t, s, "listing-2", peopleDay)
	for _, listing := range []string{"listing-1", "listing-2"} {
		require.NoError(t, s.StagePeople(t.Context(), "hr", listing, stagedPage(), 0))
		require.NoError(t, s.StagePeople(t.Context(), "crm", listing, stagedPage(), 0))
	}
	refused := peopleRun("listing-1", peopleDay.Add(time.Minute))
	refused.Problem = "another run goes on"
	endedRun(t, s, refused)
	require.Len(t, listedIDs(t, s, "listing-2"), 6, "the run goes on")
	endedRun(t, s, run)
	require.NoError(t, s.StagePeople(t.Context(), "hr", "listing-3", stagedPage(), 0))
	endedRun(t, s, run)
	for listing, counts := range map[string][2]int{"listing-1": {0, 0}, "listing-2": {0, 2}, "listing-3": {6, 2}} {
		require.Len(t, listedIDs(t, s, listing), counts[0], "%s: who is late forgets nothing of a later run", listing)
		problems, err := s.PeopleProblems(t.Context(), "hr", listing, 0, 10)
		require.NoError(t, err)
		require.Len(t, problems, counts[1], listing)
	}
	rows, err := s.ListedPeople(t.Context(), "crm", "listing-1", "", 10)
	require.NoError(t, err)
	require.Len(t, rows, 6)
}

func testBadPeople(t *testing.T, d databases) {
	s := d.open(t)
	for _, id := range []string{"", "\x00", "\xff"} {
		err := s.StagePeople(t.Context(), "hr", "run-1", access.PeoplePage{People: []access.PersonRecord{personRecord(id)}}, 0)
		require.Equal(t, access.Invalid, access.KindOf(err), "%q", id)
		require.ErrorContains(t, err, "people.id")
	}
	require.ErrorContains(t, s.SavePeopleRun(t.Context(), access.PeopleRun{Source: "hr"}), "id: is empty")
	require.ErrorContains(t, s.BeginPeopleRun(t.Context(), access.PeopleRun{ID: "r"}), "source: is empty")
	_, err := s.KnownPeople(t.Context(), "hr", "", 0)
	require.Equal(t, access.Invalid, access.KindOf(err))
	_, err = s.ListedPeople(t.Context(), "hr", "r", "", ledger.MaxPeople+1)
	require.Equal(t, access.Invalid, access.KindOf(err))
}
