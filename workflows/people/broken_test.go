package people_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/snapshot"
	"usher/workflows"
)

// Whatever breaks a listing, nothing follows from it: nobody is changed and nobody is missing, and the run says why.
func TestPeopleRun_broken_listing(t *testing.T) {
	for name, spoil := range map[string]func(c *company){
		"the source is down":      func(c *company) { c.source.Down(true) },
		"a third is hidden":       func(c *company) { c.source.HideThird(true) },
		"credentials are refused": func(c *company) { c.source.RefuseCredentials(true) },
		"each listing is cut": func(c *company) {
			c.source.FailNext(memory.OpListPeople, slices.Repeat([]error{errors.New("cut")}, 10)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, 30)
			c.ends()
			c.leave(0, 2)
			spoil(c)
			_, err := c.run(workflows.PeopleRunParams{})
			require.Error(t, err)
			for i := range 30 {
				require.Equal(t, access.PersonPresent, c.state(i))
			}
			runs, listErr := c.ledger.PeopleRuns(t.Context(), hr, time.Time{}, 1)
			require.NoError(t, listErr)
			require.True(t, runs[0].Ended())
			require.NotEmpty(t, runs[0].Problem)
			require.Contains(t, c.details, "**Problem:**")
		})
	}
}

func TestPeopleRun_cut_once(t *testing.T) {
	c := newCompany(t, 30)
	c.source.CutNextListing()
	run := c.ends()
	require.Equal(t, 30, run.Applied)
	rows, err := c.ledger.ListedPeople(t.Context(), hr, run.Plan, "", 100)
	require.NoError(t, err)
	require.Empty(t, rows, "listings are forgotten when the run has ended")
}

// Another run goes on: this one is told, changes nothing, and leaves no run open.
func TestPeopleRun_two_at_once(t *testing.T) {
	c := newCompany(t, 5)
	other := access.PeopleRun{Source: hr, ID: "other", Workflow: "people/hr/other", BeganAt: c.now}
	require.NoError(t, c.ledger.BeginPeopleRun(t.Context(), other))
	c.running = map[string]bool{other.Workflow: true}
	_, err := c.run(workflows.PeopleRunParams{})
	require.ErrorContains(t, err, "another run over the people of hr goes on")
	open, err := c.ledger.OpenPeopleRun(t.Context(), hr)
	require.NoError(t, err)
	require.Equal(t, "other", open.ID)
	refused, err := c.ledger.PeopleRun(t.Context(), hr, "1")
	require.NoError(t, err)
	require.True(t, refused.Ended())
	require.Contains(t, refused.Problem, "goes on")

	c.running = nil
	require.Equal(t, 5, c.ends().Applied, "a run whose workflow was terminated blocks nobody")
	ended, err := c.ledger.PeopleRun(t.Context(), hr, "other")
	require.NoError(t, err)
	require.Contains(t, ended.Problem, "its workflow ended before the run did")
}

// A run that has ended stays as it is: its workflow that is reset, or an attempt that is late, changes nobody.
func TestPeopleRun_again(t *testing.T) {
	c := newCompany(t, 5)
	run := c.ends()
	c.source.PutRecords(employee(9))
	c.runs--
	_, err := c.run(workflows.PeopleRunParams{})
	require.ErrorContains(t, err, "has ended")
	kept, err := c.ledger.PeopleRun(t.Context(), hr, run.ID)
	require.NoError(t, err)
	require.Equal(t, run, kept)
	_, err = c.ledger.KnownPerson(t.Context(), hr, idOf(9))
	require.Equal(t, access.NotFound, access.KindOf(err))
}

// The first step of a run is tried again after another run has come and gone: it is refused, instead of noting as applied what is not written.
func TestPeopleRun_overtaken(t *testing.T) {
	c := newCompany(t, 40)
	c.ends()
	early := c.now.Add(time.Hour)
	named := employee(1)
	named.DisplayName = "One"
	c.source.PutRecords(named)
	require.Equal(t, 1, c.ends().Applied)
	c.leave(1, 2)
	run := access.PeopleRun{Source: hr, ID: "early", Workflow: "people/hr/early", BeganAt: early}
	var since activities.BeginPeopleResult
	require.ErrorContains(t, c.activity("BeginPeople", activities.BeginPeopleInput{Run: run}, &since), "began before another one")
	require.Equal(t, 1, c.ends().Applied)
	require.Equal(t, access.PersonLeft, c.state(1))
}

