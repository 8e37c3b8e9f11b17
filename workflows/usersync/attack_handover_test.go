package usersync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	sync "usher/internal/usersync"
	"usher/workflows"
)

// The user to whom the manager's link leads is another person's by the desk: a wrong link. A leaver with such a link is left alone, and a taker must be.
func TestAttackHandOver_taker_with_a_wrong_link(t *testing.T) {
	for name, whose := range map[string]access.PersonID{"a stranger": "stranger", "another who left": idOf(13), "the leaver": idOf(12)} {
		t.Run(name, func(t *testing.T) {
			o := officeOfOwners(t)
			o.owns(12, assets, "a1")
			o.leaves(12)
			if whose == idOf(13) {
				o.leaves(13)
			}
			wrong := o.of(1)
			wrong.Person = whose
			o.users.Put(wrong)
			run := o.ends()
			t.Logf("row of the manager: %+v", o.rows(run)[idOf(1)])
			require.NotEqual(t, wrong.ID, o.users.OwnerOf(assets, "a1"), "the user of %s has it: %+v", whose, o.handOverOf(run))
		})
	}
}

// `missing` holds everything: the listing cannot be trusted, and nothing at all is applied.
func TestAttackHandOver_while_missing_holds_everything(t *testing.T) {
	o := officeOfOwners(t)
	o.leaves(12)
	o.ends()
	o.owns(12, tickets, "t1")
	o.users.HideUsers(3)
	run := o.ends()
	require.Contains(t, holdsOf(run), sync.BrakeMissing)
	require.Equal(t, idOf(12), o.owner(tickets, "t1"), "%+v", o.handOverOf(run))
}

// died is a run that an attempt left behind with something pending: what 12 owns, for 1.
func (o *office) died() access.SyncRun {
	o.t.Helper()
	o.leaves(12)
	delete(o.settings.Modes, access.UserHandOver)
	o.ends()
	o.settings.Modes[access.UserHandOver] = true
	run := o.planned("dies")
	o.settings.Modes[access.UserHandOver] = true
	require.NoError(o.t, o.ledger.ClaimSyncRun(o.t.Context(), run, "first"))
	h := access.HandOver{Leavers: 1, After: idOf(11), Pending: &access.PendingHandOver{
		Person: idOf(12), Taker: idOf(1), To: o.of(1).ID, Of: 2, Records: []access.Owned{{Kind: assets, ID: "a1"}, {Kind: tickets, ID: "t1"}},
	}}
	require.NoError(o.t, o.ledger.SaveHandOver(o.t.Context(), run, "first", h))
	return run
}

// Where all holds that held then, it is gone on with.
func TestAttackHandOver_pending_goes_on(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1")
	o.owns(12, tickets, "t1")
	run := o.died()
	var h access.HandOver
	require.NoError(t, o.activity("HandOver", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &h))
	require.Equal(t, o.of(1).ID, o.users.OwnerOf(assets, "a1"))
	require.Empty(t, o.eventsOf(access.DeskOwnedHandOver), "nothing is announced again")
}

// What an attempt that died has begun is gone on with only as far as everything still holds that held then.
func TestAttackHandOver_pending(t *testing.T) {
	for name, change := range map[string]func(*office){
		"the mode was taken away":        func(o *office) { delete(o.settings.Modes, access.UserHandOver) },
		"the taker has left":             func(o *office) { o.leaves(1); o.snapshot() },
		"the taker is protected":         func(o *office) { o.protects("svc-*", string(o.of(1).ID)) },
		"the taker is another's by now":  func(o *office) { u := o.of(1); u.Person = "stranger"; o.users.Put(u) },
		"the kinds are not there":        func(o *office) { o.settings.HandOver.Kinds = []string{"cars"} },
		"less is handed over by a human": func(o *office) { o.settings.HandOver.Most = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			o := officeOfOwners(t)
			o.owns(12, assets, "a1")
			o.owns(12, tickets, "t1")
			run := o.died()
			taker := o.of(1).ID
			change(o)
			var h access.HandOver
			require.NoError(t, o.activity("HandOver", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &h))
			require.NotEqual(t, taker, o.users.OwnerOf(assets, "a1"), "%+v", h)
		})
	}
}

// An attempt that was given up writes nothing any more once another one has the run: rows are applied so.
func TestAttackHandOver_late_attempt(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1", "a2", "a3")
	o.leaves(12)
	delete(o.settings.Modes, access.UserHandOver)
	o.ends()
	o.settings.Modes[access.UserHandOver] = true
	run := o.planned("late")
	o.before(func(one access.Owned) {
		if one.ID == "a1" {
			require.NoError(t, o.ledger.ClaimSyncRun(t.Context(), run, "another"))
		}
	})
	var h access.HandOver
	err := o.activity("HandOver", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &h)
	t.Logf("error: %v", err)
	require.Error(t, err)
	require.Equal(t, idOf(12), o.owner(assets, "a3"))
	require.Equal(t, 1, o.users.Calls(memory.OpHandOver))
}

// What a dry run says would be handed over is what a run hands over.
func TestAttackHandOver_dry_run_is_true(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1")
	o.leaves(12)
	delete(o.settings.Modes, access.UserDeactivate)
	dry, err := o.run(workflows.UserSyncParams{Dry: true})
	require.NoError(t, err)
	would := o.handOverOf(dry).Kinds[assets].Observed
	did := o.handOverOf(o.ends()).Kinds[assets].HandedOver
	require.Equal(t, did, would)
}

// Who comes back keeps two of three, and the audit trail has to have that number.
func TestAttackHandOver_back_is_counted(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1", "a2", "a3")
	o.leaves(12)
	o.before(func(access.Owned) {
		o.change(12, func(p *access.KnownPerson) { p.State = access.PersonPresent })
		o.snapshot()
	})
	h := o.handOverOf(o.ends())
	refused := o.eventsOf(access.DeskOwnedRefused)
	require.Len(t, refused, 1)
	t.Log(refused[0].Text, h.Problems)
	require.Contains(t, h.Problems[0], "2 of 3 records were not handed over")
	require.Contains(t, refused[0].Text, "2 records")
}

// A worker whose configuration is another one than that of the plan protects other users: rows are refused to it, and so must be this.
func TestAttackHandOver_other_configuration(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1")
	o.leaves(12)
	delete(o.settings.Modes, access.UserHandOver)
	o.ends()
	o.settings.Modes[access.UserHandOver] = true
	run := o.planned("other")
	o.settings.Digest, o.settings.Source = "another mapping", "another-source"
	o.settings.HandOver.Fallback = idOf(5)
	var h access.HandOver
	err := o.activity("HandOver", activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}, &h)
	t.Logf("error: %v, %+v", err, h)
	require.Equal(t, idOf(12), o.owner(assets, "a1"))
}

// Rows are not applied by a worker that protects a group without which the users were listed; nothing is handed over by it either.
func TestAttackHandOver_unlisted_group(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1")
	o.leaves(12)
	delete(o.settings.Modes, access.UserHandOver)
	o.ends()
	o.settings.Modes[access.UserHandOver] = true
	run := o.planned("unlisted")
	// This worker protects a group without which the users were listed, and its port does not show it either.
	o.settings.Guard = o.settings.Guard.WithGroups([]string{robots})
	plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
	var applied activities.ApplyUsersResult
	require.ErrorContains(t, o.activity("ApplyUsers", plan, &applied), "protected_groups")
	var h access.HandOver
	err := o.activity("HandOver", plan, &h)
	t.Logf("error: %v, %+v", err, h)
	require.Equal(t, idOf(12), o.owner(assets, "a1"))
}
