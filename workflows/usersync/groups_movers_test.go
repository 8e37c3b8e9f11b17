package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// Whoever moves comes out of the group where somebody has changed another field since the plan, and not where usher may not touch the user any more.
func TestUserSync_movers_come_out_since_the_plan(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*access.DeskUser)
		stays  bool
		reason string
	}{
		"another field is different": {func(u *access.DeskUser) { u.Values[access.UserFieldDisplayName] = "by hand" }, false, "display_name"},
		"the user is off":            {func(u *access.DeskUser) { u.Active = false }, false, "switched the user off"},
		"the user is protected":      {func(u *access.DeskUser) { u.Values[access.UserFieldName] = "svc-backup" }, true, "protected"},
		"the user is another's":      {func(u *access.DeskUser) { u.Person = idOf(8) }, true, "another person"},
	} {
		t.Run(name, func(t *testing.T) {
			o := officeOfGroups(t)
			o.works("Y", 2)
			o.change(2, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
			run := o.planned("x")
			user := o.of(2)
			c.change(&user)
			wanted := o.users.Put(user)
			o.applies(run)
			row := o.rows(run)[idOf(2)]
			require.Equal(t, access.SyncSkipped, row.State)
			require.Contains(t, row.Problem, c.reason)
			now, err := o.users.ReadUser(t.Context(), user.ID)
			require.NoError(t, err)
			require.Equal(t, wanted, now)
			if c.stays {
				require.Contains(t, o.users.Members(department), user.ID)
				return
			}
			require.NotContains(t, o.users.Members(department), user.ID)
			require.Contains(t, row.Problem, "written all the same: "+access.GroupField(department))
		})
	}
}

// Nobody is written to who is not there, and a user who is gone is skipped.
func TestUserSync_mover_is_gone_since_the_plan(t *testing.T) {
	o := officeOfGroups(t)
	o.works("Y", 2)
	run := o.planned("x")
	o.users.Remove(o.of(2).ID)
	o.applies(run)
	row := o.rows(run)[idOf(2)]
	require.Equal(t, access.SyncSkipped, row.State, row.Problem)
	require.Contains(t, row.Problem, "does not have the user")
}

// What is left of a row whose user name is taken is that the user leaves the group: no field is written, and a joiner of another group does not come in by it.
func TestUserSync_mover_with_a_taken_name(t *testing.T) {
	o := officeOfGroups(t)
	o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "taken"}})
	before := o.of(2)
	o.change(2, func(p *access.KnownPerson) { p.Record.UserName, p.Record.DisplayName = "taken", "Other" })
	o.works("Y", 2)
	// Person 3 reports to the mover now, who so is to come into another group.
	o.change(3, func(p *access.KnownPerson) { p.Record.Manager = idOf(2) })
	run := o.ends()
	row := o.rows(run)[idOf(2)]
	require.Equal(t, access.SyncApplied, row.State, row.Problem)
	require.Equal(t, map[string]string{access.GroupField(department): ""}, row.Values)
	require.Equal(t, map[string]string{access.GroupField(department): access.GroupMember}, row.Before)
	require.Contains(t, row.Notes[len(row.Notes)-1], `user_name: "taken" is taken`)
	require.Equal(t, before, o.of(2))
	require.NotContains(t, o.users.Members(chiefs), before.ID)
	run = o.ends()
	require.Equal(t, access.UserSkip, o.rows(run)[idOf(2)].Operation)
}

// A user who is off and leaves a group is not switched on without the new user name.
func TestUserSync_returner_with_a_taken_name(t *testing.T) {
	o := officeOfGroups(t)
	o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "taken"}})
	off := o.of(2)
	off.Active = false
	o.users.Put(off)
	o.change(2, func(p *access.KnownPerson) { p.Record.UserName = "taken" })
	o.works("Y", 2)
	run := o.ends()
	require.Equal(t, access.UserSkip, o.rows(run)[idOf(2)].Operation)
	require.False(t, o.of(2).Active)
}
