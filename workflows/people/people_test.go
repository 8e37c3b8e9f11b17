package people_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/ledger"
	"usher/internal/snapshot"
	"usher/workflows"
	"usher/workflows/people"
)

const hr access.SourceName = "hr"

// company is a source of people in memory, with a real ledger, and what runs over them.
type company struct {
	t        *testing.T
	source   *memory.Source
	ledger   *unreliable
	settings activities.PeopleSettings
	mapping  string
	now      time.Time
	runs     int
	details  string
}

// unreliable is a ledger of which some calls fail.
type unreliable struct {
	*ledger.Store
	// failApply are how many of the next calls of ApplyPeople write and then lose their answer.
	failApply int
	applies   int
}

func (u *unreliable) ApplyPeople(ctx context.Context, run access.PeopleRun, changes []access.PersonChange) error {
	u.applies++
	err := u.Store.ApplyPeople(ctx, run, changes)
	if err == nil && u.failApply > 0 && u.applies > 1 {
		u.failApply--
		return access.Errorf(access.Transient, "apply", "the answer is lost")
	}
	return err
}

func newCompany(t *testing.T, n int) *company {
	t.Helper()
	store, err := ledger.Open(t.Context(), ledger.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Migrate(t.Context()))
	c := &company{
		t: t, source: memory.NewSource(), ledger: &unreliable{Store: store}, mapping: "m1",
		now: time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC),
		settings: activities.PeopleSettings{
			MissingListings: 2, MoverFields: []string{"manager"},
			Brakes: snapshot.Brakes{LeaversCount: 1000, LeaversShare: 0.1, ShrunkShare: 0.1, FieldShare: 0.3, Floor: 2},
		},
	}
	for i := range n {
		c.source.PutRecords(employee(i))
	}
	return c
}

func idOf(i int) access.PersonID { return access.PersonID(fmt.Sprintf("p%04d", i)) }

func employee(i int) access.PersonRecord {
	return access.PersonRecord{
		Person:     access.Person{ID: idOf(i), UserName: "user." + string(idOf(i)), Manager: idOf(i / 10), Active: true},
		Attributes: map[string][]string{access.AttributeDepartment: {fmt.Sprint(i % 7)}},
	}
}

// run runs once, a day after the run before.
func (c *company) run(p workflows.PeopleRunParams) (access.PeopleRun, error) {
	c.t.Helper()
	c.now = c.now.Add(24 * time.Hour)
	return c.runNow(p)
}

func (c *company) runNow(p workflows.PeopleRunParams) (access.PeopleRun, error) {
	c.t.Helper()
	c.runs++
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(c.now)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: fmt.Sprintf("people/hr-%d", c.runs), TaskQueue: workflows.TaskQueue})
	env.RegisterActivity(&activities.Source{Port: c.source, Ledger: c.ledger, Mapping: c.mapping})
	env.RegisterActivity(&activities.People{Ledger: c.ledger, Settings: map[access.SourceName]activities.PeopleSettings{hr: c.settings}})
	p.Source = hr
	named := func(ctx workflow.Context, p workflows.PeopleRunParams) (access.PeopleRun, error) {
		run, err := people.Workflow(ctx, p)
		c.details = workflow.GetCurrentDetails(ctx)
		return run, err
	}
	env.ExecuteWorkflow(named, p)
	require.True(c.t, env.IsWorkflowCompleted())
	var run access.PeopleRun
	if err := env.GetWorkflowError(); err != nil {
		return run, err
	}
	require.NoError(c.t, env.GetWorkflowResult(&run))
	return run, nil
}

// ends runs once, and must end well.
func (c *company) ends() access.PeopleRun {
	c.t.Helper()
	run, err := c.run(workflows.PeopleRunParams{})
	require.NoError(c.t, err)
	return run
}

func (c *company) state(i int) access.PersonState {
	c.t.Helper()
	known, err := c.ledger.KnownPerson(c.t.Context(), hr, idOf(i))
	require.NoError(c.t, err)
	return known.State
}

func (c *company) leave(from, to int) {
	for i := from; i < to; i++ {
		c.source.Deactivate(idOf(i))
	}
}

func holdsOf(run access.PeopleRun) []string {
	var names []string
	for _, h := range run.Holds {
		names = append(names, h.Name())
	}
	return names
}

