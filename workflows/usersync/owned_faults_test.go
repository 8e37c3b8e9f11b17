package usersync_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"usher/activities"
	"usher/internal/access"
	"usher/internal/connectors/memory"
	"usher/internal/ledger"
	"usher/workflows"
)

// between is a desk on which something happens before each hand-over.
type between struct {
	*memory.Users
	before func(access.Owned)
}

func (b between) HandOver(ctx context.Context, o access.Owned, from, to access.DeskUser) error {
	b.before(o)
	return b.Users.HandOver(ctx, o, from, to)
}

func (o *office) before(do func(access.Owned)) {
	o.wraps = func(a *activities.DeskUsers) { a.Belongings = between{o.users, do} }
}

// What somebody else owns by the time stays theirs, and stops nothing else.
func TestHandOver_changed_meanwhile(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1", "a2", "a3")
	o.leaves(12)
	o.before(func(one access.Owned) {
		if one.ID == "a2" {
			o.owns(14, assets, "a2")
		}
	})
	h := o.handOverOf(o.ends())
	require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 2, Changed: 1}}, h.Kinds)
	require.Equal(t, idOf(14), o.owner(assets, "a2"))
	require.Equal(t, idOf(1), o.owner(assets, "a3"))
	require.Len(t, o.eventsOf(access.DeskOwnedRefused), 1)
}

// Who comes back while things are handed over keeps the rest.
func TestHandOver_back_meanwhile(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1", "a2", "a3")
	o.leaves(12)
	o.before(func(access.Owned) {
		o.change(12, func(p *access.KnownPerson) { p.State = access.PersonPresent })
		o.snapshot()
	})
	h := o.handOverOf(o.ends())
	require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 1, Kept: 2}}, h.Kinds)
	require.Equal(t, idOf(12), o.owner(assets, "a2"))
}

// A record that the desk refuses, or for which it never answers, stops nothing else; a lost answer is asked for again, and a desk that is in a hurry
// is given time.
func TestHandOver_one_bad_record(t *testing.T) {
	lost := access.Errorf(access.Transient, memory.OpHandOver, "no answer")
	for name, c := range map[string]struct {
		fail    []error
		drop    bool
		refused int
	}{
		"refused":        {fail: []error{access.Errorf(access.Invalid, memory.OpHandOver, "a rule of the desk")}, refused: 1},
		"forbidden":      {fail: []error{access.Errorf(access.Forbidden, memory.OpHandOver, "not this one")}, refused: 1},
		"no answer":      {fail: []error{lost, lost, lost}, refused: 1},
		"one lost":       {fail: []error{lost}},
		"answer is lost": {drop: true},
		"rate limited":   {fail: []error{access.Errorf(access.RateLimited, memory.OpHandOver, "too fast"), access.Errorf(access.RateLimited, memory.OpHandOver, "too fast")}},
	} {
		t.Run(name, func(t *testing.T) {
			o := officeOfOwners(t)
			o.owns(12, assets, "a1", "a2", "a3")
			o.leaves(12)
			o.users.FailNext(memory.OpHandOver, c.fail...)
			if c.drop {
				o.users.DropAnswerNext(memory.OpHandOver)
			}
			h := o.handOverOf(o.ends())
			require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 3 - c.refused, Refused: c.refused}}, h.Kinds)
			require.Len(t, o.eventsOf(access.DeskOwnedRefused), c.refused)
			o.ends()
			for _, id := range []string{"a1", "a2", "a3"} {
				require.Equal(t, idOf(1), o.owner(assets, id))
			}
		})
	}
}

// A kind that the desk does not have stops neither the others nor the run.
func TestHandOver_kinds(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1")
	o.leaves(12)
	o.users.FailNext(memory.OpOwnedKinds, access.Errorf(access.Invalid, memory.OpOwnedKinds, "cars: no such table"))
	run := o.ends()
	require.False(t, o.of(12).Active)
	require.Contains(t, o.handOverOf(run).Problems[0], "cars: no such table")
	o.settings.HandOver.Kinds = []string{"cars", assets}
	require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 1}}, o.handOverOf(o.ends()).Kinds)
}

// dying is a desk and a ledger that an attempt loses at one call, before or after the call did its work.
type dying struct {
	*memory.Users
	calls   int
	at      int
	dead    bool
	reached bool
}