// A workflow that is reset while its run goes on lists anew, and makes a plan of its own.
func TestPeopleRun_reset(t *testing.T) {
	c := newCompany(t, 700)
	stopped := access.PeopleRun{Source: hr, ID: "1", Workflow: "people/hr-1", BeganAt: c.now, Plan: "old"}
	require.NoError(t, c.ledger.BeginPeopleRun(t.Context(), stopped))
	leaver := access.PersonChange{Person: idOf(1), Class: access.ClassLeaver, After: access.KnownPerson{State: access.PersonLeft, Record: employee(1)}}
	require.NoError(t, c.ledger.PlanPeople(t.Context(), hr, "old", []access.PersonChange{leaver}))
	require.NoError(t, c.ledger.SavePeopleRun(t.Context(), stopped))
	run := c.ends()
	require.Equal(t, "1", run.ID)
	require.Equal(t, 700, run.Applied)
	require.Equal(t, access.PersonPresent, c.state(1))
	require.Error(t, c.ledger.ApplyPeople(t.Context(), stopped, []access.PersonChange{leaver}))
}

// A listing of which rows were removed is none.
func TestPeopleRun_listing_removed(t *testing.T) {
	c := newCompany(t, 30)
	run := c.ends()
	plan := activities.PlanPeopleInput{Run: access.PeopleRun{Source: hr, ID: "2", BeganAt: run.EndedAt.Add(time.Hour)}, Rows: 30}
	require.NoError(t, c.ledger.BeginPeopleRun(t.Context(), plan.Run))
	plan.Run.Plan = "removed"
	require.ErrorContains(t, c.activity("PlanPeople", plan, &run), "the ledger has 0 rows of the listing, expected 30")
}

// eventful is a company of which the next run has joiners, movers, somebody missing, leavers who are held, and two pages.
func eventful(t *testing.T) *company {
	c := newCompany(t, 520)
	c.settings.Brakes.LeaversCount = 2
	c.ends()
	c.leave(100, 103)
	moved := employee(7)
	moved.Manager = idOf(44)
	c.source.PutRecords(moved, employee(9000), employee(9001))
	c.source.Remove(idOf(8))
	return c
}

// An activity that dies behind any call of the ledger is repeated, and the run ends as it would have ended, counting nobody twice.
func TestPeopleRun_answer_lost(t *testing.T) {
	c := eventful(t)
	want, people := c.ends(), []access.KnownPerson(nil)
	people = c.people()
	require.Equal(t, [2]int{4, 3}, [2]int{want.Applied, want.Held})
	for call := 1; ; call++ {
		c := eventful(t)
		c.ledger.lose = call
		run := c.ends()
		if c.ledger.lose > 0 {
			require.Greater(t, call, 15, "every call has been lost once")
			return
		}
		require.Equal(t, people, c.people(), "call %d", call)
		require.Equal(t, [3]any{want.Applied, want.Held, want.Counts}, [3]any{run.Applied, run.Held, run.Counts}, "call %d", call)
		require.Equal(t, want.Holds, run.Holds, "call %d", call)
	}
}

// An attempt to plan that is late finds people who have joined meanwhile: it neither counts them nor lifts a brake.
func TestPeopleRun_late_plan(t *testing.T) {
	c := newCompany(t, 30)
	c.settings.Brakes.Floor = 0
	c.ends()
	c.leave(0, 4)
	for i := range 30 {
		c.source.PutRecords(employee(100 + i))
	}
	run := c.planned("x")
	require.Equal(t, []string{snapshot.BrakeLeavers}, holdsOf(run))
	changes, err := c.ledger.PeopleChanges(t.Context(), hr, run.Plan, access.PeopleChangesQuery{Class: access.ClassJoiner, Limit: 500})
	require.NoError(t, err)
	require.NoError(t, c.ledger.ApplyPeople(t.Context(), run, changes))
	late := activities.PlanPeopleInput{Run: run, Rows: run.Listing.People}
	late.Run.Holds, late.Run.Counts = nil, access.PeopleCounts{}
	var planned access.PeopleRun
	require.NoError(t, c.activity("PlanPeople", late, &planned))
	require.Equal(t, run, planned)
	var ended access.PeopleRun
	require.NoError(t, c.activity("ApplyPeople", activities.ApplyPeopleInput{Source: hr, Run: run.ID, Plan: run.Plan}, &ended))
	require.Equal(t, [2]int{30, 4}, [2]int{ended.Applied, ended.Held})
	require.Equal(t, access.PersonPresent, c.state(0))
}

// An attempt to apply that is late, of a run that has ended or was replaced, changes nobody.
func TestPeopleRun_late_apply(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	c.leave(0, 2)
	stopped := c.planned("stopped")
	c.leave(2, 3)
	next := c.ends()
	require.Equal(t, 3, next.Applied)
	c.source.PutRecords(employee(0))
	require.Equal(t, 1, c.ends().Applied)
	apply := activities.ApplyPeopleInput{Source: hr, Run: stopped.ID, Plan: stopped.Plan}
	var ended access.PeopleRun
	require.ErrorContains(t, c.activity("ApplyPeople", apply, &ended), "has failed meanwhile")
	require.Equal(t, access.PersonPresent, c.state(0))
}

