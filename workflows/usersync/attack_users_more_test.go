package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	sync "usher/internal/usersync"
)

// The brakes count, and hold by, values that the modes do not let be written. A desk that links, creates and switches, and does not update, keeps other values than HR for more than
// field_share for good: so every link and every return of somebody whose field differs is held in every run, by a brake of a field that nobody would write.
// A user loses: who returns has no user until an administrator releases it, each single time. "What a brake holds is that class alone".
func TestAttackUsers_field_brake_holds_what_writes_no_field(t *testing.T) {
	o := newOffice(t, 30)
	o.settles()
	o.leaves(3)
	o.ends()
	o.settings.Modes[access.UserUpdate] = false
	for i := range 30 {
		o.change(i, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
	}
	o.change(3, func(p *access.KnownPerson) { p.State = access.PersonPresent })
	run := o.ends()
	require.True(t, o.of(3).Active, "the row writes no field, and is held: %+v", o.rows(run)[idOf(3)])
}

// A person whose manager never gets a user (here: has no user name) has a row with a manager to come in every run. It writes nothing, and counts as applied.
// A user loses: what the page of a run, `usher sync runs` and the counts say: an hourly run shows rows "applied" for ever in which nothing was applied, and each costs a read of
// the desk and of its rate.
func TestAttackUsers_rows_are_applied_that_write_nothing(t *testing.T) {
	o := newOffice(t, 12)
	o.change(1, func(p *access.KnownPerson) { p.Record.UserName = "" })
	o.ends()
	o.ends()
	writes := o.users.Writes()
	run := o.ends()
	require.Equal(t, writes, o.users.Writes())
	require.Zero(t, run.States[access.SyncApplied], "%+v", o.rows(run)[idOf(10)])
}

// On a desk that names users by their address and lets nobody write a user name (Jira Cloud), two people whom HR calls by one user name, such as "" or "n/a", are never invited.
// A user loses: both stay without a user, for the sake of a name that would not be written.
func TestAttackUsers_user_name_that_the_desk_does_not_hold_stops_a_create(t *testing.T) {
	o := newOffice(t, 2)
	o.users.SetSchema(func(s *access.UserSchema) {
		s.Fields[access.UserFieldName] = access.UserField{ReadOnly: true}
		s.KeepsPerson = false
	})
	o.maps(map[string]sync.Field{access.UserFieldEmail: {Value: "email"}})
	for i := range 2 {
		o.change(i, func(p *access.KnownPerson) { p.Record.UserName = "n/a" })
	}
	run := o.ends()
	require.Len(t, o.users.All(), 2, "%+v", o.rows(run)[idOf(0)])
}

// A desk's administrator merges two accounts of one person and deletes the one that usher had linked. The link stays, so the person is never matched again, neither by the address
// nor by anything: every run plans a create, and every run skips it, because the other account has the address. There is no command that takes a link away.
// A user loses: the person's user is not synced any more, and stays on when the person leaves (no row at all then).
func TestAttackUsers_link_of_a_deleted_user_keeps_the_other_one_from_being_linked(t *testing.T) {
	o := newOffice(t, 12)
	o.settles()
	was := o.of(3)
	o.users.Remove(was.ID)
	was.ID, was.Account, was.Person = "", "", ""
	other := o.users.Put(was)
	o.ends()
	run := o.ends()
	t.Logf("present: %+v", o.rows(run)[idOf(3)])
	o.leaves(3)
	run = o.ends()
	now, err := o.users.ReadUser(t.Context(), other.ID)
	require.NoError(t, err)
	row, told := o.rows(run)[idOf(3)]
	require.True(t, !now.Active || told, "the only user with the leaver's name and address is on, and no row says so: %+v", row)
}

// The address by which a user is matched is Record.Email, not the one that the mapping makes for the desk. HR's `email` is the private one here, and the desk's comes from an attribute.
// A user loses: nobody who has a user is ever linked, and each run plans a create that it skips, as the desk has the address already.
func TestAttackUsers_address_of_the_desk_is_not_what_matches(t *testing.T) {
	o := newOffice(t, 1)
	o.maps(map[string]sync.Field{access.UserFieldName: {Value: "user_name"}, access.UserFieldEmail: {Value: `first(attributes, "work_mail")`}})
	o.change(0, func(p *access.KnownPerson) {
		p.Record.Email, p.Record.Attributes["work_mail"] = "ada@private.example", []string{"ada@work.example"}
	})
	user := o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "ada", access.UserFieldEmail: "ada@work.example"}})
	run := o.ends()
	links, err := o.ledger.DeskLinksOf(t.Context(), it, []access.UserID{user.ID})
	require.NoError(t, err)
	require.Len(t, links, 1, "%+v", o.rows(run)[idOf(0)])
}
