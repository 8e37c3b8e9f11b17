package usersync_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/workflows"
)

// manyOff is an office in which people have left whose users somebody had switched off before, so that no brake on deactivations counts them.
func manyOff(t *testing.T, n int) (*office, []int) {
	o := officeOfOwners(t)
	var who []int
	for i := 12; i < 12+n; i++ {
		o.owns(i, assets, fmt.Sprint("a", i))
		o.switchesOff(i)
		who = append(who, i)
	}
	return o, who
}

// stays requires that everybody has what was theirs.
func (o *office) stays(who []int) {
	o.t.Helper()
	for _, i := range who {
		require.Equal(o.t, o.of(i).ID, o.users.OwnerOf(assets, fmt.Sprint("a", i)))
	}
}

// moved requires that nobody has.
func (o *office) moved(who []int) {
	o.t.Helper()
	for _, i := range who {
		require.NotEqual(o.t, o.of(i).ID, o.users.OwnerOf(assets, fmt.Sprint("a", i)))
	}
}

func TestHandOver_brake_holds_many_leavers(t *testing.T) {
	o, who := manyOff(t, 12)
	o.settings.TicketsOn = "helpdesk"
	o.leaves(who...)
	held := o.ends()
	require.Equal(t, 12, held.Counts.Leavers)
	require.Zero(t, held.Counts.SwitchedOff)
	require.True(t, held.HoldsHandOver())
	o.stays(who)
	require.Contains(t, o.details, "**hand\\_over:** what 12 leavers own would be handed over at once")
	require.Len(t, o.handedIn, 1)
	require.Contains(t, o.handedIn[0].Description, string(idOf(12)))

	// The next run holds them as well, and one for some of them, or a dry one, makes nothing accepted.
	for _, p := range []workflows.UserSyncParams{{}, {Dry: true}, {Scope: access.SyncScope{Attribute: access.AttributeDepartment, Value: "dep-5"}}} {
		_, err := o.run(p)
		require.NoError(t, err)
		o.stays(who)
	}
	last := o.ends()
	require.True(t, last.HoldsHandOver())
	o.stays(who)

	// A release frees those whom the run has seen, and nobody who has left since.
	var later []int
	for i := 24; i < 27; i++ {
		later = append(later, i)
		o.owns(i, assets, fmt.Sprint("a", i))
		o.switchesOff(i)
	}
	o.settings.Brakes.Floor, o.settings.Brakes.DeactivationsCount = 0, 2
	o.leaves(later...)
	o.written()
	o.now = last.EndedAt
	released, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: last.ID, Reason: "a plant closes", Brakes: []string{"hand_over"}}})
	require.NoError(t, err)
	o.moved(who)
	o.stays(later)
	require.Equal(t, 3, released.Counts.Leavers)
	require.True(t, released.HoldsHandOver())
	require.Equal(t, map[string]int{"hand_over": 12}, o.eventsOf(access.DeskUsersRunReleases)[0].Held)

	// What somebody gets who was released is handed over by every run after.
	o.users.PutOwned(access.Owned{Kind: assets, ID: "a12"}, o.of(12).ID)
	o.ends()
	o.moved(who)
	o.stays(later)
}

func TestHandOver_brake_release_of_rows_frees_nothing(t *testing.T) {
	for name, release := range map[string]access.PeopleRelease{
		"some people":   {People: []access.PersonID{idOf(12)}},
		"another brake": {Brakes: []string{"deactivations"}},
	} {
		t.Run(name, func(t *testing.T) {
			o, who := manyOff(t, 12)
			o.leaves(who...)
			held := o.ends()
			o.now = held.EndedAt
			release.Run, release.Reason = held.ID, "they have left"
			_, err := o.run(workflows.UserSyncParams{By: "adm", Release: &release})
			require.NoError(t, err)
			o.stays(who)
		})
	}
}

// A few with each run are handed over, and are not counted again.
func TestHandOver_brake_lets_a_few_pass(t *testing.T) {
	o, who := manyOff(t, 12)
	for _, i := range who {
		o.leaves(i)
		run := o.ends()
		require.Equal(t, 1, run.Counts.Leavers)
		require.Empty(t, run.Holds)
		o.moved([]int{i})
	}
}

// Where the mode is off nothing is counted, so the first run with it counts all who have left.
func TestHandOver_brake_counts_all_when_it_is_switched_on(t *testing.T) {
	o, who := manyOff(t, 12)
	o.settings.Modes[access.UserHandOver] = false
	for _, i := range who {
		o.leaves(i)
		require.Empty(t, o.ends().Holds)
	}
	o.stays(who)
	o.settings.Modes[access.UserHandOver] = true
	require.True(t, o.ends().HoldsHandOver())
	o.stays(who)
}

// Whom a run would switch off counts for the brake on that alone. If it holds them, and somebody switches them off by hand, they count.
func TestHandOver_brake_leavers_whom_another_brake_holds(t *testing.T) {
	o := officeOfOwners(t)
	var who []int
	for i := 12; i < 24; i++ {
		o.owns(i, assets, fmt.Sprint("a", i))
		who = append(who, i)
	}
	o.leaves(who...)
	run := o.ends()
	require.Equal(t, 12, run.States[access.SyncHeld])
	require.Equal(t, 12, run.Held())
	require.False(t, run.HoldsHandOver())
	for _, i := range who {
		o.switchesOff(i)
	}
	run = o.ends()
	require.Zero(t, run.States[access.SyncHeld])
	require.True(t, run.HoldsHandOver())
	o.stays(who)
}

