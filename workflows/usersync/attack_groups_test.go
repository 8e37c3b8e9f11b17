package usersync_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/membership"
	"usher/internal/connectors/memory"
	sync "usher/internal/usersync"
	"usher/workflows"
)

// attackedGroups makes one group of the desk follow a rule.
func (o *office) attackedGroups(name, members string) {
	o.t.Helper()
	var err error
	o.settings.Groups, err = sync.NewGroups(map[string]sync.Group{name: {Members: members}}, nil)
	require.NoError(o.t, err)
	o.port = membership.New(o.users, o.users, []string{name}, nil)
}

// "Filling a group that is empty is held above brakes.floor, until an administrator releases it" (connectors.md); "the brake of a group counts those who come too ... a group that
// is filled gives rights" (ADR 33). Whoever is created by the run comes into the group with the create, which neither countFields nor Meets sees.
// The company loses: a first load (or a plant that joins) with a wrong rule makes everybody an approver, and no brake says a word.
func TestAttackGroups_first_fill_by_creates_is_not_braked(t *testing.T) {
	o := newOffice(t, 40)
	o.attackedGroups("Approvers", `true`)
	o.users.PutGroup("Approvers")
	run := o.ends()
	t.Logf("holds %v, states %v, members %d", holdsOf(run), run.States, len(o.users.Members("Approvers")))
	require.LessOrEqual(t, len(o.users.Members("Approvers")), o.settings.Brakes.Floor, "an empty group was filled above the floor")
}

// "A changed rule holds its changes until an administrator releases them" (ADR 33). Whoever joins in that run, or in any other before the release, is created into the group by the
// rule that nobody has released.
func TestAttackGroups_changed_rule_lets_joiners_in(t *testing.T) {
	o := newOffice(t, 20)
	o.attackedGroups("Approvers", `reports > 0`)
	o.users.PutGroup("Approvers")
	o.settles()
	before := o.users.Members("Approvers")
	o.attackedGroups("Approvers", `true`)
	o.settings.Digest = "m2"
	for i := 20; i < 30; i++ {
		o.put(employee(i))
	}
	run := o.ends()
	usersyncHold(t, run, sync.BrakeMapping)
	require.ElementsMatch(t, before, o.users.Members("Approvers"), "joiners are in the group by a rule that is held")
}

// "Who leaves is taken out of all of them, also where the desk does not let usher switch anybody off." Where the desk refuses it for this user (Jira Data Center: a user of a read-only
// directory, in a group of Jira's own; ServiceNow: a rule of the instance), applyLeave stops at the refusal and takes nobody out.
// The company loses: the leaver approves for ever.
func TestAttackGroups_leaver_whom_the_desk_does_not_switch_off_stays_in_the_group(t *testing.T) {
	o := officeOfGroups(t)
	left := o.of(2).ID
	refusing := &attackedNeverOff{UserDirectory: o.port, user: left}
	o.port = refusing
	o.leaves(2)
	for range 3 {
		run := o.ends()
		require.Equal(t, access.SyncFailed, o.rows(run)[idOf(2)].State)
	}
	require.NotContains(t, o.users.Members(department), left)
}

// attackedNeverOff is a desk that does not switch one user off.
type attackedNeverOff struct {
	access.UserDirectory
	user access.UserID
}

func (d *attackedNeverOff) SetUserActive(ctx context.Context, id access.UserID, active bool) (access.DeskUser, error) {
	if id == d.user && !active {
		return access.DeskUser{}, access.Errorf(access.Invalid, "switch a user off", "the directory of the user is read only")
	}
	return d.UserDirectory.SetUserActive(ctx, id, active)
}

// A leaver with two users (one linked, one with the person's id): the first one that can be tried is planned in every run. Where the desk refuses that one for ever, the second is never
// looked at: it stays on, and in the group.
func TestAttackGroups_second_user_of_a_leaver_waits_for_ever(t *testing.T) {
	o := officeOfGroups(t)
	first := o.of(2).ID
	second := o.users.Put(access.DeskUser{Person: idOf(2), Active: true, Values: map[string]string{access.UserFieldName: "second"}})
	o.users.PutGroup(department, append(o.usersOf(2, 3, 4, 5), second.ID)...)
	o.port = &attackedNeverOff{UserDirectory: o.port, user: first}
	o.leaves(2)
	for range 4 {
		o.ends()
	}
	require.NotContains(t, o.users.Members(department), second.ID)
}

