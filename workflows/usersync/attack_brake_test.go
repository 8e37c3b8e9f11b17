package usersync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/workflows"
)

// Twelve leavers whose users somebody switched off by hand are still in groups, so the run has a row for each that takes them out. No such row switches
// anybody off, so the brake `deactivations` counts none; and because each row is called a deactivation, the brake `hand_over` counts none either. So a wrong
// source moves what a thousand of them own, with no hold and no ticket.
func TestAttackBrake_off_but_still_in_groups(t *testing.T) {
	o := officeOfOwners(t)
	o.groups()
	var who []int
	for i := 12; i < 24; i++ {
		o.owns(i, assets, fmt.Sprint("a", i))
		who = append(who, i)
	}
	o.works("X", who...)
	o.fills()
	for _, i := range who {
		o.switchesOff(i)
	}
	o.leaves(who...)
	run := o.ends()
	t.Logf("leavers %d, switched off %d, holds %v", run.Counts.Leavers, run.Counts.SwitchedOff, holdsOf(run))
	o.stays(who)
	require.NotEmpty(t, run.Holds)
}

// A run that is scoped to one department holds what all leavers own. An administrator looks at the six of the department and releases that run. The release frees
// nobody: all the others are held by the runs over everybody.
func TestAttackBrake_release_of_a_scoped_run_frees_everybody(t *testing.T) {
	o, who := manyOff(t, 18)
	o.settings.Brakes.DeactivationsShare = 0.05
	others := who[6:]
	o.works("closed", who[:6]...)
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	scoped, err := o.run(workflows.UserSyncParams{By: "adm", Scope: access.SyncScope{Attribute: access.AttributeDepartment, Value: "closed"}})
	require.NoError(t, err)
	require.Equal(t, len(who), scoped.Counts.Leavers)
	require.True(t, scoped.HoldsHandOver())
	o.now = scoped.EndedAt
	_, err = o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: scoped.ID, Reason: "the department is closed", Brakes: []string{"hand_over"}}})
	require.NoError(t, err)
	o.stays(others)
}

// A run holds two sets of leavers: nine whom it would switch off (`deactivations`), and eight who were off before (`hand_over`). An administrator releases
// `hand_over` alone, of which the run names eight. From then on the nine count for nothing: when somebody switches them off by hand, because it was a source's
// mistake that is being looked into, or to be safe, the next run moves all they own.
func TestAttackBrake_release_frees_whom_another_brake_holds(t *testing.T) {
	o, off := manyOff(t, 8)
	var on []int
	for i := 20; i < 29; i++ {
		o.owns(i, assets, fmt.Sprint("a", i))
		on = append(on, i)
	}
	o.leaves(off...)
	o.leaves(on...)
	held := o.ends()
	require.Equal(t, len(off), held.Counts.Leavers)
	require.True(t, held.HoldsHandOver())
	require.Equal(t, len(on), held.States[access.SyncHeld])
	o.now = held.EndedAt
	released, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: held.ID, Reason: "the eight have left", Brakes: []string{"hand_over"}}})
	require.NoError(t, err)
	require.Equal(t, len(on), released.States[access.SyncHeld])
	o.moved(off)
	o.stays(on)
	for _, i := range on {
		o.switchesOff(i)
	}
	o.ends()
	o.stays(on)
}

// What a run over everybody holds, runs over a few people let pass: their own counts are small. Who starts one for each department, to repair groups or names, moves
// what all held leavers own, and nobody has released it. For fields and groups such a run takes over what the last run over everybody holds.
func TestAttackBrake_scoped_runs_move_what_is_held(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	for dep := range 7 {
		_, err := o.run(workflows.UserSyncParams{By: "adm", Scope: access.SyncScope{Attribute: access.AttributeDepartment, Value: fmt.Sprint("dep-", dep)}})
		require.NoError(t, err)
	}
	o.stays(who)
}

// hands plays the rest of a run that is planned: what leavers own, and the end.
func (o *office) hands(run access.SyncRun) access.SyncRun {
	o.t.Helper()
	plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
	for h := (access.HandOver{}); !h.Done; {
		require.NoError(o.t, o.activity("HandOver", plan, &h))
	}
	return o.closesRun(run)
}

func (o *office) closesRun(run access.SyncRun) (ended access.SyncRun) {
	o.t.Helper()
	require.NoError(o.t, o.activity("EndSync", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &ended))
	return ended
}

