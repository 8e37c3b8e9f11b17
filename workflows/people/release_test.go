package people_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/snapshot"
	"usher/workflows"
)

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
		"moved to another": {func(c *company, _ *access.PeopleRelease) {
			back := employee(0)
			back.Manager = idOf(33)
			c.source.PutRecords(back)
		}, 9, ""},
		"protected meanwhile": {func(c *company, _ *access.PeopleRelease) {
			c.settings.Brakes.Protected = []string{"user.p0000"}
		}, 9, ""},
		"after a day":    {func(c *company, _ *access.PeopleRelease) { c.now = c.now.Add(25 * time.Hour) }, 0, "release.run"},
		"an unknown run": {func(_ *company, r *access.PeopleRelease) { r.Run = "nothing" }, 0, "there is no run"},
	} {
		t.Run(name, func(t *testing.T) {
			c, run := held(t)
			c.now = run.EndedAt.Add(time.Hour)
			release := &access.PeopleRelease{Run: run.ID, Reason: "a department closes"}
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
	_, err := c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, Reason: "the new column is right"}})
	require.NoError(t, err)
	run = c.ends()
	require.Empty(t, run.Holds)
	require.Equal(t, 31, run.Counts.Classes[access.ClassUnchanged])
}

// The release of a new mapping for one person is no release for the others, of a later run either.
func TestPeopleRun_remapped_for_one(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	for i := range 2 {
		changed := employee(i)
		changed.Attributes = map[string][]string{access.AttributeDepartment: {"new"}}
		c.source.PutRecords(changed)
	}
	c.mapping = "m2"
	run := c.ends()
	require.Equal(t, 2, run.Held)
	release := func(people ...access.PersonID) access.PeopleRun {
		c.now = c.now.Add(time.Minute)
		next, err := c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, People: people, Reason: "right"}})
		require.NoError(t, err)
		return next
	}
	run = release(idOf(0))
	require.Equal(t, [2]int{1, 1}, [2]int{run.Applied, run.Held})
	run = c.ends()
	require.Equal(t, 1, run.Held)
	c.mapping = "m3"
	run = release()
	require.Equal(t, 1, run.Held, "nobody has seen the third mapping")
	run = release()
	require.Zero(t, run.Held)
	require.Empty(t, c.ends().Holds)
}

// A release of a new mapping is for those whom somebody has seen: while others are held by it, it is not accepted.
func TestPeopleRun_remapped_for_those_seen(t *testing.T) {
	c := newCompany(t, 40)
	c.ends()
	c.mapping = "m2"
	c.source.PutRecords(inDepartment(1, "new"))
	run := c.ends()
	require.Equal(t, 1, run.Held)
	c.leave(20, 22)
	c.now = run.EndedAt
	next := func(release *access.PeopleRelease) {
		c.now = c.now.Add(time.Minute)
		var err error
		run, err = c.runNow(workflows.PeopleRunParams{Release: release})
		require.NoError(t, err)
	}
	next(&access.PeopleRelease{Run: run.ID, Reason: "right"})
	require.Equal(t, [2]int{1, 2}, [2]int{run.Applied, run.Held})
	next(nil)
	require.Equal(t, 2, run.Held, "nobody has released these two")
	require.Equal(t, access.PersonPresent, c.state(20))
	next(&access.PeopleRelease{Run: run.ID, Reason: "right"})
	require.Equal(t, [2]int{2, 0}, [2]int{run.Applied, run.Held})
	require.Empty(t, c.ends().Holds)
}

// Somebody is protected after the plan was made: that is held as well, and can be released by the next run.
func TestPeopleRun_protected_after_the_plan(t *testing.T) {
	c := newCompany(t, 1200)
	c.ends()
	c.leave(0, 3)
	run := c.planned("x")
	require.Empty(t, run.Holds)
	c.settings.Brakes.Protected = []string{"user.p0001"}
	require.NoError(t, c.activity("ApplyPeople", activities.ApplyPeopleInput{Source: hr, Run: run.ID, Plan: run.Plan}, &run))
	require.Equal(t, []string{snapshot.BrakeProtected}, holdsOf(run))
	require.Equal(t, 1, run.Held)
	require.Equal(t, access.PersonPresent, c.state(1))
	require.Equal(t, access.PersonLeft, c.state(2))
}

// Of ten leavers one is protected, and another one comes to be so: the release is not for the second protection, though it is for that brake.
func TestPeopleRun_released_and_newly_protected(t *testing.T) {
	c := newCompany(t, 40)
	c.settings.Brakes.Protected = []string{"user.p0000"}
	c.ends()
	c.leave(0, 10)
	run := c.ends()
	require.Equal(t, []string{snapshot.BrakeLeavers, snapshot.BrakeProtected}, holdsOf(run))
	c.settings.Brakes.Protected = append(c.settings.Brakes.Protected, "user.p0001")
	c.now = run.EndedAt.Add(time.Minute)
	run, err := c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, Reason: "they left"}})
	require.NoError(t, err)
	require.Equal(t, access.PersonLeft, c.state(0))
	require.Equal(t, access.PersonPresent, c.state(1), "nobody has seen that a protected person leaves")
	held, err := c.ledger.PeopleChanges(t.Context(), hr, run.Plan, access.PeopleChangesQuery{Held: true, Limit: 10})
	require.NoError(t, err)
	require.Len(t, held, 1)
	require.Equal(t, snapshot.BrakeProtected, held[0].Held)
	require.Equal(t, []string{snapshot.BrakeLeavers, snapshot.BrakeProtected}, held[0].Brakes)
}