// A run over people makes a leaver "expected" where HR gives the person another first day (a long leave, a rehire that is announced before usher has switched the user off). The leases of
// that person end, but Decide has no row for somebody who is expected: the user stays on and in every group, until the first day and for ever if that never comes.
func TestAttackGroups_leaver_who_is_expected_again_stays_in_the_group(t *testing.T) {
	o := officeOfGroups(t)
	left := o.of(2).ID
	o.change(2, func(p *access.KnownPerson) { p.State, p.Record.Starts = access.PersonExpected, "2027-12-01" })
	o.ends()
	o.ends()
	require.NotContains(t, o.users.Members(department), left, "active: %v", o.of(2).Active)
}

// A create whose group the desk refuses is Unknown to the run: the next try finds the user, takes it, and records the row as applied, with no word of the group.
func TestAttackGroups_create_without_its_group_is_applied(t *testing.T) {
	o := officeOfGroups(t)
	joiner := employee(11)
	joiner.Record.Attributes[access.AttributeDepartment] = []string{"X"}
	// Nobody else comes into a group by this run.
	joiner.Record.Manager = idOf(0)
	o.put(joiner)
	o.users.FailNext(memory.OpAddGroupMember, access.Errorf(access.Invalid, memory.OpAddGroupMember, "another system owns the group"))
	run := o.ends()
	row := o.rows(run)[idOf(11)]
	t.Logf("row %+v, members %v", row, o.users.Members(department))
	if row.State == access.SyncApplied && row.Problem == "" {
		require.Contains(t, o.users.Members(department), o.of(11).ID, "the row is applied, and says nothing of the group that it writes")
	}
}

// The digest of the configuration is accepted by a run in which the group was not there, so held nobody by it. When somebody makes the group on the desk afterwards, people come in by
// a rule that nobody has released.
func TestAttackGroups_rule_is_accepted_while_the_group_is_not_there(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	o.attackedGroups("Approvers", `user_name == "user.p0003" || user_name == "user.p0004"`)
	o.settings.Digest = "m2"
	run := o.ends()
	require.NotEmpty(t, run.Schema.Notes)
	o.users.PutGroup("Approvers")
	run = o.ends()
	require.Empty(t, o.users.Members("Approvers"), "holds %v: nobody has released the rule", holdsOf(run))
}

// "Whoever has a person is in the group only if the expression says so, whoever put them there." A second user with the person's id is not looked at.
func TestAttackGroups_second_user_of_a_mover_stays_in_the_group(t *testing.T) {
	o := officeOfGroups(t)
	second := o.users.Put(access.DeskUser{Person: idOf(2), Active: true, Values: map[string]string{access.UserFieldName: "second"}})
	o.users.PutGroup(department, append(o.usersOf(2, 3, 4, 5), second.ID)...)
	o.works("Y", 2)
	o.ends()
	o.ends()
	require.NotContains(t, o.users.Members(department), o.of(2).ID)
	require.NotContains(t, o.users.Members(department), second.ID)
}

// reports counts the person too: many sources name the head of the company, or whoever has none, as their own manager.
func TestAttackGroups_own_manager_leads_somebody(t *testing.T) {
	o := officeOfGroups(t)
	o.change(7, func(p *access.KnownPerson) { p.Record.Manager = idOf(7) })
	o.settings.Brakes.Floor = 5
	o.ends()
	o.ends()
	require.NotContains(t, o.users.Members(chiefs), o.of(7).ID, "nobody else has this person as the manager")
}

// The full run holds the group; a run by hand over one person counts that person alone.
func TestAttackGroups_run_over_one_person_passes_the_brake(t *testing.T) {
	o := officeOfGroups(t)
	o.works("X", 6, 7, 8, 9)
	held := o.ends()
	usersyncHold(t, held, "field:"+access.GroupField(department))
	run, err := o.run(workflows.UserSyncParams{By: "adm", Scope: access.SyncScope{Person: idOf(6)}})
	require.NoError(t, err)
	require.NotContains(t, o.users.Members(department), o.of(6).ID, "holds %v: no release was given", holdsOf(run))
}