func TestPeopleRun_everyday(t *testing.T) {
	c := newCompany(t, 1200)
	run := c.ends()
	require.Equal(t, map[access.PersonClass]int{access.ClassJoiner: 1200}, run.Counts.Classes)
	require.Equal(t, 1200, run.Applied)
	require.Zero(t, run.Held)
	require.Empty(t, run.Holds)

	run = c.ends()
	require.Equal(t, map[access.PersonClass]int{access.ClassUnchanged: 1200}, run.Counts.Classes)
	require.Zero(t, run.Applied)
	require.Contains(t, c.details, "nothing is different")

	c.leave(0, 3)
	moved := employee(10)
	moved.Manager = idOf(77)
	changed := employee(11)
	changed.DisplayName = "Another Name"
	c.source.PutRecords(moved, changed, employee(5000))
	run = c.ends()
	require.Equal(t, map[access.PersonClass]int{
		access.ClassLeaver: 3, access.ClassMover: 1, access.ClassChanged: 1, access.ClassJoiner: 1, access.ClassUnchanged: 1195,
	}, run.Counts.Classes)
	require.Equal(t, 6, run.Applied)
	require.Equal(t, access.PersonLeft, c.state(0))
	require.Equal(t, access.PersonPresent, c.state(5000))
	require.Contains(t, c.details, "Plan: 1 changed, 1 joiner, 3 leaver, 1 mover.")

	c.source.PutRecords(employee(0))
	run = c.ends()
	require.Equal(t, 1, run.Counts.Classes[access.ClassReturner])
	require.Equal(t, access.PersonPresent, c.state(0))
}

// Whatever breaks a listing, nothing follows from it: nobody is changed and nobody is missing, and the run says why.
func TestPeopleRun_broken_listing(t *testing.T) {
	for name, spoil := range map[string]func(c *company){
		"the source is down":       func(c *company) { c.source.Down(true) },
		"a third is hidden":        func(c *company) { c.source.HideThird(true) },
		"credentials are refused":  func(c *company) { c.source.RefuseCredentials(true) },
		"each listing is cut":      func(c *company) { c.source.FailNext(memory.OpListPeople, slices.Repeat([]error{errors.New("cut")}, 10)...) },
		"no ledger for the source": func(c *company) { c.settings.MissingListings = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, 30)
			c.ends()
			c.leave(0, 2)
			if name == "no ledger for the source" {
				t.Skip("see TestListPeople_without_a_ledger")
			}
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
	rows, err := c.ledger.ListedPeople(t.Context(), hr, run.ID+".1", "", 100)
	require.NoError(t, err)
	require.Empty(t, rows, "what was cut is forgotten")
}

func TestPeopleRun_missing(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	c.source.Remove(idOf(4))
	run := c.ends()
	require.Equal(t, 1, run.Counts.Classes[access.ClassMissing])
	require.Equal(t, access.PersonPresent, c.state(4))
	run = c.ends()
	require.Equal(t, 1, run.Counts.Classes[access.ClassLeaver])
	require.Equal(t, access.PersonLeft, c.state(4))
}

// A problem that names nobody may be whoever is missing.
func TestPeopleRun_nameless(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	c.source.Remove(idOf(4))
	c.source.Spoil(access.PersonProblem{Row: "line 5", Problem: "no id"})
	for range 4 {
		run := c.ends()
		require.Equal(t, 1, run.Nameless)
		require.Equal(t, access.PersonPresent, c.state(4))
	}
}

func TestPeopleRun_empty_source(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	for i := range 30 {
		c.source.Remove(idOf(i))
	}
	c.source.PutRecords(employee(100))
	for range 5 {
		run := c.ends()
		require.Contains(t, holdsOf(run), snapshot.BrakeShrunk)
		require.Equal(t, 30, run.Held)
	}
	for i := range 30 {
		require.Equal(t, access.PersonPresent, c.state(i))
	}
	require.Equal(t, access.PersonPresent, c.state(100), "joiners go on")
}

func TestPeopleRun_released(t *testing.T) {
	held := func(t *testing.T) (*company, access.PeopleRun) {
		c := newCompany(t, 40)
		c.ends()
		c.leave(0, 10)
		run := c.ends()
		require.Equal(t, []string{snapshot.BrakeLeavers}, holdsOf(run))
		require.Equal(t, 10, run.Held)
		return c, run
	}
	left := func(c *company) int {
		n := 0
		for i := range 40 {
			if c.state(i) == access.PersonLeft {
				n++
			}
		}
		return n
	}
	for name, row := range map[string]struct {
		release func(*company, *access.PeopleRelease)
		left    int
		fails   string
	}{
		"all":                   {func(*company, *access.PeopleRelease) {}, 10, ""},
		"by its name":           {func(_ *company, r *access.PeopleRelease) { r.Brakes = []string{snapshot.BrakeLeavers} }, 10, ""},
		"another brake":         {func(_ *company, r *access.PeopleRelease) { r.Brakes = []string{snapshot.BrakeShrunk} }, 0, ""},
		"one person":            {func(_ *company, r *access.PeopleRelease) { r.People = []access.PersonID{idOf(3)} }, 1, ""},
		"others left meanwhile": {func(c *company, _ *access.PeopleRelease) { c.leave(10, 15) }, 10, ""},
		"some came back":        {func(c *company, _ *access.PeopleRelease) { c.source.PutRecords(employee(0), employee(1)) }, 8, ""},
		"protected meanwhile": {func(c *company, _ *access.PeopleRelease) {
			c.settings.Brakes.Protected = []string{"user.p0000"}
		}, 9, ""},
		"after a day":    {func(c *company, _ *access.PeopleRelease) { c.now = c.now.Add(25 * time.Hour) }, 0, "release.run"},
		"an unknown run": {func(_ *company, r *access.PeopleRelease) { r.Run = "nothing" }, 0, "there is no run"},
	} {
		t.Run(name, func(t *testing.T) {
			c, run := held(t)
			c.now = run.EndedAt.Add(time.Hour)
			release := &access.PeopleRelease{Run: run.ID, By: "olga", Reason: "a department closes"}
			row.release(c, release)
			released, err := c.runNow(workflows.PeopleRunParams{Release: release})
			if row.fails != "" {
				require.ErrorContains(t, err, row.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, release, released.Release)
			}
			require.Equal(t, row.left, left(c))
		})
	}
}

// The mapping of a source changes: what would change by that is held, until somebody releases it.
func TestPeopleRun_remapped(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	changed := employee(1)
	changed.Attributes = map[string][]string{access.AttributeDepartment: {"new"}}
	c.source.PutRecords(changed, employee(100))
	c.mapping = "m2"
	var run access.PeopleRun
	for range 2 {
		run = c.ends()
		require.Equal(t, []string{snapshot.BrakeMapping}, holdsOf(run))
		require.Equal(t, 1, run.Held)
	}
	require.Equal(t, access.PersonPresent, c.state(100))
	c.now = run.EndedAt.Add(time.Minute)
	_, err := c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, By: "olga", Reason: "the new column is right"}})
	require.NoError(t, err)
	run = c.ends()
	require.Empty(t, run.Holds)
	require.Equal(t, 31, run.Counts.Classes[access.ClassUnchanged])
}