// A workflow that is reset to before its last step applies its plan once more, from the beginning: it ends as it would have ended.
func TestPeopleRun_reset_in_the_middle(t *testing.T) {
	c := newCompany(t, 1200)
	run := c.planned("x")
	first, err := c.ledger.PeopleChanges(t.Context(), hr, run.Plan, access.PeopleChangesQuery{Limit: 500})
	require.NoError(t, err)
	require.NoError(t, c.ledger.ApplyPeople(t.Context(), run, first))
	apply := activities.ApplyPeopleInput{Source: hr, Run: run.ID, Plan: run.Plan}
	for range 2 {
		var ended access.PeopleRun
		require.NoError(t, c.activity("ApplyPeople", apply, &ended))
		require.Equal(t, 1200, ended.Applied)
	}
	require.Len(t, c.people(), 1200)
}

// A run that is refused because another one goes on leaves the listing of that one alone.
func TestPeopleRun_refused_beside_another(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	c.leave(0, 2)
	first := access.PeopleRun{Source: hr, ID: "first", Workflow: "people/hr/first", BeganAt: c.now.Add(time.Hour)}
	require.NoError(t, c.ledger.BeginPeopleRun(t.Context(), first))
	var listed activities.ListPeopleResult
	require.NoError(t, c.activity("ListPeople", activities.ListPeopleInput{Source: hr, Run: "first"}, &listed))
	c.running = map[string]bool{first.Workflow: true}
	_, err := c.run(workflows.PeopleRunParams{})
	require.ErrorContains(t, err, "goes on")
	first.Listing, first.Plan, first.Mapping = listed.Listing, listed.ID, listed.Mapping
	require.NoError(t, c.activity("PlanPeople", activities.PlanPeopleInput{Run: first, Rows: listed.Rows}, &first))
	require.NoError(t, c.activity("ApplyPeople", activities.ApplyPeopleInput{Source: hr, Run: "first", Plan: first.Plan}, &first))
	require.Equal(t, 2, first.Applied)
}

// paging is a source of which something happens to each page of a listing.
type paging struct {
	*memory.Source
	page func(n int, hand func() error) error
}

func (p paging) ListPeople(ctx context.Context, since string, take func(access.PeoplePage) error) (access.Listing, error) {
	n := 0
	return p.Source.ListPeople(ctx, since, func(page access.PeoplePage) error {
		n++
		return p.page(n, func() error { return take(page) })
	})
}

// A listing that ends at six tenths in each attempt, or has a page twice without the source's noticing, is none: nobody is missing.
func TestPeopleRun_broken_pages(t *testing.T) {
	for name, row := range map[string]struct {
		page func(n int, hand func() error) error
		says string
	}{
		"cut at six tenths": {func(n int, hand func() error) error {
			if n > 3 {
				return access.Errorf(access.Transient, "list people", "the connection was lost")
			}
			return hand()
		}, "the connection was lost"},
		"a page comes twice": {func(n int, hand func() error) error {
			if err := hand(); err != nil || n != 2 {
				return err
			}
			return hand()
		}, "the listing has 3000 people and 0 problems, expected 2500 and 0"},
		"a page is lost": {func(n int, hand func() error) error {
			if n == 2 {
				return nil
			}
			return hand()
		}, "the listing has 2000 people and 0 problems, expected 2500 and 0"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, 2500)
			c.ends()
			before := c.people()
			c.source.PutRecords(employee(9000))
			c.source.Remove(idOf(1))
			c.leave(2, 3)
			c.port = paging{c.source, row.page}
			_, err := c.run(workflows.PeopleRunParams{})
			require.ErrorContains(t, err, row.says)
			require.Equal(t, before, c.people())
		})
	}
}

// An attempt at a listing that broke off has no part in the next one: who was on its pages and is not in the source any more is missing.
func TestPeopleRun_attempts_at_a_listing(t *testing.T) {
	c := newCompany(t, 1200)
	c.ends()
	attempts := 0
	c.port = paging{c.source, func(n int, hand func() error) error {
		if n == 1 {
			attempts++
		}
		if n == 2 && attempts == 1 {
			c.source.Remove(idOf(1))
			return access.Errorf(access.Transient, "list people", "the connection was lost")
		}
		return hand()
	}}
	run := c.ends()
	require.Equal(t, 2, attempts)
	require.Equal(t, map[access.PersonClass]int{access.ClassMissing: 1, access.ClassUnchanged: 1199}, run.Counts.Classes)
}
