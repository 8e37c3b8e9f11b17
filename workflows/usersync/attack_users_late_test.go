package usersync_test

import (
	"context"
	"strings"
	gosync "sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	sync "usher/internal/usersync"
)

// BeginSync takes the digest of the configuration of the worker that begins; PlanSync makes values by the configuration of the worker that plans. While workers are
// started again one by one these differ: the run says it has the accepted mapping, and writes what the new one makes.
// A user loses: the brake `mapping`. "Updates of the first run after it are held until an administrator releases them".
func TestAttackUsers_mapping_that_changes_within_a_run_is_not_held(t *testing.T) {
	o := newOffice(t, 30)
	o.settings.Brakes.FieldShare = 1
	o.settles()
	run := o.attackedListed("x", false)
	// The next worker has the new configuration.
	o.settings.Digest = "m2"
	o.maps(map[string]sync.Field{access.UserFieldName: {Value: "user_name"}, access.UserFieldDisplayName: {Value: `"Dr. " + display_name`}})
	require.ErrorContains(t, o.activity("PlanSync", activities.PlanSyncInput{Run: run}, &run), "the configuration has changed since the run began")
}

// "What a desk cannot hold stands in its schema, and plans leave it out" (ADR 30). The schema says how many characters a field holds; the plan takes no notice.
// A user loses: a person with one long value (a display name of 101 characters) never gets a user, and a linked one is never renamed or moved any more: the desk refuses
// the whole row, in every run.
func TestAttackUsers_value_that_the_schema_cannot_hold_stops_the_others_of_the_person(t *testing.T) {
	o := newOffice(t, 3)
	o.settles()
	long := strings.Repeat("x", 101)
	o.change(1, func(p *access.KnownPerson) {
		p.Record.DisplayName = long
		p.Record.Attributes[access.AttributeDepartment] = []string{"Sales"}
	})
	joiner := employee(40)
	joiner.Record.DisplayName = long
	o.put(joiner)
	o.ends()
	run := o.ends()
	require.Equal(t, "Sales", o.of(1).Values["department"], "%+v", o.rows(run)[idOf(1)])
	links, err := o.ledger.DeskLinks(t.Context(), it, []access.PersonID{idOf(40)})
	require.NoError(t, err)
	require.NotEmpty(t, links, "%+v", o.rows(run)[idOf(40)])
}

// attackedSlow is a desk without a unique index on user names (ServiceNow: "instances without a unique index would take it twice"), whose answer to the first create is very late.
type attackedSlow struct {
	*memory.Users
	mu    gosync.Mutex
	calls int
	// during is called while the first create is on its way.
	during func()
}

func (s *attackedSlow) CreateUser(_ context.Context, n access.NewUser) (access.DeskUser, error) {
	s.mu.Lock()
	s.calls++
	first := s.calls == 1
	s.mu.Unlock()
	if first {
		s.during()
	}
	values := map[string]string{}
	for name, value := range n.Values {
		values[name] = value
	}
	return s.Put(access.DeskUser{Person: n.Person, Active: true, Values: values}), nil
}

// An attempt of ApplyUsers is late: its create is on its way when the heartbeat times out (a call of more than two minutes, a worker cut off from Temporal). The next attempt
// sees Creating, looks for the user, finds none yet, and creates one at once. Then the first create is done.
// A user loses: one person has two active users with the person's id; the second is of no link, no row ever says so, and it stays on when the person leaves.
func TestAttackUsers_late_apply_creates_a_second_user(t *testing.T) {
	o := newOffice(t, 1)
	run := o.planned("x")
	plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
	slow := &attackedSlow{Users: o.users}
	slow.during = func() {
		var done activities.ApplyUsersResult
		require.NoError(t, o.activity("ApplyUsers", plan, &done))
		require.Equal(t, 1, done.States[access.SyncApplied])
	}
	o.port = slow
	var done activities.ApplyUsersResult
	_ = o.activity("ApplyUsers", plan, &done)
	// Nothing but the desk itself can refuse a call that is on its way; that there are two is shown in every run from then on.
	row := o.rows(o.ends())[idOf(0)]
	require.Contains(t, row.Reason, "another user of the desk has the person's id")
}

// Only the linked user of a leaver is looked at, not another one who has the leaver's id (made by hand, by a lost create, or in place of the linked one, which was deleted).
// A user loses: "who leaves is switched off": an active user with the leaver's own id stays on, and no row says so.
func TestAttackUsers_leaver_keeps_a_second_user_with_the_persons_id(t *testing.T) {
	for name, deleted := range map[string]bool{"beside the linked one": false, "in place of the linked one": true} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, 5)
			o.settles()
			was := o.of(3)
			if deleted {
				o.users.Remove(was.ID)
			}
			other := o.users.Put(access.DeskUser{Person: idOf(3), Active: true, Values: map[string]string{access.UserFieldName: "second"}})
			o.leaves(3)
			// Each run switches one of them off.
			o.ends()
			o.ends()
			now, err := o.users.ReadUser(t.Context(), other.ID)
			require.NoError(t, err)
			require.False(t, now.Active, "the second user of a leaver is on")
		})
	}
}

// A user who was linked by the address, and whom the desk's own field says to be somebody else's by now (an administrator has corrected it): the link counts alone. There is no command
// that takes a link away.
// A user loses: whoever works here and has that user is switched off when the former owner of the address leaves, and is written over until then.
func TestAttackUsers_link_against_the_desks_own_id_switches_off_somebody_else(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	user := o.of(3)
	user.Person = idOf(40)
	user = o.users.Put(user)
	o.put(employee(40))
	o.leaves(3)
	run := o.ends()
	now, err := o.users.ReadUser(t.Context(), user.ID)
	require.NoError(t, err)
	require.True(t, now.Active, "the user whom the desk says to be of %s was switched off for %s: %+v", now.Person, idOf(3), o.rows(run)[idOf(3)])
}
