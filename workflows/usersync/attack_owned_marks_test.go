package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/workflows"
)

// Two sources call different people by the same ids. A release of what one of them held is no word about the leavers of the other, however long these have been held.
func TestAttackOwned_release_of_a_run_over_another_source(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	o.lists("crm", who...)
	o.settings.Source = "crm"
	of := o.ends()
	require.True(t, of.HoldsHandOver())
	o.settings.Source = hr
	run, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: of.ID, Reason: "they have left", Brakes: []string{"hand_over"}}})
	require.NoError(t, err)
	o.stays(who)
	require.Equal(t, len(who), run.Counts.Leavers)
	require.True(t, run.HoldsHandOver())
}
