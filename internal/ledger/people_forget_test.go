package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
)

func forgetCases() []suiteCase {
	return []suiteCase{
		{"changes of old runs over people are forgotten, and no others", testForgottenChanges},
		{"changes of a run that ended lately stay, however long it took", testLongRuns},
		{"changes of a plan that no run has are forgotten when none goes on", testUnownedChanges},
		{"the end of a run forgets so many changes at once", testForgottenAtOnce},
		{"the end of a run forgets so many problems at once", testProblemsForgottenAtOnce},
	}
}

const keptFor = 90 * 24 * time.Hour

// changesOf is how many changes a plan of hr has.
func changesOf(t *testing.T, s *ledger.Store, source access.SourceName, plan string) int {
	t.Helper()
	n := 0
	var after access.PersonID
	for {
		page, err := s.PeopleChanges(t.Context(), source, plan, access.PeopleChangesQuery{After: after, Limit: ledger.MaxPeople})
		require.NoError(t, err)
		if n += len(page); len(page) < ledger.MaxPeople {
			return n
		}
		after = page[len(page)-1].Person
	}
}

// forgetting is a run that began at a time, has a change and a problem, and does not end.
func forgetting(t *testing.T, s *ledger.Store, id string, began time.Time) access.PeopleRun {
	t.Helper()
	run := begunRun(t, s, id, began)
	require.NoError(t, s.StagePeople(t.Context(), "hr", id, access.PeoplePage{Problems: []access.PersonProblem{{Row: "line 7", Problem: "x"}}}, 0))
	require.NoError(t, s.ApplyPeople(t.Context(), run, []access.PersonChange{joiner("a", "leavers")}))
	return run
}

func problemsOf(t *testing.T, s *ledger.Store, plan string) int {
	t.Helper()
	problems, err := s.PeopleProblems(t.Context(), "hr", plan, 0, 10)
	require.NoError(t, err)
	return len(problems)
}

func testForgottenChanges(t *testing.T, d databases) {
	s := d.open(t)
	crm := access.PeopleRun{Source: "crm", ID: "old", BeganAt: peopleDay}
	require.NoError(t, s.BeginPeopleRun(t.Context(), crm))
	crm.Plan, crm.Problem, crm.EndedAt = "old", "enough", peopleDay
	require.NoError(t, s.PlanPeople(t.Context(), "crm", "old", []access.PersonChange{joiner("a", "")}))
	require.NoError(t, s.SavePeopleRun(t.Context(), crm))

	// Each run ends a minute after it began.
	old := peopleRun("old", peopleDay)
	old.By = "adam"
	require.NoError(t, s.BeginPeopleRun(t.Context(), old))
	endedRun(t, s, forgetting(t, s, "old", peopleDay))
	endedRun(t, s, forgetting(t, s, "older", peopleDay.Add(time.Hour)))
	last := peopleDay.Add(keptFor + time.Hour + time.Minute)
	endedRun(t, s, forgetting(t, s, "now", last))
	for plan, left := range map[string]int{"old": 0, "older": 1, "now": 1} {
		require.Equal(t, left, changesOf(t, s, "hr", plan), plan)
		require.Equal(t, left, problemsOf(t, s, plan), plan)
	}
	refused := peopleRun("refused", last.Add(time.Second))
	refused.Problem = "another run goes on"
	endedRun(t, s, refused)
	require.Zero(t, changesOf(t, s, "hr", "older"), "any end of a run forgets")
	require.Equal(t, 1, changesOf(t, s, "hr", "now"))
	require.Equal(t, 1, changesOf(t, s, "crm", "old"), "another source's run has not ended")
	runs, err := s.PeopleRuns(t.Context(), "hr", time.Time{}, 10)
	require.NoError(t, err)
	require.Len(t, runs, 4, "the runs stay")
	require.Len(t, deskEvents(t, s, access.DeskEventsQuery{Source: "hr"}), 1, "and so does the audit trail")
	people := known(t, s)
	require.Empty(t, people, "what was held was never applied")
}

