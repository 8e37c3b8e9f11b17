package usersync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	sync "usher/internal/usersync"
	"usher/workflows"
)

// Each brake holds its rows, and nobody else's: who joins gets a user.
func TestUserSync_brakes(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*office)
		hold    string
		held    int
	}{
		"many would be switched off": {func(o *office) { o.leaves(10, 11, 12, 13, 14, 15, 16, 17) }, sync.BrakeDeactivations, 8},
		"a field becomes another for many": {func(o *office) {
			for i := range 20 {
				o.change(i, func(p *access.KnownPerson) { p.Record.Attributes[access.AttributeDepartment] = []string{"broken"} })
			}
		}, "field:department", 20},
		"a field becomes empty for many": {func(o *office) {
			for i := range 20 {
				o.change(i, func(p *access.KnownPerson) { delete(p.Record.Attributes, access.AttributeDepartment) })
			}
		}, "field:department", 20},
		"managers become empty for a third": {func(o *office) {
			for i := range 13 {
				o.change(i, func(p *access.KnownPerson) { p.Record.Manager = "" })
			}
		}, "field:manager", 13},
		"the configuration has changed": {func(o *office) {
			o.settings.Digest = "m2"
			o.change(3, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
		}, sync.BrakeMapping, 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, 30)
			o.settles()
			c.prepare(o)
			before := o.users.All()
			o.put(employee(40))
			run := o.ends()
			require.Equal(t, []string{c.hold}, holdsOf(run))
			require.Equal(t, c.held, run.States[access.SyncHeld])
			require.Equal(t, 1, run.States[access.SyncApplied], "the joiner")
			now := o.users.All()
			require.Len(t, now, len(before)+1)
			for _, was := range before {
				require.Contains(t, now, was)
			}
			again := o.ends()
			require.Equal(t, []string{c.hold}, holdsOf(again), "the next run holds again")

			o.now = again.EndedAt.Add(-time.Hour + time.Minute)
			released, err := o.run(workflows.UserSyncParams{By: "ada", Release: &access.PeopleRelease{Run: again.ID, Reason: "right"}})
			require.NoError(t, err)
			require.Equal(t, c.held, released.States[access.SyncApplied])
			require.Zero(t, released.States[access.SyncHeld])
			o.settles()
		})
	}
}

// A desk that hides users from its listing looks like one that has lost them: nothing is applied, and nobody is created twice.
func TestUserSync_hidden_users(t *testing.T) {
	o := newOffice(t, 30)
	o.settles()
	before := o.users.All()
	o.users.HideUsers(3)
	o.leaves(4)
	run := o.ends()
	require.Contains(t, holdsOf(run), sync.BrakeMissing)
	require.Zero(t, run.States[access.SyncApplied])
	require.Equal(t, before, o.users.All())
}

// The same before anybody is linked: what the listing hides shows when the user is looked for, or the desk refuses the name.
func TestUserSync_hidden_users_first_load(t *testing.T) {
	o := newOffice(t, 12)
	for i := range 12 {
		o.users.Put(access.DeskUser{Person: idOf(i), Active: true, Values: map[string]string{access.UserFieldName: fmt.Sprint("user.", idOf(i))}})
	}
	o.users.HideUsers(3)
	o.ends()
	require.Len(t, o.users.All(), 12)
}

// A user who is only alike, and is nobody's yet, is none of those whose shares the brakes count.
func TestUserSync_brakes_count_linked_users(t *testing.T) {
	o := newOffice(t, 10)
	o.settles()
	for i := 100; i < 200; i++ {
		p := employee(i)
		o.put(p)
		o.users.Put(access.DeskUser{Active: true, Values: map[string]string{
			access.UserFieldName: fmt.Sprint("other-", i), access.UserFieldEmail: p.Record.Email, "department": "x",
		}})
	}
	o.settings.LinkByEmail = false
	o.leaves(1, 2, 3)
	run := o.ends()
	require.Equal(t, 10, run.Counts.LinkedActive)
	require.Equal(t, 7, run.Counts.Had["department"])
	require.Contains(t, holdsOf(run), sync.BrakeDeactivations, "3 of 10")
}

// A user who is deleted is created anew, for the same person.
func TestUserSync_deleted_user(t *testing.T) {
	o := newOffice(t, 12)
	o.settles()
	was := o.of(3)
	o.users.Remove(was.ID)
	o.settles()
	require.NotEqual(t, was.ID, o.of(3).ID)
	require.Equal(t, was.Values[access.UserFieldName], o.of(3).Values[access.UserFieldName])
}

// A release frees what that run held, as it was: nobody else, nothing that is different now, and only in time.
func TestUserSync_release(t *testing.T) {
	held := func(t *testing.T) (*office, access.SyncRun) {
		t.Helper()
		o := newOffice(t, 30)
		o.settles()
		o.leaves(10, 11, 12, 13, 14, 15, 16, 17)
		run := o.ends()
		require.Equal(t, 8, run.States[access.SyncHeld])
		o.now = run.EndedAt.Add(-time.Hour + time.Minute)
		return o, run
	}
	release := func(run access.SyncRun, change func(*access.PeopleRelease)) workflows.UserSyncParams {
		r := access.PeopleRelease{Run: run.ID, Reason: "they left"}
		change(&r)
		return workflows.UserSyncParams{By: "ada", Release: &r}
	}
	t.Run("who left since is not released", func(t *testing.T) {
		o, run := held(t)
		o.leaves(20)
		got, err := o.run(release(run, func(*access.PeopleRelease) {}))
		require.NoError(t, err)
		require.Equal(t, [2]int{8, 1}, [2]int{got.States[access.SyncApplied], got.States[access.SyncHeld]})
		require.True(t, o.of(20).Active)
	})
	t.Run("only those who are named", func(t *testing.T) {
		o, run := held(t)
		got, err := o.run(release(run, func(r *access.PeopleRelease) { r.People = []access.PersonID{idOf(10)} }))
		require.NoError(t, err)
		require.Equal(t, [2]int{1, 7}, [2]int{got.States[access.SyncApplied], got.States[access.SyncHeld]})
		require.False(t, o.of(10).Active)
	})
	t.Run("not another brake", func(t *testing.T) {
		o, run := held(t)
		got, err := o.run(release(run, func(r *access.PeopleRelease) { r.Brakes = []string{"field:department"} }))
		require.NoError(t, err)
		require.Equal(t, 8, got.States[access.SyncHeld])
	})
	t.Run("not after a day", func(t *testing.T) {
		o, run := held(t)
		o.now = run.EndedAt.Add(24 * time.Hour)
		_, err := o.run(release(run, func(*access.PeopleRelease) {}))
		require.ErrorContains(t, err, "release.run")
		require.True(t, o.of(10).Active)
	})
	t.Run("not a user who is protected since", func(t *testing.T) {
		o, run := held(t)
		o.protects("user.p0011")
		got, err := o.run(release(run, func(*access.PeopleRelease) {}))
		require.NoError(t, err)
		require.Equal(t, 7, got.States[access.SyncApplied])
		require.True(t, o.of(11).Active)
	})
	t.Run("not a configuration that nobody has seen", func(t *testing.T) {
		o, _ := held(t)
		o.settings.Digest = "m2"
		o.change(3, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
		run := o.ends()
		o.settings.Digest = "m3"
		o.now = run.EndedAt.Add(-time.Hour + time.Minute)
		_, err := o.run(release(run, func(*access.PeopleRelease) {}))
		require.NoError(t, err)
		require.NotEqual(t, "Other", o.of(3).Values[access.UserFieldDisplayName])
	})
}
