package usersync_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"golang.org/x/time/rate"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	sync "usher/internal/usersync"
	"usher/workflows"
)

// slowKinds is a desk that needs its time to say which kinds it has: on Jira that is one or two calls for each project, at the rate of the desk.
type slowKinds struct {
	*memory.Users
	takes time.Duration
}

func (s slowKinds) OwnedKinds(ctx context.Context) ([]access.OwnedKind, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(s.takes):
	}
	return s.Users.OwnedKinds(ctx)
}

// nobodysLedger is a ledger without people.
type nobodysLedger struct{ activities.SyncLedger }

func (nobodysLedger) SyncRun(context.Context, access.DeskName, string) (access.SyncRun, error) {
	return access.SyncRun{Desk: it, ID: "slow"}, nil
}

func (nobodysLedger) ClaimSyncRun(context.Context, access.SyncRun, string) error { return nil }

func (nobodysLedger) KnownPeople(context.Context, access.SourceName, access.PersonID, int) ([]access.KnownPerson, error) {
	return nil, nil
}

func (nobodysLedger) SaveHandOver(context.Context, access.SyncRun, string, access.HandOver, ...access.DeskEvent) error {
	return nil
}

// An attempt goes on for a minute, and that minute begins before the kinds are looked up. Where that alone takes longer (31 projects with types at `rate: 1`, or a
// slow Jira), no attempt ever comes to a leaver: the run calls the activity again and again, for 48 hours, and no other run over the desk begins meanwhile. Nobody is
// created, moved or switched off any more.
func TestAttackOwned_slow_kinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		users := memory.NewUsers()
		guard, err := sync.NewGuard(nil, "")
		require.NoError(t, err)
		settings := activities.SyncSettings{Guard: guard, HandOver: &activities.HandOverSettings{Kinds: []string{assets}, Within: time.Hour, Most: 1}}
		a := &activities.DeskUsers{Port: users, Belongings: slowKinds{users, 61 * time.Second}, Ledger: nobodysLedger{}, Settings: settings, Writes: rate.NewLimiter(rate.Inf, 1)}
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		env.RegisterActivity(a)
		var h access.HandOver
		for range 3 {
			value, err := env.ExecuteActivity("HandOver", activities.SyncInput{Desk: it, Run: "slow"})
			require.NoError(t, err)
			require.NoError(t, value.Get(&h))
		}
		require.True(t, h.Done, "three attempts come nowhere, though nobody has left: %+v", h)
	})
}

// An attempt dies after it has told the audit trail what it hands to the manager, and the person comes back before the next one. Nothing is handed over, which is
// right. But nobody records it: the audit trail says for ever that the manager has got the records, the run counts none as kept, and it ends with something pending.
func TestAttackOwned_back_after_an_attempt_died(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1")
	o.owns(12, tickets, "t1")
	run := o.died()
	o.change(12, func(p *access.KnownPerson) { p.State = access.PersonPresent })
	o.snapshot()
	var h access.HandOver
	require.NoError(t, o.activity("HandOver", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &h))
	require.True(t, h.Done)
	require.Equal(t, idOf(12), o.owner(assets, "a1"))
	require.Equal(t, 1, h.Kinds[assets].Kept, "%+v", h)
	require.Len(t, o.eventsOf(access.DeskOwnedRefused), 1)
	o.handOverOf(run)
}

// What a brake holds for 30 days is never handed over, and nobody is told: the leavers are too long gone to be looked for, so the hold is gone with them, and usher
// closes the ticket, with the words that nothing is held back. The ticket has said that they wait for a release.
func TestAttackOwned_hold_ends_by_itself(t *testing.T) {
	o, who := manyOff(t, 12)
	o.settings.TicketsOn = "helpdesk"
	o.leaves(who...)
	require.True(t, o.ends().HoldsHandOver())
	require.Len(t, o.handedIn, 1)
	o.now = o.now.Add(31 * 24 * time.Hour)
	run := o.ends()
	o.stays(who)
	require.Empty(t, o.closed, "holds %v, %+v", holdsOf(run), o.handOverOf(run))
}

// A dry run says what a run would do. It meets no brake on what leavers own: it says that everything of twelve leavers would be handed over, and the run holds all of it.
func TestAttackOwned_dry_run_meets_no_brake(t *testing.T) {
	o, who := manyOff(t, 12)
	o.leaves(who...)
	dry, err := o.run(workflows.UserSyncParams{Dry: true})
	require.NoError(t, err)
	would := o.handOverOf(dry).Kinds[assets].Observed
	run := o.ends()
	require.Equal(t, o.handOverOf(run).Kinds[assets].HandedOver, would)
	require.Equal(t, holdsOf(run), holdsOf(dry))
}

// The desk refuses to switch leavers off, for weeks: their rows fail, nothing of theirs is handed over, and each run counts them as accepted all the same, until
// they are so many that they are held. Then somebody switches all twelve off by hand. The next run counts the last six, whom a run held, and moves what all
// twelve own: at once nearly twice as many as the brake allows.
func TestAttackBrake_deactivations_that_failed(t *testing.T) {
	o := officeOfOwners(t)
	o.settings.Brakes.DeactivationsShare = 0.25
	refused := make([]error, 50)
	for n := range refused {
		refused[n] = access.Errorf(access.Invalid, memory.OpSetUserActive, "a directory owns the user")
	}
	var who []int
	var held access.SyncRun
	for first := 12; first < 24; first += 3 {
		for i := first; i < first+3; i++ {
			o.owns(i, assets, fmt.Sprint("a", i))
			o.leaves(i)
			who = append(who, i)
		}
		o.users.FailNext(memory.OpSetUserActive, refused...)
		held = o.ends()
		o.users.FailNoMore()
	}
	require.Equal(t, len(who), held.States[access.SyncHeld])
	o.stays(who)
	for _, i := range who {
		o.switchesOff(i)
	}
	run := o.ends()
	t.Logf("leavers %d, holds %v", run.Counts.Leavers, holdsOf(run))
	o.stays(who)
}
