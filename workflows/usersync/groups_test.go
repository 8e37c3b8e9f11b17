package usersync_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/membership"
	"usher/internal/connectors/memory"
	sync "usher/internal/usersync"
	"usher/workflows"
)

const (
	department = "Department X"
	chiefs     = "Chiefs"
	owners     = "Wiki owners"
)

// groups makes the desk have groups that follow people.
func (o *office) groups() {
	o.t.Helper()
	var err error
	o.settings.Groups, err = sync.NewGroups(map[string]sync.Group{
		department: {Members: `first(attributes, "department") == "X"`},
		chiefs:     {Members: `reports > 0`},
		owners:     {Members: `owns.exists(e, e.startsWith("wiki/"))`, Birthright: true},
	}, nil)
	require.NoError(o.t, err)
	for _, name := range o.settings.Groups.Names() {
		o.users.PutGroup(name)
	}
	o.port = membership.New(o.users, o.users, o.settings.Groups.Names(), nil)
}

// fills has everybody created, into groups that are empty.
func (o *office) fills() {
	o.t.Helper()
	floor := o.settings.Brakes.Floor
	o.settings.Brakes.Floor = len(o.people)
	o.settles()
	o.settings.Brakes.Floor = floor
}

// works makes people work in a department.
func (o *office) works(in string, is ...int) {
	for _, i := range is {
		o.change(i, func(p *access.KnownPerson) { p.Record.Attributes[access.AttributeDepartment] = []string{in} })
	}
}

// usersOf are the users of people.
func (o *office) usersOf(is ...int) []access.UserID {
	var ids []access.UserID
	for _, i := range is {
		ids = append(ids, o.of(i).ID)
	}
	return ids
}

// officeOfGroups is one in which everybody has a user, people 2 to 5 are in department X, 0 is everybody's manager, and 1 owns the wiki.
func officeOfGroups(t *testing.T) *office {
	o := newOffice(t, 10)
	o.groups()
	o.works("X", 2, 3, 4, 5)
	o.settings.Owns = map[access.PersonID][]string{idOf(1): {"wiki/editor"}}
	o.fills()
	require.ElementsMatch(t, o.usersOf(2, 3, 4, 5), o.users.Members(department))
	require.ElementsMatch(t, o.usersOf(0), o.users.Members(chiefs))
	require.ElementsMatch(t, o.usersOf(1), o.users.Members(owners))
	return o
}

func TestUserSync_groups_follow_people(t *testing.T) {
	o := officeOfGroups(t)
	// Somebody moves, somebody joins, the wiki has another owner, and somebody has another manager.
	o.works("Y", 2)
	o.works("X", 6)
	joiner := employee(10)
	joiner.Record.Attributes[access.AttributeDepartment] = []string{"X"}
	o.put(joiner)
	o.settings.Owns = map[access.PersonID][]string{idOf(7): {"wiki/admin", "wiki/editor"}}
	o.settings.Brakes.Floor = 5
	o.settles()
	require.ElementsMatch(t, o.usersOf(3, 4, 5, 6, 10), o.users.Members(department))
	require.ElementsMatch(t, o.usersOf(0, 1), o.users.Members(chiefs), "person 10 has person 1 as the manager")
	require.ElementsMatch(t, o.usersOf(7), o.users.Members(owners))
}

// Who was put into a group by hand and is nobody of the source stays; who is somebody goes, because the source says so.
func TestUserSync_groups_members_by_hand(t *testing.T) {
	o := officeOfGroups(t)
	program := o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "backup"}})
	o.users.PutGroup(department, append(o.usersOf(2, 3, 4, 5, 8), program.ID)...)
	o.settles()
	require.ElementsMatch(t, append(o.usersOf(2, 3, 4, 5), program.ID), o.users.Members(department))
}

// Whoever leaves is in no group any more, though the user was switched off before, and on a desk that lets usher switch nobody off.
func TestUserSync_groups_of_leavers(t *testing.T) {
	for name, cannot := range map[string]string{"switches off": "", "cannot switch off": "people own their accounts"} {
		t.Run(name, func(t *testing.T) {
			o := officeOfGroups(t)
			if cannot != "" {
				o.users.SetSchema(func(s *access.UserSchema) { s.Cannot = map[access.UserOperation]string{access.UserDeactivate: cannot} })
			}
			o.leaves(2, 3)
			o.ends()
			require.ElementsMatch(t, o.usersOf(4, 5), o.users.Members(department))
			require.Equal(t, cannot != "", o.of(2).Active)
			// Somebody puts them in again.
			o.users.PutGroup(department, o.usersOf(2, 4, 5)...)
			o.ends()
			require.ElementsMatch(t, o.usersOf(4, 5), o.users.Members(department))
			writes := o.users.Writes()
			o.ends()
			require.Equal(t, writes, o.users.Writes())
		})
	}
}