// Between whole listings only changes are listed, unless something was held, failed, or is read in another way.
func TestPeopleRun_changes(t *testing.T) {
	c := newCompany(t, 30)
	c.settings.WholeEvery = 72 * time.Hour
	require.False(t, c.ends().Listing.Changes, "the first lists everybody")
	c.leave(0, 1)
	c.source.Remove(idOf(1))
	run := c.ends()
	require.True(t, run.Listing.Changes)
	require.Equal(t, 2, run.Applied)
	require.Equal(t, access.PersonLeft, c.state(0))
	require.Equal(t, access.PersonLeft, c.state(1), "the source says that it has the person no more")
	c.mapping = "m2"
	require.False(t, c.ends().Listing.Changes, "another mapping reads everybody again")
	c.mapping = "m1"
	c.source.Down(true)
	_, err := c.run(workflows.PeopleRunParams{})
	require.Error(t, err)
	c.source.Down(false)
	require.False(t, c.ends().Listing.Changes, "after a failure")
	require.True(t, c.ends().Listing.Changes)
	require.True(t, c.ends().Listing.Changes)
	require.True(t, c.ends().Listing.Changes)
	require.False(t, c.ends().Listing.Changes, "after three days")
	whole, err := c.run(workflows.PeopleRunParams{Whole: true})
	require.NoError(t, err)
	require.False(t, whole.Listing.Changes)
}

// An attempt to apply that is lost goes on where it was, and counts nobody twice.
func TestPeopleRun_apply_interrupted(t *testing.T) {
	c := newCompany(t, 1700)
	c.ledger.failApply = 3
	run := c.ends()
	require.Equal(t, 1700, run.Applied)
	require.Zero(t, c.ledger.failApply)
	require.Equal(t, access.PersonPresent, c.state(1699))
}

func TestPeopleRun_two_at_once(t *testing.T) {
	c := newCompany(t, 5)
	require.NoError(t, c.ledger.BeginPeopleRun(t.Context(), access.PeopleRun{Source: hr, ID: "other", BeganAt: c.now.Add(23 * time.Hour)}, 6*time.Hour))
	_, err := c.run(workflows.PeopleRunParams{})
	require.ErrorContains(t, err, "another run over the people of hr goes on")
}
