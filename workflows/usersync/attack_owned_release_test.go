package usersync_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/connectors/memory"
	sync "usher/internal/usersync"
	"usher/workflows"
)

// Somebody has deleted many users on the desk, and usher may not create them again, so each run holds everything by the brake `missing`. An administrator
// releases it, each day: then rows are applied, and leavers switched off. But what leavers own is never handed over, whatever is released, and
// the run shows only how much would be.
func TestAttackOwned_released_missing_hands_nothing_over(t *testing.T) {
	o := officeOfOwners(t)
	o.settings.Modes[access.UserCreate] = false
	o.owns(12, assets, "a1")
	for i := 26; i < 30; i++ {
		o.users.Remove(o.of(i).ID)
	}
	o.leaves(12)
	for range 2 {
		held := o.ends()
		require.Contains(t, holdsOf(held), sync.BrakeMissing)
		if o.now.Before(held.EndedAt) {
			o.now = held.EndedAt
		}
		released, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: held.ID, Reason: "they were deleted on purpose"}})
		require.NoError(t, err)
		require.Zero(t, released.States[access.SyncHeld])
		t.Logf("%+v", o.handOverOf(released))
	}
	require.False(t, o.of(12).Active)
	require.Equal(t, idOf(1), o.owner(assets, "a1"))
}

// An administrator releases what twelve leavers own, and the run fails on the way, because the desk is away for some hours. The next run holds what is left as if nobody
// had ever released it: of twelve who were released, the first have given up their things and the others wait for somebody to release them again.
func TestAttackOwned_release_is_lost_with_a_failed_run(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	held := o.ends()
	require.True(t, held.HoldsHandOver())
	fails := []error{nil, nil}
	for range 500 {
		fails = append(fails, access.Errorf(access.RateLimited, memory.OpHandOver, "the desk is away"))
	}
	o.users.FailNext(memory.OpHandOver, fails...)
	o.longest, o.now = 5*time.Minute, held.EndedAt
	_, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: held.ID, Reason: "a plant closes", Brakes: []string{"hand_over"}}})
	require.Error(t, err)
	o.users.FailNoMore()
	o.moved(who[:2])
	o.ends()
	o.moved(who)
}
