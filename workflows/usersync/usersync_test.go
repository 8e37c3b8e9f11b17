package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// Everybody gets a user with all fields, and the manager's too, in one run; the next one has nothing to do.
func TestUserSync_first_load(t *testing.T) {
	o := newOffice(t, 30)
	run := o.ends()
	require.Equal(t, map[access.SyncState]int{access.SyncApplied: 30}, run.States)
	require.Equal(t, 30, run.Counts.Operations[access.UserCreate])
	for i := range 30 {
		user := o.of(i)
		require.Equal(t, idOf(i), user.Person)
		require.True(t, user.Active)
		require.Equal(t, "user."+string(idOf(i)), user.Values[access.UserFieldName])
		require.Equal(t, string(o.of(i/10).ID), user.Values[access.UserFieldManager], "the manager of %d", i)
	}
	writes := o.users.Writes()
	again := o.ends()
	require.Equal(t, writes, o.users.Writes())
	require.Empty(t, again.States)
	require.Contains(t, o.details, "The run over the users of it ended.")
}

// Who leaves is switched off and keeps the link; who returns is switched on again; a rename follows the id.
func TestUserSync_people_come_move_and_leave(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	before := o.of(3)
	o.leaves(3)
	run := o.ends()
	require.Equal(t, access.SyncApplied, o.rows(run)[idOf(3)].State)
	require.False(t, o.of(3).Active)
	o.change(3, func(p *access.KnownPerson) {
		p.State, p.Record.UserName, p.Record.Manager = access.PersonPresent, "renamed", idOf(1)
		p.Record.Attributes[access.AttributeDepartment] = []string{"Sales"}
	})
	o.settles()
	after := o.of(3)
	require.Equal(t, before.ID, after.ID)
	require.True(t, after.Active)
	require.Equal(t, "renamed", after.Values[access.UserFieldName])
	require.Equal(t, "Sales", after.Values["department"])
	require.Equal(t, string(o.of(1).ID), after.Values[access.UserFieldManager])
}

// A desk that has users already: those with the person's id and, once, those with the only address are linked; nobody else is touched.
func TestUserSync_links_users_that_are_there(t *testing.T) {
	o := newOffice(t, 5)
	byPerson := o.users.Put(access.DeskUser{Person: idOf(0), Active: true, Values: map[string]string{access.UserFieldName: "old.name"}})
	byEmail := o.users.Put(access.DeskUser{Active: true, Values: map[string]string{
		access.UserFieldName: "other", access.UserFieldEmail: "USER.P0001@example.com", "cost_center": "4711",
	}})
	shared := o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "print", access.UserFieldEmail: "print@example.com"}})
	run := o.ends()
	require.Equal(t, access.LinkPerson, o.rows(run)[idOf(0)].How)
	require.Equal(t, access.LinkEmail, o.rows(run)[idOf(1)].How)
	require.Equal(t, byPerson.ID, o.of(0).ID)
	require.Equal(t, "user.p0000", o.of(0).Values[access.UserFieldName])
	require.Equal(t, byEmail.ID, o.of(1).ID)
	require.Equal(t, idOf(1), o.of(1).Person)
	now, err := o.users.ReadUser(t.Context(), shared.ID)
	require.NoError(t, err)
	require.Equal(t, shared, now)
	require.Len(t, o.users.All(), 6)
}

// Where people can write any address into their own user, an address proves nothing: nobody is linked by it unless that is configured.
func TestUserSync_address_proves_nothing(t *testing.T) {
	o := newOffice(t, 1)
	o.settings.LinkByEmail = false
	eve := o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "eve", access.UserFieldEmail: "user.p0000@example.com"}})
	run := o.ends()
	row := o.rows(run)[idOf(0)]
	require.Equal(t, access.UserSkip, row.Operation)
	require.Contains(t, row.Reason, "link_by_email is off")
	require.Equal(t, []access.DeskUser{eve}, o.users.All())
}

// A field that is filled only when it is empty keeps what the desk has.
func TestUserSync_keeps_what_is_there(t *testing.T) {
	o := newOffice(t, 2)
	o.settles()
	user := o.of(0)
	user.Values["cost_center"] = "by hand"
	o.users.Put(user)
	for i := range 2 {
		o.change(i, func(p *access.KnownPerson) { p.Record.Attributes[access.AttributeCostCenter] = []string{"4711"} })
	}
	o.settles()
	require.Equal(t, "by hand", o.of(0).Values["cost_center"])
	require.Equal(t, "4711", o.of(1).Values["cost_center"])
}