// A release is for the values that somebody has seen: who has another one by then stays held.
func TestPeopleRun_released_values(t *testing.T) {
	c := newCompany(t, 30)
	c.ends()
	moved := func(i int, department string) access.PersonRecord {
		r := employee(i)
		r.Attributes = map[string][]string{access.AttributeDepartment: {department}}
		return r
	}
	for i := range 15 {
		c.source.PutRecords(moved(i, "x"))
	}
	run := c.ends()
	require.Equal(t, []string{"field:attributes.department"}, holdsOf(run))
	require.Equal(t, 15, run.Held)
	c.source.PutRecords(moved(3, "y"))
	c.now = run.EndedAt.Add(time.Minute)
	run, err := c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, Reason: "the departments have new names"}})
	require.NoError(t, err)
	require.Equal(t, [2]int{14, 1}, [2]int{run.Applied, run.Held})
	held, err := c.ledger.PeopleChanges(t.Context(), hr, run.Plan, access.PeopleChangesQuery{Held: true, Limit: 10})
	require.NoError(t, err)
	require.Equal(t, idOf(3), held[0].Person)
}

// A plant closes: once somebody has released that its people are missing, no later listing without them is held for that, and they leave.
func TestPeopleRun_released_absence(t *testing.T) {
	c := newCompany(t, 40)
	c.settings.MissingListings = 3
	c.ends()
	for i := range 10 {
		c.source.Remove(idOf(i))
	}
	run := c.ends()
	require.Equal(t, []string{snapshot.BrakeShrunk}, holdsOf(run))
	c.now = run.EndedAt.Add(time.Minute)
	run, err := c.runNow(workflows.PeopleRunParams{Release: &access.PeopleRelease{Run: run.ID, Reason: "the plant in Porto closed"}})
	require.NoError(t, err)
	require.Equal(t, 10, run.Applied)
	c.source.PutRecords(employee(9))
	require.Empty(t, c.ends().Holds)
	require.Empty(t, c.ends().Holds)
	require.Equal(t, access.PersonLeft, c.state(0))
	require.Equal(t, access.PersonPresent, c.state(9), "was listed again")

	c.source.Remove(idOf(9))
	for i := 10; i < 14; i++ {
		c.source.Remove(idOf(i))
	}
	require.Equal(t, []string{snapshot.BrakeShrunk}, holdsOf(c.ends()), "an absence that was released counts no more once the person is listed")
}

// Who releases what is in the audit trail from the moment on at which the run begins, though it fails then.
func TestPeopleRun_release_is_an_event(t *testing.T) {
	c := newCompany(t, 40)
	c.ends()
	c.leave(0, 10)
	run := c.ends()
	events := func() []access.PlacedDeskEvent {
		said, err := c.ledger.DeskEvents(t.Context(), access.DeskEventsQuery{Source: hr, Limit: 10})
		require.NoError(t, err)
		return said
	}
	require.Empty(t, events(), "its schedule started them")
	c.now = run.EndedAt.Add(time.Hour)
	c.source.Down(true)
	release := &access.PeopleRelease{Run: run.ID, Brakes: []string{snapshot.BrakeLeavers}, Reason: "a department closes"}
	_, err := c.runNow(workflows.PeopleRunParams{Release: release, By: "adam", Evidence: "a token"})
	require.Error(t, err)
	said := events()
	require.Len(t, said, 1)
	require.Equal(t, [3]any{access.DeskPeopleRunReleases, access.PersonID("adam"), "a token"}, [3]any{said[0].Type, said[0].Actor, said[0].Evidence})
	require.Equal(t, release, said[0].Release)
	require.Equal(t, map[string]int{"leaver": 10}, said[0].Held)
}

// Changes of old runs are forgotten by the run that follows, and nothing else changes by that.
func TestPeopleRun_forgets_old_changes(t *testing.T) {
	c := newCompany(t, 40)
	first := c.ends()
	c.leave(0, 10)
	held := c.ends()
	require.Equal(t, 10, held.Held)
	changes := func(run access.PeopleRun) int {
		page, err := c.ledger.Store.PeopleChanges(t.Context(), hr, run.Plan, access.PeopleChangesQuery{Limit: 500})
		require.NoError(t, err)
		return len(page)
	}
	before := c.people()
	// A run ends by the clock of the ledger's host.
	c.now = held.EndedAt.Add(time.Hour)
	_, err := c.runNow(workflows.PeopleRunParams{})
	require.NoError(t, err)
	require.Equal(t, [2]int{40, 10}, [2]int{changes(first), changes(held)})
	c.now = held.EndedAt.Add(91 * 24 * time.Hour)
	last, err := c.runNow(workflows.PeopleRunParams{})
	require.NoError(t, err)
	require.Equal(t, 10, last.Held, "nobody has released them")
	require.Equal(t, [3]int{0, 0, 10}, [3]int{changes(first), changes(held), changes(last)})
	require.Equal(t, before, c.people())
}