// call does work, and dies where it has to: nothing that follows in the attempt reaches anybody.
func (d *dying) call(work func() error) error {
	died := access.Errorf(access.Transient, "die", "the worker is gone")
	if d.dead {
		return died
	}
	d.calls++
	if d.calls == d.at {
		d.dead, d.reached = true, true
		return died
	}
	err := work()
	d.calls++
	if d.calls == d.at {
		d.dead, d.reached = true, true
		return died
	}
	return err
}

func (d *dying) HandOver(ctx context.Context, o access.Owned, from, to access.DeskUser) error {
	return d.call(func() error { return d.Users.HandOver(ctx, o, from, to) })
}

func (d *dying) ListOwned(ctx context.Context, q access.OwnedQuery) (page []access.Owned, err error) {
	err = d.call(func() error {
		page, err = d.Users.ListOwned(ctx, q)
		return err
	})
	return page, err
}

func (d *dying) UserSchema(ctx context.Context) (access.UserSchema, error) {
	if d.dead {
		return access.UserSchema{}, access.Errorf(access.Transient, "die", "the worker is gone")
	}
	return d.Users.UserSchema(ctx)
}

// dyingLedger is the ledger of dying.
type dyingLedger struct {
	*ledger.Store
	d *dying
}

// ClaimSyncRun begins a new attempt.
func (l dyingLedger) ClaimSyncRun(ctx context.Context, run access.SyncRun, attempt string) error {
	l.d.dead = false
	return l.Store.ClaimSyncRun(ctx, run, attempt)
}

func (l dyingLedger) SaveHandOver(ctx context.Context, run access.SyncRun, attempt string, h access.HandOver, events ...access.DeskEvent) error {
	return l.d.call(func() error { return l.Store.SaveHandOver(ctx, run, attempt, h, events...) })
}

// Wherever an attempt dies, everything is handed over once, counted once, and told once.
func TestHandOver_dies_anywhere(t *testing.T) {
	reached := 0
	for at := 1; ; at++ {
		ended := false
		t.Run(fmt.Sprint("at call ", at), func(t *testing.T) {
			o := officeOfOwners(t)
			o.owns(12, assets, "a1", "a2")
			o.owns(12, tickets, "t1")
			o.owns(25, tickets, "t2")
			o.leaves(12, 25)
			d := &dying{Users: o.users, at: at}
			o.wraps = func(a *activities.DeskUsers) { a.Port, a.Belongings, a.Ledger = d, d, dyingLedger{o.ledger, d} }
			h := o.handOverOf(o.ends())
			require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 2}, tickets: {HandedOver: 2}}, h.Kinds)
			require.Equal(t, 2, h.Leavers)
			require.Empty(t, h.Problems)
			for _, id := range []string{"a1", "a2"} {
				require.Equal(t, idOf(1), o.owner(assets, id))
			}
			require.Equal(t, idOf(2), o.owner(tickets, "t2"))
			require.Len(t, o.eventsOf(access.DeskOwnedHandOver), 3)
			require.Empty(t, o.eventsOf(access.DeskOwnedRefused))
			ended = !d.reached
		})
		if ended || t.Failed() {
			break
		}
		reached++
	}
	require.Greater(t, reached, 20, "calls at which an attempt died")
}

// A run that fails keeps what it has handed over.
func TestHandOver_failed_run(t *testing.T) {
	o := officeOfOwners(t)
	o.owns(12, assets, "a1")
	o.owns(25, assets, "b1")
	o.leaves(12, 25)
	away := access.Errorf(access.RateLimited, memory.OpHandOver, "the desk is away")
	fails := []error{nil}
	for range 500 {
		fails = append(fails, away)
	}
	o.users.FailNext(memory.OpHandOver, fails...)
	o.longest = 5 * time.Minute
	_, err := o.run(workflows.UserSyncParams{})
	require.Error(t, err)
	runs, err := o.ledger.SyncRuns(t.Context(), it, time.Time{}, 1)
	require.NoError(t, err)
	require.NotEmpty(t, runs[0].Problem)
	require.Equal(t, map[string]access.OwnedCounts{assets: {HandedOver: 1}}, runs[0].HandOver.Kinds)
	o.users.FailNoMore()
	o.ends()
	require.Equal(t, idOf(2), o.owner(assets, "b1"))
}
