package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	sync "usher/internal/usersync"
)

// `manager: {keep: true}` is taken by NewMapping without a word, and the keep is forgotten: keeps("manager") looks into fields, which the manager is not in.
// A user loses: every manager that was set by hand on the desk, whom "keep: true" promises to leave ("the field is filled only while it is empty").
func TestAttackUsers_keep_of_the_manager_is_forgotten(t *testing.T) {
	o := newOffice(t, 12)
	fields := map[string]sync.Field{
		access.UserFieldName: {Value: "user_name"}, access.UserFieldEmail: {Value: "email"}, access.UserFieldManager: {Keep: true},
	}
	if _, err := sync.NewMapping(fields, nil); err != nil {
		return // Refusing it is right as well.
	}
	o.maps(fields)
	o.settles()
	user := o.of(10)
	user.Values[access.UserFieldManager] = string(o.of(5).ID)
	o.users.Put(user)
	o.ends()
	require.Equal(t, string(o.of(5).ID), o.of(10).Values[access.UserFieldManager], "the manager by hand was written over")
}

// Limit lets creates that the modes do not have take the seats of max_active.
// A user loses: who returns is not switched on, because of people who never get a user at all.
func TestAttackUsers_max_active_counts_creates_that_are_not_applied(t *testing.T) {
	o := newOffice(t, 0)
	for i := 20; i < 25; i++ {
		o.put(employee(i))
	}
	o.settles()
	o.leaves(24)
	o.ends()
	o.settings.MaxActive = 5
	o.settings.Modes[access.UserCreate] = false
	o.put(employee(1))
	o.change(24, func(p *access.KnownPerson) { p.State = access.PersonPresent })
	run := o.ends()
	require.True(t, o.of(24).Active, "4 of 5 users are active: %+v", o.rows(run)[idOf(24)])
}