// Whom nobody can tell apart is left alone, with the reason.
func TestUserSync_whoever_is_unclear_is_left_alone(t *testing.T) {
	email := "twin@example.com"
	put := func(o *office, name, address string, person access.PersonID) {
		o.users.Put(access.DeskUser{Person: person, Active: true, Values: map[string]string{access.UserFieldName: name, access.UserFieldEmail: address}})
	}
	withEmail := func(o *office, i int, address string) {
		o.change(i, func(p *access.KnownPerson) { p.Record.Email = address })
	}
	for name, c := range map[string]struct {
		prepare func(*office)
		reason  string
	}{
		"two users have the address":          {func(o *office) { put(o, "a", email, ""); put(o, "b", "Twin@Example.com", ""); withEmail(o, 0, email) }, "2 users of the desk have"},
		"two people have the address":         {func(o *office) { put(o, "a", email, ""); withEmail(o, 0, email); withEmail(o, 1, "TWIN@example.com") }, "2 people have the address"},
		"the user is of another by the desk":  {func(o *office) { put(o, "a", email, "p-else"); withEmail(o, 0, email) }, "of another person"},
		"the user name is taken":              {func(o *office) { put(o, "User.P0000", "x@example.com", "") }, "is taken by another user"},
		"two people have the user name":       {func(o *office) { o.change(1, func(p *access.KnownPerson) { p.Record.UserName = "USER.P0000" }) }, "2 people have"},
		"the person has no user name":         {func(o *office) { o.change(0, func(p *access.KnownPerson) { p.Record.UserName = "" }) }, "user_name: the desk needs a value"},
		"the user is protected":               {func(o *office) { put(o, "svc-backup", email, ""); withEmail(o, 0, email) }, "protected"},
		"two users have the id of the person": {func(o *office) { put(o, "a", "x@example.com", idOf(0)); put(o, "b", "y@example.com", idOf(0)) }, "2 users of the desk have the id"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, 2)
			c.prepare(o)
			before := o.users.All()
			run := o.ends()
			row := o.rows(run)[idOf(0)]
			require.Equal(t, access.UserSkip, row.Operation, "%+v", row)
			require.Contains(t, row.Reason, c.reason)
			now := o.users.All()
			for _, was := range before {
				require.Contains(t, now, was)
			}
			links, err := o.ledger.DeskLinks(t.Context(), it, []access.PersonID{idOf(0)})
			require.NoError(t, err)
			require.Empty(t, links)
		})
	}
}

// Letters that only look alike are other letters.
func TestUserSync_look_alikes_are_not_linked(t *testing.T) {
	o := newOffice(t, 1)
	cyrillic := "user.р0000@example.com"
	before := o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "x", access.UserFieldEmail: cyrillic}})
	o.settles()
	require.NotEqual(t, before.ID, o.of(0).ID)
	require.Len(t, o.users.All(), 2)
}

// A dry run and the modes plan everything and write nothing.
func TestUserSync_observes(t *testing.T) {
	for name, p := range map[string]workflows.UserSyncParams{"dry run": {Dry: true}, "no modes": {}} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, 5)
			if !p.Dry {
				o.settings.Modes = nil
			}
			run, err := o.run(p)
			require.NoError(t, err)
			require.Equal(t, map[access.SyncState]int{access.SyncObserved: 5}, run.States)
			require.Zero(t, o.users.Writes())
			require.Equal(t, "user.p0002", o.rows(run)[idOf(2)].Values[access.UserFieldName])
		})
	}
}

// A mode that links and does not update leaves the fields as they are.
func TestUserSync_links_without_updating(t *testing.T) {
	o := newOffice(t, 1)
	o.settings.Modes = map[access.UserOperation]bool{access.UserLink: true}
	o.users.Put(access.DeskUser{Person: idOf(0), Active: true, Values: map[string]string{access.UserFieldName: "old.name"}})
	o.ends()
	require.Equal(t, "old.name", o.of(0).Values[access.UserFieldName])
}

// A run over one person or one department is over nobody else.
func TestUserSync_scope(t *testing.T) {
	for name, c := range map[string]struct {
		scope   access.SyncScope
		created int
	}{
		"one person":     {access.SyncScope{Person: idOf(3)}, 1},
		"one department": {access.SyncScope{Attribute: access.AttributeDepartment, Value: "dep-1"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, 10)
			run, err := o.run(workflows.UserSyncParams{Scope: c.scope})
			require.NoError(t, err)
			require.Equal(t, c.created, run.Counts.Operations[access.UserCreate])
			require.Len(t, o.users.All(), c.created)
		})
	}
}

// No more users than may be active become so.
func TestUserSync_cap(t *testing.T) {
	o := newOffice(t, 5)
	o.settings.MaxActive = 3
	run := o.ends()
	require.Equal(t, 3, run.States[access.SyncApplied])
	require.Equal(t, 2, run.States[access.SyncSkipped])
	require.Contains(t, o.rows(run)[idOf(4)].Reason, "max_active")
}
