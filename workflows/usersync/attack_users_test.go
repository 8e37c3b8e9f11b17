package usersync_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"usher/activities"
	"usher/internal/access"
	sync "usher/internal/usersync"
	"usher/workflows"
)

// attackedLedger is a ledger in which something happens around a call.
type attackedLedger struct {
	activities.SyncLedger
	saveRun func(access.SyncRun) error
	people  func(after access.PersonID)
}

func (l *attackedLedger) SaveSyncRun(ctx context.Context, run access.SyncRun) error {
	if l.saveRun != nil {
		if err := l.saveRun(run); err != nil {
			return err
		}
	}
	return l.SyncLedger.SaveSyncRun(ctx, run)
}

func (l *attackedLedger) KnownPeople(ctx context.Context, source access.SourceName, after access.PersonID, limit int) ([]access.KnownPerson, error) {
	if l.people != nil {
		l.people(after)
	}
	return l.SyncLedger.KnownPeople(ctx, source, after, limit)
}

// attackedCall calls an activity over the ledger of that kind.
func (o *office) attackedCall(l activities.SyncLedger, name string, input, result any) error {
	o.t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	records := o.records()
	records.Ledger = l
	env.RegisterActivity(records)
	value, err := env.ExecuteActivity(name, input)
	if err != nil {
		return err
	}
	return value.Get(result)
}

// attackedListed is a run that has begun and listed, and has no plan yet.
func (o *office) attackedListed(id string, dry bool) access.SyncRun {
	o.t.Helper()
	o.written()
	o.now = o.now.Add(time.Hour)
	run := access.SyncRun{Desk: it, ID: id, Workflow: "usersync/it/" + id, BeganAt: o.now, Dry: dry}
	require.NoError(o.t, o.activity("BeginSync", run, &run))
	var listed activities.ListUsersResult
	require.NoError(o.t, o.activity("ListUsers", activities.ListUsersInput{Desk: it, Run: id}, &listed))
	run.Plan, run.Schema, run.Counts.Users, run.Counts.Active = listed.ID, listed.Schema, listed.Users, listed.Active
	return run
}

// PlanSync is safe to repeat. But an attempt writes its rows page by page, and its counts at the end. When it dies before the end, the rows of the dead
// attempt stay (PlanSyncRows: ON CONFLICT DO NOTHING), while the counts and so the brakes are of what the next attempt sees. Here the source
// was broken (every department is "broken") while the first attempt ran, and was mended before the second: the second counts no
// difference, no brake is met, and the stale rows of the first are applied to everybody.
// A user loses: the field brake; every user of the desk is written with values that HR no longer has and that nobody could hold.
func TestAttackUsers_plan_that_is_repeated_applies_rows_that_no_brake_counted(t *testing.T) {
	o := newOffice(t, 30)
	o.settles()
	for i := range 30 {
		o.change(i, func(p *access.KnownPerson) { p.Record.Attributes[access.AttributeDepartment] = []string{"broken"} })
	}
	run := o.attackedListed("x", false)
	lost := true
	l := &attackedLedger{SyncLedger: o.ledger, saveRun: func(access.SyncRun) error {
		if lost {
			lost = false
			return access.Errorf(access.Transient, "record a run", "the connection to the database was lost")
		}
		return nil
	}}
	var planned access.SyncRun
	require.Error(t, o.attackedCall(l, "PlanSync", activities.PlanSyncInput{Run: run}, &planned), "the first attempt dies at its end")
	for i := range 30 {
		o.put(employee(i))
	}
	o.snapshot()
	require.NoError(t, o.attackedCall(l, "PlanSync", activities.PlanSyncInput{Run: run}, &planned))
	t.Logf("second attempt: holds %v, different %v", holdsOf(planned), planned.Counts.Different)
	var states map[access.SyncState]int
	require.NoError(t, o.activity("HoldSync", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &states))
	o.applies(planned)
	broken := 0
	for i := range 30 {
		if o.of(i).Values["department"] == "broken" {
			broken++
		}
	}
	require.Zero(t, broken, "users got a department that the snapshot does not have, past the brake of 30 %%")
}