// Where usher may switch nobody off, others do: then whoever has left counts once they are off.
func TestHandOver_brake_without_deactivations(t *testing.T) {
	o := officeOfOwners(t)
	o.settings.Modes[access.UserDeactivate] = false
	var who []int
	for i := 12; i < 24; i++ {
		o.owns(i, assets, fmt.Sprint("a", i))
		who = append(who, i)
	}
	o.leaves(who...)
	require.False(t, o.ends().HoldsHandOver())
	for _, i := range who {
		o.switchesOff(i)
	}
	require.True(t, o.ends().HoldsHandOver())
	o.stays(who)
}

// leavingLate are the belongings of a desk from which people leave while the run is about to hand over.
type leavingLate struct {
	access.UserBelongings
	leave func()
}

func (l leavingLate) OwnedKinds(ctx context.Context) ([]access.OwnedKind, error) {
	l.leave()
	return l.UserBelongings.OwnedKinds(ctx)
}

// Whoever leaves after the plan was made is dealt with by the next run, whose brake counts them.
func TestHandOver_brake_leavers_after_the_plan(t *testing.T) {
	o, who := manyOff(t, 12)
	var once sync.Once
	o.wraps = func(a *activities.DeskUsers) {
		a.Belongings = leavingLate{a.Belongings, func() {
			once.Do(func() {
				o.leaves(who...)
				o.snapshot()
			})
		}}
	}
	require.Zero(t, o.ends().Counts.Leavers)
	o.stays(who)
	require.True(t, o.ends().HoldsHandOver())
	o.stays(who)
}

// Whom a run has counted that failed before it handed anything over is counted anew by the next.
func TestHandOver_brake_counts_anew_after_a_run_that_failed(t *testing.T) {
	o, who := manyOff(t, 12)
	few := who[:6]
	o.leaves(few...)
	o.written()
	o.planned("fails")
	require.NoError(t, o.records().FailSync(t.Context(), access.SyncRun{Desk: it, ID: "fails", BeganAt: o.now, Problem: "it was stopped"}))
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	o.stays(who)
}

// Whom a run has counted that failed is dealt with by no later run that does not count them.
func TestHandOver_brake_counted_for_one_run(t *testing.T) {
	o, who := manyOff(t, 6)
	o.leaves(who...)
	o.written()
	o.planned("fails")
	require.NoError(t, o.records().FailSync(t.Context(), access.SyncRun{Desk: it, ID: "fails", BeganAt: o.now, Problem: "it was stopped"}))
	o.now = o.now.Add(31 * 24 * time.Hour)
	require.Zero(t, o.ends().Counts.Leavers)
	o.stays(who)
}

// Who has passed, comes back and leaves again counts again.
func TestHandOver_brake_counts_who_leaves_again(t *testing.T) {
	o, who := manyOff(t, 12)
	for _, i := range who {
		o.leaves(i)
		o.ends()
	}
	o.moved(who)
	for _, i := range who {
		o.change(i, func(p *access.KnownPerson) { p.State = access.PersonPresent })
	}
	o.ends()
	for _, i := range who {
		o.owns(i, assets, fmt.Sprint("a", i))
		o.switchesOff(i)
	}
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	o.stays(who)
}

// Who has passed for some kinds counts again where there are others.
func TestHandOver_brake_counts_anew_for_other_kinds(t *testing.T) {
	o, who := manyOff(t, 12)
	for _, i := range who {
		o.owns(i, tickets, fmt.Sprint("t", i))
	}
	h := *o.settings.HandOver
	h.Kinds = []string{assets}
	o.settings.HandOver = &h
	for _, i := range who {
		o.leaves(i)
		o.ends()
	}
	o.moved(who)
	both := h
	both.Kinds = []string{tickets, assets}
	o.settings.HandOver = &both
	require.True(t, o.ends().HoldsHandOver())
	for _, i := range who {
		require.Equal(t, o.of(i).ID, o.users.OwnerOf(tickets, fmt.Sprint("t", i)))
	}
}

// A release frees whom the released run has held, and nobody whom a later run held first.
func TestHandOver_brake_release_of_an_older_run(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	held := o.ends()
	var later []int
	for i := 24; i < 27; i++ {
		later = append(later, i)
		o.owns(i, assets, fmt.Sprint("a", i))
		o.switchesOff(i)
	}
	o.leaves(later...)
	require.Equal(t, len(who)+len(later), o.ends().Counts.Leavers)
	o.settings.Brakes.Floor, o.settings.Brakes.DeactivationsCount = 0, 2
	_, err := o.run(workflows.UserSyncParams{By: "adm", Release: &access.PeopleRelease{Run: held.ID, Reason: "a plant closes"}})
	require.NoError(t, err)
	o.moved(who)
	o.stays(later)
}

// Where usher may switch nobody off, whom others switch off while a run goes on is for the next one, which counts them.
func TestHandOver_brake_switched_off_by_others_meanwhile(t *testing.T) {
	o := officeOfOwners(t)
	o.settings.Modes[access.UserDeactivate] = false
	var who []int
	for i := 12; i < 24; i++ {
		o.owns(i, assets, fmt.Sprint("a", i))
		who = append(who, i)
	}
	o.leaves(who...)
	var once sync.Once
	o.wraps = func(a *activities.DeskUsers) {
		a.Belongings = leavingLate{a.Belongings, func() {
			once.Do(func() {
				for _, i := range who {
					o.switchesOff(i)
				}
			})
		}}
	}
	require.False(t, o.ends().HoldsHandOver())
	o.stays(who)
	require.True(t, o.ends().HoldsHandOver())
	o.stays(who)
}
