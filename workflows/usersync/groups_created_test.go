package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	sync "usher/internal/usersync"
	"usher/workflows"
)

// sees makes one group of the desk follow a rule; the desk has the group.
func (o *office) sees(name, members string) {
	o.t.Helper()
	o.attackedGroups(name, members)
	o.users.PutGroup(name)
}

// Whoever is created without a group that is held comes into it when an administrator releases the next run.
func TestUserSync_groups_of_the_created_are_released_later(t *testing.T) {
	o := newOffice(t, 20)
	o.sees("Approvers", `true`)
	first := o.ends()
	require.Equal(t, 20, first.States[access.SyncApplied]+first.States[access.SyncSkipped])
	row := o.rows(first)[idOf(7)]
	require.Contains(t, row.Notes[0], `group:Approvers: not written`)
	require.Equal(t, []string{"field:group:Approvers"}, row.Brakes)
	run := o.ends()
	require.Equal(t, 20, run.States[access.SyncHeld])
	require.Empty(t, o.users.Members("Approvers"))
	o.now = run.EndedAt
	_, err := o.run(workflows.UserSyncParams{By: "ada", Release: &access.PeopleRelease{Run: run.ID, Reason: "the first load"}})
	require.NoError(t, err)
	require.Len(t, o.users.Members("Approvers"), 20)
	o.settles()
}

// A changed rule of which only joiners were held is accepted by nobody: they do not come in the night after either.
func TestUserSync_groups_rule_held_for_joiners_alone(t *testing.T) {
	o := newOffice(t, 20)
	o.sees("Approvers", `reports > 0`)
	o.settles()
	before := o.users.Members("Approvers")
	o.attackedGroups("Approvers", `reports > 0 || user_name == "user.p0020"`)
	o.settings.Digest = "m2"
	o.put(employee(20))
	// Nobody else gets a group by this joiner.
	o.change(20, func(p *access.KnownPerson) { p.Record.Manager = idOf(0) })
	for range 3 {
		usersyncHold(t, o.ends(), sync.BrakeMapping)
		require.ElementsMatch(t, before, o.users.Members("Approvers"))
	}
}

// Where usher creates nobody, people without a user hold nobody else's groups.
func TestUserSync_groups_of_those_who_are_not_created(t *testing.T) {
	o := newOffice(t, 10)
	o.sees("Approvers", `first(attributes, "department") == "X"`)
	o.settles()
	delete(o.settings.Modes, access.UserCreate)
	for i := 20; i < 30; i++ {
		o.put(employee(i))
		o.works("X", i)
	}
	o.works("X", 3)
	run := o.ends()
	require.Empty(t, run.Holds)
	require.ElementsMatch(t, o.usersOf(3), o.users.Members("Approvers"))
}