// PlanSyncRows does not look whether the run still takes rows of a plan (SaveSyncRows does). So an attempt of PlanSync that is late (its worker lost the
// server, not the ledger) writes rows after the next attempt has planned, counted and held: they are `planned`, with no brake, no mode and
// no "dry". ApplyUsers applies them. Here the run is a DRY one, and 20 of 30 people have left meanwhile.
// A user loses: 20 users are switched off by a dry run, past the brake of deactivations.
func TestAttackUsers_late_plan_applies_a_dry_run_past_all_brakes(t *testing.T) {
	o := newOffice(t, 30)
	o.settles()
	o.change(29, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
	run := o.attackedListed("x", true)
	plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
	calls := 0
	l := &attackedLedger{SyncLedger: o.ledger, people: func(access.PersonID) {
		// The second pass over the people is the plan; the first one counts twins.
		if calls++; calls != 2 {
			return
		}
		var planned access.SyncRun
		require.NoError(t, o.activity("PlanSync", activities.PlanSyncInput{Run: run}, &planned))
		var states map[access.SyncState]int
		require.NoError(t, o.activity("HoldSync", plan, &states))
		require.Equal(t, map[access.SyncState]int{access.SyncObserved: 1}, states, "the run as it should be")
		for i := range 20 {
			o.leaves(i)
		}
		o.snapshot()
	}}
	var late access.SyncRun
	_ = o.attackedCall(l, "PlanSync", activities.PlanSyncInput{Run: run}, &late)
	var done activities.ApplyUsersResult
	require.ErrorContains(t, o.activity("ApplyUsers", plan, &done), "a dry run applies nothing")
	states, err := o.ledger.CountSyncRows(t.Context(), it, o.rowsOf(run))
	require.NoError(t, err)
	require.Equal(t, map[access.SyncState]int{access.SyncObserved: 1}, states, "the late attempt adds nothing to the plan")
	off := 0
	for i := range 20 {
		if !o.of(i).Active {
			off++
		}
	}
	require.Zero(t, off, "users were switched off by a dry run")
}

// An `update` (or a `link`) reads the user again, sees that somebody has switched the user off since the plan, and switches the user on again
// (applyValues: if !user.Active). It does so although the mode `reactivate` is not configured.
// A user loses: security switches an account off in an incident; usher, changing a title, gives the attacker the account back.
func TestAttackUsers_update_switches_on_who_was_switched_off_since_the_plan(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	o.settings.Modes = map[access.UserOperation]bool{access.UserUpdate: true}
	o.change(3, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
	run := o.planned("x")
	user := o.of(3)
	user.Active = false
	o.users.Put(user)
	o.applies(run)
	require.False(t, o.of(3).Active, "usher switched on a user whom an administrator had switched off, without the mode reactivate: %+v", o.rows(run)[idOf(3)])
}

// A user who is there, is off, and is matched by the address alone is a row `reactivate` with How "email". Modes has reactivate and not link ("a user who
// is there is taken for a person's"): the row is applied, and links.
// A user loses: the control over links that `modes` promises. Whoever asked for no links gets an old, switched-off account (of a predecessor with the
// same address) handed to a person, and switched on.
func TestAttackUsers_reactivate_links_without_the_mode_link(t *testing.T) {
	o := newOffice(t, 3)
	o.settings.Modes = map[access.UserOperation]bool{access.UserCreate: true, access.UserUpdate: true, access.UserReactivate: true}
	old := o.users.Put(access.DeskUser{Active: false, Values: map[string]string{access.UserFieldName: "old.account", access.UserFieldEmail: "user.p0001@example.com"}})
	run := o.ends()
	links, err := o.ledger.DeskLinks(t.Context(), it, []access.PersonID{idOf(1)})
	require.NoError(t, err)
	now, err := o.users.ReadUser(t.Context(), old.ID)
	require.NoError(t, err)
	require.Empty(t, links, "linked without the mode link; row %+v; user now %+v", o.rows(run)[idOf(1)], now)
}

// The manager of many changes to somebody who gets a user by the same run (a new head of a department). Each row has only `manager` deferred
// (row.Manager): it is in no Values, so neither Count nor Meets sees it, and no brake holds the rows.
// A user loses: field:manager. The same change to a manager who has a user is held; here approvals of the whole company go to the
// newcomer.
func TestAttackUsers_manager_who_comes_with_the_run_passes_the_field_brake(t *testing.T) {
	o := newOffice(t, 30)
	o.settles()
	for i := range 30 {
		o.change(i, func(p *access.KnownPerson) { p.Record.Manager = idOf(40) })
	}
	o.put(employee(40))
	run := o.ends()
	boss := string(o.of(40).ID)
	changed := 0
	for i := range 30 {
		if o.of(i).Values[access.UserFieldManager] == boss {
			changed++
		}
	}
	require.Zero(t, changed, "the manager of all users changed in one run, holds %v", holdsOf(run))
}

// The same past the brake `mapping`: "Updates of the first run after it are held until an administrator releases them".
func TestAttackUsers_manager_who_comes_with_the_run_passes_the_mapping_brake(t *testing.T) {
	o := newOffice(t, 5)
	o.settles()
	o.settings.Digest = "m2"
	o.change(3, func(p *access.KnownPerson) { p.Record.Manager = idOf(40) })
	o.put(employee(40))
	run := o.ends()
	require.Equal(t, []string{sync.BrakeMapping}, holdsOf(run))
	require.Equal(t, access.SyncHeld, o.rows(run)[idOf(3)].State, "an update of the first run after a changed mapping: %+v", o.rows(run)[idOf(3)])
}

// Holds are in the order missing, mapping, ...; a row's Held is the first. In a run in which `missing` holds everything, no row's Held is `mapping`, so
// EndSync accepts the new mapping, though nothing was applied and nobody has released it.
// A user loses: the brake `mapping`. The desk's listing is cut for one run; the next run writes what the changed configuration makes,
// without a human.
func TestAttackUsers_mapping_is_accepted_by_a_run_that_the_missing_brake_holds(t *testing.T) {
	o := newOffice(t, 30)
	// Without managers: that of others may be hidden, which is a change of theirs.
	o.maps(map[string]sync.Field{access.UserFieldName: {Value: "user_name"}, access.UserFieldEmail: {Value: "email"}, access.UserFieldDisplayName: {Value: "display_name"}})
	o.settles()
	o.settings.Digest = "m2"
	// Somebody whom the desk hides: the desk gives ids as eight rows at once come.
	hidden := 0
	for ; o.of(hidden).ID != "user-5"; hidden++ {
	}
	o.change(hidden, func(p *access.KnownPerson) { p.Record.DisplayName = "Other" })
	o.users.HideUsers(5)
	run := o.ends()
	require.Subset(t, holdsOf(run), []string{sync.BrakeMissing, sync.BrakeMapping})
	require.Zero(t, run.States[access.SyncApplied])
	o.users.HideUsers(0)
	next := o.ends()
	t.Logf("accepted by the held run: %q; holds of the next: %v", run.AcceptedMapping, holdsOf(next))
	require.NotEqual(t, "Other", o.of(hidden).Values[access.UserFieldDisplayName], "a changed mapping was applied and nobody released it")
}

// Missing counts the links of people who have left, too. Desks delete users who have been off for some time; nobody recreates them, and nothing ever removes
// the link. Once they are more than missing_share, every row of every run is held, for good; a release does not mend it, since a leaver has no row.
// A user loses: the sync. No joiner gets a user and no leaver is switched off unless a human releases each single run.
func TestAttackUsers_leavers_whom_the_desk_deleted_hold_every_run_for_ever(t *testing.T) {
	o := newOffice(t, 30)
	o.settles()
	var gone []access.UserID
	for i := 25; i < 30; i++ {
		gone = append(gone, o.of(i).ID)
		o.leaves(i)
	}
	o.ends()
	for _, id := range gone {
		o.users.Remove(id)
	}
	o.put(employee(40))
	run := o.ends()
	o.now = run.EndedAt.Add(-time.Hour + time.Minute)
	_, err := o.run(workflows.UserSyncParams{By: "ada", Release: &access.PeopleRelease{Run: run.ID, Reason: "the desk deletes leavers"}})
	require.NoError(t, err)
	o.put(employee(41))
	next := o.ends()
	require.Empty(t, holdsOf(next), "held again after a release: %v; rows %v", next.Holds, next.States)
	require.Zero(t, next.States[access.SyncHeld])
}