func testLongRuns(t *testing.T, d databases) {
	s := d.open(t)
	long := forgetting(t, s, "long", peopleDay)
	refused := peopleRun("refused", peopleDay.Add(2*keptFor))
	refused.Problem = "another run goes on"
	endedRun(t, s, refused)
	require.Equal(t, 1, changesOf(t, s, "hr", "long"), "it goes on")
	long.EndedAt = peopleDay.Add(2 * keptFor)
	require.NoError(t, s.SavePeopleRun(t.Context(), long))
	require.Equal(t, 1, changesOf(t, s, "hr", "long"))
	endedRun(t, s, forgetting(t, s, "next", long.EndedAt.Add(access.ReleaseWithin)))
	held, err := s.PeopleChanges(t.Context(), "hr", "long", access.PeopleChangesQuery{Held: true, Limit: 10})
	require.NoError(t, err)
	require.Len(t, held, 1, "what it held can still be released")
	endedRun(t, s, forgetting(t, s, "last", long.EndedAt.Add(keptFor+time.Second)))
	require.Zero(t, changesOf(t, s, "hr", "long"))
	require.Equal(t, 1, changesOf(t, s, "hr", "next"))
}

func testUnownedChanges(t *testing.T, d databases) {
	s := d.open(t)
	run := forgetting(t, s, "run-1", peopleDay)
	require.NoError(t, s.PlanPeople(t.Context(), "hr", "died", []access.PersonChange{joiner("a", "")}))
	refused := peopleRun("refused", peopleDay.Add(time.Second))
	refused.Problem = "another run goes on"
	endedRun(t, s, refused)
	require.Equal(t, 1, changesOf(t, s, "hr", "died"), "it may be the plan that the run gets")
	endedRun(t, s, run)
	require.Zero(t, changesOf(t, s, "hr", "died"))
	require.Equal(t, 1, changesOf(t, s, "hr", "run-1"))
}

func testForgottenAtOnce(t *testing.T, d databases) {
	s := d.open(t)
	const pages = 21
	first := forgetting(t, s, "first", peopleDay)
	for page := range pages {
		changes := make([]access.PersonChange, ledger.MaxPeople)
		for i := range changes {
			changes[i] = joiner(fmt.Sprintf("p%02d-%04d", page, i), "")
		}
		require.NoError(t, s.PlanPeople(t.Context(), "hr", "first", changes))
	}
	endedRun(t, s, first)
	endedRun(t, s, forgetting(t, s, "second", peopleDay.Add(time.Hour)))
	all := pages*ledger.MaxPeople + 1
	require.Equal(t, all, changesOf(t, s, "hr", "first"))
	later := peopleDay.Add(2 * keptFor)
	endedRun(t, s, forgetting(t, s, "third", later))
	left := changesOf(t, s, "hr", "first")
	require.Equal(t, all-ledger.ForgetAtOnce, left)
	require.Equal(t, 1, changesOf(t, s, "hr", "second"), "the oldest first")
	endedRun(t, s, forgetting(t, s, "fourth", later.Add(time.Hour)))
	require.Zero(t, changesOf(t, s, "hr", "first"))
	require.Zero(t, changesOf(t, s, "hr", "second"))
	require.Zero(t, problemsOf(t, s, "first"))
}

func testProblemsForgottenAtOnce(t *testing.T, d databases) {
	s := d.open(t)
	const runs, pages = 3, 10
	kept := func() (left []int) {
		for i := range runs {
			n := 0
			for more := true; more; {
				page, err := s.PeopleProblems(t.Context(), "hr", fmt.Sprint("old-", i), n, ledger.MaxPeople)
				require.NoError(t, err)
				n, more = n+len(page), len(page) == ledger.MaxPeople
			}
			left = append(left, n)
		}
		return left
	}
	for i := range runs {
		run := forgetting(t, s, fmt.Sprint("old-", i), peopleDay.Add(time.Duration(i)*time.Hour))
		for page := range pages {
			problems := make([]access.PersonProblem, ledger.MaxPeople)
			for n := range problems {
				problems[n] = access.PersonProblem{Row: fmt.Sprint("line ", n), Problem: "x"}
			}
			require.NoError(t, s.StagePeople(t.Context(), "hr", run.ID, access.PeoplePage{Problems: problems}, 1+page*ledger.MaxPeople))
		}
		endedRun(t, s, run)
	}
	const each = pages*ledger.MaxPeople + 1
	require.Equal(t, []int{each, each, each}, kept())
	later := peopleDay.Add(2 * keptFor)
	endedRun(t, s, forgetting(t, s, "later", later))
	// The first two runs have a change each as well.
	require.Equal(t, []int{0, 2*each + 2 - ledger.ForgetAtOnce, each}, kept(), "the oldest first")
	endedRun(t, s, forgetting(t, s, "last", later.Add(time.Hour)))
	require.Equal(t, []int{0, 0, 0}, kept())
	require.Equal(t, 1, problemsOf(t, s, "later"))
}
