package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/ledger"
	"usher/internal/ledger/ledgertest"
)

// "The end of a run must not take long" (forgetAtOnce) is held for the changes of people; the rows of desks are all removed in the transaction that ends the run. A schedule that was paused
// for a quarter of a year, or a first load of 100,000, is one DELETE, under SQLite's only writer.
func TestAttackLedger_end_of_a_run_removes_all_old_rows_at_once(t *testing.T) {
	s := ledgertest.SQLite(t)
	run := begunSync(t, s, "first", peopleDay)
	run.Plan, run.Rows = "first.plan", "first.rows"
	const pages = 30
	for page := range pages {
		rows := make([]access.SyncRow, ledger.MaxPeople)
		for i := range rows {
			rows[i] = access.SyncRow{Person: access.PersonID(fmt.Sprintf("p%02d-%04d", page, i)), Operation: access.UserSkip, State: access.SyncSkipped}
		}
		require.NoError(t, s.PlanSyncRows(t.Context(), run, rows))
	}
	require.NoError(t, s.SaveSyncRun(t.Context(), run))
	endedSync(t, s, run)
	endedSync(t, s, begunSync(t, s, "later", peopleDay.Add(2*keptFor)))
	left, err := s.CountSyncRows(t.Context(), "it", "first.rows")
	require.NoError(t, err)
	require.GreaterOrEqual(t, left[access.SyncSkipped], pages*ledger.MaxPeople-ledger.ForgetAtOnce, "all were removed within the end of one run")
}

// Of runs over people, forgetAtOnce counts changes alone: the problems of all old plans are removed in the one transaction that ends a run.
func TestAttackLedger_end_of_a_run_removes_all_old_problems_at_once(t *testing.T) {
	s := ledgertest.SQLite(t)
	const runs, pages = 3, 10
	kept := func() int {
		n := 0
		for i := range runs {
			for after := 0; ; {
				page, err := s.PeopleProblems(t.Context(), "hr", fmt.Sprint("old-", i), after, ledger.MaxPeople)
				require.NoError(t, err)
				n, after = n+len(page), after+len(page)
				if len(page) < ledger.MaxPeople {
					break
				}
			}
		}
		return n
	}
	for i := range runs {
		run := forgetting(t, s, fmt.Sprint("old-", i), peopleDay.Add(time.Duration(i)*time.Hour))
		for page := range pages {
			var problems []access.PersonProblem
			for n := range ledger.MaxPeople {
				problems = append(problems, access.PersonProblem{Row: fmt.Sprint("line ", n), Problem: "x"})
			}
			require.NoError(t, s.StagePeople(t.Context(), "hr", run.ID, access.PeoplePage{Problems: problems}, 1+page*ledger.MaxPeople))
		}
		endedRun(t, s, run)
	}
	all := kept()
	require.Greater(t, all, ledger.ForgetAtOnce)
	endedRun(t, s, forgetting(t, s, "later", peopleDay.Add(2*keptFor)))
	require.GreaterOrEqual(t, kept(), all-ledger.ForgetAtOnce, "of %d problems", all)
}