// Leavers of long ago, who are off and whom somebody has put into a group, are rows of the operation deactivate and count as "active users who would be switched off at once". Whoever may write to a configured
// group (its owner on the desk, a new group in the configuration that is full of old accounts) so has the brake hold all leavers of the night.
// "A group with a wrong rule keeps nobody switched on" (ADR 33).
func TestAttackGroups_old_leavers_in_a_group_hold_the_leavers_of_today(t *testing.T) {
	o := newOffice(t, 40)
	o.attackedGroups("Approvers", `reports > 0`)
	o.users.PutGroup("Approvers")
	o.settings.Brakes.FieldShare = 1
	o.fills()
	var old []access.UserID
	for i := 10; i < 22; i += 2 {
		o.leaves(i, i+1)
		o.ends()
	}
	for i := 10; i < 22; i++ {
		require.False(t, o.of(i).Active)
		old = append(old, o.of(i).ID)
	}
	o.users.PutGroup("Approvers", append(o.users.Members("Approvers"), old...)...)
	o.leaves(30)
	run := o.ends()
	require.False(t, o.of(30).Active, "%+v", run.Holds)
}

// attackedCloud is a desk on which a user is on who is in a group, as Jira Cloud with users.groups: switching on puts the user into it, switching off takes the user out.
type attackedCloud struct {
	*memory.Users
	group string
}

// FindGroup keeps the promise of the port: a group by which users are switched on and off is Invalid.
func (c *attackedCloud) FindGroup(ctx context.Context, name string) (access.DeskGroup, error) {
	if name == c.group {
		return access.DeskGroup{}, access.Errorf(access.Invalid, "find a group", "users are switched on and off by it")
	}
	return c.Users.FindGroup(ctx, name)
}

func (c *attackedCloud) id(ctx context.Context) access.GroupID {
	g, err := c.Users.FindGroup(ctx, c.group)
	if err != nil {
		return ""
	}
	return g.ID
}

func (c *attackedCloud) on(u access.DeskUser) access.DeskUser {
	u.Active = slices.Contains(c.Members(c.group), u.ID)
	return u
}

func (c *attackedCloud) ListUsers(ctx context.Context, take func([]access.DeskUser) error) (int, error) {
	return c.Users.ListUsers(ctx, func(page []access.DeskUser) error {
		for i := range page {
			page[i] = c.on(page[i])
		}
		return take(page)
	})
}

func (c *attackedCloud) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	u, err := c.Users.ReadUser(ctx, id)
	return c.on(u), err
}

func (c *attackedCloud) SetUserActive(ctx context.Context, id access.UserID, active bool) (access.DeskUser, error) {
	set := c.RemoveGroupMember
	if active {
		set = c.AddGroupMember
	}
	if err := set(ctx, c.id(ctx), id); err != nil {
		return access.DeskUser{}, err
	}
	return c.ReadUser(ctx, id)
}

// "There the group that gives access to Jira is how somebody loses it" (connectors.md): it is one of sync.groups, and one of users.groups of the same desk. Who is present and not to be in
// it would be off, so usher would switch them on, which puts them into the group; the next run would take them out; and so on, for ever, and no brake sees the reactivations. So it is no group for rules: the run
// names it, and who is on is in it.
func TestAttackGroups_group_that_is_access_too_flaps(t *testing.T) {
	o := newOffice(t, 10)
	o.attackedGroups("jira-users", `first(attributes, "department") == "X"`)
	o.users.PutGroup("jira-users")
	cloud := &attackedCloud{Users: o.users, group: "jira-users"}
	o.port = membership.New(cloud, cloud, []string{"jira-users"}, nil)
	o.settings.Brakes.Floor = 5
	o.works("X", 2, 3)
	run := o.ends()
	require.Len(t, run.Schema.Notes, 1)
	require.Contains(t, run.Schema.Notes[0], access.GroupField("jira-users")+": ")
	o.ends()
	members := o.users.Members("jira-users")
	require.Len(t, members, 10, "everybody is present, so everybody is on")
	for range 4 {
		run := o.ends()
		require.Empty(t, run.Counts.Operations, "holds %v", holdsOf(run))
		require.Equal(t, members, o.users.Members("jira-users"))
	}
	o.leaves(2)
	o.ends()
	require.NotContains(t, o.users.Members("jira-users"), o.of(2).ID)
	require.Len(t, o.users.Members("jira-users"), 9)
}
