package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
)

// Whose user is switched on again while things are handed over keeps the rest: nobody lets usher treat them as a leaver there any more.
func TestAttackHandOver_switched_on_meanwhile(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1", "a2", "a3")
	o.leaves(12)
	o.before(func(one access.Owned) {
		if one.ID == "a1" {
			user := o.of(12)
			user.Active = true
			o.users.Put(user)
		}
	})
	h := o.handOverOf(o.ends())
	t.Logf("%+v", h)
	require.Equal(t, idOf(12), o.owner(assets, "a3"))
}

// Who gets things leaves, or is switched off, while they are handed over: the rest is not given to them.
func TestAttackHandOver_taker_leaves_meanwhile(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1", "a2", "a3")
	o.leaves(12)
	o.before(func(one access.Owned) {
		if one.ID == "a1" {
			o.leaves(1)
			o.snapshot()
		}
	})
	h := o.handOverOf(o.ends())
	t.Logf("%+v", h)
	require.Equal(t, idOf(12), o.owner(assets, "a3"))
}
