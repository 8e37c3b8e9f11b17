package usersync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
)

// become applies a run over people that has some of them in another state. As a real one, it makes leavers of those who were present, and records everybody else.
func (o *office) become(state access.PersonState, is ...int) {
	o.t.Helper()
	o.written()
	o.runs++
	run := access.PeopleRun{Source: hr, ID: fmt.Sprint("people-", o.runs), BeganAt: o.now.Add(time.Minute)}
	require.NoError(o.t, o.ledger.BeginPeopleRun(o.t.Context(), run))
	run.Plan = run.ID
	require.NoError(o.t, o.ledger.SavePeopleRun(o.t.Context(), run))
	var changes []access.PersonChange
	for _, i := range is {
		p := o.people[idOf(i)]
		class := access.ClassRecorded
		if p.State == access.PersonPresent {
			class = access.ClassLeaver
		}
		p.State = state
		o.people[idOf(i)] = p
		changes = append(changes, access.PersonChange{Person: idOf(i), Class: class, After: p})
	}
	require.NoError(o.t, o.ledger.ApplyPeople(o.t.Context(), run, changes))
	run.EndedAt = run.BeganAt
	require.NoError(o.t, o.ledger.SavePeopleRun(o.t.Context(), run))
}

// Twelve people are away for a while, a few more each day, and are expected again: their users are switched off, and their things stay theirs. Then the source says of all of them at
// once that they have left, by mistake or because a plant does not open again. They count by the day on which they went away, so the brake takes them for leavers of long
// ago: it counts none, and what all of them own moves. The run over people does not brake it either, for somebody who is expected is no leaver there.
func TestAttackBrake_expected_people_leave(t *testing.T) {
	o := officeOfOwners(t)
	var who []int
	for first := 12; first < 24; first += 3 {
		for i := first; i < first+3; i++ {
			o.owns(i, assets, fmt.Sprint("a", i))
			who = append(who, i)
		}
		o.become(access.PersonExpected, first, first+1, first+2)
		require.Empty(t, o.ends().Holds)
	}
	o.stays(who)
	o.become(access.PersonLeft, who...)
	run := o.ends()
	t.Logf("leavers %d, holds %v", run.Counts.Leavers, holdsOf(run))
	o.stays(who)
}

// The audit trail has what an attempt is about to hand over. Where the next attempt does not go on with it, the records that stay, or that somebody else gets, are to be
// recorded as well: else the trail has two takers of one record, or one who never got it. Whoever looks for a lost laptop asks the wrong person.
func TestAttackOwned_what_was_announced(t *testing.T) {
	for name, change := range map[string]func(*office){
		"the person is back": func(o *office) {
			o.change(12, func(p *access.KnownPerson) { p.State = access.PersonPresent })
			o.snapshot()
		},
		"the taker has left":       func(o *office) { o.leaves(1); o.snapshot() },
		"the mode was taken away":  func(o *office) { o.settings.Modes[access.UserHandOver] = false },
		"the user is on again":     func(o *office) { u := o.of(12); u.Active = true; o.users.Put(u) },
		"the user is protected":    func(o *office) { o.protects("svc-*", string(o.of(12).ID)) },
		"the kinds are other ones": func(o *office) { h := *o.settings.HandOver; h.Kinds = []string{tickets}; o.settings.HandOver = &h },
	} {
		t.Run(name, func(t *testing.T) {
			o := officeOfOwners(t)
			o.owns(12, assets, "a1", "a2")
			o.leaves(12)
			o.settings.Modes[access.UserHandOver] = false
			o.ends()
			o.settings.Modes[access.UserHandOver] = true
			run := o.planned("dies")
			d := &dying{Users: o.users}
			// It dies once the trail has what is about to be handed over: two listings, and the record of the intent.
			d.at = 6
			o.wraps = func(a *activities.DeskUsers) { a.Port, a.Belongings, a.Ledger = d, d, dyingLedger{o.ledger, d} }
			plan := activities.SyncInput{Desk: it, Run: run.ID, Plan: run.Plan}
			var h access.HandOver
			require.Error(t, o.activity("HandOver", plan, &h))
			said := o.eventsOf(access.DeskOwnedHandOver)
			require.Len(t, said, 1)
			require.Zero(t, o.users.Calls("HandOver"))
			change(o)
			require.NoError(t, o.activity("HandOver", plan, &h))
			require.True(t, h.Done)
			require.NotEqual(t, o.of(1).ID, o.users.OwnerOf(assets, "a1"))
			require.NotEmpty(t, o.eventsOf(access.DeskOwnedRefused), "the trail still says: %s", said[0].Text)
		})
	}
}