// The day on which `hand_over` is added to `modes`, workers are started again one by one. A worker of before plans: the mode is off, so it counts no leaver and
// holds nothing. A new worker hands over, in the same run: everything of all who have left in the last 30 days moves, on the one day on which the brake matters most.
// The same holds for a longer `within`: neither is part of the digest by which a run knows that its configuration has changed.
func TestAttackBrake_configuration_changes_after_the_plan(t *testing.T) {
	for name, c := range map[string]struct{ before, after func(*office) }{
		"the mode is switched on": {
			func(o *office) { o.settings.Modes[access.UserHandOver] = false },
			func(o *office) { o.settings.Modes[access.UserHandOver] = true },
		},
		"within is longer": {
			func(o *office) { o.within(time.Hour) },
			func(o *office) { o.within(30 * 24 * time.Hour) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, who := manyOff(t, 12)
			o.leaves(who...)
			o.written()
			o.now = o.now.Add(24 * time.Hour)
			c.before(o)
			run := o.planned("mixed")
			require.Empty(t, run.Holds)
			c.after(o)
			o.hands(run)
			o.stays(who)
		})
	}
}

func (o *office) within(d time.Duration) {
	h := *o.settings.HandOver
	h.Within = d
	o.settings.HandOver = &h
}

// The other way round: workers without the mode plan and observe, and only the last step of the run goes to a new one. It takes the run for one that nothing
// held, though nobody was counted. The next run moves what all leavers own, and no brake has ever looked at them.
func TestAttackBrake_mode_is_switched_on_before_the_end(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	o.settings.Modes[access.UserHandOver] = false
	run := o.planned("mixed")
	var h access.HandOver
	require.NoError(t, o.activity("HandOver", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &h))
	require.True(t, h.Done)
	o.settings.Modes[access.UserHandOver] = true
	o.closesRun(run)
	o.stays(who)
	next := o.ends()
	require.True(t, next.HoldsHandOver(), "the first run that hands over counts everybody: %+v", next.Counts)
	o.stays(who)
}

// Until when leavers are accepted is kept by the desk alone, and not by the source. When the desk follows another source, whose leavers of the last weeks
// nobody has ever counted, they all count as accepted if that source said so before the last run: what they own moves at once, without a hold.
func TestAttackBrake_another_source(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	o.snapshot()
	// Until now the desk follows a source that still has them.
	const before = access.SourceName("before")
	o.now = o.now.Add(24 * time.Hour)
	people := access.PeopleRun{Source: before, ID: "people-before", Plan: "people-before", BeganAt: o.now}
	require.NoError(t, o.ledger.BeginPeopleRun(t.Context(), access.PeopleRun{Source: before, ID: people.ID, BeganAt: people.BeganAt}))
	require.NoError(t, o.ledger.SavePeopleRun(t.Context(), people))
	people.EndedAt = people.BeganAt
	require.NoError(t, o.ledger.SavePeopleRun(t.Context(), people))
	o.settings.Source, o.settings.Digest = before, "m0"
	require.False(t, o.ends().HoldsHandOver())
	o.stays(who)
	o.settings.Source, o.settings.Digest = hr, "m1"
	run := o.ends()
	t.Logf("leavers %d, holds %v", run.Counts.Leavers, holdsOf(run))
	o.stays(who)
}

// Somebody begins carefully, with `within: 1h`, sees that a leaver's things arrive, and writes `within: 30d`. The twelve who left in between were never
// counted, since no run looked at them; the next run moves what they own, without a hold.
func TestAttackBrake_longer_within(t *testing.T) {
	o, who := manyOff(t, 12)
	o.within(time.Hour)
	o.leaves(who...)
	o.written()
	o.now = o.now.Add(24 * time.Hour)
	require.Zero(t, o.ends().Counts.Leavers)
	o.stays(who)
	o.within(30 * 24 * time.Hour)
	o.ends()
	o.stays(who)
}

// While the desk lacks a kind, or usher a right, nothing is handed over for weeks, three leavers a run, and each run counts them as accepted all the same. On the
// day on which the right is given, what all of them own moves at once. While the mode is off, it is otherwise: then all are counted when it is switched on.
func TestAttackBrake_kinds_are_mended(t *testing.T) {
	o, who := manyOff(t, 12)
	for n := 0; n < len(who); n += 3 {
		o.leaves(who[n : n+3]...)
		o.users.FailNext(memory.OpOwnedKinds, access.Errorf(access.Invalid, memory.OpOwnedKinds, "usher's account needs ASSIGN_ISSUES"))
		require.NotEmpty(t, o.handOverOf(o.ends()).Problems)
	}
	o.stays(who)
	run := o.ends()
	t.Logf("leavers %d, holds %v", run.Counts.Leavers, holdsOf(run))
	o.stays(who)
}
