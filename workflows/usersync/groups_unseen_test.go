package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// A group that is made after its rule was accepted is held until somebody releases it, once; everything else goes on.
func TestUserSync_groups_made_later(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	o.attackedGroups("Approvers", `user_name == "user.p0003" || user_name == "user.p0004"`)
	o.settings.Digest = "m2"
	for range 2 {
		run := o.ends()
		require.Equal(t, []string{"Approvers"}, run.UnseenGroups)
		require.Zero(t, run.States[access.SyncHeld])
	}
	o.users.PutGroup("Approvers")
	o.change(7, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
	var run access.SyncRun
	for range 2 {
		run = o.ends()
		require.Equal(t, []string{"field:group:Approvers"}, holdsOf(run))
		require.Empty(t, o.users.Members("Approvers"))
	}
	require.Equal(t, "Other", o.of(7).Values[access.UserFieldDisplayName])
	o.now = run.EndedAt
	released, err := o.run(workflows.UserSyncParams{By: "ada", Release: &access.PeopleRelease{Run: run.ID, Reason: "right"}})
	require.NoError(t, err)
	require.Empty(t, released.UnseenGroups)
	require.ElementsMatch(t, o.usersOf(3, 4), o.users.Members("Approvers"))
	o.works("X", 5)
	require.Empty(t, o.ends().Holds)
}

// A run over some people holds what the last run over everybody held, until that is released or gone; a release of it is one.
func TestUserSync_scope_of_what_is_held(t *testing.T) {
	o := officeOfGroups(t)
	o.works("X", 6, 7, 8, 9)
	o.ends()
	one := workflows.UserSyncParams{By: "adm", Scope: access.SyncScope{Person: idOf(6)}}
	run, err := o.run(one)
	require.NoError(t, err)
	require.Contains(t, holdsOf(run), "field:group:"+department)
	// Runs over some people are not those over everybody.
	_, err = o.run(workflows.UserSyncParams{By: "adm", Scope: access.SyncScope{Person: idOf(0)}})
	require.NoError(t, err)
	run, err = o.run(one)
	require.NoError(t, err)
	require.Equal(t, 1, run.States[access.SyncHeld])
	o.now = run.EndedAt
	one.Release = &access.PeopleRelease{Run: run.ID, Reason: "this one is right"}
	_, err = o.run(one)
	require.NoError(t, err)
	require.Contains(t, o.users.Members(department), o.of(6).ID)
	// Whoever leaves is switched off.
	o.leaves(7)
	_, err = o.run(workflows.UserSyncParams{By: "adm", Scope: access.SyncScope{Person: idOf(7)}})
	require.NoError(t, err)
	require.False(t, o.of(7).Active)
	// Once a run over everybody holds nothing any more, nor does one over one person.
	o.works("Y", 7, 8, 9)
	require.Zero(t, o.ends().States[access.SyncHeld])
	o.works("X", 8)
	run, err = o.run(workflows.UserSyncParams{By: "adm", Scope: access.SyncScope{Person: idOf(8)}})
	require.NoError(t, err)
	require.Empty(t, run.Holds)
}