// A group that many come into, or leave, is held; whoever leaves the company is switched off all the same.
func TestUserSync_groups_brake(t *testing.T) {
	for name, change := range map[string]func(*office){
		"many come": func(o *office) { o.works("X", 6, 7, 8, 9) },
		"many go":   func(o *office) { o.works("Y", 3, 4, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			o := officeOfGroups(t)
			left := o.of(2).ID
			rest := slices.DeleteFunc(o.users.Members(department), func(id access.UserID) bool { return id == left })
			change(o)
			o.leaves(2)
			run := o.ends()
			hold := usersyncHold(t, run, "field:"+access.GroupField(department))
			require.Contains(t, hold.Sentence, access.GroupField(department))
			require.False(t, o.of(2).Active)
			require.ElementsMatch(t, rest, o.users.Members(department))

			released, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: run.ID, Reason: "a new team"}})
			require.NoError(t, err)
			require.Zero(t, released.States[access.SyncHeld])
			require.NotEqual(t, rest, o.users.Members(department))
			o.settles()
		})
	}
}

// usersyncHold is a hold of a run by its name.
func usersyncHold(t *testing.T, run access.SyncRun, name string) access.PeopleHold {
	t.Helper()
	for _, h := range run.Holds {
		if h.Name() == name {
			return h
		}
	}
	require.FailNowf(t, "no such hold", "%s: %+v", name, run.Holds)
	return access.PeopleHold{}
}

// Of whom it cannot be known stays what they are.
func TestUserSync_groups_that_cannot_be_known(t *testing.T) {
	o := officeOfGroups(t)
	var err error
	o.settings.Groups, err = sync.NewGroups(map[string]sync.Group{department: {Members: `attributes["department"][0] == "X"`}}, nil)
	require.NoError(t, err)
	o.change(2, func(p *access.KnownPerson) { p.Record.Attributes = nil })
	o.change(6, func(p *access.KnownPerson) { p.Record.Attributes = nil })
	run := o.ends()
	require.ElementsMatch(t, o.usersOf(2, 3, 4, 5), o.users.Members(department))
	require.Contains(t, fmt.Sprint(o.rows(run)[idOf(2)].Notes), access.GroupField(department))
}

// A group that is deleted on the desk is named, and holds nothing up.
func TestUserSync_groups_deleted(t *testing.T) {
	o := officeOfGroups(t)
	o.users.RemoveGroup(chiefs)
	o.works("X", 6)
	o.leaves(2)
	run := o.ends()
	require.Len(t, run.Schema.Notes, 1)
	require.Contains(t, run.Schema.Notes[0], access.GroupField(chiefs))
	require.Contains(t, o.details, access.GroupField(chiefs))
	require.False(t, o.of(2).Active)
	require.ElementsMatch(t, o.usersOf(3, 4, 5, 6), o.users.Members(department))
}

// A worker that dies within a create leaves somebody who is in no group: the next run brings them in.
func TestUserSync_groups_of_a_create_that_fails_halfway(t *testing.T) {
	o := officeOfGroups(t)
	joiner := employee(11)
	joiner.Record.Attributes[access.AttributeDepartment] = []string{"X"}
	o.put(joiner)
	o.users.FailNext(memory.OpAddGroupMember, access.Errorf(access.Transient, memory.OpAddGroupMember, "down"))
	o.settings.Brakes.Floor = 5
	o.ends()
	o.settles()
	require.Contains(t, o.users.Members(department), o.of(11).ID)
	names := map[string]int{}
	for _, u := range o.users.All() {
		names[u.Values[access.UserFieldName]]++
	}
	require.Equal(t, 1, names[joiner.Record.UserName])
}

// Other rules for a group are another configuration: nobody comes or goes by them before an administrator has seen it.
func TestUserSync_groups_other_rules(t *testing.T) {
	o := officeOfGroups(t)
	var err error
	o.settings.Groups, err = sync.NewGroups(map[string]sync.Group{department: {Members: `first(attributes, "department") != "X"`}}, nil)
	require.NoError(t, err)
	o.settings.Digest = "m2"
	before := o.users.Members(department)
	run := o.ends()
	usersyncHold(t, run, sync.BrakeMapping)
	require.Equal(t, before, o.users.Members(department))
}
