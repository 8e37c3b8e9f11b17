package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// crew is the staff of a desk, as HR writes it.
type crew struct {
	*system
	dir string
	all map[int]stack.Employee
}

func loginOf(n int) string { return fmt.Sprintf("crew-%05d@example.test", n) }

func (c *crew) hires(from, to int) {
	for n := from; n < to; n++ {
		c.all[n] = stack.Employee{
			ID: number(n), Login: loginOf(n), Mail: loginOf(n), Name: fmt.Sprintf("Crew %d", n), Manager: number(n / 10), Title: "Engineer", City: "Engineer",
		}
	}
}

func (c *crew) change(n int, change func(*stack.Employee)) {
	e := c.all[n]
	change(&e)
	c.all[n] = e
}

// listed has the source follow the file.
func (c *crew) listed(ctx context.Context, t *testing.T, start stack.PeopleStart) access.PeopleRun {
	t.Helper()
	var all []stack.Employee
	for n := range len(c.all) {
		all = append(all, c.all[n])
	}
	require.NoError(t, stack.WriteStaff(filepath.Join(c.dir, stack.StaffFile), all))
	row := &peopleRow{system: c.system, source: stack.Staff}
	run := row.runs(ctx, t, start)
	require.Empty(t, run.Problem)
	return run
}

// syncEnded waits for the end of a run over users.
func (s *system) syncEnded(ctx context.Context, t *testing.T, run string) access.SyncRun {
	t.Helper()
	var found access.SyncRun
	require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
		var err error
		if found, err = s.Sync(ctx, run); err == nil && !found.Ended() {
			err = fmt.Errorf("the run %s goes on", run)
		}
		return err
	}))
	require.Empty(t, found.Problem)
	return found
}

func (c *crew) syncs(ctx context.Context, t *testing.T, start stack.SyncStart) access.SyncRun {
	t.Helper()
	run, err := c.StartSync(ctx, stack.Auditor, start)
	require.NoError(t, err)
	return c.syncEnded(ctx, t, run)
}

// grouped holds who is in the groups of the desk, by its own HTTP.
func (c *crew) grouped(ctx context.Context, t *testing.T, research, managers []int) {
	t.Helper()
	for group, numbers := range map[string][]int{stack.ResearchGroup: research, stack.ManagersGroup: managers} {
		var wanted []string
		for _, n := range numbers {
			wanted = append(wanted, c.all[n].Login)
		}
		members, err := c.GroupMembers(ctx, group)
		require.NoError(t, err)
		require.ElementsMatch(t, wanted, members, group)
	}
}

// user is the user of somebody, by the desk's own HTTP.
func (c *crew) user(ctx context.Context, t *testing.T, n int) stack.DeskUser {
	t.Helper()
	user, err := c.DeskUser(ctx, c.all[n].Login)
	require.NoError(t, err)
	return user
}

// newCrew starts a system whose users follow a file.
func newCrew(t *testing.T, more settings) *crew {
	t.Helper()
	dir, err := os.MkdirTemp("", "usher-e2e-")
	require.NoError(t, err)
	t.Cleanup(func() {
		if !t.Failed() {
			require.NoError(t, os.RemoveAll(dir))
		}
	})
	more.staff = true
	return &crew{system: startIn(t, dir, more), dir: dir, all: map[int]stack.Employee{}}
}

// TestUserSync: people come, move and leave, and the users and groups of each desk follow; what is too much at once waits for an administrator.
func TestUserSync(t *testing.T) {
	t.Parallel()
	jira := dataCenter()
	for _, row := range []struct {
		name     string
		settings settings
		managers bool
	}{
		{"jira data_center", jira, false},
		{"servicenow", settings{desk: stack.ServiceNow}, true},
		{"requesttracker", settings{desk: stack.RequestTracker}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.settings.groups = true
			c := newCrew(t, row.settings)
			ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
			defer cancel()
			c.story(ctx, t, row.managers)
		})
	}
}

