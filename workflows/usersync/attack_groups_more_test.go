package usersync_test

import (
	"context"
	gosync "sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// attackedNoEmail is a desk that refuses one field of one user.
type attackedNoEmail struct {
	access.UserDirectory
	user access.UserID
}

func (d *attackedNoEmail) UpdateUser(ctx context.Context, id access.UserID, change access.UserChange) (access.DeskUser, error) {
	if _, writes := change.Values[access.UserFieldEmail]; writes && id == d.user {
		return access.DeskUser{}, access.Errorf(access.Conflict, "update a user", "the address is taken")
	}
	return d.UserDirectory.UpdateUser(ctx, id, change)
}

// Who moves loses the groups of before only where everything else of the row is taken: a user name that somebody has, a pattern of the protected that the new name fits, or one field that the desk refuses
// (an address that is taken) keep the person in the group, in every run.
// The company loses: whoever moves out of the approvers stays one. Whoever may write such a field of another user (or takes the name first) can arrange it.
func TestAttackGroups_mover_stays_in_the_group_for_another_field(t *testing.T) {
	for name, stage := range map[string]func(*office){
		"the new user name is taken": func(o *office) {
			o.users.Put(access.DeskUser{Active: true, Values: map[string]string{access.UserFieldName: "taken"}})
			o.change(2, func(p *access.KnownPerson) { p.Record.UserName = "taken" })
		},
		"the new user name would be protected": func(o *office) {
			o.change(2, func(p *access.KnownPerson) { p.Record.UserName = "svc-ana" })
		},
		"the desk refuses another field": func(o *office) {
			o.port = &attackedNoEmail{UserDirectory: o.port, user: o.of(2).ID}
			o.change(2, func(p *access.KnownPerson) { p.Record.Email = "taken@example.com" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := officeOfGroups(t)
			moved := o.of(2).ID
			stage(o)
			o.works("Y", 2)
			o.ends()
			run := o.ends()
			row := o.rows(run)[idOf(2)]
			require.NotContains(t, o.users.Members(department), moved, "%s: %s%s", row.State, row.Reason, row.Problem)
		})
	}
}

// "Without the group nobody would be protected by it, so nothing goes on." While workers are started again one by one, the worker of the desk may have listed without the groups that protect: then the users have no such
// field, and the guard of the worker that plans takes that for "in no protected group". The digest of the configuration, which is compared, does not have protected_groups.
func TestAttackGroups_guard_without_the_listing_of_its_groups(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	o.users.PutGroup(robots, o.of(3).ID)
	o.settings.Guard = o.settings.Guard.WithGroups([]string{robots})
	o.leaves(3, 4)
	_, err := o.run(workflows.UserSyncParams{})
	require.ErrorContains(t, err, "the configuration has changed since the run began")
	require.True(t, o.of(3).Active, "a member of a protected group was switched off: nobody had asked who is in it")
}

// The plan is not made, whoever would apply it.
func TestUserSync_guard_of_the_worker_that_plans(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	run := o.attackedListed("x", false)
	o.settings.Guard = o.settings.Guard.WithGroups([]string{robots})
	require.ErrorContains(t, o.activity("PlanSync", activities.PlanSyncInput{Run: run}, &run), "protected_groups")
}

// The same of the worker that applies a plan which was made without the group.
func TestUserSync_guard_of_the_worker_that_applies(t *testing.T) {
	o := newOffice(t, 20)
	o.settles()
	o.leaves(3, 4)
	run := o.planned("x")
	o.users.PutGroup(robots, o.of(3).ID)
	o.settings.Guard = o.settings.Guard.WithGroups([]string{robots})
	var done activities.ApplyUsersResult
	err := o.activity("ApplyUsers", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &done)
	require.ErrorContains(t, err, "protected_groups")
	require.True(t, o.of(3).Active)
}

// attackedHangs is a desk that hangs on the first read of one user.
type attackedHangs struct {
	access.UserDirectory
	user   access.UserID
	once   gosync.Once
	during func()
}

func (d *attackedHangs) ReadUser(ctx context.Context, id access.UserID) (access.DeskUser, error) {
	u, err := d.UserDirectory.ReadUser(ctx, id)
	if id == d.user {
		d.once.Do(d.during)
	}
	return u, err
}

// An attempt of a run that was terminated goes on until its worker hears of it. Meanwhile the person has moved, and another run has seen to it. Creates are kept back by the claim; updates are not, and of a membership
// "changed since the plan" cannot be seen: it is there or not.
// The company loses: somebody is put into the group by a plan of before the move, after the run that ended it; with the schedule paused, for ever.
func TestAttackGroups_late_attempt_puts_a_mover_into_the_group(t *testing.T) {
	o := officeOfGroups(t)
	o.works("X", 6)
	run := o.planned("x")
	port := o.port
	hung := &attackedHangs{UserDirectory: port, user: o.of(6).ID}
	hung.during = func() {
		o.port = port
		// Somebody terminates the run, and the person moves on; the next run finds nothing to be done.
		o.works("Y", 6)
		o.ends()
		require.NotContains(t, o.users.Members(department), o.of(6).ID)
	}
	o.port = hung
	var done activities.ApplyUsersResult
	err := o.activity("ApplyUsers", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &done)
	t.Logf("the late attempt: %v", err)
	require.NotContains(t, o.users.Members(department), o.of(6).ID)
}