func (c *crew) story(ctx context.Context, t *testing.T, managers bool) {
	c.hires(0, 30)
	for _, n := range []int{15, 16} {
		c.change(n, func(e *stack.Employee) { e.Department = stack.ResearchGroup })
	}
	c.listed(ctx, t, stack.PeopleStart{})
	first := c.syncs(ctx, t, stack.SyncStart{})
	require.Equal(t, map[access.SyncState]int{access.SyncApplied: 30}, first.States)
	require.Empty(t, c.syncs(ctx, t, stack.SyncStart{}).States, "a second run has nothing to do")
	c.grouped(ctx, t, []int{15, 16}, []int{0, 1, 2})
	boss, one := c.user(ctx, t, 1), c.user(ctx, t, 15)
	require.True(t, one.Active)
	require.Equal(t, loginOf(15), one.Mail)
	if managers {
		require.Equal(t, boss.ID, one.Manager)
	}

	c.change(15, func(e *stack.Employee) {
		e.Login, e.Mail, e.Manager, e.Title, e.City, e.Name = "renamed@example.test", "renamed@example.test", number(2), "Lead", "Lead", "Other Name"
		e.Department = "Sales"
	})
	c.change(16, func(e *stack.Employee) { e.Left = true })
	c.change(17, func(e *stack.Employee) { e.Manager, e.Department, e.Name = number(15), stack.ResearchGroup, "New Name" })
	c.listed(ctx, t, stack.PeopleStart{})
	require.Equal(t, map[access.SyncState]int{access.SyncApplied: 3}, c.syncs(ctx, t, stack.SyncStart{}).States)
	c.grouped(ctx, t, []int{17}, []int{0, 1, 2, 15})
	moved := c.user(ctx, t, 15)
	require.Equal(t, one.ID, moved.ID, "a rename keeps the user")
	require.Equal(t, "renamed@example.test", moved.Mail)
	if managers {
		require.Equal(t, c.user(ctx, t, 2).ID, moved.Manager)
		require.Equal(t, "Lead", moved.Title)
	}
	require.False(t, c.user(ctx, t, 16).Active)

	for n := 20; n < 30; n++ {
		c.change(n, func(e *stack.Employee) { e.Left = true })
	}
	held := c.listed(ctx, t, stack.PeopleStart{})
	require.Equal(t, 10, held.Held)
	require.Empty(t, c.syncs(ctx, t, stack.SyncStart{}).States, "nobody has left yet")
	c.listed(ctx, t, stack.PeopleStart{Release: &stack.PeopleRelease{Run: held.ID, Reason: "a plant closes"}})
	onDesk := c.syncs(ctx, t, stack.SyncStart{})
	require.Equal(t, 10, onDesk.States[access.SyncHeld])
	require.True(t, c.user(ctx, t, 25).Active)
	released := c.syncs(ctx, t, stack.SyncStart{Release: &stack.PeopleRelease{Run: onDesk.ID, Reason: "a plant closes"}})
	require.Equal(t, map[access.SyncState]int{access.SyncApplied: 10}, released.States)
	for n := range 30 {
		require.Equal(t, n < 20 && n != 16, c.user(ctx, t, n).Active, n)
	}
}

// TestUserSync_killed kills the worker again and again while a crowd is created: everybody has one user in the end, and the manager.
func TestUserSync_killed(t *testing.T) {
	t.Parallel()
	crowd, kills := 1000, 1
	if full() {
		crowd, kills = 20_000, 10
	}
	// What the desk takes is not what this is about: its rate would be hours of waiting for a crowd.
	c := newCrew(t, settings{desk: stack.ServiceNow, workerEnv: []string{"USHER_DESKS_SERVICENOW_SERVICENOW_RATE=100000"}})
	ctx, cancel := context.WithTimeout(t.Context(), 2*rowWithin)
	if full() {
		ctx, cancel = context.WithTimeout(t.Context(), 20*rowWithin)
	}
	defer cancel()
	before := c.syncs(ctx, t, c.empty(ctx, t)).Counts.Users
	c.hires(0, crowd)
	c.listed(ctx, t, stack.PeopleStart{})
	run, err := c.StartSync(ctx, stack.Auditor, stack.SyncStart{})
	require.NoError(t, err)
	for kill := range kills {
		require.NoError(t, stack.Poll(ctx, func(ctx context.Context) error {
			found, err := c.Sync(ctx, run)
			if err != nil {
				return err
			}
			done := found.States[access.SyncApplied] + found.States[access.SyncManager]
			require.Falsef(t, found.Ended(), "the run ended before the kill %d: %v", kill, found.States)
			if done < (kill+1)*crowd/(kills+2) {
				return fmt.Errorf("%d are done", done)
			}
			return nil
		}))
		pid, err := c.stack.KillWorker()
		require.NoError(t, err)
		_, err = c.stack.AwaitWorker(ctx, pid)
		require.NoError(t, err)
	}
	ended := c.syncEnded(ctx, t, run)
	require.Equal(t, map[access.SyncState]int{access.SyncApplied: crowd}, ended.States)
	again := c.syncs(ctx, t, stack.SyncStart{})
	require.Empty(t, again.States)
	require.Equal(t, before+crowd, again.Counts.Users, "each user once")
	for _, n := range []int{1, crowd / 2, crowd - 1} {
		require.Equal(t, c.user(ctx, t, n/10).ID, c.user(ctx, t, n).Manager, n)
	}
}

// empty has the source list nobody, so that a run over the desk's users can say how many there are.
func (c *crew) empty(ctx context.Context, t *testing.T) stack.SyncStart {
	t.Helper()
	c.listed(ctx, t, stack.PeopleStart{})
	return stack.SyncStart{Dry: true}
}
